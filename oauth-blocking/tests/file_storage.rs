//! Stores of grants under threads, processes that are killed, damage, and files that are not theirs.
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::{
    FileTokenStorage, GrantQuery, Leases, Loaded, Lock, MemoryTokenStorage, Records, StorageError,
    TokenStorage, Written,
};

mod place;

use place::{
    APPLICATION, LONG, Place, URL, key, key_for, key_of, loaded, record, record_with, taken,
    waited_for, write,
};

#[test]
fn a_record_is_replaced_only_from_its_own_generation() {
    for (store, other) in pairs(&Place::new()) {
        assert_eq!(store.load(&key()), Ok(Loaded::Nothing));
        assert_eq!(store.save(&key(), &record(2), 1), Ok(Written::Conflict { stored: 0 }));
        assert_eq!(store.save(&key(), &record(1), 0), Ok(Written::Done));
        assert_eq!(other.save(&key(), &record(1), 0), Ok(Written::Conflict { stored: 1 }));
        assert_eq!(other.save(&key(), &record(3), 2), Ok(Written::Conflict { stored: 1 }));
        assert_eq!(other.load(&key()), loaded(1));
        assert_eq!(other.save(&key(), &record(2), 1), Ok(Written::Done));
        assert_eq!(store.load(&key()), loaded(2));
        assert_eq!(store.load(&key_of("work", URL)), Ok(Loaded::Nothing));
    }
}

#[test]
fn programs_that_share_a_store_do_not_see_each_others_grants() {
    for (store, other) in pairs(&Place::new()) {
        let keys = ["editor", "agent", ""].map(|application| key_for(application, "", URL));
        for (key, generation) in keys[..2].iter().zip(1..) {
            assert_eq!(store.save(key, &record(generation), 0), Ok(Written::Done));
        }
        for (key, generation) in keys[..2].iter().zip(1..) {
            assert_eq!(other.load(key), loaded(generation), "{key:?}");
            let grants = other.list_all(&GrantQuery::new(&key.application)).unwrap();
            assert!(matches!(&grants[..], [grant] if grant.key == *key), "{grants:?}");
        }
        assert_eq!(other.load(&keys[2]), Ok(Loaded::Nothing));
        assert_eq!(other.list_all(&GrantQuery::new("")), Ok(Vec::new()));
        let _held = taken(&*store, &keys[0], Lock::Refresh);
        assert!(other.try_lock(&keys[1], Lock::Refresh).unwrap().is_some());
        assert!(other.try_lock(&keys[0], Lock::Refresh).unwrap().is_none());
    }
}

#[test]
fn a_deleted_record_is_gone_for_everybody() {
    for (store, other) in pairs(&Place::new()) {
        assert_eq!(store.erase(&key()), Ok(()));
        assert_eq!(store.save(&key(), &record(1), 0), Ok(Written::Done));
        let tokens = store.load_tokens(APPLICATION, URL).unwrap().unwrap();
        assert_eq!(tokens.access_token.token(), "access-1");
        assert_eq!(other.delete_tokens(APPLICATION, URL), Ok(()));
        assert_eq!(store.load(&key()), Ok(Loaded::Nothing));
        assert_eq!(store.load_tokens(APPLICATION, URL), Ok(None));
        assert_eq!(store.save(&key(), &record(1), 0), Ok(Written::Done));
    }
}

#[test]
fn threads_lose_no_update() {
    for (store, other) in pairs(&Place::new()) {
        thread::scope(|scope| {
            for store in [&store, &other].into_iter().cycle().take(8) {
                scope.spawn(|| count_up(&**store, 20));
            }
        });
        assert_eq!(store.load(&key()), loaded(8 * 20));
    }
}

#[test]
fn a_lock_excludes_threads_until_it_is_dropped() {
    for (store, other) in pairs(&Place::new()) {
        for lock in [Lock::Refresh, Lock::Login, Lock::Client] {
            let guard = taken(&*store, &key(), lock);
            assert!(store.try_lock(&key(), lock).unwrap().is_none());
            thread::scope(|scope| {
                let held = scope.spawn(|| other.try_lock(&key(), lock).unwrap().is_none());
                assert!(held.join().unwrap());
                drop(guard);
                scope.spawn(|| drop(taken(&*other, &key(), lock)));
            });
        }
    }
}

