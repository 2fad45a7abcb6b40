//! Logins that the host cancels, by threads: wherever they are, for all who wait, and for nobody who comes later.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::io::{BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::{
    HeldBack, LIST, PATIENCE, assert_sound, browser, builder, call, client, expire, key, logged_in,
    logins, redirect, refreshes, registrations, serve, silent_port, stored, visitor_who,
};
use oauth_blocking::{
    AboutToAuthorize, AuthorizationUrl, Error, Event, Leases, LoginHandle, LoopbackBrowser,
    MemoryTokenStorage, NoUserAgent, OAuth, OAuthBuilder, PasteBack, Prepared, Records,
    RedirectUri, UserAgent, UserAgentError, Written,
};
use oauth_core::session::Lock;
use oauth_core::{BearerAuth, Endpoint};
use oauth_tests::world::{Grant, Knobs, What};

/// More than a cancel takes, and less than anything that it ends.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How many wait for one login.
const WAITING: usize = 3;

type Asking = JoinHandle<Result<BearerAuth, Error>>;

fn ask(oauth: &OAuth) -> Asking {
    let oauth = oauth.clone();
    thread::spawn(move || oauth.login())
}

/// Several who wait for one login.
fn ask_for_all(oauth: &OAuth) -> Vec<Asking> {
    let asking = (0..WAITING).map(|_| ask(oauth)).collect();
    // They have begun to wait.
    thread::sleep(Duration::from_millis(50));
    asking
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn assert_cancelled(waits: Asking) {
    let error = waits.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::UserAgent(UserAgentError::Cancelled)), "{error:?}");
    assert!(error.advice().starts_with("log in again when it is wanted"), "{}", error.advice());
}

/// Cancels the login, and sees that all hear of it at once.
fn cancel(oauth: &OAuth, asking: Vec<Asking>) {
    let begun = Instant::now();
    assert!(oauth.cancel_login());
    asking.into_iter().for_each(assert_cancelled);
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
fn idle(port: u16) -> (LoopbackBrowser, mpsc::Receiver<String>) {
    let (opened, pages) = mpsc::channel();
    let opened = Mutex::new(opened);
    let browser = LoopbackBrowser::new().port(port);
    (browser.open_with(move |url| opened.lock().unwrap().send(url.into()).is_ok()), pages)
}

#[test]
fn a_login_is_cancelled_while_a_server_does_not_answer() {
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
        let asking = ask_for_all(&oauth);
        until(endpoint, || held.was_asked());
        cancel(&oauth, asking);
        assert_eq!(ends.counts(), [1, 1, 0], "{endpoint}");
        drop(held);
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200, "{endpoint}");
        assert_eq!((logins(&served), registrations(&served)), (1, registered), "{endpoint}");
        assert_eq!(ends.counts(), [2, 1, 1], "{endpoint}");
        assert_sound(&served);
    }
}

