//! What both adapters tell those who watch: how logins and refreshes begin and end, in one order.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod obstacles;
#[path = "../tokio_common.rs"]
mod tokio_common;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_blocking::{
    Happened, MemoryTokenStorage, NoUserAgent, OwnedEvent, PendingLogin, RedirectUri,
    UserAgentError,
};
use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Damage, DeviceUser, Fault, Knobs, ScopePolicy};
use oauth_tokio::Blocking;
use obstacles::OBSTACLES;
use tokio_common::common::{self, CALL, HOUR, LIST, age, key, redirect, serve, visitor_who};

/// What a host does, or what happens to it.
#[derive(Clone, Copy)]
enum Step {
    Call(&'static str),
    QuietCall(&'static str),
    Login,
    Initialize,
    Refresh,
    Logout,
    /// Finishes the login that the last call handed out.
    Resume,
    /// Another process logs in.
    LoginElsewhere,
    /// The world changes.
    Now(fn(&Served, &MemoryTokenStorage)),
    /// The process ends, and another begins.
    Restart,
}

/// Who looks at the page.
#[derive(Clone, Copy, PartialEq)]
enum User {
    Consents,
    Cancels,
    IsElsewhere,
    HasOtherDevice,
}

struct Scenario {
    name: &'static str,
    knobs: fn() -> Knobs,
    user: User,
    steps: &'static [Step],
    /// The ends that are told, without the steps on the way.
    told: &'static [&'static str],
}

use Step::*;

const A_LOGIN: [&str; 5] =
    ["login_needed", "login_begun", "opening", "redirected", "login_finished"];

const SCENARIOS: [Scenario; 14] = [
    Scenario {
        name: "a first call logs in, and the next one is nothing to speak of",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Call(LIST), Call(LIST)],
        told: &A_LOGIN,
    },
    Scenario {
        name: "the host asks for a login",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Login],
        told: &["login_begun", "opening", "redirected", "login_finished"],
    },
    Scenario {
        name: "the user refuses",
        knobs: || Knobs { consent: Consent::Deny, ..Knobs::default() },
        user: User::Consents,
        steps: &[Call(LIST)],
        told: &["login_needed", "login_begun", "opening", "redirected", "login_failed"],
    },
    Scenario {
        name: "the host gives the login up",
        knobs: Knobs::default,
        user: User::Cancels,
        steps: &[Call(LIST)],
        told: &["login_needed", "login_begun", "opening", "login_cancelled"],
    },
    Scenario {
        name: "a login is handed out, and finished later",
        knobs: Knobs::default,
        user: User::IsElsewhere,
        steps: &[Call(LIST), Resume],
        told: &["login_needed", "login_begun", "opening", "login_handed_out", "login_finished"],
    },
    Scenario {
        name: "a refresh",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Login, Refresh],
        told: &["login_begun", "opening", "redirected", "login_finished", "refreshed"],
    },
    Scenario {
        name: "dead tokens",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Login, Now(grants_end), Restart, Call(LIST)],
        told: &[
            "token_refused",
            "refresh_refused",
            "login_needed",
            "login_begun",
            "opening",
            "redirected",
            "login_finished",
        ],
    },
    Scenario {
        name: "dead tokens where nobody may be asked",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Login, Now(grants_end), Restart, QuietCall(LIST)],
        told: &["token_refused", "refresh_refused", "login_needed"],
    },
    Scenario {
        name: "a refresh that has to wait, while the token lives",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Login, Now(nearly_expired), Now(no_tokens_now), Restart, Call(LIST)],
        told: &["refresh_postponed"],
    },
    Scenario {
        name: "a refresh that has to wait, and no token that lives",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Login, Now(no_tokens_now), Restart, Refresh],
        told: &["refresh_failed"],
    },
    Scenario {
        name: "a scope is missing",
        knobs: || Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() },
        user: User::Consents,
        steps: &[Call(LIST), Restart, Call(CALL)],
        told: &["step_up", "login_begun", "opening", "redirected", "login_finished"],
    },
    Scenario {
        name: "a logout",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Login, Restart, Logout],
        told: &["logged_out"],
    },
    Scenario {
        name: "another process logs in",
        knobs: Knobs::default,
        user: User::Consents,
        steps: &[Initialize, LoginElsewhere, Initialize],
        told: &["adopted"],
    },
    Scenario {
        name: "a login on another device",
        knobs: devices,
        user: User::HasOtherDevice,
        steps: &[Login],
        told: &["login_begun", "device_code", "login_finished"],
    },
];

