//! A token without a user, by each grant, bound to a key or not: few requests, each where it may go; what is signed is
//! never sent twice; and a flow that is stored before each step does exactly the same.
//!
//! The input is a script: `src/grants.rs` says how it is written.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use oauth_fuzz::ask;

fuzz_target!(|text: &str| {
    let through = ask(text, false);
    assert_eq!(ask(text, true), through);
    let Some((requests, result)) = through else { return };
    // Two servers, and each may want its nonce once, and another proof once.
    assert!(requests.len() <= 6, "{requests:#?}");
    let mut proofs = HashSet::new();
    for line in requests.iter().flat_map(|request| request.lines()) {
        if let Some(proof) = line.strip_prefix("dpop: ") {
            assert!(proofs.insert(proof), "a proof is sent twice");
        }
    }
    if let Ok(grant) = result {
        assert_eq!(grant.tokens.refresh_token, None, "nobody spends it");
        assert!(text.contains("access_token"), "a token from nowhere");
    }
});
