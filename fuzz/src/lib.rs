//! What the fuzz targets share: settings, simulated servers, the rules for requests, and two drivers.
//!
//! All inputs are texts that people can write, so the corpora are readable: most are scripts, one line
//! for each answer. `script` says how they are written.

mod challenge;
mod device;
mod documents;
mod gifts;
mod host;
mod log_in;
mod moves;
mod rules;
mod script;
mod secrets;
mod servers;
mod settings;

pub use challenge::select;
pub use device::{DeviceRules, assert_inert, seconds};
pub use documents::{answer, members, nested};
pub use host::Host;
pub use log_in::{Outcome, Play, awaited, log_in, log_in_judged};
pub use rules::Rules;
pub use script::{Script, redirect};
pub use secrets::{
    assert_secretive, code, entropy, has_secret, spells_secret, with_password, with_passwords,
};
pub use settings::{
    CALLBACK, IDENTITY_PROVIDER, ISSUER, SERVER, at_codes, at_consent, at_push, at_registration,
    challenge_with, first_login, settings,
};

use oauth_core::UnixTime;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// When everything happens, unless an input says otherwise.
pub const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

/// A machine or a document as JSON.
///
/// # Panics
///
/// It does not serialize.
pub fn stored(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it serializes")
}

/// What comes back of it.
///
/// # Panics
///
/// Nothing does, or something else.
pub fn restored<T: Serialize + DeserializeOwned>(json: &str) -> T {
    let value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(stored(&value), json, "it comes back as it was");
    value
}

/// Panics unless the value is the same after it was written and read.
///
/// # Panics
///
/// See above.
pub fn assert_survives<T>(value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(&restored::<T>(&stored(value)), value);
}
