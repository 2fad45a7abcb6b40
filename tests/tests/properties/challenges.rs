//! `WWW-Authenticate`: lines are written from random parts, in all the ways that the grammar has for the
//! same thing (RFC 9110 §11), and read back.

use oauth_core::Scopes;
use oauth_core::wire::{ResourceChallenge, Scheme, challenges};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::config;

#[derive(Clone, Debug, PartialEq)]
struct Challenge {
    scheme: String,
    inside: Inside,
}

#[derive(Clone, Debug, PartialEq)]
enum Inside {
    Token68(String),
    Params(Vec<(String, String)>),
}

/// A challenge, and how it is written.
fn challenge() -> impl Strategy<Value = (Challenge, String)> {
    let inside = prop_oneof![
        1 => "[A-Za-z0-9._~+/-]{1,8}={0,2}".prop_map(|text| (Inside::Token68(text.clone()), text)),
        4 => params(),
    ];
    let scheme =
        prop_oneof!["Bearer", "bEARER", "DPoP", "Basic", "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,6}"];
    (scheme, " {1,3}", inside).prop_map(|(scheme, space, (inside, text))| {
        let written = format!("{scheme}{space}{text}");
        (Challenge { scheme, inside }, written)
    })
}

fn params() -> impl Strategy<Value = (Inside, String)> {
    vec((param(), comma()), 0..5).prop_map(|params| {
        let mut text = String::new();
        let mut read = Vec::new();
        for ((param, written), comma) in params {
            let separator = if text.is_empty() { "" } else { &*comma };
            text = format!("{text}{separator}{written}");
            read.push(param);
        }
        (Inside::Params(read), text)
    })
}

/// A parameter: quoted with more escapes than it needs, or bare where that is allowed.
fn param() -> impl Strategy<Value = ((String, String), String)> {
    let name = prop_oneof![
        "scope|error|resource_metadata|error_description|Scope",
        "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,8}"
    ];
    let quoted = vec((any::<char>(), any::<bool>()), 0..10).prop_map(|chars| {
        let value: String = chars.iter().map(|(char, _)| *char).collect();
        let inside = chars.iter().map(|(char, escape)| {
            let escape = *escape || matches!(char, '"' | '\\');
            format!("{}{char}", if escape { "\\" } else { "" })
        });
        (value, format!("\"{}\"", inside.collect::<String>()))
    });
    let bare = "[A-Za-z0-9:/?#.-][A-Za-z0-9:/?#.=-]{0,9}".prop_map(|value| (value.clone(), value));
    let white = "[ \t]{0,2}";
    (name, white, white, prop_oneof![2 => quoted, 1 => bare]).prop_map(
        |(name, before, behind, (value, written))| {
            let text = format!("{name}{before}={behind}{written}");
            ((name, value), text)
        },
    )
}

/// A comma with optional white space around it, and empty elements (RFC 9110 §5.6.1).
fn comma() -> impl Strategy<Value = String> {
    "[ \t]{0,2},[ \t,]{0,3}"
}

fn line() -> impl Strategy<Value = (Vec<Challenge>, String)> {
    (vec((challenge(), comma()), 0..4), "[ \t,]{0,2}").prop_map(|(challenges, start)| {
        let mut text = start;
        let mut read = Vec::new();
        for ((challenge, written), comma) in challenges {
            text = format!("{text}{written}{comma}");
            read.push(challenge);
        }
        (read, text)
    })
}

fn read(line: &str) -> Vec<Challenge> {
    let inside = |it: &oauth_core::wire::Challenge<'_>| match it.token68() {
        Some(text) => Inside::Token68(text.into()),
        None => {
            Inside::Params(it.params().map(|(name, value)| (name.into(), value.into())).collect())
        }
    };
    challenges(line)
        .map(|it| Challenge { scheme: it.scheme().into(), inside: inside(&it) })
        .collect()
}

/// The first value of this name that is not empty, in challenges of a scheme.
fn first(all: &[Challenge], is_own: impl Fn(&str) -> bool, name: &str) -> Option<String> {
    let own = all.iter().filter(|it| is_own(&it.scheme.to_ascii_lowercase()));
    let params = own.flat_map(|it| match &it.inside {
        Inside::Params(params) => &params[..],
        Inside::Token68(_) => &[],
    });
    let mut values =
        params.filter(|(own, value)| own.eq_ignore_ascii_case(name) && !value.is_empty());
    values.next().map(|(_, value)| value.clone())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn challenges_are_read_as_they_were_written((written, text) in line()) {
        prop_assert_eq!(read(&text), written, "{}", text);
    }

    #[test]
    fn the_chosen_challenge_is_the_one_of_the_documentation(lines in vec(line(), 0..3)) {
        let all: Vec<_> = lines.iter().flat_map(|(challenges, _)| challenges.clone()).collect();
        let chosen = ResourceChallenge::select(lines.iter().map(|(_, text)| &**text));
        let is = |wanted: &'static str| move |scheme: &str| scheme == wanted;
        let is_other = |scheme: &str| !matches!(scheme, "bearer" | "dpop");
        let metadata = first(&all, is("bearer"), "resource_metadata")
            .or_else(|| first(&all, is("dpop"), "resource_metadata"))
            .or_else(|| first(&all, is_other, "resource_metadata"));
        let there = |wanted: &str| all.iter().any(|it| it.scheme.eq_ignore_ascii_case(wanted));
        let (scheme, own) = if there("bearer") {
            (Some(Scheme::Bearer), "bearer")
        } else if there("dpop") {
            (Some(Scheme::Dpop), "dpop")
        } else {
            (metadata.as_ref().map(|_| Scheme::Other), "none of them")
        };
        prop_assert_eq!(chosen.as_ref().map(|it| it.scheme), scheme);
        let Some(chosen) = chosen else { return Ok(()) };
        prop_assert_eq!(chosen.resource_metadata.as_deref(), metadata.as_deref());
        let scope = first(&all, is(own), "scope").and_then(|text| Scopes::parse(&text));
        prop_assert_eq!(chosen.scope, scope);
        let error = first(&all, is(own), "error");
        prop_assert_eq!(chosen.error.as_deref(), error.as_deref());
        let description = first(&all, is(own), "error_description");
        prop_assert_eq!(chosen.error_description.as_deref(), description.as_deref());
    }
}
