//! Logins that wait for their users: a file each, in a directory of their own.
//!
//! ```text
//!   logins/ID.login          one that waits; ID is a hash that says nothing
//!   logins/ID.taken-…        one that is being taken out, or what a killed process has left of one
//! ```

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth_core::client::{LoginId, StorageError, WaitingLogin};
use oauth_core::seal::Sealing;
use oauth_core::session::PendingLogin;
use oauth_core::{UnixTime, read_json};
use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::slot::{self, write_durably};
use super::{disk, remove};
use crate::clock::OperatingSystem;

/// What a file says.
#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    until: UnixTime,
    /// In base64, plain or sealed.
    login: String,
}

/// What [`Records::put_login`](crate::Records::put_login) does.
pub(super) fn put(
    root: &Directory,
    waiting: &WaitingLogin<'_>,
    sealing: &Sealing,
) -> Result<(), StorageError> {
    root.make()?;
    let directory = root.below(FOLDER);
    directory.add()?;
    let login = STANDARD.encode(sealing.login_to_store(waiting, &OperatingSystem)?);
    let document = Document { format: FORMAT, until: waiting.login.expires_at(), login };
    // All of it serializes.
    let text = serde_json::to_string(&document).unwrap_or_default();
    let path = directory.file(&format!("{}{WAITS}", waiting.id));
    let temporary = directory.file(&taken(&waiting.id));
    let written = write_durably(&temporary, &text).and_then(|()| disk::rename(&temporary, &path));
    written.map_err(|error| {
        let _ = disk::remove(&temporary);
        StorageError::io("write", &path, &error)
    })?;
    directory.sync()
}

/// What [`Records::take_login`](crate::Records::take_login) does. Only one of those who rename the file can.
pub(super) fn take(
    root: &Directory,
    application: &str,
    id: &LoginId,
    now: UnixTime,
    sealing: &Sealing,
) -> Result<Option<PendingLogin>, StorageError> {
    let directory = root.below(FOLDER);
    if !root.exists()? || !directory.is_there()? {
        return Ok(None);
    }
    let (path, own) = (directory.file(&format!("{id}{WAITS}")), directory.file(&taken(id)));
    match disk::rename(&path, &own) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        renamed => renamed.map_err(|error| StorageError::io("take", &path, &error))?,
    }
    let found = read(&own)?.filter(|document| document.until >= now);
    let login = found.and_then(|document| STANDARD.decode(document.login).ok());
    let login = login.map(|bytes| sealing.login_from_store(application, id, &bytes)).transpose();
    if matches!(login, Err(StorageError::Sealed { .. })) {
        // Whoever has the key can take it yet.
        let _ = disk::rename(&own, &path);
        return login.map(Option::flatten);
    }
    remove(&own)?;
    directory.sync()?;
    login.map(Option::flatten)
}

/// Deletes those whose end has come.
pub(super) fn sweep(root: &Directory, now: UnixTime) -> Result<(), StorageError> {
    let directory = root.below(FOLDER);
    if !root.exists()? || !directory.is_there()? {
        return Ok(());
    }
    for file in directory.list()? {
        let path = directory.file(&file);
        if read(&path)?.is_some_and(|document| document.until < now) {
            remove(&path)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<Document>, StorageError> {
    Ok(slot::read(path)?.and_then(|text| read_json(str::from_utf8(&text).ok()?).ok()))
}

/// Another name each time.
fn taken(id: &LoginId) -> String {
    format!("{id}.taken-{:016x}", RandomState::new().hash_one(std::process::id()))
}

const FORMAT: u32 = 1;
const FOLDER: &str = "logins";
const WAITS: &str = ".login";
