//! The file store over sockets: restarts, damage, and directories that cannot be used.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{
    Events, HOUR, LIST, assert_sound, builder, call, client, expire, key, logged_in, logins,
    refreshes, serve, statuses, stored_token,
};
use oauth_blocking::{Error, FileTokenStorage, OAuth, StorageError};
use oauth_tests::files;
use oauth_tests::world::Knobs;

/// A directory that is gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("mcp-oauth-e2e-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> FileTokenStorage {
        FileTokenStorage::in_dir(self.tokens())
    }

    fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    /// The files that end like this.
    fn files(&self, end: &str) -> Vec<PathBuf> {
        let paths = files::below(&self.tokens()).into_iter();
        paths.filter(|path| path.to_str().unwrap().ends_with(end)).collect()
    }

    /// The record of the only grant.
    fn record(&self) -> PathBuf {
        let mut records = self.files(".json");
        records.retain(|path| files::is_grant(path));
        assert_eq!(records.len(), 1, "{records:?}");
        records[0].clone()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn storage_error<T: std::fmt::Debug>(result: Result<T, Error>) -> StorageError {
    match result.unwrap_err() {
        Error::Storage(error) => error,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_restart_with_a_valid_token_costs_no_oauth_request() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(logged_in(&served, &directory.store()));
    served.world().knobs.metadata_off = true;
    let oauth = client(&served, &directory.store());
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(served.world().log.len(), 1);
    assert_sound(&served);
}

#[test]
fn a_restart_with_an_expired_token_costs_one_refresh() {
    for known in [false, true] {
        let (served, directory) = (serve(Knobs::default()), Directory::new());
        drop(logged_in(&served, &directory.store()));
        served.world().knobs.metadata_off = true;
        served.advance(HOUR);
        if known {
            expire(&directory.store(), &key(&served));
        }
        let oauth = client(&served, &directory.store());
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
        // By the clock of this machine it was issued just now, so it is given a moment.
        let calls: &[u16] = if known { &[200] } else { &[401, 401, 200] };
        assert_eq!(statuses(&served, LIST), calls);
        assert_eq!(served.world().oauth_requests(), 1);
        assert_eq!(refreshes(&served), 1);
        assert_sound(&served);
    }
}

#[test]
fn a_damaged_file_is_kept_aside_and_the_login_goes_on() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(logged_in(&served, &directory.store()));
    let record = directory.record();
    for (count, damage) in [&b"{\"format\": 1, "[..], b"", b"\xff\xfe"].into_iter().enumerate() {
        std::fs::write(&record, damage).unwrap();
        let events = Events::default();
        let oauth = events.watch(builder(&served, &directory.store())).build().unwrap();
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
        let kept = directory
            .files("")
            .into_iter()
            .filter(|path| path.to_str().unwrap().contains("damaged"))
            .collect::<Vec<_>>();
        assert_eq!(kept.len(), count + 1, "{kept:?}");
        let told: Vec<_> =
            events.names().into_iter().filter(|name| name.starts_with("damaged")).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        let told = Path::new(told[0].strip_prefix("damaged ").unwrap());
        assert_eq!(std::fs::read(told).unwrap(), damage);
        assert_eq!(logins(&served), count + 1);
        assert!(stored_token(&directory.store(), &key(&served)).is_some());
    }
    assert_sound(&served);
}

#[test]
fn a_directory_that_cannot_be_made_is_found_before_the_browser_opens() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let file = directory.0.join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("tokens");
    let events = Events::default();
    let oauth = events.watch(builder(&served, &FileTokenStorage::in_dir(&below))).build().unwrap();
    for result in [oauth.authenticate().map(drop), call(&oauth, &served, LIST).map(drop)] {
        match storage_error(result) {
            StorageError::NoDirectoryAt { path, .. } => assert_eq!(path, file),
            error => panic!("{error:?}"),
        }
    }
    assert!(!events.names().contains(&"opening".to_owned()));
    assert_eq!(served.world().oauth_requests(), 0);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[cfg(unix)]
#[test]
fn a_directory_or_file_that_others_can_read_is_refused() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(logged_in(&served, &directory.store()));
    for (path, open, closed) in
        [(directory.tokens(), 0o755, 0o700), (directory.record(), 0o644, 0o600)]
    {
        set_permissions(&path, Permissions::from_mode(open)).unwrap();
        let oauth = client(&served, &directory.store());
        let error = storage_error(call(&oauth, &served, LIST));
        assert!(error.to_string().contains("chmod"), "{error}");
        match error {
            StorageError::Insecure { path: named, .. } => assert_eq!(named, path),
            error => panic!("{error:?}"),
        }
        set_permissions(&path, Permissions::from_mode(closed)).unwrap();
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    }
    assert_eq!(served.world().oauth_requests(), 0);
}

#[test]
fn a_record_of_a_later_version_is_left_as_it_is() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(logged_in(&served, &directory.store()));
    let path = directory.record();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["record"]["format"], 1);
    document["record"]["format"] = 99.into();
    let newer = document.to_string();
    std::fs::write(&path, &newer).unwrap();
    let oauth = client(&served, &directory.store());
    match storage_error(call(&oauth, &served, LIST)) {
        StorageError::Newer { found: 99, place } => assert_eq!(*place, *path.display().to_string()),
        error => panic!("{error:?}"),
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
    assert_eq!(served.world().log.len(), 0);
}

/// The environment belongs to the whole process, so this runs the test once more in another one.
#[test]
fn no_place_for_files_is_found_when_the_client_is_built() {
    const NAME: &str = "no_place_for_files_is_found_when_the_client_is_built";
    if std::env::var_os(NAME).is_some() {
        let built = OAuth::new("https://mcp.example.com/mcp").unwrap().build();
        assert_eq!(storage_error(built), StorageError::NoDirectory);
        return;
    }
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env(NAME, "")
        .env("HOME", "relative")
        .env("USERPROFILE", "relative")
        .env_remove("XDG_DATA_HOME")
        .env_remove("LOCALAPPDATA")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}
