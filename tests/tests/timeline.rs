//! What a machine notes on its way: each answer, what it was taken for, and what that led to. Each scenario
//! also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::error::PeerIncompatible;
use oauth_core::flow::ScopeSource;
use oauth_core::{
    Endpoint, Error, Finding, MemberNames, Policy, Remedy, Timeline, Tolerance, Tolerances,
};
use oauth_tests::drive::{SERVER_URL, Stage, play, play_later, settings};
use oauth_tests::world::{
    Challenge, Damage, Fault, Knobs, MetadataForm, PrmResource, RefreshTokens, ScopePolicy,
    TokenForm,
};

const LIST: &str = "tools/list";
const HOUR: u64 = 3600;

/// Who was asked, the status of the answer, and what it was taken for.
type Told = (Endpoint, Option<u16>, Finding);

fn told(timeline: &Timeline) -> Vec<Told> {
    timeline.entries().iter().map(|it| (it.endpoint, it.status, it.finding.clone())).collect()
}

fn document() -> Finding {
    Finding::Document { tolerated: Tolerances::NONE, misshapen: MemberNames::default() }
}

fn tokens() -> Finding {
    Finding::Tokens {
        lacks: None,
        lifetime: Some(HOUR),
        refresh_token: true,
        tolerated: Tolerances::NONE,
        misshapen: MemberNames::default(),
    }
}

fn refused(remedy: Remedy) -> Told {
    (Endpoint::Resource, Some(401), Finding::Refused { remedy, misshapen: MemberNames::default() })
}

#[test]
fn a_login_is_told_from_the_first_refusal_to_the_tokens() {
    let stage = play(&Knobs::default(), &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    let registered =
        Finding::Registered { tolerated: Tolerances::NONE, misshapen: MemberNames::default() };
    let expected = [
        refused(Remedy::Login),
        (Endpoint::ResourceMetadata, Some(200), document()),
        (Endpoint::ServerMetadata, Some(200), document()),
        (Endpoint::Registration, Some(201), registered),
        (Endpoint::Authorization, None, Finding::CameBack),
        (Endpoint::Token, Some(200), tokens()),
    ];
    assert_eq!(told(stage.session(0).timeline()), expected);
}

#[test]
fn a_refused_token_is_refreshed() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let expected = [refused(Remedy::Refresh), (Endpoint::Token, Some(200), tokens())];
    assert_eq!(told(stage.session(0).timeline()), expected);
}

#[test]
fn an_early_refresh_that_fails_says_that_the_old_token_is_used() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.knobs.token_damage = Damage::always(Fault::Status(503));
        stage.world.advance(HOUR - 30);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let finding = Finding::Postponed { code: "unreachable".into() };
    assert_eq!(told(stage.session(0).timeline()), [(Endpoint::Token, Some(503), finding)]);
}

#[test]
fn what_is_still_refused_tells_all_that_was_tried() {
    let knobs = Knobs { scopes: ScopePolicy::EverMore, ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        let Err(Error::PeerIncompatible(PeerIncompatible::StillRefused { error, .. })) =
            stage.call(LIST)
        else {
            panic!("it is refused for ever")
        };
        assert_eq!(error.as_deref(), Some("insufficient_scope"));
    });
    let remedies = told(stage.session(0).timeline()).into_iter().filter_map(|(.., finding)| {
        if let Finding::Refused { remedy, .. } = finding { Some(remedy) } else { None }
    });
    let wider = Remedy::WiderLogin;
    assert!(remedies.eq([Remedy::Login, wider, wider, Remedy::GiveUp]));
}

#[test]
fn a_place_without_a_document_says_why_it_was_left() {
    for (fault, is_named) in [(Fault::Html, true), (Fault::Status(404), false)] {
        let (challenge, prm_damage) = (Challenge::WithoutUrl, Damage::always(fault));
        let knobs = Knobs { challenge, prm_damage, ..Knobs::default() };
        let mut stage = Stage::new(&knobs, &settings(), false);
        assert!(stage.call(LIST).is_err());
        let timeline = told(stage.session(0).timeline());
        let [_, (Endpoint::ResourceMetadata, _, first), (Endpoint::ResourceMetadata, ..)] =
            &timeline[..]
        else {
            panic!("{timeline:?}")
        };
        let Finding::NothingHere { defect } = first else { panic!("{first:?}") };
        assert_eq!(defect.is_some(), is_named);
    }
}

