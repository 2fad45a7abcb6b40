//! What becomes of records at rest: what the host wants, and what it came to.

use std::fmt;

use oauth_core::seal::KeyringError;

/// What to do where no keyring answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringMode {
    /// Records are sealed if a keyring answers. Else they are plain, as ever, unless some were sealed before: then nothing
    /// is written until it answers again.
    #[default]
    Auto,
    /// Records are sealed; that no keyring answers is an error.
    Keyring,
    /// Records are sealed if some were before, as under [`Auto`](Self::Auto). Else they are plain, and no keyring is asked:
    /// for a program whose user decides, and for which [`Keyring`](Self::Keyring) seals when they do.
    AsBefore,
    /// Records are plain, and no keyring is asked. What was sealed before is not read.
    File,
}

/// What became of it, to be said once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the user should be told once if their records are not sealed"]
#[non_exhaustive]
pub enum AtRest {
    /// Records are sealed with a key of the keyring's. Plain ones are read, unless they are refused, and are sealed at
    /// their next save.
    Sealed {
        /// The key's id.
        key_id: Box<str>,
    },
    /// Records are plain, and it stays so until the store is made anew.
    Plain {
        /// Why the keyring has not given a key; `None` if it was not asked.
        why: Option<KeyringError>,
    },
    /// Records were sealed before, and the key is not there: each call that would read a sealed record, or write one, is
    /// [`StorageError::Sealed`](crate::StorageError::Sealed). What is plain still is read. If the host asks again
    /// ([`sealed_by`](crate::FileTokenStorage::sealed_by)) and gets the key, clients of this store have it as well.
    Withheld {
        /// The id of the key.
        key_id: Box<str>,
        /// Why the keyring has not given it.
        why: KeyringError,
    },
}

impl fmt::Display for AtRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed { key_id } => {
                write!(f, "logins are sealed with the key `{key_id}` of the keyring")
            }
            Self::Plain { why: None } => f.write_str("logins are stored in plain files"),
            Self::Plain { why: Some(why) } => {
                write!(
                    f,
                    "logins are stored in plain files, because {why}; to have them sealed, {}",
                    why.advice()
                )
            }
            Self::Withheld { key_id, why } => {
                write!(
                    f,
                    "logins are sealed with the key `{key_id}` and cannot be read, because {why}; {}",
                    why.advice()
                )
            }
        }
    }
}
