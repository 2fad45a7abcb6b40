//! A login that is written down and read back before each step sends the same requests, refuses the same
//! redirects and ends the same as one that is not.
//!
//! The input is a script, as for `flow`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_fuzz::{Play, log_in};

fuzz_target!(|text: &str| {
    assert_eq!(log_in(text, Play::Restarted), log_in(text, Play::Through));
});
