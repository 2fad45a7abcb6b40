//! A document as its members, each read for itself.
//!
//! One rule for all documents: a member that is required and wrong is an error that names it. One that is
//! optional or unknown and wrong counts as left out; its name is kept, to be reported and tolerated
//! ([`Tolerance::MisshapenMembers`](crate::Tolerance::MisshapenMembers)). So nothing that stands beside a
//! token can spoil it.

use alloc::string::String;
use alloc::vec::Vec;
use core::str;

use serde::de::IgnoredAny;

use crate::json::members::spans::{Range, Spans};
use crate::json::reader::Unreadable;
use crate::json::{Defect, List, MemberNames, Text, read_json};
use crate::secret::SecretBuffer;

mod spans;

/// The members of a JSON object. `null` counts as left out, a byte order mark is skipped (RFC 8259 §8.1).
pub(crate) struct Members<'a> {
    body: Body<'a>,
    spans: Spans,
    misshapen: MemberNames,
}

/// What the members stand in.
#[derive(Clone, Copy)]
enum Body<'a> {
    /// JSON, and so is each of them.
    Json(&'a str),
    /// Some bytes may not stand in JSON: each of them has to be looked at for itself.
    Spoilt(&'a [u8]),
}

impl<'a> Body<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Json(text) => text.as_bytes(),
            Self::Spoilt(bytes) => bytes,
        }
    }

    /// The JSON text that stands there; `None` if it is none.
    fn json(self, range: Range) -> Option<&'a str> {
        match self {
            Self::Json(text) => text.get(range.start as usize..range.end as usize),
            Self::Spoilt(bytes) => {
                let json = str::from_utf8(range.of(bytes)).ok()?;
                read_json::<IgnoredAny>(json).is_ok().then_some(json)
            }
        }
    }
}

/// A kind of member.
pub(crate) trait Member<'a>: Sized {
    /// Reads it from its JSON text; `None` if that is of another kind, or says what cannot be.
    fn read(json: &'a str) -> Option<Read<Self>>;
}

/// A member that was read.
pub(crate) struct Read<T> {
    pub(crate) value: T,
    /// It is not written as the specification says, or something in it was left out.
    pub(crate) is_misshapen: bool,
}

impl<T> Read<T> {
    pub(crate) fn well(value: T) -> Self {
        Self { value, is_misshapen: false }
    }
}

impl<'a> Members<'a> {
    /// Takes a document apart.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if it is no JSON object, or one with more than [`spans::MAX_MEMBERS`] members.
    pub(crate) fn of(body: &'a [u8]) -> Result<Self, Defect> {
        if body.len() > crate::MAX_BODY {
            return Err(Defect::TooLarge { limit: crate::MAX_BODY });
        }
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        let misshapen = MemberNames::default();
        let error = match str::from_utf8(body) {
            Ok(text) => match Spans::find(text) {
                Ok(spans) => return Ok(Self { body: Body::Json(text), spans, misshapen }),
                Err(error) => Some(error),
            },
            Err(_) => None,
        };
        match Spans::find(&masked_copy(body).0) {
            Ok(spans) => Ok(Self { body: Body::Spoilt(body), spans, misshapen }),
            Err(masked) => Err(match (body.trim_ascii_start().first(), error.unwrap_or(masked)) {
                (None, _) => Defect::Empty,
                (Some(b'<'), _) => Defect::Html,
                (Some(_), Unreadable { at }) => place(body, at),
            }),
        }
    }

    /// A text that the document must have.
    ///
    /// # Errors
    ///
    /// A [`Defect`] that names it, also if it is empty.
    pub(crate) fn required_text(&mut self, name: &'static str) -> Result<Text<'a>, Defect> {
        self.required(name, Text::read)
    }

    /// The same for the identifier that a server makes up, which may be a whole number.
    ///
    /// # Errors
    ///
    /// A [`Defect`] that names it, also if it is empty.
    pub(crate) fn required_identifier(&mut self, name: &'static str) -> Result<Text<'a>, Defect> {
        self.required(name, identifier)
    }

    fn required(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Option<Read<Text<'a>>>,
    ) -> Result<Text<'a>, Defect> {
        let json = self.find(name)?.ok_or_else(|| Defect::missing(name))?;
        let read = read(json).ok_or_else(|| Defect::unusable(name))?;
        if read.value.is_empty() {
            return Err(Defect::missing(name));
        }
        Ok(self.noted(name, read))
    }

    /// A text that may be left out, as an empty one is: servers that send `"client_secret": ""` mean that.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<Text<'a>> {
        self.optional_as(name, Text::read).filter(|text| !text.is_empty())
    }

    /// The same for the identifier that a server makes up, which may be a whole number.
    pub(crate) fn identifier(&mut self, name: &'static str) -> Option<Text<'a>> {
        self.optional_as(name, identifier).filter(|text| !text.is_empty())
    }

    /// A list of texts that may be left out, reduced to `T`.
    pub(crate) fn list<T>(&mut self, name: &'static str) -> Option<T>
    where
        List<T>: Member<'a>,
    {
        self.optional::<List<T>>(name).map(|list| list.0)
    }

    /// A boolean that is false if it is left out.
    pub(crate) fn only_true(&mut self, name: &'static str) -> OnlyTrue {
        self.optional(name).unwrap_or_default()
    }

    /// A member that may be left out.
    pub(crate) fn optional<T: Member<'a>>(&mut self, name: &'static str) -> Option<T> {
        self.optional_as(name, T::read)
    }

    fn optional_as<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Option<Read<T>>,
    ) -> Option<T> {
        match self.find(name) {
            Ok(None) => return None,
            Ok(Some(json)) => {
                if let Some(read) = read(json) {
                    return Some(self.noted(name, read));
                }
            }
            Err(_) => {}
        }
        self.misshapen.insert(name);
        None
    }

