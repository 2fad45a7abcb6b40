//! How the command ends.
//!
//! | code | |
//! |---|---|
//! | 0 | done |
//! | 1 | something else, said on standard error |
//! | 2 | the command line is wrong, or the value of a setting |
//! | 3 | a login is needed, or the user did not finish one, or declined |
//! | 4 | a server refused, or cannot be used as it is: it does what must not be put up with, or a setting is missing |
//! | 5 | a server cannot be reached, or not now |

use std::io;
use std::process::ExitCode;

use oauth_tokio::{
    AuthConfig, ConfigError, Error, NeedsConsent as _, Plain, ProtocolError, StorageError,
};

use crate::said::note;

/// The same for `--help`.
pub(crate) const HELP: &str =
    "Exit codes: 0 done, 1 something else, 2 usage, 3 login needed, 4 refused, 5 unreachable.";

/// Why it does not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, or a setting in it.
    Usage(String),
    /// What the client says.
    Client(Error),
    /// The same, and it is said already.
    Told(ProtocolError),
    /// Files, standard input and output.
    System(io::Error),
}

impl Failure {
    /// Says why, and gives the number.
    pub(crate) fn end(self) -> ExitCode {
        match &self {
            Self::Usage(text) => note(format_args!("error: {}", Plain(text))),
            Self::Client(error) => {
                note(error.explain());
                note_names(error.advice());
            }
            Self::Told(error) => note_names(error.advice()),
            // Whoever reads has seen enough.
            Self::System(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Self::System(error) => note(format_args!("error: {error}")),
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Client(error) => code_of(error),
            Self::Told(error) => code_of_protocol(error),
            Self::System(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::System(_) => OTHER,
        }
    }
}

/// What the names in advice are here: they are those of a library, whether something is to be set or left out.
fn note_names(advice: &str) {
    let names = names(advice);
    if !names.is_empty() {
        note(format_args!("Here, {}.", names.join("; ")));
    }
}

fn names(advice: &str) -> Vec<String> {
    let quoted = advice.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| Some(format!("`{name}` is {}", typed(name)?))).collect()
}

fn typed(name: &str) -> Option<String> {
    match name {
        "discard_sealed" => Some("mcp-oauth seal --discard".into()),
        "login" => Some("mcp-oauth login --again".into()),
        "PasteBack" => Some("mcp-oauth login --paste".into()),
        "forget" => Some("mcp-oauth logout --forget".into()),
        _ if matches!(AuthConfig::setting(name, ""), Err(ConfigError::Unknown(_))) => None,
        setting => Some(format!("--set {setting}=…")),
    }
}

fn code_of(error: &Error) -> u8 {
    match error {
        error if error.needs_consent() => LOGIN_NEEDED,
        Error::UserAgent(_) => LOGIN_NEEDED,
        Error::Http(_) => UNREACHABLE,
        Error::OAuth { error, .. } => code_of_protocol(error),
        _ => OTHER,
    }
}

fn code_of_protocol(error: &ProtocolError) -> u8 {
    match error {
        error if error.needs_login() => LOGIN_NEEDED,
        ProtocolError::Refused(refusal) if refusal.is_denied_by_user() => LOGIN_NEEDED,
        ProtocolError::Cancelled | ProtocolError::LoginExpired { .. } => LOGIN_NEEDED,
        ProtocolError::Misuse(_) => USAGE,
        ProtocolError::Unreachable(_) => UNREACHABLE,
        ProtocolError::PeerMisbehaved(_)
        | ProtocolError::PeerIncompatible(_)
        | ProtocolError::Refused(_)
        | ProtocolError::Malformed(_) => REFUSED,
        _ => OTHER,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<ProtocolError> for Failure {
    fn from(error: ProtocolError) -> Self {
        Self::Client(error.into())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Client(error.into())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

const OTHER: u8 = 1;
const USAGE: u8 = 2;
const LOGIN_NEEDED: u8 = 3;
const REFUSED: u8 = 4;
const UNREACHABLE: u8 = 5;

#[cfg(test)]
mod tests {
    use oauth_tokio::UserAgentError;
    use oauth_tokio::oauth_core::error::PeerIncompatible;
    use oauth_tokio::oauth_core::seal::KeyringError;

    use super::*;

    #[test]
    fn what_advice_names_is_said_as_it_is_typed() {
        let lost = KeyringError::Gone { key_id: "keyring-1".into() };
        let secret = PeerIncompatible::NoSecretMethod { issuer: "https://as.example".into() };
        for (advice, expected) in [
            (lost.advice(), &["`discard_sealed` is mcp-oauth seal --discard"][..]),
            (UserAgentError::Cancelled.advice(), &["`forget` is mcp-oauth logout --forget"]),
            (ProtocolError::LoginRequired.advice(), &[]),
            (ProtocolError::from(secret).advice(), &["`client_secret` is --set client_secret=…"]),
        ] {
            assert_eq!(names(advice), expected, "{advice}");
        }
    }
}
