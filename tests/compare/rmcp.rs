//! `rmcp::transport::auth`, with these servers in the place of sockets.

use std::hint::black_box;
use std::sync::Arc;

use ::rmcp::transport::auth::{
    AuthClient, AuthorizationManager, AuthorizationMetadata, AuthorizationRequest,
    AuthorizationSession, CredentialStore as _, InMemoryCredentialStore, OAuthHttpClient,
    OAuthHttpClientFuture, OAuthHttpRequest, OAuthState,
};
use http::HeaderValue;

use crate::canned::{Canned, Place, redirect};
use crate::documents::{self, REDIRECT_URI, SERVER};
use crate::measure::{Cost, Work, held};
use crate::runtime::{at_one_thread, only};

pub(crate) const LOGIN: Work = only(100, logins);

pub(crate) const EXCHANGE: Work = only(100, exchanges);

pub(crate) const REFRESH: Work = only(100, refreshes);

pub(crate) const HEADER: Work = only(10_000, headers);

/// What its transport shares among requests.
pub(crate) type Handle = AuthClient<()>;

fn logins(prepared: usize) -> Box<dyn FnMut(usize)> {
    let (runtime, canned) = (at_one_thread(), Arc::new(Canned::ready_for(prepared)));
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let handle = log_in(&canned, None).await;
                done.push((black_box(header(&handle).await), handle));
            }
        });
    })
}

/// Its endpoints are known, and its client.
fn exchanges(prepared: usize) -> Box<dyn FnMut(usize)> {
    let (runtime, canned) = (at_one_thread(), Arc::new(Canned::ready_for(prepared)));
    let metadata: AuthorizationMetadata =
        serde_json::from_str(&documents::server()).expect("it is metadata");
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let handle = exchange(&canned, metadata.clone()).await;
                done.push((black_box(header(&handle).await), handle));
            }
        });
    })
}

fn refreshes(prepared: usize) -> Box<dyn FnMut(usize)> {
    let (runtime, canned) = (at_one_thread(), Arc::new(Canned::ready_for(prepared)));
    let expired = |_| runtime.block_on(expired(&canned));
    let mut handles = (0..prepared).map(expired).collect::<Vec<_>>().into_iter();
    canned.add(Place::Token, prepared);
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        runtime.block_on(async {
            for handle in handles.by_ref().take(count) {
                done.push((black_box(header(&handle).await), handle));
            }
        });
    })
}

fn headers(_: usize) -> Box<dyn FnMut(usize)> {
    let (runtime, canned) = (at_one_thread(), Arc::new(Canned::ready_for(1)));
    let handle = runtime.block_on(log_in(&canned, None));
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                black_box(header(black_box(&handle)).await);
            }
        });
    })
}

/// What so many handles hold that have logged in.
pub(crate) fn idle(count: usize) -> Cost {
    let (runtime, canned) = (at_one_thread(), Arc::new(Canned::ready_for(0)));
    let one = |_| runtime.block_on(log_in(&canned, None));
    let first = one(0);
    let cost = held(count, |count| {
        let mut all = Vec::with_capacity(count);
        all.extend((0..count).map(one));
        all
    });
    drop(first);
    cost
}

/// From the challenge of the 401 to a handle with a token.
async fn log_in(canned: &Arc<Canned>, store: Option<InMemoryCredentialStore>) -> Handle {
    AuthClient::new((), managed(canned, store).await)
}

/// The manager of such a handle.
async fn managed(
    canned: &Arc<Canned>,
    store: Option<InMemoryCredentialStore>,
) -> AuthorizationManager {
    let mut manager = manager(canned).await;
    if let Some(store) = store {
        manager.set_credential_store(store);
    }
    let mut state = OAuthState::Unauthorized(manager);
    let request = AuthorizationRequest::new(REDIRECT_URI).with_challenge(documents::CHALLENGE);
    state.start_authorization(request).await.expect("the servers answer");
    let url = state.get_authorization_url().await.expect("there is a page");
    state.handle_callback_url(&back(&url)).await.expect("the redirect answers this login");
    state.into_authorization_manager().expect("there is a token")
}

async fn exchange(canned: &Arc<Canned>, metadata: AuthorizationMetadata) -> Handle {
    let mut manager = manager(canned).await;
    manager.set_metadata(metadata);
    let request = AuthorizationRequest::new(REDIRECT_URI)
        .with_preregistered_client(documents::CLIENT_ID)
        .with_scopes(["mcp:tools", "mcp:resources"]);
    let Ok(session) = AuthorizationSession::new(manager, request).await else {
        panic!("the settings fit together");
    };
    let back = back(session.get_authorization_url());
    session.handle_callback_url(&back).await.expect("the redirect answers this login");
    AuthClient::new((), session.auth_manager)
}

async fn manager(canned: &Arc<Canned>) -> AuthorizationManager {
    let canned = Arc::clone(canned);
    let manager = AuthorizationManager::new_with_oauth_http_client(SERVER, canned).await;
    manager.expect("it is a URL")
}

/// The URL that the page leads to.
fn back(url: &str) -> String {
    let state = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("state="));
    format!("{REDIRECT_URI}?{}", redirect(state.expect("it has a state")))
}

/// One whose token has expired.
pub(crate) async fn expired(canned: &Arc<Canned>) -> Handle {
    AuthClient::new((), expired_manager(canned).await)
}

/// Another way to share it, which its `AuthorizedHttpClient` has.
pub(crate) async fn expired_manager(canned: &Arc<Canned>) -> AuthorizationManager {
    let store = InMemoryCredentialStore::new();
    let manager = managed(canned, Some(store.clone())).await;
    let stored = store.load().await.expect("it is in memory");
    let mut stored = stored.expect("somebody has logged in");
    stored.token_received_at = Some(0);
    store.save(stored).await.expect("it is in memory");
    manager
}

/// The header's value for a request.
async fn header(handle: &Handle) -> HeaderValue {
    let token = handle.get_access_token().await.expect("there is a token");
    HeaderValue::try_from(format!("Bearer {token}")).expect("it is a header's value")
}

impl OAuthHttpClient for Canned {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let request = black_box(request.request);
            Ok(self.answer(request.uri().path(), request.body()).await)
        })
    }
}
