use super::*;

#[test]
fn parsing_keeps_order_and_drops_repeats_and_junk() {
    for (text, expected) in [
        ("a", Some("a")),
        (" b  a b ", Some("b a")),
        ("", None),
        ("   ", None),
        ("a \"b\" c\\d e", Some("a e")),
        ("a\nb c", Some("c")),
        ("Admin admin", Some("Admin admin")),
    ] {
        assert_eq!(Scopes::parse(text).as_ref().map(Scopes::as_str), expected, "{text:?}");
    }
}

#[test]
fn commas_separate_where_no_space_does() {
    for (text, expected) in [
        ("repo,gist", Some("repo gist")),
        ("repo, gist, user", Some("repo gist user")),
        (",repo,,gist,", Some("repo gist")),
        ("repo", None),
        ("repo gist", None),
        ("urn:tv:A,B read", None),
        (",", None),
        ("", None),
    ] {
        assert_eq!(at_commas(text).as_ref().map(Scopes::as_str), expected, "{text:?}");
    }
}

#[test]
fn a_set_is_bounded() {
    let many: String = (0..100_000).map(|i| alloc::format!("s{i} ")).collect();
    let scopes = Scopes::parse(&many).unwrap_or_default();
    assert!(scopes.as_str().len() <= Scopes::MAX_LENGTH && scopes.contains("s500"));
}

#[test]
fn what_a_host_asks_for_is_asked_for_whole_or_not_at_all() {
    let of_length = |length: usize| "abcdefg ".repeat(length / 8);
    let unlike =
        |length: usize| -> String { (0..length / 8).map(|i| alloc::format!("{i:07} ")).collect() };
    let too_many = Misuse::TooManyScopes { limit: Scopes::MAX_LENGTH };
    let odd = |scope: &str| Misuse::ScopeCharacters { scope: scope.into() };
    for (text, expected) in [
        (" b  a b ".into(), Ok(Some("b a".into()))),
        ("  ".into(), Ok(None)),
        (of_length(8 * 4096), Ok(Some("abcdefg".into()))),
        (unlike(4096), Ok(Some(unlike(4096).trim_end().into()))),
        (unlike(4104), Err(too_many)),
        ("a \"b\"".into(), Err(odd("\"b\""))),
        ("a\u{fc}".into(), Err(odd("a\u{fc}"))),
    ] {
        let scopes = Scopes::asked_for(&text);
        let expected: Result<Option<String>, _> = expected;
        assert_eq!(scopes.map(|it| it.map(|it| String::from(it.as_str()))), expected, "{text}");
    }
    assert!(Scopes::asked_for("a\nb").is_err());
}

#[test]
fn what_others_do_not_have_is_left() {
    for (text, other, expected) in [
        ("a b c", "b", Some("a c")),
        ("a b", "c", Some("a b")),
        ("a b", "b a d", None),
        ("ab", "a b", Some("ab")),
    ] {
        let [scopes, other] = [text, other].map(|it| Scopes::parse(it).unwrap_or_default());
        let rest = scopes.without(&other);
        assert_eq!(rest.as_ref().map(Scopes::as_str), expected, "{text} - {other}");
    }
}

#[test]
fn union_and_inclusion() {
    let mut have = Scopes::parse("a b").unwrap_or_default();
    let want = Scopes::parse("b c").unwrap_or_default();
    assert!(!have.includes(&want));
    assert_eq!(have.extend(&want), Ok(()));
    assert_eq!(have.as_str(), "a b c");
    assert!(have.includes(&want));
    assert!(!have.contains("a b"), "tokens are whole words");
}

#[test]
fn what_does_not_fit_is_added_in_whole_or_not_at_all() {
    let fill: String = (0..511).map(|i| alloc::format!("{i:07} ")).collect();
    let have = Scopes::parse(&fill).unwrap_or_default();
    assert_eq!(have.as_str().len(), 4087);
    for (more, expected) in [
        ("abcd abce", Err(ScopeDefect::TooLong)),
        ("abcdefgh", Ok(())),
        ("abcdefghi", Err(ScopeDefect::TooLong)),
        ("0000000 0000510 abcdefgh", Ok(())),
    ] {
        let (mut all, more) = (have.clone(), Scopes::parse(more).unwrap_or_default());
        assert_eq!(all.extend(&more), expected, "{more}");
        assert!(if expected.is_ok() { all.includes(&more) } else { all == have }, "{more}");
    }
    for (token, expected) in [
        ("abcdefgh", Ok(())),
        ("abcdefghi", Err(ScopeDefect::TooLong)),
        ("a b", Err(ScopeDefect::Characters)),
        ("", Ok(())),
    ] {
        let mut all = have.clone();
        assert_eq!(all.insert(token), expected, "{token}");
        assert_eq!(all != have, token == "abcdefgh");
    }
}
