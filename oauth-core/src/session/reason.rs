//! Why a login is needed: from what the session has read of the store, and what it was asked for.
//!
//! ```text
//!  the host wants a login ─────────────────────────▶ AskedFor
//!  the MCP server wants scopes that are missing ───▶ StepUp
//!  no tokens ──────────────────────────────────────▶ First
//!  tokens, and not the key that they are bound to ─▶ KeyGone
//!  tokens ─┬─ refused ─────────────────────────────▶ Refused
//!          └─ expired, and not to be refreshed ────▶ Expired
//!  whichever, and its page is at another issuer ───▶ Moved
//! ```

use alloc::boxed::Box;
use core::fmt;

use serde::Serialize;

use crate::error::Error;
use crate::plain::Plain;
use crate::scope::Scopes;
use crate::session::machine::Session;
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::reply::LoginReply;

/// Why a login is needed, to be told to the person who is asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoginReason {
    /// There are no tokens: nobody has logged in yet, or they have logged out.
    First,
    /// The access token has expired, and there is no other without a login.
    Expired,
    /// The token was refused although it has not expired as far as is known, and there is no other without a login.
    Refused,
    /// There are tokens, and nobody has the key that they are bound to: it is stored and cannot be read, or was the host's
    /// own and is another one now (RFC 9449). The login makes a new one.
    KeyGone,
    /// The token is good, but not for what was called (MCP 2026-07-28, Step-Up Authorization Flow).
    StepUp {
        /// What the MCP server asks for, without what is granted.
        missing: Scopes,
    },
    /// The host wants it, whatever is stored.
    AskedFor,
    /// The MCP server names another authorization server than the one of the last login. That is how a server
    /// moves, and how one that was taken over would look like.
    Moved {
        /// The issuer of the last login.
        from: Box<str>,
        /// The issuer that the user is about to be sent to.
        to: Box<str>,
    },
}

impl LoginReason {
    /// A short name, for logs and programs; it never changes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::KeyGone => "key_gone",
            Self::StepUp { .. } => "step_up",
            Self::AskedFor => "asked_for",
            Self::Moved { .. } => "moved",
        }
    }
}

impl fmt::Display for LoginReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("nobody is logged in"),
            Self::Expired => f.write_str("the last login has expired"),
            Self::Refused => f.write_str("the server does not take the last login any more"),
            Self::KeyGone => f.write_str("the key of the last login is gone"),
            Self::StepUp { missing } => {
                write!(f, "the server asks for more: {}", Plain(missing.as_str()))
            }
            Self::AskedFor => f.write_str("a login was asked for"),
            Self::Moved { from, to } => {
                write!(f, "the server's logins have moved from {} to {}", Plain(from), Plain(to))
            }
        }
    }
}

/// For a host that begins no login.
impl From<LoginReason> for Error {
    fn from(reason: LoginReason) -> Self {
        match reason {
            LoginReason::StepUp { missing } => Self::ScopeRequired { missing },
            _ => Self::LoginRequired,
        }
    }
}

impl LoginReply<'_> {
    /// Why the login is needed. What the MCP server answers to a [`challenge`](Self::challenge) may change it.
    ///
    /// It is never [`LoginReason::Moved`]: nobody has asked yet where a login leads
    /// ([`Session::moved_issuer`]).
    #[must_use]
    pub fn reason(&self) -> LoginReason {
        self.session.op.needed().map_or(LoginReason::First, |it| self.session.reason_for(it))
    }

    /// Why there is no token, for a host that begins no login: [`Error::LoginRequired`], or
    /// [`Error::ScopeRequired`] if there is one that lacks scopes. What the server asked for is not lost: the
    /// session's next login asks for it.
    #[must_use]
    pub fn error(&self) -> Error {
        self.reason().into()
    }

    /// The authorization server that the login will lead to, as far as that is known before anybody is asked: the
    /// one that was set up, else that of the last login.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        let settings = &self.session.known.held.settings;
        let provider = settings.provider.as_ref().map(|provider| provider.issuer.as_str());
        let last = || Some(self.session.known.held.record.as_ref()?.binding.server.issuer.as_str());
        provider.or(settings.client_issuer.as_deref()).or_else(last)
    }
}

impl Session {
    /// That the login under way leads to another authorization server than the last one:
    /// [`LoginReason::Moved`]. It is known before a client is registered there, and until the login ends. A host may
    /// want to ask its user, and leaves the login if they say no.
    #[must_use]
    pub fn moved_issuer(&self) -> Option<LoginReason> {
        let progress = self.op.login()?;
        let from = progress.moved_from.as_ref()?.as_str().into();
        Some(LoginReason::Moved { from, to: progress.server()?.issuer.as_str().into() })
    }

    fn reason_for(&self, need: &Need) -> LoginReason {
        let record = self.known.held.record.as_ref();
        if need.asked_for {
            LoginReason::AskedFor
        } else if let Some(missing) = need.missing_beyond(record.and_then(Record::scopes)) {
            LoginReason::StepUp { missing }
        } else if record.is_none_or(|record| record.tokens.is_none()) {
            if self.known.seldom().lacks_key { LoginReason::KeyGone } else { LoginReason::First }
        } else if need.refused == Some(self.known.generation())
            || self.known.held.refused_at().is_some()
        {
            LoginReason::Refused
        } else {
            LoginReason::Expired
        }
    }
}

impl Need {
    /// What the server asks for beyond what the present token has, if that is what it is about.
    fn missing_beyond(&self, granted: Option<&Scopes>) -> Option<Scopes> {
        let scope = self.missing()?;
        // A server may ask for what it says it has granted.
        let missing = granted.and_then(|granted| scope.without(granted));
        Some(missing.unwrap_or_else(|| scope.clone()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_a_server_says_cannot_pose_as_something_else() {
        let reason =
            LoginReason::Moved { from: "https://a.example\u{202e}".into(), to: "b\n".into() };
        let shown = r"the server's logins have moved from https://a.example\u{202e} to b\n";
        assert_eq!(reason.to_string(), shown);
    }
}
