//! What a user agent is told before a login begins, and what it can refuse; both adapters.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_blocking::{
    AboutToAuthorize, Happened, LoginReason, MemoryTokenStorage, OwnedEvent, TokenStorage,
    UserAgentError,
};
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, Party, RefreshTokens, ScopePolicy};
use oauth_tokio::Blocking;
use tokio_common::common::{
    self, Brittle, CALL, HOUR, LIST, age, assert_sound, expire, key, logins, redirect,
    registrations, serve, visitor_who,
};

/// Writes down what it is told, and allows what it is to allow. Its user consents.
#[derive(Clone, Default)]
struct Asked {
    told: Arc<Mutex<Vec<AboutToAuthorize>>>,
    refuses: Arc<Mutex<Option<&'static str>>>,
}

impl Asked {
    /// Refuses logins for this reason from now on.
    fn refuse(&self, name: Option<&'static str>) {
        *self.refuses.lock().unwrap() = name;
    }

    fn answer(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        self.told.lock().unwrap().push(login.clone());
        match *self.refuses.lock().unwrap() {
            Some(name) if name == login.reason.name() => Err(not_now()),
            _ => Ok(()),
        }
    }

    fn told(&self) -> Vec<AboutToAuthorize> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    fn reasons(&self) -> Vec<LoginReason> {
        self.told().into_iter().map(|login| login.reason).collect()
    }
}

fn not_now() -> UserAgentError {
    UserAgentError::Refused { reason: "not while somebody is presenting".into() }
}

impl oauth_blocking::UserAgent for Asked {
    fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        self.answer(login)
    }

    fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<oauth_blocking::Prepared, UserAgentError> {
        visitor_who(|url| Ok(redirect(url))).prepare(registered)
    }
}

/// The same, async.
struct Awaited(Asked);

impl oauth_tokio::UserAgent for Awaited {
    async fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        tokio::task::yield_now().await;
        self.0.answer(login)
    }

    async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<oauth_tokio::Prepared, UserAgentError> {
        oauth_tokio::UserAgent::prepare(&Blocking::new(self.0.clone()), registered).await
    }
}

/// What a host does that needs a login.
#[derive(Clone, Copy)]
enum Act {
    Call(&'static str),
    Authenticate,
    Login,
}

struct Case {
    name: &'static str,
    knobs: fn() -> Knobs,
    /// What another client of the same store has done before.
    before: fn(&Served, &MemoryTokenStorage),
    act: Act,
    reasons: fn(&Served) -> Vec<LoginReason>,
}

const CASES: [Case; 6] = [
    Case {
        name: "first",
        knobs: Knobs::default,
        before: |_, _| {},
        act: Act::Authenticate,
        reasons: |_| vec![LoginReason::First],
    },
    Case {
        name: "expired",
        knobs: no_refresh_tokens,
        before: |served, store| {
            common::logged_in(served, store);
            expire(store, &key(served));
        },
        act: Act::Authenticate,
        reasons: |_| vec![LoginReason::Expired],
    },
    Case {
        name: "refused",
        knobs: Knobs::default,
        before: |served, store| {
            common::logged_in(served, store);
            // Of a token that was just issued, a refusal would not be believed at once.
            age(store, &key(served), Duration::from_secs(HOUR / 2));
            served.world().end_grants();
        },
        act: Act::Call(LIST),
        reasons: |_| vec![LoginReason::Refused],
    },
    Case {
        name: "step-up",
        knobs: || Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() },
        before: |served, store| drop(common::logged_in(served, store)),
        act: Act::Call(CALL),
        reasons: |_| {
            let missing = oauth_core::Scopes::parse("mcp:write").unwrap();
            vec![LoginReason::StepUp { missing }]
        },
    },
    Case {
        name: "asked for",
        knobs: Knobs::default,
        before: |served, store| drop(common::logged_in(served, store)),
        act: Act::Login,
        reasons: |_| vec![LoginReason::AskedFor],
    },
    Case {
        name: "moved",
        knobs: || Knobs { migrate_after: Some(1), ..no_refresh_tokens() },
        before: |served, store| {
            common::logged_in(served, store);
            expire(store, &key(served));
        },
        act: Act::Authenticate,
        reasons: |served| vec![LoginReason::Expired, moved(served)],
    },
];

fn no_refresh_tokens() -> Knobs {
    Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() }
}

fn moved(served: &Served) -> LoginReason {
    let world = served.world();
    LoginReason::Moved { from: world.issuer().into(), to: world.issuer2().into() }
}

