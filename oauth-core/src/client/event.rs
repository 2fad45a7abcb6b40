//! What a client tells those who watch it, in the order of what happens.
//!
//! ```text
//!  LoginNeeded ─▶ LoginBegun ─▶ … Opening … Redirected … ─┬─▶ LoginFinished
//!  StepUp ────────▲                                       ├─▶ LoginHandedOut
//!                                                         ├─▶ LoginCancelled
//!                                                         └─▶ LoginFailed
//!  TokenRefused ─▶ a refresh ─┬─▶ Refreshed
//!                             ├─▶ RefreshPostponed, RefreshFailed
//!                             └─▶ RefreshRefused ─▶ LoginNeeded
//! ```

mod owned;

use core::time::Duration;

use crate::session::{LoggedOut, LoginReason};
use crate::wire::{AuthorizationUrl, DevicePage, Issuer};
use crate::{Endpoint, Finding, HttpUrl, Method, Scopes, UnixTime};

pub use owned::{Happened, OwnedEvent};

use crate::client::storage::StorageError;
use crate::client::user_agent::Waiting;

/// Something happened. There is no secret in it but [`Event::Opening`]'s URL, and [`Event::DeviceCode`]'s code.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The MCP server answered a request of the application.
    Answered {
        /// The request's method.
        method: &'a str,
        /// Where it went.
        url: &'a str,
        /// Whether it carried a token.
        authorized: bool,
        /// The answer's status.
        status: u16,
    },
    /// A request of the login was answered, or not.
    Exchange {
        /// What it was for.
        endpoint: Endpoint,
        /// Its method.
        method: Method,
        /// Where it went.
        url: &'a HttpUrl,
        /// The answer's status, or why there is none.
        outcome: Result<u16, &'a dyn core::error::Error>,
        /// What the answer was taken for.
        finding: Option<&'a Finding>,
    },
    /// The user is sent to a page. A host should show the URL, in case no browser opens.
    Opening {
        /// The page.
        url: &'a AuthorizationUrl,
        /// The authorization server of the tokens that are stored, if the page is another one's. That is
        /// how a server moves, and how one that was taken over would look like.
        moved_from: Option<&'a Issuer>,
        /// The authorization server, if it will get the client's secret although only the MCP server says that
        /// it is the right one: `client_issuer` is not set.
        unconfirmed_issuer: Option<&'a Issuer>,
    },
    /// The user is to consent on another device. A host should show the page's URL and the code: they are for the user
    /// alone, and for no log. Where they may also do so in a browser, [`Event::Opening`] comes next.
    DeviceCode {
        /// What to show.
        page: &'a DevicePage,
        /// The authorization server of the tokens that are stored, if the code is another one's.
        moved_from: Option<&'a Issuer>,
    },
    /// Another process logs in already. What it brings is waited for.
    LoginElsewhere,
    /// The port for the redirect is in use by another login, of this program or another. The end of that is
    /// waited for.
    PortBusy {
        /// The port.
        port: u16,
    },
    /// No browser could be opened. The login waits until the user has opened this page on this machine; if
    /// their browser is on another one, `PasteBack` is the way on.
    NoBrowser {
        /// The page.
        url: &'a AuthorizationUrl,
    },
    /// Another process refreshes already, or was stopped while it did. What it brings is waited for, a minute at
    /// most; a token that still lives is used meanwhile, and then nothing is told.
    RefreshElsewhere,
    /// The login waits for the user, and says so about once a second.
    Waiting(Waiting),
    /// The user came back.
    Redirected,
    /// A stored record could not be read. It was kept, and the login goes on without it.
    DamagedRecord {
        /// Where it is kept.
        kept: &'a str,
    },
    /// The tokens are stored, and what they say about the client that all profiles share is not: it stays in
    /// doubt, and another profile may register once more.
    ClientNotStored {
        /// What the store said.
        error: &'a StorageError,
    },
    /// Tokens for which a refresh token or a user's login was spent could not be stored. Until they are, they are
    /// lost with this process.
    SaveFailed {
        /// Why.
        error: &'a StorageError,
        /// When it is tried again; nobody else can refresh or log in before. `None` if the call goes on: with the
        /// new token if that lives, else with this error. The tokens are in memory, and the next call that is a few
        /// seconds later tries first of all to store them.
        again_in: Option<Duration>,
    },
    /// The token store failed. There is a token that still lives, so the call goes on with that.
    StoreFailed {
        /// Why.
        error: &'a StorageError,
    },
    /// A login is needed: a call had no token, or the server wants one. Told once until there is a token again, and
    /// not for a login that the host asked for.
    LoginNeeded {
        /// Why.
        reason: &'a LoginReason,
    },
    /// The server wants scopes that the token lacks, which takes another login.
    StepUp {
        /// The scopes that it wants, if it says so.
        scopes: Option<&'a Scopes>,
    },
    /// A login begins. One of [`LoginFinished`](Self::LoginFinished), [`LoginHandedOut`](Self::LoginHandedOut),
    /// [`LoginCancelled`](Self::LoginCancelled) and [`LoginFailed`](Self::LoginFailed) follows.
    LoginBegun {
        /// Why.
        reason: &'a LoginReason,
    },
    /// The login is over, and there is a token: its own, or one that somebody else brought meanwhile
    /// ([`Adopted`](Self::Adopted)). A login that was handed out ends so as well, where it is resumed.
    LoginFinished {
        /// When the access token expires; `None` if the server does not say.
        expires_at: Option<UnixTime>,
        /// The scopes that it has, as far as is known.
        scopes: Option<&'a Scopes>,
    },
    /// The login was handed out to whoever called: their user has to open its page.
    LoginHandedOut,
    /// The host has ended the login, or nobody waits for it any more.
    LoginCancelled,
    /// The login came to nothing, for another reason.
    LoginFailed {
        /// [`ClientError::code`](crate::client::ClientError::code).
        code: &'static str,
        /// Why.
        error: &'a dyn core::error::Error,
    },
    /// The MCP server refused the token. What can be done about that follows.
    TokenRefused {
        /// The answer's status.
        status: u16,
    },
    /// There is a new token, without a login.
    Refreshed {
        /// When it expires; `None` if the server does not say.
        expires_at: Option<UnixTime>,
    },
    /// There is no new token yet. The old one lives, and is used meanwhile.
    RefreshPostponed {
        /// Why: [`Error::code`](crate::Error::code).
        code: &'a str,
    },
    /// The authorization server takes the refresh token no more, and will not another time.
    RefreshRefused {
        /// Why: [`Error::code`](crate::Error::code).
        code: &'a str,
    },
    /// There is no token that lives, and no new one for now. What is stored is kept; the next call tries again.
    RefreshFailed {
        /// Why: [`ClientError::code`](crate::client::ClientError::code).
        code: &'a str,
    },
    /// A token was found in the store that somebody else has put there, another process perhaps, and is used from
    /// now on.
    Adopted {
        /// When it expires; `None` if the server does not say.
        expires_at: Option<UnixTime>,
    },
    /// The user is logged out.
    LoggedOut {
        /// What became of the tokens.
        outcome: &'a LoggedOut,
    },
}

