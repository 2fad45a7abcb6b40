//! Reading JSON answers: what several documents have in common.
//!
//! The machine reads each document into a small borrowing struct with just the members it acts on.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

mod list;
mod member_names;
mod members;
mod reader;
mod whole;

pub(crate) use list::{Gather, List, Piece};
pub use member_names::MemberNames;
pub(crate) use members::{Member, Members, OnlyTrue, Read};
pub use reader::{Unreadable, read_json};
pub(crate) use whole::read_whole;

/// Members of a document that this crate has no field for, kept as they came. Only a fraction may change
/// in its last digit, if it has as many as a number can have, each time it is stored.
///
/// One is left out if it is nested deeper than 31 lists or objects, or if all would be made of more than 512 values
/// together: in memory, values take many times what they take in an answer.
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

    /// Takes a text member over, where there is none of that name.
    pub(crate) fn keep_text(&mut self, name: &str, from: &Self) {
        if let Some(value) =
            from.0.get(name).filter(|value| value.is_string() && !self.0.contains_key(name))
        {
            self.0.insert(name.into(), value.clone());
        }
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

    /// What nobody has asked for; but for what cannot be read, is nested deeper than anything that is meant
    /// to be read, is made of too many parts, or stands there more than once. That is noted.
    pub(crate) fn rest_of(members: &mut Members<'_>) -> Self {
        let (mut others, mut wrong) = (Self::default(), Vec::new());
        let mut room = MAX_VALUES;
        for (name, json) in members.rest() {
            let value = json.and_then(|json| read_json(json).ok());
            // One that is too large leaves the others as much room as before.
            let mut left = room;
            match value.filter(|value| fits(value, MAX_DEPTH, &mut left)) {
                Some(value) if !others.0.contains_key(&*name) => {
                    others.0.insert((*name).into(), value);
                    room = left;
                }
                _ => wrong.push(name),
            }
        }
        for name in wrong {
            others.0.remove(&*name);
            members.note(&name);
        }
        others
    }

    /// Puts others under a name of their own.
    pub(crate) fn nest(&mut self, name: &str, others: Self) {
        self.0.insert(name.into(), serde_json::Value::Object(others.0));
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
    /// The body is no JSON object.
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
    /// A member that the document must have is there more than once: which one counts, nobody can say.
    #[error("the member `{name}` is there more than once")]
    Repeated {
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

/// Text of a document: borrowed unless it had escapes.
#[derive(Clone, Default)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
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

/// Whether it is nested no deeper than that, and made of no more values than there is room for.
fn fits(value: &serde_json::Value, depth: usize, room: &mut usize) -> bool {
    let (Some(depth), Some(left)) = (depth.checked_sub(1), room.checked_sub(1)) else {
        return false;
    };
    *room = left;
    match value {
        serde_json::Value::Array(values) => values.iter().all(|value| fits(value, depth, room)),
        serde_json::Value::Object(members) => {
            members.values().all(|value| fits(value, depth, room))
        }
        _ => true,
    }
}

/// How many values the unknown members of an answer may be made of, together, to be kept. Each takes up to a hundred
/// bytes, and two in the answer.
const MAX_VALUES: usize = 512;

/// How deep an unknown member may be nested to be kept: the reader of a record has a limit too, and
/// counts from further out.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests;
