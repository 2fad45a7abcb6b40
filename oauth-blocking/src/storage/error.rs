//! Why a store cannot be read or written, and what would help.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a store cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system says no.
    #[error("cannot {action} {path}: {cause}")]
    Io {
        /// What was tried, such as "write".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        cause: SystemError,
    },
    /// Something that is no directory is where one has to be.
    #[error("there can be no directory at {path}: {why}")]
    NoDirectoryAt {
        /// What is in the way.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// A file or directory is not what only its owner can read and write.
    #[error("refusing to use {path}: {why}")]
    Insecure {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A record was written by a later version of this crate; it is left as it is.
    #[error("{path} was written by a later version (format {found}); it is left as it is")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format's number.
        found: u32,
    },
    /// Another process has held a lock for much longer than what it is for takes: it may have been
    /// stopped. Nothing was changed.
    #[error("another process has held {path} for {} seconds", waited.as_secs())]
    Busy {
        /// The lock.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// There is no place for files: the home directory is not known.
    #[error("no directory for tokens: set one, or set the environment variable HOME")]
    NoDirectory,
    /// A store of the host's own failed.
    #[error("the token store failed: {0}")]
    Other(Box<str>),
}

impl StorageError {
    /// What would help, in one sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Io { cause, .. } => cause.trouble().advice(),
            Self::NoDirectoryAt { .. } => {
                "mount the disk that is missing or remove what is in the way, or use another directory"
            }
            Self::Insecure { .. } => "make it yours and nobody else's, or use another directory",
            Self::Newer { .. } => "use the later version that wrote it, or another directory",
            Self::Busy { .. } => "call again; if it stays so, end the process that holds the lock",
            Self::NoDirectory => "set a directory for tokens, or the environment variable HOME",
            Self::Other(_) => "see to the token store, and call again",
        }
    }

    /// Whether the same call may succeed without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Io { cause, .. } => cause.trouble().passes(),
            _ => false,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Io { action, path: path.into(), cause: error.into() }
    }
}

/// What the operating system said, as it said it: its number is what manuals and support ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
#[non_exhaustive]
pub struct SystemError {
    /// What kind of error it is. `std` has no kind for many of them.
    pub kind: ErrorKind,
    /// Its number: `errno`, or `GetLastError` on Windows.
    pub code: Option<i32>,
    /// Its text, with the number.
    pub text: Box<str>,
}

impl From<&io::Error> for SystemError {
    fn from(error: &io::Error) -> Self {
        Self {
            kind: error.kind(),
            code: error.raw_os_error(),
            text: error.to_string().into_boxed_str(),
        }
    }
}

impl SystemError {
    /// What it comes to for whoever has to do something about it.
    fn trouble(&self) -> Trouble {
        use ErrorKind::{
            HostUnreachable, NetworkDown, NetworkUnreachable, NotFound, PermissionDenied,
            QuotaExceeded, ReadOnlyFilesystem, StaleNetworkFileHandle, StorageFull, TimedOut,
            Unsupported,
        };
        match self.kind {
            _ if is_held(self.kind, self.code) => Trouble::Held,
            // Disks fill up and empty again; nothing was spent.
            StorageFull | QuotaExceeded => Trouble::Full,
            ReadOnlyFilesystem => Trouble::ReadOnly,
            PermissionDenied => Trouble::Forbidden,
            StaleNetworkFileHandle
            | TimedOut
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable => Trouble::Away,
            Unsupported => Trouble::Unable,
            NotFound => Trouble::Gone,
            _ if self.code == Some(NO_LOCKS) => Trouble::Unable,
            _ => Trouble::Unknown,
        }
    }
}

/// Whether another program has the file, and the error passes when it lets it go.
pub(super) fn is_held(kind: ErrorKind, code: Option<i32>) -> bool {
    if cfg!(windows) {
        // Sharing and lock violations, and a file that is deleted when its last user closes it.
        matches!(code, Some(32 | 33 | 303))
    } else {
        // What Samba and FUSE make of sharing violations; the last one, of a file that Samba has lent.
        matches!(
            kind,
            ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy | ErrorKind::WouldBlock
        )
    }
}

/// Who has to do something about an error of the operating system, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Held,
    Full,
    ReadOnly,
    Forbidden,
    Away,
    Unable,
    Gone,
    Unknown,
}

impl Trouble {
    fn advice(self) -> &'static str {
        match self {
            Self::Held => {
                "call again; if it stays so, end the program that has the file open, or have virus scanners, \
                 backups and indexers leave the directory out"
            }
            Self::Full => "free some space on that disk, and call again",
            Self::ReadOnly => "make that disk writable, or use another directory",
            Self::Forbidden if cfg!(windows) => {
                "let this user read and write it, or end the program that has it open; or use another directory"
            }
            Self::Forbidden => "let this user read and write it, or use another directory",
            Self::Away => "see to the network disk that it is on, and call again",
            Self::Unable => {
                "use a directory on a local disk, or another store: one in memory, or one of your own"
            }
            Self::Gone => "call again: something removed it, or a disk was taken away",
            Self::Unknown => "see to the disk that it is on, or use another directory",
        }
    }

    fn passes(self) -> bool {
        matches!(self, Self::Held | Self::Full | Self::ReadOnly | Self::Away | Self::Gone)
    }
}

/// A file system whose locks are another service's, which does not answer: `ENOLCK`.
const NO_LOCKS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
    37
} else if cfg!(windows) {
    // There is none.
    -1
} else {
    77
};

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: &io::Error) -> StorageError {
        StorageError::io("write", Path::new("a"), error)
    }

    #[test]
    fn what_the_system_said_is_kept() {
        let (number, action) = if cfg!(windows) { (32, "read") } else { (5, "write") };
        let system = io::Error::from_raw_os_error(number);
        let error = StorageError::io(action, Path::new("tokens"), &system);
        let StorageError::Io { cause, .. } = &error else { panic!("{error}") };
        assert_eq!((cause.code, cause.kind), (Some(number), system.kind()));
        assert_eq!(error.to_string(), format!("cannot {action} tokens: {system}"));
        assert!(error.to_string().contains(&format!("(os error {number})")), "{error}");
    }

    #[test]
    fn the_advice_fits_what_happened() {
        for (kind, word, is_retryable) in [
            (ErrorKind::StorageFull, "free some space", true),
            (ErrorKind::QuotaExceeded, "free some space", true),
            (ErrorKind::ReadOnlyFilesystem, "writable", true),
            (ErrorKind::PermissionDenied, "let this user", false),
            (ErrorKind::StaleNetworkFileHandle, "network disk", true),
            (ErrorKind::TimedOut, "network disk", true),
            (ErrorKind::Unsupported, "another store", false),
            (ErrorKind::NotFound, "something removed it", true),
            (ErrorKind::InvalidData, "see to the disk", false),
        ] {
            let error = said(&kind.into());
            assert!(error.advice().contains(word), "{kind}: {}", error.advice());
            assert_eq!(error.is_retryable(), is_retryable, "{kind}");
        }
    }

    #[test]
    fn a_number_without_a_name_has_advice_of_its_own() {
        let held = if cfg!(windows) { 32 } else { 16 };
        for (code, word, is_retryable) in
            [(held, "virus scanners", true), (NO_LOCKS, "local disk", false), (5, "", false)]
        {
            let error = said(&io::Error::from_raw_os_error(code));
            assert!(error.advice().contains(word), "{code}: {}", error.advice());
            assert_eq!(error.is_retryable(), is_retryable, "{code}");
        }
    }
}
