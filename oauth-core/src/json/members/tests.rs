use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;

use super::spans::MAX_MEMBERS;
use super::*;
use crate::json::OtherMembers;

fn members(body: &[u8]) -> Members<'_> {
    Members::of(body).unwrap_or_else(|defect| panic!("{defect}"))
}

#[test]
fn a_defect_says_what_stands_there_instead() {
    let defect = |body: &[u8]| Members::of(body).err();
    assert_eq!(defect(b" "), Some(Defect::Empty));
    assert_eq!(defect(b"\xef\xbb\xbf"), Some(Defect::Empty));
    assert_eq!(defect(b"\n<!doctype html>"), Some(Defect::Html));
    for body in
        [&b"{\"a\":\"x\""[..], b"[]", b"1", b"{}{}", b"{\"a\":\"\\\n\"}", b"\xff{}", b"\0{}"]
    {
        assert!(matches!(defect(body), Some(Defect::NotJson { line: 1 | 2, .. })), "{body:?}");
    }
    let long = vec![b' '; crate::MAX_BODY + 1];
    assert_eq!(defect(&long), Some(Defect::TooLarge { limit: crate::MAX_BODY }));
    let many = |count: usize| format!("{{{}\"z\":1}}", "\"a\":1,".repeat(count));
    assert!(Members::of(many(MAX_MEMBERS - 1).as_bytes()).is_ok());
    assert!(matches!(defect(many(MAX_MEMBERS).as_bytes()), Some(Defect::NotJson { .. })));
}

#[test]
fn what_is_required_and_wrong_is_named() {
    let required = |body: &[u8]| members(body).required_text("a").map(|text| text.to_string());
    let a = || Box::from("a");
    for (body, expected) in [
        (&br#"{"a":"x"}"#[..], Ok("x".into())),
        (b"\xef\xbb\xbf{\"a\":\"x\"}", Ok("x".into())),
        (br#"{"\u0061":"x"}"#, Ok("x".into())),
        (br#"{"a":null,"a":"x"}"#, Ok("x".into())),
        (br#"{"a":["x"]}"#, Ok("x".into())),
        (br#"{"a":"x","b":"\ud800","c":1e999}"#, Ok("x".into())),
        (b"{\"a\":\"x\",\"b\":\"\xff\",\"\xff\":1}", Ok("x".into())),
        (b"{\"a\":\"x\",\n\"b\":\"\n\t\",\"c\0\":1,\"d\":[\"\x01\"]}\n", Ok("x".into())),
        (b"{\"a\":\"\xc3\xbc\",\"b\":\"\0\"}", Ok("\u{fc}".into())),
        (b"{}", Err(Defect::Missing { name: a() })),
        (br#"{"a":""}"#, Err(Defect::Missing { name: a() })),
        (br#"{"a":null}"#, Err(Defect::Missing { name: a() })),
        (br#"{"a":1}"#, Err(Defect::Unusable { name: a() })),
        (br#"{"a":"\ud800"}"#, Err(Defect::Unusable { name: a() })),
        (b"{\"a\":\"\xff\"}", Err(Defect::Unusable { name: a() })),
        (b"{\"a\":\"x\n\"}", Err(Defect::Unusable { name: a() })),
        (b"{\"a\":\"\\u0078\x1f\"}", Err(Defect::Unusable { name: a() })),
        (br#"{"a":"x","a":"x"}"#, Err(Defect::Repeated { name: a() })),
    ] {
        assert_eq!(required(body), expected, "{}", str::from_utf8(body).unwrap_or("bytes"));
    }
}

#[test]
fn what_is_optional_and_wrong_counts_as_left_out_and_is_noted() {
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, expected, is_noted) in [
        (&br#"{"a":"x"}"#[..], Some("x"), false),
        (br#"{"a":""}"#, None, false),
        (br#"{"a":null}"#, None, false),
        (b"{}", None, false),
        (br#"{"a":["x"]}"#, Some("x"), true),
        (br#"{"a":false}"#, None, true),
        (br#"{"a":{}}"#, None, true),
        (br#"{"a":1e999}"#, None, true),
        (br#"{"a":"\udc00"}"#, None, true),
        (b"{\"a\":\"x\xff\"}", None, true),
        (b"{\"a\":\"x\n\"}", None, true),
        (b"{\"a\":[\"x\0\"]}", None, true),
        (b"{\"a\":\"x\",\"b\":\"\0\"}", Some("x"), false),
        (br#"{"a":"x","a":"y"}"#, None, true),
        (deep.as_bytes(), None, true),
    ] {
        let mut members = members(body);
        assert_eq!(members.text("a").as_deref(), expected);
        let misshapen = members.into_misshapen();
        assert_eq!(misshapen.contains("a"), is_noted, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn identifiers_may_be_numbers() {
    let identifier = |body: &'static str| {
        members(body.as_bytes()).required_identifier("a").map(|text| text.to_string())
    };
    assert_eq!(
        identifier(r#"{"a":12345678901234567890123}"#),
        Ok("12345678901234567890123".into())
    );
    for other in [r#"{"a":1.5}"#, r#"{"a":-1}"#, r#"{"a":true}"#] {
        assert_eq!(identifier(other), Err(Defect::unusable("a")), "{other}");
    }
}

#[test]
fn the_rest_is_kept_as_far_as_it_can_be_read() {
    let deep = format!("{}1{}", "[".repeat(130), "]".repeat(130));
    let body = format!(
        r#"{{"own":"x","a":[1],"b":"\ud800","c":1e999,"d":{deep},"e":1,"e":2,"e":3,"f":null,"\ud800":1,"""#
    );
    let mut body = body.into_bytes();
    body.extend(b":1,\"g\":\"\xff\",\"h\0\":1,\"i\":{\"j\":\"\n\"}}");
    let mut members = members(&body);
    assert!(members.text("own").is_some());
    let rest = OtherMembers::rest_of(&mut members);
    assert!(rest.names().eq(["", "a", "f"]), "{rest:?}");
    assert_eq!(rest.json("a").as_deref(), Some("[1]"));
    let misshapen = members.into_misshapen();
    assert!(misshapen.iter().eq(["b", "c", "d", "e", "?", "g", "i"]), "{misshapen:?}");
}
