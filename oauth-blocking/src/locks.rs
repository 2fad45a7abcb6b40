//! Locks of files, also where `std` has none, such as on Android.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// Where programs of a user can see each other's locks, whatever directories they use. The first is the user's own where
/// it exists; of the second, others may have a part.
pub(crate) fn directory() -> PathBuf {
    let directory = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
    directory.map_or_else(std::env::temp_dir, PathBuf::from)
}

/// A way to take a file's lock, without waiting for it.
pub(crate) type Means = fn(&File) -> Result<(), TryLockError>;

/// The means to keep everybody else out.
pub(crate) const EXCLUSIVE: [Means; 2] = [File::try_lock, by_the_system];

/// The means to keep out who wants to be alone.
pub(crate) const SHARED: [Means; 2] = [File::try_lock_shared, by_the_system];

/// Takes a file's lock, if nobody has it.
pub(crate) fn try_lock(file: &File) -> Result<(), TryLockError> {
    by_first_of(EXCLUSIVE, |means| means(file))
}

/// The same by the first means that is supported.
pub(crate) fn by_first_of(
    [first, second]: [Means; 2],
    mut attempt: impl FnMut(Means) -> Result<(), TryLockError>,
) -> Result<(), TryLockError> {
    match attempt(first) {
        Err(TryLockError::Error(error)) if is_unsupported(&error) => attempt(second),
        taken => taken,
    }
}

/// Whether an error means that there are no such locks, whoever asks.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    // Lustre has none unless it is mounted for it, and says so in this way.
    if error.kind() == ErrorKind::Unsupported {
        return true;
    }
    #[cfg(unix)]
    {
        // `std` has no kind for the first on Apple's systems.
        use rustix::io::Errno;
        let unknown = [Errno::NOTSUP, Errno::OPNOTSUPP].map(|errno| Some(errno.raw_os_error()));
        unknown.contains(&error.raw_os_error())
    }
    #[cfg(not(unix))]
    false
}

/// Releases it, as far as the file has one.
pub(crate) fn unlock(file: &File) {
    if file.unlock().is_err() {
        release(file);
    }
}

/// The means of `std`, which is left out there on some systems that have it. Both exclude each other.
#[cfg(all(unix, not(target_os = "solaris")))]
fn by_the_system(file: &File) -> Result<(), TryLockError> {
    use rustix::fs::{FlockOperation, flock};

    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
        let error = io::Error::from(error);
        match error.kind() {
            ErrorKind::WouldBlock => TryLockError::WouldBlock,
            _ => TryLockError::Error(error),
        }
    })
}

#[cfg(all(unix, not(target_os = "solaris")))]
fn release(file: &File) {
    let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock);
}

#[cfg(not(all(unix, not(target_os = "solaris"))))]
fn by_the_system(_: &File) -> Result<(), TryLockError> {
    Err(TryLockError::Error(ErrorKind::Unsupported.into()))
}

#[cfg(not(all(unix, not(target_os = "solaris"))))]
fn release(_: &File) {}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

    use super::*;

    /// As on Android, where `std` supports none: it keeps out whoever comes with either means.
    #[test]
    fn the_lock_of_the_system_is_that_of_std() {
        let path = std::env::temp_dir().join(format!("mcp-oauth-locks-{}", std::process::id()));
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let [first, second] = [open().unwrap(), open().unwrap()];
        let mut means = Vec::new();
        let taken = by_first_of(EXCLUSIVE, |it| {
            means.push(it);
            match means.len() {
                1 => Err(TryLockError::Error(ErrorKind::Unsupported.into())),
                _ => it(&first),
            }
        });
        assert!(taken.is_ok(), "{taken:?}");
        for means in EXCLUSIVE {
            let taken = means(&second);
            assert!(matches!(taken, Err(TryLockError::WouldBlock)), "{taken:?}");
        }
        release(&first);
        assert!(by_the_system(&second).is_ok());
        std::fs::remove_file(&path).unwrap();
    }
}
