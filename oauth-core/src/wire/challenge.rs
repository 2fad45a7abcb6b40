//! What a 401 or 403 says in `WWW-Authenticate`: a tokenizer, and the challenge that counts.
//!
//! The grammar is that of RFC 9110 §11, the parameters those of RFC 6750 §3 and RFC 9728 §5.1. The
//! tokenizer knows no scheme: what a parameter means is left to [`ResourceChallenge`]. `realm` and
//! `error_uri` are not kept, because nothing acts on them.
//!
//! # Broken header fields
//!
//! Each is read in one way, in one pass, without an error:
//!
//! 1. A parameter that is repeated counts where it stands first.
//! 2. An unquoted value may have any visible characters but commas and quotes (URLs are sent like that).
//! 3. A forgotten comma between two parameters is added; one between two challenges is not.
//! 4. A quoted string that does not end is dropped with its parameter, and with all that follows.
//! 5. Anything else is skipped up to the next comma outside of quotes, parameters before the first
//!    scheme as well.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::scope::Scopes;

/// What a resource wants before it answers, from all the challenges that it sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceChallenge {
    /// The scheme of the challenge that was chosen.
    pub scheme: Scheme,
    /// Where the resource's metadata is (RFC 9728 §5.1), unchecked.
    pub resource_metadata: Option<Box<str>>,
    /// The scopes that this request needs (RFC 6750 §3).
    pub scope: Option<Scopes>,
    /// The error code; none if the request had no token (RFC 6750 §3.1).
    pub error: Option<Box<str>>,
    /// The server's explanation for developers, unchecked: escape it wherever it is shown.
    pub error_description: Option<Box<str>>,
}

/// The scheme of a [`ResourceChallenge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Scheme {
    /// `Bearer` (RFC 6750).
    Bearer,
    /// `DPoP` (RFC 9449 §7.1).
    Dpop,
    /// Any other that names resource metadata.
    Other,
}

impl ResourceChallenge {
    /// Chooses from the values of all `WWW-Authenticate` lines of an answer.
    ///
    /// `Bearer` is preferred, then `DPoP`, then any other scheme that names resource metadata; others
    /// are ignored. Several challenges of the chosen scheme are read as one, where a parameter counts
    /// that stands first. If they name no resource metadata but another challenge does, its URL is
    /// taken: it describes the resource, whatever the scheme (RFC 9728 §5.1). A parameter without a
    /// value counts as absent.
    ///
    /// ```
    /// # use oauth_core::wire::{ResourceChallenge, Scheme};
    /// let lines = ["Basic realm=\"x\", Bearer scope=\"mail\"", "DPoP resource_metadata=\"https://a.example/m\""];
    /// let challenge = ResourceChallenge::select(lines).unwrap();
    /// assert_eq!(challenge.scheme, Scheme::Bearer);
    /// assert_eq!(challenge.resource_metadata.as_deref(), Some("https://a.example/m"));
    /// ```
    #[must_use]
    pub fn select<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let (mut bearer, mut dpop, mut other) = (None, None, None);
        for value in values {
            let mut found: Option<&mut Found<'a>> = None;
            for piece in Pieces::of(value) {
                match (piece, &mut found) {
                    (Piece::Scheme(scheme), _) => {
                        let slot = if scheme.eq_ignore_ascii_case("bearer") {
                            &mut bearer
                        } else if scheme.eq_ignore_ascii_case("dpop") {
                            &mut dpop
                        } else {
                            // Other schemes have little in common: only one challenge is kept.
                            other
                                .take_if(|other: &mut Found<'a>| other.resource_metadata.is_none());
                            if other.is_some() {
                                found = None;
                                continue;
                            }
                            &mut other
                        };
                        found = Some(slot.get_or_insert_default());
                    }
                    (Piece::Param(param), Some(found)) => found.note(param),
                    _ => {}
                }
            }
        }
        let other = other.filter(|found| found.resource_metadata.is_some());
        let elsewhere = [&dpop, &other]
            .into_iter()
            .flatten()
            .find_map(|found| found.resource_metadata);
        let (scheme, found) = (bearer.map(|found| (Scheme::Bearer, found)))
            .or(dpop.map(|found| (Scheme::Dpop, found)))
            .or(other.map(|found| (Scheme::Other, found)))?;
        Some(Self {
            scheme,
            resource_metadata: found.resource_metadata.or(elsewhere).map(Value::into_boxed),
            scope: found.scope.and_then(|scope| Scopes::parse(&scope.text())),
            error: found.error.map(Value::into_boxed),
            error_description: found.error_description.map(Value::into_boxed),
        })
    }

