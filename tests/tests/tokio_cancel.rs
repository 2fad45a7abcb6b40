//! Logins that the host cancels, by tasks: wherever they are, for all who wait, and for nobody who comes later.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oauth_core::BearerAuth;
use oauth_tests::world::{Grant, Knobs, What};
use oauth_tokio::{
    AboutToAuthorize, Blocking, Error, Event, LoginHandle, LoopbackBrowser, MemoryTokenStorage,
    OAuth, OAuthBuilder, Prepared, UserAgent, UserAgentError,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_common::common::{
    HeldBack, LIST, PATIENCE, assert_sound, browser, logins, registrations, serve, silent_port,
};
use tokio_common::{SlowUser, builder, call, client, until};

/// More than a cancel takes, and less than anything that it ends.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How many wait for one login.
const WAITING: usize = 3;

type Asking = JoinHandle<Result<BearerAuth, Error>>;

fn ask(oauth: &OAuth) -> Asking {
    let oauth = oauth.clone();
    tokio::spawn(async move { oauth.login().await })
}

/// Several who wait for one login.
async fn ask_for_all(oauth: &OAuth) -> Vec<Asking> {
    let asking = (0..WAITING).map(|_| ask(oauth)).collect();
    // They have begun to wait.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    asking
}

/// Cancels the login, and sees that all hear of it at once.
async fn cancel(oauth: &OAuth, asking: Vec<Asking>) {
    let begun = Instant::now();
    assert!(oauth.cancel_login());
    for waits in asking {
        let error = waits.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::UserAgent(UserAgentError::Cancelled)), "{error:?}");
        assert!(error.advice().starts_with("log in again when it is wanted"), "{}", error.advice());
    }
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(!oauth.cancel_login(), "it is over");
}

/// What is told of the ends of logins.
#[derive(Clone, Default)]
struct Ends(Arc<[AtomicUsize; 3]>);

impl Ends {
    fn watch(&self, builder: OAuthBuilder) -> OAuthBuilder {
        let ends = self.clone();
        builder.on_event(move |event| {
            let end = match event {
                Event::LoginBegun { .. } => 0,
                Event::LoginCancelled => 1,
                Event::LoginFinished { .. } | Event::LoginFailed { .. } => 2,
                _ => return,
            };
            ends.0[end].fetch_add(1, Ordering::SeqCst);
        })
    }

    /// Begun, cancelled, ended otherwise.
    fn counts(&self) -> [usize; 3] {
        [0, 1, 2].map(|end| self.0[end].load(Ordering::SeqCst))
    }
}

/// A browser that shows its pages to the test, and whose user does nothing.
fn idle(port: u16) -> (LoopbackBrowser, mpsc::UnboundedReceiver<String>) {
    let (opened, pages) = mpsc::unbounded_channel();
    let browser = LoopbackBrowser::new().port(port);
    (browser.open_with(move |url| opened.send(url.into()).is_ok()), pages)
}

async fn consent(page: String) {
    tokio::task::spawn_blocking(move || assert!(browser(&page))).await.unwrap();
}

#[tokio::test]
async fn a_login_is_cancelled_while_a_server_does_not_answer() {
    for (endpoint, registered) in [
        ("/mcp", 1),
        (".well-known/oauth-protected-resource/mcp", 1),
        (".well-known/oauth-authorization-server", 1),
        // The server has registered a client, and nobody knows which.
        ("/register", 2),
    ] {
        let (served, ends) = (serve(Knobs::default()), Ends::default());
        let oauth = ends.watch(builder(&served, &MemoryTokenStorage::new())).build().unwrap();
        let held = HeldBack::at(&served, endpoint);
        let asking = ask_for_all(&oauth).await;
        until(endpoint, || held.was_asked()).await;
        cancel(&oauth, asking).await;
        assert_eq!(ends.counts(), [1, 1, 0], "{endpoint}");
        drop(held);
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200, "{endpoint}");
        assert_eq!((logins(&served), registrations(&served)), (1, registered), "{endpoint}");
        assert_eq!(ends.counts(), [2, 1, 1], "{endpoint}");
        assert_sound(&served);
    }
}

