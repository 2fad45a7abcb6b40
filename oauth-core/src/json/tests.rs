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
