//! What a store holds, and says about it.

use alloc::boxed::Box;

use crate::session::{Key, Record};
use crate::{Scopes, TokenData, UnixTime};

/// What a store holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// Nothing.
    Nothing,
    /// A record.
    Record(Box<Record>),
    /// Something that cannot be read. It was set aside, and there is nothing under the key now.
    Damaged {
        /// Where it is kept, to be shown: a file, or a row.
        kept: Box<str>,
    },
}

impl Loaded {
    /// The number of the record; 0 if there is none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        match self {
            Self::Record(record) => record.generation(),
            Self::Nothing | Self::Damaged { .. } => 0,
        }
    }

    /// The tokens in the record, if there are any.
    #[must_use]
    pub fn into_tokens(self) -> Option<TokenData> {
        match self {
            Self::Record(record) => record.tokens().cloned(),
            Self::Nothing | Self::Damaged { .. } => None,
        }
    }
}

/// A grant that a store holds, as far as it is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredGrant {
    /// Whose it is, and for which server.
    pub key: Key,
    /// The authorization server that issued it.
    pub issuer: Box<str>,
    /// The scopes that it has, if that is known.
    pub scopes: Option<Scopes>,
    /// When the access token expires; `None` if the server did not say.
    pub expires_at: Option<UnixTime>,
    /// Whether it goes on after that.
    pub has_refresh_token: bool,
    /// When the MCP server had refused the access token, so that no refresh helped: a login is needed, or a later
    /// refresh.
    pub refused_at: Option<UnixTime>,
}

impl StoredGrant {
    /// What a record says; `None` if there are no tokens in it, as in that of a shared client.
    #[must_use]
    pub fn new(key: &Key, record: &Record) -> Option<Self> {
        let tokens = record.tokens().filter(|_| key.kind.is_grant())?;
        Some(Self {
            key: key.clone(),
            issuer: record.binding().server().issuer().as_str().into(),
            scopes: record.scopes().cloned(),
            expires_at: tokens.expires_at,
            has_refresh_token: tokens.refresh_token.is_some(),
            refused_at: record.refused_at(),
        })
    }
}

/// Somebody spends a refresh token: between [`TokenStorage::reserve`](super::TokenStorage::reserve) and the save of what it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spending {
    /// Since when, by the clock of their machine.
    pub since: UnixTime,
    /// The number of their process on their machine, if the store knows it.
    pub process: Option<u32>,
}

impl Spending {
    /// Since then, by a process of this number, if that is known.
    #[must_use]
    pub fn new(since: UnixTime, process: Option<u32>) -> Self {
        Self { since, process }
    }
}

/// How a [`save`](super::Records::save) or a [`delete`](super::Records::delete) went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// What was written is durable.
    Done,
    /// The store holds another generation, and still does.
    Conflict {
        /// The generation that it holds; 0 if it holds no record.
        stored: u64,
    },
}

/// What a [`migrate`](super::Records::migrate) came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Migrated {
    /// There is nothing to move.
    Nothing,
    /// A record was moved.
    Done,
    /// There may be, but somebody is at work on it: a program with an earlier version.
    Busy,
}
