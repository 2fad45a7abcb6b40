//! A login that gets arbitrary answers ends after few requests; none of them carries a credential to an
//! endpoint that was not named for it, no redirect of somebody else or of another issuer counts, what
//! comes of it survives being stored, asking changes nothing, and nothing shows a secret.
//!
//! The input is a script; the rules are checked while it is played.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_fuzz::{Play, log_in};

fuzz_target!(|text: &str| {
    if let Some(outcome) = log_in(text, Play::Judged) {
        outcome.assert_sound();
    }
});
