//! What a login tells those who watch it.

use std::path::Path;
use std::time::Duration;

use oauth_core::wire::{AuthorizationUrl, Issuer};
use oauth_core::{Endpoint, Finding, HttpUrl, Method};

use crate::storage::StorageError;
use crate::user_agent::Waiting;

/// Something happened. There is no secret in it but [`Event::Opening`]'s URL.
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
        outcome: Result<u16, &'a dyn std::error::Error>,
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
    /// Another process logs in already. What it brings is waited for.
    LoginElsewhere,
    /// The port for the redirect is in use by another login, of this program or another. The end of that is
    /// waited for.
    PortBusy {
        /// The port.
        port: u16,
    },
    /// No browser could be opened. The login waits until the user has opened this page on this machine; if
    /// their browser is on another one, [`PasteBack`](crate::PasteBack) is the way on.
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
        kept: &'a Path,
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
}
