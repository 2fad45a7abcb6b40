//! A store with one grant, and what is done with it.

use std::fs;
use std::sync::LazyLock;

use oauth_core::client::{Lease, Leases, Loaded, Records, StorageError, TokenStorage, Written};
use oauth_core::session::{Key, Lock, Record, Spend};

use super::{FIXTURE, Place, numbered};
use crate::storage::file::name::Name;
use crate::storage::file::slot::Slot;
use crate::storage::file::{FileTokenStorage, document};

pub(super) fn key() -> Key {
    Key::grant("test", "", "https://mcp.example.com/mcp")
}

/// A store with the record of generation 7.
pub(super) fn stored(place: &Place) -> (FileTokenStorage, Record) {
    let record = document::read_former(&key(), &fs::read(FIXTURE).unwrap()).unwrap();
    let store = FileTokenStorage::in_dir(&place.0);
    assert_eq!(store.save(&key(), &numbered(&record, 7), 0), Ok(Written::Done));
    (store, record)
}

/// What a refresh brings.
pub(super) fn refreshed(record: &Record, generation: u64) -> Record {
    let text = numbered(record, generation).to_json();
    let text = text.replace("\"access-7\"", &format!("\"access-{generation}\""));
    Record::from_json(text.as_bytes()).unwrap()
}

pub(super) fn slot(store: &FileTokenStorage) -> Slot<'_> {
    static KEY: LazyLock<Key> = LazyLock::new(key);
    store.slot(&KEY, Name::of(&KEY))
}

pub(super) fn generation(store: &FileTokenStorage) -> u64 {
    match store.load(&key()) {
        Ok(Loaded::Record(record)) => record.generation(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn locked(store: &FileTokenStorage) -> Lease {
    store.try_lock(&key(), Lock::Refresh).unwrap().expect("nobody has it")
}

pub(super) fn reserved(store: &FileTokenStorage) -> Lease {
    reserve(store, locked(store)).unwrap().expect("nobody took it")
}

/// The lease, if it is held and there is room.
pub(super) fn reserve(
    store: &FileTokenStorage,
    mut lease: Lease,
) -> Result<Option<Lease>, StorageError> {
    let stored = store.load(&key())?;
    let Loaded::Record(record) = stored else { panic!("{stored:?}") };
    let spend = Spend::new(record.generation(), ROOM);
    Ok(store.reserve(&key(), &mut lease, spend)?.then_some(lease))
}

pub(super) fn names(place: &Place) -> Vec<String> {
    let shards = fs::read_dir(&place.0).unwrap().map(|shard| shard.unwrap().path());
    let files = shards.flat_map(|shard| fs::read_dir(shard).unwrap());
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

/// What is there but the record.
pub(super) fn left_over(place: &Place) -> Vec<String> {
    names(place).into_iter().filter(|name| !name.ends_with(".json")).collect()
}

/// How much a refresh reserves, in bytes.
pub(super) const ROOM: usize = 20 << 10;
