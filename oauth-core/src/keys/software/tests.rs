use alloc::format;

use base64::engine::general_purpose::STANDARD;

use super::*;

fn pem(der: &[u8]) -> String {
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    format!("{begin}\n{}\n{end}\n", STANDARD.encode(der))
}

/// PKCS#8 with this algorithm identifier, and nothing in it.
fn hollow(algorithm: &[u8]) -> String {
    let length = |bytes: usize| u8::try_from(bytes).unwrap_or(0);
    let mut der = Vec::from([0x30, length(algorithm.len() + 7), 2, 1, 0]);
    der.extend([0x30, length(algorithm.len())]);
    der.extend(algorithm);
    der.extend([4, 0]);
    pem(&der)
}

/// RFC 7515 appendix A.3.
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";

#[cfg(feature = "es256")]
mod es256 {
    use alloc::string::ToString as _;

    use super::*;

    fn jwk(more: &str) -> String {
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"{more}}}"#)
    }

    /// RFC 7515 appendix A.3.
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

    fn hex(text: &str) -> Vec<u8> {
        let nibble = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0);
        let bytes = text.as_bytes().chunks(2).map(|two| nibble(two[0]) << 4 | nibble(two[1]));
        bytes.map(|byte| u8::try_from(byte).unwrap_or(0)).collect()
    }

    /// The same key in the form that `openssl genpkey` writes.
    const PKCS8: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff
