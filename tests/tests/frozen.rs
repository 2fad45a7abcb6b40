//! A process that is stopped while its refresh is on the way, for longer than the request may take: on waking,
//! no timer comes before the answer. With both adapters, and with time limits of the host's own.
//!
//! The stops of the field are long: `cargo test -p oauth-tests --test frozen -- --include-ignored`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::{Adapter, Builder, Error, FileTokenStorage, OAuth, ureq};
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, Rotation};
use oauth_tokio::HttpClient;
use tokio::runtime::Runtime;
use tokio_common::Directory;
use tokio_common::common::{
    self, APPLICATION, LIST, PATIENCE, assert_sound, expire, key, logins, refreshes, serve,
};

#[test]
fn a_process_on_threads_that_is_stopped_has_its_answer() {
    for host_limit in [None, Some(Duration::from_millis(500))] {
        stop(Stop { on_tokio: false, host_limit, ..SHORT });
    }
}

#[test]
fn a_process_on_tokio_that_is_stopped_has_its_answer() {
    for host_limit in [None, Some(Duration::from_millis(500))] {
        stop(Stop { on_tokio: true, host_limit, ..SHORT });
    }
}

#[test]
#[ignore = "it takes two minutes"]
fn a_stop_of_20_and_of_40_seconds_loses_nothing() {
    let host_limit = Some(Duration::from_secs(10));
    thread::scope(|scope| {
        for on_tokio in [false, true] {
            for (seconds, host_limit) in [(20, host_limit), (40, host_limit), (40, None)] {
                let lasts = Duration::from_secs(seconds);
                scope.spawn(move || stop(Stop { on_tokio, limit: None, host_limit, lasts }));
            }
        }
    });
}

/// A process that does not go on: who waits in vain hears of it, and after its lease another takes over. The
/// server allows it; one that ends the grant of who sends a token twice would want a login.
#[test]
#[ignore = "it takes two minutes"]
fn a_process_that_stays_stopped_holds_nobody_up_for_ever() {
    let knobs = Knobs { rotation: Rotation::Keep, ..Knobs::default() };
    let (served, directory) = (serve(knobs), Directory::new());
    let store = directory.store();
    drop(common::logged_in(&served, &store));
    expire(&store, &key(&served));
    served.delay_tokens(MEANWHILE);
    let lasts = Duration::from_secs(130);
    let child = start(&served, &store, Stop { lasts, ..SHORT });
    wait_for_refresh(&served);
    signal(&child, "STOP");
    let (begun, waiting) = (Instant::now(), common::builder(&served, &store).wait(lasts));
    let oauth = waiting.build().unwrap();
    match common::call(&oauth, &served, LIST).unwrap_err() {
        Error::Busy { spending: Some(spending), .. } => {
            assert_eq!(spending.process, Some(child.id()));
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(refreshes(&served), 1);
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert!((89..100).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(refreshes(&served), 2);
    signal(&child, "CONT");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((refreshes(&served), logins(&served)), (2, 0));
}

/// How a process is stopped, and what limits it has.
#[derive(Debug, Clone, Copy)]
struct Stop {
    on_tokio: bool,
    /// Of the requests of a login; the adapter's own if it is none.
    limit: Option<Duration>,
    /// Of the HTTP client, for a whole call.
    host_limit: Option<Duration>,
    lasts: Duration,
}

/// Longer than the limit by more than a timer is late.
const SHORT: Stop = Stop {
    on_tokio: false,
    limit: Some(Duration::from_secs(1)),
    host_limit: None,
    lasts: Duration::from_millis(2_500),
};

/// How long the server thinks about a refresh: until then the process is stopped.
const MEANWHILE: Duration = Duration::from_millis(400);

/// Stops a process in the middle of a refresh, with another beside it that wants the same.
fn stop(stop: Stop) {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let store = directory.store();
    drop(common::logged_in(&served, &store));
    expire(&store, &key(&served));
    served.delay_tokens(MEANWHILE);
    let child = start(&served, &store, stop);
    wait_for_refresh(&served);
    signal(&child, "STOP");
    let waiting = common::builder(&served, &store).wait(2 * PATIENCE + stop.lasts);
    let oauth = waiting.build().unwrap();
    let other = thread::scope(|scope| {
        let other = scope.spawn(|| common::call(&oauth, &served, LIST));
        thread::sleep(stop.lasts);
        assert!(!other.is_finished(), "{stop:?}");
        signal(&child, "CONT");
        other.join().unwrap()
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{stop:?}: {}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(other.unwrap(), 200, "{stop:?}");
    assert_eq!((refreshes(&served), logins(&served)), (1, 0), "{stop:?}");
    assert_sound(&served);
}

fn wait_for_refresh(served: &Served) {
    let begun = Instant::now();
    while refreshes(served) == 0 {
        assert!(begun.elapsed() < PATIENCE, "nobody refreshes");
        thread::sleep(Duration::from_millis(5));
    }
}

fn start(served: &Served, store: &FileTokenStorage, stop: Stop) -> Child {
    let millis = |limit: Option<Duration>| {
        limit.map_or_else(String::new, |limit| limit.as_millis().to_string())
    };
    let told = [
        served.server_url(),
        store.directory().to_str().unwrap().to_owned(),
        stop.on_tokio.to_string(),
        millis(stop.limit),
        millis(stop.host_limit),
    ];
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_is_stopped", "--include-ignored"])
        .env(TOLD, told.join("\n"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

#[test]
#[ignore = "the others start it"]
fn the_process_that_is_stopped() {
    let Ok(told) = std::env::var(TOLD) else { return };
    let told: Vec<&str> = told.split('\n').collect();
    let [url, directory, on_tokio, limit, host_limit] = told[..] else { panic!("{told:?}") };
    let store = FileTokenStorage::in_dir(directory);
    let host_limit = host_limit.parse().ok().map(Duration::from_millis);
    if on_tokio == "true" {
        let http = HttpClient::new(move |http| match host_limit {
            Some(limit) => http.timeout(limit).read_timeout(limit),
            None => http,
        });
        let builder = oauth_tokio::OAuth::new(url).unwrap().http_client(http.unwrap());
        let oauth = limited(builder.token_storage(store), limit).build().unwrap();
        let runtime = Runtime::new().unwrap();
        assert!(runtime.block_on(oauth.initialize()).unwrap().is_some());
    } else {
        let agent = ureq::Agent::config_builder();
        let agent = agent.timeout_global(host_limit).timeout_recv_response(host_limit).build();
        let builder = OAuth::new(url).unwrap().http_client(agent.new_agent());
        let oauth = limited(builder.token_storage(store), limit).build().unwrap();
        assert!(oauth.initialize().unwrap().is_some());
    }
}

fn limited<A: Adapter>(builder: Builder<A>, limit: &str) -> Builder<A> {
    let builder = builder.application(APPLICATION);
    match limit.parse() {
        Ok(limit) => builder.request_limit(Duration::from_millis(limit)),
        Err(_) => builder,
    }
}

const TOLD: &str = "OAUTH_TEST_STOPPED";
