//! What changes the disk. It is all that can fail on one that is full, and all that a loss of power undoes
//! unless it was flushed; tests stand in its place for both.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::Path;

use super::{platform, private};

/// Makes a file that was not there, for its owner alone.
pub(super) fn create(path: &Path) -> io::Result<File> {
    asked(Call::Create)?;
    let file = private::create(path)?;
    done(Call::Create, path);
    Ok(file)
}

/// Makes a file of these bytes, from its start to its end.
pub(super) fn write(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    asked(Call::Write)?;
    file.rewind()?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

/// Waits until what is in a file is on the disk.
pub(super) fn flush(file: &File, path: &Path) -> io::Result<()> {
    asked(Call::Flush)?;
    file.sync_all()?;
    done(Call::Flush, path);
    Ok(())
}

/// Gives a file another name, in the place of what had it.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    asked(Call::Rename)?;
    fs::rename(from, to)
}

/// Deletes a file.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    asked(Call::Remove)?;
    fs::remove_file(path)
}

/// Waits until the names in a directory are on the disk.
pub(super) fn flush_directory(path: &Path) -> io::Result<()> {
    asked(Call::FlushDirectory)?;
    platform::sync_directory(path)?;
    done(Call::FlushDirectory, path);
    Ok(())
}

/// What the disk is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Write,
    Flush,
    Rename,
    Remove,
    FlushDirectory,
}

#[cfg(test)]
use super::tests::disk::{asked, done};

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail in tests")]
#[inline]
fn asked(_: Call) -> io::Result<()> {
    Ok(())
}

#[cfg(not(test))]
#[inline]
fn done(_: Call, _: &Path) {}
