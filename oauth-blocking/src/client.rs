//! The client: one handle for one server and one user.

use std::sync::Arc;
use std::time::Duration;

use oauth_core::client::{Builder, Client, Event, Forgotten, Host as _, Mode, location};
use oauth_core::error::Misuse;
use oauth_core::session::{Forecast, LoggedOut, PendingLogin, Record, Status};
use oauth_core::{BearerAuth, Policy};
use ureq::http::{self, HeaderMap, HeaderValue, Request, Response};
use ureq::{AsSendBody, Body};

use crate::Error;
use crate::adapter::ready;
use crate::host::UreqHost;

/// Authorization at one MCP server, for one user. Cheap to clone; the clones share everything.
///
/// One thread at a time refreshes or logs in, and the others get its result. A request whose token still
/// lives does not wait for that.
#[derive(Clone)]
pub struct OAuth {
    pub(crate) client: Arc<Client<UreqHost>>,
    pub(crate) mode: Mode,
}

impl OAuth {
    /// A client for the MCP endpoint at this URL.
    ///
    /// # Errors
    ///
    /// [`Error::OAuth`] unless it is an https URL, or http to this machine.
    pub fn new(server_url: &str) -> Result<Builder<Self>, Error> {
        Self::with_policy(server_url, Policy::default())
    }

    /// The same with a policy of its own for this server.
    ///
    /// # Errors
    ///
    /// As [`OAuth::new`].
    pub fn with_policy(server_url: &str, policy: Policy) -> Result<Builder<Self>, Error> {
        Builder::new(server_url, policy)
    }

    /// The same for another profile: settings, store and HTTP client are shared, tokens are not.
    ///
    /// Keep it for as long as its user is there, and clone it: [`Profiles`](crate::Profiles) does that for many. Another
    /// one that is made for the same profile knows of this one only through the store, as another process would, and
    /// reads the tokens anew.
    #[must_use]
    pub fn for_profile(&self, profile: &str) -> Self {
        Self { client: Arc::new(self.client.for_profile(profile)), mode: self.mode }
    }

