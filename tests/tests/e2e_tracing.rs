//! What both adapters say to `tracing`, by the names that the documentation calls stable.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use common::{CALL, HOUR, LIST, call, client, serve, visitor};
use oauth_blocking::{MemoryTokenStorage, OAuth};
use oauth_tests::logs::{self, Line};
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, Party, ScopePolicy};
use oauth_tokio::Blocking;
use tracing::Instrument as _;

fn listened(knobs: Knobs) -> Served {
    logs::listen();
    serve(knobs)
}

/// What is said about this server: in which spans, and its fields but for the sentence.
fn said(served: &Served) -> Vec<String> {
    let lines = about(served).into_iter();
    let lines =
        lines.filter(|line| !line.fields.0.is_empty() && line.fields.get("event").is_none());
    lines.map(|line| shown(&line)).collect()
}

fn about(served: &Served) -> Vec<Line> {
    let url = served.server_url();
    let is_about = |line: &Line| {
        line.target == "oauth" && line.spans.iter().any(|it| it.fields.get("server") == Some(&url))
    };
    logs::lines().into_iter().filter(is_about).collect()
}

/// The events of logins, refreshes and tokens.
fn events(served: &Served) -> Vec<String> {
    about(served).iter().filter_map(|line| line.fields.get("event").map(str::to_owned)).collect()
}

fn shown(line: &Line) -> String {
    let spans = line.spans.iter().map(|span| span.name.trim_start_matches("oauth."));
    let spans: Vec<_> = spans.collect();
    let mut text = format!("{} {}:", line.level.to_lowercase(), spans.join(" "));
    for name in ["endpoint", "status", "finding", "code"] {
        if let Some(value) = line.fields.get(name) {
            text += &format!(" {value}");
        }
    }
    assert!(!line.text().contains('?'), "a query: {line:?}");
    text
}

fn step_up() -> Knobs {
    Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() }
}

/// A login, one for a scope more, a refresh and a logout.
const A_LIFE: [&str; 15] = [
    "debug access: resource 401 refused",
    "debug access login: resource_metadata 200 document",
    "debug access login: server_metadata 200 document",
    "debug access login: registration 201 registered",
    "debug access login: authorization",
    "debug access login: authorization came_back",
    "debug access login: token 200 tokens",
    "debug access: resource 403 refused",
    "debug access login: authorization",
    "debug access login: authorization came_back",
    "debug access login: token 200 tokens",
    "debug access: resource 401 refused",
    "debug access refresh: token 200 tokens",
    "debug logout: revocation 200 revoked",
    "debug logout: revocation 200 revoked",
];

const EVENTS_OF_A_LIFE: [&str; 9] = [
    "login_needed",
    "login_begun",
    "login_finished",
    "step_up",
    "login_begun",
    "login_finished",
    "token_refused",
    "refreshed",
    "logged_out",
];

#[test]
fn threads_say_each_step_of_a_life() {
    let served = listened(step_up());
    let oauth = client(&served, &MemoryTokenStorage::new());
    for method in [LIST, CALL] {
        assert_eq!(call(&oauth, &served, method).unwrap(), 200);
    }
    served.advance(HOUR);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    oauth.logout().unwrap();
    assert_eq!(said(&served), A_LIFE);
    assert_eq!(events(&served), EVENTS_OF_A_LIFE);
}

#[test]
fn tasks_say_the_same() {
    let served = listened(step_up());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let oauth = on_tokio(&served);
    runtime.block_on(async {
        for method in [LIST, CALL] {
            post(&oauth, &served, method).await;
        }
        served.advance(HOUR);
        post(&oauth, &served, LIST).await;
        oauth.logout().await.unwrap();
    });
    assert_eq!(said(&served), A_LIFE);
    assert_eq!(events(&served), EVENTS_OF_A_LIFE);
}

fn on_tokio(served: &Served) -> oauth_tokio::OAuth {
    let builder = oauth_tokio::OAuth::new(&served.server_url()).unwrap();
    let builder = builder.token_storage(MemoryTokenStorage::new());
    builder.user_agent(Blocking::new(visitor())).build().unwrap()
}

async fn post(oauth: &oauth_tokio::OAuth, served: &Served, method: &str) {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
    let url = served.server_url();
    let answer = oauth
        .send(|http| http.post(&url).header("content-type", "application/json").body(body.clone()));
    assert_eq!(answer.await.unwrap().status().as_u16(), 200);
}

/// The work is a task of its own, and may end after its caller.
#[tokio::test(flavor = "multi_thread")]
async fn a_work_belongs_to_the_span_of_its_caller() {
    let served = listened(Knobs::default());
    let oauth = on_tokio(&served);
    let call = async { oauth.authenticate().await.map(drop) };
    call.instrument(tracing::info_span!("caller")).await.unwrap();
    let said = said(&served);
    assert!(said.iter().all(|line| line.contains(" caller access")), "{said:?}");
    assert_eq!(said.last().unwrap(), "debug caller access login: token 200 tokens");
}

#[test]
fn a_token_at_hand_is_nothing_to_speak_of() {
    let served = listened(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    let before = said(&served).len();
    assert!(oauth.authorization().is_some());
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(said(&served).len(), before);
}

#[test]
fn a_failure_is_a_warning_with_its_code_and_is_said_once() {
    let damaged = Knobs { token_damage: Damage::always(Fault::Html), ..Knobs::default() };
    let served = listened(damaged);
    let oauth = client(&served, &MemoryTokenStorage::new());
    let error = oauth.authenticate().unwrap_err();
    let said = said(&served);
    let warned: Vec<_> = said.iter().filter(|line| line.starts_with("warn")).collect();
    assert_eq!(warned, [&format!("warn access login: token 200 failed {}", error.code())]);
}

#[test]
fn why_no_answer_came_is_said() {
    let served = listened(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    oauth.authenticate().unwrap();
    served.unplug(Party::AuthServer);
    oauth.refresh_token().unwrap_err();
    assert_eq!(said(&served).last().unwrap(), "warn access refresh: token failed unreachable");
    let url = served.world().server_url();
    let lines = logs::lines();
    let about = |line: &&Line| line.spans.iter().any(|it| it.fields.get("server") == Some(&url));
    let mut reasons = lines.iter().rev().filter(about).filter_map(|line| line.fields.get("error"));
    let reason = reasons.next();
    assert!(reason.unwrap().contains("refused"), "{reason:?}");
}

/// People put keys there.
#[test]
fn the_query_of_the_servers_url_is_not_said() {
    let served = listened(Knobs::default());
    let url = format!("{}?key=planted-key", served.server_url());
    let oauth = OAuth::new(&url).unwrap().token_storage(MemoryTokenStorage::new());
    oauth.user_agent(visitor()).build().unwrap().authenticate().unwrap();
    assert!(!said(&served).is_empty());
    let lines = logs::lines();
    let ours = lines.iter().filter(|line| line.target == "oauth");
    assert!(!ours.map(Line::text).any(|text| text.contains("planted-key")));
}
