//! One registered client for all profiles of a store, which a login finds to be of no use: what it registers
//! in the client's place. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::loopback::CallbackUrl;
use oauth_tests::drive::{Callback, Stage, play, settings};
use oauth_tests::world::{AuthMethod, Knobs, RegisteredScopes, ScopePolicy, What};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// Two profiles that share their client.
fn two_profiles(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play(knobs, &settings().client_records(), |stage| {
        stage.profiles = ["ann", "bo"].into();
        stage.add_host();
        scenario(stage);
    })
}

/// A server that knows no scopes but those which were registered.
fn naming(scopes: ScopePolicy) -> Knobs {
    Knobs { registered_scopes: RegisteredScopes::Named, scopes, ..Knobs::default() }
}

/// What each registration said in a member.
fn registered<'a>(stage: &'a Stage, member: &str) -> Vec<Option<&'a str>> {
    stage.world.requests(What::Register).into_iter().map(|it| it.json[member].as_str()).collect()
}

/// The client that a login has just registered is the one that all share, and has been refused.
#[test]
fn a_client_that_is_refused_in_the_login_that_registered_it_is_not_taken_again() {
    let knobs = Knobs { refused_methods: vec![AuthMethod::None], ..Knobs::default() };
    let stage = two_profiles(&knobs, |stage| {
        assert_eq!(stage.call_from(0, LIST), Ok(200));
        assert_eq!(stage.logins(), 2, "the user is sent once more");
        assert_eq!(stage.call_from(1, LIST), Ok(200));
    });
    assert_eq!((registered(&stage, "client_name").len(), stage.logins()), (2, 3));
}

/// Whoever needs other scopes names those of the client in whose place it registers as well: its profiles
/// need them still.
#[test]
fn a_client_for_other_scopes_is_registered_for_those_of_the_last_as_well() {
    let stage = two_profiles(&naming(ScopePolicy::StepUp), |stage| {
        assert_eq!(stage.call_from(0, LIST), Ok(200));
        stage.world.knobs.challenge_scope = Some("mcp:write".into());
        assert_eq!(stage.call_from(1, CALL), Ok(200));
    });
    assert_eq!(registered(&stage, "scope").last(), Some(&Some("mcp:basic mcp:write")));
    assert_eq!((registered(&stage, "scope").len(), stage.logins()), (3, 3));
}

/// A port that is taken costs a registration, and not a second one because the first names no scopes.
#[test]
fn a_client_at_another_port_is_registered_for_the_scopes_of_the_last() {
    let stage = two_profiles(&naming(ScopePolicy::Basic), |stage| {
        stage.callback = Callback::any_port();
        assert_eq!(stage.call_from(0, LIST), Ok(200));
        let record = stage.store.load(&stage.session(0).key("ann")).unwrap();
        let port = CallbackUrl::default().port_of(record.binding().client().redirect_uri());
        stage.callback = Callback::AnyPort { taken: vec![port.unwrap()], others: 100 };
        assert_eq!(stage.call_from(1, LIST), Ok(200));
    });
    assert_eq!(registered(&stage, "scope"), [None, Some("mcp:basic"), Some("mcp:basic")]);
    assert_eq!(stage.logins(), 3);
}
