//! Logins that are answered by hand.

use alloc::sync::Arc;

use oauth_core::flow::{Flow, Login, RedirectUri, Settings, Step};
use oauth_core::wire::ResourceChallenge;
use oauth_core::{Error, OAuthClientProvider, Request, Response, UnixTime};
use oauth_tests::drive::{CALLBACK, entropy};
use serde_json::json;

extern crate alloc;

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

pub(crate) const ISSUER: &str = "https://auth.example.com";

/// A first login.
pub(crate) fn login(settings: Settings, challenge: &str) -> Result<Flow, Error> {
    let redirect_uri = RedirectUri::parse(CALLBACK)?;
    let login = Login::new(Arc::new(settings), redirect_uri, entropy(1), NOW);
    Flow::login(match ResourceChallenge::select([challenge]) {
        Some(challenge) => login.challenge(challenge),
        None => login,
    })
}

/// A server of which all is known beforehand.
pub(crate) fn provider() -> OAuthClientProvider {
    serde_json::from_value(json!({
        "id": "known", "display_name": "Known",
        "metadata": {
            "issuer": ISSUER,
            "authorization_endpoint": "https://auth.example.com/authorize",
            "token_endpoint": "https://auth.example.com/token",
            "registration_endpoint": "https://auth.example.com/register",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        },
    }))
    .unwrap()
}

/// The request that a login waits for.
pub(crate) fn request(flow: &mut Flow) -> Request {
    match flow.step().unwrap() {
        Step::Http { request, .. } => request,
        step => panic!("{step:?}"),
    }
}

/// Answers the request that a login waits for.
pub(crate) fn answer(flow: &mut Flow, status: u16, body: &str) {
    let Step::Http { reply, .. } = flow.step().unwrap() else { panic!("it asks nothing") };
    reply.response(&Response::new(status, body.into()), NOW);
}

/// Brings the user back to a login that waits for him, with a query made from the right `state`.
pub(crate) fn come_back(flow: &mut Flow, query: impl FnOnce(&str) -> String) -> Result<(), Error> {
    let Step::Browser { url, reply } = flow.step().unwrap() else { panic!("nobody is awaited") };
    reply.redirect(&query(url.state()))
}
