//! Lists of texts: what is asked of them, without keeping them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json::{Member, Read, Text, read_json};

/// What is asked of a list of texts while it is read; the list itself is not kept.
pub(crate) trait Gather: Default {
    fn gather(&mut self, text: &str);
}

/// A list of texts, reduced to `T`.
pub(crate) struct List<T>(pub(crate) T);

impl<'a, T: Gather> Member<'a> for List<T> {
    /// One text counts as a list of it. What is no text in a list is left out.
    fn read(json: &'a str) -> Option<Read<Self>> {
        if json.starts_with('[') {
            let Pieces { gathered, left_out } = read_json(json).ok()?;
            return Some(Read { value: Self(gathered), is_misshapen: left_out });
        }
        let mut gathered = T::default();
        gathered.gather(&Text::read(json)?.value);
        Some(Read { value: Self(gathered), is_misshapen: true })
    }
}

/// As it was written down by this crate.
impl<'de, T: Gather> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pieces::deserialize(deserializer).map(|pieces| Self(pieces.gathered))
    }
}

/// The texts of a list.
struct Pieces<T> {
    gathered: T,
    /// Something else was among them.
    left_out: bool,
}

impl<'de, T: Gather> Deserialize<'de> for Pieces<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<T>(Pieces<T>);
        impl<'de, T: Gather> Visitor<'de> for Each<T> {
            type Value = Pieces<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Pieces<T>, A::Error> {
                while let Some(Piece(text)) = seq.next_element()? {
                    match text {
                        Some(text) => self.0.gathered.gather(&text),
                        None => self.0.left_out = true,
                    }
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_seq(Each(Pieces { gathered: T::default(), left_out: false }))
    }
}

/// A text in a list, or something else that stands there.
pub(crate) struct Piece<'a>(pub(crate) Option<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Piece<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Piece<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Piece<'de>, E> {
                Ok(Piece(Some(text.into())))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Piece<'de>, E> {
                Ok(Piece(Some(String::from(text).into())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Piece<'de>, E> {
                Ok(Piece(None))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Piece<'de>, E> {
                Ok(Piece(None))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Piece<'de>, E> {
                Ok(Piece(None))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Piece<'de>, E> {
                Ok(Piece(None))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Piece<'de>, E> {
                Ok(Piece(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Piece<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Piece(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Piece<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Piece(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The first [`MAX_LIST`] texts.
impl Gather for Vec<Box<str>> {
    fn gather(&mut self, text: &str) {
        if self.len() < MAX_LIST {
            self.push(text.into());
        }
    }
}

/// No honest document names more authorization servers or redirect URIs than this.
const MAX_LIST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(json: &str) -> Option<(Vec<Box<str>>, bool)> {
        let read = List::<Vec<Box<str>>>::read(json)?;
        Some((read.value.0, read.is_misshapen))
    }

    #[test]
    fn what_is_no_text_in_a_list_is_left_out() {
        let texts = |texts: &[&str]| texts.iter().map(|text| Box::from(*text)).collect();
        for (json, expected) in [
            (r#"["a","b"]"#, Some((texts(&["a", "b"]), false))),
            ("[]", Some((texts(&[]), false))),
            (
                r#"["a",null,1,-1,0.5,true,["b"],{"c":"d"},"\u0065"]"#,
                Some((texts(&["a", "e"]), true)),
            ),
            (r#""a""#, Some((texts(&["a"]), true))),
            (r#"["a","\ud800"]"#, None),
            ("1", None),
            ("{}", None),
            ("true", None),
        ] {
            assert_eq!(list(json), expected, "{json}");
        }
    }

    #[test]
    fn lists_are_bounded() {
        let many = serde_json::to_string(&["x"; 100].to_vec()).unwrap_or_default();
        assert_eq!(list(&many).map(|(texts, _)| texts.len()), Some(MAX_LIST));
    }
}
