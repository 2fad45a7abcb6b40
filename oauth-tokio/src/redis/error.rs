//! Why a command failed, who has to do something about it, and what.

use std::io;

use oauth_core::client::StorageError;
use redis::{ErrorKind, RedisError};

/// Why a command failed. Nothing secret is in it: no values, no URL, no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}{}", in_brackets(.code.as_deref()), advice(.code.as_deref(), message))]
pub struct CommandError {
    message: Box<str>,
    code: Option<Box<str>>,
    is_retryable: bool,
}

impl CommandError {
    /// The server's code, such as `READONLY`, if it was the server that said so.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same command may succeed later without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_retryable
    }

    /// The server is not reached for now, or has not answered.
    pub(super) fn unreachable(message: impl Into<Box<str>>) -> Self {
        Self { message: message.into(), code: None, is_retryable: true }
    }

    /// An answer of another form than there is.
    pub(super) fn strange() -> Self {
        let message = "the server has answered something else than was asked for".into();
        Self { message, code: None, is_retryable: false }
    }

    fn by_server(code: &str, message: &str) -> Self {
        // What was sent is repeated there.
        let message = message.split(", with args beginning with").next().unwrap_or_default();
        let message = if message.is_empty() { "the server refuses" } else { message };
        // Within a script, the code may be that of the script.
        let code =
            CODES.into_iter().find(|it| message.starts_with(&format!("{it} "))).unwrap_or(code);
        let is_retryable = PASSES.contains(&code);
        Self { message: message.into(), code: Some(code.into()), is_retryable }
    }
}

impl From<CommandError> for StorageError {
    fn from(error: CommandError) -> Self {
        if error.is_retryable { Self::unreachable(error) } else { Self::refused(error) }
    }
}

impl From<RedisError> for CommandError {
    fn from(error: RedisError) -> Self {
        if let Some(code) = error.code() {
            return Self::by_server(code, error.detail().unwrap_or_default());
        }
        let (message, code) = match error.kind() {
            // What the server has said to that is in the detail.
            ErrorKind::AuthenticationFailed => (error.to_string(), Some("WRONGPASS".into())),
            _ => (error.to_string(), None),
        };
        let is_retryable = match error.kind() {
            ErrorKind::Io => !is_about_tls(&error),
            ErrorKind::ClusterConnectionNotFound
            | ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::NoValidReplicasFoundBySentinel => true,
            _ => false,
        };
        Self { message: message.into(), code, is_retryable }
    }
}

/// Whether a handshake failed over a certificate, not over the network.
fn is_about_tls(error: &RedisError) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput};

    let cause = std::error::Error::source(error).and_then(|it| it.downcast_ref::<io::Error>());
    cause.is_some_and(|error| matches!(error.kind(), InvalidData | InvalidInput))
}

fn in_brackets(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

/// What somebody has to do about it.
fn advice(code: Option<&str>, message: &str) -> &'static str {
    match code {
        Some("NOAUTH" | "WRONGPASS") => "; see to the user and its password",
        Some("NOPERM") => RIGHTS,
        Some("ERR") if IN_SCRIPTS.iter().any(|words| message.starts_with(words)) => RIGHTS,
        Some("READONLY") => "; commands have to go to the primary",
        Some("OOM") => "; give the server more memory, or take some of what it holds away",
        Some("MISCONF") => "; see to the disk of the server",
        Some("NOREPLICAS") => "; see to the server's replicas",
        Some("MOVED" | "ASK" | "CROSSSLOT") => "; a cluster wants a connection for clusters",
        Some("WRONGTYPE") => "; another program has a key of the store's prefix",
        Some("ERR") if message.starts_with("unknown command") => {
            "; the server has to be Redis 6.2 or newer, or Valkey, and must not have renamed it"
        }
        _ => "",
    }
}

/// How Redis and Valkey say within a script that the user may not.
const IN_SCRIPTS: [&str; 2] = ["The user executing the script", "ACL failure in script"];

const RIGHTS: &str =
    "; the user needs what `oauth_tokio::redis` says on rights, on keys of the store's prefix";

/// What passes by itself: the server is busy, is about to start or to stop, is a replica that was the primary or will be
/// it, has no room or no replicas.
const PASSES: [&str; 10] = [
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNKILLABLE",
];

/// What a message may begin with that comes out of a script.
const CODES: [&str; 6] = ["OOM", "READONLY", "MISCONF", "NOREPLICAS", "NOPERM", "WRONGTYPE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_retryable_and_what_does_not_says_what_to_do() {
        for code in PASSES {
            let error = CommandError::by_server(code, "no");
            assert!(error.is_retryable(), "{code}");
            assert!(StorageError::from(error).is_retryable(), "{code}");
        }
        for (code, word) in [
            ("NOAUTH", "password"),
            ("WRONGPASS", "password"),
            ("NOPERM", "on rights"),
            ("MOVED", "for clusters"),
            ("WRONGTYPE", "another program"),
        ] {
            let error = CommandError::by_server(code, "no");
            assert!(error.to_string().starts_with(&format!("no ({code}); ")), "{error}");
            assert!(error.to_string().contains(word), "{error}");
            assert!(!error.is_retryable(), "{code}");
            assert!(!StorageError::from(error).is_retryable(), "{code}");
        }
        assert!(!CommandError::by_server("ERR", "").is_retryable());
    }

    #[test]
    fn what_was_sent_is_not_shown() {
        let said = "unknown command 'SET', with args beginning with: 'key' 'hunter2' ";
        let error = CommandError::by_server("ERR", said);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        assert!(error.to_string().contains("6.2"), "{error}");
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_shown() {
        for url in ["redis://u:hunter2@h:nine/0", "redis://u:hunter2@h/nine", "hunter2"] {
            let error = redis::Client::open(url).expect_err(url);
            let error = CommandError::from(error);
            assert!(!error.is_retryable());
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
