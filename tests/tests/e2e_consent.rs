//! How users come to consent over sockets: pasted redirects, and a connect URL for a host that serves
//! the redirect itself.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::io::{BufReader, Read, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    Brittle, CALL, ELSEWHERE, LIST, PATIENCE, assert_sound, browser, builder, call, handed_out,
    headless, key, location, logged_in, logins, redirect, registrations, serve, statuses, stored,
    stored_token,
};
use oauth_blocking::{
    AuthenticationError, Error, LoopbackBrowser, MemoryTokenStorage, NoUserAgent, OAuth, PasteBack,
    PendingLogin, RedirectUri, UserAgentError,
};
use oauth_core::error::PeerMisbehaved;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, ScopePolicy, What};

/// A terminal in memory: shows what was printed to the next line's writer.
struct Terminal {
    printed: Arc<Mutex<String>>,
    lines: Vec<fn(&str) -> String>,
}

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.lines.is_empty() {
            return Ok(0);
        }
        let printed = self.printed.lock().unwrap().clone();
        let url = printed.split_whitespace().find(|word| word.starts_with("http")).unwrap();
        let line = self.lines.remove(0)(url) + "\n";
        buffer[..line.len()].copy_from_slice(line.as_bytes());
        Ok(line.len())
    }
}

struct Printer(Arc<Mutex<String>>);

impl Write for Printer {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push_str(std::str::from_utf8(buffer).unwrap());
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A client whose user pastes these lines, made from the URL that was printed, and what was printed.
fn pasting(served: &Served, lines: &[fn(&str) -> String]) -> (OAuth, Arc<Mutex<String>>) {
    let printed = Arc::new(Mutex::new(String::new()));
    let lines = lines.to_vec();
    let terminal = BufReader::new(Terminal { printed: Arc::clone(&printed), lines });
    let printer = Printer(Arc::clone(&printed));
    let redirect_uri = RedirectUri::parse(ELSEWHERE).unwrap();
    let oauth = builder(served, &MemoryTokenStorage::new())
        .user_agent(PasteBack::new(redirect_uri, terminal, printer))
        .build()
        .unwrap();
    (oauth, printed)
}

#[test]
fn a_wrong_paste_is_asked_for_again_and_a_whole_address_taken() {
    let served = serve(Knobs::default());
    let (oauth, printed) = pasting(
        &served,
        &[|_| format!("{ELSEWHERE}?code=x&state=another"), |_| String::new(), location],
    );
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    let printed = printed.lock().unwrap();
    assert_eq!(printed.matches("does not belong to this login").count(), 2);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_pasted_query_is_enough() {
    let served = serve(Knobs::default());
    let query = |url: &str| location(url).split_once('?').unwrap().1.to_owned();
    let (oauth, _) = pasting(&served, &[query]);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn a_terminal_that_is_closed_or_pastes_rubbish_gives_up() {
    let served = serve(Knobs::default());
    let rubbish: fn(&str) -> String = |_| "rubbish".into();
    for lines in [vec![], vec![rubbish; 100]] {
        let (oauth, _) = pasting(&served, &lines);
        let error = oauth.authenticate().unwrap_err();
        let cancelled = matches!(error, Error::UserAgent(UserAgentError::Cancelled));
        assert!(cancelled, "{error:?}");
    }
    assert_eq!(served.world().token_requests(), 0);
}

/// What another process gets.
fn stored_elsewhere(pending: &PendingLogin) -> String {
    serde_json::to_string(pending).unwrap()
}

fn taken_up(stored: &str) -> PendingLogin {
    serde_json::from_str(stored).unwrap()
}

#[test]
fn a_login_is_handed_out_and_finished_by_another_client() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let first = headless(&served, &store);
    let AuthenticationError { connect_url, pending, .. } = handed_out(call(&first, &served, LIST));
    assert_eq!(pending.connect_url(), connect_url);
    let pending = stored_elsewhere(&pending);

    let second = headless(&served, &store);
    let token = second.resume(taken_up(&pending), &redirect(&connect_url)).unwrap();
    assert_eq!(stored_token(&store, &key(&served)).as_deref(), Some(token.token()));

    assert_eq!(call(&first, &served, LIST).unwrap(), 200);
    assert_eq!(call(&second, &served, LIST).unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [401, 200, 200]);
    assert_eq!(logins(&served), 1);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}

#[test]
fn a_login_that_is_needed_still_is_handed_out_again_with_the_same_client() {
    let served = serve(Knobs::default());
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let one = handed_out(oauth.authenticate());
    let two = handed_out(oauth.authenticate());
    assert_ne!(one.connect_url.state(), two.connect_url.state());
    assert!(!two.connect_url.is_answered_by(&redirect(&one.connect_url)));
    assert_eq!(registrations(&served), 1);
    oauth.resume(one.pending, &redirect(&one.connect_url)).unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn a_login_that_was_finished_cannot_be_finished_again() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = headless(&served, &store);
    let error = handed_out(oauth.authenticate());
    let pending = stored_elsewhere(&error.pending);
    let query = redirect(&error.connect_url);
    let token = oauth.resume(taken_up(&pending), &query).unwrap();
    let record = stored(&store, &key(&served));

    match oauth.resume(taken_up(&pending), &query).unwrap_err() {
        Error::OAuth { error: oauth_core::Error::LoginUsed, .. } => {}
        error => panic!("{error:?}"),
    }
    assert_eq!(served.world().token_requests(), 1, "the code is not sent again");
    assert_eq!(stored(&store, &key(&served)), record);
    assert_eq!(oauth.initialize().unwrap(), Some(token));
}

#[test]
fn a_redirect_of_another_login_does_not_finish_one() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = headless(&served, &store);
    let error = handed_out(oauth.authenticate());
    let pending = stored_elsewhere(&error.pending);
    match oauth.resume(error.pending, "code=stolen&state=guessed").unwrap_err() {
        Error::OAuth {
            error: oauth_core::Error::PeerMisbehaved(PeerMisbehaved::StateMismatch),
            ..
        } => {}
        error => panic!("{error:?}"),
    }
    assert_eq!(served.world().token_requests(), 0);
    oauth.resume(taken_up(&pending), &redirect(&error.connect_url)).unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn a_finished_login_that_could_not_be_stored_is_stored_later() {
    let served = serve(Knobs::default());
    let store = Brittle::default();
    let oauth = headless(&served, &store);
    let error = handed_out(oauth.authenticate());
    let query = redirect(&error.connect_url);
    store.no_save.store(true, Ordering::SeqCst);
    let token = oauth.resume(error.pending, &query).unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(stored_token(&store, &key(&served)), None);
    store.no_save.store(false, Ordering::SeqCst);
    // The store is left alone for some seconds.
    let begun = Instant::now();
    while stored_token(&store, &key(&served)).as_deref() != Some(token.token()) {
        assert!(begun.elapsed() < PATIENCE, "it is not stored");
        thread::sleep(Duration::from_millis(100));
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    }
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

/// The operating system hands the redirect to the application, and the application to `resume`.
#[test]
fn a_redirect_to_a_scheme_of_the_applications_own_finishes_a_login() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let own = "com.example.app:/callback";
    let user_agent = NoUserAgent::new(RedirectUri::parse(own).unwrap());
    let oauth = builder(&served, &store).user_agent(user_agent).build().unwrap();
    let error = handed_out(oauth.authenticate());
    let redirect = location(error.connect_url.as_str());
    let query = redirect.strip_prefix("com.example.app:/callback?").unwrap();
    let token = oauth.resume(error.pending, query).unwrap();
    assert_eq!(stored_token(&store, &key(&served)).as_deref(), Some(token.token()));
    let world = served.world();
    let registration = world.requests(What::Register)[0];
    assert_eq!(registration.json["application_type"], "native");
    drop(world);
    assert_sound(&served);
}

#[test]
fn a_step_up_that_was_handed_out_is_used_as_soon_as_it_is_finished() {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store));
    let oauth = headless(&served, &store);
    let error = handed_out(call(&oauth, &served, CALL));
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200, "with the old token meanwhile");
    let token = oauth.resume(error.pending, &redirect(&error.connect_url)).unwrap();
    served.world().log.clear();
    assert_eq!(oauth.initialize().unwrap(), Some(token));
    assert_eq!(call(&oauth, &served, CALL).unwrap(), 200);
    assert_eq!(statuses(&served, CALL), [200]);
    assert_sound(&served);
}

