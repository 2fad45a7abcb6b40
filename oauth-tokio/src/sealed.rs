//! The store in files, where its records are sealed: what takes time is not done on a worker.

use oauth_blocking::FileTokenStorage;
#[cfg(feature = "keyring")]
use oauth_blocking::{AtRest, Keyring};
use oauth_core::client::StorageError;

use crate::storage::Blocking;

impl Blocking<FileTokenStorage> {
    /// [`FileTokenStorage::seal_anew`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn seal_anew(&self, application: &str) -> Result<u64, StorageError> {
        let application = Box::<str>::from(application);
        self.run(move |store| store.seal_anew(&application)).await
    }

    /// [`FileTokenStorage::sealed_by`], which may wait for a person as long as the keyring's deadline allows.
    ///
    /// # Errors
    ///
    /// The same.
    #[cfg(feature = "keyring")]
    pub async fn sealed_by(self, keyring: &Keyring) -> Result<(Self, AtRest), StorageError> {
        let keyring = keyring.clone();
        let (store, at_rest) = self.run(move |store| store.clone().sealed_by(&keyring)).await?;
        Ok((self.replaced(store), at_rest))
    }

    /// [`FileTokenStorage::discard_sealed`].
    ///
    /// # Errors
    ///
    /// The same.
    #[cfg(feature = "keyring")]
    pub async fn discard_sealed(
        &self,
        application: &str,
        keyring: &Keyring,
    ) -> Result<u64, StorageError> {
        let (application, keyring) = (Box::<str>::from(application), keyring.clone());
        self.run(move |store| store.discard_sealed(&application, &keyring)).await
    }
}