fn by_threads(
    served: &Served,
    store: &(impl TokenStorage + Clone + 'static),
    asked: &Asked,
) -> oauth_blocking::OAuth {
    let builder = common::builder(served, store).client_name("My editor").profile("");
    builder.user_agent(asked.clone()).build().unwrap()
}

fn act_by_threads(
    oauth: &oauth_blocking::OAuth,
    served: &Served,
    act: Act,
) -> Result<(), oauth_blocking::Error> {
    match act {
        Act::Call(method) => common::call(oauth, served, method).map(drop),
        Act::Authenticate => oauth.authenticate().map(drop),
        Act::Login => oauth.login().map(drop),
    }
}

fn by_tasks(
    served: &Served,
    store: &(impl Into<oauth_tokio::SharedStorage> + Clone),
    user_agent: impl Into<oauth_tokio::SharedUserAgent>,
) -> oauth_tokio::OAuth {
    let builder = tokio_common::builder(served, store).client_name("My editor");
    builder.user_agent(user_agent).build().unwrap()
}

async fn act_by_tasks(
    oauth: &oauth_tokio::OAuth,
    served: &Served,
    act: Act,
) -> Result<(), oauth_tokio::Error> {
    match act {
        Act::Call(method) => tokio_common::call(oauth, served, method).await.map(drop),
        Act::Authenticate => oauth.authenticate().await.map(drop),
        Act::Login => oauth.login().await.map(drop),
    }
}

/// Everything that is told, and in what words.
fn assert_told(case: &Case, served: &Served, told: &[AboutToAuthorize]) {
    let reasons: Vec<_> = told.iter().map(|login| login.reason.clone()).collect();
    assert_eq!(reasons, (case.reasons)(served), "{}", case.name);
    for login in told {
        assert_eq!(*login.server, served.server_url());
        assert_eq!(*login.client_name, *"My editor");
        let issuer = match &login.reason {
            LoginReason::First => None,
            LoginReason::Moved { to, .. } => Some(to.clone()),
            _ => Some(served.world().issuer().into()),
        };
        assert_eq!(login.issuer, issuer, "{}", case.name);
        let said = format!("My editor needs a login for {}: {}", login.server, login.reason);
        assert_eq!(login.to_string(), said);
    }
    assert_sound(served);
}

#[test]
fn threads_tell_the_user_agent_why_a_login_is_needed() {
    for case in CASES {
        let (served, store, asked) =
            (serve((case.knobs)()), MemoryTokenStorage::new(), Asked::default());
        (case.before)(&served, &store);
        let oauth = by_threads(&served, &store, &asked);
        act_by_threads(&oauth, &served, case.act).unwrap();
        assert_told(&case, &served, &asked.told());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_tell_the_user_agent_why_a_login_is_needed() {
    for case in CASES {
        for is_on_pool in [false, true] {
            let (served, store, asked) =
                (serve((case.knobs)()), MemoryTokenStorage::new(), Asked::default());
            tokio::task::block_in_place(|| (case.before)(&served, &store));
            let oauth = match is_on_pool {
                true => by_tasks(&served, &store, Blocking::new(asked.clone())),
                false => by_tasks(&served, &store, Awaited(asked.clone())),
            };
            Box::pin(act_by_tasks(&oauth, &served, case.act)).await.unwrap();
            assert_told(&case, &served, &asked.told());
        }
    }
}

/// A store of which nobody may have a lock, once it is told so.
fn locked_up(store: &Brittle) {
    store.no_lock.store(true, Ordering::SeqCst);
}

fn assert_nothing_was_done(served: &Served, asked: &Asked) {
    assert_eq!(asked.reasons(), [LoginReason::First]);
    assert_eq!(served.world().log.len(), 0, "a request");
}

#[test]
fn a_login_that_is_refused_locks_and_requests_nothing_by_threads() {
    let (served, store, asked) = (serve(Knobs::default()), Brittle::default(), Asked::default());
    let heard = Arc::<Mutex<Vec<_>>>::default();
    let hears = Arc::clone(&heard);
    let builder = common::builder(&served, &store).user_agent(asked.clone());
    let builder = builder.on_event_of(move |key, event| {
        hears.lock().unwrap().push(Happened::new(key, event).event);
    });
    let oauth = builder.build().unwrap();
    asked.refuse(Some("first"));
    locked_up(&store);
    match oauth.authenticate() {
        Err(oauth_blocking::Error::UserAgent(error)) => assert_eq!(error, not_now()),
        other => panic!("{other:?}"),
    }
    assert_nothing_was_done(&served, &asked);
    let reason = LoginReason::First;
    let error: Box<str> = not_now().to_string().into();
    assert_eq!(&*error, "the login was not allowed to begin: not while somebody is presenting");
    assert_eq!(
        *heard.lock().unwrap(),
        [
            OwnedEvent::LoginNeeded { reason: reason.clone() },
            OwnedEvent::LoginBegun { reason },
            OwnedEvent::LoginFailed { code: "user_agent", error },
        ]
    );
    // A quiet call does not ask.
    oauth.quiet().authenticate().unwrap_err();
    assert_eq!(asked.reasons(), []);
    store.no_lock.store(false, Ordering::SeqCst);
    asked.refuse(None);
    oauth.authenticate().unwrap();
    assert_eq!((asked.reasons(), logins(&served)), (vec![LoginReason::First], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_locks_and_requests_nothing_by_tasks() {
    for is_on_pool in [false, true] {
        let (served, store, asked) =
            (serve(Knobs::default()), Brittle::default(), Asked::default());
        let blocking = || Blocking::new(store.clone());
        let shared = oauth_tokio::SharedStorage::from(blocking());
        let oauth = match is_on_pool {
            true => by_tasks(&served, &shared, Blocking::new(asked.clone())),
            false => by_tasks(&served, &shared, Awaited(asked.clone())),
        };
        asked.refuse(Some("first"));
        locked_up(&store);
        match oauth.authenticate().await {
            Err(oauth_tokio::Error::UserAgent(error)) => assert_eq!(error, not_now()),
            other => panic!("{other:?}"),
        }
        assert_nothing_was_done(&served, &asked);
        store.no_lock.store(false, Ordering::SeqCst);
        asked.refuse(None);
        oauth.authenticate().await.unwrap();
        assert_eq!((asked.reasons(), logins(&served)), (vec![LoginReason::First], 1));
    }
}

/// What was asked for is not lost: the next login asks for it.
#[test]
fn a_step_up_that_is_refused_is_asked_for_by_the_next_login() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() };
    let (served, store, asked) = (serve(knobs), MemoryTokenStorage::new(), Asked::default());
    common::logged_in(&served, &store);
    let oauth = by_threads(&served, &store, &asked);
    asked.refuse(Some("step_up"));
    let refused = common::call(&oauth, &served, CALL).unwrap_err();
    assert!(matches!(refused, oauth_blocking::Error::UserAgent(error) if error == not_now()));
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200, "the token is good for this");
    oauth.login().unwrap();
    assert_eq!(served.world().scopes_asked(), [Some("mcp:basic mcp:write")]);
}

fn assert_not_registered(served: &Served, asked: &Asked) {
    assert_eq!(asked.reasons(), [LoginReason::Expired, moved(served)]);
    assert_eq!((registrations(served), logins(served)), (0, 0));
    // Its metadata was read.
    assert_eq!(served.world().count_at(Party::AuthServer2), 1);
}

/// A server that was taken over would look like that.
#[test]
fn threads_register_nothing_at_another_server_that_is_refused() {
    let case = &CASES[5];
    let (served, store, asked) =
        (serve((case.knobs)()), MemoryTokenStorage::new(), Asked::default());
    (case.before)(&served, &store);
    let oauth = by_threads(&served, &store, &asked);
    asked.refuse(Some("moved"));
    let refused = oauth.authenticate().unwrap_err();
    assert!(matches!(refused, oauth_blocking::Error::UserAgent(error) if error == not_now()));
    assert_not_registered(&served, &asked);
    asked.refuse(None);
    oauth.authenticate().unwrap();
    assert_eq!((registrations(&served), logins(&served)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_register_nothing_at_another_server_that_is_refused() {
    let case = &CASES[5];
    let (served, store, asked) =
        (serve((case.knobs)()), MemoryTokenStorage::new(), Asked::default());
    tokio::task::block_in_place(|| (case.before)(&served, &store));
    let oauth = by_tasks(&served, &store, Awaited(asked.clone()));
    asked.refuse(Some("moved"));
    let refused = oauth.authenticate().await.unwrap_err();
    assert!(matches!(refused, oauth_tokio::Error::UserAgent(error) if error == not_now()));
    assert_not_registered(&served, &asked);
    asked.refuse(None);
    oauth.authenticate().await.unwrap();
    assert_eq!((registrations(&served), logins(&served)), (1, 1));
}

/// A user agent that waits for an answer: one login is asked about once, whoever waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_wait_for_one_login_are_one_question() {
    let (served, store, asked) =
        (serve(Knobs::default()), MemoryTokenStorage::new(), Asked::default());
    let oauth = Arc::new(by_tasks(&served, &store, Awaited(asked.clone())));
    asked.refuse(Some("first"));
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let oauth = Arc::clone(&oauth);
            tokio::spawn(async move { oauth.authenticate().await })
        })
        .collect();
    for call in calls {
        let refused = call.await.unwrap().unwrap_err();
        assert!(matches!(refused, oauth_tokio::Error::UserAgent(error) if error == not_now()));
    }
    assert!(asked.told().len() <= 8 && served.world().log.is_empty());
}

/// The question goes with those who wait for the login.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_waits_for_is_taken_back() {
    struct Thinks(Arc<AtomicBool>);
    struct Gone(Arc<AtomicBool>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    impl oauth_tokio::UserAgent for Thinks {
        async fn about_to_authorize(&self, _: &AboutToAuthorize) -> Result<(), UserAgentError> {
            let _gone = Gone(Arc::clone(&self.0));
            std::future::pending().await
        }

        async fn prepare(&self, _: Option<&str>) -> Result<oauth_tokio::Prepared, UserAgentError> {
            panic!("nobody has allowed it")
        }
    }
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let is_gone = Arc::<AtomicBool>::default();
    let oauth = by_tasks(&served, &store, Thinks(Arc::clone(&is_gone)));
    let limit = Duration::from_millis(100);
    tokio::time::timeout(limit, oauth.authenticate()).await.unwrap_err();
    tokio_common::until("it is gone", || is_gone.load(Ordering::SeqCst)).await;
}
