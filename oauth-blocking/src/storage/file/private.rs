//! Files that are their owner's alone: made so, and refused if they are not.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use oauth_core::client::{Insecurity, StorageError};

use super::directory::is_nothing;
use super::{disk, platform};

/// Opens a file for reading; `None` if there is none.
///
/// # Errors
///
/// [`StorageError::Insecure`] or [`StorageError::Io`].
pub(super) fn open(path: &Path) -> Result<Option<File>, StorageError> {
    match disk::open(path, opening().read(true)) {
        Ok(file) => checked(file, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused("read", path, &error)),
    }
}

/// Opens a lock file, and makes it if there is none.
///
/// # Errors
///
/// [`StorageError::Insecure`] or [`StorageError::Io`].
pub(super) fn make_lock(path: &Path) -> Result<File, StorageError> {
    // Windows locks only files that may be read or written.
    match disk::open(path, opening().read(true).write(true).create(true)) {
        Ok(file) => checked(file, path),
        Err(error) => Err(refused("open", path, &error)),
    }
}

/// Opens a lock file; `None` if there is none.
///
/// # Errors
///
/// [`StorageError::Insecure`] or [`StorageError::Io`].
pub(super) fn open_lock(path: &Path) -> Result<Option<File>, StorageError> {
    match disk::open(path, opening().read(true).write(true)) {
        Ok(file) => checked(file, path).map(Some),
        Err(error) if is_nothing(&error) => Ok(None),
        Err(error) => Err(refused("open", path, &error)),
    }
}

/// Makes a file that was not there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    opening().write(true).create_new(true).open(path)
}

/// Looks at the file that was opened: the one under the name may be another by now.
fn checked(file: File, path: &Path) -> Result<File, StorageError> {
    let metadata = file.metadata().map_err(|error| StorageError::io("read", path, &error))?;
    let why = if !metadata.is_file() {
        Insecurity::NoFile
    } else if !platform::is_own(&metadata) {
        Insecurity::ForeignFile
    } else if !platform::is_private(&metadata) {
        Insecurity::OpenFile
    } else {
        return Ok(file);
    };
    Err(StorageError::Insecure { path: path.into(), why })
}

/// The error for a symbolic link differs between systems, and has no name in `std` yet.
fn refused(action: &'static str, path: &Path, error: &io::Error) -> StorageError {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return StorageError::Insecure { path: path.into(), why: Insecurity::LinkToFile };
    }
    StorageError::io(action, path, error)
}

fn opening() -> OpenOptions {
    #[cfg(test)]
    super::tests::counts::file_opened();
    platform::file_options()
}
