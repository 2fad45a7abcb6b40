//! How far a login goes at the word of a server: to the bound, and not beyond it. Each scenario also restarts
//! before every step.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_tests::drive::{play, settings};
use oauth_tests::world::{Knobs, PrmServers};

const LIST: &str = "tools/list";

/// A document could send a client to any number of places.
#[test]
fn four_authorization_servers_are_asked_and_no_more() {
    for nowhere in [3, 4] {
        let mut servers: Vec<String> =
            (0..nowhere).map(|at| format!("https://auth2.example.com/nowhere-{at}")).collect();
        servers.push("https://auth.example.com".into());
        let knobs = Knobs { prm_servers: PrmServers::Listed(servers), ..Knobs::default() };
        play(&knobs, &settings(), |stage| {
            let is_found = stage.call(LIST) == Ok(200);
            assert_eq!(is_found, nowhere == 3, "behind {nowhere} that are nowhere");
        });
    }
}
