//! What the pages show, load and run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::*;
use crate::loopback::MAX_OWN_PAGE;

const OUTCOMES: [Outcome; 8] = [
    Outcome::LoggedIn,
    Outcome::GoesOn,
    Outcome::Declined,
    Outcome::Refused,
    Outcome::NotBelieved,
    Outcome::Unusable,
    Outcome::Unreachable,
    Outcome::Failed,
];

/// All pages that there are, heads included.
fn pages() -> Vec<Vec<u8>> {
    let loopback = loopback("http://127.0.0.1:51004/callback");
    let refused = ["/planted<b>?planted=planted", "/callback?error=planted<script>&state=x"];
    let refused = refused.iter().map(|target| answer(&loopback, &get(target)));
    OUTCOMES.iter().map(|outcome| outcome.page()).chain(refused).collect()
}

#[test]
fn each_outcome_has_a_page_of_its_own_and_refusals_look_alike() {
    let mut bodies: Vec<_> = OUTCOMES.iter().map(|outcome| body(&outcome.page())).collect();
    for (outcome, page) in OUTCOMES.iter().zip(&bodies) {
        let succeeds = *outcome == Outcome::LoggedIn;
        assert_eq!(page.contains("<h1>You are logged in</h1>"), succeeds, "{outcome:?}");
        assert_eq!(page.contains("close()"), succeeds, "a failure stays to be read");
        let fails = !succeeds && *outcome != Outcome::GoesOn;
        assert_eq!(page.contains("<h1>The login did not succeed</h1>"), fails, "{outcome:?}");
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), OUTCOMES.len());
    let loopback = loopback("http://127.0.0.1:51004/callback");
    let refusals = ["/callback?code=c", "/callback?code=c&state=x", "/favicon.ico"];
    let mut refusals: Vec<_> =
        refusals.iter().map(|target| body(&answer(&loopback, &get(target)))).collect();
    refusals.push(body(&answer(&loopback, &get(GOOD).replace("Host: 127", "Host: 128"))));
    refusals.dedup();
    assert_eq!(refusals.len(), 1);
}

#[test]
fn pages_load_nothing_and_show_nothing_of_the_request() {
    for page in pages() {
        let text = String::from_utf8_lossy(&page);
        assert!(
            !text.contains("planted") && !text.contains("http://") && !text.contains("//"),
            "{text}"
        );
        let length = format!("\r\nContent-Length: {}\r\n", body(&page).len());
        for field in [
            &*length,
            "\r\nConnection: close\r\n",
            "\r\nCache-Control: no-store\r\n",
            "\r\nReferrer-Policy: no-referrer\r\n",
            "\r\nX-Content-Type-Options: nosniff\r\n",
            "\r\nContent-Security-Policy: default-src 'none'; ",
        ] {
            assert!(text.contains(field), "{field} in {text}");
        }
        assert!(!text.contains("Access-Control"));
    }
}

#[test]
fn hashes_in_the_policy_are_those_of_the_page() {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    for page in pages() {
        let text = String::from_utf8_lossy(&page).into_owned();
        let between = |start: &str, end: &str| {
            let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{start}"));
            rest.split(end).next().unwrap_or_default().to_string()
        };
        let policy = between("\r\nContent-Security-Policy: ", "\r\n");
        for (what, start, end) in
            [("style-src", "<style>", "</style>"), ("script-src", "<script>", "</script>")]
        {
            let allowed = format!("; {what} {}; ", hash(&between(start, end)));
            assert!(policy.contains(&allowed), "{allowed} in {policy}");
            assert_eq!(text.matches(start).count(), 1);
        }
    }
}

#[test]
fn every_page_takes_the_query_out_of_the_address_bar() {
    for page in pages() {
        let page = body(&page);
        assert!(page.contains("<script>history.replaceState(null,'',location.pathname)"), "{page}");
    }
}

#[test]
fn a_page_of_the_hosts_own_has_our_head_and_our_script() {
    let html = "<!doctype html><title>My editor</title><style>b{color:red}</style><b>Go back</b>";
    for outcome in OUTCOMES {
        let (own, ours) = (outcome.page_with(html), outcome.page());
        let head = |page: &[u8]| {
            let text = String::from_utf8_lossy(page).into_owned();
            let (head, _) = text.split_once("\r\n\r\n").unwrap_or_default();
            let is_same = |line: &&str| {
                !line.starts_with("Content-Length: ") && !line.starts_with("Content-Security-")
            };
            head.lines().filter(is_same).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(head(&own), head(&ours), "{outcome:?}");
        let text = String::from_utf8_lossy(&own).into_owned();
        let policy = text.split("\r\n").find(|line| line.starts_with("Content-Security-Policy: "));
        let script = body(&ours);
        let (_, script) = script.split_once("<script>").unwrap_or_default();
        let (script, _) = script.split_once("</script>").unwrap_or_default();
        let hash = STANDARD.encode(Sha256::digest(script));
        let expected = format!(
            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
             script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        assert_eq!(policy, Some(&*expected));
        assert_eq!(body(&own), format!("{html}\n<script>{script}</script>\n"));
        let length = format!("\r\nContent-Length: {}\r\n", body(&own).len());
        assert!(text.contains(&length), "{text}");
    }
}

#[test]
fn in_the_place_of_a_page_that_is_too_long_there_is_ours() {
    for (length, is_own) in [(MAX_OWN_PAGE, true), (MAX_OWN_PAGE + 1, false)] {
        let page = Outcome::LoggedIn.page_with(&"x".repeat(length));
        assert_eq!(page != Outcome::LoggedIn.page(), is_own, "{length}");
    }
}
