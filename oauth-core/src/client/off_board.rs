//! The end of everything that one profile has: at all servers, and in the store.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::client::error::ClientError;
use crate::client::gifts::Gifts;
use crate::client::host::{Host, Runtime as _};
use crate::client::profiles::Profiles;
use crate::client::shared::{Client, HttpError, Outcome};
use crate::client::storage::{
    GrantQuery, Loaded, MAX_LOST_RACES, StorageError, StoredGrant, Written,
};
use crate::flow::Settings;
use crate::session::{Key, KeyKind, LoggedOut, Session};
use crate::url::shown;

/// What became of all grants of one profile.
#[derive(Debug)]
#[non_exhaustive]
pub struct OffBoarded<E: Error + 'static> {
    /// One for each grant that there was.
    pub grants: Vec<EndedGrant<E>>,
}

/// What became of one grant of a profile that was off-boarded.
#[derive(Debug)]
#[non_exhaustive]
pub struct EndedGrant<E: Error + 'static> {
    /// What it was stored under.
    pub key: Key,
    /// What became of its tokens at their server; they are erased here. Or why they are still stored.
    pub outcome: Result<LoggedOut, ClientError<E>>,
}

impl<E: Error> OffBoarded<E> {
    /// Whether all is erased, and nothing stayed alive at a server.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.grants.iter().all(EndedGrant::is_complete)
    }
}

impl<E: Error> EndedGrant<E> {
    /// Whether it is erased, and nothing stayed alive at its server.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outcome.as_ref().is_ok_and(LoggedOut::is_complete)
    }
}

/// One line for each grant, for people.
impl<E: Error> fmt::Display for OffBoarded<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.grants.is_empty() {
            return f.write_str("there were no grants");
        }
        for (number, EndedGrant { key, outcome }) in self.grants.iter().enumerate() {
            let before = if number == 0 { "" } else { "\n" };
            write!(f, "{before}{}: ", shown(&key.server_url))?;
            match outcome {
                Ok(ended) => write!(f, "{ended}")?,
                Err(error) => write!(f, "still stored, since {error}")?,
            }
        }
        Ok(())
    }
}

impl<H: Host> Profiles<H> {
    /// Ends and erases all grants of a profile: at the servers that were added with what their clients know, and at
    /// others with what the records say.
    ///
    /// # Errors
    ///
    /// The store cannot say which grants there are.
    pub async fn off_board(&self, profile: &str) -> Outcome<OffBoarded<HttpError<H>>, H> {
        let servers = self.servers();
        let mut grants = Vec::new();
        let mut told = |key: &Key, outcome| grants.push(EndedGrant { key: key.clone(), outcome });
        for server in &servers {
            // Also where nothing is listed: a record may have no tokens, and a client tokens that are not stored.
            let ended = self.of(server, profile).end().await;
            if !matches!(ended, Ok(LoggedOut::NOTHING)) {
                told(&server.key_of(profile), ended);
            }
        }
        let own: Vec<_> = servers.iter().map(|server| server.key_of(profile)).collect();
        let mut others = BTreeSet::new();
        for server in &servers {
            let query = GrantQuery::new(&server.key.application).profile(profile);
            for StoredGrant { key, .. } in server.store().list_all(&query).await? {
                if own.contains(&key) || !others.insert(key.clone()) {
                    continue;
                }
                let ended = match server.elsewhere(&key) {
                    Ok(client) => Arc::new(client).end().await,
                    Err(error) => Err(error.into()),
                };
                told(&key, ended);
            }
        }
        Ok(OffBoarded { grants })
    }
}

impl<H: Host> Client<H> {
    /// A client for what is stored under this key. It has nothing of what the host has said about its own server: that
    /// is not for another one.
    fn elsewhere(&self, key: &Key) -> Result<Self, crate::Error> {
        let mut settings = Settings::new(&key.server_url)?.application(&key.application);
        if key.kind == KeyKind::Machine {
            settings = settings.client_credentials();
        }
        let host = |session| self.host.with_session(session);
        let (watcher, gifts) = (self.watcher.clone(), Gifts::default());
        Ok(Self::new(&Arc::new(settings), &key.profile, self.limits, watcher, gifts, host))
    }

    /// Logs out, and deletes what a logout leaves.
    async fn end(self: &Arc<Self>) -> Outcome<LoggedOut, H> {
        let mut ended = LoggedOut::NOTHING;
        for _ in 0..MAX_LOST_RACES {
            let outcome = self.log_out().await?;
            // After a login meanwhile this is not the first one, and what stayed alive before still does.
            if ended.is_complete() {
                ended = outcome;
            }
            if self.erase_ended().await? {
                return Ok(ended);
            }
        }
        Err(StorageError::Contended.into())
    }

    /// Deletes the record; false if there are tokens in it again.
    async fn erase_ended(&self) -> Outcome<bool, H> {
        let mut session = self.host.runtime().take().await;
        let store = self.store();
        let erased = match store.load(&self.key).await? {
            Loaded::Record(record) if record.tokens().is_some() => false,
            // Who writes under a lock looks before, and finds another generation or none.
            Loaded::Record(record) => {
                store.delete(&self.key, record.generation()).await? == Written::Done
            }
            Loaded::Nothing | Loaded::Damaged { .. } => true,
        };
        if erased {
            *session = Session::new(Arc::clone(&self.settings));
            self.show(self.seen(session.snapshot()));
        }
        Ok(erased)
    }
}