#[test]
fn a_lock_excludes_no_other_purpose_key_or_save() {
    for (store, other) in pairs(&Place::new()) {
        let _refresh = taken(&*store, &key(), Lock::Refresh);
        in_time(move || {
            let _login = taken(&*other, &key(), Lock::Login);
            let _of_another_user = taken(&*other, &key_of("work", URL), Lock::Refresh);
            let _elsewhere = taken(&*other, &key_of("", "https://b.example/"), Lock::Refresh);
            assert_eq!(other.save(&key(), &record(1), 0), Ok(Written::Done));
            assert_eq!(other.erase(&key()), Ok(()));
        });
    }
}

#[test]
fn a_thread_that_panics_releases_its_lock() {
    for (store, other) in pairs(&Place::new()) {
        let panicked = thread::spawn(move || {
            let _guard = taken(&*other, &key(), Lock::Refresh);
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.join().is_err());
        drop(taken(&*store, &key(), Lock::Refresh));
    }
}

#[test]
fn debug_shows_no_token() {
    let store = MemoryTokenStorage::new();
    assert_eq!(store.save(&key(), &record(1), 0), Ok(Written::Done));
    let text = format!("{store:?}");
    assert!(text.contains("mcp.example.com") && !text.contains("access-1"), "{text}");
    assert!(!text.contains("refresh-1") && !text.contains("client-secret"), "{text}");
}

#[test]
fn a_file_can_be_read_by_people() {
    let place = Place::new();
    place.save(1);
    let text = fs::read_to_string(place.file()).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["server_url"], URL);
    assert_eq!(document["profile"], "");
    assert_eq!(document["application"], APPLICATION);
    assert_eq!(document["format"], 2);
    assert_eq!(document["record"]["generation"], 1);
    assert!(text.lines().count() > 10, "{text}");
}

#[test]
fn the_default_directory_is_the_programs() {
    for (application, expected) in
        [("My editor", "mcp-oauth/my-editor-b0dc1aba"), ("../..", "mcp-oauth/application-0cfd1c96")]
    {
        let store = FileTokenStorage::new(application).unwrap();
        assert!(store.directory().is_absolute(), "{store:?}");
        assert!(store.directory().ends_with(expected), "{store:?}");
    }
}

#[test]
fn reading_writes_nothing() {
    let place = Place::new();
    let missing = FileTokenStorage::in_dir(place.0.join("missing"));
    assert_eq!(missing.load(&key()), Ok(Loaded::Nothing));
    assert_eq!(missing.erase(&key()), Ok(()));
    assert!(!missing.directory().exists());
    place.save(1);
    let before = place.names();
    assert_eq!(place.store().load(&key()), loaded(1));
    assert_eq!(place.store().load(&key_of("work", URL)), Ok(Loaded::Nothing));
    assert_eq!(place.names(), before);
}

#[test]
fn names_are_portable_and_those_of_no_other_key() {
    let place = Place::new();
    let keys = [
        ("", "https://a.example/a/b"),
        ("", "https://a.example/a_b"),
        ("", "https://a.example/a%2Fb"),
        ("", "https://A.example/a/b"),
        ("", "https://a.example:8443/a/b"),
        ("", "http://a.example/a/b"),
        ("", "https://[::1]:80/"),
        ("", "https://con/"),
        ("", "https://bücher.example/?a=*|<>\"\\"),
        ("work", "https://a.example/a/b"),
        ("Work", "https://a.example/a/b"),
        ("../../x", "https://a.example/a/b"),
        ("xy", "https://a.example/a/b"),
        ("x", "yhttps://a.example/a/b"),
    ]
    .map(|(profile, url)| key_of(profile, url));
    let keys = keys.into_iter().chain([key_for("../../x", "", "https://a.example/a/b")]);
    let keys: Vec<_> = keys.collect();
    for (key, generation) in keys.iter().zip(1..) {
        assert_eq!(place.store().save(key, &record(generation), 0), Ok(Written::Done));
    }
    let locks = keys.iter().flat_map(|key| [(key, Lock::Login), (key, Lock::Refresh)]);
    let held: Vec<_> = locks.map(|(key, lock)| taken(&place.store(), key, lock)).collect();
    for (key, generation) in keys.iter().zip(1..) {
        assert_eq!(place.store().load(key), loaded(generation), "{key:?}");
    }
    let names = place.names();
    let locks = names.iter().filter(|name| name.ends_with(".lock")).count();
    assert!(locks >= held.len() && names.len() - locks == keys.len(), "{names:?}");
    let is_portable = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-./".contains(c);
    for name in names {
        assert!(name.len() < 100 && name.chars().all(is_portable), "{name}");
    }
}

