//! Two simulated MCP servers, each with its authorization server, behind sockets: for programs that are no tests
//! themselves, and for whoever wants to see what a client does.
//!
//! It prints the URLs of both, `first` and `second`, and that of a `page` which shows every request as a sequence diagram,
//! and what the client has done wrong. `cargo run -p oauth-tests --bin world -- --help` says what else it does.

#![allow(clippy::unwrap_used, reason = "a part of a test may panic anywhere")]

use std::env::args;
use std::io::stdin;
use std::process::exit;
use std::thread;
use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Grant, Knobs, Nonces, What};

fn main() {
    let minutes = match args().nth(1).map(|text| text.parse()) {
        None => LIMIT,
        Some(Ok(minutes)) => minutes,
        Some(Err(_)) => {
            eprint!("{USAGE}");
            exit(2);
        }
    };
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
    if let Some((word, value)) = line.split_once(' ')
        && let Some(answer) = set(word, value, first, second)
    {
        return answer;
    }
    match line {
        "consent grant" => consent(Consent::Grant),
        "consent page" => consent(Consent::Page),
        "revocation off" => {
            second.world().knobs.revocation = false;
            "done".to_owned()
        }
        "bound" => {
            let knobs = &mut first.world().knobs;
            *knobs = Knobs {
                access_lifetime: knobs.access_lifetime,
                server_nonces: Nonces::Needed { seconds: 60 },
                resource_nonces: Nonces::Needed { seconds: 60 },
                ..Knobs::bound()
            };
            "done".to_owned()
        }
        "refreshes" => {
            let count = |it: &Served| it.world().count(What::Token(Grant::Refresh)).to_string();
            [first, second].map(count).join(" ")
        }
        "alive" => [first, second].map(|it| it.world().grants_alive().to_string()).join(" "),
        "judge" => {
            let violations = [first, second].map(|it| it.world().violations.clone()).concat();
            if violations.is_empty() { "sound".to_owned() } else { violations.join("; ") }
        }
        other => format!("not understood: {other}"),
    }
}

/// The lines with a value of their own.
fn set(word: &str, value: &str, first: &Served, second: &Served) -> Option<String> {
    match word {
        "pages" => first.permit_pages(value),
        "lifetime" => {
            let seconds = value.parse().ok()?;
            for served in [first, second] {
                served.world().knobs.access_lifetime = seconds;
            }
        }
        "delay" => {
            let delay = Duration::from_millis(value.parse().ok()?);
            first.delay_tokens(delay);
            second.delay_tokens(delay);
        }
        _ => return None,
    }
    Some("done".to_owned())
}

/// Minutes.
const LIMIT: u64 = 10;

const USAGE: &str = "\
world [MINUTES]: two simulated MCP servers, each with its authorization server

It prints their URLs and that of a page which shows what happens, and ends with its standard input, or after MINUTES (10).
It obeys the lines of its standard input, and answers each with one line:

  consent grant|page     what users do at the authorization page: agree at once, or look at it
  revocation off         the second server does not revoke tokens any more
  pages ORIGIN           pages of this origin may read what the first server and its authorization server answer
  lifetime SECONDS       how long new tokens live at both
  bound                  the first server wants tokens that are bound to a key, and nonces in the proofs
  delay MILLISECONDS     how long answers to token requests take at both
  refreshes              how often tokens were refreshed at both
  alive                  how many grants are alive at both
  judge                  whether a client has broken a rule
";
