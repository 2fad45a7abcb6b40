//! What counts of the head of an answer of the MCP server.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::PeerIncompatible;
use crate::http::Response;
use crate::time::UnixTime;
use crate::wire::{DpopNonce, ResourceChallenge, check_clocks};

/// What counts of the head of an answer of the MCP server: what it wants before it answers, and what it wants to see in
/// the next proof.
///
/// Made from all header fields of an answer, by their names in any case. A host that takes some apart by itself may leave
/// out all but `WWW-Authenticate`, `DPoP-Nonce` and `Date`.
///
/// ```
/// # use oauth_core::session::Head;
/// let head = Head::from([("www-authenticate", "Bearer"), ("content-type", "text/plain")]);
/// assert_eq!(head.challenges().next(), Some("Bearer"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Head<'a> {
    challenges: Vec<Cow<'a, str>>,
    nonces: Vec<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
}

/// What is wrong with a proof, and not with the token.
pub(crate) enum ProofDefect {
    /// It lacks this nonce; none if the server does not say which.
    Nonce(Option<DpopNonce>),
    /// It is refused.
    Refused,
}

impl<'a> Head<'a> {
    /// Takes what counts from header fields. What is no text in one is read as good as it can be.
    pub fn of(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut head = Self::default();
        for (name, value) in fields {
            let values = match name.len() {
                16 if name.eq_ignore_ascii_case("www-authenticate") => &mut head.challenges,
                10 if name.eq_ignore_ascii_case("dpop-nonce") => &mut head.nonces,
                4 if name.eq_ignore_ascii_case("date") => {
                    head.date = Some(String::from_utf8_lossy(value));
                    continue;
                }
                _ => continue,
            };
            values.push(String::from_utf8_lossy(value));
        }
        head
    }

    /// The values of all `WWW-Authenticate` fields.
    pub fn challenges(&self) -> impl Iterator<Item = &str> {
        self.challenges.iter().map(|value| &**value)
    }

    /// What the server wants to see in the next proof, if it says so (RFC 9449 §9).
    #[must_use]
    pub fn nonce(&self) -> Option<DpopNonce> {
        DpopNonce::of_fields(self.nonces.iter().map(|value| &**value))
    }

    /// The challenge that counts for a request with such a token.
    pub(crate) fn challenge(&self, is_bound: bool) -> Option<ResourceChallenge> {
        let usual = ResourceChallenge::select(self.challenges())?;
        let own = is_bound.then(|| ResourceChallenge::select_bound(self.challenges())).flatten();
        Some(match own {
            // What is wrong with a bound token only its own challenge says; whether bearer tokens are taken, both.
            Some(own) => ResourceChallenge { scheme: usual.scheme, ..own },
            None => usual,
        })
    }

    /// What is wrong with the proof, if that is all that is wrong.
    pub(crate) fn proof_defect(&self) -> Option<ProofDefect> {
        let own = ResourceChallenge::select_bound(self.challenges())?;
        if own.wants_dpop_nonce() {
            return Some(ProofDefect::Nonce(self.nonce()));
        }
        own.is_invalid_dpop_proof().then_some(ProofDefect::Refused)
    }

    /// Whether the server's clock is about the same as this one, as far as its answer shows that.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::ClocksDiffer`].
    pub(crate) fn check_clocks(&self, now: UnixTime) -> Result<(), PeerIncompatible> {
        check_clocks(self.date.iter().map(|date| &**date), now)
    }
}

impl<'a, const N: usize> From<[(&'a str, &'a str); N]> for Head<'a> {
    fn from(fields: [(&'a str, &'a str); N]) -> Self {
        Self::of(fields.map(|(name, value)| (name, value.as_bytes())))
    }
}

impl<'a> From<&'a [(&'a str, &'a str)]> for Head<'a> {
    fn from(fields: &'a [(&'a str, &'a str)]) -> Self {
        Self::of(fields.iter().map(|(name, value)| (*name, value.as_bytes())))
    }
}

impl<'a> From<&'a Response> for Head<'a> {
    fn from(answer: &'a Response) -> Self {
        Self::of(answer.fields().map(|(name, value)| (name, value.as_bytes())))
    }
}

#[cfg(feature = "http")]
impl<'a> From<&'a http::HeaderMap> for Head<'a> {
    fn from(fields: &'a http::HeaderMap) -> Self {
        Self::of(fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Scheme;

    #[test]
    fn the_fields_that_count_are_found_by_names_in_any_case() {
        let fields: [(&str, &[u8]); 4] = [
            ("WWW-Authenticate", b"Basic \xff"),
            ("www-authenticate", b"Bearer"),
            ("DPoP-Nonce", b"n-1"),
            ("date", b"x"),
        ];
        let head = Head::of(fields);
        assert!(head.challenges().eq(["Basic \u{fffd}", "Bearer"]));
        assert_eq!(head.nonce(), DpopNonce::parse("n-1"));
        let twice = Head::from([("dpop-nonce", "a"), ("dpop-nonce", "b")]);
        assert_eq!(twice.nonce(), None);
    }

    #[test]
    fn a_bound_token_is_told_by_its_own_challenge_and_bearer_tokens_are_still_taken() {
        let head = Head::from([("www-authenticate", "Bearer, DPoP error=invalid_token")]);
        let found = |is_bound| head.challenge(is_bound).map(|it| (it.scheme, it.error));
        assert_eq!(found(false), Some((Scheme::Bearer, None)));
        assert_eq!(found(true), Some((Scheme::Bearer, Some("invalid_token".into()))));
        let alone = Head::from([("www-authenticate", "DPoP error=use_dpop_nonce")]);
        assert_eq!(alone.challenge(true).map(|it| it.scheme), Some(Scheme::Dpop));
    }
}
