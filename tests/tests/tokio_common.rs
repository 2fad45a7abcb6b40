//! What the tests of the tokio adapter share: `common`, and its clients, calls and users once more.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

pub(crate) mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use common::PATIENCE;
use oauth_tests::serve::Served;
use oauth_tokio::{
    AuthenticationError, AuthorizationUrl, Blocking, Error, FileTokenStorage, NeedsConsent,
    NoUserAgent, OAuth, OAuthBuilder, Prepared, RedirectUri, SharedStorage, UserAgent,
    UserAgentError,
};
use serde_json::json;
use tokio::sync::mpsc;

/// A client whose user consents at once.
pub(crate) fn builder(served: &Served, store: &(impl Into<SharedStorage> + Clone)) -> OAuthBuilder {
    OAuth::new(&served.server_url())
        .unwrap()
        .application(common::APPLICATION)
        .token_storage(store.clone())
        .user_agent(Blocking::new(common::visitor()))
        .wait(PATIENCE)
}

pub(crate) fn client(served: &Served, store: &(impl Into<SharedStorage> + Clone)) -> OAuth {
    builder(served, store).build().unwrap()
}

/// A client that has logged in already; the log begins after that.
pub(crate) async fn logged_in(
    served: &Served,
    store: &(impl Into<SharedStorage> + Clone),
) -> OAuth {
    let oauth = client(served, store);
    assert_eq!(call(&oauth, served, common::LIST).await.unwrap(), 200);
    served.world().log.clear();
    oauth
}

/// Calls a method of the MCP server, and gives the status.
pub(crate) async fn call(oauth: &OAuth, served: &Served, method: &str) -> Result<u16, Error> {
    post(oauth, &served.server_url(), method).await.map(|(status, _)| status)
}

/// The same at any URL, with the body.
pub(crate) async fn post(oauth: &OAuth, url: &str, method: &str) -> Result<(u16, String), Error> {
    let params = json!({"name": "add", "arguments": {"a": 19, "b": 23}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let answer = oauth
        .send(|http| http.post(url).header("content-type", "application/json").body(body.clone()))
        .await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await.unwrap()))
}

/// A client of a host that serves the redirect URI itself.
pub(crate) fn headless(served: &Served, store: &(impl Into<SharedStorage> + Clone)) -> OAuth {
    let redirect_uri = RedirectUri::parse("https://host.example.com/callback").unwrap();
    builder(served, store).user_agent(NoUserAgent::new(redirect_uri)).build().unwrap()
}

pub(crate) fn handed_out<T: std::fmt::Debug>(result: Result<T, Error>) -> AuthenticationError {
    let error = result.unwrap_err();
    assert!(error.needs_consent());
    match error {
        Error::Authentication(error) => *error,
        error => panic!("{error:?}"),
    }
}

/// The error of the protocol that it must be.
pub(crate) fn core_error<T: std::fmt::Debug>(result: Result<T, Error>) -> oauth_core::Error {
    match result.unwrap_err() {
        Error::OAuth { error, .. } => error,
        error => panic!("{error:?}"),
    }
}

/// The redirect's query, fetched where it holds up nobody.
pub(crate) async fn redirect(url: &AuthorizationUrl) -> String {
    let url = url.clone();
    tokio::task::spawn_blocking(move || common::redirect(&url)).await.unwrap()
}

/// Lets the others run until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::task::yield_now().await;
    }
}

/// A user who stays at the page until told to consent: async, and the host's own.
pub(crate) struct SlowUser {
    at_page: mpsc::UnboundedSender<()>,
    consents: tokio::sync::watch::Receiver<bool>,
}

/// What the test holds of a [`SlowUser`].
pub(crate) struct SlowUserHandle {
    arrivals: mpsc::UnboundedReceiver<()>,
    consents: tokio::sync::watch::Sender<bool>,
}

impl SlowUser {
    pub(crate) fn new() -> (Self, SlowUserHandle) {
        let (at_page, arrivals) = mpsc::unbounded_channel();
        let (tell, consents) = tokio::sync::watch::channel(false);
        (Self { at_page, consents }, SlowUserHandle { arrivals, consents: tell })
    }
}

impl SlowUserHandle {
    /// Waits until the user looks at a page.
    pub(crate) async fn at_page(&mut self) {
        tokio::time::timeout(PATIENCE, self.arrivals.recv()).await.unwrap().unwrap();
    }

    /// Lets him consent, to this page and later ones.
    pub(crate) fn consent(&self) {
        self.consents.send(true).unwrap();
    }
}

impl UserAgent for SlowUser {
    async fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (at_page, mut consents) = (self.at_page.clone(), self.consents.clone());
        let redirect_uri = RedirectUri::parse(common::ELSEWHERE)?;
        Ok(Prepared::new(redirect_uri, async move |url, _deadline, _told| {
            at_page.send(()).map_err(|_| UserAgentError::Cancelled)?;
            consents.wait_for(|consents| *consents).await.map_err(|_| UserAgentError::Cancelled)?;
            Ok(redirect(&url).await.into())
        }))
    }
}

/// A directory for tokens that is gone with the test.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("mcp-oauth-tokio-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn store(&self) -> FileTokenStorage {
        FileTokenStorage::in_dir(self.0.join("tokens"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
