//! Logins that wait, of the store on trial.

use alloc::vec::Vec;
use std::sync::Mutex;

use crate::client::storage::{LoginId, StorageError, WaitingLogin};
use crate::client::storage_contract::sample::written;
use crate::client::storage_contract::tests::fault::Fault;
use crate::client::storage_contract::tests::store::{Store, locked, turns};
use crate::session::PendingLogin;
use crate::time::UnixTime;

/// Those that wait, and who has put them; and those that were taken.
#[derive(Default)]
pub(super) struct Logins {
    waiting: Mutex<Vec<Waits>>,
    taken: Mutex<Vec<Waits>>,
}

#[derive(Clone)]
struct Waits {
    id: LoginId,
    login: PendingLogin,
    by: u64,
}

impl Logins {
    pub(super) fn restarted(&self, fault: Fault) {
        match fault {
            Fault::LosesLoginsWhenKilled => drop(locked(&self.waiting).pop()),
            Fault::BringsBackLoginsWhenKilled => {
                locked(&self.waiting).extend(locked(&self.taken).pop());
            }
            _ => {}
        }
    }
}

impl Store {
    pub(super) fn keep(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        if self.is(Fault::KeepsNoLogins) {
            return Err(StorageError::refused("it keeps none"));
        }
        let waits = Waits { id: waiting.id, login: waiting.login.clone(), by: self.number };
        locked(&self.shared.logins.waiting).push(waits);
        Ok(())
    }

    pub(super) async fn give(&self, id: &LoginId, now: UnixTime) -> Option<PendingLogin> {
        let found = self.found(id, now)?;
        if self.is(Fault::LooksThenGivesALogin) {
            turns(1).await;
        }
        if !self.is(Fault::GivesLoginsTwice) {
            locked(&self.shared.logins.waiting).retain(|it| it.id != found.id);
            locked(&self.shared.logins.taken).push(found.clone());
        }
        if self.is(Fault::ChangesLogins) {
            let changed = written(&found.login).replace("read write", "read");
            return serde_json::from_str(&changed).ok();
        }
        Some(found.login)
    }

    fn found(&self, id: &LoginId, now: UnixTime) -> Option<Waits> {
        let ends = |it: &Waits| match self.shared.fault {
            Fault::LoginsHaveNoEnd => false,
            Fault::LoginsEndAtOnce => now.as_secs() + 60 > it.login.expires_at().as_secs(),
            _ => it.login.expires_at() < now,
        };
        let all = locked(&self.shared.logins.waiting);
        let mut all = all.iter().filter(|it| {
            let is_given = !self.is(Fault::GivesLoginsToTheOneWhoPut) || it.by == self.number;
            let is_it = it.id == *id || self.is(Fault::GivesAnyLogin);
            is_given && is_it && !ends(it)
        });
        all.next().cloned()
    }
}
