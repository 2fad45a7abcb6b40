//! Grants that the first versions of this crate stored, before a key had an application. The files in
//! `first_versions` were written by one of them.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::fs;
use std::path::{Path, PathBuf};

use oauth_blocking::oauth_core::flow::Settings;
use oauth_blocking::{Key, Leases, Loaded, Lock, Migrated, Records, TokenStorage, Written};

mod place;

use place::{Place, URL, key_for, loaded, record, taken, write};

#[test]
fn a_registered_clients_grant_goes_to_the_first_program_that_asks() {
    let place = Former::new();
    let store = place.store();
    let [editor, agent] = ["editor", "agent"].map(|name| key_for(name, "", URL));
    assert_eq!(store.load(&editor), Ok(Loaded::Nothing));
    assert_eq!(store.migrate(&editor, &settings(URL)), Ok(Migrated::Done));
    assert_eq!(generation(&store, &editor), 7);
    assert_eq!(store.migrate(&editor, &settings(URL)), Ok(Migrated::Nothing));
    assert_eq!(store.migrate(&agent, &settings(URL)), Ok(Migrated::Nothing));
    assert_eq!(store.load(&agent), Ok(Loaded::Nothing));
    assert!(!place.former(URL_FILE).exists(), "an earlier version still finds it");
    // Another user's is another matter.
    let work = key_for("agent", "work", URL);
    assert_eq!(store.migrate(&work, &settings(URL)), Ok(Migrated::Done));
    assert_eq!(generation(&store, &work), 3);
    // It goes on from there.
    assert_eq!(store.save(&editor, &record(8), 7), Ok(Written::Done));
    assert_eq!(store.load(&editor), loaded(8));
}

#[test]
fn a_client_that_was_brought_along_goes_with_its_id() {
    let place = Former::new();
    let store = place.store();
    let key = key_for("editor", "", OTHER);
    let with_id = |id| settings(OTHER).client_id(id, None).unwrap();
    for settings in [settings(OTHER), with_id("another")] {
        assert_eq!(store.migrate(&key, &settings), Ok(Migrated::Nothing));
        assert!(place.former(OTHER_FILE).exists());
    }
    assert_eq!(store.migrate(&key, &with_id("client")), Ok(Migrated::Done));
    assert_eq!(generation(&store, &key), 5);
    // Who brings an id has not got what was registered for somebody.
    let key = key_for("editor", "", URL);
    let own = settings(URL).client_id("client", None).unwrap();
    assert_eq!(store.migrate(&key, &own), Ok(Migrated::Nothing));
    assert!(place.former(URL_FILE).exists());
}

#[test]
fn a_grant_of_this_version_is_not_replaced() {
    let place = Former::new();
    let (store, key) = (place.store(), key_for("editor", "", URL));
    assert_eq!(store.save(&key, &record(1), 0), Ok(Written::Done));
    assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Nothing));
    assert_eq!(store.load(&key), loaded(1));
    assert!(place.former(URL_FILE).exists());
}

/// A process is killed after the first step, after the second, and after the third.
#[test]
fn a_move_that_was_cut_short_is_finished_and_loses_nothing() {
    let key = key_for("editor", "", URL);
    // Its name in between has the hash of the new one.
    let place = Former::new();
    let moving = {
        let whole = Former::new();
        let store = whole.store();
        assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Done));
        let new = whole.0.file();
        let hash =
            new.file_stem().unwrap().to_str().unwrap().rsplit_once('-').unwrap().1.to_owned();
        place.former(&URL_FILE.replace(".json", &format!(".moving-{hash}")))
    };
    let store = place.store();
    // After the first: nobody has it under either name.
    fs::rename(place.former(URL_FILE), &moving).unwrap();
    let another = key_for("agent", "", URL);
    assert_eq!(store.migrate(&another, &settings(URL)), Ok(Migrated::Nothing));
    assert!(moving.exists());
    let text = fs::read_to_string(&moving).unwrap();
    assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Done));
    assert!(!moving.exists());
    assert_eq!(generation(&store, &key), 7);
    // After the second: it is there twice, and has been refreshed since.
    write(&moving, &text);
    assert_eq!(store.save(&key, &record(8), 7), Ok(Written::Done));
    assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Done));
    assert!(!moving.exists());
    assert_eq!(store.load(&key), loaded(8));
}

