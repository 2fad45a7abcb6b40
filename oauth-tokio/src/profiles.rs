//! Many users' clients in one value.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::client::Host as _;

use crate::host::ReqwestHost;
use crate::{Error, OAuth, OffBoarded};

/// The clients of many users at one or several servers, for a gateway. All calls for one user meet in one client, so
/// that one of them refreshes and the others get its result.
///
/// ```no_run
/// # async fn example() -> Result<(), oauth_tokio::Error> {
/// use oauth_tokio::{NoUserAgent, OAuth, Profiles, RedirectUri};
///
/// let back = RedirectUri::parse("https://gateway.example/callback")?;
/// let github = OAuth::new("https://mcp.github.example/mcp")?.user_agent(NoUserAgent::new(back)).build()?;
/// let users = Profiles::new(github.clone());
///
/// // With each request of an agent: the user is whom the gateway has authenticated.
/// let alice = users.of(&github, "alice");
/// // When they leave.
/// let ended = users.off_board("alice").await?;
/// if !ended.is_complete() {
///     eprintln!("{ended}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// Settings, store, HTTP connections and the client that is registered are shared. A client that nobody has
/// a handle of is forgotten when it was not asked for during [`idle_after`](Self::idle_after), or when there are
/// more than [`at_most`](Self::at_most); whoever was asked for last stays longest. Nothing is lost with it: the next
/// one reads the store. One that is in use, or still at work for a caller who has gone, is never forgotten, so there
/// may be more. Ask for a user's client with each request, and drop it after.
#[derive(Debug)]
pub struct Profiles(oauth_core::client::Profiles<ReqwestHost>);

impl Profiles {
    /// Users of the server that this client is for, and of those that are [added](Self::add). Its profile does not
    /// matter.
    #[must_use]
    pub fn new(server: OAuth) -> Self {
        Self(oauth_core::client::Profiles::new(server.client))
    }

    /// So many clients are kept that are not in use; 10,000 if nothing is said.
    #[must_use]
    pub fn at_most(self, clients: usize) -> Self {
        Self(self.0.at_most(clients))
    }

    /// How long a client is kept that nobody asks for; ten minutes if nothing is said.
    #[must_use]
    pub fn idle_after(self, idle_after: Duration) -> Self {
        Self(self.0.idle_after(idle_after))
    }

    /// One more server, whose grants [`off_board`](Self::off_board) ends as that one's client would. It takes the
    /// place of one with the same URL and application.
    pub fn add(&self, server: OAuth) {
        self.0.add(server.client);
    }

    /// The client of a user, at the server that `server` is for: the one that is kept, or a new one. It is
    /// [quiet](OAuth::quiet) or not as `server` is.
    ///
    /// # Security
    ///
    /// A callback is finished with the client of the user who is signed in at the browser it came from:
    /// `users.of(&server, signed_in).resume_kept(query)`.
    #[must_use]
    pub fn of(&self, server: &OAuth, profile: &str) -> OAuth {
        OAuth { client: self.0.of(&server.client, profile), ..server.clone() }
    }

    /// Ends everything that one user has: at each server the tokens are revoked (RFC 7009) and erased here, whether
    /// or not the server was of help. The result says what stayed alive, and what is still stored.
    ///
    /// It finds all grants of the profile in the store, under the application's name. At a server that was not
    /// [added](Self::add), only what is stored can be used: where the client has a secret or a key of the host's own,
    /// its tokens live until they expire. A client that was registered stays registered.
    ///
    /// It takes a request for each token, one after the other. Other processes notice within their
    /// [`store_check_interval`](oauth_core::client::Builder::store_check_interval), or when a token is refused. A
    /// user who is still signed in to the host can log in anew: end that first.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the store cannot say which grants there are: call it again.
    pub async fn off_board(&self, profile: &str) -> Result<OffBoarded, Error> {
        self.0.off_board(profile).await
    }

    /// How many clients are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until what has begun is at its durable end, for `limit` at most; whether it got there. See
    /// [`OAuth::shutdown`].
    pub async fn shutdown(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut is_done = true;
        for client in self.0.all() {
            let left = end.saturating_duration_since(Instant::now());
            is_done &= Arc::clone(&client).host().runtime().shutdown(left).await;
        }
        is_done
    }
}
