//! `private_key_jwt`: a client shows who it is by what it signs (RFC 7523 §2.2, with what
//! draft-ietf-oauth-rfc7523bis-10 §4 makes of it).
//!
//! An assertion is for one request: each has a `jti` of its own, also when a request is sent again.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::PeerIncompatible;
use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};
use crate::time::UnixTime;
use crate::wire::issuer::Issuer;
use crate::wire::jws::{Jti, KeyDescription, Unsigned};

/// How client assertions are written for one authorization server. The defaults are what the newest rules
/// want; servers that know older ones only may need the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionStyle {
    /// Whom the assertion is for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub audience: AssertionAudience,
    /// What the assertion says that it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub typ: AssertionTyp,
    /// Whether the request names the client beside the assertion.
    #[serde(default, skip_serializing_if = "is_default")]
    pub client_id: ClientIdMode,
}

/// What the `aud` of a client assertion says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AssertionAudience {
    /// The issuer, byte for byte (draft-ietf-oauth-rfc7523bis-10 §4).
    #[default]
    Issuer,
    /// The URL of the token endpoint, as RFC 7523 §3 allowed.
    ///
    /// # Security
    ///
    /// A malicious server can name the token endpoint of another one, and use the assertion there: only for a
    /// server whose endpoints are known.
    TokenEndpoint,
}

/// What the `typ` of a client assertion says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AssertionTyp {
    /// `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis-10 §4).
    #[default]
    ClientAuthentication,
    /// `JWT`, for servers that take nothing else.
    Jwt,
}

impl AssertionTyp {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ClientAuthentication => "client-authentication+jwt",
            Self::Jwt => "JWT",
        }
    }
}

/// Whether a request with a client assertion has a `client_id` too (RFC 7521 §4.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientIdMode {
    /// It has none: `sub` of the assertion says who it is.
    #[default]
    Omit,
    /// It has one, for servers that look for the client there.
    Send,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Who says what to whom in an assertion.
pub(crate) struct ClientAssertion<'a> {
    /// For a client that is described by a document, the document's URL.
    pub(crate) client_id: &'a str,
    pub(crate) issuer: &'a Issuer,
    pub(crate) token_endpoint: &'a str,
    pub(crate) style: AssertionStyle,
    pub(crate) key_id: Option<&'a str>,
    pub(crate) algorithm: SigningAlgorithm,
}

impl ClientAssertion<'_> {
    /// The assertion for one request that is about to be sent, before it is signed.
    pub(crate) fn unsigned(&self, jti: Jti, now: UnixTime) -> Unsigned {
        let Self { client_id, issuer, token_endpoint, style, key_id, algorithm } = *self;
        let header = Header { alg: algorithm, typ: style.typ.as_str(), kid: key_id };
        let aud = match style.audience {
            AssertionAudience::Issuer => issuer.as_str(),
            AssertionAudience::TokenEndpoint => token_endpoint,
        };
        let (iat, exp) = (now, now + LIFETIME);
        let claims = Claims { iss: client_id, sub: client_id, aud, iat, exp, jti };
        Unsigned::new(&header, &claims, key_id, algorithm)
    }
}

/// The algorithm for a server's signatures: the first one that the key can do and the server lists. Where it
/// lists none, the key decides.
///
/// # Errors
///
/// [`PeerIncompatible::NoSigningAlgorithm`], which names both lists.
pub(crate) fn signing_algorithm(
    issuer: &Issuer,
    listed: Option<SigningAlgorithms>,
    key: &KeyDescription,
) -> Result<SigningAlgorithm, PeerIncompatible> {
    let able = key.algorithms;
    let both = listed.map_or(able, |listed| listed.common(able));
    both.iter().next().ok_or_else(|| PeerIncompatible::NoSigningAlgorithm {
        issuer: Box::from(issuer.as_str()),
        listed: listed.unwrap_or_default(),
        able,
    })
}

#[derive(Serialize)]
struct Header<'a> {
    alg: SigningAlgorithm,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