#[test]
fn a_login_that_was_handed_out_shows_no_secret() {
    let served = serve(Knobs::default());
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let error = handed_out(oauth.authenticate());
    let printed = format!("{error:?} {error}");
    assert!(!printed.contains(error.connect_url.state()));
    let whole: serde_json::Value = serde_json::to_value(&error.pending).unwrap();
    let verifier = whole.to_string();
    assert!(verifier.contains("verifier"), "the place where it is looked for has moved");
    let verifier = find(&whole, "verifier").unwrap();
    assert!(!printed.contains(verifier), "{printed}");
}

fn find<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    match value {
        serde_json::Value::Object(members) => {
            members.iter().find_map(|(key, value)| match value.as_str() {
                Some(text) if key == name => Some(text),
                _ => find(value, name),
            })
        }
        serde_json::Value::Array(entries) => entries.iter().find_map(|entry| find(entry, name)),
        _ => None,
    }
}

#[test]
fn a_browser_that_is_slow_to_open_does_not_hold_up_the_listener() {
    let served = serve(Knobs::default());
    // As a browser in the terminal does, which ends when its user leaves it.
    let user_agent = LoopbackBrowser::new().open_with(|url| {
        let came_back = browser(url);
        thread::park_timeout(PATIENCE);
        came_back
    });
    let oauth =
        builder(&served, &MemoryTokenStorage::new()).user_agent(user_agent).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
}
