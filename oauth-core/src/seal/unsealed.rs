//! Bytes that were sealed.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

/// Bytes that were sealed: overwritten when they are dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsealed(Zeroizing<Vec<u8>>);

impl Unsealed {
    /// The bytes themselves.
    ///
    /// # Security
    ///
    /// There are tokens in them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Unsealed {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsealed(…)")
    }
}
