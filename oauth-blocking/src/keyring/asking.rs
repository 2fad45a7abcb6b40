//! The keyring is asked once, on a thread of its own, for no longer than its caller waits.
//!
//! ```text
//!   Idle ── ask ──▶ Asked ─┬─▶ Known       for as long as the process has a use for it
//!     ▲                    ├─▶ Failed ── ask ──▶ Asked
//!     └── nobody waits, and there was none
//! ```
//!
//! A thread that hangs stays: nothing ends a call of another program's. Who asks meanwhile waits for the same answer.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use oauth_core::client::StorageError;
use oauth_core::seal::{KeyringError, SealError, SealingKey, Unsealed};
use sha2::{Digest as _, Sha256};

use crate::keyring::{KeyringAccess, KeyringItem};

/// A keyring that is asked for a key, and the key.
pub(crate) struct Asking {
    item: KeyringItem,
    access: Arc<dyn KeyringAccess>,
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    state: State,
    /// How many wait for the answer.
    waiting: usize,
}

enum State {
    Idle,
    Asked,
    Known(SealingKey),
    Failed(StorageError),
}

/// What a thread does: it gets the key by the keyring that it is given, and makes one if there is none.
pub(crate) type Errand = Box<dyn FnOnce(&Asking) -> Result<SealingKey, StorageError> + Send>;

impl Asking {
    pub(crate) fn new(item: KeyringItem, access: Arc<dyn KeyringAccess>) -> Self {
        let inner = Mutex::new(Inner { state: State::Idle, waiting: 0 });
        Self { item, access, inner, changed: Condvar::new() }
    }

    pub(crate) fn item(&self) -> &KeyringItem {
        &self.item
    }

    /// The key, if somebody has got it.
    pub(crate) fn known(&self) -> Option<SealingKey> {
        match &self.inner().state {
            State::Known(key) => Some(key.clone()),
            _ => None,
        }
    }

    /// The key; if it is not known, by this errand, or by one that is on its way already.
    ///
    /// # Errors
    ///
    /// [`KeyringError::TimedOut`] in a [`StorageError::Sealed`], or those of the errand.
    pub(crate) fn key(
        self: &Arc<Self>,
        errand: Errand,
        deadline: Duration,
    ) -> Result<SealingKey, StorageError> {
        let begun = Instant::now();
        let mut inner = self.inner();
        if matches!(inner.state, State::Idle | State::Failed(_)) {
            self.send(errand)?;
            inner.state = State::Asked;
        }
        inner.waiting += 1;
        loop {
            let answer = match &inner.state {
                State::Known(key) => Some(Ok(key.clone())),
                State::Failed(error) => Some(Err(error.clone())),
                State::Asked | State::Idle => None,
            };
            let left = deadline.saturating_sub(begun.elapsed());
            if answer.is_some() || left.is_zero() {
                inner.waiting -= 1;
                let timed_out = || self.error(KeyringError::TimedOut { waited: deadline });
                return answer.unwrap_or_else(|| Err(timed_out()));
            }
            let waited = self.changed.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether anybody still waits. What would change the keyring is not done otherwise.
    pub(crate) fn is_wanted(&self) -> bool {
        self.inner().waiting > 0
    }

    /// What the keyring has, if it is a key.
    pub(crate) fn read(&self) -> Result<Option<SealingKey>, StorageError> {
        let found = self.access.read(&self.item).map_err(|error| self.error(error))?;
        found.map(|secret| sealing_key(secret.expose())).transpose().map_err(|it| self.error(it))
    }

    /// Makes a new key, and puts it there.
    pub(crate) fn make(&self) -> Result<(), StorageError> {
        let new = new_key().ok_or_else(|| {
            let why = SealError::Unavailable("there is no randomness".into());
            StorageError::Sealed { place: self.place(), why }
        })?;
        self.access.write(&self.item, new.expose()).map_err(|error| self.error(error))
    }

    pub(crate) fn error(&self, error: KeyringError) -> StorageError {
        StorageError::Sealed { place: self.place(), why: SealError::Keyring(error) }
    }

    fn place(&self) -> Box<str> {
        format!("the key of `{}` in the keyring", self.item.service()).into()
    }

    fn send(self: &Arc<Self>, errand: Errand) -> Result<(), StorageError> {
        let asking = Arc::clone(self);
        let work = move || {
            // Whatever becomes of the errand, nobody waits for ever.
            let mut answer = Answer { asking: &asking, answer: None };
            answer.answer = Some(errand(&asking));
        };
        let spawned = thread::Builder::new().name("oauth-keyring".into()).spawn(work);
        let failed = |error: std::io::Error| KeyringError::Failed { why: error.to_string().into() };
        spawned.map(drop).map_err(|error| self.error(failed(error)))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells all who wait, when it is dropped.
struct Answer<'a> {
    asking: &'a Asking,
    answer: Option<Result<SealingKey, StorageError>>,
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        let panicked = || {
            let why = "it ended with a panic".into();
            Err(self.asking.error(KeyringError::Failed { why }))
        };
        let state = match self.answer.take().unwrap_or_else(panicked) {
            Ok(key) => State::Known(key),
            Err(error) => State::Failed(error),
        };
        self.asking.inner().state = state;
        self.asking.changed.notify_all();
    }
}

/// The key of these bytes. Its id is taken from them, so that another key has another one, and says nothing about them.
pub(crate) fn sealing_key(bytes: &[u8]) -> Result<SealingKey, KeyringError> {
    let bytes: &[u8; 32] =
        bytes.try_into().map_err(|_| KeyringError::NoKey { length: bytes.len() })?;
    let hash = Sha256::new().chain_update(ID_PREFIX).chain_update(bytes).finalize();
    let id = hash[..ID_LENGTH]
        .iter()
        .fold(String::from(ID_PREFIX), |id, byte| format!("{id}{byte:02x}"));
    SealingKey::new(&id, bytes)
        .map_err(|error| KeyringError::Failed { why: error.to_string().into() })
}

/// 32 fresh random bytes; `None` if the system has none.
pub(crate) fn new_key() -> Option<Unsealed> {
    let mut bytes = vec![0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.into())
}

/// How the ids of such keys begin. It never changes, nor does the length: records would not open.
const ID_PREFIX: &str = "keyring-";

/// How much of the hash is in an id, in bytes.
const ID_LENGTH: usize = 8;
