//! Where a clause is tried: a stage, keys that no other clause has, and calls that have to end in a certain way.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt::Display;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use crate::client::storage::nonblocking::{Leases as _, Records as _, TokenStorage as _};
use crate::client::storage::{
    GrantPage, GrantQuery, Lease, Loaded, StorageError, StoredGrant, Written,
};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::sample::URL;
use crate::client::storage_contract::stage::{Call, Stage};
use crate::session::{Key, KeyKind, Lock, Record, Spend};

/// Where one clause is tried.
pub(super) struct Bench<'s, S> {
    pub(super) stage: &'s S,
    /// The program whose grants they are: one for each clause.
    pub(super) application: &'static str,
}

impl<'s, S: Stage> Bench<'s, S> {
    /// A handle of one's own on the store.
    pub(super) async fn open(&self) -> Result<Handle<'s, S>, Finding> {
        let store = soon(self.stage, "open", self.stage.open()).await?;
        Ok(Handle { stage: self.stage, store })
    }

    pub(super) async fn open_many(&self) -> Result<Vec<Handle<'s, S>>, Finding> {
        let mut handles = Vec::new();
        for _ in 0..MANY {
            handles.push(self.open().await?);
        }
        Ok(handles)
    }

    /// The key of a profile, at the usual server.
    pub(super) fn key(&self, profile: &str) -> Key {
        Key::grant(self.application, profile, URL)
    }

    /// The same of another kind.
    pub(super) fn key_of(&self, kind: KeyKind, profile: &str) -> Key {
        Key { kind, ..self.key(profile) }
    }

    /// Makes all calls at once.
    pub(super) async fn at_once<'a, T: Send + 'a>(
        &'a self,
        calls: Vec<impl Future<Output = T> + Send + 'a>,
    ) -> Result<Vec<T>, Finding> {
        let mut answers: Vec<Option<T>> = calls.iter().map(|_| None).collect();
        let filled = calls.into_iter().zip(&mut answers).map(|(call, answer)| -> Call<'_> {
            Box::pin(async move { *answer = Some(call.await) })
        });
        self.stage.at_once(filled.collect()).await;
        let all = answers.into_iter().collect::<Option<_>>();
        all.ok_or_else(|| Finding::Broken("the stage has not made all calls".into()))
    }

    /// Makes a lease of that length older, if it has an end.
    pub(super) async fn pass(
        &self,
        key: &Key,
        lock: Lock,
        length: Option<Duration>,
        time: Duration,
    ) -> Kept {
        if length.is_none() {
            return Err(Finding::NotChecked("leases have no end but that of their process"));
        }
        if !self.stage.pass(key, lock, time).await {
            return Err(Finding::NotChecked("the stage cannot make a lease older"));
        }
        Ok(())
    }
}

/// The store, as one process sees it. Its calls name what broke.
pub(super) struct Handle<'s, S: Stage> {
    stage: &'s S,
    store: S::Store,
}

