use alloc::format;
use alloc::vec;

use super::*;
use crate::url::HttpAllowance;

#[test]
fn debug_shows_neither_bodies_nor_credentials() {
    let url = HttpUrl::parse("https://as.example/token", HttpAllowance::Forbidden)
        .unwrap_or_else(|e| panic!("{e}"));
    let request = Request::form(Endpoint::Token, url, SecretBuffer("code=planted".into()))
        .with_authorization(Some("Basic planted".into()))
        .with_proof(Some("planted.planted.planted".into()));
    let response = Response::new(200, b"planted".to_vec()).with_header("set-cookie", "planted");
    assert!(!format!("{request:?}{response:?}").contains("planted"));
    assert_eq!(request.headers().count(), 5);
    assert_eq!((request.method().as_str(), request.body()), ("POST", &b"code=planted"[..]));
}

#[test]
fn header_fields_are_found_in_any_case_and_all_of_them() {
    let response = Response::new(401, vec![])
        .with_header("WWW-Authenticate", "Basic")
        .with_header("www-authenticate", "Bearer")
        .with_header("Retry-After", " 7 ");
    assert_eq!(response.header("Www-Authenticate").collect::<Vec<_>>(), ["Basic", "Bearer"]);
    assert!(Response::new(503, vec![]).is_transient() && !response.is_transient());
}

#[test]
fn a_pause_is_in_seconds_or_ends_at_a_date() {
    let now = Some(UnixTime::from_secs(946_684_699)); // 1999-12-31T23:58:19Z
    let (date, seconds) = ("Fri, 31 Dec 1999 23:59:59 GMT", Duration::from_secs);
    let by_server = [("date", "Fri, 31 Dec 1999 23:59:29 GMT")];
    for (fields, by_own_clock, without) in [
        (vec![("retry-after", " 7 ")], Some(seconds(7)), Some(seconds(7))),
        (vec![("Retry-After", date)], Some(seconds(100)), None),
        (vec![("retry-after", date), by_server[0]], Some(seconds(30)), Some(seconds(30))),
        (vec![("retry-after", date), ("date", "today")], Some(seconds(100)), None),
        (vec![("retry-after", "soon"), ("retry-after", "9")], Some(seconds(9)), Some(seconds(9))),
        (vec![("retry-after", "Sun Nov  6 08:49:37 1994")], Some(seconds(0)), None),
        (
            vec![("retry-after", "99999999999999999999999")],
            Some(Duration::from_secs(u64::MAX)),
            Some(Duration::from_secs(u64::MAX)),
        ),
        (vec![("retry-after", "00000000000000000000")], Some(seconds(0)), Some(seconds(0))),
        (vec![("retry-after", "00000000000000000000007")], Some(seconds(7)), Some(seconds(7))),
        (vec![("retry-after", "-7")], None, None),
        (vec![("retry-after", "+7")], None, None),
        (vec![("retry-after", "")], None, None),
        (vec![], None, None),
    ] {
        let response = Response::new(503, vec![]);
        let response =
            fields.iter().fold(response, |it, (name, value)| it.with_header(name, value));
        assert_eq!(response.retry_after(now), by_own_clock, "{fields:?}");
        assert_eq!(response.retry_after(None), without, "{fields:?}");
    }
}

#[test]
fn codes_are_cut_to_what_codes_may_be() {
    assert_eq!(clean_code("invalid_grant"), "invalid_grant");
    assert_eq!(clean_code("a\u{1b}[31m\"b\\\n"), "a[31mb");
    assert_eq!(clean_code(&"x".repeat(1000)).len(), 64);
}
