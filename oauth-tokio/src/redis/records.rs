//! Records, and logins that wait for their users.

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::UnixTime;
use oauth_core::client::{
    GrantPage, GrantQuery, Loaded, LoginId, StorageError, WaitingLogin, Written,
};
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, PendingLogin, Record};

use crate::redis::error::CommandError;
use crate::redis::keys::Indexes;
use crate::redis::scripts::{Call, DELETE, FIELDS, PUT_ANEW, SAVE, SET_ASIDE, TEXT};
use crate::redis::storage::RedisStorage;
use crate::remote::{self, FORMAT, Found, Owner, Rows};
use crate::storage::Records;

impl RedisStorage {
    /// What lies under a key of the database, which has this id.
    pub(super) async fn found(
        &self,
        id: [u8; 32],
        record: &str,
    ) -> Result<Option<Found>, StorageError> {
        let call = Call::new(&FIELDS, &[record], &NAMES.map(str::as_bytes));
        let fields: [Option<Vec<u8>>; 7] = self.connection.look(call).await?;
        if fields.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [format, generation, kind, application, profile, url, body] =
            fields.map(Option::unwrap_or_default);
        let parts = [&application[..], &profile, &url];
        Ok(Some(Found {
            id,
            key: number(&kind).and_then(|kind| remote::key(kind, parts)),
            format: number(&format).unwrap_or_default(),
            generation: number(&generation).unwrap_or_default(),
            body,
        }))
    }

    /// What a script says that writes over what is expected.
    fn written(&self, key: &Key, said: &[String]) -> Result<Written, StorageError> {
        match said {
            [word] if word == "done" => Ok(Written::Done),
            // None that could be expected.
            [word, stored] if word == "conflict" => {
                Ok(Written::Conflict { stored: stored.parse().unwrap_or(u64::MAX) })
            }
            [word, found] if word == "newer" => Err(StorageError::Newer {
                place: self.place(key).into(),
                found: found.parse().unwrap_or(u32::MAX),
            }),
            _ => Err(CommandError::strange().into()),
        }
    }
}

impl Rows for RedisStorage {
    fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    fn place(&self, key: &Key) -> String {
        format!("key {}", self.prefix.record(key.id()))
    }

    async fn find(&self, key: &Key) -> Result<Option<Found>, StorageError> {
        self.found(*key.id().as_bytes(), &self.prefix.record(key.id())).await
    }

    async fn set_aside(&self, key: &Key, found: &Found) -> Result<Option<String>, StorageError> {
        let damaged = self.prefix.damaged(key.id(), Owner::draw()?);
        let keys = [self.prefix.record(key.id()), damaged];
        let arguments = [&found.body[..], FORMAT_TEXT.as_bytes()];
        let call = Call::new(&SET_ASIDE, &[&keys[0], &keys[1]], &arguments);
        let is_moved: bool = self.connection.call(call).await?;
        let [_, damaged] = keys;
        Ok(is_moved.then(|| format!("key {damaged}")))
    }

    async fn walk(
        &self,
        application: &str,
        after: &[u8],
    ) -> Result<(Vec<Found>, Option<Vec<u8>>), StorageError> {
        self.page(application, Indexes::records, after, WALK).await
    }

    async fn put_anew(&self, found: &Found, body: &[u8]) -> Result<bool, StorageError> {
        let record = self.prefix.record_of(&remote::hex(&found.id));
        let key_id = remote::key_id(body).as_bytes();
        let arguments = [&found.body[..], FORMAT_TEXT.as_bytes(), body, key_id];
        Ok(self.connection.call(Call::new(&PUT_ANEW, &[&record], &arguments)).await?)
    }
}