#[test]
fn damage_is_kept_and_the_next_save_works() {
    let place = Place::new();
    place.save(1);
    let path = place.file();
    let good = fs::read_to_string(&path).unwrap();
    let spoilt = [
        String::new(),
        "{".into(),
        "[]".into(),
        "\0".repeat(good.len()),
        good[..good.len() / 2].into(),
        good.replace("\"record\"", "\"other\""),
        good.replace("\"generation\": 1", "\"generation\": -1"),
        good.replace("mcp.example.com/mcp\"", "other.example/\""),
        good.replace("\"profile\": \"\"", "\"profile\": \"work\""),
        good.replace("\"application\": \"test\"", "\"application\": \"other\""),
        good.replace("\"format\": 2", "\"format\": 1"),
        format!("{good}{}", " ".repeat(1 << 20)),
    ];
    for (count, spoilt) in (1..).zip(&spoilt) {
        write(&path, spoilt);
        let result = if count % 2 == 0 {
            place.store().load(&key())
        } else {
            // A save sets it aside too, and finds no record.
            let store = place.store();
            assert_eq!(store.save(&key(), &record(2), 1), Ok(Written::Conflict { stored: 0 }));
            write(&path, spoilt);
            store.load(&key())
        };
        let Ok(Loaded::Damaged { kept }) = result else {
            panic!("{spoilt:.100}: {result:?}");
        };
        assert_eq!(&fs::read_to_string(&*kept).unwrap(), spoilt);
        assert_eq!(place.store().load(&key()), Ok(Loaded::Nothing));
        assert_eq!(place.store().save(&key(), &record(1), 0), Ok(Written::Done));
    }
    let is_kept = |name: &&String| name.contains(".damaged-");
    assert_eq!(place.names().iter().filter(is_kept).count(), spoilt.len() * 3 / 2);
    assert_eq!(place.store().load(&key()), loaded(1));
}

#[test]
fn only_what_was_read_is_set_aside() {
    let place = Place::new();
    place.save(1);
    let good = fs::read_to_string(place.file()).unwrap();
    write(&place.file(), "damage");
    let path = place.file().with_extension("write.lock");
    write(&path, "");
    let writer = fs::File::open(path).unwrap();
    writer.lock().unwrap();
    let store = place.store();
    let reader = thread::spawn(move || store.load(&key()));
    thread::sleep(A_MOMENT);
    assert!(!reader.is_finished());
    write(&place.file(), &good);
    drop(writer);
    assert_eq!(reader.join().unwrap(), loaded(1));
    assert_eq!(place.store().load(&key()), loaded(1));
}

#[test]
fn damage_that_is_deleted_is_kept() {
    let place = Place::new();
    place.save(1);
    write(&place.file(), "damage");
    assert_eq!(place.store().erase(&key()), Ok(()));
    assert_eq!(place.store().load(&key()), Ok(Loaded::Nothing));
    let kept = place.names().into_iter().find(|name| name.contains(".damaged-1")).unwrap();
    assert_eq!(fs::read_to_string(place.0.join(kept)).unwrap(), "damage");
}

