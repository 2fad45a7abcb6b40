//! Keys: what the servers verify signatures with, and what tests sign with.
//!
//! A key is made from one byte, so that every run signs the same. Without the feature `keys`, the world verifies nothing but
//! what it has made itself: a client that signs is refused.

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

#[cfg(feature = "keys")]
mod real;
#[cfg(not(feature = "keys"))]
#[path = "keys/stand_in.rs"]
mod real;

pub use real::{Key, PublicKey};

impl Key {
    /// A JWT with these claims; `alg` is set, the other members of the header are the caller's.
    pub fn jwt(&self, header: &Value, claims: &Value) -> String {
        let mut header = header.clone();
        if header["alg"].is_null() {
            header["alg"] = json!(self.alg());
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }
}
