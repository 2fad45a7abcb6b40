//! The key of sealed records, in the system's keyring: 32 bytes there, and records in files as ever.
//!
//! ```no_run
//! use oauth_blocking::{AtRest, FileTokenStorage, Keyring};
//!
//! let (store, at_rest) = FileTokenStorage::new("My editor")?.sealed_by(&Keyring::new("My editor"))?;
//! if !matches!(at_rest, AtRest::Sealed { .. }) {
//!     eprintln!("{at_rest}"); // once, for people
//! }
//! # Ok::<(), oauth_blocking::StorageError>(())
//! ```
//!
//! A record does not fit into every keyring (Windows has room for 2,560 bytes), and none has a lock or a
//! compare-and-swap. So it holds a key, which is read once for a [`Keyring`] and its clones, and is overwritten in memory
//! when the last of them is dropped.
//!
//! # Which keyring
//!
//! | system | what | |
//! |---|---|---|
//! | Linux | the Secret Service on the session's bus: GNOME Keyring, KWallet, KeePassXC | asks for a password if it is locked |
//! | macOS | the user's keychain | binds the key to the signature of the program: another build is asked for, or refused |
//! | Windows | the Credential Manager | never asks |
//! | others | none | a host's own [`KeyringAccess`] |
//!
//! # Never a hang
//!
//! Keyrings wait for people: over SSH, in containers, and when they are locked, for ones who do not come. The keyring is
//! asked on a thread of its own, and [`FileTokenStorage::sealed_by`](crate::FileTokenStorage::sealed_by) returns at the
//! [deadline](Keyring::deadline) whatever becomes of it. An answer that comes later is kept for who asks next. Nobody is
//! asked a second time unless the host does so.

mod access;
mod asking;
mod at_rest;
mod item;
mod seal;
mod system;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oauth_core::seal::{Sealing, SealingKey};

use crate::user_agent::shows_pages;

pub(crate) use asking::Asking;
pub(crate) use seal::KeyringSeal;

pub use access::KeyringAccess;
pub use at_rest::{AtRest, KeyringMode};
pub use item::KeyringItem;
pub use system::SystemKeyring;

/// Where the key of sealed records is, and what to do without it. Make one for a process: clones share the key.
#[derive(Clone)]
pub struct Keyring {
    mode: KeyringMode,
    deadline: Duration,
    refuses_plain: bool,
    readers: Vec<SealingKey>,
    asking: Arc<Asking>,
}

impl Keyring {
    /// How long a person is waited for, who may have to unlock it.
    pub const ATTENDED: Duration = Duration::from_secs(60);

    /// How long a keyring is waited for where nobody is.
    pub const UNATTENDED: Duration = Duration::from_secs(2);

    /// The system's keyring. The key is called by the name of the program, which people see there.
    #[must_use]
    pub fn new(application: &str) -> Self {
        Self::with(KeyringItem::new(application, ACCOUNT), SystemKeyring)
    }

    /// A keyring of the host's own, and the name of the key in it.
    #[must_use]
    pub fn with(item: KeyringItem, access: impl KeyringAccess + 'static) -> Self {
        Self {
            mode: KeyringMode::Auto,
            deadline: if shows_pages() { Self::ATTENDED } else { Self::UNATTENDED },
            refuses_plain: false,
            readers: Vec::new(),
            asking: Arc::new(Asking::new(item, Arc::new(access))),
        }
    }

    /// What to do where no keyring answers. Without this, [`KeyringMode::Auto`].
    #[must_use]
    pub fn mode(self, mode: KeyringMode) -> Self {
        Self { mode, ..self }
    }

    /// How long the keyring is waited for in all. Without this, [`ATTENDED`](Self::ATTENDED) in a session that can show its
    /// user a page, and [`UNATTENDED`](Self::UNATTENDED) over SSH, without a display and in containers.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Refuses plain records, as [`Sealing::only`] does. Nothing is ever stored plain then: where no keyring answers,
    /// that is an error under [`KeyringMode::Auto`] and [`KeyringMode::AsBefore`], too.
    #[must_use]
    pub fn refusing_plain(self) -> Self {
        Self { refuses_plain: true, ..self }
    }

    /// Reads with this key as well, which a host has had before: what it has sealed is sealed with the keyring's at its
    /// next save, or by [`seal_anew`](crate::FileTokenStorage::seal_anew).
    #[must_use]
    pub fn and_reading(mut self, key: SealingKey) -> Self {
        self.readers.push(key);
        self
    }

    /// What the key is called in the keyring.
    #[must_use]
    pub fn item(&self) -> &KeyringItem {
        self.asking.item()
    }

    pub(crate) fn asks(&self) -> bool {
        self.mode != KeyringMode::File
    }

    /// The same where no key is noted yet.
    pub(crate) fn asks_for_the_first(&self) -> bool {
        self.mode != KeyringMode::AsBefore || self.refuses_plain
    }

    /// Whether plain records are written where there is no key, and never was one.
    pub(crate) fn falls_back(&self) -> bool {
        matches!(self.mode, KeyringMode::Auto | KeyringMode::AsBefore) && !self.refuses_plain
    }

    pub(crate) fn asking(&self) -> (&Arc<Asking>, Duration) {
        (&self.asking, self.deadline)
    }

    /// Seals with the key of this id, which is there or will be.
    pub(crate) fn sealing(
        &self,
        seal: impl FnOnce(&Arc<Asking>, &[SealingKey]) -> KeyringSeal,
    ) -> Sealing {
        let seal = seal(&self.asking, &self.readers);
        if self.refuses_plain { Sealing::only(seal) } else { Sealing::with(seal) }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("item", self.item())
            .field("mode", &self.mode)
            .field("deadline", &self.deadline)
            .field("refuses_plain", &self.refuses_plain)
            .finish_non_exhaustive()
    }
}

/// What the key is called beside the program's name. It never changes: records would not open.
const ACCOUNT: &str = "key of stored logins";
