//! Scopes: sets of words that keep their order.

use alloc::boxed::Box;
use alloc::string::String;
use core::{fmt, mem};

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::json::{Gather, Member, Piece, Read};
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
/// scopes.insert("files:write");
/// assert_eq!(scopes.as_str(), "files:read mail files:write");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Scopes(Box<str>);

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
        let GatheredScopes { scopes, is_cut } = GatheredScopes::of(text);
        if is_cut {
            let odd = text.split(' ').find(|token| !token.bytes().all(is_scope_byte));
            return Err(match odd {
                Some(token) => Misuse::ScopeCharacters { scope: shown(token) },
                None => Misuse::TooManyScopes { limit: Self::MAX_LENGTH },
            });
        }
        Ok((!scopes.is_empty()).then_some(scopes))
    }

    /// Adds one scope token unless it is there already, is no scope token, or there are
    /// [`MAX_LENGTH`](Self::MAX_LENGTH) bytes of them.
    pub fn insert(&mut self, token: &str) {
        self.edit(|scopes| {
            insert(scopes, token);
        });
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Self) {
        self.edit(|scopes| {
            other.iter().for_each(|token| {
                insert(scopes, token);
            });
        });
    }

    fn edit(&mut self, edit: impl FnOnce(&mut String)) {
        let mut scopes = mem::take(&mut self.0).into_string();
        edit(&mut scopes);
        self.0 = scopes.into();
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

/// Reads a list as well as a text: metadata has lists, and some token answers too.
impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenScopes::deserialize(deserializer).map(|written| written.scopes)
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

impl<'de> Deserialize<'de> for WrittenScopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tokens;
        impl<'de> Visitor<'de> for Tokens {
            type Value = WrittenScopes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("scopes as a text or a list")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WrittenScopes, E> {
                let GatheredScopes { scopes, is_cut } = GatheredScopes::of(text);
                Ok(WrittenScopes { scopes, is_list: false, is_cut, at_commas: at_commas(text) })
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut tokens: A,
            ) -> Result<WrittenScopes, A::Error> {
                let mut scopes = String::with_capacity(USUAL_LENGTH);
                let mut is_cut = false;
                while let Some(Piece(token)) = tokens.next_element()? {
                    is_cut |= !token.is_some_and(|token| insert(&mut scopes, &token));
                }
                let scopes = Scopes(scopes.into());
                Ok(WrittenScopes { scopes, is_list: true, is_cut, at_commas: None })
            }
        }
        deserializer.deserialize_any(Tokens)
    }
}

impl Member<'_> for WrittenScopes {
    fn read(json: &str) -> Option<Read<Self>> {
        let written: Self = serde_json::from_str(json).ok()?;
        Some(Read { is_misshapen: written.is_cut, value: written })
    }
}

/// Scopes that were named one by one, or several at once.
#[derive(Default)]
pub(crate) struct GatheredScopes {
    pub(crate) scopes: Scopes,
    /// Some of what stood there is not among them: it is no scope token, or there was no room for it.
    pub(crate) is_cut: bool,
}

impl GatheredScopes {
    pub(crate) fn of(text: &str) -> Self {
        let mut gathered = Self::default();
        gathered.gather(text);
        gathered
    }
}

impl Gather for GatheredScopes {
    fn gather(&mut self, text: &str) {
        let Self { scopes, is_cut } = self;
        scopes.edit(|scopes| {
            scopes.reserve(text.len().min(Scopes::MAX_LENGTH));
            text.split(' ').for_each(|token| *is_cut |= !insert(scopes, token));
        });
    }
}

/// The scopes of `a,b` and `a, b`. In `a,b c` the commas separate nothing.
fn at_commas(text: &str) -> Option<Scopes> {
    let separate = text.contains(',') && text.split(", ").all(|piece| !piece.contains(' '));
    if separate { Scopes::parse(&text.replace(',', " ")) } else { None }
}

/// Room for the scopes of a document.
const USUAL_LENGTH: usize = 128;

/// Adds a token; whether all that it says is in the set now.
fn insert(scopes: &mut String, token: &str) -> bool {
    if token.is_empty() || contains(scopes, token) {
        return true;
    }
    let fits = scopes.len() + token.len() < Scopes::MAX_LENGTH;
    if !fits || !token.bytes().all(is_scope_byte) {
        return false;
    }
    if !scopes.is_empty() {
        scopes.push(' ');
    }
    scopes.push_str(token);
    true
}

fn contains(scopes: &str, token: &str) -> bool {
    !token.is_empty() && scopes.split(' ').any(|own| own == token)
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsing_keeps_order_and_drops_repeats_and_junk() {
        for (text, expected) in [
            ("a", Some("a")),
            (" b  a b ", Some("b a")),
            ("", None),
            ("   ", None),
            ("a \"b\" c\\d e", Some("a e")),
            ("a\nb c", Some("c")),
            ("Admin admin", Some("Admin admin")),
        ] {
            assert_eq!(Scopes::parse(text).as_ref().map(Scopes::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn commas_separate_where_no_space_does() {
        for (text, expected) in [
            ("repo,gist", Some("repo gist")),
            ("repo, gist, user", Some("repo gist user")),
            (",repo,,gist,", Some("repo gist")),
            ("repo", None),
            ("repo gist", None),
            ("urn:tv:A,B read", None),
            (",", None),
            ("", None),
        ] {
            assert_eq!(at_commas(text).as_ref().map(Scopes::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn a_set_is_bounded() {
        let many: String = (0..100_000).map(|i| alloc::format!("s{i} ")).collect();
        let scopes = Scopes::parse(&many).unwrap_or_default();
        assert!(scopes.as_str().len() <= Scopes::MAX_LENGTH && scopes.contains("s500"));
    }

    #[test]
    fn what_a_host_asks_for_is_asked_for_whole_or_not_at_all() {
        let of_length = |length: usize| "abcdefg ".repeat(length / 8);
        let unlike = |length: usize| -> String {
            (0..length / 8).map(|i| alloc::format!("{i:07} ")).collect()
        };
        let too_many = Misuse::TooManyScopes { limit: Scopes::MAX_LENGTH };
        let odd = |scope: &str| Misuse::ScopeCharacters { scope: scope.into() };
        for (text, expected) in [
            (" b  a b ".into(), Ok(Some("b a".into()))),
            ("  ".into(), Ok(None)),
            (of_length(8 * 4096), Ok(Some("abcdefg".into()))),
            (unlike(4096), Ok(Some(unlike(4096).trim_end().into()))),
            (unlike(4104), Err(too_many)),
            ("a \"b\"".into(), Err(odd("\"b\""))),
            ("a\u{fc}".into(), Err(odd("a\u{fc}"))),
        ] {
            let scopes = Scopes::asked_for(&text);
            let expected: Result<Option<String>, _> = expected;
            assert_eq!(scopes.map(|it| it.map(|it| String::from(it.as_str()))), expected, "{text}");
        }
        assert!(Scopes::asked_for("a\nb").is_err());
    }

    #[test]
    fn union_and_inclusion() {
        let mut have = Scopes::parse("a b").unwrap_or_default();
        let want = Scopes::parse("b c").unwrap_or_default();
        assert!(!have.includes(&want));
        have.extend(&want);
        assert_eq!(have.as_str(), "a b c");
        assert!(have.includes(&want));
        assert!(!have.contains("a b"), "tokens are whole words");
    }
}
