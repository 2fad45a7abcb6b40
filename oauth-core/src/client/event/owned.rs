//! The same to keep: for channels, and for those who look later.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use core::time::Duration;

use crate::client::event::Event;
use crate::client::user_agent::Waiting;
use crate::session::{Key, LoggedOut, LoginReason};
use crate::wire::{AuthorizationUrl, DevicePage, Issuer};
use crate::{Endpoint, HttpUrl, Method, Scopes, UnixTime};

/// An event, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happened {
    /// The MCP server's URL, without its query.
    pub server: Box<str>,
    /// Whose tokens ([`OAuthBuilder::profile`](crate::client::Builder::profile)).
    pub profile: Box<str>,
    /// [`Event::name`].
    pub name: &'static str,
    /// What happened.
    pub event: OwnedEvent,
}

impl Happened {
    /// What happened to the grant of this key.
    #[must_use]
    pub fn new(key: &Key, event: &Event<'_>) -> Self {
        let (server, profile) = (without_query(&key.server_url), key.profile.clone());
        Self { server, profile, name: event.name(), event: event.into() }
    }
}

/// An [`Event`] that borrows nothing; errors are their texts, and URLs are without their query, but for those
/// that the user has to open. See there for what each of them means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are those of `Event`")]
pub enum OwnedEvent {
    /// [`Event::Answered`].
    Answered { method: Box<str>, url: Box<str>, authorized: bool, status: u16 },
    /// [`Event::Exchange`]; the finding by its [name](crate::Finding::name).
    Exchange {
        endpoint: Endpoint,
        method: Method,
        url: Box<str>,
        outcome: Result<u16, Box<str>>,
        finding: Option<&'static str>,
    },
    /// [`Event::Opening`].
    ///
    /// # Security
    ///
    /// The URL is for the user's browser, and for no log.
    Opening {
        url: AuthorizationUrl,
        moved_from: Option<Issuer>,
        unconfirmed_issuer: Option<Issuer>,
    },
    /// [`Event::DeviceCode`].
    ///
    /// # Security
    ///
    /// The code is for the user, and for no log.
    DeviceCode { page: DevicePage, moved_from: Option<Issuer> },
    /// [`Event::LoginElsewhere`].
    LoginElsewhere,
    /// [`Event::PortBusy`].
    PortBusy { port: u16 },
    /// [`Event::NoBrowser`].
    ///
    /// # Security
    ///
    /// The URL is for the user's browser, and for no log.
    NoBrowser { url: AuthorizationUrl },
    /// [`Event::RefreshElsewhere`].
    RefreshElsewhere,
    /// [`Event::Waiting`].
    Waiting(Waiting),
    /// [`Event::Redirected`].
    Redirected,
    /// [`Event::DamagedRecord`].
    DamagedRecord { kept: Box<str> },
    /// [`Event::ClientNotStored`].
    ClientNotStored { error: Box<str> },
    /// [`Event::SaveFailed`].
    SaveFailed { error: Box<str>, again_in: Option<Duration> },
    /// [`Event::StoreFailed`].
    StoreFailed { error: Box<str> },
    /// [`Event::LoginNeeded`].
    LoginNeeded { reason: LoginReason },
    /// [`Event::StepUp`].
    StepUp { scopes: Option<Scopes> },
    /// [`Event::LoginBegun`].
    LoginBegun { reason: LoginReason },
    /// [`Event::LoginFinished`].
    LoginFinished { expires_at: Option<UnixTime>, scopes: Option<Scopes> },
    /// [`Event::LoginHandedOut`].
    LoginHandedOut,
    /// [`Event::LoginCancelled`].
    LoginCancelled,
    /// [`Event::LoginFailed`].
    LoginFailed { code: &'static str, error: Box<str> },
    /// [`Event::TokenRefused`].
    TokenRefused { status: u16 },
    /// [`Event::Refreshed`].
    Refreshed { expires_at: Option<UnixTime> },
    /// [`Event::RefreshPostponed`].
    RefreshPostponed { code: Box<str> },
    /// [`Event::RefreshRefused`].
    RefreshRefused { code: Box<str> },
    /// [`Event::RefreshFailed`].
    RefreshFailed { code: Box<str> },
    /// [`Event::Adopted`].
    Adopted { expires_at: Option<UnixTime> },
    /// [`Event::LoggedOut`].
    LoggedOut { outcome: LoggedOut },
}

impl From<&Event<'_>> for OwnedEvent {
    fn from(event: &Event<'_>) -> Self {
        match *event {
            Event::Answered { method, url, authorized, status } => {
                let (method, url) = (method.into(), without_query(url));
                Self::Answered { method, url, authorized, status }
            }
            Event::Exchange { endpoint, method, url, outcome, finding } => Self::Exchange {
                endpoint,
                method,
                url: HttpUrl::without_query(url).into(),
                outcome: outcome.map_err(text),
                finding: finding.map(|finding| finding.name()),
            },
            Event::Opening { url, moved_from, unconfirmed_issuer } => Self::Opening {
                url: url.clone(),
                moved_from: moved_from.cloned(),
                unconfirmed_issuer: unconfirmed_issuer.cloned(),
            },
            Event::DeviceCode { page, moved_from } => {
                Self::DeviceCode { page: page.clone(), moved_from: moved_from.cloned() }
            }
            Event::LoginElsewhere => Self::LoginElsewhere,
            Event::PortBusy { port } => Self::PortBusy { port },
            Event::NoBrowser { url } => Self::NoBrowser { url: url.clone() },
            Event::RefreshElsewhere => Self::RefreshElsewhere,
            Event::Waiting(ref waiting) => Self::Waiting(waiting.clone()),
            Event::Redirected => Self::Redirected,
            Event::DamagedRecord { kept } => Self::DamagedRecord { kept: kept.into() },
            Event::ClientNotStored { error } => Self::ClientNotStored { error: text(error) },
            Event::SaveFailed { error, again_in } => {
                Self::SaveFailed { error: text(error), again_in }
            }
            Event::StoreFailed { error } => Self::StoreFailed { error: text(error) },
            Event::LoginNeeded { reason } => Self::LoginNeeded { reason: reason.clone() },
            Event::StepUp { scopes } => Self::StepUp { scopes: scopes.cloned() },
            Event::LoginBegun { reason } => Self::LoginBegun { reason: reason.clone() },
            Event::LoginFinished { expires_at, scopes } => {
                Self::LoginFinished { expires_at, scopes: scopes.cloned() }
            }
            Event::LoginHandedOut => Self::LoginHandedOut,
            Event::LoginCancelled => Self::LoginCancelled,
            Event::LoginFailed { code, error } => Self::LoginFailed { code, error: text(error) },
            Event::TokenRefused { status } => Self::TokenRefused { status },
            Event::Refreshed { expires_at } => Self::Refreshed { expires_at },
            Event::RefreshPostponed { code } => Self::RefreshPostponed { code: code.into() },
            Event::RefreshRefused { code } => Self::RefreshRefused { code: code.into() },
            Event::RefreshFailed { code } => Self::RefreshFailed { code: code.into() },
            Event::Adopted { expires_at } => Self::Adopted { expires_at },
            Event::LoggedOut { outcome } => Self::LoggedOut { outcome: outcome.clone() },
        }
    }
}

fn text(error: &dyn core::error::Error) -> Box<str> {
    error.to_string().into()
}

fn without_query(url: &str) -> Box<str> {
    url.split(['?', '#']).next().unwrap_or_default().into()
}
