//! Owners and permissions on Unix.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use oauth_core::client::SystemError;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::disk::Call;

/// Makes directories that only their owner can enter.
pub(super) fn directory_builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes files that only their owner can read, opens no symbolic link, and waits at no pipe.
pub(super) fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
    options
}

/// Whether it belongs to the user that this process acts as.
pub(super) fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// The user's profile means nothing: the permissions of a directory say who can enter it.
pub(super) fn profile() -> Option<Vec<PathBuf>> {
    None
}

/// Whether nobody but its owner may use it. An access control list on Linux shows in these bits as well.
pub(super) fn is_private(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 == 0
}

/// Opens a directory, to flush the names in it.
pub(super) fn open_directory(path: &Path) -> io::Result<Option<File>> {
    File::open(path).map(Some)
}

/// Waits until what is in a file is at the drive, or at the server that has it. `std` waits on Apple's systems until
/// the drive has written it down, which servers do not know.
pub(super) fn flush_to_drive(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fsync(file)?)
}

/// Whether an error means that what is there cannot be flushed in this way, whoever tries.
pub(super) fn cannot_flush(error: &io::Error) -> bool {
    const UNKNOWN: [Errno; 5] =
        [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOTTY];
    let is_unknown = |code| UNKNOWN.iter().any(|errno| errno.raw_os_error() == code);
    error.raw_os_error().map_or(error.kind() == ErrorKind::Unsupported, is_unknown)
}

/// Whether an error means that a directory cannot be flushed, whoever tries: some cannot be opened for that, and some
/// that were opened for reading cannot be flushed.
pub(super) fn cannot_flush_directory(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    let is_reading = [Errno::BADF, Errno::ISDIR].iter().any(|it| Some(it.raw_os_error()) == code);
    cannot_flush(error) || is_reading || error.kind() == ErrorKind::PermissionDenied
}

/// Whether another program may have the file for a moment. A file server of Windows says that access is denied when
/// that keeps a file its name, of a directory in which it has just let us make one.
pub(super) fn may_be_held(call: Call, error: &io::Error) -> bool {
    let keeps_its_name = matches!(call, Call::Rename | Call::Remove)
        && error.raw_os_error() == Some(Errno::ACCESS.raw_os_error());
    SystemError::from(error).is_held() || keeps_its_name
}

/// Whether a path leads to the file that is open.
pub(super) fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) const DELETES_LOCKS: bool = true;
