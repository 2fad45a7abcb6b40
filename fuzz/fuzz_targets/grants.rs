//! A token without a user, by each grant, with a secret, a key or an assertion, bound to a key or not: few requests,
//! each where it may go; what is signed is never sent twice; nothing secret is shown; and a flow that is stored on the
//! way does exactly the same.
//!
//! The input is a script, as for `flow`, for a server that is known; its first letter says which grant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_fuzz::log_in_judged;

fuzz_target!(|text: &str| {
    if !text.starts_with(['c', 'w', 'e']) {
        return;
    }
    let Some(outcome) = log_in_judged(&format!("k{text}")) else { return };
    // Two servers, and each may want its nonce once, and another proof once.
    assert!(outcome.requests.len() <= 6, "{:#?}", outcome.requests);
    assert!(outcome.shown.is_empty(), "nobody is there");
    if let Ok(grant) = outcome.result {
        assert_eq!(grant.tokens.refresh_token, None, "nobody spends it");
    }
});
