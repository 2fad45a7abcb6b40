use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::super::Outcome;
use super::*;

mod pages;

const STATE: &str = "planted-state";
const GOOD: &str = "/callback?code=planted-code&state=planted-state";

fn loopback(redirect_uri: &str) -> Loopback {
    Loopback::new(redirect_uri, STATE).unwrap_or_else(|| panic!("{redirect_uri}"))
}

/// What comes of a request, at its last byte.
fn received(loopback: &Loopback, request: &str) -> Received {
    let mut connection = loopback.connection();
    let (last, before) = request.as_bytes().split_last().unwrap_or_else(|| panic!("empty"));
    assert!(matches!(connection.receive(before), Received::Partial), "too early: {request:?}");
    connection.receive(&[*last])
}

/// The answer to a request; to the redirect, what a login is answered with that succeeded.
fn answer(loopback: &Loopback, request: &str) -> Vec<u8> {
    match received(loopback, request) {
        Received::Answer(bytes) => bytes,
        Received::Redirect(_) => Outcome::LoggedIn.page(),
        Received::Partial => panic!("no answer: {request:?}"),
    }
}

fn is_redirect(loopback: &Loopback, request: &str) -> bool {
    matches!(received(loopback, request), Received::Redirect(_))
}

/// Status and redirect of the answer to a request to `http://127.0.0.1:51004/callback`.
fn outcome(request: &str) -> (String, Option<String>) {
    match received(&loopback("http://127.0.0.1:51004/callback"), request) {
        Received::Answer(bytes) => (String::from_utf8_lossy(&bytes[9..12]).into_owned(), None),
        Received::Redirect(query) => ("200".into(), Some(query.expose().to_string())),
        Received::Partial => panic!("no answer: {request:?}"),
    }
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:51004\r\nAccept: */*\r\n\r\n")
}

fn assert_refused(request: &str, status: &str) {
    assert_eq!(outcome(request), (status.into(), None), "{request:?}");
}

fn body(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer).into_owned();
    text.split_once("\r\n\r\n").map(|(_, body)| body.into()).unwrap_or_default()
}

#[test]
fn the_redirect_is_handed_over_as_it_came() {
    for query in [
        "code=planted-code&state=planted-state",
        "state=planted-state&code=a%20b+c&iss=https%3A%2F%2Fas.example&x=%zz&&",
        "code=c&st%61te=planted%2Dstate",
        "error=access_denied&state=planted-state",
        "state=planted-state",
        "code=1&code=2&state=planted-state",
    ] {
        let expected = ("200".into(), Some(query.into()));
        assert_eq!(outcome(&get(&format!("/callback?{query}"))), expected, "{query}");
    }
}

#[test]
fn another_state_does_not_end_the_wait() {
    for query in [
        "",
        "?",
        "?code=c",
        "?code=c&state=",
        "?code=c&state=planted-stat",
        "?code=c&state=planted-statf",
        "?code=c&state=Planted-state",
        "?code=c&state=planted-state%20",
        "?code=c&state=planted-state&state=planted-state",
        "?code=c&state=planted-state&state=x",
        "?code=c&state=planted-state&st%61te=x",
        "?error=access_denied",
        "?error=access_denied&state=x",
        "?code=c#state=planted-state",
    ] {
        assert_refused(&get(&format!("/callback{query}")), "400");
    }
}

#[test]
fn only_the_very_path_is_the_redirect() {
    let paths = "/ /favicon.ico /callback/ /Callback //callback /callbac /callback2 /%63allback \
                 /x/../callback callback *";
    for path in paths.split(' ') {
        assert_refused(&get(path), "404");
        assert_refused(&get(&format!("{path}?code=c&state=planted-state")), "404");
    }
}

#[test]
fn only_get_ends_the_wait() {
    for method in ["POST", "OPTIONS", "PUT", "get", "GETS"] {
        assert_refused(&get(GOOD).replacen("GET", method, 1), "405");
    }
    assert_refused(&get(GOOD).replacen("GET", "HEAD", 1), "200");
    assert_refused(&get("/callback?state=x").replacen("GET", "HEAD", 1), "400");
    assert_refused(&get("/").replacen("GET", "POST", 1), "404");
}

#[test]
fn an_answer_to_head_has_no_body_but_its_length() {
    let loopback = loopback("http://127.0.0.1:51004/callback");
    let to_head = answer(&loopback, &get(GOOD).replacen("GET", "HEAD", 1));
    assert_eq!(body(&to_head), "");
    let page = Outcome::GoesOn.page();
    assert_eq!([&*to_head, body(&page).as_bytes()].concat(), page);
}

#[test]
fn host_must_be_the_one_of_the_redirect_uri() {
    let is_redirect = |redirect_uri: &str, host: &str| {
        let request = format!("GET {GOOD} HTTP/1.1\r\nHost:{host}\r\n\r\n");
        match received(&loopback(redirect_uri), &request) {
            Received::Answer(bytes) => {
                assert!(bytes.starts_with(b"HTTP/1.1 400 "), "{host}");
                false
            }
            other => matches!(other, Received::Redirect(_)),
        }
    };
    for (redirect_uri, good, bad) in [
        (
            "http://127.0.0.1:51004/callback",
            "127.0.0.1:51004| \t127.0.0.1:51004 \t",
            "|127.0.0.1|127.0.0.1:51005|localhost:51004|evil.example:51004|127.0.0.1:51004.evil",
        ),
        (
            "http://localhost:51004/callback",
            "localhost:51004|LocalHost:51004",
            "127.0.0.1:51004|localhost|localhost.:51004|a.localhost:51004",
        ),
        ("http://[::1]:51004/callback", "[::1]:51004", "::1:51004|[::1]|127.0.0.1:51004"),
        ("http://127.0.0.1/callback", "127.0.0.1|127.0.0.1:80", "127.0.0.1:|127.0.0.1:8080"),
    ] {
        assert!(good.split('|').all(|host| is_redirect(redirect_uri, host)), "{redirect_uri}");
        assert!(!bad.split('|').any(|host| is_redirect(redirect_uri, host)), "{redirect_uri}");
    }
}

#[test]
fn heads_that_are_read_and_heads_that_are_not() {
    for (status, head) in [
        // Bare line feeds, HTTP/1.0, the form for proxies, any other field.
        ("200", "GET @ HTTP/1.1\nHOST\n\n"),
        ("200", "GET @ HTTP/1.1|HOST\n|"),
        ("200", "GET @ HTTP/1.0|hOST:127.0.0.1:51004||"),
        ("200", "GET http://127.0.0.1:51004@ HTTP/1.1|HOST||"),
        ("200", "GET @ HTTP/1.1|A:|B: x:y|Hosts: x|HOST|C: é||"),
        // Hosts that are missing, repeated, hidden or in disagreement.
        ("400", "GET @ HTTP/1.1||"),
        ("400", "GET @ HTTP/1.1|HOST|HOST||"),
        ("400", "GET @ HTTP/1.1|Host : 127.0.0.1:51004||"),
        ("400", "GET @ HTTP/1.1|HOST|Host : evil.example||"),
        ("400", "GET @ HTTP/1.1|A: b| HOST||"),
        ("400", "GET @ HTTP/1.1|HOST| folded||"),
        ("400", "GET @ HTTP/1.1|HOST|no colon||"),
        ("400", "GET @ HTTP/1.1\r\rHost: x|HOST||"),
        ("400", "GET http://evil.example@ HTTP/1.1|HOST||"),
        ("404", "GET http://127.0.0.1:51004?@ HTTP/1.1|HOST||"),
        // No request line.
        ("400", "GET @|HOST||"),
        ("400", "GET @ HTTP/2.0|HOST||"),
        ("400", "GET  @ HTTP/1.1|HOST||"),
        ("400", "GET @ HTTP/1.1 |HOST||"),
        ("400", "GET @&é HTTP/1.1|HOST||"),
        ("400", "GET @&\0 HTTP/1.1|HOST||"),
        ("400", "x||"),
    ] {
        let head = head.replace('|', "\r\n").replace('@', GOOD);
        let (own, redirect) = outcome(&head.replace("HOST", "Host: 127.0.0.1:51004"));
        assert_eq!((&*own, redirect.is_some()), (status, status == "200"), "{head:?}");
    }
}

#[test]
fn what_cannot_become_a_request_is_refused_at_once() {
    for first in ["\u{16}", "\r", "\n", " ", "\0", "{"] {
        assert_refused(first, "400");
    }
}

/// The good request with one more field.
fn with_field(field: &str) -> String {
    get(GOOD).replacen("\r\n", &format!("\r\n{field}\r\n"), 1)
}

#[test]
fn cookies_of_other_programs_are_dropped_up_to_what_browsers_may_send() {
    let cookies = |length: usize| with_field(&format!("Cookie: {}", "x".repeat(length)));
    let without = cookies(0).len();
    for length in [17_000, 720 * 1024, MAX_HEAD - without] {
        assert_eq!(outcome(&cookies(length)).0, "200", "{length}");
    }
    let many = (0..700).map(|n| format!("X-{n}: {}\r\n", "x".repeat(1000))).collect::<String>();
    assert_eq!(outcome(&with_field(many.trim_end())).0, "200");
    assert_refused(&cookies(MAX_HEAD - without + 1), "431");
}

#[test]
fn what_is_kept_is_bounded() {
    let loopback = loopback("http://127.0.0.1:51004/callback");
    let mut connection = loopback.connection();
    let _ = connection.receive(b"GET / HTTP/1.1\r\n");
    for _ in 0..700 {
        let field = format!("Cookie: {}\r\n", "x".repeat(1000));
        assert!(matches!(connection.receive(field.as_bytes()), Received::Partial));
        assert!(connection.head.len() < 2 * MAX_FIELD, "{}", connection.head.len());
    }
    assert_eq!(connection.head.capacity(), MAX_KEPT);
    assert_refused(&"x".repeat(MAX_KEPT + 1), "431");
    let hosts = with_field("Host: 127.0.0.1:51004\r\n".repeat(1000).trim_end());
    match loopback.connection().receive(hosts.as_bytes()) {
        Received::Answer(bytes) => assert!(bytes.starts_with(b"HTTP/1.1 431 ")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_long_field_that_is_broken_or_the_host_is_refused() {
    let long = "x".repeat(2 * MAX_FIELD);
    for field in [format!("A {long}: x"), format!("Host: {long}"), long.clone()] {
        assert_refused(&with_field(&field), "400");
    }
    assert_eq!(outcome(&with_field(&format!("{long}: x"))).0, "200");
    assert_eq!(outcome(&with_field(&format!("A: {long}\rB"))).0, "200");
}

#[test]
fn nothing_comes_of_silence_or_after_the_answer() {
    let loopback = loopback("http://127.0.0.1:51004/callback");
    let mut silent = loopback.connection();
    assert!(matches!(silent.receive(b""), Received::Partial));
    assert_eq!(silent.head.capacity(), 0, "silence costs nothing");
    let mut second = loopback.connection();
    let twice = get(GOOD).repeat(2).into_bytes();
    assert!(matches!(second.receive(&twice), Received::Redirect(_)));
    assert!(matches!(second.receive(&twice), Received::Partial));
}

#[test]
fn the_path_is_the_one_that_browsers_ask_for() {
    for (redirect_uri, target) in [
        ("http://127.0.0.1:51004", "/?state=planted-state"),
        ("http://127.1:51004/a b", "/a%20b?state=planted-state"),
        ("http://127.0.0.1:51004/x/../y?own=1", "/y?own=1&state=planted-state"),
    ] {
        assert!(is_redirect(&loopback(redirect_uri), &get(target)), "{redirect_uri}");
    }
}

#[test]
fn redirect_uris_that_no_listener_can_have() {
    for redirect_uri in [
        "",
        "/callback",
        "https://127.0.0.1:51004/callback",
        "com.example.app:/callback",
        "http://0.0.0.0:51004/callback",
        "http://localhost.evil.example/callback",
        "http://127.0.0.1.nip.io/callback",
        "http://u@127.0.0.1:51004/callback",
        "http://:p@127.0.0.1:51004/callback",
        "http://127.0.0.1:51004/callback#f",
    ] {
        assert!(Loopback::new(redirect_uri, STATE).is_none(), "{redirect_uri}");
    }
    assert!(Loopback::new("http://127.0.0.1:51004/callback", "").is_none());
}

#[test]
fn debug_shows_no_secrets() {
    let loopback = loopback("http://127.0.0.1:51004/callback");
    let mut connection = loopback.connection();
    let mut shown = format!("{loopback:?}");
    for byte in get(GOOD).bytes() {
        let received = connection.receive(&[byte]);
        shown += &format!("{connection:?}{received:?}");
    }
    assert!(shown.contains("Redirect(Secret(…))"));
    assert!(!shown.contains("planted"), "{shown}");
}

/// Requests near to the good one.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let near = r"(GET |HEAD |/callback\?state=planted-state| HTTP/1.1|\r?\n|Host: 127.0.0.1:51004|\PC){0,9}";
    let near = near.prop_map(String::into_bytes);
    let behind = |junk: Vec<u8>| [get(GOOD).as_bytes(), &junk].concat();
    let long = (MAX_KEPT - 50..MAX_KEPT + 50).prop_map(|length| vec![b'G'; length]);
    let wide = (MAX_FIELD - 50..MAX_FIELD + 50)
        .prop_map(|length| with_field(&format!("Cookie: {}", "x".repeat(length))).into_bytes());
    let junk = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![4 => near, 2 => junk.clone().prop_map(behind), 1 => junk, 1 => long, 1 => wide]
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_bytes_are_cut(request in request(), cut in 1usize..9) {
        let loopback = loopback("http://127.0.0.1:51004/callback");
        let feed = |size: usize| {
            let mut connection = loopback.connection();
            let answers = request.chunks(size).filter_map(|chunk| match connection.receive(chunk) {
                Received::Answer(bytes) => Some((bytes, None)),
                Received::Redirect(query) => Some((Vec::new(), Some(query))),
                Received::Partial => None,
            });
            answers.collect::<Vec<_>>()
        };
        let whole = feed(usize::MAX);
        prop_assert!(whole.len() <= 1);
        prop_assert_eq!(&whole, &feed(1));
        prop_assert_eq!(&whole, &feed(cut));
    }

    #[test]
    fn only_the_right_state_is_ever_handed_over(target in "/callback[?](code=c|state=planted-state|state=|&|%|[a-z=]{0,3}){0,6}") {
        let (_, redirect) = outcome(&get(&target));
        let states: Vec<_> = form::pairs(&target[10..]).filter(|(name, _)| name == "state").collect();
        let is_right = matches!(&*states, [(_, state)] if state == STATE);
        prop_assert_eq!(redirect.is_some(), is_right);
    }
}
