//! The store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::UnixTime;
use oauth_core::client::{LEASE_LENGTH, Lease, Spending, StorageError};
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, Lock, Spend};
use redis::aio::ConnectionLike;

use crate::redis::connection::Connection;
use crate::redis::keys::{InvalidPrefix, Prefix};
use crate::redis::scripts::{Call, EXTEND, RELEASE, RESERVE, TAKE, TEXT};
use crate::redis::terms::{OpenError, Terms, checked};
use crate::remote::{Held, LeaseRows, Name, Orphans, Owner, Rows as _};
use crate::storage::{Leases, SharedStorage, TokenStorage};

/// A store in Redis or Valkey: what it promises is in [the module's contracts](super#contracts).
///
/// Clones share the connection, and what they know of leases whose taking or release was cut off: they take over from
/// each other there. Two stores that are opened apart wait for the end of such a lease, as other processes do.
///
/// A command that is not answered within the [time limit](Self::time_limit) is an error that passes, as are a lost
/// connection, a server that starts, or has no room, and a replica. Missing rights, and a password that is refused, are
/// errors that say what to do.
#[derive(Clone)]
pub struct RedisStorage {
    pub(super) connection: Arc<Connection>,
    pub(super) prefix: Prefix,
    orphans: Arc<Orphans>,
    pub(super) sealing: Sealing,
}

impl RedisStorage {
    /// A store over a connection of the host's, which is cloned for each command: a `ConnectionManager` is opened anew
    /// when it broke, a `MultiplexedConnection` is not; a cluster wants a `ClusterConnection`. The server is asked
    /// whether it keeps what it acknowledges.
    ///
    /// # Errors
    ///
    /// An [`OpenError`]: what the server does is not accepted, or it is not reached.
    pub async fn open<C>(connection: C, terms: Terms) -> Result<Self, OpenError>
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        let connection = checked(Connection::new(connection), terms).await?;
        Ok(Self {
            connection: Arc::new(connection),
            prefix: Prefix::default(),
            orphans: Arc::default(),
            sealing: Sealing::none(),
        })
    }

    /// With keys that begin with something else than `mcp_oauth`.
    ///
    /// # Errors
    ///
    /// An [`InvalidPrefix`]: 1 to 100 of letters, digits and `_-./:`.
    pub fn prefix(self, prefix: &str) -> Result<Self, InvalidPrefix> {
        Ok(Self { prefix: Prefix::new(prefix)?, orphans: Arc::default(), ..self })
    }

    /// With records, and logins that wait, that are encrypted under their keys ([`oauth_core::seal`] says against whom
    /// that helps). Plain ones that are there already are read, unless the seal refuses them, and are sealed at their
    /// next save. Who has what, and at which server, stays readable.
    #[must_use]
    pub fn sealed(self, sealing: Sealing) -> Self {
        Self { sealing, ..self }
    }

    /// How long a command may take; 10 seconds if nothing is said. The connection may have a shorter limit of its own.
    #[must_use]
    pub fn time_limit(self, limit: Duration) -> Self {
        Self { connection: Arc::new(self.connection.with_limit(limit)), ..self }
    }

    /// What stands under the lease of a lock, if somebody holds it.
    async fn lease(&self, name: &Name) -> Result<Option<String>, StorageError> {
        let lease = self.prefix.lease(name);
        Ok(self.connection.look(Call::new(&TEXT, &[&lease], &[])).await?)
    }
}

impl LeaseRows for RedisStorage {
    fn orphans(&self) -> &Orphans {
        &self.orphans
    }

    async fn take(&self, name: Name, owner: Owner, orphans: &str) -> Result<bool, StorageError> {
        let (lease, owner) = (self.prefix.lease(&name), owner.to_string());
        let arguments = [owner.as_bytes(), LENGTH.as_bytes(), orphans.as_bytes()];
        Ok(self.connection.call(Call::new(&TAKE, &[&lease], &arguments)).await?)
    }

    async fn end(&self, name: Name, owner: Owner) -> Result<(), StorageError> {
        let (lease, owner) = (self.prefix.lease(&name), owner.to_string());
        let call = Call::new(&RELEASE, &[&lease], &[owner.as_bytes()]);
        self.connection.call::<u8>(call).await?;
        Ok(())
    }
}

impl Leases for RedisStorage {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        Held::take(self, key, lock).await
    }

    async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        let (name, owner) = Held::<Self>::of(lease, key)?;
        let (lease, owner) = (self.prefix.lease(&name), owner.to_string());
        let arguments = [owner.as_bytes(), LENGTH.as_bytes()];
        Ok(self.connection.call(Call::new(&EXTEND, &[&lease], &arguments)).await?)
    }

    async fn release(&self, _: &Key, lease: Lease) {
        Held::<Self>::release(lease).await;
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        Ok(self.lease(&Name::of(key, lock)).await?.is_some())
    }
}

impl TokenStorage for RedisStorage {
    /// In one script. That the lease was written shows that a record can be.
    async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.sealing.see_that_it_seals(key, &self.place(key), &OperatingSystem)?;
        let (name, owner) = Held::<Self>::of(lease, key)?;
        let (owner, generation) = (owner.to_string(), spend.generation.to_string());
        let (lease, record) = (self.prefix.lease(&name), self.prefix.record(name.id));
        let arguments = [owner.as_bytes(), LENGTH.as_bytes(), generation.as_bytes()];
        Ok(self.connection.call(Call::new(&RESERVE, &[&lease, &record], &arguments)).await?)
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        let lease = self.lease(&Name::of(key, Lock::Refresh)).await?;
        let since = lease.as_deref().and_then(|it| it.split_once(':')?.1.parse().ok());
        Ok(since.map(|since| Spending::new(UnixTime::from_secs(since), None)))
    }
}

impl From<RedisStorage> for SharedStorage {
    fn from(storage: RedisStorage) -> Self {
        Self::new(storage)
    }
}

impl fmt::Debug for RedisStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStorage")
            .field("prefix", &self.prefix)
            .field("limit", &self.connection.limit())
            .finish_non_exhaustive()
    }
}

/// [`LEASE_LENGTH`] in milliseconds.
const LENGTH: &str = "90000";
const _: () = assert!(LEASE_LENGTH.as_millis() == 90_000, "the text is another one");
