//! The store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::UnixTime;
use oauth_core::client::{Lease, Spending, StorageError, Written};
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, Lock, Spend};

use crate::postgres::error::StatementError;
use crate::postgres::sql::{self, Sql};
use crate::postgres::statement::{Parameter, Row, Statements};
use crate::postgres::tables::Tables;
use crate::remote::{
    FORMAT, Held, LeaseRows, MOST_TRIES, Name, Orphans, Owner, Rows as _, TIME_LIMIT,
};
use crate::storage::{Leases, SharedStorage, TokenStorage};

/// A store in a database: what it promises is in [the module's contracts](super#contracts).
///
/// Clones share the connection, and what they know of leases whose taking or release was cut off: they take over from
/// each other there. Two stores that are made apart wait for the end of such a lease, as other processes do.
///
/// A statement that is not answered within the [time limit](Self::time_limit) is an error that passes, as are a lost
/// connection, a database that is restarted or full, and a replica. Missing tables and rights, and a password that is
/// refused, are errors that say what to do.
#[derive(Clone)]
pub struct PostgresStorage {
    statements: Arc<dyn Statements>,
    pub(super) tables: Arc<Tables>,
    sql: Arc<Sql>,
    orphans: Arc<Orphans>,
    limit: Duration,
    pub(super) sealing: Sealing,
    /// How many logins were kept.
    pub(super) logins: Arc<AtomicUsize>,
}

impl PostgresStorage {
    /// A store whose statements are run by a client, by [`Reconnecting`](super::Reconnecting), or by what the host has.
    pub fn new(statements: impl Statements) -> Self {
        let tables = Tables::default();
        Self {
            statements: Arc::new(statements),
            sql: Arc::new(Sql::new(&tables)),
            tables: Arc::new(tables),
            orphans: Arc::default(),
            limit: TIME_LIMIT,
            sealing: Sealing::none(),
            logins: Arc::default(),
        }
    }

    /// In tables of these names.
    #[must_use]
    pub fn tables(self, tables: Tables) -> Self {
        let sql = Arc::new(Sql::new(&tables));
        Self { tables: Arc::new(tables), sql, orphans: Arc::default(), ..self }
    }

    /// With records, and logins that wait, that are encrypted in their rows ([`oauth_core::seal`] says against whom that
    /// helps). Plain ones that are there already are read, unless the seal refuses them, and are sealed at their next
    /// save. Who has what, and at which server, stays readable.
    #[must_use]
    pub fn sealed(self, sealing: Sealing) -> Self {
        Self { sealing, ..self }
    }

    /// How long a statement may take, with the connection that is opened for it; 10 seconds if nothing is said.
    #[must_use]
    pub fn time_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Makes the tables, if they are not there: for tests and examples. Programs with users run the
    /// [migration](Tables::migration) by a role that may make tables, which theirs need not.
    ///
    /// Any number may do so at once. It is one transaction.
    ///
    /// # Errors
    ///
    /// A [`StorageError`].
    pub async fn create_tables(&self) -> Result<(), StorageError> {
        self.run(&sql::once(&self.tables.migration()), &[]).await?;
        Ok(())
    }