#[test]
fn what_a_later_version_wrote_is_left_as_it_is() {
    let place = Place::new();
    place.save(1);
    let path = place.file();
    for (text, found) in [
        (fs::read_to_string(&path).unwrap().replace("\"format\": 1", "\"format\": 3"), 3),
        (fs::read_to_string(&path).unwrap().replace("\"format\": 2", "\"format\": 4"), 4),
        (r#"{"profile":7,"record":{"format":3}}"#.into(), 3),
        (r#"{"format":4,"key_id":"a","generation":1,"sealed":"…"}"#.into(), 4),
    ] {
        fs::write(&path, &text).unwrap();
        let newer = StorageError::Newer { place: path.display().to_string().into(), found };
        assert_eq!(place.store().load(&key()), Err(newer.clone()));
        for expected in [0, 1] {
            let saved = place.store().save(&key(), &record(expected + 1), expected);
            assert_eq!(saved, Err(newer.clone()));
        }
        assert_eq!(place.store().erase(&key()), Err(newer));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let place = Place::new();
    place.save(1);
    let error = place.store().save(&key(), &record_with(2, &"x".repeat(1 << 20)), 1).unwrap_err();
    assert!(matches!(error, StorageError::Io { action: "write", .. }), "{error}");
    assert_eq!(place.store().load(&key()), loaded(1));
    assert!(!place.names().iter().any(|name| name.contains(".tmp-")));
}

#[test]
fn leftovers_of_killed_writers_are_deleted() {
    let place = Place::new();
    place.save(1);
    let leftover = place.file().with_extension("tmp-0123456789abcdef");
    let beside = |name: &str| place.file().with_file_name(name);
    // Of another grant, of one that is being written, and somebody's own.
    let hashes = ["1", "2"].map(|digit| digit.repeat(32));
    let of_another = beside(&format!("other-{}.tmp-0123456789abcdef", hashes[0]));
    let being_written = beside(&format!("other-{}.tmp-0123456789abcdef", hashes[1]));
    let own = beside("other.tmp-0123456789abcdef");
    let lock = beside(&format!("other-{}.write.lock", hashes[1]));
    write(&lock, "");
    let writer = fs::File::open(&lock).unwrap();
    writer.lock().unwrap();
    for path in [&leftover, &of_another, &being_written, &own] {
        write(path, "half");
    }
    let store = place.store();
    assert_eq!(store.save(&key(), &record(2), 1), Ok(Written::Done));
    let is_there = || [&leftover, &of_another, &being_written, &own].map(|path| path.exists());
    assert_eq!(is_there(), [false, false, true, true]);
    // Once, unless something is deleted.
    drop(writer);
    assert_eq!(store.save(&key(), &record(3), 2), Ok(Written::Done));
    assert_eq!(is_there(), [false, false, true, true]);
    write(&leftover, "half");
    assert_eq!(store.erase(&key()), Ok(()));
    assert_eq!(is_there(), [false, false, false, true]);
}

/// Two who find the lock free at once have it one after the other, although its file is deleted each
/// time.
#[test]
fn a_lock_excludes_threads_although_its_file_comes_and_goes() {
    const THREADS: u32 = 6;
    const TIMES: u32 = 100;
    for (store, other) in pairs(&Place::new()) {
        let (inside, times) = (AtomicU32::new(0), AtomicU32::new(0));
        let enter = || {
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two are inside");
            times.fetch_add(1, Ordering::SeqCst);
            assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
        };
        thread::scope(|scope| {
            for number in 0..THREADS {
                let store = [&store, &other][number as usize % 2];
                scope.spawn(move || {
                    for _ in 0..TIMES {
                        if number < THREADS / 2 {
                            let _guard = waited_for(&**store, &key(), Lock::Refresh);
                            enter();
                        } else if let Some(_guard) = store.try_lock(&key(), Lock::Refresh).unwrap()
                        {
                            enter();
                        }
                    }
                });
            }
        });
        assert!(times.load(Ordering::SeqCst) >= THREADS / 2 * TIMES);
    }
}

#[cfg(unix)]
#[test]
fn locks_do_not_stay_behind() {
    let place = Place::new();
    place.save(1);
    for lock in [Lock::Refresh, Lock::Login] {
        drop(taken(&place.store(), &key(), lock));
    }
    let mut child = Process::start("lock", &place.0);
    assert!(child.says("held"));
    let is_lock = |name: &&String| name.ends_with(".lock");
    assert_eq!(place.names().iter().filter(is_lock).count(), 1);
    child.kill();
    // What a killed process has left goes with the first save of another.
    assert_eq!(place.store().save(&key(), &record(2), 1), Ok(Written::Done));
    let names = place.names();
    assert!(names.len() == 1 && names.iter().all(|name| name.ends_with(".json")), "{names:?}");
}

fn is_in_the_way(error: &StorageError, path: &Path) -> bool {
    matches!(error, StorageError::NoDirectoryAt { path: named, .. } if named == path)
}

/// Permissions do not bind root, but nobody can make a directory below a file.
#[test]
fn a_directory_that_cannot_be_had_is_an_error() {
    let place = Place::new();
    fs::create_dir_all(&place.0).unwrap();
    let file = place.0.join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("tokens")] {
        let store = FileTokenStorage::in_dir(&path);
        for error in [
            store.load(&key()).unwrap_err(),
            store.try_lock(&key(), Lock::Refresh).map(drop).unwrap_err(),
            store.save(&key(), &record(1), 0).unwrap_err(),
            store.erase(&key()).unwrap_err(),
        ] {
            assert!(is_in_the_way(&error, &file), "{error}");
        }
    }
    assert!(file.is_file());
}

#[test]
fn a_lock_ends_with_its_process() {
    let place = Place::new();
    let store = place.store();
    let mut child = Process::start("lock", &place.0);
    assert!(child.says("held"));
    assert!(store.try_lock(&key(), Lock::Refresh).unwrap().is_none());
    child.kill();
    drop(waited_for(&store, &key(), Lock::Refresh));
}

#[test]
fn processes_lose_no_update() {
    let place = Place::new();
    let children: Vec<_> = (0..4).map(|_| Process::start("count", &place.0)).collect();
    for mut child in children {
        assert!(child.says("counted"));
    }
    assert_eq!(place.store().load(&key()), loaded(4 * 25));
}

#[test]
fn killed_writers_leave_a_whole_record() {
    let place = Place::new();
    let mut last = 0;
    for round in 0..20 {
        let mut child = Process::start("write", &place.0);
        assert!(child.says("written"));
        thread::sleep(Duration::from_millis(round * 7 % 10));
        child.kill();
        let Ok(Loaded::Record(stored)) = place.store().load(&key()) else {
            panic!("no whole record after round {round}");
        };
        assert!(stored.generation() > last);
        last = stored.generation();
    }
    assert_eq!(place.store().save(&key(), &record(last + 1), last), Ok(Written::Done));
    let names = place.names();
    assert!(
        !names.iter().any(|name| name.contains(".tmp-") || name.contains(".damaged-")),
        "{names:?}"
    );
}

/// What the processes do that the tests above start; nothing in an ordinary run.
#[test]
fn child_process() {
    let (Ok(job), Some(path)) = (std::env::var(JOB), std::env::var_os(PLACE)) else {
        return;
    };
    let store = FileTokenStorage::in_dir(path);
    match &*job {
        "lock" => {
            let _guard = taken(&store, &key(), Lock::Refresh);
            println!("held");
            // The end of the input means that the parent is gone.
            let _ = std::io::stdin().lines().count();
        }
        "count" => {
            count_up(&store, 25);
            println!("counted");
        }
        "full" => {
            let error = store.save(&key(), &record(2), 1).unwrap_err();
            println!("{error}");
        }
        "write" => {
            count_up(&store, 1);
            println!("written");
            let started = Instant::now();
            while started.elapsed() < LONG {
                count_up(&store, 1);
            }
        }
        _ => panic!("unknown job"),
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

    use super::*;
    use crate::place::{allow, names};

    #[test]
    fn directories_and_files_are_made_for_their_owner_only() {
        let place = Place::new();
        let store = FileTokenStorage::in_dir(place.0.join("parent/tokens"));
        assert_eq!(store.save(&key(), &record(1), 0), Ok(Written::Done));
        for path in [&place.0, &place.0.join("parent"), store.directory()] {
            assert_eq!(mode(path), 0o700, "{path:?}");
        }
        let held = [Lock::Refresh, Lock::Login].map(|lock| taken(&store, &key(), lock));
        let names = names(store.directory());
        assert_eq!(names.len(), 1 + held.len());
        assert_eq!(mode(place.file().parent().unwrap()), 0o700);
        for name in names {
            assert_eq!(mode(&store.directory().join(&name)), 0o600, "{name}");
        }
    }

    /// A limit on the size of files stands in for a full disk.
    #[test]
    fn a_failed_write_changes_and_leaves_nothing() {
        let place = Place::new();
        place.save(1);
        let mut limited = Command::new("sh");
        let script = r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#;
        limited.args(["-c", script]).arg(std::env::current_exe().unwrap());
        let mut child = Process::run(&mut limited, "full", &place.0);
        assert!(child.says("cannot write"));
        assert_eq!(place.store().load(&key()), loaded(1));
        let names = place.names();
        assert!(!names.iter().any(|name| name.contains(".tmp-")), "{names:?}");
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        for mode in [0o750, 0o701, 0o720, 0o777] {
            let place = Place::new();
            place.save(1);
            allow(&place.0, mode);
            refuses_everything(&place.store(), "chmod 700");
            allow(&place.0, 0o700);
            assert_eq!(place.store().load(&key()), loaded(1));
        }
    }

    #[test]
    fn a_directory_that_is_a_link_is_refused() {
        let place = Place::new();
        place.save(1);
        let link = place.0.join("link");
        symlink(&place.0, &link).unwrap();
        for path in [link.clone(), link.join(""), link.join(".")] {
            refuses_everything(&FileTokenStorage::in_dir(path), "symbolic link");
        }
    }

    /// A disk that is not mounted: nobody is told that they have never logged in, and nothing is made there.
    #[test]
    fn a_directory_below_a_link_that_leads_nowhere_is_an_error() {
        let place = Place::new();
        fs::create_dir_all(&place.0).unwrap();
        let link = place.0.join("link");
        symlink(place.0.join("missing"), &link).unwrap();
        for path in [link.join("tokens"), link.join("a/b/tokens")] {
            let store = FileTokenStorage::in_dir(path);
            for error in [
                store.load(&key()).unwrap_err(),
                store.list_all(&GrantQuery::new("test")).unwrap_err(),
                store.try_lock(&key(), Lock::Login).map(drop).unwrap_err(),
                store.save(&key(), &record(1), 0).unwrap_err(),
            ] {
                assert!(is_in_the_way(&error, &link), "{error}");
                assert!(error.advice().contains("mount the disk"), "{}", error.advice());
            }
        }
        fs::create_dir(place.0.join("missing")).unwrap();
        let store = FileTokenStorage::in_dir(link.join("a/b/tokens"));
        assert_eq!(store.save(&key(), &record(1), 0), Ok(Written::Done));
    }

    /// Links in a circle lead nowhere either.
    #[test]
    fn a_directory_below_links_in_a_circle_is_an_error() {
        let place = Place::new();
        fs::create_dir_all(&place.0).unwrap();
        let [one, other] = ["one", "other"].map(|name| place.0.join(name));
        symlink(&one, &other).unwrap();
        symlink(&other, &one).unwrap();
        let error =
            FileTokenStorage::in_dir(one.join("a")).save(&key(), &record(1), 0).unwrap_err();
        assert!(matches!(error, StorageError::Io { .. }), "{error}");
    }

    /// Only root can give a directory away: this tests nothing for others.
    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let place = Place::new();
        place.save(1);
        let own = fs::metadata(&place.0).unwrap().uid();
        let somebody = Some(own + 1);
        if chown(&place.0, somebody, None).is_ok() {
            refuses_everything(&place.store(), "another user");
            chown(&place.0, Some(own), None).unwrap();
            chown(place.file(), somebody, None).unwrap();
            refuses_record(&place.store(), "another user");
        }
    }

    #[test]
    fn a_record_that_others_can_read_is_refused() {
        let place = Place::new();
        place.save(1);
        allow(&place.file(), 0o640);
        refuses_record(&place.store(), "chmod 600");
        allow(&place.file(), 0o600);
        assert_eq!(place.store().load(&key()), loaded(1));
    }

    #[test]
    fn a_record_that_is_no_regular_file_is_refused() {
        let place = Place::new();
        place.save(1);
        let (path, moved) = (place.file(), place.0.join("moved"));
        fs::rename(&path, &moved).unwrap();
        let before = fs::read(&moved).unwrap();
        symlink(&moved, &path).unwrap();
        refuses_record(&place.store(), "symbolic link");
        fs::remove_file(&path).unwrap();
        symlink(place.0.join("missing"), &path).unwrap();
        refuses_record(&place.store(), "symbolic link");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        refuses_record(&place.store(), "no regular file");
        fs::remove_dir(&path).unwrap();
        if Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().is_ok() {
            let store = place.store();
            in_time(move || refuses_record(&store, "no regular file"));
        }
        assert_eq!(fs::read(&moved).unwrap(), before);
    }

    #[test]
    fn a_lock_that_is_a_link_is_refused() {
        let place = Place::new();
        place.save(1);
        let target = place.0.join("target");
        symlink(&target, place.file().with_extension("refresh.lock")).unwrap();
        let error = place.store().try_lock(&key(), Lock::Refresh).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        assert!(!target.exists());
    }

    fn refuses_everything(store: &FileTokenStorage, why: &str) {
        refuses_record(store, why);
        let error = store.try_lock(&key(), Lock::Refresh).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }

    fn refuses_record(store: &FileTokenStorage, why: &str) {
        for error in [
            store.load(&key()).unwrap_err(),
            store.save(&key(), &record(2), 1).unwrap_err(),
            store.erase(&key()).unwrap_err(),
        ] {
            assert!(matches!(error, StorageError::Insecure { .. }), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }
}

/// This file again, as a process that can be killed.
struct Process(Child, Receiver<String>);

impl Process {
    fn start(job: &str, place: &Path) -> Self {
        Self::run(&mut Command::new(std::env::current_exe().unwrap()), job, place)
    }

    fn run(command: &mut Command, job: &str, place: &Path) -> Self {
        let mut child = command
            .args(["child_process", "--exact", "--nocapture"])
            .env(JOB, job)
            .env(PLACE, place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self(child, lines)
    }

    fn says(&mut self, word: &str) -> bool {
        while let Ok(line) = self.1.recv_timeout(LONG) {
            if line.contains(word) {
                return true;
            }
        }
        false
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

type Pair = (Box<dyn TokenStorage>, Box<dyn TokenStorage>);

/// Each store, seen from two places.
fn pairs(place: &Place) -> [Pair; 2] {
    let memory = MemoryTokenStorage::new();
    [
        (Box::new(memory.clone()), Box::new(memory)),
        (Box::new(place.store()), Box::new(place.store())),
    ]
}

/// Replaces the record by its successor that many times, however often somebody else is faster.
fn count_up(store: &dyn TokenStorage, times: u32) {
    for _ in 0..times {
        loop {
            let stored = match store.load(&key()).unwrap() {
                Loaded::Record(record) => record.generation(),
                Loaded::Nothing => 0,
                damaged @ Loaded::Damaged { .. } => panic!("{damaged:?}"),
            };
            if store.save(&key(), &record(stored + 1), stored).unwrap() == Written::Done {
                break;
            }
        }
    }
}

/// Fails instead of waiting for ever.
fn in_time(test: impl FnOnce() + Send + 'static) {
    let (sender, done) = channel();
    let thread = thread::spawn(move || {
        test();
        let _ = sender.send(());
    });
    assert!(done.recv_timeout(LONG).is_ok(), "it failed or waits for something");
    thread.join().unwrap();
}

/// Long enough for a thread that is not excluded to show.
const A_MOMENT: Duration = Duration::from_millis(150);

const JOB: &str = "MCP_OAUTH_TEST_JOB";
const PLACE: &str = "MCP_OAUTH_TEST_PLACE";
