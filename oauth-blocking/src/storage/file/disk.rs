//! What the disk is asked for. It is all that can fail on one that is full, that others use as well, or that can do
//! less than most, and all that a loss of power undoes unless it was flushed; tests stand in its place for each.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use oauth_core::client::Pauses;

use super::{platform, private};
use crate::clock::chance;
use crate::locks;

/// Makes a file that was not there, for its owner alone.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = patiently(Call::Create, || private::create(path))?;
    done(Call::Create, path);
    Ok(file)
}

/// Opens a file.
pub(super) fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    patiently(Call::Open, || options.open(path))
}

/// Reads a file from its start, as far as the limit in bytes.
pub(super) fn read(mut file: &File, limit: u64) -> io::Result<Vec<u8>> {
    patiently(Call::Read, || {
        // Else it would be read in pieces that begin with 32 bytes.
        let mut bytes = Vec::with_capacity(limit.min(MOST_FILES) as usize);
        file.rewind()?;
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// Makes a file of these bytes, from its start to its end.
pub(super) fn write(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    patiently(Call::Write, || {
        file.rewind()?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)
    })
}

/// Waits until what is in a file is on the disk.
pub(super) fn flush(file: &File, path: &Path) -> io::Result<()> {
    flush_as_far_as_possible(file, Call::Flush)?;
    done(Call::Flush, path);
    Ok(())
}

/// Gives a file another name, in the place of what had it.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    patiently(Call::Rename, || fs::rename(from, to))
}

/// Deletes a file.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    patiently(Call::Remove, || fs::remove_file(path))
}

/// Waits until the names in a directory are on the disk.
pub(super) fn flush_directory(path: &Path) -> io::Result<()> {
    if let Some(directory) = platform::open_directory(path)? {
        flush_as_far_as_possible(&directory, Call::FlushDirectory)?;
        done(Call::FlushDirectory, path);
    }
    Ok(())
}

/// Takes the lock of a file, if nobody has it.
pub(super) fn try_lock(file: &File) -> Result<(), TryLockError> {
    lock_by(locks::EXCLUSIVE, file)
}

/// Sees that a file can be locked, for a moment in which others can read it. Who cannot tell is as who can.
pub(super) fn see_that_it_locks(file: &File) -> io::Result<()> {
    match lock_by(locks::SHARED, file) {
        Err(TryLockError::Error(error)) if locks::is_unsupported(&error) => return Err(error),
        Ok(()) => locks::unlock(file),
        Err(_) => {}
    }
    Ok(())
}

/// Whether somebody has the lock of a file. To see that it is free, it is shared for a moment: there is no other
/// way to look, and who wants it for themselves meanwhile has to ask again.
pub(super) fn is_locked(file: &File) -> io::Result<bool> {
    match lock_by(locks::SHARED, file) {
        Ok(()) => locks::unlock(file),
        Err(TryLockError::WouldBlock) => return Ok(true),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(false)
}

fn lock_by(means: [locks::Means; 2], file: &File) -> Result<(), TryLockError> {
    locks::by_first_of(means, |means| {
        let taken = uninterrupted(Call::Lock, || match means(file) {
            Err(TryLockError::Error(error)) => Err(error),
            taken => Ok(taken),
        });
        taken.map_err(TryLockError::Error)?
    })
}

/// Where a drive cannot be told to write down what it has, such as over a network on Apple's systems, it is enough that
/// it has it.
fn flush_as_far_as_possible(file: &File, call: Call) -> io::Result<()> {
    match uninterrupted(call, || file.sync_all()) {
        Err(error) if platform::cannot_flush(&error) => {
            uninterrupted(Call::FlushToDrive, || platform::flush_to_drive(file))
        }
        flushed => flushed,
    }
}

/// Does what another program may be in the way of for a moment, until it is not: virus scanners, backups and indexers
/// open whatever was written, and on some systems nobody else can use the file meanwhile.
fn patiently<T>(call: Call, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let (begun, mut pauses) = (now(), Pauses::new(FIRST_PAUSE, LONGEST_PAUSE));
    loop {
        let error = match uninterrupted(call, &mut attempt) {
            Err(error) if platform::may_be_held(call, &error) => error,
            done => return done,
        };
        let left = PATIENCE.saturating_sub(now().saturating_duration_since(begun));
        let Some(pause) = pauses.next_within(left, chance()) else { return Err(error) };
        sleep(pause);
    }
}

/// Does what a signal to this process may interrupt, on file servers and where the disk is another program's, until it
/// is done.
fn uninterrupted<T>(call: Call, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut attempt = || asked(call).and_then(|()| attempt());
    let is_interrupted =
        |done: &io::Result<T>| matches!(done, Err(error) if error.kind() == ErrorKind::Interrupted);
    let done = attempt();
    if !is_interrupted(&done) {
        return done;
    }
    (1..MAX_INTERRUPTIONS).map(|_| attempt()).find(|done| !is_interrupted(done)).unwrap_or(done)
}

/// What the disk is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Open,
    Read,
    Write,
    Flush,
    FlushToDrive,
    Rename,
    Remove,
    FlushDirectory,
    Lock,
}

/// Longer than almost all files, in bytes.
const MOST_FILES: u64 = 8 * 1024;

/// How long others are waited for, as long as Go's tools do. Whoever needs longer than that holds up one call, not
/// the program.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often something is tried that is interrupted each time.
const MAX_INTERRUPTIONS: u32 = 100;

/// The pauses between two tries grow from one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
use super::tests::disk::{asked, done, now, sleep};

#[cfg(not(test))]
use {
    std::thread::sleep,
    system::{asked, done, now},
};

/// What tests stand in the place of.
#[cfg(not(test))]
mod system {
    use std::io;
    use std::path::Path;
    use std::time::Instant;

    use super::Call;

    #[expect(clippy::unnecessary_wraps, reason = "it can fail in tests")]
    #[inline]
    pub(super) fn asked(_: Call) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub(super) fn done(_: Call, _: &Path) {}

    pub(super) fn now() -> Instant {
        Instant::now()
    }
}
