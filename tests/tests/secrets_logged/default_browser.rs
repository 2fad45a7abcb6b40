//! The browser of the machine, in a process of its own whose browser is a program that does nothing.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_blocking::{Event, LoopbackBrowser, MemoryTokenStorage, OAuth};
use oauth_tests::logs::{self, Line};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;

/// The command that opens the page is started by no crate that would tell it. (On Windows and Apple's systems
/// one does; the documentation says so.)
#[test]
fn the_page_that_is_opened_is_not_logged() {
    if std::env::var_os("BROWSER").is_some_and(|name| name == "true") {
        return open();
    }
    let name = "default_browser::the_page_that_is_opened_is_not_logged";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args([name, "--exact"]).env("BROWSER", "true").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn open() {
    logs::listen();
    let served = Served::start(Knobs::default()).unwrap();
    let state = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&state);
    let oauth = OAuth::new(&served.server_url())
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new())
        .wait(Duration::from_secs(2))
        .on_event(move |event| {
            if let Event::Opening { url, .. } = event {
                url.state().clone_into(&mut seen.lock().unwrap());
            }
        });
    oauth.build().unwrap().authenticate().unwrap_err();
    let state = state.lock().unwrap();
    assert!(!state.is_empty());
    let lines = logs::lines();
    let shows: Vec<&Line> = lines.iter().filter(|line| line.text().contains(&**state)).collect();
    assert!(!lines.is_empty() && shows.is_empty(), "{shows:?}");
}
