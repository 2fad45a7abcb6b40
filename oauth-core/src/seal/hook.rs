//! What seals and opens: the place for a host's own.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::seal::{SealContext, SealError, Unsealed};

/// A hook on the bytes of a record, below the typed record: any store can call it.
///
/// [`SealingKeys`](crate::seal::SealingKeys) is one. A host brings its own where the key may not leave a key service or a
/// security module. [`Sealing`](crate::seal::Sealing) writes the header, so that stores tell such bytes
/// from plain ones as well, and know their key.
///
/// It is called in the middle of a store's work, and at times while a refresh token is being replaced: it must not take
/// long. A host whose key service is across a network gets a data key from there beforehand.
pub trait Seal: Send + Sync {
    /// The id of the key that is written with, of visible characters of ASCII, 255 at most. Two keys have two ids.
    fn key_id(&self) -> Box<str>;

    /// Encrypts bytes, and authenticates them together with the
    /// [associated data](SealContext::associated_data), with the key that the [context](SealContext::key_id) names: the
    /// one that [`key_id`](Self::key_id) has just said. `random` are 24 fresh random bytes.
    ///
    /// # Errors
    ///
    /// [`SealError::Unavailable`] or [`SealError::Other`] for a seal of the host's own.
    ///
    /// # Security
    ///
    /// A seal that leaves the associated data out lets who can write to the store hand one user's record to another.
    fn seal(
        &self,
        plain: &[u8],
        context: &SealContext<'_>,
        random: [u8; 24],
    ) -> Result<Vec<u8>, SealError>;

    /// Opens what [`seal`](Self::seal) has made in the same context, with the key that it names.
    ///
    /// # Errors
    ///
    /// [`SealError::UnknownKey`] if the key is not there, [`SealError::Wrong`] if it does not open the bytes in this
    /// context, and those of [`seal`](Self::seal).
    fn open(&self, sealed: &[u8], context: &SealContext<'_>) -> Result<Unsealed, SealError>;
}
