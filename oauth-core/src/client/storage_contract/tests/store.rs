//! A store whose calls take their turns, and what its handles share.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Poll;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::storage::{MemoryTokenStorage, Records as _, StorageError, Written};
use crate::client::storage_contract::tests::fault::Fault;
use crate::client::storage_contract::tests::logins::Logins;
use crate::session::{Key, Lock, Record};

/// What all handles share.
pub(super) struct Shared {
    pub(super) fault: Fault,
    pub(super) memory: MemoryTokenStorage,
    /// Whose lease it is, and until when.
    pub(super) leases: Mutex<HashMap<(Key, Lock), (u64, u64)>>,
    /// What stands in the place of records.
    pub(super) put: Mutex<HashMap<Key, Vec<u8>>>,
    /// The last change: what stood there before, and what stands there now.
    pub(super) last: Mutex<Option<(Key, Option<Record>, u64)>>,
    pub(super) deleted: Mutex<HashMap<Key, u64>>,
    pub(super) logins: Logins,
    /// In seconds.
    clock: AtomicU64,
    owners: AtomicU64,
}

impl Shared {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            fault,
            memory: MemoryTokenStorage::new(),
            leases: Mutex::default(),
            put: Mutex::default(),
            last: Mutex::default(),
            deleted: Mutex::default(),
            logins: Logins::default(),
            clock: AtomicU64::new(1),
            owners: AtomicU64::new(1),
        }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    pub(super) fn owner(&self) -> u64 {
        self.owners.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn opened(&self) {
        if self.is(Fault::LosesTheLastWhenOpened) {
            self.lose_the_last();
        }
    }

    pub(super) fn restarted(&self) {
        if self.is(Fault::LosesTheLastWhenKilled) {
            self.lose_the_last();
        }
        self.logins.restarted(self.fault);
    }

    pub(super) fn put(&self, key: &Key, json: &[u8]) {
        locked(&self.put).insert(key.clone(), json.into());
    }

    fn lose_the_last(&self) {
        let Some((key, before, now)) = locked(&self.last).take() else { return };
        if now != 0 {
            let _ = self.memory.delete(&key, now);
        }
        if let Some(before) = before {
            let _ = self.memory.save(&key, &before, 0);
        }
    }

    /// Where a record is kept.
    pub(super) fn place(&self, key: &Key) -> Key {
        let mut key = key.clone();
        let Key { kind, application, profile, server_url } = &mut key;
        let every = |change: fn(&str) -> String, parts: [&mut Box<str>; 2]| {
            parts.into_iter().for_each(|part| *part = change(part).into());
        };
        match self.fault {
            Fault::CutsKeys => {
                every(|text| text.chars().take(200).collect(), [profile, server_url])
            }
            Fault::FoldsCase => every(str::to_lowercase, [profile, server_url]),
            Fault::TrimsKeys => every(|text| text.trim_end().into(), [profile, server_url]),
            Fault::JoinsKeys => {
                *profile = [&**application, &**profile, &**server_url].join(":").into();
                (*application, *server_url) = ("".into(), "".into());
            }
            Fault::IgnoresKinds => *kind = crate::session::KeyKind::Grant,
            Fault::IgnoresApplications => *application = "".into(),
            _ => {}
        }
        key
    }
}

/// A handle.
pub(super) struct Store {
    pub(super) shared: Arc<Shared>,
    /// What this handle has read once.
    pub(super) seen: Mutex<HashMap<Key, Record>>,
    pub(super) number: u64,
}

impl Store {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let number = shared.owner();
        Self { shared: Arc::clone(shared), seen: Mutex::default(), number }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.shared.is(fault)
    }

    /// What every call does first: others have their turn meanwhile.
    pub(super) async fn begin(&self) -> Result<(), StorageError> {
        turns(1).await;
        if self.is(Fault::Fails) { Err(StorageError::refused("no more")) } else { Ok(()) }
    }
}

/// Lets others have that many turns.
pub(super) async fn turns(mut left: usize) {
    poll_fn(move |context| {
        context.waker().wake_by_ref();
        match left.checked_sub(1) {
            Some(less) => {
                left = less;
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    })
    .await;
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a change was done.
pub(super) fn is_done(written: &Result<Written, StorageError>) -> bool {
    *written == Ok(Written::Done)
}