fn devices() -> Knobs {
    let device_user = DeviceUser::ApprovesAfter(0);
    Knobs { device_interval: Some(1), device_user, ..Knobs::devices() }
}

fn elsewhere() -> RedirectUri {
    RedirectUri::parse("https://host.example.com/callback").unwrap()
}

/// Of a token that was just issued, a refusal would not be believed at once.
fn grants_end(served: &Served, store: &MemoryTokenStorage) {
    age(store, &key(served), Duration::from_secs(HOUR / 2));
    served.world().end_grants();
}

fn nearly_expired(served: &Served, store: &MemoryTokenStorage) {
    age(store, &key(served), Duration::from_secs(20));
}

fn no_tokens_now(served: &Served, _: &MemoryTokenStorage) {
    let fault = Fault::Unavailable { retry_after: 60 };
    served.world().knobs.token_damage = Damage::times(fault, 5);
}

/// All that is told after the last restart.
fn by_threads(scenario: &Scenario) -> Vec<Happened> {
    let (served, store) = (serve((scenario.knobs)()), MemoryTokenStorage::new());
    let heard = Arc::<Mutex<Vec<_>>>::default();
    let client = || {
        let hears = Arc::clone(&heard);
        let builder = common::builder(&served, &store);
        let builder = match scenario.user {
            User::Consents => builder.user_agent(visitor_who(|url| Ok(redirect(url)))),
            User::Cancels => builder.user_agent(visitor_who(|_| Err(UserAgentError::Cancelled))),
            User::IsElsewhere => builder.user_agent(NoUserAgent::new(elsewhere())),
            User::HasOtherDevice => builder.device_code(),
        };
        let builder = builder.on_event_of(move |key, event| {
            hears.lock().unwrap().push(Happened::new(key, event));
        });
        builder.build().unwrap()
    };
    let mut oauth = client();
    let mut pending: Option<(PendingLogin, String)> = None;
    for step in scenario.steps {
        match step {
            Call(method) => match common::call(&oauth, &served, method) {
                Err(oauth_blocking::Error::Authentication(error)) => {
                    pending = Some((error.pending.clone(), redirect(&error.connect_url)));
                }
                other => drop(other),
            },
            QuietCall(method) => drop(common::call(&oauth.quiet(), &served, method)),
            Login => drop(oauth.login()),
            Initialize => drop(oauth.initialize()),
            Refresh => drop(oauth.refresh_token()),
            Logout => drop(oauth.logout()),
            Resume => {
                let (pending, query) = pending.take().unwrap();
                oauth.resume(pending, &query).unwrap();
            }
            LoginElsewhere => drop(common::client(&served, &store).login().unwrap()),
            Now(change) => change(&served, &store),
            Restart => {
                oauth = client();
                heard.lock().unwrap().clear();
            }
        }
    }
    let heard = heard.lock().unwrap();
    assert_no_secret(&served, &heard);
    heard.clone()
}

/// There is none where the user refuses.
fn assert_no_secret(served: &Served, heard: &[Happened]) {
    let text = format!("{heard:?}");
    for secret in served.world().secrets() {
        assert!(!text.contains(&*secret), "{secret} is in {text}");
    }
}

