//! The directory: where it is, how it is made, and whether it may be trusted.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{disk, platform};
use crate::storage::StorageError;

/// A directory that may not exist yet.
#[derive(Debug, Clone)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        // With a slash at its end, a path to a symbolic link is one to what the link leads to.
        Self(path.components().collect())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Whether it is there; if so, nobody else can enter it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Insecure`], or [`StorageError::Io`] if it cannot be looked at.
    pub(super) fn exists(&self) -> Result<bool, StorageError> {
        let metadata = match fs::symlink_metadata(&self.0) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(StorageError::io("read", &self.0, &error)),
        };
        let insecure = |why| StorageError::Insecure { path: self.0.clone(), why };
        if metadata.is_symlink() {
            return Err(insecure("it is a symbolic link; name the directory that it leads to"));
        }
        if !metadata.is_dir() {
            let error = io::ErrorKind::NotADirectory.into();
            return Err(StorageError::io("use", &self.0, &error));
        }
        if !platform::is_own(&metadata).map_err(|error| StorageError::io("use", &self.0, &error))? {
            return Err(insecure("it belongs to another user; name a directory of your own"));
        }
        if !platform::is_private(&metadata) {
            return Err(insecure("others can enter it; forbid them to with `chmod 700`"));
        }
        Ok(true)
    }

    /// Makes it if it is not there, and those above it.
    ///
    /// # Errors
    ///
    /// Those of [`exists`](Self::exists), or [`StorageError::Io`] if it cannot be made.
    pub(super) fn make(&self) -> Result<(), StorageError> {
        if !self.exists()? {
            make(&self.0).map_err(|error| StorageError::io("create", &self.0, &error))?;
            self.exists()?;
        }
        Ok(())
    }

    /// Whether there is anything under its name.
    pub(super) fn is_there(&self) -> bool {
        self.0.exists()
    }

    /// A directory in it.
    pub(super) fn below(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// Makes a directory that is [below](Self::below) one that exists. Nobody else can get there.
    ///
    /// # Errors
    ///
    /// [`StorageError::Io`] if it cannot be made.
    pub(super) fn add(&self) -> Result<(), StorageError> {
        make(&self.0).map_err(|error| StorageError::io("create", &self.0, &error))
    }

    /// The names of the files in it, as far as they may be ours.
    ///
    /// # Errors
    ///
    /// [`StorageError::Io`] if it cannot be read. One that is not there has none.
    pub(super) fn list(&self) -> Result<Vec<String>, StorageError> {
        #[cfg(test)]
        super::tests::counts::directory_read();
        let unreadable = |error| StorageError::io("read", &self.0, &error);
        let mut names = Vec::new();
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            entries => entries.map_err(unreadable)?,
        };
        for entry in entries {
            names.extend(entry.map_err(unreadable)?.file_name().into_string());
        }
        Ok(names)
    }

    /// Waits until the names in it are on the disk.
    ///
    /// # Errors
    ///
    /// [`StorageError::Io`]. Some file systems cannot do it for directories, which is none.
    pub(super) fn sync(&self) -> Result<(), StorageError> {
        match disk::flush_directory(&self.0) {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
                ) =>
            {
                Err(StorageError::io("sync", &self.0, &error))
            }
            _ => Ok(()),
        }
    }
}

/// The directory for what programs of this kind keep, from the environment and the home directory; `None`
/// if there is neither.
pub(super) fn default_path(
    variable: impl Fn(&str) -> Option<OsString>,
    home: impl FnOnce() -> Option<PathBuf>,
) -> Option<PathBuf> {
    // A relative path is none here (XDG Base Directory Specification), and an empty one is relative.
    let set = DATA_VARIABLE.and_then(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let in_home = || Some(home().filter(|path| path.is_absolute())?.join(DATA_IN_HOME));
    Some(set.or_else(in_home)?.join("mcp-oauth"))
}

/// Makes a directory and those above it.
fn make(path: &Path) -> io::Result<()> {
    match (make_one(path), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            make(parent)?;
            // If it is still not found, a link above leads nowhere.
            make_one(path)
        }
        (made, _) => made,
    }
}

fn make_one(path: &Path) -> io::Result<()> {
    match platform::directory_builder().create(path) {
        Ok(()) => {
            // Else it could be gone after a loss of power, with the tokens that were saved in it. Not
            // everybody can read the directory above, so it is not insisted on.
            if let Some(parent) = path.parent() {
                let _ = disk::flush_directory(parent);
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

const DATA_VARIABLE: Option<&str> = if cfg!(windows) {
    Some("LOCALAPPDATA")
} else if cfg!(target_vendor = "apple") {
    None
} else {
    Some("XDG_DATA_HOME")
};

const DATA_IN_HOME: &str = if cfg!(windows) {
    r"AppData\Local"
} else if cfg!(target_vendor = "apple") {
    "Library/Application Support"
} else {
    ".local/share"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_variable_else_below_the_home_directory() {
        let (data, home) = (std::env::temp_dir().join("data"), std::env::temp_dir());
        let in_home = home.join(DATA_IN_HOME);
        for (variable, home, expected) in [
            (data.to_str(), Some(&home), DATA_VARIABLE.map_or(&in_home, |_| &data)),
            (Some("relative"), Some(&home), &in_home),
            (Some(""), Some(&home), &in_home),
            (None, Some(&home), &in_home),
        ] {
            let path = default_path(|_| variable.map(Into::into), || home.cloned());
            assert_eq!(path, Some(expected.join("mcp-oauth")), "{variable:?}");
        }
        assert_eq!(default_path(|_| None, || None), None);
        assert_eq!(default_path(|_| None, || Some("relative".into())), None);
    }

    #[test]
    fn a_path_is_absolute_and_leads_through_no_link_at_its_end() {
        assert!(Directory::new("tokens".as_ref()).path().is_absolute());
        let link = std::env::temp_dir().join("link");
        for path in [link.join(""), link.join(".")] {
            assert_eq!(Directory::new(&path).path().as_os_str(), link.as_os_str(), "{path:?}");
        }
    }
}
