//! The tokens of many users of one application expire at once, and all are asked for: each has a refresh of their own.
//!
//! The same by hand: as many requests by the same HTTP client, whose answers are read and kept in a map.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oauth_blocking::Records as _;
use oauth_core::flow::Settings;
use oauth_core::{ServerOAuthMetadata, UnixTime};
use oauth_tokio::reqwest::{self, Client};
use oauth_tokio::{HttpClient, Key, MemoryTokenStorage, NoUserAgent, OAuth, Record, Written};
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::token_endpoint::TokenEndpoint;
use crate::users::{elsewhere, now};

/// Users who have grants at one server.
pub(crate) struct Users {
    endpoint: TokenEndpoint,
    count: usize,
    http: HttpClient,
    by_hand: Client,
    /// Each round's users begin with tokens that nobody has spent.
    rounds: usize,
}

/// What came of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// Until the last user had a token.
    pub(crate) took: Duration,
    pub(crate) refreshes: usize,
    /// Users who have a token.
    pub(crate) served: usize,
}

impl Users {
    pub(crate) fn new(count: usize) -> Self {
        let http = HttpClient::new(|http| http).expect("a client can be built");
        // As the client sends what spends a token: by a connection that was not used before.
        let by_hand = Client::builder().pool_max_idle_per_host(0).no_proxy().build();
        let by_hand = by_hand.expect("a client can be built");
        Self { endpoint: TokenEndpoint::start(), count, http, by_hand, rounds: 0 }
    }

    /// With a store in memory, and handles that have to look into it first.
    pub(crate) fn storm(&mut self, runtime: &Runtime) -> Round {
        let store = MemoryTokenStorage::new();
        let server = self.server(&store);
        let tokens = self.tokens_of_round();
        for (user, token) in tokens.iter().enumerate() {
            let key = Key::grant(APPLICATION, &name(user), &self.url());
            let saved = store.save(&key, &self.expired(token), 0);
            assert_eq!(saved.expect("the store works"), Written::Done);
        }
        let handles: Vec<_> = (0..self.count).map(|user| server.for_profile(&name(user))).collect();
        self.round(runtime, handles, |handle| async move { handle.token().await.is_ok() })
    }

    /// The same by hand.
    pub(crate) fn by_hand(&mut self, runtime: &Runtime) -> Round {
        let (url, http) = (self.token_url(), self.by_hand.clone());
        let kept = Arc::<Mutex<HashMap<String, Tokens>>>::default();
        let asked: Vec<_> = self.tokens_of_round();
        self.round(runtime, asked, move |token| {
            let (url, http, kept) = (url.clone(), http.clone(), Arc::clone(&kept));
            async move {
                let Ok(tokens) = refresh(&http, &url, &token).await else { return false };
                kept.lock().is_ok_and(|mut kept| kept.insert(token, tokens).is_none())
            }
        })
    }

    fn round<T, F>(&self, runtime: &Runtime, all: Vec<T>, ask: impl Fn(T) -> F) -> Round
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.endpoint.take_refreshes();
        let begun = Instant::now();
        let served = runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for one in all {
                tasks.spawn(ask(one));
            }
            tasks.join_all().await
        });
        let took = begun.elapsed();
        let served = served.into_iter().filter(|is_served| *is_served).count();
        Round { took, refreshes: self.endpoint.take_refreshes(), served }
    }

    fn server(&self, store: &MemoryTokenStorage) -> OAuth {
        let builder = OAuth::new(&self.url()).expect("it is a URL").application(APPLICATION);
        let builder = builder.token_storage(store.clone()).http_client(self.http.clone());
        let builder = builder.user_agent(NoUserAgent::new(elsewhere()));
        builder.build().expect("the settings fit together")
    }

    fn tokens_of_round(&mut self) -> Vec<String> {
        self.rounds += 1;
        let round = self.rounds;
        (0..self.count).map(|user| format!("{:a>80}.0", format!("{round}-{user}-"))).collect()
    }

    fn expired(&self, refresh_token: &str) -> Record {
        let (url, origin) = (self.url(), &self.endpoint.origin);
        let settings = Settings::new(&url).expect("it is a URL");
        let issuer: ServerOAuthMetadata = serde_json::from_value(json!({
            "issuer": origin,
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": self.token_url(),
            "code_challenge_methods_supported": ["S256"],
        }))
        .expect("it is metadata");
        let client = json!({"client_id": "client-1"});
        let client = serde_json::from_value(client).expect("it is a registration");
        let then = now() - 3600;
        let tokens = serde_json::from_value(json!({
            "access_token": "aB3_".repeat(225),
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_at": then + 1,
        }))
        .expect("they are tokens");
        Record::brought(&settings, &issuer, &client, tokens, UnixTime::from_secs(then))
            .expect("it is a grant")
    }

    fn url(&self) -> String {
        format!("{}/mcp", self.endpoint.origin)
    }

    fn token_url(&self) -> String {
        format!("{}/token", self.endpoint.origin)
    }
}

/// What is kept of an answer.
#[derive(Deserialize)]
#[expect(dead_code, reason = "kept is what counts")]
struct Tokens {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
}

async fn refresh(http: &Client, url: &str, token: &str) -> reqwest::Result<Tokens> {
    let form = format!("grant_type=refresh_token&refresh_token={token}&client_id=client-1");
    let request = http.post(url).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(form).send().await?.error_for_status()?.bytes().await?;
    Ok(serde_json::from_slice(&answer).expect("they are tokens"))
}

fn name(user: usize) -> String {
    format!("user-{user}")
}

const APPLICATION: &str = "bench";
