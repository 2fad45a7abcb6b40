//! Records of the store on trial.

use alloc::boxed::Box;

use crate::client::storage::nonblocking::{Records, TokenStorage};
use crate::client::storage::{
    GrantPage, GrantQuery, Lease, Loaded, LoginId, Records as _, StorageError, WaitingLogin,
    Written,
};
use crate::client::storage_contract::tests::fault::Fault;
use crate::client::storage_contract::tests::leases::Held;
use crate::client::storage_contract::tests::store::{Store, is_done, locked, turns};
use crate::session::{Key, PendingLogin, Record, RecordDefect, Spend};
use crate::{TokenData, UnixTime};

impl Records for Store {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.begin().await?;
        if let Some(loaded) = self.unreadable(key)? {
            return Ok(loaded);
        }
        if self.is(Fault::KeepsACopy)
            && let Some(seen) = locked(&self.seen).get(key)
        {
            return Ok(Loaded::Record(seen.clone().into()));
        }
        let loaded = self.shared.memory.load(&self.shared.place(key))?;
        if self.is(Fault::ReadsFromAReplica)
            && let Some((place, before, _)) = &*locked(&self.shared.last)
            && *place == *key
        {
            let before = before.clone().map(Box::new);
            return Ok(before.map_or(Loaded::Nothing, Loaded::Record));
        }
        if let Loaded::Record(record) = &loaded {
            locked(&self.seen).insert(key.clone(), (**record).clone());
        }
        Ok(loaded)
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        self.begin().await?;
        let is_newer =
            self.is(Fault::NewerIsReplaced) && locked(&self.shared.put).remove(key).is_some();
        self.unreadable(key)?;
        if self.is(Fault::RefusesLongRecords) && record.to_json().len() > 64 << 10 {
            return Err(StorageError::refused("too long"));
        }
        locked(&self.seen).insert(key.clone(), record.clone());
        let record = &self.kept(record);
        let place = self.shared.place(key);
        let stored = self.shared.memory.load(&place)?;
        let generation = stored.generation();
        let before = match stored {
            Loaded::Record(before) => Some(*before),
            _ => None,
        };
        let is_repeated = before.as_ref() == Some(record);
        let over = match self.shared.fault {
            Fault::SavesOverNothing if generation == 0 => 0,
            Fault::KeepsTheFirst if generation == expected && expected != 0 => {
                return Ok(Written::Done);
            }
            Fault::RepeatedSaveIsDone if is_repeated => return Ok(Written::Done),
            Fault::NumbersAreRounded if rounded(expected) == rounded(generation) => generation,
            Fault::LooksThenSaves if generation == expected => {
                turns(1).await;
                self.shared.memory.load(&place)?.generation()
            }
            Fault::TearsWhatIsDropped if generation == expected && expected != 0 => {
                let _ = self.shared.memory.delete(&place, expected)?;
                turns(1).await;
                0
            }
            Fault::ConflictIsWritten => generation,
            Fault::NewerIsReplaced if is_newer => generation,
            Fault::RemembersWhatWasDeleted => {
                if let Some(gone) = locked(&self.shared.deleted).get(&place)
                    && generation == 0
                    && *gone != expected
                {
                    return Ok(Written::Conflict { stored: *gone });
                }
                if generation == 0 { 0 } else { expected }
            }
            _ => expected,
        };
        let written = self.shared.memory.save(&place, record, over);
        if is_done(&written) {
            *locked(&self.shared.last) = Some((place, before, record.generation()));
        }
        match (self.shared.fault, written) {
            (Fault::ConflictSaysWhatWasExpected, Ok(Written::Conflict { .. })) => {
                Ok(Written::Conflict { stored: expected })
            }
            (Fault::ConflictIsWritten, _) if generation != expected => {
                Ok(Written::Conflict { stored: generation })
            }
            (_, written) => written,
        }
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.begin().await?;
        locked(&self.seen).remove(key);
        let place = self.shared.place(key);
        let stored = self.shared.memory.load(&place)?;
        let generation = stored.generation();
        let over = match self.shared.fault {
            Fault::DeletesAnything if generation != 0 => generation,
            Fault::NumbersAreRounded if rounded(expected) == rounded(generation) => generation,
            Fault::LooksThenDeletes if generation == expected => {
                turns(1).await;
                self.shared.memory.load(&place)?.generation()
            }
            _ => expected,
        };
        let written = self.shared.memory.delete(&place, over);
        if is_done(&written) {
            let before = match stored {
                Loaded::Record(before) => Some(*before),
                _ => None,
            };
            locked(&self.shared.deleted).insert(place.clone(), expected);
            *locked(&self.shared.last) = Some((place, before, 0));
        }
        written
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.begin().await?;
        self.page(query)
    }

    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        self.begin().await?;
        self.keep(waiting)
    }

    async fn take_login(
        &self,
        _: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        self.begin().await?;
        Ok(self.give(id, now).await)
    }

    async fn erase(&self, key: &Key) -> Result<(), StorageError> {
        let stored = self.load(key).await?.generation();
        if stored != 0 && !self.is(Fault::ErasesNothing) {
            let _ = self.delete(key, stored).await?;
        }
        Ok(())
    }
}