#[tokio::test]
async fn a_page_that_is_cancelled_frees_its_port_and_costs_no_registration() {
    let (served, ends, port) = (serve(Knobs::default()), Ends::default(), silent_port());
    let (idle, mut pages) = idle(port);
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(idle);
    let oauth = ends.watch(builder).build().unwrap();
    for round in 1..=3 {
        let asking = ask_for_all(&oauth).await;
        pages.recv().await.unwrap();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        cancel(&oauth, asking).await;
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
        assert_eq!(ends.counts(), [round, round, 0]);
    }
    let asking = ask(&oauth);
    consent(pages.recv().await.unwrap()).await;
    asking.await.unwrap().unwrap();
    assert_eq!((logins(&served), registrations(&served)), (1, 1));
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

#[tokio::test]
async fn whoever_waits_for_the_page_of_another_process_or_for_a_port_is_cancelled() {
    let (served, port) = (serve(Knobs::default()), silent_port());
    let (idle, mut pages) = idle(port);
    let store = MemoryTokenStorage::new();
    let holder = builder(&served, &store).user_agent(idle.clone()).build().unwrap();
    let holds = ask(&holder);
    let page = pages.recv().await.unwrap();
    for store in [store, MemoryTokenStorage::new()] {
        let (told, mut waits) = mpsc::unbounded_channel();
        let oauth = builder(&served, &store)
            .user_agent(idle.clone())
            .on_event(move |event| {
                if let Event::PortBusy { .. } | Event::LoginElsewhere = event {
                    told.send(()).unwrap();
                }
            })
            .build()
            .unwrap();
        let asking = ask_for_all(&oauth).await;
        waits.recv().await.unwrap();
        cancel(&oauth, asking).await;
    }
    consent(page).await;
    holds.await.unwrap().unwrap();
    assert_eq!(logins(&served), 1, "the other goes on");
    assert_sound(&served);
}

/// In the same breath: the login before has not even ended.
#[tokio::test]
async fn whoever_asks_after_a_cancel_is_not_told_of_it() {
    let (served, ends) = (serve(Knobs::default()), Ends::default());
    let (user, mut handle) = SlowUser::new();
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(user);
    let oauth = ends.watch(builder).build().unwrap();
    let before = ask_for_all(&oauth).await;
    handle.at_page().await;
    assert!(oauth.cancel_login());
    let after = ask_for_all(&oauth).await;
    handle.at_page().await;
    handle.consent();
    for waits in before {
        let error = waits.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::UserAgent(UserAgentError::Cancelled)), "{error:?}");
    }
    for waits in after {
        waits.await.unwrap().unwrap();
    }
    assert_eq!((logins(&served), registrations(&served)), (1, 1));
    assert_eq!(ends.counts(), [2, 1, 1]);
    assert_sound(&served);
}

/// A code can be spent once, so what comes for it is kept.
#[tokio::test]
async fn a_login_whose_user_has_come_back_is_finished() {
    let (served, ends) = (serve(Knobs::default()), Ends::default());
    let oauth = ends.watch(builder(&served, &MemoryTokenStorage::new())).build().unwrap();
    let held = HeldBack::at(&served, "/token");
    let asking = ask_for_all(&oauth).await;
    until("the code is redeemed", || held.was_asked()).await;
    assert!(oauth.cancel_login());
    drop(held);
    for waits in asking {
        waits.await.unwrap().unwrap();
    }
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(served.world().count(What::Token(Grant::Code)), 1);
    assert_eq!(ends.counts(), [1, 0, 1]);
    assert_sound(&served);
}

