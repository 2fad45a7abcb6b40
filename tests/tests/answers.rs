//! Answers that are not quite what the specifications say: read as far as they can be, and nothing that
//! arrived is lost. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::sync::Arc;

use oauth_core::error::PeerMisbehaved;
use oauth_core::flow::Settings;
use oauth_core::session::{Session, Turn};
use oauth_core::{Endpoint, Error, Finding, Policy, Tolerance, UnixTime};
use oauth_tests::drive::{Network, SERVER_URL, Stage, play, play_later, settings, walk};
use oauth_tests::world::{Damage, Knobs, TokenForm, What};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// Longer than a server that answered without a token is left alone at first.
const PAUSE: u64 = 10;

/// Members beside the token that are not as they should be.
const ODD: [(&str, &str); 8] = [
    ("expires_in", r#""two minutes""#),
    ("scope", "false"),
    ("token_type", r#""bearer ""#),
    ("x", r#""\ud800""#),
    ("x", "1e999"),
    ("x", r#"1,"x":2"#),
    ("x", "\"a\u{1}b\""),
    ("scope", "\"a\nb\""),
];

fn odd(member: &'static str, json: &'static str) -> Damage<TokenForm> {
    Damage::always(TokenForm::Member(member, json))
}

/// A host that puts up with everything as usual, but not with this.
fn picky() -> Settings {
    let policy = Policy::default().refuse(Tolerance::MisshapenMembers);
    Settings::with_policy(SERVER_URL, policy).unwrap()
}

/// The error names the member.
fn names(error: &Error, member: &str) -> bool {
    matches!(error, Error::PeerMisbehaved(PeerMisbehaved::NotTolerated {
        endpoint: Endpoint::Token,
        tolerance: Tolerance::MisshapenMembers,
        misshapen,
    }) if misshapen.iter().eq([member]) && error.to_string().contains(member))
}

fn access_token(stage: &Stage) -> String {
    stage.record().unwrap().tokens().unwrap().access_token.token().to_owned()
}

#[test]
fn a_login_survives_what_cannot_be_read_beside_its_token() {
    for (member, json) in ODD {
        let knobs = Knobs { token_form: odd(member, json), ..Knobs::default() };
        let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
        let record = stage.record().unwrap();
        let tokens = record.tokens().unwrap();
        assert!(tokens.tolerated.contains(Tolerance::MisshapenMembers));
        assert!(tokens.misshapen.iter().eq([member]), "{member}: {tokens:?}");
        let last = &stage.session(0).timeline().entries().last().unwrap().finding;
        assert!(matches!(last, Finding::Tokens { misshapen, .. } if misshapen.iter().eq([member])));
        assert!(last.to_string().contains(&format!("misshapen_members ({member})")), "{last}");
    }
}

#[test]
fn a_refresh_survives_what_cannot_be_read_beside_its_token() {
    for (member, json) in ODD {
        let stage = play_later(&Knobs::default(), &settings(), |stage| {
            stage.world.knobs.token_form = odd(member, json);
            stage.world.advance(HOUR);
            assert_eq!(stage.call(LIST), Ok(200), "{member}: {json}");
        });
        assert_eq!(stage.world.oauth_requests(), 1);
    }
}

/// What is no scope, or has no room, is left out of what is asked for, and the timeline names it.
#[test]
fn a_challenge_of_which_scopes_are_left_out_is_named() {
    for (scope, expected) in [
        ("mcp:basic".to_owned(), ""),
        (format!("mcp:basic {}", "x".repeat(4096)), "; not all could be read (scope)"),
    ] {
        let knobs = Knobs { challenge_scope: Some(scope), ..Knobs::default() };
        let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
        let first = stage.session(0).timeline().entries()[0].finding.to_string();
        assert_eq!(first, format!("refused: a login is needed{expected}"));
    }
}

/// A lifetime that cannot be read says nothing: the token is used until it is refused, and then renewed.
#[test]
fn a_token_of_unknown_lifetime_is_used_until_it_is_refused() {
    let token_form = odd("expires_in", "true");
    let stage = play_later(&Knobs { token_form, ..Knobs::default() }, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.world.oauth_requests(), 0);
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 1);
}

#[test]
fn a_refresh_that_the_policy_refuses_is_stored_before_the_call_fails() {
    for (member, json) in ODD {
        let stage = play_later(&Knobs::default(), &picky(), |stage| {
            stage.world.knobs.token_form = odd(member, json);
            let before = access_token(stage);
            stage.world.advance(HOUR);
            assert!(names(&stage.call(LIST).unwrap_err(), member));
            assert_ne!(access_token(stage), before, "stored all the same");
            // The same each time, and nothing is asked for it.
            assert!(names(&stage.call(LIST).unwrap_err(), member));
            assert_eq!(stage.world.oauth_requests(), 1);
        });
        assert!(stage.session(0).snapshot().token().is_none());
        assert_eq!(handed_out(settings(), &stage).unwrap(), access_token(&stage));
        assert!(names(&handed_out(picky(), &stage).unwrap_err(), member));
    }
}

#[test]
fn a_refused_answer_is_forgotten_with_the_next_good_one() {
    let stage = play_later(&Knobs::default(), &picky(), |stage| {
        stage.world.knobs.token_form = Damage::times(TokenForm::Member("x", "1e999"), 1);
        stage.world.advance(HOUR);
        assert!(stage.call(LIST).is_err());
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 2);
}

#[test]
fn a_login_that_the_policy_refuses_is_stored_before_the_call_fails() {
    for (member, json) in ODD {
        let knobs = Knobs { token_form: odd(member, json), ..Knobs::default() };
        let stage = play(&knobs, &picky(), |stage| {
            assert!(names(&stage.call(LIST).unwrap_err(), member));
            assert!(names(&stage.call(LIST).unwrap_err(), member));
        });
        assert_eq!(stage.world.count(What::Authorize), 1, "nobody logs in again");
        assert_eq!(handed_out(settings(), &stage).unwrap(), access_token(&stage));
    }
}

/// Without a session it is the host that stores: the flow says what is wrong, and has the tokens.
#[test]
fn a_login_alone_has_the_tokens_beside_the_error() {
    let knobs = Knobs { token_form: odd("scope", "{}"), ..Knobs::default() };
    let walk = walk(&knobs, &picky(), &Network::default());
    assert!(names(&walk.error(), "scope"));
    let kept = walk.kept.unwrap();
    assert!(kept.tokens.tolerated.contains(Tolerance::MisshapenMembers));
}

/// The refresh token that was spent is good for nothing: what came in its place is kept, whatever is wrong
/// with the access token.
#[test]
fn a_rotated_refresh_token_is_stored_also_without_an_access_token() {
    for form in [
        TokenForm::MacType,
        TokenForm::Space,
        TokenForm::NoAccessToken,
        TokenForm::Member("access_token", "7"),
        TokenForm::Member("access_token", r#""a","access_token":"b""#),
    ] {
        let stage = play_later(&Knobs::default(), &settings(), |stage| {
            stage.world.knobs.token_form = Damage::times(form.clone(), 1);
            let before = access_token(stage);
            stage.world.advance(HOUR);
            assert!(stage.call(LIST).is_err(), "{form:?}");
            assert_eq!(access_token(stage), before);
            stage.world.advance(PAUSE);
            assert_eq!(stage.call(LIST), Ok(200), "with the new refresh token");
        });
        assert_eq!(stage.world.oauth_requests(), 2);
    }
}

#[test]
fn an_early_refresh_without_an_access_token_does_not_disturb_the_old_one() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.knobs.token_form = Damage::times(TokenForm::MacType, 1);
        stage.world.advance(HOUR - 30);
        assert_eq!(stage.call(LIST), Ok(200), "the old token lives");
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.world.oauth_requests(), 1);
        stage.world.advance(60);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 2);
}

/// The token that a host with these settings gets from the store of a stage.
fn handed_out(settings: Settings, stage: &Stage) -> Result<String, Error> {
    let now = UnixTime::from_secs(stage.world.now);
    let mut session = Session::new(Arc::new(settings));
    loop {
        match session.turn()? {
            Turn::Load(reply) => reply.loaded(stage.record(), now),
            Turn::Ready(token) => return Ok(token.to_auth().token().to_owned()),
            turn => panic!("{turn:?}"),
        }
    }
}
