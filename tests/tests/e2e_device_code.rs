//! Logins on another device over sockets, with both adapters: the user agent shows the code, and nothing listens.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::io::Cursor;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::{
    Event, LoopbackBrowser, MemoryTokenStorage, OwnedEvent, PasteBack, RedirectUri, UserAgent,
};
use oauth_tests::serve::Served;
use oauth_tests::world::{Grant, Knobs, What};
use tokio_common::common::{self, ELSEWHERE, LIST, PATIENCE, assert_sound, serve};

fn devices() -> Served {
    serve(Knobs { device_interval: Some(1), ..Knobs::devices() })
}

/// The user's other device is a browser that consents at once.
fn user() -> LoopbackBrowser {
    LoopbackBrowser::new().open_with(common::browser)
}

fn assert_logged_in_once(served: &Served) {
    let world = served.world();
    assert_eq!((world.count(What::Device), world.count(What::Register)), (1, 1));
    assert!(world.count(What::Token(Grant::Device)) >= 1);
    assert_eq!(world.count(What::Authorize), 0);
    drop(world);
    assert_sound(served);
}

#[test]
fn threads_log_in_on_another_device() {
    let (served, store) = (devices(), MemoryTokenStorage::new());
    let codes = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&codes);
    let oauth = common::builder(&served, &store)
        .device_code()
        .on_event(move |event| match event {
            Event::DeviceCode { page, .. } => told.lock().unwrap().push((*page.user_code).into()),
            Event::Opening { .. } | Event::Redirected => panic!("{event:?}"),
            _ => {}
        })
        .build()
        .unwrap();
    assert!(oauth.diagnose().unwrap().to_string().contains("on another device, with a code of"));
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(*codes.lock().unwrap(), ["WDJB-0001"]);
    let other = common::builder(&served, &store).device_code().build().unwrap();
    assert_eq!(common::call(&other, &served, LIST).unwrap(), 200);
    assert_logged_in_once(&served);
}

#[tokio::test]
async fn tasks_log_in_on_another_device() {
    let (served, store) = (devices(), MemoryTokenStorage::new());
    let oauth = tokio_common::builder(&served, &store).user_agent(user()).device_code();
    let oauth = oauth.build().unwrap();
    let mut events = oauth.events();
    assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    let code = loop {
        if let OwnedEvent::DeviceCode { page, .. } = events.next().await.unwrap().unwrap().event {
            break page.user_code;
        }
    };
    assert_eq!(&*code, "WDJB-0001");
    assert_logged_in_once(&served);
}

/// A terminal's output.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// And with a browser beside it, both show the code.
#[test]
fn a_terminal_says_where_to_go_and_with_which_code() {
    for has_browser in [false, true] {
        let (served, screen) = (devices(), Screen::default());
        let redirect_uri = RedirectUri::parse(ELSEWHERE).unwrap();
        let terminal = PasteBack::new(redirect_uri, Cursor::new(""), screen.clone());
        let builder = common::builder(&served, &MemoryTokenStorage::new()).device_code();
        let oauth = match has_browser {
            false => builder.user_agent(terminal),
            true => builder.user_agent(user().or(terminal)),
        };
        let oauth = oauth.build().unwrap();
        thread::scope(|scope| {
            let call = scope.spawn(|| common::call(&oauth, &served, LIST).unwrap());
            let begun = Instant::now();
            while screen.0.lock().unwrap().is_empty() {
                assert!(begun.elapsed() < PATIENCE);
                thread::sleep(Duration::from_millis(5));
            }
            if !has_browser {
                assert!(served.world().approve_device("WDJB-0001"));
            }
            assert_eq!(call.join().unwrap(), 200);
        });
        let words = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
        assert!(words.contains("/device\n") && words.contains("code: WDJB-0001"), "{words}");
        assert_logged_in_once(&served);
    }
}

#[test]
fn a_login_that_waits_is_cancelled_at_once_and_leaves_no_lock() {
    let (served, store) = (serve(Knobs::devices()), MemoryTokenStorage::new());
    let (shown, shows) = mpsc::channel();
    let idle = LoopbackBrowser::new().open_with(move |_| shown.send(()).is_ok());
    let builder = common::builder(&served, &store).device_code().user_agent(idle);
    let oauth = builder.build().unwrap();
    for _ in 0..2 {
        let asking = {
            let oauth = oauth.clone();
            thread::spawn(move || oauth.login())
        };
        shows.recv_timeout(PATIENCE).unwrap();
        let begun = Instant::now();
        assert!(oauth.cancel_login());
        let error = asking.join().unwrap().unwrap_err();
        assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
        assert_eq!(error.to_string(), "the login was cancelled");
    }
    assert_eq!(served.world().count(What::Register), 1);
}

#[tokio::test]
async fn a_host_says_how_long_a_user_is_waited_for() {
    let (served, store) = (serve(Knobs::devices()), MemoryTokenStorage::new());
    let oauth = tokio_common::builder(&served, &store).device_code();
    let oauth = oauth.wait(Duration::from_secs(1)).build().unwrap();
    let error = tokio_common::call(&oauth, &served, LIST).await.unwrap_err();
    assert_eq!(error.code(), "user_agent", "{error}");
    assert!(error.to_string().contains("within 1 seconds"), "{error}");
    // A user who comes later is asked once more.
    let oauth = tokio_common::builder(&served, &store).user_agent(user()).device_code();
    let oauth = oauth.build().unwrap();
    assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(served.world().count(What::Register), 1);
}