/// RFC 7523 §3.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: UnixTime,
    exp: UnixTime,
    jti: Jti,
}

/// Long enough for a slow request, and for a clock that is a little late; whoever steals an assertion
/// has no longer.
const LIFETIME: core::time::Duration = core::time::Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;
    use crate::address_policy::AddressPolicy;

    const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

    fn issuer() -> Issuer {
        Issuer::parse("https://as.example/t/", AddressPolicy::PUBLIC)
            .unwrap_or_else(|e| panic!("{e}"))
    }

    /// Header and claims, decoded.
    fn parts(unsigned: &Unsigned) -> [String; 2] {
        let input = core::str::from_utf8(unsigned.bytes()).unwrap_or_default();
        let parts: Vec<_> = input
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default())
            .map(|part| String::from_utf8(part).unwrap_or_default())
            .collect();
        parts.try_into().unwrap_or_default()
    }

    fn written(style: AssertionStyle, key_id: Option<&str>) -> [String; 2] {
        let assertion = ClientAssertion {
            client_id: "https://app.example/\"client\".json",
            issuer: &issuer(),
            token_endpoint: "https://as.example/token",
            style,
            key_id,
            algorithm: SigningAlgorithm::Es256,
        };
        parts(&assertion.unsigned(Jti::new([0xFF; 16]), NOW))
    }

    #[test]
    fn an_assertion_says_what_the_newest_rules_want() {
        assert_eq!(
            written(AssertionStyle::default(), Some("k/1")),
            [
                r#"{"alg":"ES256","typ":"client-authentication+jwt","kid":"k/1"}"#,
                concat!(
                    r#"{"iss":"https://app.example/\"client\".json","#,
                    r#""sub":"https://app.example/\"client\".json","#,
                    r#""aud":"https://as.example/t/","iat":1900000000,"exp":1900000060,"#,
                    r#""jti":"_____________________w"}"#
                ),
            ]
        );
    }

    /// OpenSSL verifies it: with ES256 the same bytes give the same signature (RFC 6979).
    #[cfg(feature = "es256")]
    #[test]
    fn a_signed_assertion_is_the_same_to_the_last_byte() {
        use crate::keys::{Signer as _, SoftwareKey};
        let key = SoftwareKey::es256(&[7; 32]).unwrap_or_else(|e| panic!("{e}"));
        let description = KeyDescription::of(&key);
        let issuer = issuer();
        let algorithm = signing_algorithm(&issuer, None, &description);
        let assertion = ClientAssertion {
            client_id: "client-1",
            issuer: &issuer,
            token_endpoint: "https://as.example/token",
            style: AssertionStyle::default(),
            key_id: description.key_id.as_deref(),
            algorithm: algorithm.unwrap_or_else(|e| panic!("{e}")),
        };
        let unsigned = assertion.unsigned(Jti::new([9; 16]), NOW);
        let signature = key.sign(unsigned.algorithm(), unsigned.bytes());
        let signed = unsigned.signed(&signature.unwrap_or_else(|e| panic!("{e}")));
        assert_eq!(signed.unwrap_or_else(|e| panic!("{e}")).expose(), SIGNED);
    }

    #[cfg(feature = "es256")]
    const SIGNED: &str = concat!(
        "eyJhbGciOiJFUzI1NiIsInR5cCI6ImNsaWVudC1hdXRoZW50aWNhdGlvbitqd3QiLCJraWQiOiJnV2p0N25tQjF1",
        "ZHlGcExZVnAwU3hKbkk4bEpFdmw3cThBRllaUnFuR1Y4In0.",
        "eyJpc3MiOiJjbGllbnQtMSIsInN1YiI6ImNsaWVudC0xIiwiYXVkIjoiaHR0cHM6Ly9hcy5leGFtcGxlL3QvIiwi",
        "aWF0IjoxOTAwMDAwMDAwLCJleHAiOjE5MDAwMDAwNjAsImp0aSI6IkNRa0pDUWtKQ1FrSkNRa0pDUWtKQ1EifQ.",
        "HWyLanxDGLXF64IyerucDSCjuQcgLYKlCz2mwBRzbavwDt1QlE7ZG9HWDnRz1Ss0jfDSqTSqNVwdeMWtx8Hw2Q",
    );

    #[test]
    fn it_can_be_written_for_older_servers() {
        let style = AssertionStyle {
            audience: AssertionAudience::TokenEndpoint,
            typ: AssertionTyp::Jwt,
            ..AssertionStyle::default()
        };
        let [header, claims] = written(style, None);
        assert_eq!(header, r#"{"alg":"ES256","typ":"JWT"}"#);
        assert!(claims.contains(r#""aud":"https://as.example/token","#), "{claims}");
    }

    #[test]
    fn a_style_is_stored_as_far_as_it_is_unusual() {
        let style = AssertionStyle { client_id: ClientIdMode::Send, ..AssertionStyle::default() };
        for (style, stored) in
            [(AssertionStyle::default(), "{}"), (style, r#"{"client_id":"send"}"#)]
        {
            assert_eq!(serde_json::to_string(&style).ok().as_deref(), Some(stored));
            assert_eq!(serde_json::from_str(stored).ok(), Some(style));
        }
    }

    #[test]
    fn each_request_has_a_jti_of_its_own() {
        let assertion = |jti| {
            let (issuer, style) = (issuer(), AssertionStyle::default());
            let (client_id, token_endpoint, key_id) = ("c", "", None);
            let algorithm = SigningAlgorithm::EdDsa;
            ClientAssertion { client_id, issuer: &issuer, token_endpoint, style, key_id, algorithm }
                .unsigned(Jti::new(jti), NOW)
        };
        assert_ne!(assertion([1; 16]), assertion([2; 16]));
    }

    #[test]
    fn the_algorithm_is_one_that_both_sides_know() {
        use SigningAlgorithm::{EdDsa, Es256, Ps256, Rs256};
        let set = |it: &[SigningAlgorithm]| it.iter().copied().collect::<SigningAlgorithms>();
        for (listed, able, chosen) in [
            (None, &[Es256][..], Some(Es256)),
            (None, &[Ps256], Some(Ps256)),
            (Some(&[Rs256, Es256][..]), &[Es256], Some(Es256)),
            (Some(&[Ps256]), &[Rs256, Ps256], Some(Ps256)),
            (Some(&[Rs256, Ps256]), &[Es256, EdDsa], None),
            (Some(&[]), &[Es256], None),
            (None, &[], None),
        ] {
            let key = KeyDescription { key_id: None, algorithms: set(able) };
            let listed = listed.map(set);
            let refused = PeerIncompatible::NoSigningAlgorithm {
                issuer: "https://as.example/t/".into(),
                listed: listed.unwrap_or_default(),
                able: set(able),
            };
            assert_eq!(signing_algorithm(&issuer(), listed, &key), chosen.ok_or(refused));
        }
    }

    proptest! {
        #[test]
        fn what_is_said_can_be_read_back(client_id in ".{0,40}", kid in ".{0,9}", jti: [u8; 16]) {
            let assertion = ClientAssertion {
                client_id: &client_id,
                issuer: &issuer(),
                token_endpoint: "",
                style: AssertionStyle::default(),
                key_id: Some(&kid),
                algorithm: SigningAlgorithm::Es256,
            };
            let unsigned = assertion.unsigned(Jti::new(jti), NOW);
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            prop_assert!(unsigned.bytes().iter().all(is_plain));
            let read = |part: String| serde_json::from_str::<serde_json::Value>(&part).ok();
            let [header, claims] = parts(&unsigned).map(read);
            let (header, claims) = (header.unwrap_or_default(), claims.unwrap_or_default());
            prop_assert_eq!(header["kid"].as_str(), Some(&*kid));
            prop_assert_eq!(claims["sub"].as_str(), Some(&*client_id));
            let found = claims["jti"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            prop_assert_eq!(found.as_deref(), Some(&jti[..]));
        }
    }
}
