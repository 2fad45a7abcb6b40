//! Scopes: sets of words that keep their order.

use alloc::boxed::Box;
use alloc::string::String;
use core::{fmt, mem};

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Misuse;
use crate::json::{Member, Read, Text, each_text};
use crate::url::shown;

/// A set of scope tokens in the order in which they were named (RFC 6749 §3.3).
///
/// It is written as one text with single spaces. Tokens are compared byte for byte. An empty set is
/// not the same as none: code that asks for scopes holds an `Option<Scopes>` and leaves the parameter
/// out for `None`.
///
/// ```
/// # use oauth_core::Scopes;
/// let mut scopes = Scopes::parse("files:read  files:read mail").unwrap();
/// scopes.insert("files:write").unwrap();
/// assert_eq!(scopes.as_str(), "files:read mail files:write");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Scopes(Box<str>);

/// Why scopes were not added to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeDefect {
    /// One has characters that scopes may not have.
    #[error("a scope has characters that scopes may not have")]
    Characters,
    /// Together they would be longer than [`Scopes::MAX_LENGTH`].
    #[error("the scopes would be longer than {} bytes together", Scopes::MAX_LENGTH)]
    TooLong,
}

impl Scopes {
    /// The longest set, in bytes as written: more does not fit into a URL that browsers and servers
    /// agree on, and each token is compared with all others.
    pub const MAX_LENGTH: usize = 4096;

    /// Reads a space-separated list; `None` if no scope token is in it.
    ///
    /// What stands between spaces but is no scope token (a quote, a control character) is left out:
    /// it could not be sent back anyway.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let GatheredScopes { scopes, .. } = GatheredScopes::of(text);
        (!scopes.is_empty()).then_some(scopes)
    }

    /// Reads what a host asks for; `None` if no scope is in it. Nothing is left out.
    ///
    /// # Errors
    ///
    /// [`Misuse::ScopeCharacters`] or [`Misuse::TooManyScopes`].
    pub(crate) fn asked_for(text: &str) -> Result<Option<Self>, Misuse> {
        let mut scopes = Self::default();
        for token in text.split(' ') {
            scopes.insert(token).map_err(|defect| match defect {
                ScopeDefect::Characters => Misuse::ScopeCharacters { scope: shown(token) },
                ScopeDefect::TooLong => Misuse::TooManyScopes { limit: Self::MAX_LENGTH },
            })?;
        }
        Ok((!scopes.is_empty()).then_some(scopes))
    }

    /// Adds one scope token, unless it is empty or there already.
    ///
    /// # Errors
    ///
    /// A [`ScopeDefect`]; the set stays what it was.
    pub fn insert(&mut self, token: &str) -> Result<(), ScopeDefect> {
        self.edit(|scopes| insert(scopes, token))
    }

    /// Adds all of `other`, or nothing.
    ///
    /// # Errors
    ///
    /// [`ScopeDefect::TooLong`]; the set stays what it was.
    pub fn extend(&mut self, other: &Self) -> Result<(), ScopeDefect> {
        let before = self.0.len();
        self.edit(|scopes| {
            let added = other.iter().try_for_each(|token| insert(scopes, token));
            // Tokens are only ever added at the end.
            added.inspect_err(|_| scopes.truncate(before))
        })
    }

    /// Adds all of `other`; where not all fit, `other` takes the place of what was there: somebody waits for it.
    pub fn add_or_replace(&mut self, other: &Self) {
        if self.extend(other).is_err() {
            *self = other.clone();
        }
    }

    fn edit<T>(&mut self, edit: impl FnOnce(&mut String) -> T) -> T {
        let mut scopes = mem::take(&mut self.0).into_string();
        let result = edit(&mut scopes);
        self.0 = scopes.into();
        result
    }

    /// Whether the token is in the set.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        contains(&self.0, token)
    }

    /// Whether every token of `other` is in the set.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.iter().all(|token| self.contains(token))
    }

    /// The tokens that are not in `other`; `None` if there are none.
    pub(crate) fn without(&self, other: &Self) -> Option<Self> {
        let mut rest = String::with_capacity(self.0.len());
        for token in self.iter().filter(|token| !other.contains(token)) {
            if !rest.is_empty() {
                rest.push(' ');
            }
            rest.push_str(token);
        }
        (!rest.is_empty()).then(|| Self(rest.into()))
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The set as the `scope` parameter is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a list as well as a text. What is no text in a list is left out.
impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tokens;
        impl<'de> Visitor<'de> for Tokens {
            type Value = Scopes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("scopes as a text or a list")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scopes, E> {
                Ok(GatheredScopes::of(text).scopes)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut tokens: A) -> Result<Scopes, A::Error> {
                let mut scopes = String::with_capacity(USUAL_LENGTH);
                while let Some(value) = tokens.next_element::<Value>()? {
                    let _cut = value.as_str().map(|token| insert(&mut scopes, token));
                }
                Ok(Scopes(scopes.into()))
            }
        }
        deserializer.deserialize_any(Tokens)
    }
}

