//! What a store promises, for stores that do their work when they are called.

use alloc::vec::Vec;

use crate::TokenData;
use crate::UnixTime;
use crate::client::storage::{
    GrantPage, GrantQuery, Lease, Loaded, LockPauses, LoginId, MAX_LOST_RACES, Migrated, NO_LOGINS,
    Spending, StorageError, StoredGrant, WaitingLogin, Written,
};
use crate::flow::Settings;
use crate::session::{Key, Lock, PendingLogin, Record, Spend};

/// Records that threads, processes and machines share.
///
/// # The contract
///
/// 1. [`save`](Self::save) and [`delete`](Self::delete) change a record only if the store holds the generation that the
///    caller expects: in one step, never by a look and a write after it. They return when the change is durable: a
///    store that forgets afterwards logs users out. Generations grow and do not repeat, so a store compares them and
///    counts nothing itself.
/// 2. [`load`](Self::load) finds what was written last, by whomever. A replica that lags behind does not do.
/// 3. Nothing that could be read by a newer version, or repaired by a person, is ever deleted.
/// 4. An answer that was lost says nothing: after an error the caller looks again, and compares.
pub trait Records: Send + Sync {
    /// Reads the record under a key.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]. A damaged record is none: the login goes on without it.
    fn load(&self, key: &Key) -> Result<Loaded, StorageError>;

    /// Writes a record over the generation `expected`; 0 if there must be none.
    ///
    /// A store that loses what it has acknowledged, as a failover to a replica that lags behind does, is not supported:
    /// a refresh token comes back that is spent, and is spent again. Servers that take this for theft end the grant, and
    /// the user logs in once more.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]; the store then holds what it held before, or the new record.
    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError>;

    /// Deletes the record of the generation `expected`. It is never 0.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError>;

    /// Which grants a program has, page by page: without secrets, so that they can be shown. They come in an order that
    /// stays the same. What cannot be read, or has no tokens, is left out, and so is what was not
    /// [moved](Self::migrate) yet.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError>;

    /// All pages from one on.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    fn list_all(&self, query: &GrantQuery) -> Result<Vec<StoredGrant>, StorageError> {
        let GrantPage { mut grants, mut next } = self.list(query)?;
        while let Some(cursor) = next {
            let page = self.list(&query.clone().after(cursor.clone()))?;
            grants.extend(page.grants);
            next = page.next.filter(|next| *next != cursor);
        }
        Ok(grants)
    }

    /// Deletes the record under a key, whichever it is, if there is one.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]; [`Contended`](StorageError::Contended) if others were faster again and again.
    fn erase(&self, key: &Key) -> Result<(), StorageError> {
        let mut stored = self.load(key)?.generation();
        for _ in 0..MAX_LOST_RACES {
            if stored == 0 {
                return Ok(());
            }
            match self.delete(key, stored)? {
                Written::Done => return Ok(()),
                Written::Conflict { stored: other } => stored = other,
            }
        }
        Err(StorageError::Contended)
    }

    /// Keeps a login that was handed out, until it is taken or its end has come. Two of one name are the same login. Those
    /// that have ended are deleted now and then.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]; of a store that keeps none, always.
    fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        let _ = waiting;
        Err(StorageError::refused(NO_LOGINS))
    }

    /// Takes a login out: whoever asks first gets it, and nobody after them. `None` also if its end has come.
    ///
    /// # Errors
    ///
    /// As [`put_login`](Self::put_login).
    fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        let _ = (application, id, now);
        Err(StorageError::refused(NO_LOGINS))
    }

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
}

/// Locks that threads, processes and machines share. The locks of a key are independent.
///
/// # The contract
///
/// 1. At most one holds a lock, until it is released, its process ends, or its lease ends by the store's clock. A lease
///    that ends by itself lasts [`LEASE_LENGTH`](super::LEASE_LENGTH).
/// 2. There are three answers: taken, held by another, and an error, which says neither.
/// 3. Only the holder releases or extends its lease.
pub trait Leases: Send + Sync {
    /// Takes a lock, without waiting for it: `None` while somebody else holds it. Whoever wants it asks
    /// again, for as long as a caller has time.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: the store cannot tell, or cannot be written for instance.
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError>;

    /// Sees that a lock is still held, and has its lease begin anew. False if it was lost: its lease has ended, or its
    /// process was stopped for so long that another took it over.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: it may be held or not.
    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError>;

    /// Releases a lock. It cannot fail: what is not released ends by itself.
    fn release(&self, key: &Key, lease: Lease) {
        let _ = key;
        drop(lease);
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

    /// How often those who wait look whether a lock is free.
    fn pauses(&self) -> LockPauses {
        LockPauses::LOCAL
    }
}

/// A store of grants that threads, processes and machines share: records, and leases on them.
pub trait TokenStorage: Records + Leases {
    /// Sees, right before a refresh token is spent, that [`Lock::Refresh`] is still held and that what comes of the token
    /// can be stored; its lease begins anew. False if the lock was lost, or if the stored record is not that of this
    /// [generation](Spend::generation) any more: its refresh token may be spent already.
    ///
    /// The token is spent next, and cannot be taken back. A save that fails then is tried again until the lease ends. So
    /// a store proves by writing that it can be written: it reserves the [room](Spend::room) for the record, or writes
    /// into the row of the lease.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: the store cannot be written, or has no room. Nothing is spent then.
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        Ok(self.load(key)?.generation() == spend.generation && self.extend(key, lease)?)
    }

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
        Ok(self.load(&Key::grant(application, "", server_url))?.into_tokens())
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
        let key = Key::grant(application, "", server_url);
        let mut stored = self.load(&key)?.generation();
        for _ in 0..MAX_LOST_RACES {
            record = record.replacing(stored);
            match self.save(&key, &record, stored)? {
                Written::Done => return Ok(()),
                Written::Conflict { stored: other } => stored = other,
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
        self.erase(&Key::grant(application, "", server_url))
    }
}