#[tokio::test]
async fn a_handle_cancels_the_logins_of_its_client_and_does_not_keep_it() {
    fn can_be_kept_anywhere(_: &(impl Send + Sync + Clone + 'static)) {}
    let served = serve(Knobs::default());
    let (user, mut page) = SlowUser::new();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let login: LoginHandle = oauth.login_handle();
    can_be_kept_anywhere(&login);
    assert!(!login.cancel() && !oauth.cancel_login(), "there is none");
    let other = oauth.for_profile("other");
    let asking = ask(&oauth);
    page.at_page().await;
    assert!(!other.cancel_login(), "it is nobody else's");
    assert!(login.clone().cancel());
    assert!(asking.await.unwrap().is_err());
    assert!(!login.cancel(), "it is over");
    drop(oauth);
    assert!(!login.cancel(), "the client is gone");
}

/// Nobody waits for it any more, wherever it is.
#[tokio::test]
async fn a_login_that_is_dropped_ends_while_a_server_does_not_answer() {
    let (served, ends) = (serve(Knobs::default()), Ends::default());
    let oauth = ends.watch(builder(&served, &MemoryTokenStorage::new())).build().unwrap();
    let held = HeldBack::at(&served, ".well-known/oauth-authorization-server");
    let asking = ask(&oauth);
    until("it looks for metadata", || held.was_asked()).await;
    asking.abort();
    assert!(oauth.shutdown(AT_ONCE).await, "nothing goes on");
    assert_eq!(ends.counts(), [1, 1, 0]);
    drop(held);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
}

/// The host says otherwise: nobody awaits the task, and nobody ends it.
#[tokio::test]
async fn a_login_in_a_task_of_its_own_goes_on_when_nobody_waits() {
    let served = serve(Knobs::default());
    let (user, mut page) = SlowUser::new();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let asking = ask(&oauth);
    page.at_page().await;
    drop(asking);
    page.consent();
    assert!(oauth.shutdown(PATIENCE).await);
    oauth.token().await.unwrap();
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn another_client_of_the_same_profile_is_not_cancelled() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let (user, mut page) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(user).build().unwrap();
    let asking = ask(&oauth);
    page.at_page().await;
    assert!(!client(&served, &store).cancel_login());
    page.consent();
    asking.await.unwrap().unwrap();
}

/// A user agent of threads, behind a task: it is told when nobody wants the login any more.
#[tokio::test]
async fn a_page_of_a_thread_that_is_cancelled_or_dropped_frees_its_port() {
    let (served, port) = (serve(Knobs::default()), silent_port());
    let (idle, mut pages) = idle(port);
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(Blocking::new(idle));
    // Else the port would be free in time because nobody came.
    let oauth = builder.wait(10 * PATIENCE).build().unwrap();
    for is_dropped in [false, true] {
        let asking = ask(&oauth);
        pages.recv().await.unwrap();
        match is_dropped {
            true => asking.abort(),
            false => cancel(&oauth, vec![asking]).await,
        }
        let is_free = || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        until("its port is free", is_free).await;
    }
    let asking = ask(&oauth);
    consent(pages.recv().await.unwrap()).await;
    asking.await.unwrap().unwrap();
    assert_sound(&served);
}

/// A user who thinks about whether a login may begin.
struct Ponders(mpsc::UnboundedSender<()>);

impl UserAgent for Ponders {
    async fn about_to_authorize(&self, _login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        self.0.send(()).unwrap();
        std::future::pending().await
    }

    async fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        Err(UserAgentError::Cancelled)
    }
}

#[tokio::test]
async fn a_login_is_cancelled_while_the_user_thinks_about_it() {
    let (served, ends) = (serve(Knobs::default()), Ends::default());
    let (asks, mut asked) = mpsc::unbounded_channel();
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(Ponders(asks));
    let oauth = ends.watch(builder).build().unwrap();
    let asking = ask_for_all(&oauth).await;
    asked.recv().await.unwrap();
    cancel(&oauth, asking).await;
    assert_eq!((served.world().oauth_requests(), ends.counts()), (0, [1, 1, 0]));
}
