//! A client of either adapter, so that the tests say once what both do.

use std::time::Duration;

use oauth_blocking::ureq::http;
use oauth_blocking::{
    Builder, ClientError, Event, LoggedOut, LoopbackBrowser, MemoryTokenStorage, NoUserAgent,
    RedirectUri,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::browser;
use crate::device::{self, Decision};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Adapter {
    Blocking,
    Tokio,
}

/// Who is there when a login is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Consents,
    /// At another device, with the code that they are shown.
    Elsewhere(Decision),
    Nobody,
}

/// A client that somebody has set up at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnClient {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    /// Where its users come back to.
    pub(crate) port: u16,
}

#[derive(Debug)]
pub(crate) enum Client {
    Blocking(oauth_blocking::OAuth),
    Tokio(oauth_tokio::OAuth, Runtime),
}

impl Adapter {
    pub(crate) fn client(
        self,
        url: &str,
        store: &MemoryTokenStorage,
        own: Option<OwnClient>,
        user: User,
    ) -> Client {
        match self {
            Self::Blocking => {
                let builder = set(oauth_blocking::OAuth::new(url).unwrap(), own, user);
                let builder = builder.token_storage(store.clone());
                let builder = match browser(own, user) {
                    Some(browser) => builder.user_agent(browser),
                    None => builder.user_agent(nobody()),
                };
                Client::Blocking(builder.build().unwrap())
            }
            Self::Tokio => {
                let builder = set(oauth_tokio::OAuth::new(url).unwrap(), own, user);
                let builder = builder.token_storage(store.clone());
                let builder = match browser(own, user) {
                    Some(browser) => builder.user_agent(browser),
                    None => builder.user_agent(nobody()),
                };
                Client::Tokio(builder.build().unwrap(), Runtime::new().unwrap())
            }
        }
    }
}

fn set<A: oauth_core::client::Adapter>(
    builder: Builder<A>,
    own: Option<OwnClient>,
    user: User,
) -> Builder<A> {
    let builder = builder.application(APPLICATION).wait(PATIENCE);
    let builder = match own {
        Some(own) => builder.client_id(own.id).client_secret(own.secret.to_owned()),
        None => builder,
    };
    match user {
        User::Elsewhere(decision) => builder.device_code().on_event(move |event| match event {
            Event::DeviceCode { page, .. } => device::decide(page, decision),
            Event::Opening { .. } => panic!("{event:?}"),
            _ => {}
        }),
        User::Consents | User::Nobody => builder,
    }
}

fn browser(own: Option<OwnClient>, user: User) -> Option<LoopbackBrowser> {
    let browser = LoopbackBrowser::new().open_with(browser::open);
    match (user, own) {
        (User::Consents, Some(own)) => Some(browser.port(own.port)),
        (User::Consents, None) => Some(browser),
        (User::Elsewhere(_) | User::Nobody, _) => None,
    }
}

fn nobody() -> NoUserAgent {
    NoUserAgent::new(RedirectUri::parse("https://host.example.com/callback").unwrap())
}

impl Client {
    /// Calls a method of the MCP server, and gives the result, or why there is none.
    pub(crate) fn call(&self, url: &str, method: &str) -> Result<Value, String> {
        let params = json!({"name": "add", "arguments": {"a": 19, "b": 23}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (body, headers) = (body.to_string(), headers());
        let text = match self {
            Self::Blocking(oauth) => {
                let mut request = || {
                    let mut request = http::Request::post(url);
                    request.headers_mut().unwrap().extend(headers.clone());
                    request.body(body.as_str())
                };
                let mut answer = oauth.send(&mut request).map_err(explained)?;
                answer.body_mut().read_to_string().unwrap()
            }
            Self::Tokio(oauth, runtime) => runtime.block_on(async {
                let answer = oauth
                    .send(|http| http.post(url).headers(headers.clone()).body(body.clone()))
                    .await
                    .map_err(explained)?;
                Ok::<_, String>(answer.text().await.unwrap())
            })?,
        };
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        assert!(answer["result"].is_object(), "{answer}");
        Ok(answer["result"].clone())
    }

    pub(crate) fn log_out(&self) -> LoggedOut {
        match self {
            Self::Blocking(oauth) => oauth.logout().unwrap(),
            Self::Tokio(oauth, runtime) => runtime.block_on(oauth.logout()).unwrap(),
        }
    }
}

fn explained<E: std::error::Error + 'static>(error: ClientError<E>) -> String {
    format!("{error:?}")
}

fn headers() -> http::HeaderMap {
    let accept = "application/json, text/event-stream";
    let headers = [("content-type", "application/json"), ("accept", accept)];
    headers
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect()
}

const PATIENCE: Duration = Duration::from_secs(30);

/// The program that all clients are.
pub(crate) const APPLICATION: &str = "test";
