//! Properties of what `oauth-core` reads and writes, against models that are simple enough to be believed:
//! random parts are written and read back, random answers lead where a table says.
//!
//! What fuzzing found is in `regressions`.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod challenges;
mod forms;
mod listener;
mod logins;
mod places;
mod records;
mod regressions;
mod scopes;
mod urls;

use proptest::test_runner::Config;

/// A part of a second for each property, in a debug build; `PROPTEST_CASES` asks for more.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}
