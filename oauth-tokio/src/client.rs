//! The client: one handle for one server and one user.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oauth_blocking::adapter::{OperatingSystem, shows_pages};
use oauth_blocking::{FileTokenStorage, LocalUser};
use oauth_core::client::{
    Adapter, AddressFilter, Builder, Client, Event, Forgotten, Host as _, Mode, Parts,
};
use oauth_core::error::Misuse;
use oauth_core::session::{Forecast, Key, LoggedOut, Record, Status};
use oauth_core::{BearerAuth, Policy};
use reqwest::header::{HeaderMap, HeaderValue};

use crate::Error;
use crate::events::{Events, Readers};
use crate::host::ReqwestHost;
use crate::http::{Http, HttpClient, unsent};
use crate::storage::SharedStorage;
use crate::tasks::Tasks;
use crate::user_agent::SharedUserAgent;

/// Authorization at one MCP server, for one user. Cheap to clone; the clones share everything.
///
/// One task at a time refreshes or logs in, and the others get its result. A request whose token still
/// lives does not wait for that.
#[derive(Clone)]
pub struct OAuth {
    pub(crate) client: Arc<Client<ReqwestHost>>,
    pub(crate) mode: Mode,
    pub(crate) readers: Readers,
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
        let client = Arc::new(self.client.for_profile(profile));
        Self { client, ..self.clone() }
    }

    /// The same, for calls that ask nobody: what can be had without a person, or else an error at once that
    /// says why. Both handles share everything, and the host says by its choice of one what may happen.
    ///
    /// - A token at hand, a stored one and a refreshed one are used as ever. A refresh of somebody else is waited
    ///   for ([`wait`](Builder::wait), a minute at most); a login never is, in whichever process or task.
    /// - Where a login is needed, the error is [`oauth_core::Error::LoginRequired`], and
    ///   [`oauth_core::Error::ScopeRequired`] where the token lacks scopes. Nothing is registered, locked or
    ///   looked up for it.
    /// - What the server asked for is kept: the next [`login`](Self::login), of either handle, asks for it. That
    ///   stays with this process.
    /// - [`login`](Self::login) is the host's own word, and logs in on either handle.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self { mode: Mode::Quiet, ..self.clone() }
    }

    /// The same, for calls that may begin a login and wait for one, which is what a handle does at first.
    #[must_use]
    pub fn interactive(&self) -> Self {
        Self { mode: Mode::Interactive, ..self.clone() }
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
    /// user logs in. Dropped while the user is at the page, it closes that, unless others wait for the same
    /// login.
    ///
    /// # Errors
    ///
    /// [`Error::Authentication`] if the user has to go somewhere else first; otherwise why there is no
    /// token.
    pub async fn authenticate(&self) -> Result<BearerAuth, Error> {
        let token = self.client.token(self.mode).await?;
        token.ok_or_else(|| oauth_core::Error::LoginRequired.into())
    }

    /// The same with a token that lives at least that long, refreshed early if need be: for a subprocess or a long
    /// stream. Nobody logs in for more time; one whose expiry is unknown will do.
    ///
    /// # Errors
    ///
    /// [`TokenTooShort`](oauth_core::Error::TokenTooShort) if also a new one lives shorter.
    pub async fn token_for(&self, wanted: Duration) -> Result<BearerAuth, Error> {
        let token = self.client.token_for(self.mode, wanted).await?;
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
    pub async fn initialize(&self) -> Result<Option<BearerAuth>, Error> {
        self.client.token(Mode::Quiet).await
    }

    /// The same as an error: [`oauth_core::Error::LoginRequired`] if a login is needed. For calls inside
    /// [`with_oauth_retry`](crate::with_oauth_retry).
    ///
    /// # Errors
    ///
    /// As [`initialize`](Self::initialize), and if a login is needed; [`Misuse::BoundToken`](oauth_core::error::Misuse) if
    /// the token is bound to a key, for which there is [`headers`](Self::headers).
    pub async fn token(&self) -> Result<BearerAuth, Error> {
        unbound(self.initialize().await?.ok_or(oauth_core::Error::LoginRequired)?)
    }

    /// A fresh token, although the one at hand may still be good. `None` if there is nothing to refresh
    /// with, or the authorization server refuses: then a login is needed.
    ///
    /// # Errors
    ///
    /// Why it could not be tried, for instance that the server is not reachable.
    pub async fn refresh_token(&self) -> Result<Option<BearerAuth>, Error> {
        self.client.refresh().await
    }

    /// Another token than the one at hand, refreshed or through a login.
    pub(crate) async fn replace_token(&self) -> Result<(), Error> {
        self.client.replace(self.mode).await
    }

    /// Sends a request to the MCP server, with a token if there is one. What the server's answer asks
    /// for is done (a login, a refresh, a wider scope), and the request is sent again, built anew each
    /// time.
    ///
    /// The answer is the application's, whatever its status. Of redirects, a 307 or 308 of the MCP endpoint
    /// within its origin is followed, method and body kept; all others are the application's, so that
    /// the token stays with the server it is for.
    ///
    /// The default client waits ten seconds for a connection, and then as long as the server takes: a limit
    /// for the answer is the caller's (`tokio::time::timeout`, or the request's own), who knows whether it is
    /// a stream.
    ///
    /// # Errors
    ///
    /// [`Error::Http`] if it could not be sent; as [`authenticate`](Self::authenticate) if a token was
    /// needed and not to be had; [`Misuse::ForeignRequest`](oauth_core::error::Misuse) if the URL is not
    /// the MCP server's.
    pub async fn send(
        &self,
        mut build: impl FnMut(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Error> {
        let client = &self.client;
        let http = client.host().http().to(&client.key().server_url).map_err(unsent)?;
        let build = || build(http).build().map_err(unsent);
        Ok(self.carry(&mut client.call(self.mode), build).await?)
    }

    /// The header fields of a request that a host sends in its own way, by its method in upper case and its URL: a
    /// token, which is got first if need be, and a proof for this request if it is bound to a key (RFC 9449). Make
    /// them anew each time the request is sent, and tell [`refused`](Self::refused) of the answer.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate);
    /// [`Misuse::ForeignRequest`](oauth_core::error::Misuse) if the URL is not the MCP server's.
    pub async fn headers(&self, method: &str, url: &str) -> Result<HeaderMap, Error> {
        let fields = self.client.fields(self.mode, method, url).await?;
        let mut headers = HeaderMap::new();
        fields.ok_or(oauth_core::Error::LoginRequired)?.add_to(&mut headers);
        Ok(headers)
    }

    /// Finds out what the user will experience, without logging in: nothing is registered, no browser opens,
    /// and the store is only read. `Display` of what comes back is a page for people: first what the next call
    /// will do, then what a login would do, or why none can begin, which setting would help, and how that was found
    /// out. It takes as long as [`discovery_limit`](Builder::discovery_limit) at most.
    ///
    /// # Errors
    ///
    /// [`Error::NoEntropy`]. Why a login could not begin is in the diagnosis.
    pub async fn diagnose(&self) -> Result<Forecast, Error> {
        self.client.diagnose().await
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
    pub async fn refused(
        &self,
        token: &BearerAuth,
        status: u16,
        headers: &HeaderMap,
    ) -> Result<Option<BearerAuth>, Error> {
        self.client.refused(self.mode, token, status, headers).await
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
    pub async fn logout(&self) -> Result<LoggedOut, Error> {
        self.client.log_out().await
    }

    /// Deletes what is stored for this server and profile, and the client that was registered for it, also where
    /// other profiles use that: their grants stay, and their next login registers another. Nothing is
    /// revoked: [`logout`](Self::logout) comes before, for tokens that shall end. The result says what stays
    /// elsewhere. A login that is under way here is waited for.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if something is still stored: call it again.
    pub async fn forget(&self) -> Result<Forgotten, Error> {
        self.client.forget().await
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
    pub async fn status(&self) -> Result<Status, Error> {
        self.client.status().await
    }

    /// What is stored for this server and user, as far as it is known here.
    /// Nothing is read for that: `None` before the first call. [`initialize`](Self::initialize) reads what
    /// there is.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.client.record()
    }

    /// What happens from now on: logins, refreshes, what is found in the store and each step on the way, in their
    /// order, of this client and of all that were made from it with [`for_profile`](Self::for_profile). There is no
    /// secret in it but the URLs that the user has to open ([`OwnedEvent`](crate::OwnedEvent)).
    ///
    /// ```no_run
    /// # async fn example(oauth: oauth_tokio::OAuth) {
    /// # use oauth_tokio::{Happened, OwnedEvent};
    /// let mut events = oauth.events();
    /// while let Some(next) = events.next().await {
    ///     match next {
    ///         Ok(Happened { server, event: OwnedEvent::LoginNeeded { reason }, .. }) => println!("{server}: {reason}"),
    ///         Ok(_) => {}
    ///         Err(missed) => println!("{missed}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn events(&self) -> Events {
        self.readers.subscribe()
    }

    /// Waits until what has begun is at its durable end, for `limit` at most; whether it got there.
    /// Nothing is lost by exiting then: a refresh that was under way is stored. Without it, a runtime that ends cuts
    /// off what was begun aside, and a refresh token may be spent for nothing.
    pub async fn shutdown(&self, limit: Duration) -> bool {
        self.client.host().runtime().shutdown(limit).await
    }
}

/// A token that can be sent alone.
fn unbound(token: BearerAuth) -> Result<BearerAuth, Error> {
    match token.is_bound() {
        true => Err(oauth_core::Error::from(Misuse::BoundToken).into()),
        false => Ok(token),
    }
}

impl Adapter for OAuth {
    type Http = HttpClient;
    type Storage = SharedStorage;
    type UserAgent = SharedUserAgent;
    type Error = Error;

    fn executable() -> Option<PathBuf> {
        std::env::current_exe().ok()
    }

    fn shows_pages() -> bool {
        shows_pages()
    }

    fn from_parts(parts: Parts<Self>) -> Result<Self, Error> {
        let storage = match parts.storage {
            Some(storage) => storage,
            None => FileTokenStorage::new(parts.settings.application_name())?.into(),
        };
        let local = || LocalUser::new(parts.callback).into();
        let user_agent = parts.user_agent.unwrap_or_else(local);
        let http = match parts.http {
            Some(http) => http,
            None => {
                let filter = AddressFilter::new(Arc::clone(&parts.settings));
                HttpClient::filtered(|http| http, filter).map_err(unsent)?
            }
        };
        let http = Http::new(http, parts.headers);
        let (readers, told) = (Readers::default(), parts.watcher);
        let told_to = readers.clone();
        let host = |session| ReqwestHost {
            http,
            store: storage,
            users: user_agent,
            runtime: Tasks::new(session),
            system: OperatingSystem,
        };
        let watcher = Arc::new(move |key: &Key, event: &Event<'_>| {
            if let Some(told) = &told {
                told(key, event);
            }
            told_to.tell(key, event);
        });
        let client = Client::new(
            &parts.settings,
            &parts.profile,
            parts.limits,
            Some(watcher),
            parts.gifts,
            host,
        );
        Ok(Self { client: Arc::new(client), mode: Mode::Interactive, readers })
    }
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, mode) = (self.client.key(), self.mode);
        f.debug_struct("OAuth").field("key", key).field("mode", &mode).finish_non_exhaustive()
    }
}
