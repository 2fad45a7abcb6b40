//! How an authorization stands, as far as that is known without asking anybody.
//!
//! ```text
//!  nothing stored ─▶ NotNeeded, or LoginNeeded if the server has asked for a login
//!  tokens ─┬─ living, or to be refreshed ─▶ LoggedIn
//!          ├─ refused by the server ──────▶ Refused
//!          └─ expired ────────────────────▶ LoginNeeded
//!  a login that is under way goes before all of that
//! ```

use alloc::boxed::Box;
use core::fmt;

use serde::Serialize;

use crate::flow::Settings;
use crate::scope::Scopes;
use crate::session::claim::Claim;
use crate::session::client::Client;
use crate::session::login::Login;
use crate::session::machine::Session;
use crate::session::op::Op;
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::id_token;

/// How an authorization stands. Exhaustive on purpose: a host that shows it has a word for each. `Display` has some, in
/// English and for one line.
///
/// It says what is known, not what is true: a server may have ended a grant that looks good from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// A token was set up ([`Settings::bearer`]): it is sent as it is, and nobody is ever asked to log in.
    Bearer,
    /// No login is needed, as far as is known: nothing is stored, and the server has asked for none. So it stands also
    /// before the first call, and where the server could not be reached.
    NotNeeded,
    /// There is a token that lives, or one that can be refreshed.
    LoggedIn(GrantSummary),
    /// There is one, but the MCP server has refused it.
    Refused(GrantSummary),
    /// There is none, or one that has expired and cannot be refreshed.
    LoginNeeded,
    /// A login is under way.
    LoginUnderWay {
        /// By whom.
        place: LoginPlace,
        /// The grant that there is meanwhile, for instance if only a scope is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        grant: Option<GrantSummary>,
    },
}

/// Where a login is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginPlace {
    /// In this client.
    Here,
    /// In another client or process that shares the store.
    Elsewhere,
}

/// A grant, as far as it is no secret. `Display` says whose it is, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GrantSummary {
    /// The authorization server that issued it.
    pub issuer: Box<str>,
    /// The scopes that it has, if that is known.
    pub scopes: Option<Scopes>,
    /// When the access token expires; `None` if the server did not say.
    pub expires_at: Option<UnixTime>,
    /// Whether it can be refreshed then.
    pub is_refreshable: bool,
    /// Whose it is, for display only: `email`, `preferred_username`, `name` or `sub` of the `id_token`, if there
    /// is one. It is escaped as [`Plain`](crate::Plain) does it, and cut after 100 characters.
    ///
    /// # Security
    ///
    /// It is not verified: whoever runs the authorization server can say anything there. Decide nothing by it.
    pub who: Option<Box<str>>,
}

impl Status {
    /// What a record says that was found under the key of these settings; `None` is that there is none.
    #[must_use]
    pub fn of(settings: &Settings, record: Option<&Record>, now: UnixTime) -> Self {
        if settings.bearer.is_some() {
            return Self::Bearer;
        }
        // Where a token does not belong, it is not used.
        let Some(record) = record.filter(|record| record.is_for(&settings.server)) else {
            return Self::NotNeeded;
        };
        match GrantSummary::of(record, now) {
            Some(grant) if record.is_unexpired(now) || grant.is_refreshable => {
                match record.refused_at() {
                    Some(_) => Self::Refused(grant),
                    None => Self::LoggedIn(grant),
                }
            }
            // Nobody logs in where tokens are got without a user.
            _ if settings.machine_grant().is_some() => Self::NotNeeded,
            _ => Self::LoginNeeded,
        }
    }

    /// The same after the MCP server has refused the token.
    #[must_use]
    pub fn refused(self) -> Self {
        match self {
            Self::LoggedIn(grant) => Self::Refused(grant),
            other => other,
        }
    }

    /// The same after the MCP server has asked for a login.
    #[must_use]
    pub fn asked_for(self) -> Self {
        match self {
            Self::NotNeeded => Self::LoginNeeded,
            other => other,
        }
    }

    /// The same while a login is under way.
    #[must_use]
    pub fn under_way(self, place: LoginPlace) -> Self {
        match self {
            Self::Bearer => Self::Bearer,
            Self::LoggedIn(grant) => Self::LoginUnderWay { place, grant: Some(grant) },
            _ => Self::LoginUnderWay { place, grant: None },
        }
    }

    /// The grant that it tells of.
    #[must_use]
    pub fn grant(&self) -> Option<&GrantSummary> {
        match self {
            Self::LoggedIn(grant) | Self::Refused(grant) => Some(grant),
            Self::LoginUnderWay { grant, .. } => grant.as_ref(),
            Self::Bearer | Self::NotNeeded | Self::LoginNeeded => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("a fixed token is used"),
            Self::NotNeeded => f.write_str("no login is needed, as far as is known"),
            Self::LoggedIn(grant) => write!(f, "logged in {grant}"),
            Self::Refused(grant) => write!(f, "the token is refused, logged in {grant}"),
            Self::LoginNeeded => f.write_str("a login is needed"),
            Self::LoginUnderWay { place: LoginPlace::Here, .. } => {
                f.write_str("a login is under way")
            }
            Self::LoginUnderWay { place: LoginPlace::Elsewhere, .. } => {
                f.write_str("a login is under way in another program")
            }
        }
    }
}

impl fmt::Display for GrantSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(who) = &self.who {
            write!(f, "as {who} ")?;
        }
        write!(f, "at {}", self.issuer)
    }
}

impl GrantSummary {
    fn of(record: &Record, now: UnixTime) -> Option<Self> {
        let tokens = record.tokens()?;
        Some(Self {
            issuer: record.binding().server().issuer().as_str().into(),
            scopes: record.scopes().cloned(),
            expires_at: tokens.expires_at,
            is_refreshable: record.can_refresh(now),
            who: tokens.other.text("id_token").and_then(id_token::label),
        })
    }
}

impl Session {
    /// How it stands, as far as this session knows: from what it has read of the store, and what the MCP server
    /// has answered. Asking changes nothing.
    #[must_use]
    pub fn status(&self, now: UnixTime) -> Status {
        let status = Status::of(&self.known.held.settings, self.known.held.record(), now);
        let status = if self.known.held.refused.is_some() { status.refused() } else { status };
        match &self.op {
            Op::Login(Login::Lock(_) | Login::Load(_) | Login::Prepare(_) | Login::Run(_))
            | Op::Client(Client::Lock(_) | Client::Load(_) | Client::Prepare(..))
            | Op::Claim(Claim::Load(_))
            | Op::Resume(_) => status.under_way(LoginPlace::Here),
            Op::Login(Login::Needed(need)) if need.was_answered => status.asked_for(),
            _ => status,
        }
    }
}
