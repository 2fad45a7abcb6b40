//! Logins that the host asks for, and those that come back to it.

use oauth_core::BearerAuth;
use oauth_core::client::{LoginHandle, LoginOptions};
use oauth_core::session::PendingLogin;

use crate::{Error, OAuth};

impl OAuth {
    /// A login now, whatever is stored: for a user who wants another account, or who does not want to wait
    /// until the pause after a login in vain is over
    /// ([`PeerIncompatible::LoginInVain`](oauth_core::error::PeerIncompatible)). One that is under way already
    /// is waited for instead.
    ///
    /// The tokens that are stored stay until the new ones are there.
    ///
    /// Dropped before the user has come back, it ends, unless others wait for the same login: a host that wants it to
    /// go on spawns it. [`cancel_login`](Self::cancel_login) ends it for all.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate).
    pub async fn login(&self) -> Result<BearerAuth, Error> {
        self.login_with(LoginOptions::new()).await
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
    pub async fn login_with(&self, options: LoginOptions) -> Result<BearerAuth, Error> {
        self.client.log_in(options).await
    }

    /// Ends the login that is under way here, wherever it is: looking for the server's metadata, waiting for the
    /// page of another process or for a port, registering, at the page. All who wait for it get
    /// [`UserAgentError::Cancelled`](crate::UserAgentError::Cancelled) within milliseconds. Its port is free then,
    /// and the next login begins at once, with the client that is registered already.
    ///
    /// A login whose user has come back is finished: a code can be spent once. But it opens no further page. The
    /// tokens that are stored stay as they are.
    ///
    /// True if a login was under way: of this client and its clones, not of another profile or process.
    pub fn cancel_login(&self) -> bool {
        self.client.cancel_login()
    }

    /// The same to be kept elsewhere, by a window with a button perhaps: it does not keep the client alive.
    ///
    /// ```
    /// # fn on_click(_: impl Fn() + Send + Sync + 'static) {}
    /// # async fn example(oauth: oauth_tokio::OAuth) -> Result<(), oauth_tokio::Error> {
    /// let login = oauth.login_handle();
    /// on_click(move || drop(login.cancel()));
    /// oauth.login().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn login_handle(&self) -> LoginHandle {
        self.client.login_handle()
    }

    /// Finishes a login that was handed out in an [`AuthenticationError`](crate::AuthenticationError), in
    /// this process or another: stores its tokens. `query` is the part of the redirect behind the
    /// question mark.
    ///
    /// # Errors
    ///
    /// Why the login failed: the user said no, or the redirect belongs to another login. That one still
    /// waits then: a host that stored it can try again with the right redirect.
    ///
    /// [`Error::Authentication`] if the server refused the client that the login was begun with: another one
    /// was registered, and the user has to visit one more connect URL.
    pub async fn resume(&self, pending: PendingLogin, query: &str) -> Result<BearerAuth, Error> {
        self.client.resume(pending, query).await
    }

    /// Keeps a login that was handed out ([`Error::Authentication`]) in the token store, until its user comes back: to
    /// whichever process, which [finishes](Self::resume_kept) it.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub async fn keep_login(&self, login: &PendingLogin) -> Result<(), Error> {
        self.client.keep_login(login).await
    }

    /// Finishes a login that was [kept](Self::keep_login), for the user who is signed in where it comes back: by a client
    /// [for their profile](Self::for_profile), and nobody else's, so that no browser finishes the login of somebody else.
    /// It is taken out of the store, whatever comes of it. `query` is the part of the redirect behind the question mark.
    ///
    /// # Errors
    ///
    /// [`LoginNotWaiting`](crate::ProtocolError::LoginNotWaiting) if this user has no such login, and
    /// [`LoginUsed`](crate::ProtocolError::LoginUsed) if it was the last one that was finished; otherwise as [`resume`](Self::resume).
    pub async fn resume_kept(&self, query: &str) -> Result<BearerAuth, Error> {
        self.client.resume_kept(query).await
    }
}
