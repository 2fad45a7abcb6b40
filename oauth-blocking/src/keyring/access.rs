//! What a keyring has to be able to do: the place for a host's own.

use oauth_core::seal::{KeyringError, Unsealed};

use crate::keyring::KeyringItem;

/// A keyring: the [system's](crate::keyring::SystemKeyring), or a host's own.
///
/// It may take its time, and wait for a person. It is asked on a thread of its own, by one at a time for each
/// [`Keyring`](crate::Keyring), and is not asked again while it has not answered.
pub trait KeyringAccess: Send + Sync {
    /// The secret under this name; `None` if it has none.
    ///
    /// # Errors
    ///
    /// A [`KeyringError`]. One that is locked has not none: that would be replaced.
    fn read(&self, item: &KeyringItem) -> Result<Option<Unsealed>, KeyringError>;

    /// Keeps a secret of 32 bytes under this name, which any later [`read`](Self::read) finds.
    ///
    /// # Errors
    ///
    /// A [`KeyringError`].
    fn write(&self, item: &KeyringItem, secret: &[u8]) -> Result<(), KeyringError>;
}
