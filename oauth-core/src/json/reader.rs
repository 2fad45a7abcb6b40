//! Reads what this crate has written, and what programs hand it, into types that derive how they are read.
//!
//! `serde_json` reads the same. But it is compiled anew into each of some sixty types, with the words of errors that
//! nobody is shown, because records are secret. Here the reader stands once, and an error says only where it is.

use alloc::borrow::Cow;
use alloc::string::String;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use self::items::{Items, Variant};
use self::skip::Quoted;

mod items;
mod skip;

pub(crate) use skip::{each_member, each_text};

/// Why a JSON text could not be read: nothing but where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the JSON text cannot be read from its byte {at} on")]
pub struct Unreadable {
    /// How many bytes were read without a fault. Where something is missing, that is behind it.
    pub at: usize,
}

/// Reads a JSON text.
///
/// A host whose program has to be small reads its own input with this, too: records and logins are read with it, so
/// that nothing of `serde_json`'s reader is compiled for it. What it does not read is `RawValue`, and an array in the
/// place of an object.
///
/// # Errors
///
/// [`Unreadable`]: it is no JSON, or not what the type asks for.
pub fn read_json<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Unreadable> {
    let mut reader = Reader::new(text);
    let read = T::deserialize(&mut reader);
    let read = read.and_then(|value| reader.ends().map(|()| value));
    read.map_err(|Wrong| Unreadable { at: reader.at })
}

/// Something is not as it should be; the reader stands there.
#[derive(Debug)]
struct Wrong;

type Done = Result<(), Wrong>;

impl core::fmt::Display for Wrong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("it cannot be read")
    }
}

impl core::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: core::fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What is read, and how far. None of its own functions knows a type, so none is compiled twice.
struct Reader<'de> {
    text: &'de str,
    at: usize,
    /// How much deeper it may go.
    depth: u8,
}

enum Number {
    Whole(u64),
    Negative(i64),
    Fraction(f64),
}

impl<'de> Reader<'de> {
    fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: MAX_DEPTH }
    }

    /// The next byte that is no white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        // Programs write none.
        match self.text.as_bytes().get(self.at) {
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => self.peek_behind_space(),
        }
    }

    #[cold]
    fn peek_behind_space(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += rest.iter().take_while(is_space).count();
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Done {
        if self.peek() != Some(byte) {
            return Err(Wrong);
        }
        self.at += 1;
        Ok(())
    }

    /// What stands between a name and its value.
    #[inline(never)]
    fn colon(&mut self) -> Done {
        self.take(b':')
    }

    #[inline(never)]
    fn word(&mut self, word: &str) -> Done {
        self.peek();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Wrong);
        }
        self.at += word.len();
        Ok(())
    }

    fn boolean(&mut self) -> Result<bool, Wrong> {
        if self.peek() == Some(b't') {
            return self.word("true").map(|()| true);
        }
        self.word("false").map(|()| false)
    }

    #[inline(never)]
    fn string(&mut self) -> Result<Cow<'de, str>, Wrong> {
        let Quoted { start, end, is_escaped } = self.quoted()?;
        if is_escaped {
            let quoted = self.text.get(start - 1..self.at).ok_or(Wrong)?;
            return serde_json::from_str::<String>(quoted).map(Cow::Owned).map_err(|_| Wrong);
        }
        self.text.get(start..end).map(Cow::Borrowed).ok_or(Wrong)
    }

    #[inline(never)]
    fn number(&mut self) -> Result<Number, Wrong> {
        self.peek();
        let rest = self.text.get(self.at..).ok_or(Wrong)?;
        let is_in_it = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let written = rest.get(..rest.bytes().take_while(is_in_it).count()).ok_or(Wrong)?;
        // By far the most of them.
        if let Ok(number) = written.parse()
            && !written.starts_with(['0', '+'])
        {
            self.at += written.len();
            return Ok(Number::Whole(number));
        }
        let number: serde_json::Number = written.parse().map_err(|_| Wrong)?;
        self.at += written.len();
        Ok(match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Number::Whole(number),
            (None, Some(number)) => Number::Negative(number),
            (None, None) => Number::Fraction(number.as_f64().ok_or(Wrong)?),
        })
    }

    #[inline(never)]
    fn open(&mut self, start: u8, end: u8) -> Result<Items<'_, 'de>, Wrong> {
        self.take(start)?;
        self.depth = self.depth.checked_sub(1).ok_or(Wrong)?;
        Ok(Items { reader: self, end, is_first: true })
    }

    #[inline(never)]
    fn close(&mut self, end: u8) -> Done {
        self.depth += 1;
        self.take(end)
    }

    fn ends(&mut self) -> Done {
        self.peek().map_or(Ok(()), |_| Err(Wrong))
    }
}

macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.number()? {
                Number::Whole(number) => visitor.visit_u64(number),
                Number::Negative(number) => visitor.visit_i64(number),
                Number::Fraction(number) => visitor.visit_f64(number),
            }
        })*
    };
}

macro_rules! like {
    ($($name:ident($($argument:ty),*) => $other:ident,)*) => {
        $(fn $name<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Wrong> {
            self.$other(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.peek() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'{') => self.deserialize_map(visitor),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            _ => self.deserialize_u64(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.boolean()?)
    }

    numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    /// A visitor of names looks at them only: one way to call it will do.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_str(&self.string()?)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.word("null")?;
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.peek() == Some(b'n') {
            self.word("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let value = visitor.visit_seq(self.open(b'[', b']')?)?;
        self.close(b']')?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let value = visitor.visit_map(self.open(b'{', b'}')?)?;
        self.close(b'}')?;
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if self.peek() != Some(b'{') {
            return visitor.visit_enum(Variant { reader: self, has_content: false });
        }
        self.open(b'{', b'}')?;
        let value = visitor.visit_enum(Variant { reader: self, has_content: true })?;
        self.close(b'}')?;
        Ok(value)
    }

    like! {
        deserialize_string() => deserialize_str,
        deserialize_char() => deserialize_str,
        deserialize_bytes() => deserialize_str,
        deserialize_byte_buf() => deserialize_str,
        deserialize_unit_struct(&'static str) => deserialize_unit,
        deserialize_tuple(usize) => deserialize_seq,
        deserialize_tuple_struct(&'static str, usize) => deserialize_seq,
        deserialize_struct(&'static str, &'static [&'static str]) => deserialize_map,
    }
}

/// As deep as `serde_json` goes.
const MAX_DEPTH: u8 = 127;

#[cfg(test)]
mod tests;