    /// The same, for calls that ask nobody: what can be had without a person, or else an error at once that
    /// says why. Both handles share everything, and the host says by its choice of one what may happen.
    ///
    /// - A token at hand, a stored one and a refreshed one are used as ever. A refresh of somebody else is waited
    ///   for ([`wait`](Builder::wait), a minute at most); a login never is, in whichever process or thread.
    /// - Where a login is needed, the error is [`oauth_core::Error::LoginRequired`], and
    ///   [`oauth_core::Error::ScopeRequired`] where the token lacks scopes. Nothing is registered, locked or
    ///   looked up for it.
    /// - What the server asked for is kept: the next [`login`](Self::login), of either handle, asks for it. That
    ///   stays with this process.
    /// - [`login`](Self::login) is the host's own word, and logs in on either handle.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self { client: Arc::clone(&self.client), mode: Mode::Quiet }
    }

    /// The same, for calls that may begin a login and wait for one, which is what a handle does at first.
    #[must_use]
    pub fn interactive(&self) -> Self {
        Self { client: Arc::clone(&self.client), mode: Mode::Interactive }
    }

    /// The value of the `Authorization` field for now, for hosts that send requests in their own way:
    /// `None` if the token is not at hand or about to expire, then [`token`](Self::token) comes first.
    /// Neither waits nor allocates.
    ///
    /// # Security
    ///
    /// It may go to the MCP server only.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        self.client.header()
    }

    /// A token that can be used now: the stored one, a refreshed one, or, if it must be, one for which a
    /// user logs in.
    ///
    /// # Errors
    ///
    /// [`Error::Authentication`] if the user has to go somewhere else first; otherwise why there is no
    /// token.
    pub fn authenticate(&self) -> Result<BearerAuth, Error> {
        ready(self.client.token(self.mode))?.ok_or_else(|| oauth_core::Error::LoginRequired.into())
    }

    /// The same with a token that lives at least that long, refreshed early if need be: for a subprocess or a long
    /// stream. Nobody logs in for more time; one whose expiry is unknown will do.
    ///
    /// # Errors
    ///
    /// [`TokenTooShort`](oauth_core::Error::TokenTooShort) if also a new one lives shorter.
    pub fn token_for(&self, wanted: Duration) -> Result<BearerAuth, Error> {
        let token = ready(self.client.token_for(self.mode, wanted))?;
        unbound(token.ok_or(oauth_core::Error::LoginRequired)?)
    }

    /// What [`authenticate`](Self::authenticate) of a [`quiet`](Self::quiet) handle gives, whatever this one is: the
    /// stored token or a refreshed one. `None` if a login is needed.
    ///
    /// It has nothing to do with the request `initialize` of MCP, which is the application's to send.
    ///
    /// # Errors
    ///
    /// Why that could not be found out.
    pub fn initialize(&self) -> Result<Option<BearerAuth>, Error> {
        ready(self.client.token(Mode::Quiet))
    }

    /// The same as an error: [`oauth_core::Error::LoginRequired`] if a login is needed. For calls inside
    /// [`with_oauth_retry`](crate::with_oauth_retry).
    ///
    /// # Errors
    ///
    /// As [`initialize`](Self::initialize), and if a login is needed; [`Misuse::BoundToken`](oauth_core::error::Misuse) if
    /// the token is bound to a key, for which there is [`headers`](Self::headers).
    pub fn token(&self) -> Result<BearerAuth, Error> {
        unbound(self.initialize()?.ok_or(oauth_core::Error::LoginRequired)?)
    }

    /// A fresh token, although the one at hand may still be good. `None` if there is nothing to refresh
    /// with, or the authorization server refuses: then a login is needed.
    ///
    /// # Errors
    ///
    /// Why it could not be tried, for instance that the server is not reachable.
    pub fn refresh_token(&self) -> Result<Option<BearerAuth>, Error> {
        ready(self.client.refresh())
    }

    /// Another token than the one at hand, refreshed or through a login.
    pub(crate) fn replace_token(&self) -> Result<(), Error> {
        ready(self.client.replace(self.mode))
    }

    /// Sends a request to the MCP server, with a token if there is one. What the server's answer asks
    /// for is done (a login, a refresh, a wider scope), and the request is sent again, built anew each
    /// time.
    ///
    /// The answer is the application's, whatever its status. Of redirects, a 307 or 308 of the MCP endpoint
    /// within its origin is followed, method and body kept; all others are the application's, so that
    /// the token stays with the server it is for.
    ///
    /// A request keeps the time limits that it brings ([`ureq::Agent::configure_request`]). Without any, the
    /// default agent waits ten seconds for a connection and five minutes for the head of an answer; the body
    /// may take as long as it takes, so that streams are not cut.
    ///
    /// # Errors
    ///
    /// [`Error::Http`] if it could not be sent; as [`authenticate`](Self::authenticate) if a token was
    /// needed and not to be had; [`Misuse::ForeignRequest`](oauth_core::error::Misuse) if the URL is not
    /// the MCP server's.
    pub fn send<B: AsSendBody>(
        &self,
        mut build: impl FnMut() -> http::Result<Request<B>>,
    ) -> Result<Response<Body>, Error> {
        let client = &self.client;
        let mut call = client.call(self.mode);
        loop {
            let mut request = build().map_err(ureq::Error::from)?;
            if let Some(url) = call.url() {
                let url = url.as_str().parse().map_err(http::Error::from);
                *request.uri_mut() = url.map_err(ureq::Error::from)?;
            }
            let url = request.uri().to_string();
            let method = request.method().clone();
            if let Some(fields) = ready(client.authorize(&mut call, method.as_str(), &url))? {
                fields.add_to(request.headers_mut());
            }
            let response = self.run(request)?;
            let status = response.status();
            if client.redirected(&mut call, &url, status.as_u16(), location(response.headers())) {
                continue;
            }
            match ready(client.judge(&mut call, status.as_u16(), response.headers()))? {
                None => return Ok(response),
                Some(remedy) => {
                    // Its connection is free for the login.
                    drop(response);
                    ready(client.remedy(&mut call, remedy))?;
                }
            }
        }
    }

    /// The header fields of a request that a host sends in its own way, by its method in upper case and its URL: a
    /// token, which is got first if need be, and a proof for this request if it is bound to a key (RFC 9449). Make
    /// them anew each time the request is sent, and tell [`refused`](Self::refused) of the answer.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate);
    /// [`Misuse::ForeignRequest`](oauth_core::error::Misuse) if the URL is not the MCP server's.
    pub fn headers(&self, method: &str, url: &str) -> Result<HeaderMap, Error> {
        let fields = ready(self.client.fields(self.mode, method, url))?;
        let mut headers = HeaderMap::new();
        fields.ok_or(oauth_core::Error::LoginRequired)?.add_to(&mut headers);
        Ok(headers)
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
    pub fn resume(&self, pending: PendingLogin, query: &str) -> Result<BearerAuth, Error> {
        ready(self.client.resume(pending, query))
    }

    /// Keeps a login that was handed out ([`Error::Authentication`]) in the token store, until its user comes back: to
    /// whichever process, which [finishes](Self::resume_kept) it.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub fn keep_login(&self, login: &PendingLogin) -> Result<(), Error> {
        ready(self.client.keep_login(login))
    }

    /// Finishes a login that was [kept](Self::keep_login), for the user who is signed in where it comes back: by a client
    /// [for their profile](Self::for_profile), and nobody else's, so that no browser finishes the login of somebody else.
    /// It is taken out of the store, whatever comes of it. `query` is the part of the redirect behind the question mark.
    ///
    /// # Errors
    ///
    /// [`LoginNotWaiting`](crate::ProtocolError::LoginNotWaiting) if this user has no such login, and
    /// [`LoginUsed`](crate::ProtocolError::LoginUsed) if it was the last one that was finished; otherwise as [`resume`](Self::resume).
    pub fn resume_kept(&self, query: &str) -> Result<BearerAuth, Error> {
        ready(self.client.resume_kept(query))
    }

    /// Finds out what the user will experience, without logging in: nothing is registered, no browser opens,
    /// and the store is only read. `Display` of what comes back is a page for people: first what the next call
    /// will do, then what a login would do, or why none can begin, which setting would help, and how that was found
    /// out. It takes as long as [`discovery_limit`](Builder::discovery_limit) at most.
    ///
    /// # Errors
    ///
    /// [`Error::NoEntropy`]. Why a login could not begin is in the diagnosis.
    pub fn diagnose(&self) -> Result<Forecast, Error> {
        ready(self.client.diagnose())
    }

    /// For hosts that send requests in their own way: the MCP server answered a request that carried
    /// `token` with this status and these header fields. What that asks for is done (a refresh, a login, a wider
    /// scope), and the token to send the request with once more is returned; `None` if the answer is the
    /// application's.
    ///
    /// With a token that is bound to a key, tell of every answer: any may say what the next proof has to show. Then
    /// the request goes out with new [`headers`](Self::headers).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn refused(
        &self,
        token: &BearerAuth,
        status: u16,
        headers: &HeaderMap,
    ) -> Result<Option<BearerAuth>, Error> {
        ready(self.client.refused(self.mode, token, status, headers))
    }

    /// Logs out: revokes the refresh token, then the access token (RFC 7009), and takes both out of the
    /// store whether or not the server was of help. The client stays registered for the next login.
    ///
    /// The result says what stayed alive at the server, and why. A login that was handed out and not
    /// finished is not ended by this.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the tokens are still stored: call it again.
    pub fn logout(&self) -> Result<LoggedOut, Error> {
        ready(self.client.log_out())
    }

    /// Deletes what is stored for this server and profile, and the client that was registered for it, also where
    /// other profiles use that: their grants stay, and their next login registers another. Nothing is
    /// revoked: [`logout`](Self::logout) comes before, for tokens that shall end. The result says what stays
    /// elsewhere. A login that is under way here is waited for.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if something is still stored: call it again.
    pub fn forget(&self) -> Result<Forgotten, Error> {
        ready(self.client.forget())
    }

    /// How the authorization stands, for a host that shows it: without any request, from one look into the store
    /// that takes no lock, writes nothing and waits for nobody's login. It is cheap enough for a list of many
    /// servers.
    ///
    /// A token that was refused, and that no refresh replaces, is known to all who share the store. That a token was
    /// refused for another reason, and that the server asked for a login, is known of this client's own calls only. A
    /// login of another process is seen by its lock, where the store can look at that
    /// ([`Leases::is_held`](crate::Leases::is_held)); one that was handed out is no longer under way.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the store cannot be read.
    pub fn status(&self) -> Result<Status, Error> {
        ready(self.client.status())
    }

    /// What is stored for this server and user, as far as it is known here.
    /// Nothing is read for that: `None` before the first call. [`initialize`](Self::initialize) reads what
    /// there is.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.client.record()
    }

    fn run<B: AsSendBody>(&self, request: Request<B>) -> Result<Response<Body>, Error> {
        let (method, url) = (request.method().clone(), request.uri().clone());
        let authorized = request.headers().contains_key("authorization");
        let response = self.client.host().http().send(request)?;
        self.client.tell(&Event::Answered {
            method: method.as_str(),
            url: &url.to_string(),
            authorized,
            status: response.status().as_u16(),
        });
        Ok(response)
    }
}

/// A token that can be sent alone.
fn unbound(token: BearerAuth) -> Result<BearerAuth, Error> {
    match token.is_bound() {
        true => Err(oauth_core::Error::from(Misuse::BoundToken).into()),
        false => Ok(token),
    }
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, mode) = (self.client.key(), self.mode);
        f.debug_struct("OAuth").field("key", key).field("mode", &mode).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use oauth_core::client::{MemoryTokenStorage, PrivateAddress};

    use super::*;

    /// The port is nobody's: a request that gets through fails in another way.
    #[test]
    fn the_default_agent_connects_to_no_private_address() {
        let policy = Policy::default().only_public_addresses();
        let builder = OAuth::with_policy("https://mcp.example/mcp", policy);
        let oauth = builder.and_then(|it| it.token_storage(MemoryTokenStorage::new()).build());
        let oauth = oauth.unwrap_or_else(|e| panic!("{e}"));
        for url in ["https://localhost:1/", "https://127.0.0.1:1/", "https://[::1]:1/"] {
            let request = Request::get(url).body(()).unwrap_or_else(|e| panic!("{e}"));
            match oauth.client.host().http().send(request) {
                Err(ureq::Error::Other(error)) => assert!(error.is::<PrivateAddress>(), "{error}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
