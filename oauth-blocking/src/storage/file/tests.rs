//! What is done for one grant, counted.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::fs;
use std::time::Duration;

use oauth_core::client::{GrantQuery, Leases, Loaded, Records, StorageError, Written};
use oauth_core::session::{Key, Lock, Record};

use super::held::Held;
use super::{FileTokenStorage, document};

#[cfg(unix)]
pub(super) mod disk;
#[cfg(not(unix))]
#[path = "tests/sound_disk.rs"]
pub(super) mod disk;
#[cfg(unix)]
mod in_the_way;
#[cfg(unix)]
mod spending;
#[cfg(unix)]
mod stage;

/// What this thread has asked the file system for.
pub(super) mod counts {
    use std::cell::Cell;

    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub(in super::super) struct Counts {
        pub(in super::super) directories_read: u32,
        pub(in super::super) files_opened: u32,
    }

    thread_local! {
        static COUNTS: Cell<Counts> = Cell::default();
    }

    pub(in super::super) fn directory_read() {
        let counts = COUNTS.get();
        COUNTS.set(Counts { directories_read: counts.directories_read + 1, ..counts });
    }

    pub(in super::super) fn file_opened() {
        let counts = COUNTS.get();
        COUNTS.set(Counts { files_opened: counts.files_opened + 1, ..counts });
    }

    /// Since the last time.
    pub(in super::super) fn taken() -> Counts {
        COUNTS.take()
    }
}

#[test]
fn a_grant_costs_the_same_however_many_there_are() {
    let alone = cost_beside(0);
    assert_eq!(alone.map(|counts| counts.directories_read), [1, 0, 0, 0]);
    assert_eq!(cost_beside(600), alone);
}

/// Of a first save, and of a load, a lock and another save.
fn cost_beside(others: u64) -> [counts::Counts; 4] {
    let place = Place::new(if others == 0 { "alone" } else { "many" });
    let text = fs::read(FIXTURE).unwrap();
    let key = |profile: String| Key::grant("test", &profile, "https://mcp.example.com/mcp");
    let record = document::read_former(&key(String::new()), &text).unwrap();
    let store = FileTokenStorage::in_dir(&place.0);
    for number in 1..=others {
        // Written without the wait for the disk that a save ends with.
        let key = key(number.to_string());
        let slot = store.made(&key, super::Name::of(&key)).unwrap();
        fs::write(slot.record(), &text).unwrap();
    }
    let key = key(String::new());
    let (first, second) = (numbered(&record, 7), numbered(&record, 8));
    counts::taken();
    let mut counted = [counts::Counts::default(); 4];
    assert_eq!(store.save(&key, &first, 0), Ok(Written::Done));
    counted[0] = counts::taken();
    assert!(matches!(store.load(&key), Ok(Loaded::Record(_))));
    counted[1] = counts::taken();
    drop(store.try_lock(&key, Lock::Refresh).unwrap().unwrap());
    counted[2] = counts::taken();
    assert_eq!(store.save(&key, &second, 7), Ok(Written::Done));
    counted[3] = counts::taken();
    counted
}

/// Pieces that begin with 32 bytes were nine calls of the system for each of the four looks of a refresh.
#[cfg(target_os = "linux")]
#[test]
fn a_record_is_read_at_once() {
    let place = Place::new("reads");
    let text = fs::read(FIXTURE).unwrap();
    let key = Key::grant("test", "", "https://mcp.example.com/mcp");
    let record = document::read_former(&key, &text).unwrap();
    let store = FileTokenStorage::in_dir(&place.0);
    assert_eq!(store.save(&key, &record, 0), Ok(Written::Done));
    let reads = || {
        let counted = fs::read_to_string("/proc/thread-self/io").unwrap();
        let count = counted.lines().find_map(|line| line.strip_prefix("syscr: "));
        count.unwrap().parse::<u64>().unwrap()
    };
    let [before, of_counting] = [reads(), reads()];
    assert!(matches!(store.load(&key), Ok(Loaded::Record(_))));
    let own = reads() - of_counting - (of_counting - before);
    // The second one finds the end.
    assert_eq!(own, 2);
}

#[test]
fn a_list_opens_each_record_once() {
    let place = Place::new("list");
    let text = fs::read(FIXTURE).unwrap();
    let key =
        |profile: u32| Key::grant("test", &profile.to_string(), "https://mcp.example.com/mcp");
    let record = document::read_former(&Key::grant("test", "", &key(0).server_url), &text).unwrap();
    let store = FileTokenStorage::in_dir(&place.0);
    (0..50).for_each(|number| {
        assert_eq!(store.save(&key(number), &record, 0), Ok(Written::Done));
    });
    counts::taken();
    let page = store.list(&GrantQuery::new("test")).unwrap();
    let counted = counts::taken();
    assert_eq!((page.grants.len(), counted.files_opened), (50, 50));
    assert!(counted.directories_read <= 51, "{counted:?}");
}

#[test]
fn a_lock_that_is_not_released_is_an_error_after_a_while() {
    let place = Place::new("stopped");
    fs::create_dir_all(&place.0).unwrap();
    let path = place.0.join("lock");
    let held = Held::at_once(&path).unwrap().unwrap();
    let error = Held::within(&path, Duration::from_millis(30)).unwrap_err();
    assert!(
        matches!(&error, StorageError::Busy { place, .. } if **place == *path.to_str().unwrap()),
        "{error}"
    );
    assert!(error.is_retryable());
    drop(held);
    assert!(Held::within(&path, Duration::ZERO).is_ok());
}

/// Somebody opens the file, its lock is released and the file deleted, another locks a new one: now the
/// first has a lock that keeps nobody out.
#[cfg(unix)]
#[test]
fn the_lock_of_a_deleted_file_is_none() {
    use super::{held::Taken, private};

    let place = Place::new("deleted");
    fs::create_dir_all(&place.0).unwrap();
    let path = place.0.join("lock");
    let (mut before, mut after) = (Held::at_once(&path).unwrap(), None);
    let taken = Held::take(&path, false, |path| {
        let file = private::make_lock(path)?;
        if before.take().is_some() {
            assert!(!path.exists());
            after = Held::at_once(path)?;
        }
        Ok(Some(file))
    });
    assert!(after.is_some());
    assert!(matches!(taken, Ok(Taken::ByAnother)), "{taken:?}");
    assert!(path.exists(), "it is another's");
}

fn numbered(record: &Record, generation: u64) -> Record {
    let text = record.to_json();
    let number = format!("\"generation\":{}", record.generation());
    let text = text.replace(&number, &format!("\"generation\":{generation}"));
    Record::from_json(text.as_bytes()).unwrap()
}

/// A directory of its own, gone with the test.
struct Place(std::path::PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("mcp-oauth-counts-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/first_versions/mcp-example-com-126f59b99d969cc31cde56e6ebe421f4.json"
);