#[test]
fn a_page_that_is_cancelled_frees_its_port_and_costs_no_registration() {
    let (served, ends, port) = (serve(Knobs::default()), Ends::default(), silent_port());
    let (idle, pages) = idle(port);
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(idle);
    let oauth = ends.watch(builder).build().unwrap();
    for round in 1..=3 {
        let asking = ask_for_all(&oauth);
        pages.recv_timeout(PATIENCE).unwrap();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        cancel(&oauth, asking);
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
        assert_eq!(ends.counts(), [round, round, 0]);
    }
    let asking = ask(&oauth);
    assert!(browser(&pages.recv_timeout(PATIENCE).unwrap()));
    asking.join().unwrap().unwrap();
    assert_eq!((logins(&served), registrations(&served)), (1, 1));
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn whoever_waits_for_the_page_of_another_process_or_for_a_port_is_cancelled() {
    let (served, port) = (serve(Knobs::default()), silent_port());
    let (idle, pages) = idle(port);
    let store = MemoryTokenStorage::new();
    let holder = builder(&served, &store).user_agent(idle.clone()).build().unwrap();
    let holds = ask(&holder);
    let page = pages.recv_timeout(PATIENCE).unwrap();
    for store in [store, MemoryTokenStorage::new()] {
        let (told, waits) = mpsc::channel();
        let told = Mutex::new(told);
        let oauth = builder(&served, &store)
            .user_agent(idle.clone())
            .on_event(move |event| {
                if let Event::PortBusy { .. } | Event::LoginElsewhere = event {
                    told.lock().unwrap().send(()).unwrap();
                }
            })
            .build()
            .unwrap();
        let asking = ask_for_all(&oauth);
        waits.recv_timeout(PATIENCE).unwrap();
        cancel(&oauth, asking);
    }
    assert!(browser(&page));
    holds.join().unwrap().unwrap();
    assert_eq!(logins(&served), 1, "the other goes on");
    assert_sound(&served);
}

/// In the same breath: the login before has not even ended.
#[test]
fn whoever_asks_after_a_cancel_is_not_told_of_it() {
    let (served, ends) = (serve(Knobs::default()), Ends::default());
    let (idle, pages) = idle(silent_port());
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(idle);
    let oauth = ends.watch(builder).build().unwrap();
    for _ in 0..10 {
        let before = ask_for_all(&oauth);
        pages.recv_timeout(PATIENCE).unwrap();
        assert!(oauth.cancel_login());
        let after: Vec<_> = (0..WAITING).map(|_| ask(&oauth)).collect();
        before.into_iter().for_each(assert_cancelled);
        assert!(browser(&pages.recv_timeout(PATIENCE).unwrap()));
        for waits in after {
            waits.join().unwrap().unwrap();
        }
    }
    assert_eq!(registrations(&served), 1);
    assert_sound(&served);
}

/// A code can be spent once, so what comes for it is kept.
#[test]
fn a_login_whose_user_has_come_back_is_finished() {
    let (served, ends) = (serve(Knobs::default()), Ends::default());
    let oauth = ends.watch(builder(&served, &MemoryTokenStorage::new())).build().unwrap();
    let held = HeldBack::at(&served, "/token");
    let asking = ask_for_all(&oauth);
    until("the code is redeemed", || held.was_asked());
    assert!(oauth.cancel_login());
    drop(held);
    for waits in asking {
        waits.join().unwrap().unwrap();
    }
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(served.world().count(What::Token(Grant::Code)), 1);
    assert_eq!(ends.counts(), [1, 0, 1]);
    assert_sound(&served);
}

#[test]
fn a_handle_cancels_the_logins_of_its_client_and_does_not_keep_it() {
    let served = serve(Knobs::default());
    let (idle, pages) = idle(0);
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(idle).build().unwrap();
    let login: LoginHandle = oauth.login_handle();
    assert!(!login.cancel() && !oauth.cancel_login(), "there is none");
    let other = oauth.for_profile("other");
    let asking = ask(&oauth);
    pages.recv_timeout(PATIENCE).unwrap();
    assert!(!other.cancel_login(), "it is nobody else's");
    assert!(!client(&served, &MemoryTokenStorage::new()).cancel_login());
    let elsewhere = login.clone();
    assert!(thread::spawn(move || elsewhere.cancel()).join().unwrap());
    assert_cancelled(asking);
    assert!(!login.cancel(), "it is over");
    drop(oauth);
    assert!(!login.cancel(), "the client is gone");
}

/// It cannot be told. Whoever called goes on, and the function ends when it ends.
#[test]
fn a_user_agent_that_does_not_look_is_left() {
    let served = serve(Knobs::default());
    let (holds, held) = mpsc::channel::<()>();
    let (arrives, arrivals) = mpsc::channel();
    let user = Mutex::new((arrives, held));
    let user = visitor_who(move |url| {
        // A poisoned lock is one of the login before.
        let (arrives, held) = &*user.lock().unwrap();
        arrives.send(()).unwrap();
        let _ = held.recv();
        Ok(redirect(url))
    });
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let asking = ask_for_all(&oauth);
    arrivals.recv_timeout(PATIENCE).unwrap();
    cancel(&oauth, asking);
    let asking = ask(&oauth);
    drop(holds);
    asking.join().unwrap().unwrap();
    assert_eq!(registrations(&served), 1);
}

/// An input whose lines come when the test says so.
struct Typed(mpsc::Receiver<String>, Vec<u8>);

impl Read for Typed {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.recv().unwrap_or_default().into_bytes();
        }
        let count = self.1.len().min(bytes.len());
        bytes[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

/// A page as the terminal shows it.
#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Terminal {
    /// The URLs that were shown.
    fn pages(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect()
    }
}

/// The read goes on, and is the next login's: a line that is typed in between is asked for again.
#[test]
fn a_login_in_the_terminal_is_cancelled_and_the_next_one_reads_on() {
    let served = serve(Knobs::default());
    let (types, typed) = mpsc::channel();
    let terminal = Terminal::default();
    let redirect_uri = RedirectUri::parse(common::ELSEWHERE).unwrap();
    let input = BufReader::new(Typed(typed, Vec::new()));
    let user = PasteBack::new(redirect_uri, input, terminal.clone());
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    for page in 1..=2 {
        let asking = ask_for_all(&oauth);
        until("the page is shown", || terminal.pages().len() == page);
        cancel(&oauth, asking);
    }
    types.send("something else\n".into()).unwrap();
    let asking = ask(&oauth);
    until("the page is shown", || terminal.pages().len() == 3);
    types.send(format!("{}\n", common::location(&terminal.pages()[2]))).unwrap();
    asking.join().unwrap().unwrap();
    assert_eq!((logins(&served), registrations(&served)), (1, 1));
    assert_sound(&served);
}

/// A user agent of the host's own that looks whether it is still wanted.
struct Attentive(Mutex<mpsc::Sender<()>>, Arc<AtomicUsize>);

impl UserAgent for Attentive {
    fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (arrives, ended) = (self.0.lock().unwrap().clone(), Arc::clone(&self.1));
        let redirect_uri = RedirectUri::parse(common::ELSEWHERE)?;
        Ok(Prepared::new(redirect_uri, move |_: &AuthorizationUrl, until, _| {
            arrives.send(()).unwrap();
            let over = until.pause(PATIENCE).unwrap_err();
            // It takes a moment to clear up.
            thread::sleep(Duration::from_millis(30));
            ended.fetch_add(1, Ordering::SeqCst);
            Err(over)
        }))
    }
}

