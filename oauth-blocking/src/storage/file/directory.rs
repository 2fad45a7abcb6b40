//! The directory: where it is, how it is made, and whether it may be trusted.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use oauth_core::client::{Insecurity, StorageError};

use super::{disk, platform};

/// A directory that may not exist yet.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    path: PathBuf,
    /// Set when somebody has said that nobody else can enter it, where permissions are what the directory above hands
    /// down: the host, or the operating system for what is in the user's profile.
    vouched: Arc<OnceLock<()>>,
}

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        // With a slash at its end, a path to a symbolic link is one to what the link leads to.
        Self { path: path.components().collect(), vouched: Arc::default() }
    }

    /// The same, and the host says that nobody else can enter it.
    pub(super) fn vouched_for(path: &Path) -> Self {
        let directory = Self::new(path);
        let _ = directory.vouched.set(());
        directory
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether it is there; if so, nobody else can enter it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Insecure`], [`StorageError::NoDirectoryAt`] if it is something else,
    /// [`StorageError::Io`] if it cannot be looked at, or that of [`leads_somewhere`](Self::leads_somewhere).
    pub(super) fn exists(&self) -> Result<bool, StorageError> {
        self.leads_somewhere()?;
        let insecure = |why| StorageError::Insecure { path: self.path.clone(), why };
        let is_elsewhere = |profile: Vec<_>| !is_within(&self.path, &profile);
        if self.vouched.get().is_none() && platform::profile().is_some_and(is_elsewhere) {
            return Err(insecure(Insecurity::OutsideProfile));
        }
        let _ = self.vouched.set(());
        let metadata = match fs::symlink_metadata(&self.path) {
            Ok(metadata) => metadata,
            // A disk that is missing is no reason to say that nobody has ever logged in.
            Err(error) if is_nothing(&error) => return missing(&self.path).map(|_| false),
            Err(error) => return Err(StorageError::io("read", &self.path, &error)),
        };
        if metadata.is_symlink() {
            return Err(insecure(Insecurity::LinkToDirectory));
        }
        if !metadata.is_dir() {
            return Err(in_the_way(&self.path, FILE));
        }
        if !platform::is_own(&metadata) {
            return Err(insecure(Insecurity::ForeignDirectory));
        }
        if !platform::is_private(&metadata) {
            return Err(insecure(Insecurity::OpenDirectory));
        }
        Ok(true)
    }

    /// Makes it if it is not there, and those above it.
    ///
    /// # Errors
    ///
    /// Those of [`exists`](Self::exists), for the directories above as well; [`StorageError::Io`] if it cannot
    /// be made.
    pub(super) fn make(&self) -> Result<(), StorageError> {
        if !self.exists()? {
            make(&self.path)?;
            self.exists()?;
        }
        Ok(())
    }

    /// Sees that its path means the same wherever the process goes.
    ///
    /// # Errors
    ///
    /// [`StorageError::NotAbsolute`]: it could not be made absolute.
    pub(super) fn leads_somewhere(&self) -> Result<(), StorageError> {
        match self.path.is_absolute() {
            true => Ok(()),
            false => Err(StorageError::NotAbsolute { path: self.path.clone() }),
        }
    }

    /// Whether it is there, where it is [below](Self::below) one that nobody else can enter.
    ///
    /// # Errors
    ///
    /// [`StorageError::NoDirectoryAt`] if it is something else.
    pub(super) fn is_there(&self) -> Result<bool, StorageError> {
        is_directory(&self.path)
    }

    /// A directory in it.
    pub(super) fn below(&self, name: &str) -> Self {
        Self { path: self.path.join(name), vouched: Arc::clone(&self.vouched) }
    }

    /// Makes a directory that is [below](Self::below) one that exists. Nobody else can get there.
    ///
    /// # Errors
    ///
    /// As [`make`](Self::make).
    pub(super) fn add(&self) -> Result<(), StorageError> {
        if self.is_there()? { Ok(()) } else { make_one(&self.path) }
    }

    /// The names of the files in it, as far as they may be ours.
    ///
    /// # Errors
    ///
    /// [`StorageError::Io`] if it cannot be read. One that is not there has none.
    pub(super) fn list(&self) -> Result<Vec<String>, StorageError> {
        #[cfg(test)]
        super::tests::counts::directory_read();
        let unreadable = |error| StorageError::io("read", &self.path, &error);
        let mut names = Vec::new();
        let entries = match fs::read_dir(&self.path) {
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
        match disk::flush_directory(&self.path) {
            Err(error) if !platform::cannot_flush_directory(&error) => {
                Err(StorageError::io("sync", &self.path, &error))
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

/// Whether a path leads to what is in one of the directories, whatever links it leads through.
fn is_within(path: &Path, directories: &[PathBuf]) -> bool {
    let path = real(path);
    // A whole disk is nobody's own, whatever a variable says.
    let own = directories.iter().map(|it| real(it)).filter(|it| it.parent().is_some());
    own.into_iter().any(|directory| path.starts_with(directory))
}

/// Where a path leads. Below what is not there, no links are.
fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let Some((above, real)) = there else { return path.into() };
    real.join(path.strip_prefix(above).unwrap_or(path))
}

/// Makes a directory, and those above it that are not there.
fn make(path: &Path) -> Result<(), StorageError> {
    missing(path)?.into_iter().rev().try_for_each(make_one)
}

/// What is not there of a directory and those above it, the lowest first.
///
/// # Errors
///
/// [`StorageError::NoDirectoryAt`]: something else is where one of them has to be, or not even the root is there.
fn missing(path: &Path) -> Result<Vec<&Path>, StorageError> {
    let mut missing = Vec::new();
    for path in path.ancestors() {
        if is_directory(path)? {
            return Ok(missing);
        }
        missing.push(path);
    }
    Err(in_the_way(missing.last().unwrap_or(&path), "there is no such disk"))
}

fn make_one(path: &Path) -> Result<(), StorageError> {
    match platform::directory_builder().create(path) {
        Ok(()) => {
            // Else it could be gone after a loss of power, with the tokens that were saved in it. Not
            // everybody can read the directory above, so it is not insisted on.
            if let Some(parent) = path.parent() {
                let _ = disk::flush_directory(parent);
            }
            Ok(())
        }
        // Somebody else has made it just now.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_directory(path)? => Ok(()),
        // Nothing is missing, and still: what the system itself shows as files (`/proc`) has no room for others'.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                && path.parent().is_some_and(Path::is_dir) =>
        {
            Err(in_the_way(path, "the file system makes none there"))
        }
        Err(error) => Err(StorageError::io("create", path, &error)),
    }
}

/// Whether a directory is there, or a link to one. What cannot be looked at may be one: making another below
/// it tells.
///
/// The name itself is looked at first, and what a link leads to only where one was seen: another process may
/// make the directory between two looks.
///
/// # Errors
///
/// [`StorageError::NoDirectoryAt`]: something else is there.
fn is_directory(path: &Path) -> Result<bool, StorageError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => match fs::metadata(path) {
            Err(error) if is_nothing(&error) => {
                return Err(in_the_way(path, "a link is there, and what it leads to is not"));
            }
            behind => behind,
        },
        found => found,
    };
    match found {
        Ok(found) if found.is_dir() => Ok(true),
        Ok(_) => Err(in_the_way(path, FILE)),
        Err(error) => Ok(!is_nothing(&error)),
    }
}

/// Whether there is nothing under a name. Below a file there is nothing either.
pub(super) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn in_the_way(path: &Path, why: &'static str) -> StorageError {
    StorageError::NoDirectoryAt { path: path.into(), why }
}

const FILE: &str = "something else is there";

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

    /// A look at a name and one at what it leads to are two moments: a directory that came between them was
    /// taken for a link to nothing.
    #[test]
    fn many_threads_make_the_same_directories() {
        let place = std::env::temp_dir().join(format!("mcp-oauth-made-{}", std::process::id()));
        let paths: Vec<PathBuf> = (0..500).map(|i| place.join(format!("{i}/below"))).collect();
        let make_all = || paths.iter().try_for_each(|path| make(path));
        std::thread::scope(|scope| {
            let made = [(); 4].map(|()| scope.spawn(make_all)).map(|thread| thread.join().ok());
            assert!(made.iter().all(|made| matches!(made, Some(Ok(())))), "{made:?}");
        });
        fs::remove_dir_all(place).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The user's profile on Windows, for instance: what is not there has not its permissions.
    #[test]
    fn what_is_within_a_directory_is_told_by_where_a_path_leads() {
        let place = std::env::temp_dir().join(format!("mcp-oauth-within-{}", std::process::id()));
        let (profile, outside) = (place.join("profile"), place.join("profile-of-another"));
        fs::create_dir_all(&profile).unwrap_or_else(|error| panic!("{error}"));
        fs::create_dir_all(&outside).unwrap_or_else(|error| panic!("{error}"));
        let is_within = |path: &Path| is_within(path, &[place.join("missing"), profile.clone()]);
        for path in [profile.clone(), profile.join("data"), place.join("missing/data")] {
            assert!(is_within(&path), "{path:?}");
        }
        for path in [&place, &outside, &outside.join("data"), &place.join("data")] {
            assert!(!is_within(path), "{path:?}");
        }
        let root = place.ancestors().last().unwrap_or(&place).to_owned();
        let up: PathBuf = place.join(place.components().map(|_| "..").collect::<PathBuf>());
        for whole_disk in [root, up] {
            assert!(
                !super::is_within(&profile, std::slice::from_ref(&whole_disk)),
                "{whole_disk:?}"
            );
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, profile.join("link")).unwrap_or_default();
            std::os::unix::fs::symlink(&profile, outside.join("link")).unwrap_or_default();
            assert!(!is_within(&profile.join("link/data")), "a link leads out");
            assert!(is_within(&outside.join("link/data")), "a link leads in");
        }
        fs::remove_dir_all(place).unwrap_or_else(|error| panic!("{error}"));
    }
}
