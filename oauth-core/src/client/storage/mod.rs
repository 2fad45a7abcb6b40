//! Where grants rest: the trait, its errors, and a store in memory. Adapters bring others.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::ops::Deref;
use core::time::Duration;
use std::path::PathBuf;

use crate::flow::Settings;
use crate::session::{Key, Lock, Record, Spend};
use crate::{Scopes, TokenData, UnixTime};

mod error;
mod memory;

pub use error::{Insecurity, StorageError, SystemError};
pub use memory::MemoryTokenStorage;

/// A store of grants that threads and processes share.
///
/// # The contract
///
/// 1. [`save`](Self::save) replaces a record only if the store holds the generation that the caller
///    expects, atomically, and returns when the new one is durable. Generations grow and do not repeat, so a
///    store compares them and counts nothing itself.
/// 2. [`try_lock`](Self::try_lock) excludes everybody else who shares the store, in this process or another,
///    until the guard is dropped or its process ends. The locks of a key are independent.
/// 3. [`reserve`](Self::reserve) gives a lock back only if it is still held, and if what comes of the refresh
///    token can be stored: the token is spent next, and cannot be taken back. From then on the lock is held for
///    90 seconds at most, and a save that fails is tried again as long.
/// 4. Nothing that could be read by a newer version, or repaired by a person, is ever deleted.
pub trait TokenStorage: Send + Sync {
    /// Reads the record under a key.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]. A damaged record is none: the login goes on without it.
    fn load(&self, key: &Key) -> Result<Loaded, StorageError>;

    /// Takes a lock, without waiting for it: `None` while somebody else holds it. Whoever wants it asks
    /// again, for as long as a caller has time.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: the store cannot tell, or cannot be written for instance.
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError>;

    /// Sees, right before a refresh token is spent, that its result can be stored: takes the guard of
    /// [`Lock::Refresh`] and gives it back if the lock is still held. `None` if it was lost, because its lease
    /// has ended or its process was stopped for so long that another took it over, or if the stored record is not
    /// that of this [generation](Spend::generation) any more: its refresh token may be spent already.
    ///
    /// A store proves it by writing: it reserves the [room](Spend::room) for the record, or writes into the row
    /// that it will replace. A guard that is not given back is dropped, which releases the lock.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: the store cannot be written, or has no room. Nothing is spent then.
    fn reserve(&self, key: &Key, guard: Guard, spend: Spend)
    -> Result<Option<Guard>, StorageError>;

    /// Who spends the refresh token of a key, as far as the store can tell: what is said to those who have
    /// waited for the lock in vain. It decides about nothing.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        let _ = key;
        Ok(None)
    }

    /// Whether somebody holds a lock, without taking it and without writing: what is shown of a login that is
    /// under way. It decides about nothing, and a store that cannot look says no.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        let _ = (key, lock);
        Ok(false)
    }

    /// Writes a record over the generation `expected`; 0 if there must be none.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]; the store then holds what it held before.
    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError>;

    /// Deletes the record under a key, if there is one.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn delete(&self, key: &Key) -> Result<(), StorageError>;

    /// Which grants a program has, in the order of their keys: without secrets, so that it can be shown.
    /// What cannot be read, or has no tokens, is left out, and so is what was not [moved](Self::migrate)
    /// yet.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn list(&self, application: &str) -> Result<Vec<StoredGrant>, StorageError>;

    /// Moves what a version of this crate before applications has stored for the same user and server
    /// to the key, if it [may be the program's](Record::may_be_of) and there is nothing under the key. A
    /// client asks for it once, holding no lock.
    ///
    /// Only stores in files have such records; others do nothing.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]; nothing is lost then.
    fn migrate(&self, key: &Key, settings: &Settings) -> Result<Migrated, StorageError> {
        let _ = (key, settings);
        Ok(Migrated::Nothing)
    }

    /// A program's tokens for a server, in the default profile.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn load_tokens(
        &self,
        application: &str,
        server_url: &str,
    ) -> Result<Option<TokenData>, StorageError> {
        Ok(self.load(&default_key(application, server_url))?.into_tokens())
    }

    /// Stores tokens that a program brings for a server ([`Record::brought`]), in the default profile and in
    /// place of what is there. Nobody who uses the store notices before they look into it again, and a refresh
    /// that is under way meanwhile is lost to it.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]; [`Contended`](StorageError::Contended) if others were faster again and again.
    fn save_tokens(
        &self,
        application: &str,
        server_url: &str,
        mut record: Record,
    ) -> Result<(), StorageError> {
        let key = default_key(application, server_url);
        let mut stored = self.load(&key)?.generation();
        for _ in 0..MAX_LOST_RACES {
            record = record.replacing(stored);
            match self.save(&key, &record, stored)? {
                Saved::Done => return Ok(()),
                Saved::Conflict { stored: other } => stored = other,
            }
        }
        Err(StorageError::Contended)
    }

    /// Deletes what a program has stored for a server in the default profile. The tokens stay valid at the
    /// server. The client that all profiles share stays registered for the next login; one that is the
    /// profile's own is forgotten
    /// ([`registration_for_each_profile`](crate::client::Builder::registration_for_each_profile)).
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn delete_tokens(&self, application: &str, server_url: &str) -> Result<(), StorageError> {
        self.delete(&default_key(application, server_url))
    }
}

