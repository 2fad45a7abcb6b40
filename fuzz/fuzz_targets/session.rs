//! A session that gets arbitrary answers, records and calls out of order sends credentials only to
//! endpoints that were named or recorded for them, uses no token before it was in the store and no record
//! of another server, takes no lock twice and leaves none behind, lets only its own redirect count, shows
//! no secret, changes nothing when asked, and comes to an end as soon as it is answered well.
//!
//! The input is a script whose lines answer turns; those that start with `@` call what nobody asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_fuzz::Host;

fuzz_target!(|text: &str| {
    if let Some(host) = Host::new(text) {
        host.play();
    }
});
