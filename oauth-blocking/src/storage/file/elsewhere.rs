//! Windows, and systems without users: permissions are those that the directory hands down.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use oauth_core::client::SystemError;

use super::disk::Call;

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
pub(super) fn is_own(_: &Metadata) -> bool {
    true
}

/// Where nobody but the user and administrators have permissions, unless somebody has given them away: what is not
/// there is not theirs alone. Nothing safe says who may enter a directory.
pub(super) fn profile() -> Option<Vec<PathBuf>> {
    let data = ["LOCALAPPDATA", "APPDATA"].into_iter().filter_map(std::env::var_os);
    let profile = std::env::home_dir().into_iter().chain(data.map(PathBuf::from));
    cfg!(windows).then(|| profile.filter(|path| path.is_absolute()).collect())
}

/// Taken on trust.
pub(super) fn is_private(_: &Metadata) -> bool {
    true
}

/// There is no such thing as flushing the names in it.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn open_directory(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// There is only one way to flush a file.
pub(super) fn flush_to_drive(_: &File) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// It always can.
pub(super) fn cannot_flush(_: &io::Error) -> bool {
    false
}

/// It is not tried.
pub(super) fn cannot_flush_directory(_: &io::Error) -> bool {
    false
}

/// Whether another program may have the file for a moment. A file that is being deleted says that access is denied,
/// and so does renaming over one that is open, on some file systems.
pub(super) fn may_be_held(_: Call, error: &io::Error) -> bool {
    SystemError::from(error).is_held()
        || cfg!(windows) && error.raw_os_error() == Some(ACCESS_DENIED)
}

const ACCESS_DENIED: i32 = 5;

/// Nobody deletes them.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn is_same(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Nothing safe says which file is under a name.
pub(super) const DELETES_LOCKS: bool = false;
