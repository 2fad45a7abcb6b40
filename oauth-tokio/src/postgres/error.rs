//! Why a statement failed, who has to do something about it, and what.

use std::error::Error as _;
use std::io;

use oauth_core::client::StorageError;

/// Why a statement failed. Nothing secret is in it: no values, no URL, no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}{}", in_brackets(.sqlstate.as_deref()), advice(.sqlstate.as_deref(), *.is_retryable))]
pub struct StatementError {
    message: Box<str>,
    sqlstate: Option<Box<str>>,
    is_retryable: bool,
}

impl StatementError {
    /// The server has answered with an error: its code of five letters and digits, and its message.
    ///
    /// # Security
    ///
    /// The detail of such an error shows the values of a row: leave it out.
    #[must_use]
    pub fn by_server(sqlstate: &str, message: impl Into<Box<str>>) -> Self {
        let message = message.into();
        let is_retryable = passes(sqlstate) && !(sqlstate == POOLER && is_login(&message));
        Self { message, sqlstate: Some(sqlstate.into()), is_retryable }
    }

    /// The server is not reached for now, or has not answered.
    #[must_use]
    pub fn unreachable(message: impl Into<Box<str>>) -> Self {
        Self { message: message.into(), sqlstate: None, is_retryable: true }
    }

    /// It does not work like this, now or later.
    #[must_use]
    pub fn refused(message: impl Into<Box<str>>) -> Self {
        Self { message: message.into(), sqlstate: None, is_retryable: false }
    }

    /// The server's code (SQLSTATE), if it was the server that said so.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// Whether the same statement may succeed later without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_retryable
    }
}

impl From<StatementError> for StorageError {
    fn from(error: StatementError) -> Self {
        if error.is_retryable { Self::unreachable(error) } else { Self::refused(error) }
    }
}

impl From<tokio_postgres::Error> for StatementError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(error) = error.as_db_error() {
            return Self::by_server(error.code().code(), error.message());
        }
        // The kind of an error is not public, and all that tells it is this text.
        let said = error.to_string();
        let cause = match said.as_str() {
            // A password with a character that has to be escaped is taken for something else, and shown.
            "invalid connection string" => String::new(),
            _ => error.source().map(|cause| format!(": {cause}")).unwrap_or_default(),
        };
        let is_retryable = match said.as_str() {
            "error communicating with the server"
            | "connection closed"
            | "error connecting to server"
            | "timeout waiting for server" => true,
            "error performing TLS handshake" => was_cut_off(&error),
            _ => false,
        };
        Self { message: format!("{said}{cause}").into(), sqlstate: None, is_retryable }
    }
}

/// Whether a handshake failed over the network, not over a certificate.
fn was_cut_off(error: &tokio_postgres::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other};

    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return !matches!(error.kind(), InvalidData | InvalidInput | Other);
        }
        cause = error.source();
    }
    false
}

/// Whether what the server says passes by itself.
fn passes(sqlstate: &str) -> bool {
    match sqlstate {
        // A replica, which a moment ago was the primary or will be it in a moment.
        "25006" => true,
        // Canceled, by a limit of the server's for instance; locked; not yet there, or not any more.
        "57014" | "55P03" | "55006" => true,
        // Named, and nobody restarts it.
        "57P04" => false,
        _ => matches!(
            sqlstate.get(..2),
            // Connections, serialization, room and memory, operators who shut it down, and disks.
            Some("08" | "40" | "53" | "57" | "58")
        ),
    }
}

/// What a pooler says of the role, the password and the database.
fn is_login(message: &str) -> bool {
    ["authentication failed", "no such user", "no such database", "not allowed", "config error"]
        .iter()
        .any(|words| message.contains(words))
}

fn in_brackets(sqlstate: Option<&str>) -> String {
    sqlstate.map(|code| format!(" ({code})")).unwrap_or_default()
}

/// What somebody has to do about it.
fn advice(sqlstate: Option<&str>, is_retryable: bool) -> &'static str {
    match sqlstate {
        Some(POOLER) if !is_retryable => {
            "; see to the role, its password and the database, as the pooler knows them"
        }
        Some("42P01" | "3F000") => {
            "; make the tables of `oauth_tokio::postgres::MIGRATION`, or name the schema that they are in"
        }
        Some("42703" | "42P10" | "42804") => {
            "; the tables are those of another version: see `oauth_tokio::postgres::MIGRATION`"
        }
        Some("42501") => "; the role needs select, insert, update and delete on the four tables",
        Some("28P01" | "28000") => "; see to the role, its password and pg_hba.conf",
        Some("3D000") => "; see to the name of the database",
        Some("25006") => "; statements have to go to the primary",
        Some("53100") => "; free some space on the database's disk",
        Some("53300") => "; use fewer connections, a pooler, or a higher max_connections",
        _ => "",
    }
}

/// PgBouncer has one code for everything: a protocol violation.
const POOLER: &str = "08P01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_retryable_and_what_does_not_says_what_to_do() {
        for code in
            ["08006", "08P01", "57P01", "57P03", "57014", "40001", "53300", "53100", "25006"]
        {
            let error = StatementError::by_server(code, "no");
            assert!(error.is_retryable(), "{code}");
            assert!(StorageError::from(error).is_retryable(), "{code}");
        }
        for (code, word) in [
            ("42P01", "MIGRATION"),
            ("3F000", "schema"),
            ("42703", "another version"),
            ("42501", "the role needs"),
            ("28P01", "password"),
            ("3D000", "database"),
        ] {
            let error = StatementError::by_server(code, "no");
            assert!(error.to_string().starts_with(&format!("no ({code}); ")), "{error}");
            assert!(error.to_string().contains(word), "{error}");
            assert!(!error.is_retryable(), "{code}");
            assert!(!StorageError::from(error).is_retryable(), "{code}");
        }
        assert!(!StatementError::by_server("", "no").is_retryable());
        for said in ["SASL authentication failed", "no such user: x", "no such database: x"] {
            let error = StatementError::by_server(POOLER, said);
            assert!(!error.is_retryable(), "{said}");
            assert!(error.to_string().contains("the pooler knows them"), "{error}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_shown() {
        for url in ["postgres://u:hunter2@h:nine/d", "user=u password=hun hunter2=x", "u hunter2"] {
            let error = url.parse::<tokio_postgres::Config>().expect_err(url);
            let error = StatementError::from(error);
            assert!(!error.is_retryable());
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
