//! A number that stands for all that is written in a value, at a small part of what writing it costs.

use core::fmt::Error;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The number of a value: two that differ have the same one by chance alone.
///
/// It resists nobody who looks for two such values, and is not the same on all machines.
pub(crate) fn digest(value: &impl Serialize) -> u64 {
    // Nothing would come of zeros after a zero.
    let mut digest = Digest(ODD);
    // Nothing of ours refuses to be written.
    let _ = value.serialize(&mut digest);
    digest.finish()
}

/// What was seen so far.
struct Digest(u64);

impl Digest {
    fn number(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(ODD);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.number(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last));
    }

    /// Each bit of what was seen changes half of these.
    fn finish(self) -> u64 {
        let mut mixed = self.0;
        for _ in 0..2 {
            mixed = (mixed ^ (mixed >> 32)).wrapping_mul(ODD);
        }
        mixed ^ (mixed >> 32)
    }
}

/// 2⁶⁴ divided by the golden ratio.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

type Done = Result<(), Error>;

macro_rules! numbers {
    ($($name:ident: $type:ty),*) => {
        $(fn $name(self, value: $type) -> Done {
            self.number(value as u64);
            Ok(())
        })*
    };
}

/// What begins with its length, and goes on.
macro_rules! begins {
    ($($name:ident($($argument:ident: $type:ty),*) $number:expr;)*) => {
        $(fn $name(self, $($argument: $type),*) -> Result<Self, Error> {
            self.number($number as u64);
            Ok(self)
        })*
    };
}

impl Serializer for &mut Digest {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_char: char
    );

    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Done {
        self.serialize_u64(value.to_bits())
    }

    fn serialize_str(self, value: &str) -> Done {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.bytes(value);
        Ok(())
    }

    fn serialize_none(self) -> Done {
        self.serialize_bool(false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.number(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, at: u32, _: &'static str) -> Done {
        self.serialize_u32(at)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        at: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.number(at.into());
        value.serialize(self)
    }

    begins!(
        serialize_seq(length: Option<usize>) length.unwrap_or(usize::MAX);
        serialize_tuple(length: usize) length;
        serialize_tuple_struct(_name: &'static str, length: usize) length;
        serialize_tuple_variant(_name: &'static str, at: u32, _variant: &'static str, _length: usize) at;
        serialize_map(length: Option<usize>) length.unwrap_or(usize::MAX);
        serialize_struct(_name: &'static str, length: usize) length;
        serialize_struct_variant(_name: &'static str, at: u32, _variant: &'static str, _length: usize) at;
    );
}

/// One after another. The end of a list without a length is a number, so that no two lists look like one.
macro_rules! parts {
    ($($compound:ident::$part:ident),*) => {
        $(impl $compound for &mut Digest {
            type Ok = ();
            type Error = Error;

            fn $part<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                self.number(END);
                Ok(())
            }
        })*
    };
}

parts!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// With their names: a member that is left out is not taken for the next one.
macro_rules! members {
    ($($compound:ident),*) => {
        $(impl $compound for &mut Digest {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
                self.bytes(name.as_bytes());
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                self.number(END);
                Ok(())
            }
        })*
    };
}

members!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for &mut Digest {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        self.number(END);
        Ok(())
    }
}

const END: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_are_written_differently_have_different_numbers() {
        let values = [
            json!(null),
            json!(1),
            json!(1.5),
            json!(""),
            json!("\0"),
            json!("a"),
            json!("12345678"),
            json!("123456789"),
            json!(["a", "b"]),
            json!(["ab"]),
            json!([["a"], "b"]),
            json!([["a", "b"]]),
            json!({"a": "b"}),
            json!({"b": "a"}),
            json!({"a": {"b": 1}, "c": 2}),
            json!({"a": {"b": 1, "c": 2}}),
        ];
        let numbers: BTreeSet<u64> = values.iter().map(digest).collect();
        assert_eq!(numbers.len(), values.len());
    }

    #[test]
    fn a_member_that_is_left_out_is_not_the_next_one() {
        #[derive(Serialize)]
        struct Members {
            #[serde(skip_serializing_if = "Option::is_none")]
            first: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            second: Option<u64>,
        }
        let one = Members { first: Some(7), second: None };
        let other = Members { first: None, second: Some(7) };
        assert_ne!(digest(&one), digest(&other));
    }

    #[test]
    fn upper_bits_are_spread_evenly() {
        let mut of_bits = BTreeMap::<u64, u32>::new();
        for number in 0..4096 {
            let text = number.to_string();
            *of_bits.entry(digest(&text) >> 60).or_default() += 1;
        }
        let counts: Vec<_> = of_bits.into_values().collect();
        assert!(
            counts.len() == 16 && counts.iter().all(|it| (150..400).contains(it)),
            "{counts:?}"
        );
    }
}
