//! One call of the store, or one thing done by hand, made often: here and in a process whose system calls are counted.

use std::path::Path;
use std::process::exit;

use oauth_blocking::{Leases as _, Records as _, TokenStorage as _};
use oauth_core::session::{Lock, Spend};
use oauth_tokio::{FileTokenStorage, Loaded, Written};

use crate::directory::{SERVER, key, record};
use crate::hand;

/// What is done to a directory, so many times.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Whether it reads the names in one of the directories.
    pub(crate) lists: bool,
    /// The store's way, and the same by hand.
    pub(crate) sides: [Side; 2],
}

/// Prepares something in a directory, and hands back what is measured.
pub(crate) type Side = fn(&Path) -> Box<dyn FnMut()>;

/// All of them. The grants that they use are the first one's, which is always there.
pub(crate) const OPERATIONS: [Operation; 6] = [
    Operation { name: "load", lists: false, sides: [load, hand::read] },
    Operation { name: "save", lists: false, sides: [save, hand::replace] },
    Operation { name: "lock, unlock", lists: false, sides: [lock, hand::lock] },
    Operation { name: "the turns of a refresh", lists: false, sides: [refresh, hand::refresh] },
    Operation { name: "first save of a store", lists: true, sides: [first_save, hand::replace] },
    Operation {
        name: "save a new grant, delete it",
        lists: true,
        sides: [save_and_delete, hand::make_and_delete],
    },
];

/// In a process that was started to be counted: does it and ends. In any other process, returns.
pub(crate) fn run_as_child(arguments: &[String]) {
    let [flag, name, side, directory, count] = arguments else { return };
    if flag != CHILD {
        return;
    }
    let operation = OPERATIONS.iter().find(|operation| operation.name == name);
    let side: usize = side.parse().expect("the side is a number");
    let mut run = operation.expect("an operation has this name").sides[side](directory.as_ref());
    let count: usize = count.parse().expect("the count is a number");
    // The first time, directories are made and swept.
    (0..=count).for_each(|_| run());
    exit(0)
}

pub(crate) const CHILD: &str = "--operation";

fn load(directory: &Path) -> Box<dyn FnMut()> {
    let (store, key) = (store(directory), key(0, SERVER));
    Box::new(move || assert!(matches!(store.load(&key), Ok(Loaded::Record(_)))))
}

fn save(directory: &Path) -> Box<dyn FnMut()> {
    let (store, key, mut records) = (store(directory), key(0, SERVER), [record(0), record(1)]);
    put(&store);
    Box::new(move || {
        let [stored, next] = &records;
        assert_eq!(store.save(&key, next, stored.generation()), Ok(Written::Done));
        records.reverse();
    })
}

fn lock(directory: &Path) -> Box<dyn FnMut()> {
    let (store, key) = (store(directory), key(0, SERVER));
    Box::new(move || {
        let lease = store.try_lock(&key, Lock::Refresh).expect("the store works");
        store.release(&key, lease.expect("nobody has it"));
    })
}

/// As a client asks: is it there, may I, is it still there, is there room; and then what the server has answered.
fn refresh(directory: &Path) -> Box<dyn FnMut()> {
    let (store, key, mut records) = (store(directory), key(0, SERVER), [record(0), record(1)]);
    put(&store);
    let room = 2 * records[1].to_json().len();
    Box::new(move || {
        let [stored, next] = &records;
        let generation = stored.generation();
        assert!(matches!(store.load(&key), Ok(Loaded::Record(_))));
        let lease = store.try_lock(&key, Lock::Refresh).expect("the store works");
        let mut lease = lease.expect("nobody has it");
        assert!(matches!(store.load(&key), Ok(Loaded::Record(_))));
        assert_eq!(store.reserve(&key, &mut lease, Spend::new(generation, room)), Ok(true));
        assert_eq!(store.save(&key, next, generation), Ok(Written::Done));
        store.release(&key, lease);
        records.reverse();
    })
}

/// As in a program that was just started.
fn first_save(path: &Path) -> Box<dyn FnMut()> {
    let (key, record) = (key(0, SERVER), record(0));
    put(&store(path));
    let path = path.to_owned();
    Box::new(move || {
        let saved = store(&path).save(&key, &record, record.generation());
        assert_eq!(saved, Ok(Written::Done));
    })
}

fn save_and_delete(directory: &Path) -> Box<dyn FnMut()> {
    let (store, key, record) = (store(directory), key(NOBODYS, SERVER), record(0));
    Box::new(move || {
        assert_eq!(store.save(&key, &record, 0), Ok(Written::Done));
        assert_eq!(store.delete(&key, record.generation()), Ok(Written::Done));
    })
}

fn store(directory: &Path) -> FileTokenStorage {
    FileTokenStorage::in_dir(directory)
}

/// Sees that the first grant is the one that is expected: another process has one of its own.
fn put(store: &FileTokenStorage) {
    let (key, record) = (key(0, SERVER), record(0));
    let stored = store.load(&key).expect("the store works").generation();
    assert_eq!(store.save(&key, &record, stored), Ok(Written::Done));
}

/// A number that no user has.
const NOBODYS: usize = 1 << 40;
