//! Reading JSON answers: what several documents have in common.
//!
//! The machine reads each document into a small borrowing struct with just the members it acts on.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

mod list;
mod member_names;
mod members;
mod other_members;
mod reader;
mod whole;

pub(crate) use list::{Gather, List};
pub use member_names::MemberNames;
pub(crate) use members::{Member, Members, OnlyTrue, Read};
pub use other_members::OtherMembers;
pub(crate) use reader::each_text;
pub use reader::{Unreadable, read_json};
pub(crate) use whole::read_whole;

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

impl<'a> From<Cow<'a, str>> for Text<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self(text)
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

#[cfg(test)]
mod tests;
