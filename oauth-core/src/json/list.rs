//! Lists of texts: what is asked of them, without keeping them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use crate::json::reader::each_text;
use crate::json::{Member, Read, Text};

/// What is asked of a list of texts while it is read; the list itself is not kept.
pub(crate) trait Gather: Default {
    fn gather(&mut self, text: &str);
}

/// A list of texts, reduced to `T`.
pub(crate) struct List<T>(pub(crate) T);

impl<'a, T: Gather> Member<'a> for List<T> {
    /// One text counts as a list of it. What is no text in a list is left out.
    fn read(json: &'a str) -> Option<Read<Self>> {
        let mut gathered = T::default();
        let mut is_misshapen = false;
        if json.starts_with('[') {
            each_text(json, &mut |text| match text {
                Some(text) => gathered.gather(&text),
                None => is_misshapen = true,
            })
            .ok()?;
        } else {
            gathered.gather(&Text::read(json)?.value);
            is_misshapen = true;
        }
        Some(Read { value: Self(gathered), is_misshapen })
    }
}

/// As a host has it, or this crate has written it down. What is no text is left out.
impl<'de, T: Gather> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<T>(T);
        impl<'de, T: Gather> Visitor<'de> for Each<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut texts: A) -> Result<T, A::Error> {
                while let Some(value) = texts.next_element::<Value>()? {
                    value.as_str().into_iter().for_each(|text| self.0.gather(text));
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_seq(Each(T::default())).map(Self)
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
