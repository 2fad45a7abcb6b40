//! An MCP server that moves from one authorization server to the next, and on to a third: what belongs to
//! one of them goes to no other, and what is remembered of them does not grow.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::sync::{Arc, Mutex};

use common::{LIST, builder, call, serve};
use oauth_blocking::{Event as Told, MemoryTokenStorage};
use oauth_core::flow::Settings;
use oauth_core::session::Turn;
use oauth_tests::drive::{Event, Stage, User, play, settings};
use oauth_tests::world::{
    AuthMethod, Damage, IssuerPath, Knobs, Party, PrmServers, RefreshTokens, Registration,
    TokenForm, What,
};

/// Longer than an access token lives.
const HOUR: u64 = 3600;

const DOCUMENT_URL: &str = "https://app.example.com/client.json";

/// Each login brings an access token only, so that each hour needs the server that is named then.
fn hourly(knobs: Knobs) -> Knobs {
    Knobs { refresh_tokens: RefreshTokens::Never, ..knobs }
}

fn log_in_at(stage: &mut Stage, servers: PrmServers) {
    stage.world.advance(HOUR);
    stage.world.knobs.prm_servers = servers;
    assert_eq!(stage.call(LIST), Ok(200));
}

fn elsewhere(stage: &Stage) -> Vec<String> {
    let text = stage.record().unwrap().to_json();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let known = record["past"]["elsewhere"].as_array().cloned().unwrap_or_default();
    known.iter().map(|it| it["issuer"].as_str().unwrap().to_owned()).collect()
}

/// The world blames whoever shows a client, or its secret, to a server that did not register it.
#[test]
fn a_client_of_the_first_server_is_nothing_to_the_third() {
    for assigned_method in [None, Some(AuthMethod::Basic), Some(AuthMethod::Post)] {
        let knobs = hourly(Knobs { assigned_method, ..Knobs::default() });
        let stage = play(&knobs, &settings(), |stage| {
            for servers in [PrmServers::One, PrmServers::Second, PrmServers::Third] {
                log_in_at(stage, servers);
            }
            assert_eq!(stage.world.count(What::Register), 3, "one each");
            let record = stage.record().unwrap();
            assert_eq!(record.binding().server().issuer().as_str(), stage.world.issuer3());
            assert_eq!(elsewhere(stage), [stage.world.issuer2(), stage.world.issuer()]);
            // Back at the first and at the second, theirs are still good.
            log_in_at(stage, PrmServers::One);
            log_in_at(stage, PrmServers::Second);
            assert_eq!(stage.world.count(What::Register), 3, "one each, again");
        });
        assert!(stage.world.count_at(Party::AuthServer3) > 0);
    }
}

/// Six issuers at three hosts, and round again: the record is no longer than after the first four.
#[test]
fn a_record_does_not_grow_with_the_servers_that_were_used() {
    let all: Vec<_> = [IssuerPath::Root, IssuerPath::Tenant]
        .into_iter()
        .flat_map(|path| {
            [PrmServers::One, PrmServers::Second, PrmServers::Third].map(|it| (path, it))
        })
        .collect();
    let _ = play(&hourly(Knobs::default()), &settings(), |stage| {
        let mut sizes = Vec::new();
        for (path, servers) in all.iter().chain(&all).chain(&all) {
            stage.world.knobs.issuer_path = *path;
            log_in_at(stage, servers.clone());
            let known = elsewhere(stage);
            assert!(known.len() <= 3, "{known:?}");
            assert_eq!(known.len(), sizes.len().min(3), "as many as are remembered");
            sizes.push(stage.record().unwrap().to_json().len());
        }
        let longest = sizes[6..12].iter().max().unwrap() + 20;
        assert!(sizes[12..].iter().all(|size| *size <= longest), "{sizes:?}");
    });
}

