//! What a user agent is told before a login begins.

use alloc::boxed::Box;
use core::fmt;

use crate::Plain;
use crate::session::LoginReason;

/// A login that is about to begin. `Display` says it in one sentence, with what others wrote
/// [escaped](crate::Plain).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AboutToAuthorize {
    /// Why it is needed.
    pub reason: LoginReason,
    /// The MCP server's URL, without its query.
    pub server: Box<str>,
    /// Whose login ([`OAuthBuilder::profile`](crate::client::Builder::profile)); empty where there is only one.
    pub profile: Box<str>,
    /// The authorization server, as far as it is known: the one that was set up, else that of the last login.
    /// `None` before a first login. The login may lead to another one: then the user agent is asked again, with
    /// [`LoginReason::Moved`].
    pub issuer: Option<Box<str>>,
    /// The client's name ([`OAuthBuilder::client_name`](crate::client::Builder::client_name)), as the login page shows it.
    pub client_name: Box<str>,
}

impl fmt::Display for AboutToAuthorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, server, client_name, .. } = self;
        write!(f, "{} needs a login for {}: {reason}", Plain(client_name), Plain(server))
    }
}
