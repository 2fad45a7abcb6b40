//! All records of a store in files are sealed anew: with the new key, and none is lost over it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use oauth_blocking::oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_blocking::{
    FileTokenStorage, Key, KeyKind, Leases as _, Loaded, Lock, Record, Records as _, Spend,
    StorageError, TokenStorage as _, Written,
};
use oauth_tests::{brought, files};

/// A directory that is gone with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("mcp-oauth-anew-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn store(&self, sealing: Sealing) -> FileTokenStorage {
        FileTokenStorage::in_dir(&self.0).sealed(sealing)
    }

    fn only_new(&self) -> FileTokenStorage {
        self.store(Sealing::only(SealingKeys::new(of("new"))))
    }

    fn records(&self) -> Vec<PathBuf> {
        let mut all = if self.0.exists() { files::below(&self.0) } else { Vec::new() };
        all.retain(|path| path.extension().is_some_and(|end| end == "json"));
        all
    }

    fn bytes(&self) -> Vec<Vec<u8>> {
        self.records().iter().map(|path| fs::read(path).unwrap()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn of(id: &str) -> SealingKey {
    SealingKey::new(id, &[id.len() as u8; 32]).unwrap()
}

fn old_only() -> Sealing {
    Sealing::with(SealingKeys::new(of("older")))
}

fn new_and_old() -> Sealing {
    Sealing::with(SealingKeys::new(of("new")).and_reading(of("older")))
}

const APPLICATION: &str = "My editor";

fn key(profile: &str) -> Key {
    Key::grant(APPLICATION, profile, "https://mcp.example.com/mcp")
}

/// Some of each kind.
fn keys() -> Vec<Key> {
    let kinds = [KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer];
    let others = kinds.map(|kind| Key { kind, ..key("") });
    (0..20).map(|number| key(&number.to_string())).chain(others).collect()
}

fn record(name: &str, replaced: u64) -> Record {
    brought::record(name).replacing(replaced)
}

fn loaded(store: &FileTokenStorage, key: &Key) -> Option<Record> {
    match store.load(key).unwrap() {
        Loaded::Record(record) => Some(*record),
        Loaded::Nothing => None,
        damaged @ Loaded::Damaged { .. } => panic!("{damaged:?}"),
    }
}

#[test]
fn all_records_of_a_program_are_sealed_anew_under_their_generations() {
    let place = Place::new();
    let (plain, old) = (place.store(Sealing::none()), place.store(old_only()));
    let mut stored = Vec::new();
    for (number, key) in keys().into_iter().enumerate() {
        let record = record(&number.to_string(), 0);
        let store = if number % 2 == 0 { &plain } else { &old };
        assert_eq!(store.save(&key, &record, 0), Ok(Written::Done));
        stored.push((key, record));
    }
    let others = Key { application: "Another".into(), ..key("") };
    assert_eq!(plain.save(&others, &record("x", 0), 0), Ok(Written::Done));
    let (store, names) = (place.store(new_and_old()), files::below(&place.0));
    assert_eq!(store.seal_anew(APPLICATION), Ok(23));
    let sealed = place.bytes();
    assert_eq!(store.seal_anew(APPLICATION), Ok(0));
    assert_eq!(place.bytes(), sealed, "to seal what is sealed is not to write");
    for (key, record) in stored {
        assert_eq!(loaded(&place.only_new(), &key), Some(record));
    }
    assert!(loaded(&plain, &others).is_some());
    let readable =
        sealed.iter().filter(|text| String::from_utf8_lossy(text).contains("refresh-secret-"));
    assert_eq!(readable.count(), 1, "that of another program");
    assert_eq!(files::below(&place.0), names, "nothing is left behind");
    assert_eq!(FileTokenStorage::in_dir(place.0.join("none")).seal_anew(APPLICATION), Ok(0));
}

#[test]
fn what_cannot_be_opened_is_named_and_stays_and_all_others_are_sealed() {
    let place = Place::new();
    let stores = [
        ("a", place.store(Sealing::none())),
        ("lost", place.store(old_only())),
        ("newer", place.store(Sealing::none())),
        ("damaged", place.store(Sealing::none())),
        ("b", place.store(Sealing::none())),
    ];
    let mut paths = Vec::new();
    for (profile, store) in &stores {
        let before = place.records();
        assert_eq!(store.save(&key(profile), &record(profile, 0), 0), Ok(Written::Done));
        paths.extend(place.records().into_iter().find(|path| !before.contains(path)));
    }
    let change = |path: &PathBuf, from: &str, to: &str| {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    change(&paths[2], "\"format\": 2", "\"format\": 99");
    change(&paths[3], "\"binding\"", "\"bound\"");
    let left = [1, 2, 3].map(|it| (paths[it].clone(), fs::read(&paths[it]).unwrap()));
    let store = place.store(Sealing::with(SealingKeys::new(of("new"))));
    // The first one in the order of their files.
    let is_sealed_first = paths[1] < paths[2];
    match store.seal_anew(APPLICATION) {
        Err(StorageError::Sealed { place, why }) if is_sealed_first => {
            assert_eq!(why, SealError::UnknownKey { key_id: "older".into() });
            assert_eq!(*place, *paths[1].display().to_string());
        }
        Err(StorageError::Newer { place, found: 99 }) if !is_sealed_first => {
            assert_eq!(*place, *paths[2].display().to_string());
        }
        other => panic!("{other:?}"),
    }
    for (path, bytes) in left {
        assert_eq!(fs::read(&path).unwrap(), bytes, "{path:?}");
    }
    for profile in ["a", "b"] {
        assert_eq!(loaded(&place.only_new(), &key(profile)), Some(record(profile, 0)));
    }
}

/// Who seals anew where plain ones are refused is told of those that are.
#[test]
fn plain_records_that_are_refused_are_not_sealed() {
    let place = Place::new();
    assert_eq!(place.store(Sealing::none()).save(&key("a"), &record("a", 0), 0), Ok(Written::Done));
    let plain = place.bytes();
    match place.only_new().seal_anew(APPLICATION) {
        Err(StorageError::Sealed { why: SealError::NotSealed, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(place.bytes(), plain);
}

/// Nothing that was saved meanwhile is lost, and no save is told of a conflict: two at once seal to and fro.
#[test]
fn programs_go_on_meanwhile() {
    let place = Place::new();
    let (one, key) = (place.store(new_and_old()), key(""));
    let other = place.store(Sealing::with(SealingKeys::new(of("older")).and_reading(of("new"))));
    let mut stored = record("1", 0);
    assert_eq!(one.save(&key, &stored, 0), Ok(Written::Done));
    let (is_done, sealed) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for store in [&one, &other] {
            scope.spawn(|| {
                while !is_done.load(Ordering::SeqCst) {
                    let count = store.seal_anew(APPLICATION).unwrap();
                    sealed.fetch_add(u32::try_from(count).unwrap(), Ordering::SeqCst);
                }
            });
        }
        // As a refresh does it, with room that was taken before.
        for number in 0..40 {
            let next = record(&number.to_string(), stored.generation());
            let mut lease = one.try_lock(&key, Lock::Refresh).unwrap().unwrap();
            let spend = Spend::new(stored.generation(), 4000);
            assert_eq!(one.reserve(&key, &mut lease, spend), Ok(true));
            assert_eq!(one.save(&key, &next, stored.generation()), Ok(Written::Done));
            one.release(&key, lease);
            stored = next;
            assert_eq!(loaded(&one, &key).as_ref(), Some(&stored));
        }
        is_done.store(true, Ordering::SeqCst);
    });
    assert!(sealed.into_inner() > 0, "nothing was sealed meanwhile");
}
