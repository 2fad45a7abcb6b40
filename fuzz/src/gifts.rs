//! What a host gives that is no message of the protocol: signatures, a key, and what says who it is.
//!
//! Nothing is computed for a signature. The machine looks at its length alone, and real ones are those of the target
//! `keys`.

use oauth_core::UnixTime;
use oauth_core::flow::{AssertionReply, KeyReply, SignReply};
use oauth_core::keys::{DpopKey, PublicJwk};
use oauth_core::wire::SubjectToken;

/// Signs what is asked for. The number makes it unlike what was signed before.
///
/// # Panics
///
/// There is nothing to sign.
pub(crate) fn sign(reply: SignReply<'_>, number: u32, now: UnixTime) {
    let unsigned = reply.unsigned(random(number), now).expect("there is something to sign");
    reply.signed(&unsigned, &SIGNATURE).expect("it has the length of a signature");
}

/// Bytes that no other signature has.
pub(crate) fn random(number: u32) -> [u8; 16] {
    u128::from(number).to_le_bytes()
}

/// Says who the workload, or the user of an enterprise, is.
pub(crate) fn say(reply: AssertionReply<'_>) {
    reply.given(SubjectToken::from("planted.assertion.of-the-host"));
}

/// Gives the key that tokens are bound to.
pub(crate) fn bind(reply: KeyReply<'_>) {
    reply.given(key());
}

/// A key, with a private half that is recognized.
///
/// # Panics
///
/// It is none.
pub(crate) fn key() -> DpopKey {
    DpopKey::new(PublicJwk::parse(JWK).expect("it is a key")).with_secret("planted-key".into())
}

/// In place of any.
pub(crate) const SIGNATURE: [u8; 64] = [7; 64];

/// RFC 9449 §4.1.
const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;
