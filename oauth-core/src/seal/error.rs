//! Why bytes are not sealed, or do not open.

use alloc::boxed::Box;

use crate::seal::KeyringError;
use crate::session::RecordDefect;

/// Why bytes are not sealed, or do not open.
///
/// None of these is damage that a store sets aside: what it holds stays as it is, and is no reason for a login that
/// nobody has asked for. The right key may come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The bytes are sealed, and no seal is set up.
    #[error("it is sealed with the key `{key_id}`, and no key is set up")]
    NoSeal {
        /// The key's id.
        key_id: Box<str>,
    },
    /// The bytes are sealed with a key that is not there.
    #[error("it is sealed with the key `{key_id}`, which is not there")]
    UnknownKey {
        /// The key's id.
        key_id: Box<str>,
    },
    /// The key of that id is there, and does not open the bytes: it is another one, or they are not what was sealed
    /// for this place, or damaged. Which one cannot be told.
    #[error(
        "the key `{key_id}` does not open it: it was moved, put back or damaged, or that is another key"
    )]
    Wrong {
        /// The key's id.
        key_id: Box<str>,
    },
    /// The bytes begin as sealed ones do, and end or go wrong before the key's id does.
    #[error("it is sealed, and cut off or damaged before it says with which key")]
    Malformed,
    /// The bytes were sealed by a later version of this crate.
    #[error("it was sealed by a later version (format {format})")]
    Newer {
        /// The format's number.
        format: u8,
    },
    /// The bytes are plain, and [plain ones are refused](crate::seal::Sealing::only).
    #[error("it is not sealed, and only what is sealed is read")]
    NotSealed,
    /// The id of a key is empty, longer than 255 bytes, or not of visible characters of ASCII.
    #[error("the id of a key is 1 to 255 visible characters of ASCII")]
    KeyId,
    /// The key is in a keyring, which has not given it.
    #[error("{0}")]
    Keyring(KeyringError),
    /// A seal of the host's own cannot be asked just now.
    #[error("the key cannot be asked for just now: {0}")]
    Unavailable(Box<str>),
    /// A seal of the host's own failed.
    #[error("the seal failed: {0}")]
    Other(Box<str>),
}

impl SealError {
    /// What would help, in one sentence.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NoSeal { .. } => "set up the key that it was sealed with",
            Self::UnknownKey { .. } => {
                "add the key of that id to those that are read with, or remove the record and log in again"
            }
            Self::Wrong { .. } => {
                "see that the key of that id is the one it was sealed with, and who else writes to the store; or remove \
                 the record and log in again"
            }
            Self::Malformed => "restore the record from a backup, or remove it and log in again",
            Self::Newer { .. } => "use the later version that sealed it",
            Self::NotSealed => {
                "read plain records once more, and seal them; if there should be none, see who else writes to the store"
            }
            Self::KeyId => {
                "give the key a short name, such as the year and month in which it was made"
            }
            Self::Keyring(error) => error.advice(),
            Self::Unavailable(_) => "call again; if it stays so, see to what holds the key",
            Self::Other(_) => "see to what holds the key, and call again",
        }
    }

    /// Whether the same call may succeed without anybody's help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Why stored bytes cannot be read as a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// They do not open: they stay where they are.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// They are plain, or do open, and are no record that this version reads.
    #[error(transparent)]
    Record(#[from] RecordDefect),
}
