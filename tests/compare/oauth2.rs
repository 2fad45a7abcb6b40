//! The crate `oauth2`, with these servers in the place of sockets. It finds no endpoints, registers no client, and keeps
//! no token: what it does is measured, and a host does the rest.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use ::oauth2::basic::{BasicClient, BasicTokenResponse};
use ::oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest,
    PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _, TokenUrl,
};
use http::HeaderValue;

use crate::canned::{Answer, Canned, Place, redirect};
use crate::documents::{self, REDIRECT_URI, SERVER};
use crate::measure::{Cost, Work, held};
use crate::runtime::only;

pub(crate) const EXCHANGE: Work = only(100, exchanges);

pub(crate) const REFRESH: Work = only(100, refreshes);

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What a host has to keep.
struct Kept {
    client: Client,
    tokens: BasicTokenResponse,
    header: HeaderValue,
}

fn exchanges(prepared: usize) -> Box<dyn FnMut(usize)> {
    let canned = Canned::ready_for(prepared);
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| done.extend((0..count).map(|_| black_box(log_in(&canned)))))
}

fn refreshes(prepared: usize) -> Box<dyn FnMut(usize)> {
    let canned = Canned::ready_for(prepared);
    let mut all: Vec<_> = (0..prepared).map(|_| log_in(&canned)).collect();
    canned.add(Place::Token, prepared);
    let mut at = 0;
    Box::new(move |count| {
        for kept in &mut all[at..at + count] {
            kept.refresh(&canned);
            black_box(&kept.header);
        }
        at += count;
    })
}

/// What so many of these hold, as a host shares them.
pub(crate) fn idle(count: usize) -> Cost {
    let canned = Canned::ready_for(0);
    let one = |_| Arc::new(std::sync::RwLock::new(log_in(&canned)));
    let first = one(0);
    let cost = held(count, |count| {
        let mut all = Vec::with_capacity(count);
        all.extend((0..count).map(one));
        all
    });
    drop(first);
    cost
}

/// Whose endpoints are known, and whose client.
fn log_in(canned: &Canned) -> Kept {
    let url = |text: &str| text.to_owned();
    let authorize = AuthUrl::new(url("https://auth.example.com/oauth2/v1/authorize"));
    let token = TokenUrl::new(url("https://auth.example.com/oauth2/v1/token"));
    let client = BasicClient::new(ClientId::new(documents::CLIENT_ID.to_owned()))
        .set_auth_uri(authorize.expect("it is a URL"))
        .set_token_uri(token.expect("it is a URL"))
        .set_redirect_uri(RedirectUrl::new(url(REDIRECT_URI)).expect("it is a URL"));
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("mcp:tools".to_owned()))
        .add_scope(Scope::new("mcp:resources".to_owned()))
        .add_extra_param("resource", SERVER)
        .set_pkce_challenge(challenge)
        .url();
    black_box(url.as_str());
    let (brought, code) = brought(&redirect(state.secret()));
    assert_eq!(brought, *state.secret());
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .add_extra_param("resource", SERVER)
        .set_pkce_verifier(verifier)
        .request(&|request| send(canned, request));
    let tokens = tokens.expect("the code is good");
    let header = header(&tokens);
    Kept { client, tokens, header }
}

/// State and code of a redirect, as a host reads them.
fn brought(query: &str) -> (String, String) {
    let of = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name));
        value.expect("the redirect has it").to_owned()
    };
    (of("state="), of("code="))
}

impl Kept {
    fn refresh(&mut self, canned: &Canned) {
        let token = self.tokens.refresh_token().expect("there is one");
        let tokens = self
            .client
            .exchange_refresh_token(token)
            .add_extra_param("resource", SERVER)
            .request(&|request| send(canned, request));
        self.tokens = tokens.expect("the refresh token is good");
        self.header = header(&self.tokens);
    }
}

fn header(tokens: &BasicTokenResponse) -> HeaderValue {
    let token = tokens.access_token().secret();
    HeaderValue::try_from(format!("Bearer {token}")).expect("it is a header's value")
}

fn send(canned: &Canned, request: HttpRequest) -> Result<Answer, Infallible> {
    let request = black_box(request);
    Ok(canned.now(request.uri().path()))
}