#[test]
fn an_error_explains_how_it_came_to_it() {
    let metadata_form = Damage::always(MetadataForm::IssuerForeign);
    let mut stage = Stage::new(&Knobs { metadata_form, ..Knobs::default() }, &settings(), false);
    let error = stage.call(LIST).unwrap_err();
    let text = error.explain(stage.session(0).timeline()).to_string();
    for words in [
        "error[issuer_mismatch]: the metadata fetched for issuer",
        "who can help  the server's operator",
        "How it came to that:",
        &format!("1  401  MCP server  {SERVER_URL}\n"),
        "failed: issuer_mismatch",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn a_timeline_begins_anew_with_each_thing_that_is_wanted() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    assert!(!stage.session(0).timeline().entries().is_empty());
    stage.session_mut(0).access();
    assert!(stage.session(0).timeline().entries().is_empty());
    assert!(stage.session_mut(0).take_timeline().entries().is_empty());
}

#[test]
fn a_logout_is_told() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.session_mut(0).logout();
    assert!(stage.run(0).is_ok());
    let revoked = (Endpoint::Revocation, Some(200), Finding::Revoked);
    assert_eq!(told(stage.session(0).timeline()), [revoked.clone(), revoked]);
}

#[test]
fn scopes_know_who_wanted_them() {
    let by_default = ScopeSource::Challenge;
    let own = settings().scope("mcp:basic mcp:write").unwrap();
    let unnamed = Knobs { challenge_scope: None, ..Knobs::default() };
    let silent = Knobs { prm_scopes: None, ..unnamed.clone() };
    for (knobs, settings, expected) in [
        (Knobs::default(), settings(), Some(by_default)),
        (Knobs::default(), own, Some(ScopeSource::Settings)),
        (unnamed, settings(), Some(ScopeSource::ResourceMetadata)),
        (silent, settings(), None),
    ] {
        let mut stage = Stage::new(&knobs, &settings, false);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.record().unwrap().binding().requested_by(), expected);
    }
}

/// What is tolerated is reported with the grant, and a strict policy refuses it.
#[test]
fn what_is_tolerated_is_told_and_can_be_refused() {
    let prm_resource = PrmResource::Origin;
    let token_form = Damage::always(TokenForm::NoType);
    for (knobs, tolerance, code) in [
        (
            Knobs { prm_resource, ..Knobs::default() },
            Tolerance::PartialResource,
            "foreign_resource",
        ),
        (Knobs { token_form, ..Knobs::default() }, Tolerance::UntypedToken, "not_tolerated"),
    ] {
        let mut stage = Stage::new(&knobs, &settings(), false);
        assert_eq!(stage.call(LIST), Ok(200));
        let record = stage.record().unwrap();
        let tokens = record.tokens().unwrap().tolerated;
        let all = record.binding().tolerated().iter().chain(tokens.iter());
        assert!(all.eq([tolerance]), "{record:?}");
        let strict = oauth_core::flow::Settings::with_policy(SERVER_URL, Policy::strict()).unwrap();
        let mut stage = Stage::new(&knobs, &strict, false);
        assert_eq!(stage.call(LIST).unwrap_err().code(), code);
    }
}

/// The server lists `offline_access`, and nobody asks for a scope that it could join.
#[test]
fn a_login_without_a_refresh_token_says_for_want_of_what() {
    let knobs = |prm_scopes: Option<Vec<String>>| Knobs {
        challenge_scope: None,
        prm_scopes,
        offline_access: true,
        refresh_tokens: RefreshTokens::OnlyWithOfflineAccess,
        scopes: ScopePolicy::Open,
        ..Knobs::default()
    };
    for (scopes, expected) in
        [(None, Some("offline_access")), (Some(vec!["mcp:basic".into()]), None)]
    {
        let stage = play(&knobs(scopes), &settings(), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
        });
        let timeline = stage.session(0).timeline();
        let Some(Finding::Tokens { lacks, .. }) = timeline.entries().last().map(|it| &it.finding)
        else {
            panic!("{timeline}")
        };
        assert_eq!(lacks.as_deref(), expected);
    }
}