impl<S: Stage> Handle<'_, S> {
    pub(super) fn store(&self) -> &S::Store {
        &self.store
    }

    pub(super) async fn load(&self, key: &Key) -> Result<Loaded, Finding> {
        soon(self.stage, "load", self.store.load(key)).await
    }

    pub(super) async fn list(&self, query: &GrantQuery) -> Result<GrantPage, Finding> {
        soon(self.stage, "list", self.store.list(query)).await
    }

    pub(super) async fn list_all(&self, query: &GrantQuery) -> Result<Vec<StoredGrant>, Finding> {
        soon(self.stage, "list_all", self.store.list_all(query)).await
    }

    pub(super) async fn erase(&self, key: &Key) -> Kept {
        soon(self.stage, "erase", self.store.erase(key)).await
    }

    /// There is this record under the key, to the last letter.
    pub(super) async fn holds(&self, key: &Key, record: &Record) -> Kept {
        let loaded = self.load(key).await?;
        match &loaded {
            Loaded::Record(found) if **found == *record => Ok(()),
            Loaded::Record(found) if found.generation() == record.generation() => {
                Err(Finding::Broken(format!("The record of {} was changed.", Short(key))))
            }
            _ => Err(Finding::Broken(format!(
                "Under {} there should be generation {}; there is {}.",
                Short(key),
                record.generation(),
                What(&loaded)
            ))),
        }
    }

    pub(super) async fn holds_nothing(&self, key: &Key) -> Kept {
        let loaded = self.load(key).await?;
        ensure!(
            loaded == Loaded::Nothing,
            "Under {} there should be nothing; there is {}.",
            Short(key),
            What(&loaded)
        );
        Ok(())
    }

    pub(super) async fn saves(&self, key: &Key, record: &Record, expected: u64) -> Kept {
        let written = soon(self.stage, "save", self.store.save(key, record, expected)).await?;
        ensure!(
            written == Written::Done,
            "A save of {} over generation {expected} was not done: {written:?}.",
            Short(key)
        );
        Ok(())
    }

    /// A save does nothing, and says what is stored.
    pub(super) async fn refuses_save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
        stored: u64,
    ) -> Kept {
        let written = soon(self.stage, "save", self.store.save(key, record, expected)).await?;
        ensure!(
            written == Written::Conflict { stored },
            "A save over generation {expected}, where {stored} is stored, was told {written:?}."
        );
        Ok(())
    }

    pub(super) async fn deletes(&self, key: &Key, expected: u64) -> Kept {
        let written = soon(self.stage, "delete", self.store.delete(key, expected)).await?;
        ensure!(
            written == Written::Done,
            "Generation {expected} of {} was not deleted: {written:?}.",
            Short(key)
        );
        Ok(())
    }

    /// A delete does nothing, and says what is stored.
    pub(super) async fn refuses_delete(&self, key: &Key, expected: u64, stored: u64) -> Kept {
        let written = soon(self.stage, "delete", self.store.delete(key, expected)).await?;
        ensure!(
            written == Written::Conflict { stored },
            "A delete of generation {expected}, where {stored} is stored, was told {written:?}."
        );
        Ok(())
    }

    pub(super) async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, Finding> {
        soon(self.stage, "try_lock", self.store.try_lock(key, lock)).await
    }

    /// Nobody holds the lock, and now this one does.
    pub(super) async fn takes(&self, key: &Key, lock: Lock) -> Result<Lease, Finding> {
        let lease = self.try_lock(key, lock).await?;
        lease.ok_or_else(|| {
            Finding::Broken(format!("The free lock {lock:?} of {} is not had.", Short(key)))
        })
    }

    /// Somebody holds the lock. `when` says why that is so.
    pub(super) async fn finds_held(&self, key: &Key, lock: Lock, when: impl Display) -> Kept {
        if let Some(second) = self.try_lock(key, lock).await? {
            self.releases(key, second).await?;
            return Err(Finding::Broken(format!("The lock {lock:?} was had {when}.")));
        }
        Ok(())
    }

    /// The lock becomes free within some seconds, if not at once.
    pub(super) async fn gets_in_time(&self, key: &Key, lock: Lock) -> Result<bool, Finding> {
        for _ in 0..LOOKS {
            if let Some(lease) = self.try_lock(key, lock).await? {
                self.releases(key, lease).await?;
                return Ok(true);
            }
            self.stage.sleep(PAUSE).await;
        }
        Ok(false)
    }

    pub(super) async fn extends(&self, key: &Key, lease: &mut Lease) -> Result<bool, Finding> {
        soon(self.stage, "extend", self.store.extend(key, lease)).await
    }

    pub(super) async fn releases(&self, key: &Key, lease: Lease) -> Kept {
        let release = async {
            self.store.release(key, lease).await;
            Ok(())
        };
        soon(self.stage, "release", release).await
    }

    pub(super) async fn reserves(
        &self,
        key: &Key,
        lease: &mut Lease,
        generation: u64,
    ) -> Result<bool, Finding> {
        let spend = Spend::new(generation, ROOM);
        soon(self.stage, "reserve", self.store.reserve(key, lease, spend)).await
    }

    pub(super) async fn sees_held(&self, key: &Key, lock: Lock) -> Result<bool, Finding> {
        soon(self.stage, "is_held", self.store.is_held(key, lock)).await
    }
}

/// What a call brings, if it does not fail, and is answered.
pub(super) async fn soon<S: Stage, T>(
    stage: &S,
    name: &str,
    call: impl Future<Output = Result<T, StorageError>> + Send,
) -> Result<T, Finding> {
    let (mut call, mut limit) = (pin!(call), pin!(stage.sleep(ANSWER)));
    let answer = poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => limit.as_mut().poll(context).map(|()| None),
    });
    match answer.await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(Finding::Broken(format!("The call of {name} failed: {error}."))),
        None => {
            let limit = ANSWER.as_secs();
            Err(Finding::Broken(format!("The call of {name} had no answer after {limit} seconds.")))
        }
    }
}

/// A key to be shown: the long ones are cut.
pub(super) struct Short<'a>(pub(super) &'a Key);

impl Display for Short<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Key { kind, application, profile, server_url } = self.0;
        write!(f, "({kind:?}, {application:.60?}")?;
        [profile, server_url].iter().try_for_each(|part| {
            let cut = part.char_indices().nth(60).map_or(part.len(), |(at, _)| at);
            write!(f, ", {:?}", &part[..cut])
        })?;
        f.write_str(")")
    }
}

/// What was loaded, without what is in it.
struct What<'a>(&'a Loaded);

impl Display for What<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Loaded::Nothing => f.write_str("nothing"),
            Loaded::Record(record) => write!(f, "generation {}", record.generation()),
            Loaded::Damaged { .. } => f.write_str("something damaged"),
        }
    }
}

/// How many make a call at once.
pub(super) const MANY: usize = 8;

/// The room that is asked for before a refresh token is spent, in bytes.
const ROOM: usize = 20_000;

/// How long a call may take: far longer than any does, so that a store which waits where it should answer is told.
const ANSWER: Duration = Duration::from_secs(60);

/// How often a lock is looked at that should become free, and the pause in between: five seconds in all.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);