impl Records for RedisStorage {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        remote::load(self, key).await
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        let body = self.sealing.to_store(key, record, &self.place(key), &OperatingSystem)?;
        let name = self.prefix.record(key.id());
        let [expected_text, generation, kind] = [
            expected.to_string(),
            record.generation().to_string(),
            remote::kind(key.kind).to_string(),
        ];
        let arguments = [
            expected_text.as_bytes(),
            FORMAT_TEXT.as_bytes(),
            generation.as_bytes(),
            b"kind",
            kind.as_bytes(),
            b"app",
            key.application.as_bytes(),
            b"profile",
            key.profile.as_bytes(),
            b"server_url",
            key.server_url.as_bytes(),
            b"key_id",
            remote::key_id(&body).as_bytes(),
            b"body",
            &body,
        ];
        let is_first = expected == 0;
        if is_first {
            self.enter(key).await?;
        }
        let said: Vec<String> =
            self.connection.call(Call::new(&SAVE, &[&name], &arguments)).await?;
        let written = self.written(key, &said)?;
        if is_first && written == Written::Done {
            // It is stored, whatever comes of this: a list strikes it out only while there is no record.
            let _ = self.enter(key).await;
        }
        Ok(written)
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let entry = self.entry(key).await?;
        let (name, expected) = (self.prefix.record(key.id()), expected.to_string());
        let arguments = [expected.as_bytes(), FORMAT_TEXT.as_bytes()];
        let said: Vec<String> =
            self.connection.call(Call::new(&DELETE, &[&name], &arguments)).await?;
        let written = self.written(key, &said)?;
        if let Some(entry) = entry.filter(|_| written == Written::Done) {
            // A list does it otherwise.
            let _ = self.strike(&key.application, &entry, 0).await;
        }
        Ok(written)
    }

    /// It ends by itself, some time after its end: the clocks of those who take it may be late.
    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        let body = self.sealing.login_to_store(waiting, &OperatingSystem)?;
        let until = waiting.login.expires_at().as_secs().saturating_add(LATE).min(LAST);
        let mut command = redis::cmd("SET");
        command.arg(self.prefix.login(&waiting.id)).arg(body).arg("NX").arg("EXAT").arg(until);
        self.connection.write(command).await?;
        Ok(())
    }

    /// One that cannot be opened stays.
    async fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        let name = self.prefix.login(id);
        let call = Call::new(&TEXT, &[&name], &[]);
        let body: Option<Vec<u8>> = self.connection.look(call).await?;
        let Some(body) = body else { return Ok(None) };
        let login = self.sealing.login_from_store(application, id, &body)?;
        if login.as_ref().is_some_and(|login| login.expires_at() < now) {
            return Ok(None);
        }
        // Of all who have read it, one deletes it.
        let mut command = redis::cmd("DEL");
        command.arg(name);
        let is_first: bool =
            crate::redis::connection::value(self.connection.write(command).await?)?;
        Ok(login.filter(|_| is_first))
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        let (after, length) = (remote::after(query)?, remote::length(query));
        let set = |indexes: &Indexes| match query.of_profile() {
            Some(profile) => indexes.grants_of(&indexes.profile(profile)),
            None => indexes.grants(),
        };
        let (mut found, last) = self.page(query.application(), set, &after, length).await?;
        // Somebody may have changed what stands in a record, or in a set.
        found.retain(|found| found.key.as_ref().is_some_and(|key| query.matches(key)));
        remote::page(self, &found, last.as_deref())
    }
}

/// A number as it is written, and in no other way.
fn number(digits: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.parse().ok().filter(|number: &i64| number.to_string() == digits)
}

/// The fields of a record that are read.
const NAMES: [&str; 7] = ["format", "generation", "kind", "app", "profile", "server_url", "body"];

/// [`FORMAT`] as it is written.
const FORMAT_TEXT: &str = "1";
const _: () = assert!(FORMAT == 1, "the text is another one");

/// How many records are sealed anew at once.
const WALK: usize = 100;

/// In seconds.
const LATE: u64 = 3600;

/// The last second that servers can count up to.
const LAST: u64 = 9_000_000_000_000;
