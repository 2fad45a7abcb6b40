//! A login on another device that gets arbitrary answers: the page is what the server said and harms nobody; the server
//! is asked when RFC 8628 says, and not once the codes have expired; nothing secret is shown; and a login that is stored
//! on the way does exactly the same.
//!
//! The input is a script, as for `flow`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_fuzz::log_in_judged;

fuzz_target!(|text: &str| {
    let letters = text.lines().next().unwrap_or("");
    if letters.contains(['c', 'w', 'e']) {
        return;
    }
    let Some(outcome) = log_in_judged(&format!("d{text}")) else { return };
    assert!(outcome.refused.is_empty(), "nobody comes back");
});
