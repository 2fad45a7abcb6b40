//! Owners and permissions on Unix.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Makes directories that only their owner can enter.
pub(super) fn directory_builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes files that only their owner can read, opens no symbolic link, and waits at no pipe.
pub(super) fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Whether it belongs to the user that this process acts as.
pub(super) fn is_own(metadata: &Metadata) -> io::Result<bool> {
    // A new pipe belongs to that user too; nothing safe says it more plainly, and it takes no disk.
    let (pipe, _) = io::pipe()?;
    let own = File::from(OwnedFd::from(pipe)).metadata()?.uid();
    Ok(metadata.uid() == own)
}

/// Whether nobody but its owner may use it. An access control list on Linux shows in these bits as well.
pub(super) fn is_private(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 == 0
}

/// Waits until the names in a directory are on the disk.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whether a path leads to the file that is open.
pub(super) fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) const DELETES_LOCKS: bool = true;
