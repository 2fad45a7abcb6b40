//! A client of either adapter, so that the tests say once what both do.

use std::time::Duration;

use oauth_blocking::ureq::http;
use oauth_blocking::{
    ClientError, LoggedOut, LoopbackBrowser, MemoryTokenStorage, NeedsConsent as _, NoUserAgent,
    RedirectUri,
};
use oauth_tokio::OnPool;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::browser;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Adapter {
    Blocking,
    Tokio,
}

/// Who is there when a login is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Consents,
    Nobody,
}

#[derive(Debug)]
pub(crate) enum Client {
    Blocking(oauth_blocking::OAuth),
    Tokio(oauth_tokio::OAuth, Runtime),
}

/// Why there was no answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) needs_login: bool,
    #[expect(dead_code, reason = "shown where a test fails")]
    explanation: String,
}

impl Adapter {
    pub(crate) fn client(self, url: &str, store: &MemoryTokenStorage, user: User) -> Client {
        let browser = || LoopbackBrowser::new().open_with(browser::open);
        let elsewhere = || NoUserAgent::new(RedirectUri::parse("https://a.example/").unwrap());
        match self {
            Self::Blocking => {
                let builder = oauth_blocking::OAuth::new(url).unwrap();
                let builder = builder.token_storage(store.clone()).wait(PATIENCE);
                let builder = match user {
                    User::Consents => builder.user_agent(browser()),
                    User::Nobody => builder.user_agent(elsewhere()),
                };
                Client::Blocking(builder.build().unwrap())
            }
            Self::Tokio => {
                let builder = oauth_tokio::OAuth::new(url).unwrap();
                let builder = builder.token_storage(store.clone()).wait(PATIENCE);
                let builder = match user {
                    User::Consents => builder.user_agent(OnPool::new(browser())),
                    User::Nobody => builder.user_agent(elsewhere()),
                };
                Client::Tokio(builder.build().unwrap(), Runtime::new().unwrap())
            }
        }
    }
}

impl Client {
    /// Calls a method of the MCP server, and gives the result.
    pub(crate) fn call(&self, url: &str, method: &str) -> Result<Value, Refusal> {
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
                let mut answer = oauth.send(&mut request).map_err(Refusal::new)?;
                answer.body_mut().read_to_string().unwrap()
            }
            Self::Tokio(oauth, runtime) => runtime.block_on(async {
                let answer = oauth
                    .send(|http| http.post(url).headers(headers.clone()).body(body.clone()))
                    .await
                    .map_err(Refusal::new)?;
                Ok(answer.text().await.unwrap())
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

impl Refusal {
    fn new<E: std::error::Error + 'static>(error: ClientError<E>) -> Self {
        Self { needs_login: error.needs_consent(), explanation: format!("{error:?}") }
    }
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
