//! Drives the machines of `oauth-core` against a [`World`], as an adapter would, without any I/O.
//!
//! A [`Stage`] has the servers, one store, a person, and one or more hosts with a session each; a
//! [`Walk`] drives a single login. [`play`] and [`walk`] run a scenario twice, the second time with the
//! machine serialized and restored before every single step, and want both to end alike.
//!
//! Every driver is an assertion, too: steps are bounded, asking changes nothing, locks are neither taken
//! twice nor left behind nor held while others wait, and a token is in the store before it is sent.

mod callback;
mod flow;
mod gifts;
mod network;
mod scene;
mod stage;
mod store;
mod turn;

pub use callback::Callback;
pub use flow::{Walk, walk};
pub use gifts::{Gifts, Subject, dpop_key};
pub use network::{Network, Tamper, challenges, head, mcp_request};
pub use scene::{Event, User, play, play_later};
pub use stage::Stage;
pub use store::{Broken, Store};

use core::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::{Entropy, Error, Scopes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::World;

/// Settings for the MCP server of a world at its usual place, with nothing else set.
#[must_use]
pub fn settings() -> Settings {
    Settings::new(SERVER_URL).expect("the server URL is sound")
}

/// The bytes of the login with this number: different for each, and the same in each run.
#[must_use]
pub fn dice(login: u64) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (at, chunk) in bytes.chunks_mut(8).enumerate() {
        let word = (login * 8 + at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let word = (word ^ (word >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        chunk.copy_from_slice(&(word ^ (word >> 29)).to_be_bytes());
    }
    bytes
}

/// The same as the machine wants it.
#[must_use]
pub fn entropy(login: u64) -> Entropy {
    Entropy::from_bytes(dice(login))
}

/// Why a call failed for which nobody was there to log in for more.
///
/// # Panics
///
/// These are no scopes.
#[must_use]
pub fn missing(scopes: &str) -> Error {
    Error::ScopeRequired { missing: Scopes::parse(scopes).expect("scopes") }
}

/// A machine as one process leaves it behind.
///
/// # Panics
///
/// It does not serialize.
#[must_use]
pub fn stored(machine: &impl Serialize) -> String {
    serde_json::to_string(machine).expect("a machine serializes")
}

/// The machine as another process finds it.
///
/// # Panics
///
/// It does not survive, or comes back as another one.
#[must_use]
pub fn restored<T: Serialize + DeserializeOwned>(json: &str) -> T {
    let machine = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(stored(&machine), json, "a machine comes back as it was");
    machine
}

/// Panics if the client broke a rule, or presented something spent.
///
/// # Panics
///
/// It did.
pub fn assert_sound(world: &World) {
    assert_eq!(world.violations, [""; 0], "rules that the client broke");
    assert_eq!(world.reuses, 0, "spent codes and refresh tokens presented");
}

/// The MCP endpoint of a world at its usual place.
pub const SERVER_URL: &str = "https://mcp.example.com/mcp";

/// Where redirects come back to.
pub const CALLBACK: &str = "http://127.0.0.1:49152/callback";

/// How long a login that is handed out waits for its user.
pub const PATIENCE: Duration = Duration::from_secs(900);

/// More steps than any scenario takes: what needs more hangs.
pub const MAX_STEPS: usize = 100;
