//! Logins that the host asks for.

use oauth_core::BearerAuth;

use crate::adapter::{LoginOptions, ready};
use crate::{Error, OAuth};

impl OAuth {
    /// A login now, whatever is stored: for a user who wants another account, or who does not want to wait
    /// until the pause after a login in vain is over
    /// ([`PeerIncompatible::LoginInVain`](oauth_core::error::PeerIncompatible)). One that is under way already
    /// is waited for instead.
    ///
    /// The tokens that are stored stay until the new ones are there.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate).
    pub fn login(&self) -> Result<BearerAuth, Error> {
        self.login_with(LoginOptions::new())
    }

    /// The same as the host wants it: another account, other scopes, a limit of its own. [`LoginOptions`] says who
    /// shares it.
    ///
    /// The tokens that are stored stay in use until the new ones are there, and are not revoked then. They also stay if
    /// the login comes to nothing.
    ///
    /// # Errors
    ///
    /// As [`login`](Self::login). When the limit is over,
    /// [`UserAgentError::TimedOut`](crate::UserAgentError::TimedOut), or what was waited for just then: another process,
    /// a port, an answer.
    pub fn login_with(&self, options: LoginOptions) -> Result<BearerAuth, Error> {
        ready(self.client.log_in(options))
    }
}