/// Scopes, and how they were written.
pub(crate) struct WrittenScopes {
    pub(crate) scopes: Scopes,
    pub(crate) is_list: bool,
    /// Some of what stood there is not among them: it is no scope token, or there was no room for it.
    pub(crate) is_cut: bool,
    /// What they are if the commas between them stand for spaces.
    pub(crate) at_commas: Option<Scopes>,
}

impl WrittenScopes {
    fn of(text: &str) -> Self {
        let GatheredScopes { scopes, is_cut } = GatheredScopes::of(text);
        Self { scopes, is_list: false, is_cut, at_commas: at_commas(text) }
    }

    fn of_list(json: &str) -> Option<Self> {
        let mut scopes = String::with_capacity(USUAL_LENGTH);
        let mut is_cut = false;
        each_text(json, &mut |token| {
            is_cut |= token.is_none_or(|it: Text<'_>| insert(&mut scopes, &it).is_err());
        })
        .ok()?;
        Some(Self { scopes: Scopes(scopes.into()), is_list: true, is_cut, at_commas: None })
    }
}

impl Member<'_> for WrittenScopes {
    fn read(json: &str) -> Option<Read<Self>> {
        let written = match json.as_bytes().first()? {
            b'[' => Self::of_list(json)?,
            _ => Self::of(&Text::read(json)?.value),
        };
        Some(Read { is_misshapen: written.is_cut, value: written })
    }
}

/// Scopes as they stood in a text.
#[derive(Default)]
pub(crate) struct GatheredScopes {
    pub(crate) scopes: Scopes,
    /// Some of what stood there is not among them: it is no scope token, or there was no room for it.
    pub(crate) is_cut: bool,
}

impl GatheredScopes {
    pub(crate) fn of(text: &str) -> Self {
        let mut scopes = String::with_capacity(text.len().min(Scopes::MAX_LENGTH));
        let mut is_cut = false;
        text.split(' ').for_each(|token| is_cut |= insert(&mut scopes, token).is_err());
        Self { scopes: Scopes(scopes.into()), is_cut }
    }
}

/// The scopes of `a,b` and `a, b`. In `a,b c` the commas separate nothing.
fn at_commas(text: &str) -> Option<Scopes> {
    let separate = text.contains(',') && text.split(", ").all(|piece| !piece.contains(' '));
    if separate { Scopes::parse(&text.replace(',', " ")) } else { None }
}

/// Asks for a refresh token (OpenID Connect Core §11).
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";

/// Room for the scopes of a document.
const USUAL_LENGTH: usize = 128;

fn insert(scopes: &mut String, token: &str) -> Result<(), ScopeDefect> {
    if token.is_empty() || contains(scopes, token) {
        return Ok(());
    }
    if !token.bytes().all(is_scope_byte) {
        return Err(ScopeDefect::Characters);
    }
    if scopes.len() + token.len() >= Scopes::MAX_LENGTH {
        return Err(ScopeDefect::TooLong);
    }
    if !scopes.is_empty() {
        scopes.push(' ');
    }
    scopes.push_str(token);
    Ok(())
}

fn contains(scopes: &str, token: &str) -> bool {
    let own = || scopes.as_bytes().split(|byte| *byte == b' ');
    !token.is_empty() && own().any(|own| own == token.as_bytes())
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests;