    /// Whether the token is valid but lacks scopes (RFC 6750 §3.1). Any other 403 is no matter of
    /// authorization.
    #[must_use]
    pub fn is_insufficient_scope(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }
}

/// The parameters that count, where they lie in the header field.
#[derive(Default)]
struct Found<'a> {
    resource_metadata: Option<Value<'a>>,
    scope: Option<Value<'a>>,
    error: Option<Value<'a>>,
    error_description: Option<Value<'a>>,
}

impl<'a> Found<'a> {
    fn note(&mut self, Param { name, value }: Param<'a>) {
        let slot = match name.len() {
            5 if name.eq_ignore_ascii_case("scope") => &mut self.scope,
            5 if name.eq_ignore_ascii_case("error") => &mut self.error,
            17 if name.eq_ignore_ascii_case("resource_metadata") => &mut self.resource_metadata,
            17 if name.eq_ignore_ascii_case("error_description") => &mut self.error_description,
            _ => return,
        };
        if slot.is_none() && !value.raw.is_empty() {
            *slot = Some(value);
        }
    }
}

/// The challenges of one `WWW-Authenticate` value, in order. Nothing is allocated.
///
/// ```
/// # use oauth_core::wire::challenges;
/// let value = r#"Negotiate YQ==, Bearer realm="a, b", scope = mail"#;
/// let mut challenges = challenges(value);
/// assert_eq!(challenges.next().unwrap().token68(), Some("YQ=="));
/// let bearer = challenges.next().unwrap();
/// assert_eq!(bearer.scheme(), "Bearer");
/// assert_eq!(bearer.param("Scope").as_deref(), Some("mail"));
/// ```
pub fn challenges(value: &str) -> Challenges<'_> {
    Challenges {
        pieces: Pieces::of(value),
    }
}

/// The iterator that [`challenges`] makes.
#[derive(Debug, Clone)]
pub struct Challenges<'a> {
    pieces: Pieces<'a>,
}

impl<'a> Iterator for Challenges<'a> {
    type Item = Challenge<'a>;

    fn next(&mut self) -> Option<Challenge<'a>> {
        let scheme = self.pieces.find_map(Piece::into_scheme)?;
        let inside = self.pieces.clone();
        loop {
            let before = self.pieces.clone();
            if self
                .pieces
                .next()
                .is_none_or(|piece| piece.into_scheme().is_some())
            {
                self.pieces = before;
                let inside = Pieces {
                    text: &inside.text[..self.pieces.at],
                    ..inside
                };
                return Some(Challenge { scheme, inside });
            }
        }
    }
}

/// One challenge.
#[derive(Debug, Clone)]
pub struct Challenge<'a> {
    scheme: &'a str,
    inside: Pieces<'a>,
}

impl<'a> Challenge<'a> {
    /// The scheme as it was written; to be compared without regard to case (RFC 9110 §11.1).
    #[must_use]
    pub fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// The `token68` that stands in place of parameters, as in `Negotiate YQ==`.
    #[must_use]
    pub fn token68(&self) -> Option<&'a str> {
        self.inside.clone().find_map(|piece| match piece {
            Piece::Token68(text) => Some(text),
            _ => None,
        })
    }

    /// The first parameter of this name; the name in any case. Owned only if the value has escapes.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All parameters in order, repeated ones too.
    pub fn params(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        self.inside.clone().filter_map(|piece| match piece {
            Piece::Param(param) => Some((param.name, param.value.text())),
            _ => None,
        })
    }
}

/// The tokenizer. It only goes forward, but for the run of letters after a scheme, which it looks at
/// twice: as `token68` and as the name of a parameter.
#[derive(Debug, Clone)]
struct Pieces<'a> {
    text: &'a str,
    at: usize,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Where a list element starts: only here can a challenge start.
    Element,
    /// Behind a scheme and its white space.
    Scheme,
    /// Behind a parameter.
    Param,
}

enum Piece<'a> {
    Scheme(&'a str),
    Token68(&'a str),
    Param(Param<'a>),
}

struct Param<'a> {
    name: &'a str,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
struct Value<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Piece<'a> {
    fn into_scheme(self) -> Option<&'a str> {
        if let Self::Scheme(scheme) = self {
            Some(scheme)
        } else {
            None
        }
    }
}

