//! Records that are encrypted in their files: by clients over sockets, and with files that were moved, put back or
//! sealed with another key.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{
    Events, LIST, assert_sound, builder, call, client, expire, key, logged_in, logins, refreshes,
    serve, stored, visitor,
};
use oauth_blocking::oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_blocking::{
    Error, FileTokenStorage, GrantQuery, Key, Leases as _, Loaded, Lock, Records as _, Spend,
    StorageError, TokenStorage as _, Written,
};
use oauth_tests::files;
use oauth_tests::world::Knobs;

/// A directory that is gone with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("mcp-oauth-sealed-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn plain(&self) -> FileTokenStorage {
        FileTokenStorage::in_dir(&self.0)
    }

    fn sealed(&self) -> FileTokenStorage {
        self.plain().sealed(Sealing::with(SealingKeys::new(new_key())))
    }

    /// The files of grants.
    fn grants(&self) -> Vec<PathBuf> {
        let mut all = files::below(&self.0);
        all.retain(|path| {
            path.extension().is_some_and(|end| end == "json") && files::is_grant(path)
        });
        all
    }

    fn grant(&self) -> PathBuf {
        let mut grants = self.grants();
        assert_eq!(grants.len(), 1, "{grants:?}");
        grants.remove(0)
    }

    fn holds(&self, secret: &str) -> bool {
        let all = files::below(&self.0);
        all.iter().any(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).contains(secret))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn new_key() -> SealingKey {
    SealingKey::new("2027", &[7; 32]).unwrap()
}

fn old_key() -> SealingKey {
    SealingKey::new("2026", &[6; 32]).unwrap()
}

