//! A real GNOME Keyring, in sessions of their own: each process is this test program again, told by variables what to do.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oauth_blocking::{FileTokenStorage, Keyring, KeyringMode, LoopbackBrowser, OAuth};
use oauth_tests::files;
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;

use crate::common::{PATIENCE, browser, logins, serve};
use crate::place::Place;

const RECORDS: &str = "OAUTH_TEST_RECORDS";
const MODE: &str = "OAUTH_TEST_MODE";
const SERVER: &str = "OAUTH_TEST_SERVER";

/// Nobody unlocks anything here.
const DEADLINE: Duration = Duration::from_secs(3);

/// What each process does: it opens the store, says what it came to, and calls.
#[test]
fn process() {
    let Some(records) = std::env::var_os(RECORDS) else { return };
    let auto = std::env::var(MODE).unwrap() == "auto";
    let mode = if auto { KeyringMode::Auto } else { KeyringMode::Keyring };
    let keyring = Keyring::new("Keyring test").mode(mode).deadline(DEADLINE);
    let begun = Instant::now();
    let opened = FileTokenStorage::in_dir(records).sealed_by(&keyring);
    println!("after {} ms", begun.elapsed().as_millis());
    let (store, at_rest) = match opened {
        Ok(opened) => opened,
        Err(error) => return println!("refused: {error}; {}", error.advice()),
    };
    println!("at rest: {at_rest}");
    let oauth = OAuth::new(&std::env::var(SERVER).unwrap())
        .unwrap()
        .application("Keyring test")
        .token_storage(store)
        .user_agent(LoopbackBrowser::new().open_with(browser))
        .wait(PATIENCE)
        .build()
        .unwrap();
    match oauth.authenticate() {
        Ok(_) => println!("has a token"),
        Err(error) => println!("has no token: {error}"),
    }
}

/// A place for the keyring and one for records, and a server to log in to.
struct Stage {
    place: Place,
    served: Served,
}

impl Stage {
    fn new() -> Self {
        let place = Place::new();
        std::fs::create_dir_all(place.0.join("session")).unwrap();
        Self { place, served: serve(Knobs::default()) }
    }

    /// What a process says in such a session.
    fn says(&self, session: &str, mode: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("keyring/session");
        let begun = Instant::now();
        let child = Command::new(script)
            .arg(session)
            .arg(self.place.0.join("session"))
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "real::process", "--nocapture"])
            .env(RECORDS, self.records())
            .env(MODE, mode)
            .env(SERVER, self.served.server_url())
            .stdin(Stdio::null())
            .output()
            .expect("`keyring/run` installs what this needs");
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        let errors = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}{errors}");
        // With room for slow machines: without a deadline it would be for ever.
        assert!(begun.elapsed() < DEADLINE + Duration::from_secs(30), "{said}{errors}");
        println!("{session}, {mode}: {said}");
        said
    }

    fn records(&self) -> std::path::PathBuf {
        self.place.0.join("records")
    }

    /// Whether the records are in plain text.
    fn is_plain(&self) -> bool {
        let texts = files::below(&self.records()).into_iter().filter(|path| files::is_grant(path));
        let texts: Vec<_> = texts.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert_ne!(texts[0].contains("refresh_token"), texts[0].contains("\"sealed\""));
        texts[0].contains("refresh_token")
    }
}

#[track_caller]
fn has(said: &str, words: &[&str]) {
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
}

#[test]
fn without_a_bus_records_are_plain_or_it_is_an_error() {
    let stage = Stage::new();
    has(
        &stage.says("nothing", "keyring"),
        &["refused: ", "no keyring in this session", "own session"],
    );
    assert!(files::below(&stage.records()).is_empty());
    has(
        &stage.says("nothing", "auto"),
        &["plain files, because there is no keyring", "has a token"],
    );
    assert!(stage.is_plain());
}

#[test]
fn with_a_bus_and_no_keyring_it_is_the_same() {
    let stage = Stage::new();
    has(&stage.says("bus", "keyring"), &["refused: ", "no keyring in this session"]);
    has(&stage.says("bus", "auto"), &["plain files, because there is no keyring", "has a token"]);
    assert!(stage.is_plain());
}

/// There is no display to ask for the password on.
#[test]
fn one_that_is_locked_and_stays_so_is_no_hang() {
    let stage = Stage::new();
    has(&stage.says("unlocked", "keyring"), &["logins are sealed", "has a token"]);
    for mode in ["keyring", "auto"] {
        let said = stage.says("locked", mode);
        has(&said, &["the keyring is locked"]);
        if mode == "auto" {
            has(&said, &["cannot be read, because", "has no token: "]);
        } else {
            has(&said, &["refused: "]);
        }
    }
    assert!(!stage.is_plain());
    assert_eq!(logins(&stage.served), 1);
}

/// Its program has its name on the bus, and does nothing.
#[test]
fn one_that_hangs_is_waited_for_until_the_deadline() {
    let stage = Stage::new();
    let waited = ["has not answered within 3 seconds"];
    has(&stage.says("frozen", "keyring"), &waited);
    has(&stage.says("unlocked", "keyring"), &["logins are sealed", "has a token"]);
    has(&stage.says("frozen", "auto"), &["cannot be read, because the keyring", waited[0]]);
    assert!(!stage.is_plain());
    assert_eq!(logins(&stage.served), 1);
}

/// The service is there, and has no keyring: a new one could be made only with a password.
#[test]
fn one_that_was_never_made_is_as_good_as_none() {
    let stage = Stage::new();
    let said = stage.says("locked", "auto");
    has(&said, &["plain files, because there is no keyring", "the default one", "has a token"]);
    assert!(stage.is_plain());
}

#[test]
fn a_login_is_sealed_and_a_second_process_reads_it() {
    let stage = Stage::new();
    for mode in ["auto", "keyring", "auto"] {
        has(
            &stage.says("unlocked", mode),
            &["logins are sealed with the key `keyring-", "has a token"],
        );
    }
    assert!(!stage.is_plain());
    assert_eq!(logins(&stage.served), 1);
}

#[test]
fn where_it_is_gone_sealed_records_stay_and_nobody_logs_in() {
    let stage = Stage::new();
    has(&stage.says("unlocked", "auto"), &["logins are sealed", "has a token"]);
    for session in ["nothing", "bus"] {
        let said = stage.says(session, "auto");
        has(&said, &["cannot be read, because there is no keyring", "has no token: "]);
        has(&stage.says(session, "keyring"), &["refused: ", "no keyring in this session"]);
    }
    assert!(!stage.is_plain());
    assert_eq!(logins(&stage.served), 1);
    has(&stage.says("unlocked", "auto"), &["logins are sealed", "has a token"]);
    // A new one, under the same user: the key is not in it.
    std::fs::remove_dir_all(stage.place.0.join("session")).unwrap();
    has(&stage.says("unlocked", "keyring"), &["refused: ", "is no longer in the keyring"]);
    assert!(!stage.is_plain());
}

/// Both begin where there is no key yet.
#[test]
fn two_processes_that_begin_at_once_have_one_key() {
    let stage = Stage::new();
    let said = stage.says("two", "keyring");
    let ids: std::collections::BTreeSet<_> =
        said.split("the key `").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    assert_eq!(said.matches("logins are sealed").count(), 2, "{said}");
    assert_eq!(ids.len(), 1, "{said}");
}
