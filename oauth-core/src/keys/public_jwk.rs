//! Public halves of keys as JWK (RFC 7517, RFC 7518 §6, RFC 8037 §2), and their thumbprints (RFC 7638).

use alloc::boxed::Box;
use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest as _, Sha256};

use crate::json::Members;
use crate::keys::KeyDefect;
use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};

/// The public half of a key, with no member but those that make it the key that it is.
///
/// ```
/// let key = oauth_core::keys::PublicJwk::parse(r#"{"kty":"OKP","crv":"Ed25519","kid":"left out",
///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)?;
/// assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<(), oauth_core::keys::KeyDefect>(())
/// ```
// In the order of the alphabet, in which they are hashed (RFC 7638 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct PublicJwk {
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<Box<str>>,
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<Box<str>>,
}

impl PublicJwk {
    /// Reads a JWK. Of a private one only the public half is taken.
    ///
    /// # Errors
    ///
    /// [`KeyDefect::Member`], [`KeyDefect::Unsupported`] for a kind of key that nobody signs with, or
    /// [`KeyDefect::NoKey`].
    pub fn parse(json: &str) -> Result<Self, KeyDefect> {
        Self::read(&mut Members::of(json.as_bytes()).map_err(|_| KeyDefect::NoKey)?)
    }

    pub(super) fn read(members: &mut Members<'_>) -> Result<Self, KeyDefect> {
        let mut text = |name| members.required_text(name).map_err(|_| member(name));
        let kty = text("kty")?;
        let unsupported = |algorithm: &str| {
            let algorithm = algorithm.chars().filter(char::is_ascii_graphic).take(32);
            KeyDefect::Unsupported { algorithm: algorithm.collect::<String>().into() }
        };
        let (crv, length) = match &*kty {
            "RSA" => {
                let [e, n] = ["e", "n"].map(|name| bytes(&text(name)?, name, None));
                return Ok(Self {
                    crv: None,
                    e: Some(e?),
                    kty: "RSA",
                    n: Some(n?),
                    x: None,
                    y: None,
                });
            }
            "EC" | "OKP" => {
                let crv = text("crv")?;
                let known = CURVES.iter().find(|(kind, name, _)| **kind == *kty && **name == *crv);
                known.map(|(_, name, length)| (*name, *length)).ok_or_else(|| unsupported(&crv))?
            }
            other => return Err(unsupported(other)),
        };
        let x = bytes(&text("x")?, "x", Some(length))?;
        let (kty, y) = match &*kty {
            "EC" => ("EC", Some(bytes(&text("y")?, "y", Some(length))?)),
            _ => ("OKP", None),
        };
        Ok(Self { crv: Some(crv), e: None, kty, n: None, x: Some(x), y })
    }

    #[cfg(feature = "es256")]
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Self {
        let [x, y] = [x, y].map(|it| Some(URL_SAFE_NO_PAD.encode(it).into()));
        Self { crv: Some("P-256"), e: None, kty: "EC", n: None, x, y }
    }

    #[cfg(feature = "eddsa")]
    pub(super) fn ed25519(x: &[u8]) -> Self {
        let x = Some(URL_SAFE_NO_PAD.encode(x).into());
        Self { crv: Some("Ed25519"), e: None, kty: "OKP", n: None, x, y: None }
    }

    /// What keys of this kind sign with (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864).
    #[must_use]
    pub fn algorithms(&self) -> SigningAlgorithms {
        use SigningAlgorithm as It;
        let all: &[It] = match self.crv {
            Some("P-256") => &[It::Es256],
            Some("P-384") => &[It::Es384],
            Some("P-521") => &[It::Es512],
            Some("Ed25519") => &[It::EdDsa, It::Ed25519],
            Some(_) => &[It::EdDsa],
            None => &[It::Rs256, It::Rs384, It::Rs512, It::Ps256, It::Ps384, It::Ps512],
        };
        all.iter().copied().collect()
    }

    /// The key's thumbprint with SHA-256 (RFC 7638): a name that says which key it is. It is the `jkt` of
    /// DPoP, too (RFC 9449 §6.1).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.to_json()))
    }

    /// The JWK as JSON, without white space.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts alone always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for PublicJwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        Self::parse(&alloc::format!("{json}")).map_err(de::Error::custom)
    }
}

/// Base64url as it is written, if it stands for bytes, and for that many.
fn bytes(text: &str, name: &'static str, length: Option<usize>) -> Result<Box<str>, KeyDefect> {
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) if length.is_none_or(|length| bytes.len() == length) => Ok(text.into()),
        _ => Err(member(name)),
    }
}

pub(super) fn member(name: &'static str) -> KeyDefect {
    KeyDefect::Member { name: name.into() }
}

/// Kind and name of each curve that is signed on, and the bytes of a coordinate.
const CURVES: [(&str, &str, usize); 5] = [
    ("EC", "P-256", 32),
    ("EC", "P-384", 48),
    ("EC", "P-521", 66),
    ("OKP", "Ed25519", 32),
    ("OKP", "Ed448", 57),
];

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// RFC 7638 §3.1, RFC 8037 appendix A.3, RFC 9449 §6.1.
    #[test]
    fn the_rfcs_own_examples() {
        for (jwk, thumbprint) in [
            (
                r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            ),
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
                "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            ),
            (
                r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#,
                "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            ),
        ] {
            let key = PublicJwk::parse(jwk).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(key.thumbprint(), thumbprint);
            assert_eq!(PublicJwk::parse(&key.to_json()), Ok(key.clone()));
            assert_eq!(serde_json::from_str(jwk).ok(), Some(key));
        }
    }

    #[test]
    fn nothing_private_is_taken() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwk = format!(r#"{{"d":"planted","kid":"k","x":"{x}","kty":"OKP","crv":"Ed25519"}}"#);
        let key = PublicJwk::parse(&jwk).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(key.to_json(), format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
    }

    #[test]
    fn what_is_no_public_key_is_refused_by_name() {
        let unsupported = |name: &str| KeyDefect::Unsupported { algorithm: name.into() };
        let short = "AAAA";
        for (jwk, defect) in [
            ("", KeyDefect::NoKey),
            ("[]", KeyDefect::NoKey),
            ("{}", member("kty")),
            (r#"{"kty":"oct","k":"planted"}"#, unsupported("oct")),
            (r#"{"kty":"EC"}"#, member("crv")),
            (r#"{"kty":"EC","crv":"secp256k1"}"#, unsupported("secp256k1")),
            (r#"{"kty":"EC","crv":"Ed25519"}"#, unsupported("Ed25519")),
            (r#"{"kty":"OKP","crv":"X25519"}"#, unsupported("X25519")),
            (r#"{"kty":"\u001b[2J"}"#, unsupported("[2J")),
            (&format!(r#"{{"kty":"EC","crv":"P-256","x":"{short}"}}"#), member("x")),
            (&format!(r#"{{"kty":"EC","crv":"P-256","x":"{short}","y":"{short}"}}"#), member("x")),
            (r#"{"kty":"RSA","e":"A+/=","n":"AQAB"}"#, member("e")),
            (r#"{"kty":"RSA","e":"AQAB"}"#, member("n")),
        ] {
            assert_eq!(PublicJwk::parse(jwk), Err(defect), "{jwk}");
        }
    }
}
