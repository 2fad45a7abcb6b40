use alloc::string::{String, ToString as _};

use super::*;
use crate::flow::WrittenSettings;

fn refused(json: &str) -> String {
    let read: Result<WrittenSettings, _> = serde_json::from_str(json);
    read.err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn a_member_that_nobody_knows_is_named_with_the_one_that_was_meant() {
    for (name, nearest) in [
        ("clientId", Some("client_id")),
        ("private_host", Some("private_hosts")),
        ("resourceMode", Some("resource_mode")),
        ("auth_provider", Some("oauth_provider")),
        ("issuer", Some("client_issuer")),
        ("what_is_this", None),
    ] {
        let json = alloc::format!(r#"{{"scope": "a", "{name}": [1, {{}}]}}"#);
        let unknown = UnknownMember { name: name.into(), nearest };
        assert_eq!(UnknownMember::find::<WrittenSettings>(&json), Err(unknown.clone()));
        assert!(refused(&json).starts_with(&unknown.to_string()), "{}", refused(&json));
        assert_eq!(nearest.is_some(), unknown.to_string().contains("did you mean"));
    }
}

/// However long it is, and whatever it would do to a terminal.
#[test]
fn the_name_of_a_member_is_bounded_and_shown_plainly() {
    let long = "\\u001b[2J".to_string() + &"x".repeat(100_000);
    let error = refused(&alloc::format!(r#"{{"{long}": 1}}"#));
    assert!(error.len() < 200 && error.contains(r"\u{1b}[2J"), "{error}");
}

#[test]
fn what_is_no_object_has_no_member_that_nobody_knows() {
    for json in ["", "17", "\"scope\"", "[]", "{", r#"{"scope""#, r#"{"scope": 17}"#, "{}"] {
        assert_eq!(UnknownMember::find::<WrittenSettings>(json), Ok(()), "{json}");
    }
}

#[test]
fn a_value_that_cannot_be_read_is_named_by_its_member() {
    for (json, member) in [
        (r#"{"scope": 17}"#, "`scope`"),
        (r#"{"client_secret": 1234}"#, "`client_secret`"),
        (
            r#"{"tolerate": ["issuer_slsh"]}"#,
            "`tolerate`: no tolerance is called \"issuer_slsh\"; did you mean \"issuer_slash\"?",
        ),
        (r#"{"resource_mode": "none"}"#, "`resource_mode`"),
        (r#"{"store_check_interval": 0}"#, "`store_check_interval`"),
        (r#"{"token_parameters": {"a": 1}}"#, "`token_parameters`"),
    ] {
        assert!(refused(json).starts_with(member), "{}", refused(json));
        assert!(!refused(json).contains("1234"), "{}", refused(json));
    }
}

#[test]
fn a_member_that_is_there_twice_is_refused() {
    for json in [r#"{"scope": "a", "scope": "b"}"#, r#"{"provider": null, "oauth_provider": null}"#]
    {
        assert!(refused(json).contains("duplicate"), "{json}");
    }
}

#[test]
fn what_is_said_later_wins_and_lists_grow() {
    let read = |json| -> WrittenSettings {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"))
    };
    let before = r#"{"scope": "a", "client_id": "c", "strict": true, "private_hosts": ["a"], "token_parameters": {"a": "1"}}"#;
    let later = r#"{"scope": "b", "strict": false, "private_hosts": ["b"], "token_parameters": {"a": "2"}}"#;
    let both = r#"{"scope": "b", "client_id": "c", "strict": true, "private_hosts": ["a", "b"], "token_parameters": {"a": "1", "a": "2"}}"#;
    assert_eq!(read(later).over(read(before)), read(both));
}