impl<'a> Value<'a> {
    /// Takes the backslash off each `quoted-pair` (RFC 9110 §5.6.4).
    fn text(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut text = String::with_capacity(self.raw.len());
        let mut chars = self.raw.chars();
        while let Some(char) = chars.next() {
            text.extend(if char == '\\' {
                chars.next()
            } else {
                Some(char)
            });
        }
        Cow::Owned(text)
    }

    fn into_boxed(self) -> Box<str> {
        self.text().into()
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            match self.place {
                Place::Element => self.skip(|byte| matches!(byte, b' ' | b'\t' | b',')),
                Place::Scheme | Place::Param => self.skip(is_white),
            }
            if self.at == self.text.len() {
                return None;
            }
            if let Place::Scheme = self.place {
                self.place = Place::Param;
                if let Some(text) = self.token68() {
                    return Some(Piece::Token68(text));
                }
            }
            let name = self.take(|byte| class(byte) & TOKEN != 0);
            let behind = self.at;
            self.skip(is_white);
            if !name.is_empty() && self.peek() == Some(b'=') {
                self.at += 1;
                self.skip(is_white);
                self.place = Place::Param;
                if let Some(value) = self.value() {
                    return Some(Piece::Param(Param { name, value }));
                }
            } else if let Place::Element = self.place
                && !name.is_empty()
                && (self.at > behind || self.ends_element())
            {
                self.place = Place::Scheme;
                return Some(Piece::Scheme(name));
            } else {
                self.skip_element();
            }
        }
    }
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            place: Place::Element,
        }
    }

    /// `token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 9110 §11.2), and
    /// nothing else in the element; or else nothing is taken.
    fn token68(&mut self) -> Option<&'a str> {
        let start = self.at;
        let is_empty = self.take(|byte| class(byte) & TOKEN68 != 0).is_empty();
        self.skip(|byte| byte == b'=');
        let text = &self.text[start..self.at];
        self.skip(is_white);
        if !is_empty && self.ends_element() {
            return Some(text);
        }
        self.at = start;
        None
    }

    /// A quoted string, or what stands there without quotes.
    fn value(&mut self) -> Option<Value<'a>> {
        let value = if self.peek() == Some(b'"') {
            self.quoted()?
        } else {
            Value {
                raw: self.take(|byte| class(byte) & VALUE != 0),
                escaped: false,
            }
        };
        if !self.peek().is_none_or(is_white) {
            self.skip_element();
        }
        Some(value)
    }

    /// What is between the quotes; `None` and the end of the text if the second is missing.
    fn quoted(&mut self) -> Option<Value<'a>> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.skip(|byte| !matches!(byte, b'"' | b'\\'));
            if self.peek()? == b'"' {
                self.at += 1;
                return Some(Value {
                    raw: &self.text[start..self.at - 1],
                    escaped,
                });
            }
            escaped = true;
            self.at = self.text.len().min(self.at + 2);
        }
    }

    /// Goes to the next comma outside of quotes.
    fn skip_element(&mut self) {
        self.place = Place::Element;
        loop {
            self.skip(|byte| !matches!(byte, b',' | b'"'));
            if self.peek() != Some(b'"') || self.quoted().is_none() {
                return;
            }
        }
    }

    fn take(&mut self, is_part: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        self.skip(is_part);
        &self.text[start..self.at]
    }

    fn skip(&mut self, is_part: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest
            .iter()
            .position(|&byte| !is_part(byte))
            .unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn ends_element(&self) -> bool {
        self.peek().is_none_or(|byte| byte == b',')
    }
}

/// White space between the parts of a challenge, required (`SP`) or tolerated (`BWS`).
fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// `tchar` (RFC 9110 §5.6.2).
const TOKEN: u8 = 1;
/// The letters of `token68` before its equals signs.
const TOKEN68: u8 = 2;
/// What values may have without quotes: more than `tchar`, see the head of this file.
const VALUE: u8 = 4;

/// What each byte may be part of.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte: u8 = 0;
    while byte < u8::MAX {
        let token68 =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        let token = token68 && byte != b'/'
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'^' | b'`' | b'|'
            );
        let value = !matches!(byte, 0..=b' ' | b'"' | b',' | 0x7F);
        classes[byte as usize] =
            token as u8 * TOKEN | token68 as u8 * TOKEN68 | value as u8 * VALUE;
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests;