impl Event<'_> {
    /// A short name, for logs and programs; it never changes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answered { .. } => "answered",
            Self::Exchange { .. } => "exchange",
            Self::Opening { .. } => "opening",
            Self::DeviceCode { .. } => "device_code",
            Self::LoginElsewhere => "login_elsewhere",
            Self::PortBusy { .. } => "port_busy",
            Self::NoBrowser { .. } => "no_browser",
            Self::RefreshElsewhere => "refresh_elsewhere",
            Self::Waiting(_) => "waiting",
            Self::Redirected => "redirected",
            Self::DamagedRecord { .. } => "damaged_record",
            Self::ClientNotStored { .. } => "client_not_stored",
            Self::SaveFailed { .. } => "save_failed",
            Self::StoreFailed { .. } => "store_failed",
            Self::LoginNeeded { .. } => "login_needed",
            Self::StepUp { .. } => "step_up",
            Self::LoginBegun { .. } => "login_begun",
            Self::LoginFinished { .. } => "login_finished",
            Self::LoginHandedOut => "login_handed_out",
            Self::LoginCancelled => "login_cancelled",
            Self::LoginFailed { .. } => "login_failed",
            Self::TokenRefused { .. } => "token_refused",
            Self::Refreshed { .. } => "refreshed",
            Self::RefreshPostponed { .. } => "refresh_postponed",
            Self::RefreshRefused { .. } => "refresh_refused",
            Self::RefreshFailed { .. } => "refresh_failed",
            Self::Adopted { .. } => "adopted",
            Self::LoggedOut { .. } => "logged_out",
        }
    }
}
