//! A login whose request is pushed, with arbitrary answers: the browser shows the last reference and nothing that was
//! pushed; what was to be pushed is never asked otherwise; nothing secret is shown; and a login that is stored on the way
//! does exactly the same.
//!
//! The input is a script, as for `flow`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_fuzz::log_in_judged;

fuzz_target!(|text: &str| {
    let letters = text.lines().next().unwrap_or("");
    if letters.contains(['c', 'w', 'e', 'd']) {
        return;
    }
    log_in_judged(&format!("g{text}"));
});