H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp
7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt
-----END PRIVATE KEY-----
";

    /// RFC 6979 appendix A.2.5, with SHA-256.
    #[test]
    fn signatures_are_the_rfcs_own() {
        let secret = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
        let secret: [u8; 32] = secret.try_into().unwrap_or([0; 32]);
        let key = SoftwareKey::es256(&secret).unwrap_or_else(|e| panic!("{e}"));
        for (message, r, s) in [
            (
                "sample",
                "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
                "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
            ),
            (
                "test",
                "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
                "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
            ),
        ] {
            let signature = key.sign(SigningAlgorithm::Es256, message.as_bytes());
            assert_eq!(signature.ok(), Some(hex(&format!("{r}{s}"))));
        }
    }

    /// What the RFC signs, signed by the RFC's key, is verified by the RFC's public half.
    #[test]
    fn the_same_key_is_read_from_pem_and_from_jwk() {
        use p256::ecdsa::signature::Verifier as _;
        let input = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
                      dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let (x, y) = (URL_SAFE_NO_PAD.decode(X), URL_SAFE_NO_PAD.decode(Y));
        let point = [&[4], &*x.unwrap_or_default(), &*y.unwrap_or_default()].concat();
        let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point);
        let public = public.unwrap_or_else(|e| panic!("{e}"));
        for text in [PKCS8, &jwk(&format!(r#","d":"{D}""#))] {
            let key = SoftwareKey::parse(text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(PublicJwk::parse(&jwk("")).as_ref(), Ok(key.public_jwk()));
            assert_eq!(key.algorithms(), SigningAlgorithm::Es256.into());
            assert_eq!(key.key_id(), Some(&*key.public_jwk().thumbprint()));
            let signature = key.sign(SigningAlgorithm::Es256, input).unwrap_or_default();
            let signature = p256::ecdsa::Signature::from_slice(&signature);
            let signature = signature.unwrap_or_else(|e| panic!("{e}"));
            assert!(public.verify(input, &signature).is_ok());
        }
    }

    #[test]
    fn a_key_overwrites_itself() {
        erased::<p256::ecdsa::SigningKey>();
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        for bytes in [[0; 32], [0xFF; 32]] {
            assert_eq!(SoftwareKey::es256(&bytes).err(), Some(KeyDefect::Damaged));
        }
        // The last byte of the public half.
        let other = PKCS8.replace("rYpGIyiFiOWt", "rYpGIyiFiOWu");
        assert_eq!(SoftwareKey::parse(&other).err(), Some(KeyDefect::Damaged));
        let cut = PKCS8.replace("MIGHAgEAMBMGByqGSM49", "MIGHAgEAMBMGByqGSM4");
        assert_eq!(SoftwareKey::parse(&cut).err(), Some(KeyDefect::Damaged));
    }

    #[test]
    fn a_jwk_has_to_be_one_private_key_with_the_halves_of_one() {
        let other = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs";
        for (jwk, defect) in [
            (jwk(""), KeyDefect::Public),
            (jwk(r#","d":"""#), KeyDefect::Public),
            (jwk(r#","d":"planted""#), member("d")),
            (jwk(r#","d":"AAAA""#), member("d")),
            (jwk(&format!(r#","d":"{D}""#)).replace(X, other), KeyDefect::Halves),
            (format!(r#"{{"keys":[{}]}}"#, jwk("")), KeyDefect::Several),
            ("{".into(), KeyDefect::NoKey),
            ("{}".into(), member("kty")),
        ] {
            assert_eq!(SoftwareKey::parse(&jwk).err(), Some(defect), "{jwk}");
        }
    }

    #[test]
    fn a_key_has_the_name_that_the_host_gives_it_or_that_came_with_it() {
        let named = SoftwareKey::parse(&jwk(&format!(r#","d":"{D}","kid":"k 1""#)));
        let named = named.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(named.key_id(), Some("k 1"));
        let set = named.public_jwk_set();
        let expected = format!(
            r#"{{"keys":[{{"crv":"P-256","kty":"EC","x":"{X}","y":"{Y}","kid":"k 1","alg":"ES256","use":"sig"}}]}}"#
        );
        assert_eq!(set, expected);
        assert_eq!(named.with_key_id("k 2").key_id(), Some("k 2"));
    }

    #[test]
    fn another_algorithm_is_not_signed_with_and_nothing_is_shown() {
        let key = SoftwareKey::parse(PKCS8).unwrap_or_else(|e| panic!("{e}"));
        let refused = key.sign(SigningAlgorithm::Rs256, b"x").map_err(|why| why.to_string());
        assert_eq!(refused, Err("the key signs with ES256, not with RS256".into()));
        assert_eq!(format!("{key:?}"), "SoftwareKey(…)");
    }
}

#[cfg(feature = "eddsa")]
mod eddsa {
    use super::*;

    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    /// RFC 8037 appendix A.2 to A.4.
    #[test]
    fn signatures_and_names_are_the_rfcs_own() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
            -----END PRIVATE KEY-----";
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"{SEED}","x":"{PUBLIC}"}}"#);
        let mut seed = [0; 32];
        assert_eq!(URL_SAFE_NO_PAD.decode_slice(SEED, &mut seed), Ok(32));
        let keys = [SoftwareKey::parse(pem), SoftwareKey::parse(&jwk), SoftwareKey::ed25519(&seed)];
        for key in keys {
            let key = key.unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(key.key_id(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
            let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
            for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Ed25519] {
                assert!(key.algorithms().contains(algorithm));
                let signature = key.sign(algorithm, input).unwrap_or_default();
                assert_eq!(
                    URL_SAFE_NO_PAD.encode(signature),
                    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
                );
            }
        }
    }

    #[test]
    fn a_key_overwrites_itself() {
        erased::<ed25519_dalek::SigningKey>();
    }

    #[test]
    fn a_public_half_of_another_key_is_refused() {
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"{SEED}","x":"{X}"}}"#);
        assert_eq!(SoftwareKey::parse(&jwk).err(), Some(KeyDefect::Halves));
        let short = format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"AAAA","x":"{X}"}}"#);
        assert_eq!(SoftwareKey::parse(&short).err(), Some(member("d")));
    }
}

/// Holds where this compiles.
fn erased<T: zeroize::ZeroizeOnDrop>() {}

#[test]
fn other_keys_are_called_by_their_names() {
    let ec = |curve: &[u8]| [&[6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1], curve].concat();
    let rsa = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0];
    for (algorithm, name) in [
        (ec(&[6, 5, 0x2B, 0x81, 4, 0, 34]), "P-384"),
        (ec(&[6, 5, 0x2B, 0x81, 4, 0, 35]), "P-521"),
        (ec(&[6, 5, 0x2B, 0x81, 4, 0, 10]), "secp256k1"),
        (rsa.into(), "RSA"),
        (Vec::from([6, 3, 0x2B, 0x65, 110]), "X25519, which does not sign"),
        (Vec::from([6, 3, 0x2B, 0x65, 113]), "Ed448"),
        (Vec::from([6, 3, 0x2B, 0x65, 99]), "another algorithm"),
        (ec(&[]), "another algorithm"),
    ] {
        let defect = KeyDefect::Unsupported { algorithm: name.into() };
        assert_eq!(SoftwareKey::parse(&hollow(&algorithm)).err(), Some(defect));
    }
    let unsupported = |name: &str| Some(KeyDefect::Unsupported { algorithm: name.into() });
    for (jwk, name) in [
        (r#"{"kty":"oct","k":"planted"}"#, "oct"),
        (r#"{"kty":"RSA","e":"AQAB","n":"AQAB","d":"AQAB"}"#, "RSA"),
        (r#"{"kty":"EC","crv":"secp256k1","d":"AQAB"}"#, "secp256k1"),
    ] {
        assert_eq!(SoftwareKey::parse(jwk).err(), unsupported(name), "{jwk}");
    }
}

#[test]
fn a_key_whose_feature_is_off_says_which() {
    let pair = |curve: &str| Pair::from_bytes(curve, &[7; 32]).err();
    for (curve, feature, is_on) in
        [("P-256", "es256", cfg!(feature = "es256")), ("Ed25519", "eddsa", cfg!(feature = "eddsa"))]
    {
        let (algorithm, feature) = (curve.into(), feature.into());
        let off = KeyDefect::FeatureOff { algorithm, feature };
        assert_eq!(pair(curve), (!is_on).then_some(off));
    }
    let unsupported = KeyDefect::Unsupported { algorithm: "P-384".into() };
    assert_eq!(pair("P-384"), Some(unsupported));
}
