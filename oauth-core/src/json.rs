//! Reading JSON answers: what several documents have in common.
//!
//! The machine reads each document into a small borrowing struct with just the members it acts on;
//! unknown members are skipped, `null` counts as absent, a repeated member is an error.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Members of a document that this crate has no field for, kept as they came. Only a fraction may change
/// in its last digit, if it has as many as a number can have, each time it is stored.
///
/// `Debug` shows their names only: an `id_token` may be among them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OtherMembers(serde_json::Map<String, serde_json::Value>);

impl OtherMembers {
    /// A text member.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A member as JSON text; nothing is allocated for an absent one.
    #[must_use]
    pub fn json(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| value.to_string())
    }

    /// The members' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Keeps a member, unless it is nested deeper than anything that is meant to be read.
    pub(crate) fn keep(&mut self, name: &str, value: serde_json::Value) {
        if is_shallow(&value, MAX_DEPTH) {
            self.0.insert(name.into(), value);
        }
    }

    /// Takes a member out.
    pub(crate) fn take(&mut self, name: &str) -> Option<serde_json::Value> {
        self.0.remove(name)
    }

    /// All of them as one member.
    pub(crate) fn into_value(self) -> serde_json::Value {
        serde_json::Value::Object(self.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for OtherMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Why an answer could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// The body is no JSON object, or one with members of the wrong kind.
    #[error("the body is not the expected JSON object (line {line}, column {column})")]
    NotJson {
        /// Line of the first problem, from 1; 0 where there is none to name.
        line: usize,
        /// Column of the first problem, in bytes.
        column: usize,
    },
    /// The body is a web page.
    #[error("the body is HTML, not JSON: a login page, a proxy or a web application answers here")]
    Html,
    /// The answer is a redirect, which is never followed.
    #[error("it is a redirect, which is not followed")]
    Redirect,
    /// The body is empty.
    #[error("the body is empty")]
    Empty,
    /// The body is larger than this crate reads.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes: [`MAX_BODY`](crate::MAX_BODY).
        limit: usize,
    },
    /// A member that the document must have is absent or empty.
    #[error("the member `{name}` is missing or empty")]
    Missing {
        /// The member's name.
        name: Box<str>,
    },
    /// A member is there but cannot be used.
    #[error("the member `{name}` cannot be used")]
    Unusable {
        /// The member's name.
        name: Box<str>,
    },
}

impl Defect {
    pub(crate) fn missing(name: &str) -> Self {
        Self::Missing { name: name.into() }
    }

    pub(crate) fn unusable(name: &str) -> Self {
        Self::Unusable { name: name.into() }
    }
}

/// Reads the whole body as `T`.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Defect> {
    if body.len() > crate::MAX_BODY {
        return Err(Defect::TooLarge { limit: crate::MAX_BODY });
    }
    let defect = |line, column| match body.trim_ascii_start().first() {
        None => Defect::Empty,
        Some(b'<') => Defect::Html,
        Some(_) => Defect::NotJson { line, column },
    };
    // The whole body at once costs less than each text in it.
    let text = core::str::from_utf8(body).map_err(|_| defect(0, 0))?;
    serde_json::from_str(text).map_err(|error| defect(error.line(), error.column()))
}

/// Text of a document: borrowed unless it had escapes.
#[derive(Clone)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// An empty text says nothing, as servers that send `"client_secret": ""` mean it.
pub(crate) fn non_empty(text: Option<Text<'_>>) -> Option<Text<'_>> {
    text.filter(|text| !text.is_empty())
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.into())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// What is asked of a list of texts while it is read; the list itself is not kept.
pub(crate) trait Gather: Default {
    fn gather(&mut self, text: &str);
}

/// A list of texts, reduced to `T`.
pub(crate) struct List<T>(pub(crate) T);

impl<'de, T: Gather> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<T>(T);
        impl<'de, T: Gather> Visitor<'de> for Each<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<T, A::Error> {
                while let Some(text) = seq.next_element::<Text<'_>>()? {
                    self.0.gather(&text);
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_seq(Each(T::default())).map(List)
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

/// A boolean that only JSON `true` makes true: `"true"` and `1` do not count (RFC 9207 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OnlyTrue(pub(crate) bool);

impl<'de> Deserialize<'de> for OnlyTrue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Literal;
        impl<'de> Visitor<'de> for Literal {
            type Value = bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
                Ok(value)
            }

            fn visit_unit<E: de::Error>(self) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<bool, E> {
                Ok(false)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(false)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(false)
            }
        }
        deserializer.deserialize_any(Literal).map(OnlyTrue)
    }
}

fn is_shallow(value: &serde_json::Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        serde_json::Value::Array(values) => values.iter().all(|value| is_shallow(value, depth)),
        serde_json::Value::Object(members) => {
            members.values().all(|value| is_shallow(value, depth))
        }
        _ => true,
    }
}

/// How deep an unknown member may be nested to be kept: the reader of a record has a limit too, and
/// counts from further out.
const MAX_DEPTH: usize = 32;

/// No honest document names more authorization servers or redirect URIs than this.
const MAX_LIST: usize = 16;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        name: Option<Text<'a>>,
        #[serde(default)]
        yes: OnlyTrue,
        list: Option<List<Vec<Box<str>>>>,
    }

    #[test]
    fn text_borrows_unless_it_was_escaped() {
        let plain: Document<'_> = read(br#"{"name":"x"}"#).unwrap_or_else(|e| panic!("{e}"));
        assert!(matches!(plain.name, Some(Text(Cow::Borrowed("x")))));
        let escaped: Document<'_> =
            read(br#"{"name":"\u0078\/","list":null}"#).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(escaped.name.as_deref(), Some("x/"));
        assert!(escaped.list.is_none());
    }

    #[test]
    fn only_the_literal_true_is_true() {
        for (text, expected) in [
            ("true", true),
            ("false", false),
            ("\"true\"", false),
            ("1", false),
            ("null", false),
            ("[true]", false),
            ("{\"true\":true}", false),
        ] {
            let body = alloc::format!("{{\"yes\":{text}}}");
            let document: Document<'_> = read(body.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(document.yes.0, expected, "{text}");
        }
    }

    #[test]
    fn a_defect_says_what_stands_there_instead() {
        let defect = |body: &[u8]| read::<Document<'_>>(body).err();
        assert_eq!(defect(b" "), Some(Defect::Empty));
        assert_eq!(defect(b"\n<!doctype html>"), Some(Defect::Html));
        assert!(matches!(defect(b"{\"name\":\"x\""), Some(Defect::NotJson { line: 1, .. })));
        assert!(matches!(defect(b"{\"name\":7}"), Some(Defect::NotJson { .. })));
        assert!(matches!(defect(b"{\"name\":\"a\",\"name\":\"b\"}"), Some(Defect::NotJson { .. })));
        let long = vec![b' '; crate::MAX_BODY + 1];
        assert_eq!(defect(&long), Some(Defect::TooLarge { limit: crate::MAX_BODY }));
    }

    #[test]
    fn lists_are_bounded() {
        let many = serde_json::to_string(&vec!["x"; 100]).unwrap_or_default();
        let list: List<Vec<Box<str>>> = read(many.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(list.0.len(), MAX_LIST);
    }
}