/// The same through the stream.
async fn by_tasks(scenario: &Scenario) -> Vec<Happened> {
    let (served, store) = (serve((scenario.knobs)()), MemoryTokenStorage::new());
    let client = || {
        let builder = tokio_common::builder(&served, &store);
        let consents = Blocking::new(visitor_who(|url| Ok(redirect(url))));
        let cancels = Blocking::new(visitor_who(|_| Err(UserAgentError::Cancelled)));
        match scenario.user {
            User::Consents => builder.user_agent(consents).build().unwrap(),
            User::Cancels => builder.user_agent(cancels).build().unwrap(),
            User::IsElsewhere => tokio_common::headless(&served, &store),
            User::HasOtherDevice => builder.device_code().build().unwrap(),
        }
    };
    let mut oauth = client();
    let mut events = oauth.events();
    let mut pending: Option<(PendingLogin, String)> = None;
    for step in scenario.steps {
        match step {
            Call(method) => match tokio_common::call(&oauth, &served, method).await {
                Err(oauth_tokio::Error::Authentication(error)) => {
                    let query = tokio_common::redirect(&error.connect_url).await;
                    pending = Some((error.pending.clone(), query));
                }
                other => drop(other),
            },
            QuietCall(method) => drop(tokio_common::call(&oauth.quiet(), &served, method).await),
            Login => drop(oauth.login().await),
            Initialize => drop(oauth.initialize().await),
            Refresh => drop(oauth.refresh_token().await),
            Logout => drop(oauth.logout().await),
            Resume => {
                let (pending, query) = pending.take().unwrap();
                oauth.resume(pending, &query).await.unwrap();
            }
            LoginElsewhere => {
                drop(tokio_common::client(&served, &store).login().await.unwrap());
            }
            Now(change) => change(&served, &store),
            Restart => {
                oauth = client();
                events = oauth.events();
            }
        }
    }
    drop(oauth);
    let mut heard = Vec::new();
    while let Some(next) = events.next().await {
        heard.push(next.unwrap());
    }
    assert_no_secret(&served, &heard);
    heard
}

/// The names of all but those that come by the clock.
fn names(heard: &[Happened]) -> Vec<&'static str> {
    let told = heard.iter().filter(|it| !matches!(it.event, OwnedEvent::Waiting(_)));
    told.map(|it| it.name).collect()
}

fn ends(heard: &[Happened]) -> Vec<&'static str> {
    names(heard).into_iter().filter(|name| !is_request(name)).collect()
}

fn is_request(name: &str) -> bool {
    REQUESTS.contains(&name)
}

const REQUESTS: [&str; 2] = ["answered", "exchange"];

#[tokio::test(flavor = "multi_thread")]
async fn both_adapters_tell_how_everything_ends_in_the_same_order() {
    for scenario in &SCENARIOS {
        let threads = tokio::task::block_in_place(|| by_threads(scenario));
        assert_eq!(ends(&threads), scenario.told, "{}", scenario.name);
        let tasks = Box::pin(by_tasks(scenario)).await;
        assert_eq!(names(&tasks), names(&threads), "{}", scenario.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_adapters_tell_of_each_request_among_the_rest() {
    let first_call = &SCENARIOS[0];
    let threads = tokio::task::block_in_place(|| by_threads(first_call));
    assert_eq!(names(&threads), A_FIRST_CALL);
    assert_eq!(names(&Box::pin(by_tasks(first_call)).await), A_FIRST_CALL);
}

/// The refusal, two documents and a registration; the code; the call, and one more.
const A_FIRST_CALL: [&str; 12] = [
    "answered",
    "login_needed",
    "login_begun",
    "exchange",
    "exchange",
    "exchange",
    "opening",
    "redirected",
    "exchange",
    "login_finished",
    "answered",
    "answered",
];

/// So that no event is added without a test of both adapters.
#[test]
fn every_event_is_in_the_tests_of_both_adapters() {
    let source = include_str!("../../../oauth-core/src/client/event.rs");
    let arms = source.lines().filter_map(|line| line.split_once(" => \"")?.1.strip_suffix("\","));
    let told = SCENARIOS.iter().flat_map(|scenario| scenario.told);
    let in_the_way = OBSTACLES.iter().flat_map(|obstacle| obstacle.told);
    let tested: BTreeSet<&str> = told.chain(in_the_way).chain(&REQUESTS).copied().collect();
    assert_eq!(tested, arms.collect());
}

/// One stream for all users of a host.
#[tokio::test(flavor = "multi_thread")]
async fn each_event_says_whose_it_is() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let oauth = tokio_common::client(&served, &store);
    let mut events = oauth.events();
    oauth.for_profile("bob").login().await.unwrap();
    oauth.login().await.unwrap();
    drop(oauth);
    let mut finished = Vec::new();
    while let Some(next) = events.next().await {
        let Happened { server, profile, event, .. } = next.unwrap();
        assert_eq!(*server, served.server_url());
        if let OwnedEvent::LoginFinished { expires_at: Some(_), scopes: Some(_) } = event {
            finished.push(profile);
        }
    }
    assert_eq!(finished, ["bob", ""].map(Box::<str>::from));
}
