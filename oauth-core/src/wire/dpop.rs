//! DPoP: proofs that whoever shows a token has the key that the token is bound to (RFC 9449).
//!
//! A proof is for one request: each has a `jti` of its own, also when a request is sent again. What a server
//! wants to see in the next one, its nonce, comes in a header field of any answer.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest as _, Sha256};

use crate::error::PeerIncompatible;
use crate::http::Response;
use crate::http_date;
use crate::json::Text;
use crate::keys::PublicJwk;
use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};
use crate::time::UnixTime;
use crate::wire::jws::{Jti, Unsigned};

/// What a server wants to see in the next proof (RFC 9449 §8, §9). It says nothing to anybody else.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct DpopNonce(Box<str>);

impl DpopNonce {
    /// The longest nonce that is kept, in bytes.
    pub const MAX_LENGTH: usize = 256;

    /// Reads one. `None` if it is empty, longer than [`MAX_LENGTH`](Self::MAX_LENGTH), or has other characters than
    /// nonces may have (RFC 9449 §8.1).
    ///
    /// ```
    /// # use oauth_core::wire::DpopNonce;
    /// assert!(DpopNonce::parse("eyJ7S_zG.eyJH0-Z.HX4w-7v").is_some());
    /// assert!(DpopNonce::parse("two words").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_nqchar = |byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_nqchar);
        fits.then(|| Self(text.into()))
    }

    /// The one that an answer brings: from the values of all of its `DPoP-Nonce` fields. Of two nobody knows which
    /// counts, so neither does.
    #[must_use]
    pub fn of_fields<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(only), None) => Self::parse(only.trim_ascii()),
            _ => None,
        }
    }

    /// The same for an answer of this crate's own requests.
    #[must_use]
    pub fn of(response: &Response) -> Option<Self> {
        Self::of_fields(response.header("dpop-nonce"))
    }

    /// The nonce as it goes into a proof.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DpopNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopNonce(…)")
    }
}

impl<'de> Deserialize<'de> for DpopNonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nonce = Self::parse(&Text::deserialize(deserializer)?);
        nonce.ok_or_else(|| de::Error::custom("a nonce was expected, and is not shown"))
    }
}

/// What a proof says: which request it is for, and which token goes with that.
pub(crate) struct DpopProof<'a> {
    /// As it is sent.
    pub(crate) method: &'a str,
    /// As it is sent; query and fragment are left out of the proof.
    pub(crate) url: &'a str,
    /// The token that the request shows; none where tokens are asked for.
    pub(crate) access_token: Option<&'a str>,
    pub(crate) nonce: Option<&'a DpopNonce>,
    pub(crate) public_key: &'a PublicJwk,
    pub(crate) algorithm: SigningAlgorithm,
    /// By what a host finds the key. The proof does not say it.
    pub(crate) key_id: Option<&'a str>,
}

impl DpopProof<'_> {
    /// The proof for one request that is about to be sent, before it is signed (RFC 9449 §4.2).
    pub(crate) fn unsigned(&self, jti: Jti, now: UnixTime) -> Unsigned {
        let Self { method, url, access_token, nonce, public_key, algorithm, key_id } = *self;
        let header = Header { typ: "dpop+jwt", alg: algorithm, jwk: public_key };
        let htu = &url[..url.find(['?', '#']).unwrap_or(url.len())];
        let ath = access_token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
        let nonce = nonce.map(DpopNonce::as_str);
        let claims = Claims { jti, htm: method, htu, iat: now, ath, nonce };
        Unsigned::new(&header, &claims, key_id, algorithm)
    }
}

/// The algorithm for proofs: the first one that the key can do and the server lists. Where it lists none, the key
/// decides.
///
/// # Errors
///
/// [`PeerIncompatible::NoDpopAlgorithm`], which names both lists.
pub(crate) fn dpop_algorithm(
    server: &str,
    listed: Option<SigningAlgorithms>,
    able: SigningAlgorithms,
) -> Result<SigningAlgorithm, PeerIncompatible> {
    let both = listed.map_or(able, |listed| listed.common(able));
    both.iter().next().ok_or_else(|| PeerIncompatible::NoDpopAlgorithm {
        server: server.into(),
        listed: listed.unwrap_or_default(),
        able,
    })
}

/// Looks at the clocks when a proof was refused: at the values of the answer's `Date` field, and the time here. Servers
/// take proofs that are off by five minutes at most (RFC 9449 §11.1).
///
/// # Errors
///
/// [`PeerIncompatible::ClocksDiffer`]: no other proof will do better before one of them is right.
pub(crate) fn check_clocks<'a>(
    dates: impl IntoIterator<Item = &'a str>,
    now: UnixTime,
) -> Result<(), PeerIncompatible> {
    let date = dates.into_iter().find_map(|date| http_date::parse(date.trim_ascii()));
    let Some(server) = date else { return Ok(()) };
    if now.since(server).max(server.since(now)) <= TOLERATED {
        return Ok(());
    }
    Err(PeerIncompatible::ClocksDiffer { here: now, server })
}

const TOLERATED: Duration = Duration::from_secs(300);

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: SigningAlgorithm,
    jwk: &'a PublicJwk,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: Jti,
    htm: &'a str,
    htu: &'a str,
    iat: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

#[cfg(test)]
mod tests;