fn moved_from(stage: &mut Stage) -> Option<String> {
    let Ok(Turn::Browser(_, reply)) = stage.session_mut(0).turn() else { panic!("no page") };
    reply.moved_from().map(|issuer| issuer.as_str().to_owned())
}

#[test]
fn a_user_can_be_told_that_the_server_has_moved_and_from_where() {
    let _ = play(&hourly(Knobs::default()), &settings(), |stage| {
        let mut before: Option<String> = None;
        for servers in [PrmServers::One, PrmServers::Second, PrmServers::Third, PrmServers::Third] {
            stage.world.advance(HOUR);
            stage.world.knobs.prm_servers = servers;
            stage.user = User::Waits;
            stage.session_mut(0).access();
            assert_eq!(stage.run(0), Ok(Event::Login));
            stage.begin(0);
            assert_eq!(stage.run(0), Ok(Event::Page));
            let here = stage.world.issuer3();
            let expected = before.take().filter(|before| *before != here);
            assert_eq!(moved_from(stage), expected);
            stage.user = User::Consents;
            assert_eq!(stage.obtain(0), Ok(()));
            let record = stage.record().unwrap();
            before = Some(record.binding().server().issuer().as_str().to_owned());
        }
    });
}

/// What each opened page said about where the tokens were from.
type Said = Arc<Mutex<Vec<Option<String>>>>;

fn saying(said: &Said) -> impl Fn(&Told<'_>) + Send + Sync + 'static {
    let said = Arc::clone(said);
    move |event| {
        if let Told::Opening { moved_from, .. } = event {
            said.lock().unwrap().push(moved_from.map(|it| it.as_str().to_owned()));
        }
    }
}

#[test]
fn both_adapters_tell_that_the_server_has_moved() {
    let knobs = hourly(Knobs { migrate_after: Some(1), ..Knobs::default() });
    let said = Said::default();
    let served = serve(knobs.clone());
    let store = MemoryTokenStorage::new();
    let oauth = builder(&served, &store).on_event(saying(&said)).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(*said.lock().unwrap(), [None, Some(served.world().issuer())]);

    let said = Said::default();
    let served = serve(knobs);
    let oauth = oauth_tokio::OAuth::new(&served.server_url())
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(oauth_blocking::LoopbackBrowser::new().open_with(common::browser))
        .wait(common::PATIENCE)
        .on_event(saying(&said))
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = served.server_url();
    for _ in 0..2 {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let answer = oauth
            .send(|http| http.post(&url).header("content-type", "application/json").body(body));
        assert_eq!(runtime.block_on(answer).unwrap().status(), 200);
    }
    assert_eq!(*said.lock().unwrap(), [None, Some(served.world().issuer())]);
}

fn with_document() -> Settings {
    settings().client_metadata_url(DOCUMENT_URL).unwrap()
}

/// A server that says it takes documents, and does not take this one, is asked for a registration; the next
/// logins use that, also those of other processes and those for more scopes.
#[test]
fn a_document_that_was_refused_is_not_used_for_ever() {
    let knobs = hourly(Knobs { registration: Registration::CimdAndDcr, ..Knobs::default() });
    let stage = play(&knobs, &with_document(), |stage| {
        let refuse = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::times(refuse, 1);
        assert_eq!(stage.call(LIST), Ok(200), "the login registers, and sends its user once more");
        assert_eq!(stage.logins(), 2);
        for restarts in [false, true] {
            stage.world.advance(HOUR);
            if restarts {
                stage.restart();
            }
            assert_eq!(stage.call(LIST), Ok(200));
        }
    });
    assert_eq!(stage.world.count(What::Register), 1);
    let asked = stage.world.requests(What::Authorize);
    let clients: Vec<_> = asked.iter().map(|it| it.parameter("client_id")).collect();
    assert_eq!(clients[0], Some(DOCUMENT_URL));
    assert!(clients[1..].iter().all(|it| *it == clients[1] && *it != clients[0]), "{clients:?}");
}