/// Why a record is not read.
fn refused(store: &FileTokenStorage, key: &Key) -> SealError {
    match store.load(key) {
        Err(StorageError::Sealed { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_secret_is_found_in_the_directory() {
    for is_sealed in [false, true] {
        let (served, place) = (serve(Knobs::default()), Place::new());
        let store = || if is_sealed { place.sealed() } else { place.plain() };
        assert_eq!(call(&logged_in(&served, &store()), &served, LIST).unwrap(), 200);
        expire(&store(), &key(&served));
        assert_eq!(call(&client(&served, &store()), &served, LIST).unwrap(), 200);
        assert_eq!((logins(&served), refreshes(&served)), (0, 1));
        let record = stored(&store(), &key(&served)).unwrap();
        let tokens = record.tokens().unwrap();
        let refresh_token = tokens.refresh_token.as_ref().unwrap().expose().to_owned();
        let access_token = tokens.access_token.token().to_owned();
        for secret in [refresh_token, access_token] {
            assert_ne!(place.holds(&secret), is_sealed, "{secret}");
        }
        assert_sound(&served);
    }
}

#[test]
fn plain_records_are_read_and_sealed_at_the_next_save() {
    let (served, place) = (serve(Knobs::default()), Place::new());
    drop(logged_in(&served, &place.plain()));
    let plain = fs::read(place.grant()).unwrap();
    assert_eq!(call(&client(&served, &place.sealed()), &served, LIST).unwrap(), 200);
    assert_eq!(fs::read(place.grant()).unwrap(), plain, "to read is not to write");
    expire(&place.sealed(), &key(&served));
    assert_eq!(call(&client(&served, &place.sealed()), &served, LIST).unwrap(), 200);
    let only = || place.plain().sealed(Sealing::only(SealingKeys::new(new_key())));
    assert!(matches!(only().load(&key(&served)), Ok(Loaded::Record(_))));
    fs::write(place.grant(), plain).unwrap();
    assert_eq!(refused(&only(), &key(&served)), SealError::NotSealed);
    assert_eq!((logins(&served), refreshes(&served)), (0, 1));
}

/// Nor do they log in, or set the record aside.
#[test]
fn who_has_no_key_or_another_one_is_told_so() {
    let (served, place) = (serve(Knobs::default()), Place::new());
    drop(logged_in(&served, &place.sealed()));
    let sealed = fs::read(place.grant()).unwrap();
    let wrong = SealingKey::new("2027", &[8; 32]).unwrap();
    let key_id = || "2027".into();
    for (store, why) in [
        (place.plain(), SealError::NoSeal { key_id: key_id() }),
        (
            place.plain().sealed(Sealing::with(SealingKeys::new(old_key()))),
            SealError::UnknownKey { key_id: key_id() },
        ),
        (
            place.plain().sealed(Sealing::with(SealingKeys::new(wrong))),
            SealError::Wrong { key_id: key_id() },
        ),
    ] {
        assert_eq!(refused(&store, &key(&served)), why);
        let events = Events::default();
        let oauth = events.watch(builder(&served, &store).user_agent(visitor())).build().unwrap();
        match call(&oauth, &served, LIST).unwrap_err() {
            Error::Storage(error @ StorageError::Sealed { .. }) => {
                assert!(!error.is_retryable());
                assert!(error.to_string().contains("2027"), "{error}");
                assert_eq!(error.advice(), why.advice());
            }
            other => panic!("{other:?}"),
        }
        let record = stored(&place.sealed(), &key(&served)).unwrap();
        let unread = |result: Result<Written, StorageError>| {
            assert!(matches!(result, Err(StorageError::Sealed { .. })), "{result:?}");
        };
        unread(store.save(&key(&served), &record, record.generation()));
        unread(store.delete(&key(&served), record.generation()));
        assert!(matches!(
            store.list(&GrantQuery::new(&key(&served).application)),
            Err(StorageError::Sealed { .. })
        ));
    }
    assert_eq!(fs::read(place.grant()).unwrap(), sealed);
    assert_eq!(logins(&served), 0);
}

#[test]
fn several_keys_read_and_one_writes() {
    let (served, place) = (serve(Knobs::default()), Place::new());
    let old = || place.plain().sealed(Sealing::with(SealingKeys::new(old_key())));
    let both =
        || place.plain().sealed(Sealing::with(SealingKeys::new(new_key()).and_reading(old_key())));
    drop(logged_in(&served, &old()));
    expire(&old(), &key(&served));
    assert_eq!(call(&client(&served, &both()), &served, LIST).unwrap(), 200);
    assert!(matches!(place.sealed().load(&key(&served)), Ok(Loaded::Record(_))));
    assert_eq!(refused(&old(), &key(&served)), SealError::UnknownKey { key_id: "2027".into() });
    assert_eq!((logins(&served), refreshes(&served)), (0, 1));
}

/// Whoever can write into the directory gives a user nobody else's grant.
#[test]
fn a_record_that_was_moved_or_changed_is_refused() {
    let (served, place) = (serve(Knobs::default()), Place::new());
    drop(logged_in(&served, &place.sealed()));
    let victim = key(&served);
    let thief = Key { profile: "mallory".into(), ..victim.clone() };
    let from = place.grant();
    let record = stored(&place.sealed(), &victim).unwrap();
    assert_eq!(place.sealed().save(&thief, &record, 0), Ok(Written::Done));
    let to = place.grants().into_iter().find(|path| *path != from).unwrap();
    let text = fs::read_to_string(&from).unwrap();
    let profile = format!("\"profile\": {:?}", &*victim.profile);
    let moved = text.replace(&profile, "\"profile\": \"mallory\"");
    assert_ne!(moved, text);
    fs::write(&to, moved).unwrap();
    let wrong = || SealError::Wrong { key_id: "2027".into() };
    assert_eq!(refused(&place.sealed(), &thief), wrong());

    // Its number stands in front of the seal, and counts.
    let (before, sealed) = text.split_once("\"sealed\": \"").unwrap();
    let changed = format!("{before}\"sealed\": \"{}", with_another_generation(sealed));
    fs::write(&from, changed).unwrap();
    assert_eq!(refused(&place.sealed(), &victim), wrong());
    fs::write(&from, text).unwrap();
    assert!(matches!(place.sealed().load(&victim), Ok(Loaded::Record(_))));
}

/// The header is 5 bytes of a mark, 2 of a format and a purpose, and 8 of the generation: 20 digits of base64 in all.
fn with_another_generation(sealed: &str) -> String {
    let (header, rest) = sealed.split_at(16);
    let other = if &header[14..] == "AA" { "BB" } else { "AA" };
    format!("{}{other}{rest}", &header[..14])
}

/// The room that is taken before a token is spent does for a sealed record.
#[test]
fn there_is_room_for_a_sealed_record() {
    let (served, place) = (serve(Knobs::default()), Place::new());
    drop(logged_in(&served, &place.sealed()));
    let (store, key) = (place.sealed(), key(&served));
    let record = stored(&store, &key).unwrap();
    let mut lease = store.try_lock(&key, Lock::Refresh).unwrap().unwrap();
    let room = 40_000;
    let spend = Spend::new(record.generation(), room);
    assert_eq!(store.reserve(&key, &mut lease, spend), Ok(true));
    let spending = files::below(&place.0)
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "spending"));
    let reserved = fs::metadata(spending.unwrap()).unwrap().len();
    assert!(reserved >= room as u64 * 4 / 3, "{reserved}");
}