/// A store that the clones of a client share.
#[derive(Clone)]
pub struct SharedStorage(Arc<dyn TokenStorage>);

impl<S: TokenStorage + 'static> From<S> for SharedStorage {
    fn from(storage: S) -> Self {
        Self(Arc::new(storage))
    }
}

impl core::fmt::Debug for SharedStorage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SharedStorage")
    }
}

impl Deref for SharedStorage {
    type Target = dyn TokenStorage;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// What a store holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// Nothing.
    Nothing,
    /// A record.
    Record(Box<Record>),
    /// Something that cannot be read. It was moved aside, and there is nothing under the key now.
    Damaged {
        /// Where it is kept.
        kept: PathBuf,
    },
}

impl Loaded {
    /// The number of the record; 0 if there is none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        match self {
            Self::Record(record) => record.generation(),
            Self::Nothing | Self::Damaged { .. } => 0,
        }
    }

    /// The tokens in the record, if there are any.
    #[must_use]
    pub fn into_tokens(self) -> Option<TokenData> {
        match self {
            Self::Record(record) => record.tokens().cloned(),
            Self::Nothing | Self::Damaged { .. } => None,
        }
    }
}

/// A grant that a store holds, as far as it is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGrant {
    /// Whose it is, and for which server.
    pub key: Key,
    /// The authorization server that issued it.
    pub issuer: Box<str>,
    /// The scopes that it has, if that is known.
    pub scopes: Option<Scopes>,
    /// When the access token expires; `None` if the server did not say.
    pub expires_at: Option<UnixTime>,
    /// Whether it goes on after that.
    pub has_refresh_token: bool,
    /// When the MCP server had refused the access token, so that no refresh helped: a login is needed, or a later
    /// refresh.
    pub refused_at: Option<UnixTime>,
}

impl StoredGrant {
    /// What a record says; `None` if there are no tokens in it, as in that of a shared client.
    #[must_use]
    pub fn new(key: &Key, record: &Record) -> Option<Self> {
        let tokens = record.tokens().filter(|_| key.kind.is_grant())?;
        Some(Self {
            key: key.clone(),
            issuer: record.binding().server().issuer().as_str().into(),
            scopes: record.scopes().cloned(),
            expires_at: tokens.expires_at,
            has_refresh_token: tokens.refresh_token.is_some(),
            refused_at: record.refused_at(),
        })
    }
}

/// Somebody spends a refresh token: between [`TokenStorage::reserve`] and the save of what it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spending {
    /// Since when, by the clock of their machine.
    pub since: UnixTime,
    /// The number of their process on their machine, if the store knows it.
    pub process: Option<u32>,
}

impl Spending {
    /// Since then, by a process of this number, if that is known.
    #[must_use]
    pub fn new(since: UnixTime, process: Option<u32>) -> Self {
        Self { since, process }
    }
}

/// How a [`TokenStorage::save`] went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    /// The record is durable.
    Done,
    /// The store holds another generation, and still does.
    Conflict {
        /// The generation that it holds; 0 if it holds no record.
        stored: u64,
    },
}

/// What a [`TokenStorage::migrate`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Migrated {
    /// There is nothing to move.
    Nothing,
    /// A record was moved.
    Done,
    /// There may be, but somebody is at work on it: a program with an earlier version.
    Busy,
}

/// A lock that is held: dropped, it is released.
pub struct Guard(Box<dyn Any + Send>);

impl Guard {
    /// A guard that releases by dropping `held`.
    pub fn new(held: impl Send + 'static) -> Self {
        Self(Box::new(held))
    }

    /// Takes out what it was [made](Self::new) of, for the store that made it: nothing is released yet.
    ///
    /// # Errors
    ///
    /// The guard, if it was made of another type.
    pub fn into_held<T: Any>(self) -> Result<T, Self> {
        self.0.downcast().map(|held| *held).map_err(Self)
    }
}

impl core::fmt::Debug for Guard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Guard")
    }
}

/// How long the lock under which a refresh token is spent is held at most: twice what its request may take, and
/// the time for a save. Then it counts as lost.
pub const LEASE: Duration = Duration::from_secs(90);

fn default_key(application: &str, server_url: &str) -> Key {
    Key::grant(application, "", server_url)
}

/// How often others may be faster than who stores tokens.
const MAX_LOST_RACES: usize = 3;
