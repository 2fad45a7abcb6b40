//! A seal whose key is the keyring's, as soon as it is there.

use std::sync::Arc;

use oauth_core::seal::{
    KeyringError, Seal, SealContext, SealError, SealingKey, SealingKeys, Unsealed,
};

use crate::keyring::Asking;

/// Seals with the key of one id. It asks no keyring: a call of a store may not wait for a person.
pub(crate) struct KeyringSeal {
    asking: Arc<Asking>,
    key_id: Box<str>,
    readers: Vec<SealingKey>,
    /// Why the key was not there when the store was made.
    why: Option<KeyringError>,
}

impl KeyringSeal {
    pub(crate) fn new(
        asking: &Arc<Asking>,
        key_id: &str,
        readers: &[SealingKey],
        why: Option<KeyringError>,
    ) -> Self {
        Self { asking: Arc::clone(asking), key_id: key_id.into(), readers: readers.into(), why }
    }

    fn keys(&self) -> Result<SealingKeys, SealError> {
        let key = self.asking.known().filter(|key| *key.id() == *self.key_id);
        let Some(key) = key else {
            let gone = || KeyringError::Gone { key_id: self.key_id.clone() };
            return Err(SealError::Keyring(self.why.clone().unwrap_or_else(gone)));
        };
        let readers = self.readers.iter().cloned();
        Ok(readers.fold(SealingKeys::new(key), SealingKeys::and_reading))
    }
}

impl Seal for KeyringSeal {
    fn key_id(&self) -> Box<str> {
        self.key_id.clone()
    }

    fn seal(
        &self,
        plain: &[u8],
        context: &SealContext<'_>,
        random: [u8; 24],
    ) -> Result<Vec<u8>, SealError> {
        self.keys()?.seal(plain, context, random)
    }

    fn open(&self, sealed: &[u8], context: &SealContext<'_>) -> Result<Unsealed, SealError> {
        self.keys()?.open(sealed, context)
    }
}
