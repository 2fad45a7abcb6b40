use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Writes what was understood: `scheme token68 name=value;` with one line per challenge.
fn understood(value: &str) -> String {
    let lines: Vec<_> = challenges(value)
        .map(|challenge| {
            let token68 = challenge.token68().unwrap_or("-");
            let params: String =
                challenge.params().map(|(name, value)| format!(" {name}={value};")).collect();
            format!("{} {token68}{params}", challenge.scheme())
        })
        .collect();
    lines.join("\n")
}

fn select<const N: usize>(values: [&str; N]) -> ResourceChallenge {
    ResourceChallenge::select(values).unwrap_or_else(|| panic!("nothing in {values:?}"))
}

#[test]
fn the_grammar() {
    for (value, expected) in [
        ("", ""),
        (" \t, ,", ""),
        ("Negotiate", "Negotiate -"),
        ("Bearer realm=\"x\"", "Bearer - realm=x;"),
        ("Bearer realm=x,error=y", "Bearer - realm=x; error=y;"),
        ("Basic a=1, Bearer b=2", "Basic - a=1;\nBearer - b=2;"),
        ("Negotiate, Basic a=1", "Negotiate -\nBasic - a=1;"),
        ("Basic a=1, Negotiate , NTLM", "Basic - a=1;\nNegotiate -\nNTLM -"),
        (",, Basic a=1,, ,b=2,\t", "Basic - a=1; b=2;"),
        ("Basic , a=1", "Basic - a=1;"),
        ("Basic a=\"1, b=2\", c=3", "Basic - a=1, b=2; c=3;"),
        ("Basic a=\", Bearer b=\", c=3", "Basic - a=, Bearer b=; c=3;"),
        (r#"Basic a="say \"hi\" \\ \n", b=2"#, r#"Basic - a=say "hi" \ n; b=2;"#),
        (r#"Basic a="\é\"é", b=2"#, "Basic - a=é\"é; b=2;"),
        ("Basic a = 1 ,b\t=\t\"2\" , c= 3", "Basic - a=1; b=2; c=3;"),
        ("Basic   a=1", "Basic - a=1;"),
        ("Basic YWJj", "Basic YWJj"),
        ("Basic YW-._~+/jZA==, Bearer x=y", "Basic YW-._~+/jZA==\nBearer - x=y;"),
        ("Basic YWJj= , Basic a=b", "Basic YWJj=\nBasic - a=b;"),
        ("Basic a=b=", "Basic - a=b=;"),
        ("Basic a=\"\"", "Basic - a=;"),
        ("Basic a=1, b=, c=3", "Basic - a=1; b=; c=3;"),
        ("!#$%&'*+-.^_`|~9z a=1", "!#$%&'*+-.^_`|~9z - a=1;"),
    ] {
        assert_eq!(understood(value), expected, "{value:?}");
    }
}

#[test]
fn scopes_that_are_left_out_are_named() {
    let long = format!("Bearer scope=\"a {}\"", "b".repeat(Scopes::MAX_LENGTH));
    for (value, scope, is_named) in [
        ("Bearer scope=\"a  b a\"", Some("a b"), false),
        ("Bearer", None, false),
        (&*long, Some("a"), true),
        ("Bearer scope=\"a b\u{fc}\"", Some("a"), true),
        ("Bearer scope=\"\u{fc}\"", None, true),
    ] {
        let challenge = select([value]);
        assert_eq!(challenge.scope.as_ref().map(Scopes::as_str), scope, "{value:?}");
        assert_eq!(challenge.misshapen.contains("scope"), is_named, "{value:?}");
    }
}

#[test]
fn broken_fields_are_read_in_one_way() {
    for (value, expected) in [
        // Unquoted values that had to be quoted.
        ("Bearer m=https://a.example/x?y=z, s=a:b", "Bearer - m=https://a.example/x?y=z; s=a:b;"),
        ("Bearer s=files:read Mail, m=x", "Bearer - s=files:read; m=x;"),
        // Forgotten commas.
        ("Bearer a=\"1\" b=\"2\"  c=3", "Bearer - a=1; b=2; c=3;"),
        ("Bearer a=1 Basic b=2, c=3", "Bearer - a=1; c=3;"),
        ("Bearer a=\"1\"b=2, c=3", "Bearer - a=1; c=3;"),
        ("Bearer Basic a=1, c=3", "Bearer - c=3;"),
        // Unescaped quotes.
        ("Bearer a=\"the \"x, y\" z\", c=3", "Bearer - a=the ; c=3;"),
        ("Bearer a=it\"s, c=\"3\", d=4", "Bearer - a=it;"),
        // Quotes that do not end.
        ("Bearer a=1, b=\"2, Basic c=3", "Bearer - a=1;"),
        ("Bearer a=1, b=\"2\\", "Bearer - a=1;"),
        ("Bearer a=1, b=\"2\\\"", "Bearer - a=1;"),
        ("Bearer a=1, \"", "Bearer - a=1;"),
        // No scheme, or none that could be one.
        ("a=1, Bearer b=2", "Bearer - b=2;"),
        ("\"Bearer a=1\", Basic b=2", "Basic - b=2;"),
        ("Bearer: a=1, b=2", ""),
        ("Basic a=1, Bea/rer b=2, c=3", "Basic - a=1; c=3;"),
        ("=, ==, Basic, =1, ===, b=2", "Basic - b=2;"),
        ("é a=1, Basic é=1, b=é", "Basic - b=é;"),
        // An empty value right behind the scheme is a `token68` by the grammar.
        ("Bearer scope=, m=x", "Bearer scope= m=x;"),
    ] {
        assert_eq!(understood(value), expected, "{value:?}");
    }
}

#[test]
fn parameters_are_found_by_their_whole_name_in_any_case_and_the_first_counts() {
    let value = "bEARER error_scope=1, x_resource_metadata=2, Scope=\"A b\", scope=c, scop=d";
    let challenge = challenges(value).next().unwrap_or_else(|| panic!("{value}"));
    assert_eq!(challenge.param("sCOPE").as_deref(), Some("A b"));
    assert_eq!(challenge.param("resource_metadata"), None);
    assert_eq!(challenge.param("error"), None);
    let kept = select([value]);
    assert_eq!(kept.scope.as_ref().map(Scopes::as_str), Some("A b"));
    assert_eq!((kept.resource_metadata, kept.error), (None, None));
}

#[test]
fn values_are_borrowed_unless_they_have_escapes() {
    let challenge = challenges(r#"a b="c", d="\e""#).next().unwrap_or_else(|| panic!());
    assert!(matches!(challenge.param("b"), Some(Cow::Borrowed("c"))));
    assert!(matches!(challenge.param("d"), Some(Cow::Owned(text)) if text == "e"));
}

#[test]
fn the_challenge_that_counts() {
    use Scheme::{Bearer, Dpop, Other};
    for (values, scheme, url) in [
        (&["Bearer"] as &[_], Bearer, None),
        (&["bearer resource_metadata=u"], Bearer, Some("u")),
        (&["DPOP resource_metadata=d, Bearer resource_metadata=b"], Bearer, Some("b")),
        (&["DPoP resource_metadata=d", "Bearer resource_metadata=b"], Bearer, Some("b")),
        (&["dpop algs=ES256, resource_metadata=d", "Basic realm=x"], Dpop, Some("d")),
        (&["DPoP algs=ES256"], Dpop, None),
        (&["Basic x=y, HOBA resource_metadata=h"], Other, Some("h")),
        (&["HOBA resource_metadata=h, GNAP resource_metadata=g"], Other, Some("h")),
        // The URL describes the resource, whatever the scheme.
        (&["Bearer scope=x, DPoP resource_metadata=d"], Bearer, Some("d")),
        (&["Bearer, HOBA resource_metadata=h, DPoP resource_metadata=d"], Bearer, Some("d")),
        (&["HOBA resource_metadata=h", "DPoP algs=ES256"], Dpop, Some("h")),
        // Several of one scheme are one.
        (&["Bearer error=x", "Bearer resource_metadata=b"], Bearer, Some("b")),
        (&["Bearer resource_metadata=b, Bearer resource_metadata=c"], Bearer, Some("b")),
        (&["Bearer resource_metadata=b, resource_metadata=c"], Bearer, Some("b")),
        (&["Bearer resource_metadata=\"\", DPoP resource_metadata=d"], Bearer, Some("d")),
    ] {
        let kept = ResourceChallenge::select(values.iter().copied());
        let kept = kept.unwrap_or_else(|| panic!("nothing in {values:?}"));
        assert_eq!((kept.scheme, kept.resource_metadata.as_deref()), (scheme, url), "{values:?}");
    }
    for values in [&[] as &[_], &[""], &["Basic realm=x", "Negotiate"], &["resource_metadata=u"]] {
        assert_eq!(ResourceChallenge::select(values.iter().copied()), None, "{values:?}");
    }
}

/// Who has sent a bound token is told by the `DPoP` challenge what is wrong, whatever stands beside it.
#[test]
fn the_challenge_that_counts_for_a_bound_token() {
    use Scheme::{Bearer, Dpop, Other};
    for (values, scheme, error, url) in [
        (&["Bearer error=b, DPoP error=d, resource_metadata=u"][..], Dpop, Some("d"), Some("u")),
        (&["DPoP error=d", "Bearer error=b, resource_metadata=u"], Dpop, Some("d"), Some("u")),
        (&["Bearer error=b", "dpop algs=\"ES256\""], Dpop, None, None),
        (&["Bearer error=b"], Bearer, Some("b"), None),
        (&["Basic realm=x, HOBA resource_metadata=h"], Other, None, Some("h")),
    ] {
        let kept = ResourceChallenge::select_bound(values.iter().copied());
        let kept = kept.unwrap_or_else(|| panic!("nothing in {values:?}"));
        let found = (kept.scheme, kept.error.as_deref(), kept.resource_metadata.as_deref());
        assert_eq!(found, (scheme, error, url), "{values:?}");
    }
    assert_eq!(ResourceChallenge::select_bound(["Basic realm=x"]), None);
}

#[test]
fn what_a_proof_lacks_is_no_matter_of_the_token() {
    for (value, wants_nonce, is_invalid) in [
        ("DPoP error=\"use_dpop_nonce\"", true, false),
        ("DPoP error=invalid_dpop_proof, algs=ES256", false, true),
        ("DPoP error=invalid_token", false, false),
        ("Bearer error=use_dpop_nonce", false, false),
        ("Bearer error=invalid_dpop_proof", false, false),
        ("DPoP", false, false),
    ] {
        let kept = select([value]);
        let found = (kept.wants_dpop_nonce(), kept.is_invalid_dpop_proof());
        assert_eq!(found, (wants_nonce, is_invalid), "{value}");
    }
}

#[test]
fn algorithms_are_those_of_the_dpop_challenge() {
    use crate::signing_algorithm::SigningAlgorithm::{Es256, Ps256};
    let both = [Es256, Ps256].into_iter().collect();
    for (value, algorithms) in [
        ("DPoP algs=\"PS256 ES256 HS256\"", Some(both)),
        ("Bearer algs=ES256, DPoP algs=\"ES256 PS256\"", Some(both)),
        ("DPoP algs=\"\", algs=ES256", Some(Es256.into())),
        ("DPoP algs=\"none\"", Some(SigningAlgorithms::NONE)),
        ("DPoP", None),
        ("Bearer algs=ES256", None),
    ] {
        for kept in
            [select([value]), ResourceChallenge::select_bound([value]).unwrap_or_else(|| panic!())]
        {
            assert_eq!(kept.dpop_algorithms, algorithms, "{value}");
            let stored = serde_json::to_string(&kept).unwrap_or_default();
            assert_eq!(serde_json::from_str(&stored).ok(), Some(kept));
        }
    }
}

#[test]
fn parameters_of_other_schemes_are_not_mixed_in() {
    let kept = select(["Bearer realm=x, Basic error=basic, DPoP error=dpop, scope=dpop"]);
    assert_eq!((kept.error, kept.scope), (None, None));
    let kept = select(["Basic error=basic, HOBA resource_metadata=h, Digest error=digest"]);
    assert_eq!((kept.error, kept.resource_metadata.as_deref()), (None, Some("h")));
}

#[test]
fn what_is_kept_survives_storage() {
    let kept = select([concat!(
        "Bearer error=\"insufficient_scope\", scope=\"files:read  mail\", realm=x, ",
        r#"error_description="Say \"please\"", resource_metadata="https://a.example/m""#
    )]);
    assert!(kept.is_insufficient_scope());
    assert_eq!(kept.scope.as_ref().map(Scopes::as_str), Some("files:read mail"));
    assert_eq!(kept.error_description.as_deref(), Some("Say \"please\""));
    let stored = serde_json::to_string(&kept).unwrap_or_default();
    assert_eq!(serde_json::from_str::<ResourceChallenge>(&stored).ok(), Some(kept));
}

#[test]
fn only_insufficient_scope_is_insufficient_scope() {
    for value in [
        "Bearer",
        "Bearer error=invalid_token",
        "Bearer error=Insufficient_Scope",
        "Bearer error=\"\"",
    ] {
        assert!(!select([value]).is_insufficient_scope(), "{value}");
    }
}

type Written = Vec<(String, Result<Vec<(String, String)>, String>)>;

/// Challenges with parameters, or with a `token68`.
fn list() -> impl Strategy<Value = Written> {
    let params = proptest::collection::vec(("[!#-'*+.^-z|~-]{1,6}", ".{0,12}"), 0..4);
    let inside =
        prop_oneof![3 => params.prop_map(Ok), 1 => "[A-Za-z0-9._~+/-]{1,6}={0,2}".prop_map(Err)];
    proptest::collection::vec(("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,6}", inside), 0..4)
}

fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(written in list(), commas in "[ \t]{0,2},[ \t,]{0,3}", bws in "[ \t]{0,2}") {
        let elements: Vec<_> = written.iter().flat_map(|(scheme, inside)| match inside {
            Ok(params) => {
                let params = params.iter().map(|(name, value)| format!("{name}{bws}={bws}{}", quote(value)));
                let mut elements: Vec<_> = params.collect();
                match elements.first_mut() {
                    Some(first) => *first = format!("{scheme} {first}"),
                    None => elements.push(scheme.clone()),
                }
                elements
            }
            Err(token68) => alloc::vec![format!("{scheme}  {token68}")],
        }).collect();
        let value = elements.join(&commas);
        let read: Written = challenges(&value).map(|challenge| {
            let params = challenge.params().map(|(name, value)| {
                let has_escapes = value.contains(['"', '\\']);
                assert_eq!(matches!(value, Cow::Owned(_)), has_escapes, "{value}");
                (name.into(), value.into_owned())
            });
            (challenge.scheme().into(), challenge.token68().map_or(Ok(params.collect()), |text| Err(text.into())))
        }).collect();
        prop_assert_eq!(read, written, "{}", value);
    }

    #[test]
    fn any_text_is_read_without_panic_and_the_two_ways_agree(
        values in proptest::collection::vec(r#"(Bearer|DPoP|scope|[ =,"\\]|[a-zé/]{1,3}|.){0,24}"#, 0..3)
    ) {
        for value in &values {
            for (_, param) in challenges(value).flat_map(|challenge| challenge.params().collect::<Vec<_>>()) {
                prop_assert!(matches!(param, Cow::Borrowed(_)) || value.contains('\\'));
            }
        }
        let schemes = || values.iter().flat_map(|value| challenges(value));
        let scope = schemes().filter(|c| c.scheme().eq_ignore_ascii_case("bearer")).find_map(|c| {
            c.params().find(|(name, value)| name.eq_ignore_ascii_case("scope") && !value.is_empty())
        });
        let kept = ResourceChallenge::select(values.iter().map(String::as_str));
        let bound = ResourceChallenge::select_bound(values.iter().map(String::as_str));
        prop_assert_eq!(bound.as_ref().map(|it| it.dpop_algorithms), kept.as_ref().map(|it| it.dpop_algorithms));
        let has_dpop = schemes().any(|c| c.scheme().eq_ignore_ascii_case("dpop"));
        prop_assert_eq!(bound.is_some_and(|it| it.scheme == Scheme::Dpop), has_dpop);
        if let Some(kept) = kept.filter(|kept| kept.scheme == Scheme::Bearer) {
            prop_assert_eq!(kept.scope, scope.and_then(|(_, scope)| Scopes::parse(&scope)));
        } else {
            prop_assert!(!schemes().any(|c| c.scheme().eq_ignore_ascii_case("bearer")));
        }
    }
}
