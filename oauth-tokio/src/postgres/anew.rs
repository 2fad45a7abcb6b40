//! Sealing all records anew: after the first key was set up, or another one.

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::client::StorageError;
use oauth_core::session::Key;

use crate::postgres::row::{self, ALL_KINDS};
use crate::postgres::statement::{Parameter, Row};
use crate::postgres::storage::PostgresStorage;

impl PostgresStorage {
    /// Seals each record of a program anew that is plain, or sealed with another key than the one that writes; how many
    /// there were. When it is done, that other key can go, and [`Sealing::only`](oauth_core::seal::Sealing::only) may
    /// take the place of [`with`](oauth_core::seal::Sealing::with).
    ///
    /// Clients that profiles share are records as well. Programs may go on meanwhile: a record keeps its generation, and
    /// one that somebody replaces at that moment is theirs to seal, so all of them have to write with the new key by
    /// then. It may be stopped, and called again. What is damaged is left to who loads it, and logins that wait end by
    /// themselves.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]. Where one record cannot be opened, or is of a later version, all others are done, and the
    /// error is that of the first one.
    pub async fn seal_anew(&self, application: &str) -> Result<u64, StorageError> {
        let (mut after, mut count, mut first) = (Vec::new(), 0, None);
        loop {
            let page = [
                Parameter::Bytes(application.as_bytes()),
                Parameter::Bytes(&after),
                Parameter::Number(PAGE),
            ];
            let rows = self.run(&self.sql().walk, &page).await?;
            let Some(last) = rows.last() else { break };
            for row in &rows {
                match self.seal_row_anew(row).await {
                    Ok(is_new) => count += u64::from(is_new),
                    Err(error @ (StorageError::Sealed { .. } | StorageError::Newer { .. })) => {
                        first.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            after = last.bytes(0)?.to_vec();
        }
        first.map_or(Ok(count), Err)
    }

    async fn seal_row_anew(&self, row: &Row) -> Result<bool, StorageError> {
        let (id, generation, body) = (row.bytes(0)?, row.number(2)?, row.bytes(3)?);
        let key = row::key(row, 4, &ALL_KINDS)?;
        // Under another id than its own it is found by nobody.
        let Some(key) = key.filter(|key: &Key| key.id().as_bytes() == id) else {
            return Ok(false);
        };
        let (numbers, place) = ((row.number(1)?, generation), self.place(&key));
        // A later version's seal may be current for it alone.
        let is_newer = numbers.0 > row::FORMAT;
        if !is_newer && self.sealing.is_current(body) {
            return Ok(false);
        }
        let Some(record) = row::read(&self.sealing, &key, numbers, body, &place)? else {
            return Ok(false);
        };
        let anew = self.sealing.to_store(&key, &record, &place, &OperatingSystem)?;
        let of_row = [
            Parameter::Bytes(id),
            Parameter::Number(generation),
            Parameter::Bytes(body),
            Parameter::Bytes(&anew),
            Parameter::Text(row::key_id(&anew)),
        ];
        self.has_row(&self.sql().seal_anew, &of_row).await
    }
}

/// How many rows are asked for at once: some hundred kilobytes.
const PAGE: i64 = 100;