impl Store {
    /// What was put in the place of a record. A damaged one is set aside.
    fn unreadable(&self, key: &Key) -> Result<Option<Loaded>, StorageError> {
        let mut put = locked(&self.shared.put);
        let Some(json) = put.get(key) else { return Ok(None) };
        match Record::from_json(json) {
            Err(RecordDefect::Format { found }) if !self.is(Fault::NewerIsNothing) => {
                Err(StorageError::Newer { place: "here".into(), found })
            }
            _ => {
                let is_told = !self.is(Fault::DamagedIsNothing) && !self.is(Fault::NewerIsNothing);
                if !self.is(Fault::DamagedStays) {
                    put.remove(key);
                }
                let stored = self.shared.memory.load(key)?.generation();
                let _ = self.shared.memory.delete(key, stored)?;
                let damaged = Loaded::Damaged { kept: "aside".into() };
                Ok(Some(if is_told { damaged } else { Loaded::Nothing }))
            }
        }
    }

    /// What becomes of a record.
    fn kept(&self, record: &Record) -> Record {
        if !self.is(Fault::LosesZeros) {
            return record.clone();
        }
        let json = record.to_json().replace("\\u0000", "");
        Record::from_json(json.as_bytes()).unwrap_or_else(|_| record.clone())
    }
}

impl TokenStorage for Store {
    async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.begin().await?;
        let stored = self.shared.memory.load(key)?.generation();
        let is_stored = stored == spend.generation || self.is(Fault::ReservesAnyGeneration);
        let Some(held) = lease.held::<Held>() else { return Ok(false) };
        let is_held = held.extend(!self.is(Fault::ReserveDoesNotExtend));
        let is_held = is_held || self.is(Fault::ReservesWithoutALock);
        Ok(is_stored && is_held && !self.is(Fault::NeverReserves))
    }

    async fn load_tokens(
        &self,
        application: &str,
        server_url: &str,
    ) -> Result<Option<TokenData>, StorageError> {
        Ok(self.load(&self.usual(application, server_url)).await?.into_tokens())
    }

    async fn save_tokens(
        &self,
        application: &str,
        server_url: &str,
        record: Record,
    ) -> Result<(), StorageError> {
        let key = self.usual(application, server_url);
        let stored = self.load(&key).await?.generation();
        match self.save(&key, &record.replacing(stored), stored).await? {
            Written::Done => Ok(()),
            Written::Conflict { .. } => Err(StorageError::Contended),
        }
    }

    async fn delete_tokens(&self, application: &str, server_url: &str) -> Result<(), StorageError> {
        self.erase(&self.usual(application, server_url)).await
    }
}

impl Store {
    fn usual(&self, application: &str, server_url: &str) -> Key {
        let profile = if self.is(Fault::TokensHaveAProfile) { "default" } else { "" };
        Key::grant(application, profile, server_url)
    }
}

/// As one of those who have fewer digits.
fn rounded(generation: u64) -> u64 {
    if generation < 1 << 52 { generation } else { generation & !3 }
}
