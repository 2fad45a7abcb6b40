use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::keys::DpopKey;

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

/// RFC 9449 §4.1.
const JWK: &str = r#"{"kty":"EC","crv":"P-256","kid":"left out","d":"planted",
    "x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;

fn public_key() -> PublicJwk {
    PublicJwk::parse(JWK).unwrap_or_else(|e| panic!("{e}"))
}

/// Header and claims, decoded.
fn parts(unsigned: &Unsigned) -> [String; 2] {
    let input = core::str::from_utf8(unsigned.bytes()).unwrap_or_default();
    let parts = input.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let parts: Vec<_> = parts.map(|part| String::from_utf8(part).unwrap_or_default()).collect();
    parts.try_into().unwrap_or_default()
}

fn proof<'a>(public_key: &'a PublicJwk, method: &'a str, url: &'a str) -> DpopProof<'a> {
    let (access_token, nonce, key_id) = (None, None, None);
    let algorithm = SigningAlgorithm::Es256;
    DpopProof { method, url, access_token, nonce, public_key, algorithm, key_id }
}

const HEADER: &str = concat!(
    r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{"crv":"P-256","kty":"EC","#,
    r#""x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","#,
    r#""y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}}"#
);

#[test]
fn a_proof_for_a_token_request_names_the_request_and_nothing_else() {
    let public_key = public_key();
    let unsigned =
        proof(&public_key, "POST", "https://as.example/t?p=1").unsigned(Jti::new([0xFF; 16]), NOW);
    let claims = concat!(
        r#"{"jti":"_____________________w","htm":"POST","htu":"https://as.example/t","#,
        r#""iat":1900000000}"#
    );
    assert_eq!(parts(&unsigned), [HEADER, claims]);
    assert_eq!((unsigned.key_id(), unsigned.algorithm()), (None, SigningAlgorithm::Es256));
}

/// The hash of the token is that of RFC 9449 §7.1.
#[test]
fn a_proof_for_a_resource_names_its_token_and_its_nonce() {
    let (public_key, nonce) = (public_key(), DpopNonce::parse("n+/=.1"));
    let proof = DpopProof {
        access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        nonce: nonce.as_ref(),
        key_id: Some("k"),
        ..proof(&public_key, "DELETE", "https://mcp.example/mcp?a=b#c")
    };
    let unsigned = proof.unsigned(Jti::new([0; 16]), NOW);
    let claims = concat!(
        r#"{"jti":"AAAAAAAAAAAAAAAAAAAAAA","htm":"DELETE","htu":"https://mcp.example/mcp","#,
        r#""iat":1900000000,"ath":"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo","nonce":"n+/=.1"}"#
    );
    assert_eq!(parts(&unsigned), [HEADER, claims]);
    assert_eq!(unsigned.key_id(), Some("k"), "for the host, not for the server");
}

/// No proof is good for a second request.
#[test]
fn two_proofs_are_never_the_same() {
    let public_key = public_key();
    let proof = proof(&public_key, "POST", "https://as.example/t");
    let [one, other] = [[1; 16], [2; 16]].map(|jti| proof.unsigned(Jti::new(jti), NOW));
    assert_ne!(one, other);
}

#[test]
fn a_signed_proof_goes_into_a_header_field_and_shows_nothing() {
    use crate::http::{Endpoint, Request};
    use crate::secret::SecretBuffer;
    use crate::url::{HttpAllowance, HttpUrl};
    let url = HttpUrl::parse("https://as.example/t", HttpAllowance::Forbidden);
    let url = url.unwrap_or_else(|e| panic!("{e}"));
    let public_key = public_key();
    let request = Request::form(Endpoint::Token, url, SecretBuffer("a=b".into()));
    let proof = proof(&public_key, request.method().as_str(), request.url().as_str());
    let signed = proof.unsigned(Jti::new([7; 16]), NOW).signed(&[7; 64]);
    let signed = signed.unwrap_or_else(|e| panic!("{e}"));
    let text: String = signed.expose().into();
    let request = request.with_proof(Some(signed.into()));
    let fields: Vec<_> = request.headers().filter(|(name, _)| *name == "dpop").collect();
    assert_eq!(fields, [("dpop", &*text)]);
    assert!(!text.contains(',') && !format!("{request:?}").contains(&*text));
}

#[test]
fn an_answer_brings_one_nonce_or_none() {
    let nonce = |fields: &[(&str, &str)]| {
        let response = fields
            .iter()
            .fold(Response::new(200, Vec::new()), |it, (name, value)| it.with_header(name, value));
        DpopNonce::of(&response).map(|nonce| String::from(nonce.as_str()))
    };
    let long = "x".repeat(DpopNonce::MAX_LENGTH);
    for (fields, found) in [
        (&[("DPoP-Nonce", "n-1.~")][..], Some("n-1.~")),
        (&[("dpop-nonce", "\tn ")], Some("n")),
        (&[("dpop-nonce", &long)], Some(&*long)),
        (&[], None),
        (&[("dpop-nonce", "")], None),
        (&[("dpop-nonce", "a"), ("DPoP-Nonce", "b")], None),
        (&[("dpop-nonce", "a"), ("DPoP-Nonce", "a")], None),
        (&[("dpop-nonce", "a b")], None),
        (&[("dpop-nonce", "a, b")], None),
        (&[("dpop-nonce", "a\"b")], None),
        (&[("dpop-nonce", "a\\b")], None),
        (&[("dpop-nonce", "ä")], None),
        (&[("dpop-nonce", "a\u{7f}")], None),
        (&[("dpop-nonce", &format!("{long}x"))], None),
    ] {
        assert_eq!(nonce(fields).as_deref(), found, "{fields:?}");
    }
}

#[test]
fn a_nonce_is_stored_and_not_shown() {
    let nonce = DpopNonce::parse("planted").unwrap_or_else(|| panic!());
    assert!(!format!("{nonce:?}").contains("planted"));
    let stored = serde_json::to_string(&nonce).unwrap_or_default();
    assert_eq!((&*stored, serde_json::from_str(&stored).ok()), ("\"planted\"", Some(nonce)));
    for wrong in ["\"plan ted\"", "\"\"", "7"] {
        let error = serde_json::from_str::<DpopNonce>(wrong).map_err(|error| format!("{error}"));
        assert!(error.is_err_and(|error| !error.contains("plan")), "{wrong}");
    }
}

#[test]
fn a_key_signs_with_what_its_kind_allows_and_what_it_was_limited_to() {
    use SigningAlgorithm::{Ed25519, EdDsa, Es256, Ps256, Rs256};
    let key = DpopKey::new(public_key());
    assert_eq!(key.algorithms(), Es256.into());
    assert_eq!(key.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let ed25519 =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let rsa = r#"{"kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN"}"#;
    let set = |it: &[SigningAlgorithm]| it.iter().copied().collect::<SigningAlgorithms>();
    for (jwk, able, expected) in [
        (JWK, None, set(&[Es256])),
        (JWK, Some(set(&[Es256, Rs256])), set(&[Es256])),
        (JWK, Some(set(&[Rs256])), SigningAlgorithms::NONE),
        (ed25519, None, set(&[EdDsa, Ed25519])),
        (ed25519, Some(set(&[Ed25519])), set(&[Ed25519])),
        (rsa, Some(set(&[Ps256, Es256])), set(&[Ps256])),
    ] {
        let key = DpopKey::new(PublicJwk::parse(jwk).unwrap_or_else(|e| panic!("{e}")));
        let key = match able {
            Some(able) => key.with_algorithms(able),
            None => key,
        };
        assert_eq!(key.algorithms(), expected, "{jwk}");
        let stored = serde_json::to_string(&key).unwrap_or_default();
        assert!(!stored.contains("planted"));
        assert_eq!(serde_json::from_str(&stored).ok(), Some(key));
    }
}

#[test]
fn the_algorithm_is_one_that_both_sides_know() {
    use SigningAlgorithm::{Ed25519, EdDsa, Es256, Ps256, Rs256};
    let set = |it: &[SigningAlgorithm]| it.iter().copied().collect::<SigningAlgorithms>();
    for (listed, able, chosen) in [
        (None, &[Es256][..], Some(Es256)),
        (Some(&[Rs256, Es256][..]), &[Es256], Some(Es256)),
        (Some(&[Ed25519, Ps256]), &[EdDsa, Ed25519], Some(Ed25519)),
        (Some(&[Rs256, Ps256]), &[Es256], None),
        (Some(&[]), &[Es256], None),
        (None, &[], None),
    ] {
        let (listed, able) = (listed.map(set), set(able));
        let refused = PeerIncompatible::NoDpopAlgorithm {
            server: "https://as.example".into(),
            listed: listed.unwrap_or_default(),
            able,
        };
        let found = dpop_algorithm("https://as.example", listed, able);
        assert_eq!(found, chosen.ok_or(refused));
    }
}

#[test]
fn a_clock_is_wrong_if_it_is_five_minutes_off() {
    let noon = UnixTime::from_secs(784_123_200); // 1994-11-06T12:00:00Z
    let differ = |here| Err(PeerIncompatible::ClocksDiffer { here, server: noon });
    let date = ["Sun, 06 Nov 1994 12:00:00 GMT"];
    for (seconds, off) in [(0, false), (300, false), (301, true)] {
        let later = noon + Duration::from_secs(seconds);
        let earlier = UnixTime::from_secs(noon.as_secs() - seconds);
        for here in [later, earlier] {
            let expected = if off { differ(here) } else { Ok(()) };
            assert_eq!(check_clocks(date, here), expected, "{here}");
        }
    }
    for unknown in [&[][..], &["today"]] {
        assert_eq!(check_clocks(unknown.iter().copied(), noon), Ok(()));
    }
    assert!(check_clocks(["today", date[0]], NOW).is_err());
}

proptest! {
    #[test]
    fn what_is_said_can_be_read_back(
        method in "[A-Z]{1,8}",
        url in "https://[a-z.]{1,9}(/[ -~é]{0,12})?",
        more in "([?#][ -~]{0,9})?",
        token in proptest::option::of("[!-~]{1,40}"),
        nonce in "[!#-\\[\\]-~]{1,20}",
        jti: [u8; 16],
    ) {
        let public_key = public_key();
        let nonce = DpopNonce::parse(&nonce);
        prop_assert!(nonce.is_some());
        let whole = format!("{url}{more}");
        let proof = DpopProof {
            access_token: token.as_deref(),
            nonce: nonce.as_ref(),
            ..proof(&public_key, &method, &whole)
        };
        let unsigned = proof.unsigned(Jti::new(jti), NOW);
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        prop_assert!(unsigned.bytes().iter().all(is_plain));
        let claims: serde_json::Value =
            serde_json::from_str(&parts(&unsigned)[1]).unwrap_or_default();
        let bare = whole.split(['?', '#']).next();
        prop_assert_eq!((claims["htm"].as_str(), claims["htu"].as_str()), (Some(&*method), bare));
        prop_assert_eq!(claims["nonce"].as_str(), nonce.as_ref().map(DpopNonce::as_str));
        let ath = claims["ath"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        prop_assert_eq!(ath, token.map(|token| Sha256::digest(token).to_vec()));
        let found = claims["jti"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        prop_assert_eq!(found.as_deref(), Some(&jti[..]));
    }

    #[test]
    fn any_text_is_a_nonce_or_none(text in ".{0,300}") {
        let nonce = DpopNonce::parse(&text);
        prop_assert!(nonce.is_none_or(|nonce| nonce.as_str() == text && text.is_ascii()));
    }
}
