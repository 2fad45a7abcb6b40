//! Records, and logins that wait for their users.

use std::sync::atomic::Ordering;

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::UnixTime;
use oauth_core::client::{
    GrantPage, GrantQuery, Loaded, LoginId, StorageError, WaitingLogin, Written,
};
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, PendingLogin, Record};

use crate::postgres::error::StatementError;
use crate::postgres::statement::{Parameter, Row};
use crate::postgres::storage::{PostgresStorage, number};
use crate::postgres::tables::{DAMAGED, GRANT};
use crate::remote::{self, Found, Rows};
use crate::storage::Records;

impl Rows for PostgresStorage {
    fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    fn place(&self, key: &Key) -> String {
        format!("row {} of {}", key.id(), self.tables.shown(GRANT))
    }

    async fn find(&self, key: &Key) -> Result<Option<Found>, StorageError> {
        let id = *key.id().as_bytes();
        let rows = self.run(&self.sql().load, &of_key(key, &id)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let is_its_own = row.number(3)? == 1;
        Ok(Some(Found {
            id,
            key: is_its_own.then(|| key.clone()),
            format: row.number(1)?,
            generation: row.number(0)?,
            body: row.bytes(2)?.to_vec(),
        }))
    }

    async fn set_aside(&self, _: &Key, found: &Found) -> Result<Option<String>, StorageError> {
        let rows = self.run(&self.sql().set_aside, &of_found(found)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(format!("row {} of {}", row.number(0)?, self.tables.shown(DAMAGED))))
    }

    async fn walk(
        &self,
        application: &str,
        after: &[u8],
    ) -> Result<(Vec<Found>, Option<Vec<u8>>), StorageError> {
        let page = [
            Parameter::Bytes(application.as_bytes()),
            Parameter::Bytes(after),
            Parameter::Number(PAGE),
        ];
        let rows = self.run(&self.sql().walk, &page).await?;
        let found = rows.iter().map(found).collect::<Result<Vec<_>, _>>()?;
        Ok((found, last_of(&rows)?))
    }

    async fn put_anew(&self, found: &Found, body: &[u8]) -> Result<bool, StorageError> {
        let anew = [Parameter::Bytes(body), Parameter::Text(remote::key_id(body))];
        let parameters = [of_found(found).as_slice(), &anew].concat();
        self.has_row(&self.sql().seal_anew, &parameters).await
    }
}

impl Records for PostgresStorage {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        remote::load(self, key).await
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        let id = key.id();
        let body = self.sealing.to_store(key, record, &self.place(key), &OperatingSystem)?;
        let generation = number(record.generation());
        let written = [
            Parameter::Number(generation),
            Parameter::Bytes(&body),
            Parameter::Text(remote::key_id(&body)),
        ];
        if expected == 0 {
            let parameters = [of_key(key, id.as_bytes()).as_slice(), &written].concat();
            self.write(key, expected, &self.sql().insert, &parameters).await
        } else {
            let of_row = [Parameter::Bytes(id.as_bytes()), Parameter::Number(number(expected))];
            let parameters = [of_row.as_slice(), &written].concat();
            self.write(key, expected, &self.sql().update, &parameters).await
        }
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let id = key.id();
        let parameters = [Parameter::Bytes(id.as_bytes()), Parameter::Number(number(expected))];
        self.write(key, expected, &self.sql().delete, &parameters).await
    }

    /// Those that have ended are deleted by the first one that a store keeps, and then by some of the others.
    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        if self.logins.fetch_add(1, Ordering::Relaxed).is_multiple_of(BETWEEN_SWEEPS) {
            // No login is lost over it.
            let _ = self.run(&self.sql().sweep_logins, &[]).await;
        }
        let body = self.sealing.login_to_store(waiting, &OperatingSystem)?;
        let until = number(waiting.login.expires_at().as_secs());
        let parameters = [
            Parameter::Bytes(waiting.id.as_bytes()),
            Parameter::Bytes(&body),
            Parameter::Number(until),
        ];
        self.run(&self.sql().put_login, &parameters).await?;
        Ok(())
    }

    /// One that cannot be opened stays.
    async fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        let now = Parameter::Number(number(now.as_secs()));
        let of_id = [Parameter::Bytes(id.as_bytes()), now];
        let found = self.run(&self.sql().find_login, &of_id).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let login = self.sealing.login_from_store(application, id, row.bytes(0)?)?;
        // Of all who have read it, one deletes it.
        let is_first = self.has_row(&self.sql().take_login, &of_id).await?;
        Ok(login.filter(|_| is_first))
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        let (after, length) = (remote::after(query)?, remote::length(query));
        let mut parameters = vec![
            Parameter::Bytes(query.application().as_bytes()),
            Parameter::Bytes(&after),
            Parameter::Number(length.try_into().unwrap_or(i64::MAX)),
        ];
        let profile = query.of_profile().map(str::as_bytes);
        parameters.extend(profile.map(Parameter::Bytes));
        let sql = if profile.is_some() { &self.sql().list_of_profile } else { &self.sql().list };
        let rows = self.run(sql, &parameters).await?;
        let found = rows.iter().map(found).collect::<Result<Vec<_>, _>>()?;
        let last = last_of(&rows)?.filter(|_| rows.len() == length);
        remote::page(self, &found, last.as_deref())
    }
}

/// What a row of a list is.
fn found(row: &Row) -> Result<Found, StatementError> {
    let parts = [row.bytes(5)?, row.bytes(6)?, row.bytes(7)?];
    Ok(Found {
        // Nobody else finds one whose id has another length.
        id: row.bytes(0)?.try_into().unwrap_or_default(),
        key: remote::key(row.number(4)?, parts),
        format: row.number(1)?,
        generation: row.number(2)?,
        body: row.bytes(3)?.to_vec(),
    })
}

fn last_of(rows: &[Row]) -> Result<Option<Vec<u8>>, StatementError> {
    rows.last().map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// The parameters of statements about exactly this.
fn of_found(found: &Found) -> [Parameter<'_>; 3] {
    [
        Parameter::Bytes(&found.id),
        Parameter::Number(found.generation),
        Parameter::Bytes(&found.body),
    ]
}

/// The first parameters of statements about a row with all of its key.
fn of_key<'a>(key: &'a Key, id: &'a [u8]) -> [Parameter<'a>; 5] {
    [
        Parameter::Bytes(id),
        Parameter::Number(remote::kind(key.kind)),
        Parameter::Bytes(key.application.as_bytes()),
        Parameter::Bytes(key.profile.as_bytes()),
        Parameter::Bytes(key.server_url.as_bytes()),
    ]
}

/// How many logins are kept before those that have ended are looked for again.
const BETWEEN_SWEEPS: usize = 64;

/// How many rows are sealed anew at once: some hundred kilobytes.
const PAGE: i64 = 100;
