//! Whether a server keeps what it has acknowledged: asked before anything is stored there.

use std::collections::HashMap;

use oauth_core::client::StorageError;
use redis::Value;

use crate::redis::connection::{Connection, value};
use crate::redis::error::CommandError;

/// What a host accepts of a server. At first nothing: what was saved has to last.
///
/// A server that loses a saved record brings the one before back, whose refresh token is spent already; servers that take
/// its second use for theft end the grant. So each of these costs logins sooner or later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    may_lose_saves: bool,
    may_evict: bool,
    may_keep_silent: bool,
    waits: bool,
}

impl Terms {
    /// Nothing is accepted.
    #[must_use]
    pub fn strict() -> Self {
        Self::default()
    }

    /// Saves may be lost when the server crashes: for tests, and for users who do not mind to log in again.
    #[must_use]
    pub fn accept_lost_saves(self) -> Self {
        Self { may_lose_saves: true, ..self }
    }

    /// The server may throw records away when its memory is full.
    #[must_use]
    pub fn accept_evicted_records(self) -> Self {
        Self { may_evict: true, ..self }
    }

    /// The server need not tell its configuration, as managed ones do not: the host knows that it keeps what it
    /// acknowledges. Where it tells, it has to be right all the same.
    #[must_use]
    pub fn vouch_for_untold_configuration(self) -> Self {
        Self { may_keep_silent: true, ..self }
    }

    /// After each write the server is asked to wait until its disk has it (`WAITAOF`: Redis 7.2, Valkey), so that
    /// `appendfsync everysec` will do. That takes up to a second, in which the connection does nothing else: give the
    /// store one of its own, whose response timeout is longer than five seconds.
    #[must_use]
    pub fn wait_for_disk(self) -> Self {
        Self { waits: true, ..self }
    }
}

/// Why a store was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A crash of the server would lose what it has acknowledged.
    #[error(
        "{setting} is {found:?}, so that a crash of the server loses what it has acknowledged; {}, or accept that with \
         `Terms::accept_lost_saves`",
        wanted(.setting)
    )]
    LosesSaves {
        /// The setting of the server.
        setting: &'static str,
        /// What it is.
        found: Box<str>,
    },
    /// A server whose memory is full would throw records away.
    #[error(
        "maxmemory-policy is {policy:?}, so that a server without room throws records away; set it to noeviction, or \
         accept that with `Terms::accept_evicted_records`"
    )]
    EvictsRecords {
        /// Which ones it would take.
        policy: Box<str>,
    },
    /// The server does not tell its configuration.
    #[error(
        "the server does not tell whether it keeps what it acknowledges: {why}; allow the user `CONFIG GET`, or vouch for \
         the server with `Terms::vouch_for_untold_configuration`"
    )]
    Untold {
        /// What it says.
        why: CommandError,
    },
    /// It is to be asked to wait for its disk, and cannot be.
    #[error(
        "the server does not know WAITAOF: Redis 7.2 and Valkey do; or set appendfsync to always"
    )]
    CannotWait,
    /// It was not possible to ask.
    #[error(transparent)]
    Failed(#[from] CommandError),
}

impl OpenError {
    /// Whether the same may succeed later without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_retryable())
    }
}

impl From<OpenError> for StorageError {
    fn from(error: OpenError) -> Self {
        if error.is_retryable() { Self::unreachable(error) } else { Self::refused(error) }
    }
}

/// Asks a server for what these terms want to know; the connection waits for the disk then, if it has to.
pub(super) async fn checked(connection: Connection, terms: Terms) -> Result<Connection, OpenError> {
    let told = match told(&connection).await {
        Ok(told) => told,
        Err(error) if !error.is_retryable() && is_silence(&error) => {
            if !terms.may_keep_silent {
                return Err(OpenError::Untold { why: error });
            }
            HashMap::new()
        }
        Err(error) => return Err(error.into()),
    };
    if !terms.may_lose_saves {
        judge(&told, terms.waits)?;
    }
    let policy = told.get(POLICY).map_or(NO_EVICTION, |it| it);
    if policy != NO_EVICTION && !terms.may_evict {
        return Err(OpenError::EvictsRecords { policy: policy.into() });
    }
    let is_always = told.get(FSYNC.0).is_some_and(|found| found == FSYNC.1);
    if !terms.waits || is_always {
        return Ok(connection);
    }
    if !knows_waiting(&connection).await? {
        return Err(OpenError::CannotWait);
    }
    Ok(connection.waiting())
}

/// The settings that the server tells.
async fn told(connection: &Connection) -> Result<HashMap<String, String>, CommandError> {
    let mut told = HashMap::new();
    for setting in [APPEND.0, FSYNC.0, REWRITE.0, POLICY] {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(setting);
        told.extend(value::<HashMap<String, String>>(connection.read(command).await?)?);
    }
    Ok(told)
}

/// Whether the server does not tell, or this user may not ask.
fn is_silence(error: &CommandError) -> bool {
    matches!(error.code(), Some("NOPERM" | "ERR"))
}

/// What is not told was vouched for.
fn judge(told: &HashMap<String, String>, waits: bool) -> Result<(), OpenError> {
    let always = [APPEND, FSYNC, REWRITE];
    let wanted = if waits { &always[..1] } else { &always[..] };
    for (setting, right) in wanted {
        if let Some(found) = told.get(*setting).filter(|found| *found != right) {
            return Err(OpenError::LosesSaves { setting, found: found.as_str().into() });
        }
    }
    Ok(())
}

async fn knows_waiting(connection: &Connection) -> Result<bool, OpenError> {
    let mut command = redis::cmd("COMMAND");
    command.arg("INFO").arg("WAITAOF");
    match connection.read(command).await {
        Ok(Value::Array(found) | Value::Set(found)) => {
            Ok(found.iter().any(|it| !matches!(it, Value::Nil)))
        }
        Ok(_) => Ok(false),
        // It is found out at the first write.
        Err(error) if is_silence(&error) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn wanted(setting: &str) -> &'static str {
    match setting {
        "appendonly" => "set appendonly to yes and appendfsync to always",
        "appendfsync" => {
            "set it to always, or have it waited for with `Terms::wait_for_disk` where the server knows WAITAOF"
        }
        _ => "set it to no",
    }
}

/// Settings, and what they have to be.
const APPEND: (&str, &str) = ("appendonly", "yes");
const FSYNC: (&str, &str) = ("appendfsync", "always");
const REWRITE: (&str, &str) = ("no-appendfsync-on-rewrite", "no");
const POLICY: &str = "maxmemory-policy";
const NO_EVICTION: &str = "noeviction";

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_loses_saves_is_named() {
        let good = [APPEND, FSYNC, REWRITE];
        assert_eq!(judge(&told(&good), false), Ok(()));
        for (index, (setting, wrong)) in [
            ("appendonly", "no"),
            ("appendfsync", "everysec"),
            ("no-appendfsync-on-rewrite", "yes"),
        ]
        .into_iter()
        .enumerate()
        {
            let mut pairs = good;
            pairs[index] = (setting, wrong);
            let error = judge(&told(&pairs), false).expect_err(setting);
            assert_eq!(error, OpenError::LosesSaves { setting, found: wrong.into() });
            assert!(error.to_string().contains("set "), "{error}");
            assert!(!error.is_retryable());
            // Who waits for the disk needs a file, and nothing else.
            assert_eq!(judge(&told(&pairs), true).is_ok(), setting != "appendonly", "{setting}");
        }
    }
}