#[test]
fn a_user_agent_that_looks_whether_it_is_wanted_has_ended_before_its_login_has() {
    let (arrives, arrivals) = mpsc::channel();
    let ended = Arc::<AtomicUsize>::default();
    let served = serve(Knobs::default());
    let user = Attentive(Mutex::new(arrives), Arc::clone(&ended));
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let asking = ask(&oauth);
    arrivals.recv_timeout(PATIENCE).unwrap();
    // It has begun to wait.
    thread::sleep(Duration::from_millis(20));
    cancel(&oauth, vec![asking]);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

/// A user who thinks about whether a login may begin.
struct Ponders(Mutex<mpsc::Sender<()>>, Mutex<mpsc::Receiver<()>>);

impl UserAgent for Ponders {
    fn about_to_authorize(&self, _login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        self.0.lock().unwrap().send(()).unwrap();
        let _ = self.1.lock().unwrap().recv();
        Ok(())
    }

    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        common::visitor().prepare(registered)
    }
}

#[test]
fn a_login_is_cancelled_while_the_user_thinks_about_it() {
    let (served, ends) = (serve(Knobs::default()), Ends::default());
    let ((asks, asked), (holds, held)) = (mpsc::channel(), mpsc::channel());
    let user = Ponders(Mutex::new(asks), Mutex::new(held));
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(user);
    let oauth = ends.watch(builder).build().unwrap();
    let asking = ask_for_all(&oauth);
    asked.recv_timeout(PATIENCE).unwrap();
    cancel(&oauth, asking);
    assert_eq!((served.world().oauth_requests(), ends.counts()), (0, [1, 1, 0]));
    drop(holds);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
}

/// The last moment: the client is registered, and nothing is waited for any more.
#[test]
fn a_login_that_is_cancelled_before_it_is_handed_out_is_handed_to_nobody() {
    let served = serve(Knobs::default());
    let handle = Arc::new(OnceLock::<LoginHandle>::new());
    let (place, known) =
        (RedirectUri::parse("https://host.example.com/callback").unwrap(), Arc::clone(&handle));
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .user_agent(NoUserAgent::new(place))
        .on_event(move |event| {
            if let Event::Exchange { endpoint: Endpoint::Registration, .. } = event {
                assert!(known.get().unwrap().cancel());
            }
        })
        .build()
        .unwrap();
    handle.set(oauth.login_handle()).unwrap();
    assert_cancelled(ask(&oauth));
    assert_eq!(registrations(&served), 1);
}

/// The login of another process, which has expired since, while a third one refreshes it.
#[test]
fn a_login_that_waits_for_a_refresh_elsewhere_is_cancelled() {
    let (served, store, other) =
        (serve(Knobs::default()), MemoryTokenStorage::new(), MemoryTokenStorage::new());
    drop(logged_in(&served, &other));
    expire(&other, &key(&served));
    let record = stored(&other, &key(&served)).unwrap().replacing(0);
    let [login, refresh] =
        [Lock::Login, Lock::Refresh].map(|lock| store.try_lock(&key(&served), lock).unwrap());
    let (told, waits) = mpsc::channel();
    let told = Mutex::new(told);
    let oauth = builder(&served, &store)
        .on_event(move |event| {
            if let Event::LoginElsewhere | Event::RefreshElsewhere = event {
                told.lock().unwrap().send(()).unwrap();
            }
        })
        .build()
        .unwrap();
    let asking = {
        let oauth = oauth.clone();
        thread::spawn(move || oauth.authenticate())
    };
    waits.recv_timeout(PATIENCE).unwrap();
    assert_eq!(store.save(&key(&served), &record, 0), Ok(Written::Done));
    drop(login);
    waits.recv_timeout(PATIENCE).unwrap();
    cancel(&oauth, Vec::from([asking]));
    drop(refresh);
    assert!(oauth.token().is_ok());
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
}
