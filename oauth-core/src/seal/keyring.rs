//! Why a keyring has not given the key.

use alloc::boxed::Box;
use core::time::Duration;

/// Why the keyring has not given the key that records are sealed with.
///
/// An adapter asks for it once; nothing here passes by itself within a call. What a keyring says is in the system's own
/// words, and for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// There is none in this session: no bus, no service, no session of a user's.
    #[error("there is no keyring in this session: {why}")]
    Missing {
        /// What the system says.
        why: Box<str>,
    },
    /// It is locked, and nobody has unlocked it.
    #[error("the keyring is locked: {why}")]
    Locked {
        /// What it says.
        why: Box<str>,
    },
    /// It does not give the key to this program, or the user has said no. On macOS an item belongs to the program that
    /// made it, by its signature: another build of the same program is another one.
    #[error("the keyring refuses: {why}")]
    Refused {
        /// What it says.
        why: Box<str>,
    },
    /// It has not answered in time: it may wait for a person who is not there.
    #[error("the keyring has not answered within {} seconds", waited.as_secs_f32())]
    TimedOut {
        /// How long it was waited for.
        waited: Duration,
    },
    /// Records are sealed with a key that it no longer has. It was emptied, or is that of another machine.
    #[error("the key `{key_id}` is no longer in the keyring")]
    Gone {
        /// The key's id.
        key_id: Box<str>,
    },
    /// Records are sealed with another key than the one that it has.
    #[error("records are sealed with the key `{expected}`, and the keyring has `{found}`")]
    AnotherKey {
        /// The id of the key that records are sealed with.
        expected: Box<str>,
        /// The id of the one that is there.
        found: Box<str>,
    },
    /// What lies under that name is no key: it has not 32 bytes.
    #[error("what the keyring has under that name is no key: it has {length} bytes, not 32")]
    NoKey {
        /// How many bytes it has.
        length: usize,
    },
    /// Something else.
    #[error("the keyring failed: {why}")]
    Failed {
        /// What it says.
        why: Box<str>,
    },
}

impl KeyringError {
    /// What would help, in one sentence.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "run the program in the user's own session, where a keyring runs: over SSH, in containers and in services \
                 there is mostly none"
            }
            Self::Locked { .. } => "have the user unlock the keyring, and start the program again",
            Self::Refused { .. } => {
                "have the user allow this program in the keyring, and start it again; macOS binds an item to the signature of \
                 the program, and another build of it has to be allowed anew"
            }
            Self::TimedOut { .. } => {
                "have the user answer what the keyring asks, and start the program again; where nobody can, use a key from \
                 elsewhere"
            }
            Self::Gone { .. } => {
                "restore the keyring; if the key is lost, discard the records that need it with `discard_sealed`, and log in \
                 again"
            }
            Self::AnotherKey { .. } => {
                "restore the keyring that the records were sealed with, or discard them with `discard_sealed`, and log in \
                 again"
            }
            Self::NoKey { .. } => {
                "see which program has put it there, and use another name for the key, or remove it"
            }
            Self::Failed { .. } => "see to the keyring, and start the program again",
        }
    }
}
