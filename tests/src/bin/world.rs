//! Two simulated MCP servers, each with its authorization server, behind sockets: for programs that are no tests
//! themselves, and for whoever wants to see what a client does.
//!
//! It prints the URLs of both, `first` and `second`, and that of a `page` which shows every request as a sequence diagram,
//! and what the client has done wrong. It obeys the lines of its standard input:
//!
//! ```text
//!   consent grant|page     what users do at the authorization page: agree at once, or look at it
//!   revocation off         the second server does not revoke tokens any more
//!   alive                  how many grants are alive at both
//!   judge                  whether a client has broken a rule
//! ```
//!
//! Each is answered by one line. It ends with its standard input, or after ten minutes: `cargo run -p oauth-tests --bin
//! world -- 60` stays for an hour.

#![allow(clippy::unwrap_used, reason = "a part of a test may panic anywhere")]

use std::env::args;
use std::io::stdin;
use std::process::exit;
use std::thread;
use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Knobs};

fn main() {
    let minutes = args().nth(1).map_or(LIMIT, |text| text.parse().expect("a number of minutes"));
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(60 * minutes));
        exit(1);
    });
    let [first, second] = [(); 2].map(|()| Served::start(Knobs::default()).unwrap());
    println!("first {}", first.server_url());
    println!("second {}", second.server_url());
    println!("page {}", Served::show(&[&first, &second]).unwrap());
    for line in stdin().lines().map_while(Result::ok) {
        println!("{}", obey(&line, &first, &second));
    }
}

fn obey(line: &str, first: &Served, second: &Served) -> String {
    let consent = |consent: Consent| {
        for served in [first, second] {
            served.world().knobs.consent = consent.clone();
        }
        "done".to_owned()
    };
    match line {
        "consent grant" => consent(Consent::Grant),
        "consent page" => consent(Consent::Page),
        "revocation off" => {
            second.world().knobs.revocation = false;
            "done".to_owned()
        }
        "alive" => [first, second].map(|it| it.world().grants_alive().to_string()).join(" "),
        "judge" => {
            let violations = [first, second].map(|it| it.world().violations.clone()).concat();
            if violations.is_empty() { "sound".to_owned() } else { violations.join("; ") }
        }
        other => format!("not understood: {other}"),
    }
}

/// Minutes.
const LIMIT: u64 = 10;