/// A version that does not know applications takes its own locks: here by hand.
#[test]
fn a_grant_that_an_earlier_version_works_on_is_not_moved() {
    for lock in ["refresh", "login", "write"] {
        let place = Former::new();
        let (store, key) = (place.store(), key_for("editor", "", URL));
        let held = place.hold(lock);
        assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Busy), "{lock}");
        assert!(place.former(URL_FILE).exists());
        drop(held);
        assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Done), "{lock}");
    }
}

#[test]
fn the_former_refresh_lock_is_taken_too_while_it_is_there() {
    let place = Former::new();
    let (store, key) = (place.store(), key_for("editor", "", URL));
    let held = place.hold("refresh");
    assert!(store.try_lock(&key, Lock::Refresh).unwrap().is_none());
    assert!(store.try_lock(&key, Lock::Login).unwrap().is_some());
    drop(held);
    let guard = store.try_lock(&key, Lock::Refresh).unwrap().unwrap();
    let former = fs::File::open(place.lock("refresh")).unwrap();
    assert!(former.try_lock().is_err());
    drop(guard);
    assert!(former.try_lock().is_ok());
    drop(former);
    // A move takes them away, so that they are not taken for ever.
    assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Done));
    assert_eq!(cfg!(unix), !place.lock("refresh").exists());
}

#[test]
fn what_cannot_be_read_or_is_newer_stays_where_it_is() {
    for text in ["damage", r#"{"profile":"","record":{"format":9}}"#] {
        let place = Former::new();
        let (store, key) = (place.store(), key_for("editor", "", URL));
        write(&place.former(URL_FILE), text);
        assert_eq!(store.migrate(&key, &settings(URL)), Ok(Migrated::Nothing), "{text}");
        assert_eq!(fs::read_to_string(place.former(URL_FILE)).unwrap(), text);
        assert_eq!(store.load(&key), Ok(Loaded::Nothing));
    }
}

/// A directory as an earlier version has left it.
struct Former(Place);

impl Former {
    fn new() -> Self {
        let place = Place::new();
        // With its permissions.
        drop(taken(&place.store(), &key_for("nobody", "", URL), Lock::Login));
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/first_versions");
        for entry in fs::read_dir(fixtures).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            write(&place.0.join(path.file_name().unwrap()), &text);
        }
        Self(place)
    }

    fn store(&self) -> oauth_blocking::FileTokenStorage {
        self.0.store()
    }

    fn former(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn lock(&self, lock: &str) -> PathBuf {
        self.former(&URL_FILE.replace(".json", &format!(".{lock}.lock")))
    }

    fn hold(&self, lock: &str) -> fs::File {
        write(&self.lock(lock), "");
        let file = fs::File::open(self.lock(lock)).unwrap();
        file.lock().unwrap();
        file
    }
}

fn settings(url: &str) -> Settings {
    Settings::new(url).unwrap()
}

fn generation(store: &impl TokenStorage, key: &Key) -> u64 {
    match store.load(key).unwrap() {
        Loaded::Record(record) => {
            assert!(record.tokens().is_some());
            record.generation()
        }
        other => panic!("{other:?}"),
    }
}

const URL_FILE: &str = "mcp-example-com-126f59b99d969cc31cde56e6ebe421f4.json";

const OTHER: &str = "https://other.example.com/mcp";
const OTHER_FILE: &str = "other-example-com-a9db1f68871bd67bfb71f966930ec187.json";
