//! Windows, and systems without users: permissions are those that the directory hands down.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Makes directories.
pub(super) fn directory_builder() -> DirBuilder {
    DirBuilder::new()
}

/// Makes and opens files, and a symbolic link itself instead of what it leads to.
pub(super) fn file_options() -> OpenOptions {
    #[cfg_attr(not(windows), expect(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt as _;

        const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    }
    options
}

/// Taken on trust.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn is_own(_: &Metadata) -> io::Result<bool> {
    Ok(true)
}

/// Taken on trust.
pub(super) fn is_private(_: &Metadata) -> bool {
    true
}

/// There is no such thing.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Nobody deletes them.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn is_same(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Nothing safe says which file is under a name.
pub(super) const DELETES_LOCKS: bool = false;
