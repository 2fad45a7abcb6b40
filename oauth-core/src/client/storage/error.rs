//! Why a store cannot be read or written, and what would help.

use alloc::boxed::Box;
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};

use crate::seal::SealError;

pub use failure::StoreFailure;
pub use insecurity::Insecurity;
pub use system::SystemError;

mod failure;
mod insecurity;
mod system;

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
    /// Nothing can be kept below a path: something that is no directory is where one has to be, or there is nothing to
    /// make it in.
    #[error("no directory can be had at {path}: {why}")]
    NoDirectoryAt {
        /// Where there is none.
        path: PathBuf,
        /// What there is.
        why: &'static str,
    },
    /// A path leads nowhere: it is empty, or it is relative and the process's current directory is gone.
    #[error("{path:?} leads nowhere: it is empty, or relative to a directory that is gone")]
    NotAbsolute {
        /// The path.
        path: PathBuf,
    },
    /// A file or directory is not what only its owner can read and write.
    #[error("refusing to use {path}: {why}")]
    Insecure {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it, and what would help.
        why: Insecurity,
    },
    /// A record was written by a later version of this crate; it is left as it is.
    #[error("{place} was written by a later version (format {found}); it is left as it is")]
    Newer {
        /// Where it is: a file, or a row.
        place: Box<str>,
        /// The format's number.
        found: u32,
    },
    /// Another process has held a lock for much longer than what it is for takes: it may have been
    /// stopped. Nothing was changed.
    #[error("another process has held {place} for {} seconds", waited.as_secs())]
    Busy {
        /// The lock.
        place: Box<str>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A record is sealed, and cannot be opened or sealed now; it is left as it is, and nobody has to log in for it.
    #[error("{place}: {why}")]
    Sealed {
        /// Where it is: a file, or a row.
        place: Box<str>,
        /// Why not.
        why: SealError,
    },
    /// Others have written the record again and again meanwhile. Nothing was changed.
    #[error("others have written the record again and again")]
    Contended,
    /// There is no place for files: the home directory is not known.
    #[error("no directory for tokens: set one, or set the environment variable HOME")]
    NoDirectory,
    /// A store that is a program of its own failed, or is not reached.
    #[error("the token store failed: {cause}")]
    Unavailable {
        /// What it says.
        cause: StoreFailure,
        /// Whether the same call may succeed later without anybody's help.
        is_retryable: bool,
    },
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
            Self::NotAbsolute { .. } => "give the store an absolute path",
            Self::Insecure { why, .. } => why.advice(),
            Self::Newer { .. } => "use the later version that wrote it, or another store",
            Self::Busy { .. } => "call again; if it stays so, end the process that holds the lock",
            Self::Sealed { why, .. } => why.advice(),
            Self::Contended => "call again",
            Self::NoDirectory => "set a directory for tokens, or the environment variable HOME",
            Self::Unavailable { is_retryable: true, .. } => {
                "call again; if it stays so, see to the token store"
            }
            Self::Unavailable { .. } => "see to the token store, and call again",
        }
    }

    /// Whether the same call may succeed without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Contended => true,
            Self::Sealed { why, .. } => why.is_retryable(),
            Self::Unavailable { is_retryable, .. } => *is_retryable,
            Self::Io { cause, .. } => cause.trouble().passes(),
            _ => false,
        }
    }

    /// A store is not reached for now, or is busy: the same call may succeed later.
    #[must_use]
    pub fn unreachable(cause: impl Into<StoreFailure>) -> Self {
        Self::Unavailable { cause: cause.into(), is_retryable: true }
    }

    /// A store refuses: somebody has to see to it first.
    #[must_use]
    pub fn refused(cause: impl Into<StoreFailure>) -> Self {
        Self::Unavailable { cause: cause.into(), is_retryable: false }
    }

    /// The operating system's answer to what was tried, such as "write", with a file or directory.
    #[must_use]
    pub fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Io { action, path: path.into(), cause: error.into() }
    }
}
