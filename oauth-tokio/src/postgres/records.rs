//! Records, and logins that wait for their users.

use std::sync::atomic::Ordering;

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::UnixTime;
use oauth_core::client::{
    Cursor, GrantPage, GrantQuery, Loaded, LoginId, StorageError, StoredGrant, WaitingLogin,
    Written,
};
use oauth_core::session::{Key, PendingLogin, Record};

use crate::postgres::error::StatementError;
use crate::postgres::row::{self, GRANT_KINDS};
use crate::postgres::statement::Parameter;
use crate::postgres::storage::{MOST_TRIES, PostgresStorage};
use crate::postgres::tables::DAMAGED;
use crate::storage::Records;

impl Records for PostgresStorage {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        let id = key.id();
        for _ in 0..MOST_TRIES {
            let rows = self.run(&self.sql().load, &of_key(key, id.as_bytes())).await?;
            let Some(row) = rows.first() else { return Ok(Loaded::Nothing) };
            let (generation, body) = (row.number(0)?, row.bytes(2)?);
            let is_its_own = row.number(3)? == 1;
            let numbers = (row.number(1)?, generation);
            let record = row::read(&self.sealing, key, numbers, body, &self.place(key))?;
            // It may be of another key, by its columns: somebody has changed them.
            if let Some(record) = record.filter(|_| is_its_own) {
                return Ok(Loaded::Record(Box::new(record)));
            }
            let of_row = [
                Parameter::Bytes(id.as_bytes()),
                Parameter::Number(generation),
                Parameter::Bytes(body),
            ];
            // Somebody may have replaced it meanwhile: what is set aside has to be what was read.
            if let Some(row) = self.run(&self.sql().set_aside, &of_row).await?.first() {
                let kept = format!("row {} of {}", row.number(0)?, self.tables.shown(DAMAGED));
                return Ok(Loaded::Damaged { kept: kept.into() });
            }
        }
        Err(StorageError::Contended)
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        let id = key.id();
        let body = self.sealing.to_store(key, record, &self.place(key), &OperatingSystem)?;
        let generation = row::number(record.generation());
        let written = [
            Parameter::Number(generation),
            Parameter::Bytes(&body),
            Parameter::Text(row::key_id(&body)),
        ];
        if expected == 0 {
            let parameters = [of_key(key, id.as_bytes()).as_slice(), &written].concat();
            self.write(key, expected, &self.sql().insert, &parameters).await
        } else {
            let of_row =
                [Parameter::Bytes(id.as_bytes()), Parameter::Number(row::number(expected))];
            let parameters = [of_row.as_slice(), &written].concat();
            self.write(key, expected, &self.sql().update, &parameters).await
        }
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let id = key.id();
        let parameters =
            [Parameter::Bytes(id.as_bytes()), Parameter::Number(row::number(expected))];
        self.write(key, expected, &self.sql().delete, &parameters).await
    }

    /// Those that have ended are deleted by the first one that a store keeps, and then by some of the others.
    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        if self.logins.fetch_add(1, Ordering::Relaxed).is_multiple_of(BETWEEN_SWEEPS) {
            // No login is lost over it.
            let _ = self.run(&self.sql().sweep_logins, &[]).await;
        }
        let body = self.sealing.login_to_store(waiting, &OperatingSystem)?;
        let until = row::number(waiting.login.expires_at().as_secs());
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
        let now = Parameter::Number(row::number(now.as_secs()));
        let of_id = [Parameter::Bytes(id.as_bytes()), now];
        let found = self.run(&self.sql().find_login, &of_id).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let login = self.sealing.login_from_store(application, id, row.bytes(0)?)?;
        // Of all who have read it, one deletes it.
        let is_first = self.has_row(&self.sql().take_login, &of_id).await?;
        Ok(login.filter(|_| is_first))
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        let after = match query.cursor() {
            Some(cursor) => place(cursor).ok_or_else(|| {
                StatementError::refused("the list goes on at a cursor of another store")
            })?,
            None => Vec::new(),
        };
        let length = query.page_length().min(LONGEST_PAGE);
        let mut parameters = vec![
            Parameter::Bytes(query.application().as_bytes()),
            Parameter::Bytes(&after),
            Parameter::Number(length.try_into().unwrap_or(i64::MAX)),
        ];
        let profile = query.of_profile().map(str::as_bytes);
        parameters.extend(profile.map(Parameter::Bytes));
        let sql = if profile.is_some() { &self.sql().list_of_profile } else { &self.sql().list };
        let rows = self.run(sql, &parameters).await?;
        let mut page = GrantPage::default();
        for row in &rows {
            let Some(key) = row::key(row, 4, &GRANT_KINDS)? else { continue };
            if key.id().as_bytes() != row.bytes(0)? {
                continue;
            }
            let (numbers, body) = ((row.number(1)?, row.number(2)?), row.bytes(3)?);
            let record = match row::read(&self.sealing, &key, numbers, body, &self.place(&key)) {
                // Whoever has no key would see an empty list.
                Err(error @ StorageError::Sealed { .. }) => return Err(error),
                record => record.ok().flatten(),
            };
            page.grants.extend(record.and_then(|record| StoredGrant::new(&key, &record)));
        }
        if let Some(last) = rows.last().filter(|_| rows.len() == length) {
            let digits = last.bytes(0)?.iter().map(|byte| format!("{byte:02x}"));
            page.next = Some(Cursor::new(digits.collect::<String>()));
        }
        Ok(page)
    }
}

/// The first parameters of statements about a row with all of its key.
fn of_key<'a>(key: &'a Key, id: &'a [u8]) -> [Parameter<'a>; 5] {
    [
        Parameter::Bytes(id),
        Parameter::Number(row::kind(key.kind)),
        Parameter::Bytes(key.application.as_bytes()),
        Parameter::Bytes(key.profile.as_bytes()),
        Parameter::Bytes(key.server_url.as_bytes()),
    ]
}

/// The id at which a page has ended.
fn place(cursor: &Cursor) -> Option<Vec<u8>> {
    let digits = cursor.as_str().as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect::<Option<Vec<u8>>>().filter(|_| digits.len() == 64)
}

/// How many logins are kept before those that have ended are looked for again.
const BETWEEN_SWEEPS: usize = 64;

/// However many are asked for, records come with what is listed.
const LONGEST_PAGE: usize = 1000;