    pub(super) async fn run(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StatementError> {
        let answer = self.statements.run(statement, parameters);
        tokio::time::timeout(self.limit, answer).await.unwrap_or_else(|_| {
            let message = format!("the database has not answered for {:?}", self.limit);
            Err(StatementError::unreachable(message))
        })
    }

    /// Whether a statement found, or changed, what it asked for.
    pub(super) async fn has_row(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<bool, StorageError> {
        Ok(!self.run(statement, parameters).await?.is_empty())
    }

    pub(super) fn sql(&self) -> &Sql {
        &self.sql
    }

    /// The same again, until the answer is one: somebody may be faster between two statements.
    pub(super) async fn write(
        &self,
        key: &Key,
        expected: u64,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Written, StorageError> {
        for _ in 0..MOST_TRIES {
            if self.has_row(statement, parameters).await? {
                return Ok(Written::Done);
            }
            let stored = self.generation(key).await?;
            if stored != expected {
                return Ok(Written::Conflict { stored });
            }
        }
        Err(StorageError::Contended)
    }

    async fn generation(&self, key: &Key) -> Result<u64, StorageError> {
        let rows = self.run(&self.sql.state, &[Parameter::Bytes(key.id().as_bytes())]).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        let format = row.number(1)?;
        if format > FORMAT {
            return Err(self.newer(key, format.try_into().unwrap_or(u32::MAX)));
        }
        // The table has none that is less than 1.
        Ok(row.number(0)?.try_into().unwrap_or_default())
    }

    fn newer(&self, key: &Key, found: u32) -> StorageError {
        StorageError::Newer { place: self.place(key).into(), found }
    }

    /// Extends a lease of this store's, if the statement does.
    async fn prolong(
        &self,
        key: &Key,
        lease: &mut Lease,
        statement: &str,
        generation: Option<u64>,
    ) -> Result<bool, StorageError> {
        let (name, owner) = Held::<Self>::of(lease, key)?;
        let owner = owner.to_string();
        let mut parameters = of_lease(&name, &owner).to_vec();
        parameters.extend(generation.map(|it| Parameter::Number(number(it))));
        self.has_row(statement, &parameters).await
    }

    /// The row of a lock that is held.
    async fn held(&self, name: Name) -> Result<Option<Row>, StorageError> {
        let lock = Parameter::Number(lock(name.lock));
        let parameters = [Parameter::Bytes(name.id.as_bytes()), lock];
        Ok(self.run(&self.sql.held, &parameters).await?.into_iter().next())
    }
}

impl LeaseRows for PostgresStorage {
    fn orphans(&self) -> &Orphans {
        &self.orphans
    }

    async fn take(&self, name: Name, owner: Owner, orphans: &str) -> Result<bool, StorageError> {
        let owner = owner.to_string();
        let orphans = [Parameter::Text(orphans)];
        let parameters = [of_lease(&name, &owner).as_slice(), &orphans].concat();
        self.has_row(&self.sql.take, &parameters).await
    }

    async fn end(&self, name: Name, owner: Owner) -> Result<(), StorageError> {
        let owner = owner.to_string();
        self.run(&self.sql.release, &of_lease(&name, &owner)).await?;
        Ok(())
    }
}

impl Leases for PostgresStorage {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        Held::take(self, key, lock).await
    }

    async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.prolong(key, lease, &self.sql.extend, None).await
    }

    async fn release(&self, _: &Key, lease: Lease) {
        Held::<Self>::release(lease).await;
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        Ok(self.held(Name::of(key, lock)).await?.is_some())
    }
}

impl TokenStorage for PostgresStorage {
    /// In one statement. That the row of the lease was written shows that a record can be.
    async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.sealing.see_that_it_seals(key, &self.place(key), &OperatingSystem)?;
        self.prolong(key, lease, &self.sql.reserve, Some(spend.generation)).await
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        let Some(row) = self.held(Name::of(key, Lock::Refresh)).await? else { return Ok(None) };
        let since = u64::try_from(row.number(1)?).unwrap_or_default();
        Ok((since > 0).then(|| Spending::new(UnixTime::from_secs(since), None)))
    }
}

impl From<PostgresStorage> for SharedStorage {
    fn from(storage: PostgresStorage) -> Self {
        Self::new(storage)
    }
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tables, limit, .. } = self;
        f.debug_struct("PostgresStorage")
            .field("tables", tables)
            .field("limit", limit)
            .finish_non_exhaustive()
    }
}

/// The first parameters of statements about a lease.
fn of_lease<'a>(name: &'a Name, owner: &'a str) -> [Parameter<'a>; 3] {
    [
        Parameter::Bytes(name.id.as_bytes()),
        Parameter::Number(lock(name.lock)),
        Parameter::Text(owner),
    ]
}

/// These numbers never change.
fn lock(lock: Lock) -> i64 {
    match lock {
        Lock::Refresh => 1,
        Lock::Login => 2,
        Lock::Client => 3,
    }
}

/// Those of records are less than 2⁵³. None is stored under what does not fit.
pub(super) fn number(generation: u64) -> i64 {
    generation.try_into().unwrap_or(i64::MAX)
}
