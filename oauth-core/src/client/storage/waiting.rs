//! Logins that were handed out, while their users are away: stored by whoever handed them out, taken by whoever their
//! users come back to.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::client::storage::StorageError;
use crate::client::system::System;
use crate::json::read_json;
use crate::seal::{SealError, SealSubject, Sealing};
use crate::secret::SecretBuffer;
use crate::session::{Key, PendingLogin};

/// Under which name a login waits: a hash of whose it is and of the `state` that comes back with its user. Who reads the
/// store cannot finish a login with it, and who brings somebody else's redirect finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoginId([u8; 32]);

impl LoginId {
    /// That of a login of this user at this server, by its `state`.
    #[must_use]
    pub fn new(key: &Key, state: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(key.id().as_bytes());
        hash.update(format!("login,{}:{state}", state.len()));
        Self(hash.finalize().into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In hexadecimal digits.
impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginId({self})")
    }
}

/// A login as a store keeps it.
#[derive(Debug)]
pub struct WaitingLogin<'a> {
    /// Its name.
    pub id: LoginId,
    /// The program whose it is.
    pub application: &'a str,
    /// The login, with the time of its end.
    pub login: &'a PendingLogin,
}

impl Sealing {
    /// The bytes of a login for a store.
    ///
    /// # Errors
    ///
    /// [`StorageError::Sealed`].
    pub fn login_to_store(
        &self,
        waiting: &WaitingLogin<'_>,
        system: &impl System,
    ) -> Result<Vec<u8>, StorageError> {
        // All keys are texts, so it always serializes.
        let json = SecretBuffer(serde_json::to_string(waiting.login).unwrap_or_default());
        let subject = subject(waiting.application, &waiting.id);
        let bytes =
            self.nonce(system).and_then(|random| self.write(json.0.as_bytes(), subject, random));
        bytes.map_err(sealed)
    }

    /// The login in the bytes that a store held; `None` if they are damaged, which is no better than that there is none.
    ///
    /// # Errors
    ///
    /// [`StorageError::Sealed`].
    pub fn login_from_store(
        &self,
        application: &str,
        id: &LoginId,
        stored: &[u8],
    ) -> Result<Option<PendingLogin>, StorageError> {
        let bytes = self.read(stored, subject(application, id)).map_err(sealed)?;
        let text = core::str::from_utf8(bytes.expose()).ok();
        Ok(text.and_then(|text| read_json(text).ok()))
    }
}

fn subject<'a>(application: &'a str, id: &'a LoginId) -> SealSubject<'a> {
    SealSubject::Login { application, id: id.as_bytes() }
}

fn sealed(why: SealError) -> StorageError {
    StorageError::Sealed { place: Box::from("a login that waits"), why }
}
