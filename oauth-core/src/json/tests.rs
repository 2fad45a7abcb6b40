use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::*;

#[test]
fn text_borrows_unless_it_was_escaped() {
    let read = |json| Text::read(json).map(|read| (read.value, read.is_misshapen));
    assert!(matches!(read(r#""x""#), Some((Text(Cow::Borrowed("x")), false))));
    assert_eq!(read(r#""\u0078\/""#).as_ref().map(|it| &*it.0), Some("x/"));
    assert!(matches!(read(r#"["x"]"#), Some((Text(Cow::Borrowed("x")), true))));
    for other in ["1", "true", "{}", "[]", r#"["x","y"]"#, "[1]", r#"[["x"]]"#, r#""\ud800""#] {
        assert!(read(other).is_none(), "{other}");
    }
}

#[test]
fn only_the_literal_true_is_true() {
    for (json, expected) in [
        ("true", Some(true)),
        ("false", Some(false)),
        ("\"true\"", None),
        ("1", None),
        ("[true]", None),
        ("{\"true\":true}", None),
    ] {
        assert_eq!(OnlyTrue::read(json).map(|read| read.value.0), expected, "{json}");
    }
}

#[test]
fn a_member_that_is_nested_deeper_than_any_that_is_meant_to_be_read_is_not_kept() {
    for (arrays, is_kept) in [(31, true), (32, false)] {
        let body = alloc::format!(r#"{{"a":{}1{}}}"#, "[".repeat(arrays), "]".repeat(arrays));
        let mut members = Members::of(body.as_bytes()).unwrap_or_else(|defect| panic!("{defect}"));
        let others = OtherMembers::rest_of(&mut members);
        assert_eq!(others.names().eq(["a"]), is_kept, "{arrays}");
    }
}

#[test]
fn members_of_more_values_than_are_meant_to_be_read_are_not_kept_and_leave_room_for_others() {
    let kept = |sizes: &[usize]| {
        let member = |(at, size): (usize, &usize)| {
            alloc::format!(r#""m{at}":[{}]"#, alloc::vec!["1"; *size].join(","))
        };
        let all: Vec<_> = sizes.iter().enumerate().map(member).collect();
        let body = alloc::format!("{{{}}}", all.join(","));
        let mut members = Members::of(body.as_bytes()).unwrap_or_else(|defect| panic!("{defect}"));
        let others = OtherMembers::rest_of(&mut members);
        let names: Vec<_> = others.names().map(String::from).collect();
        (names.join(" "), members.into_misshapen().to_string())
    };
    assert_eq!(kept(&[511]), ("m0".into(), String::new()));
    assert_eq!(kept(&[512]), (String::new(), " (m0)".into()));
    assert_eq!(kept(&[512, 255, 255, 1]), ("m1 m2".into(), " (m0, m3)".into()));
}
