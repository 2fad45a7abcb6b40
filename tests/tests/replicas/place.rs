//! Where the processes of a fleet keep their grants.

pub(crate) mod postgres;
mod redis;

use std::time::Duration;

use oauth_tokio::SharedStorage;

use crate::audit::Stored;
use crate::database::Way;
use crate::place::postgres::Postgres;
use crate::place::redis::Redis;

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Postgres,
    /// The same through PgBouncer.
    Pooled,
    /// One that is stopped and started.
    Crashing,
    /// A server of the test's own, which can be stopped and started.
    Redis,
}

/// How a server ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Halt {
    Orderly,
    Killed,
}

/// What a process is told.
pub(crate) struct Process {
    /// Unlike that of those of other tests.
    pub(crate) name: String,
    /// The schema, or the prefix.
    pub(crate) place: String,
    pub(crate) url: String,
    /// How long its calls wait for others; it looks whether a lock is free as seldom as the store says then.
    pub(crate) wait: Option<Duration>,
}

pub(crate) enum Place {
    Postgres(Postgres),
    Redis(Redis),
}

impl Place {
    pub(crate) async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Postgres => Self::Postgres(Postgres::new(Way::Direct).await),
            Kind::Pooled => Self::Postgres(Postgres::new(Way::Pooled).await),
            Kind::Crashing => Self::Postgres(Postgres::new(Way::Crashing).await),
            Kind::Redis => Self::Redis(Redis::new().await),
        }
    }

    pub(crate) async fn store(&self) -> SharedStorage {
        match self {
            Self::Postgres(place) => place.database.store().into(),
            Self::Redis(place) => place.database.store().await.into(),
        }
    }

    pub(crate) fn process(&self, number: usize) -> Process {
        match self {
            Self::Postgres(place) => place.process(number),
            Self::Redis(place) => place.process(number),
        }
    }

    /// What was stored for a user, one after the other.
    pub(crate) async fn stored(&self, user: &str) -> Vec<Stored> {
        match self {
            Self::Postgres(place) => place.stored(user).await,
            Self::Redis(place) => place.stored(user),
        }
    }

    /// Lets the time pass after which the leases of a process are over that is dead or stopped, as the server sees it, and
    /// only of that. The number of its leases.
    pub(crate) async fn end_leases(&self, number: usize) -> usize {
        match self {
            Self::Postgres(place) => place.end_leases(number).await,
            Self::Redis(place) => place.end_leases(number).await,
        }
    }

    /// Waits until the server has done all that a dead process has asked of it.
    pub(crate) async fn settle(&self, number: usize) {
        match self {
            Self::Postgres(place) => place.settle(number).await,
            Self::Redis(place) => place.settle(number).await,
        }
    }

    pub(crate) async fn stop(&mut self, how: Halt) {
        match self {
            Self::Postgres(place) => place.stop(how),
            Self::Redis(place) => place.stop(how),
        }
    }

    pub(crate) async fn start(&mut self) {
        match self {
            Self::Postgres(place) => place.start().await,
            Self::Redis(place) => place.start().await,
        }
    }

    /// What was asked of the server so far: the same again, as long as nobody asks for more.
    pub(crate) async fn activity(&self) -> Vec<Vec<String>> {
        match self {
            Self::Postgres(place) => place.activity().await,
            Self::Redis(place) => place.activity().await,
        }
    }

    /// How many leases somebody holds.
    pub(crate) async fn leases(&self) -> usize {
        match self {
            Self::Postgres(place) => place.leases().await,
            Self::Redis(place) => place.leases().await,
        }
    }
}
