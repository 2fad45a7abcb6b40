//! Proof Key for Code Exchange, with S256 only (RFC 7636).

use sha2::{Digest as _, Sha256};

use crate::entropy::{ENCODED, RandomBytes, as_text, encode};

/// Hands `use_it` the challenge of a verifier: `BASE64URL(SHA256(ASCII(verifier)))` (RFC 7636 §4.2).
pub(crate) fn with_challenge<T>(verifier: &RandomBytes, use_it: impl FnOnce(&str) -> T) -> T {
    let digest = verifier.with_text(|text| Sha256::digest(text.as_bytes()));
    let mut challenge = [0; ENCODED];
    encode(&digest.into(), &mut challenge);
    use_it(as_text(&challenge))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    #[test]
    fn the_rfcs_own_example() {
        let verifier: RandomBytes =
            serde_json::from_str("\"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk\"")
                .unwrap_or_else(|e| panic!("{e}"));
        with_challenge(&verifier, |challenge| {
            assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        });
    }
}
