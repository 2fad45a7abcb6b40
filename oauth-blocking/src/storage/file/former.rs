//! Files of the first versions, which knew no applications, and how they are moved.
//!
//! ```text
//!   NAME.json ── renamed ──▶ NAME.moving-HASH ── written ──▶ NN/NAME.json, and the former is deleted
//! ```
//!
//! All of it happens under the former locks, which keep those versions out that may still run. They see
//! the grant until it is renamed, and none from then on: no refresh token is ever in two hands. `HASH` is
//! that of the new name, so the only program that can go on with a move that was cut short is the one
//! that began it.

use std::fs;
use std::path::Path;

use oauth_core::client::{Loaded, Migrated, StorageError};
use oauth_core::flow::Settings;
use oauth_core::seal::SealError;
use oauth_core::session::{Key, Lock, Record};

use super::directory::{Directory, is_nothing};
use super::held::{Held, Taken};
use super::name::Name;
use super::slot;
use super::{FileTokenStorage, disk, document, private, remove};

/// Moves a grant of the first versions to its new place, if it may be the program's.
///
/// # Errors
///
/// A [`StorageError`]; what is not moved then is moved the next time. [`StorageError::Sealed`] if there is one that may be
/// the program's, and plain records are refused.
pub(super) fn migrate(
    store: &FileTokenStorage,
    key: &Key,
    settings: &Settings,
) -> Result<Migrated, StorageError> {
    store.former.leads_somewhere()?;
    let (name, new) = (Name::former(key), Name::of(key));
    let moving = store.former.file(&name.moving_to(&new));
    let former =
        Former { directory: &store.former, record: store.former.file(&name.record()), name };
    if !is_there(&moving)? && !is_there(&former.record)? {
        return Ok(Migrated::Nothing);
    }
    // Whoever of the first versions uses it has checked the same.
    store.former.exists()?;
    let Some(_held) = former.hold()? else { return Ok(Migrated::Busy) };
    let slot = store.made(key, new)?;
    let held = slot.hold()?;
    let is_free = matches!(slot.load(&held)?, Loaded::Nothing);
    if !is_there(&moving)? {
        let is_own = former.read(&former.record, key)?.is_some_and(|it| it.may_be_of(settings));
        if !is_own || !is_free {
            return Ok(Migrated::Nothing);
        }
        may_be_read(store, &former.record)?;
        disk::rename(&former.record, &moving)
            .map_err(|error| StorageError::io("move", &former.record, &error))?;
        store.former.sync()?;
    }
    if is_free {
        may_be_read(store, &moving)?;
        let Some(record) = former.read(&moving, key)? else { return Ok(Migrated::Nothing) };
        slot.replace(&record, None, &held)?;
    }
    remove(&moving)?;
    former.forget_locks();
    Ok(Migrated::Done)
}

/// Takes the refresh lock of the first versions as well, if one of them has left one: whatever they have
/// of the same user and server, nobody spends it twice. Theirs is not waited for here.
///
/// # Errors
///
/// Those of [`Held::left_at_once`].
pub(super) fn refresh_lock(store: &FileTokenStorage, key: &Key) -> Result<Taken, StorageError> {
    match Held::left_at_once(&store.former.file(&Name::former(key).lock(Lock::Refresh))) {
        // The first versions did not touch a file that is not the user's alone.
        Err(StorageError::Insecure { .. }) => Ok(Taken::NoFile),
        taken => taken,
    }
}

/// The first versions sealed nothing: where plain records are refused, one that is said to be theirs is as well. It would
/// be sealed with the host's own key.
fn may_be_read(store: &FileTokenStorage, path: &Path) -> Result<(), StorageError> {
    if store.sealing.reads_plain() {
        return Ok(());
    }
    let place = path.display().to_string().into();
    Err(StorageError::Sealed { place, why: SealError::NotSealed })
}

struct Former<'a> {
    directory: &'a Directory,
    name: Name,
    record: std::path::PathBuf,
}

impl Former<'_> {
    /// All locks of the grant, unless somebody has one of them.
    fn hold(&self) -> Result<Option<[Held; 3]>, StorageError> {
        let [refresh, login, write] = self.locks();
        let hold = |path: &Path| {
            drop(private::make_lock(path)?);
            Ok(match Held::left_at_once(path)? {
                Taken::Held(held) => Some(held),
                Taken::ByAnother | Taken::NoFile => None,
            })
        };
        let Some(refresh) = hold(&refresh)? else { return Ok(None) };
        let Some(login) = hold(&login)? else { return Ok(None) };
        Ok(hold(&write)?.map(|write| [refresh, login, write]))
    }

    /// They would be taken for ever. Whoever waits for one finds no grant under it.
    fn forget_locks(&self) {
        if super::platform::DELETES_LOCKS {
            for path in self.locks() {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn locks(&self) -> [std::path::PathBuf; 3] {
        let name = &self.name;
        [name.lock(Lock::Refresh), name.lock(Lock::Login), name.write_lock()]
            .map(|file| self.directory.file(&file))
    }

    /// What cannot be read is not ours to move, nor is what is newer.
    fn read(&self, path: &Path, key: &Key) -> Result<Option<Box<Record>>, StorageError> {
        let Some(bytes) = slot::read(path)? else { return Ok(None) };
        Ok(document::read_former(key, &bytes).ok().map(Box::new))
    }
}

fn is_there(path: &Path) -> Result<bool, StorageError> {
    match path.try_exists() {
        Err(error) if !is_nothing(&error) => Err(StorageError::io("read", path, &error)),
        is_there => Ok(is_there.unwrap_or(false)),
    }
}