    /// A member as the JSON that it is.
    pub(crate) fn json(&mut self, name: &'static str) -> Option<&'a str> {
        self.find(name).ok().flatten()
    }

    /// What nobody has asked for so far, name and JSON text each; `None` where one of them is no text.
    pub(crate) fn rest(&self) -> impl Iterator<Item = (Text<'a>, Option<&'a str>)> + use<'a, '_> {
        let body = self.body;
        self.spans.rest().map(move |span| {
            let name = span.name.of(body.bytes());
            match unescaped(name).filter(|_| name.iter().all(|byte| *byte >= b' ')) {
                Some(name) => (name, body.json(span.value)),
                None => ("?".into(), None),
            }
        })
    }

    /// Notes that a member is not as it should be.
    pub(crate) fn note(&mut self, name: &str) {
        self.misshapen.insert(name);
    }

    pub(crate) fn is_misshapen(&self, name: &str) -> bool {
        self.misshapen.contains(name)
    }

    /// The members that were not as they should be. What nobody has asked for counts if it is no text.
    pub(crate) fn into_misshapen(mut self) -> MemberNames {
        let may_be = matches!(self.body, Body::Spoilt(_)) || self.spans.any_is_escaped();
        if may_be {
            let spoilt = self.rest().filter(|(_, json)| json.is_none());
            let spoilt: Vec<_> = spoilt.map(|(name, _)| name).collect();
            spoilt.iter().for_each(|name| self.misshapen.insert(name));
        }
        self.misshapen
    }

    fn noted<T>(&mut self, name: &'static str, read: Read<T>) -> T {
        if read.is_misshapen {
            self.misshapen.insert(name);
        }
        read.value
    }

    fn find(&mut self, name: &'static str) -> Result<Option<&'a str>, Defect> {
        let (body, bytes) = (self.body, self.body.bytes());
        let mut found = None;
        let mut is_repeated = false;
        self.spans.take(bytes, name, |value| {
            if value.of(bytes) != b"null" {
                is_repeated |= found.replace(value).is_some();
            }
        });
        match found {
            _ if is_repeated => Err(Defect::Repeated { name: name.into() }),
            None => Ok(None),
            Some(value) => body.json(value).map(Some).ok_or_else(|| Defect::unusable(name)),
        }
    }
}

/// What stands between the quotes of a text; `None` if that is no text.
fn unescaped(written: &[u8]) -> Option<Text<'_>> {
    str::from_utf8(written).ok().and_then(unescaped_text)
}

/// Without an early end, so that many bytes are looked at at once: tokens are long, and names short.
fn has_escapes(written: &str) -> bool {
    written.bytes().fold(false, |any, byte| any | (byte == b'\\'))
}

fn unescaped_text(written: &str) -> Option<Text<'_>> {
    if has_escapes(written) {
        return read_json::<String>(&alloc::format!("\"{written}\"")).ok().map(Text::from);
    }
    Some(Text::from(written))
}

impl<'a> Member<'a> for Text<'a> {
    /// A list of one text counts as that text.
    fn read(json: &'a str) -> Option<Read<Self>> {
        match json.as_bytes().first()? {
            b'"' => {
                let written = json.strip_prefix('"')?.strip_suffix('"')?;
                unescaped_text(written).map(Read::well)
            }
            b'[' => {
                let [value] = read_json::<[Self; 1]>(json).ok()?;
                Some(Read { value, is_misshapen: true })
            }
            _ => None,
        }
    }
}

/// A text, or a whole number in place of one.
fn identifier(json: &str) -> Option<Read<Text<'_>>> {
    if json.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Read { value: Text::from(json), is_misshapen: true });
    }
    Text::read(json)
}

/// A boolean that only JSON `true` makes true: `"true"` and `1` do not count (RFC 9207 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OnlyTrue(pub(crate) bool);

impl Member<'_> for OnlyTrue {
    fn read(json: &str) -> Option<Read<Self>> {
        match json {
            "true" => Some(Read::well(Self(true))),
            "false" => Some(Read::well(Self(false))),
            _ => None,
        }
    }
}

/// The body with each byte masked that is not ASCII, or may not stand in a text, so that it can be taken
/// apart. All else stays where it is.
fn masked_copy(body: &[u8]) -> SecretBuffer {
    let mask = |byte: &u8| match byte {
        // Between members they are as good.
        b'\t' | b'\n' | b'\r' => ' ',
        0x20..=0x7F => char::from(*byte),
        _ => '?',
    };
    let mut copy = SecretBuffer(String::with_capacity(body.len()));
    copy.0.extend(body.iter().map(mask));
    copy
}

/// Where that is, for people.
fn place(body: &[u8], at: usize) -> Defect {
    let before = body.get(..at).unwrap_or(body);
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    // Where something is missing, the last byte is named.
    let column = (at + 1).min(body.len()) - line_start;
    Defect::NotJson { line, column }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests;
