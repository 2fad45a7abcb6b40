//! One process of the gateway: what it serves, and to whom.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path as PathOf, RawQuery, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use oauth_core::Endpoint;
use oauth_tokio::{Event, FileTokenStorage, HttpClient, NoUserAgent, OAuth, RedirectUri};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::error::{Failure, GatewayError};
use crate::page::{self, Ending};
use crate::sessions::Sessions;

/// What a process is told.
pub(crate) struct Setup<'a> {
    /// What it calls itself in what it prints.
    pub(crate) name: &'a str,
    /// The MCP server.
    pub(crate) server_url: &'a str,
    /// What it shares with the other processes: grants, logins that wait, and who is signed in.
    pub(crate) directory: &'a Path,
    /// Where users come back to: at this process itself, unless another one serves that.
    pub(crate) redirect_uri: Option<&'a str>,
}

/// Serves on a free port of this machine, which it prints, until the standard input ends.
pub(crate) async fn serve(setup: Setup<'_>) -> Result<(), Failure> {
    let listening = Failure::system("listen on 127.0.0.1");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(listening)?;
    let address = listener.local_addr().map_err(Failure::system("find out the port"))?;
    let gateway = Arc::new(Gateway::new(&setup, &format!("http://{address}")).await?);
    let router = Router::new()
        .route("/call/{user}", post(call))
        .route("/sign-in/{user}", post(sign_in))
        // Whoever looks ahead of the user must not use up the login.
        .route("/callback", get(callback).head(async || StatusCode::METHOD_NOT_ALLOWED))
        .route(&format!("{}{{name}}", page::PATH), get(ended))
        .layer(from_fn_with_state(Arc::clone(&gateway), only_by_own_name))
        .with_state(Arc::clone(&gateway));
    writeln!(io::stdout(), "http://{address}").map_err(Failure::system("print the address"))?;
    axum::serve(listener, router)
        .with_graceful_shutdown(end_of_input())
        .await
        .map_err(Failure::system("serve"))?;
    for client in gateway.clients.values() {
        // A refresh that is under way is stored first.
        client.shutdown(TIME_LIMIT).await;
    }
    Ok(())
}

/// What the handlers share: a client for each user, and who sits at which browser.
struct Gateway {
    server_url: String,
    clients: BTreeMap<&'static str, OAuth>,
    sessions: Sessions,
    /// Host and port of this process, and of where users come back to.
    names: [Option<String>; 2],
}

impl Gateway {
    async fn new(setup: &Setup<'_>, origin: &str) -> Result<Self, Failure> {
        let own = format!("{origin}/callback");
        let redirect_uri = RedirectUri::parse(setup.redirect_uri.unwrap_or(&own))
            .map_err(oauth_tokio::Error::from)?;
        let names = [origin, redirect_uri.as_str()].map(authority);
        let is_secure = redirect_uri.as_str().starts_with("https:");
        let sessions = Sessions::in_dir(&setup.directory.join("sessions"), is_secure).await;
        // What all users share; each has a profile of their own, under which their tokens are stored.
        let anybody = watched(OAuth::new(setup.server_url)?, setup.name)
            .client_name("gateway example")
            .wait(LIFETIME)
            .http_client(HttpClient::new(|http| http)?)
            .token_storage(FileTokenStorage::in_dir(setup.directory.join("tokens")))
            .user_agent(NoUserAgent::new(redirect_uri))
            .build()?;
        let client =
            |user: &&'static str| (*user, anybody.for_profile(&format!("{user}{ACCOUNT}")));
        Ok(Self {
            server_url: setup.server_url.into(),
            clients: USERS.iter().map(client).collect(),
            sessions: sessions.map_err(Failure::Setup)?,
            names,
        })
    }

    fn client(&self, user: &str) -> Result<&OAuth, GatewayError> {
        self.clients.get(user).ok_or(GatewayError::UnknownUser)
    }
}

/// Passes an agent's call on with its user's token, or says where the user has to go first.
async fn call(
    State(gateway): State<Arc<Gateway>>,
    PathOf(user): PathOf<String>,
    message: String,
) -> Result<Response, GatewayError> {
    let sent = gateway.client(&user)?.send(|http| {
        http.post(&gateway.server_url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            // A limit for the client would be none for its refreshes: those must not be given up.
            .timeout(TIME_LIMIT)
            .body(message.clone())
    });
    match sent.await {
        Ok(answer) => pass_on(answer).await,
        Err(oauth_tokio::Error::Authentication(login)) => {
            gateway.client(&user)?.keep_login(&login.pending).await?;
            let body = json!({"connect_url": login.connect_url.as_str()});
            Ok((StatusCode::UNAUTHORIZED, Json(body)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Stands in for the sign-in of a real gateway, which asks for more than a name.
async fn sign_in(
    State(gateway): State<Arc<Gateway>>,
    PathOf(user): PathOf<String>,
) -> Result<Response, GatewayError> {
    gateway.client(&user)?;
    let cookie = gateway.sessions.begin(&user).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// Takes the user back, and shows what came of it on another page.
async fn callback(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Redirect {
    connect(&gateway, &headers, &query.unwrap_or_default()).await.unwrap_or_else(|error| {
        eprintln!("  A user is not connected: {error}");
        Ending::from(&error).redirect()
    })
}

/// Finishes a login that this process or another began, for its own user only. Once somebody is signed
/// in, the login is used up, whatever comes of it. Says where the browser goes next.
async fn connect(
    gateway: &Gateway,
    headers: &HeaderMap,
    query: &str,
) -> Result<Redirect, GatewayError> {
    let user = gateway.sessions.user(headers).await?;
    let client = gateway.client(&user)?;
    match client.resume_kept(query).await {
        Ok(_) => Ok(Ending::Connected.redirect()),
        // The server refused the client that the login was begun with, and another one was registered.
        Err(oauth_tokio::Error::Authentication(login)) => {
            client.keep_login(&login.pending).await?;
            Ok(Redirect::to(login.connect_url.as_str()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn ended(PathOf(name): PathOf<String>) -> Result<Ending, StatusCode> {
    Ending::named(&name).ok_or(StatusCode::NOT_FOUND)
}

/// Refuses requests that come under a foreign name.
async fn only_by_own_name(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok());
    let is_own = |host: &str| {
        let mut names = gateway.names.iter().flatten();
        names.any(|name| name.eq_ignore_ascii_case(host))
    };
    if host.is_some_and(is_own) {
        Ok(next.run(request).await)
    } else {
        Err(StatusCode::MISDIRECTED_REQUEST)
    }
}

/// Host and port of a URL, as browsers write them in `Host`.
fn authority(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

async fn pass_on(mut answer: reqwest::Response) -> Result<Response, GatewayError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(oauth_tokio::Error::Http)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(GatewayError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = (answer.status(), body).into_response();
    if let Some(content_type) = answer.headers().get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    Ok(response)
}

/// Prints what the gateway asks of others: a line for each exchange.
fn watched(builder: oauth_tokio::OAuthBuilder, name: &str) -> oauth_tokio::OAuthBuilder {
    let name = name.to_owned();
    builder.on_event(move |event| match event {
        Event::Answered { method, status, authorized, .. } => {
            let why = match (status, authorized) {
                (401, false) => "no token yet",
                (401, true) => "the token is refused",
                (403, _) => "the token lacks a scope",
                _ => "the call, with the user's token",
            };
            line(&name, "MCP server", method, Some(*status), why);
        }
        Event::Exchange { endpoint, method, outcome, .. } => {
            let (to, why) = match endpoint {
                Endpoint::ResourceMetadata => ("MCP server", "who issues tokens for this server?"),
                Endpoint::ServerMetadata => ("authorization server", "what can you do?"),
                Endpoint::Registration => ("authorization server", "a client id, please"),
                Endpoint::Token => ("authorization server", "tokens, please"),
                _ => ("authorization server", ""),
            };
            line(&name, to, method.as_str(), outcome.ok(), why);
        }
        Event::DamagedRecord { kept } => {
            eprintln!("  Could not read a record; it is kept as {kept}");
        }
        _ => {}
    })
}

/// On the standard error: the standard output is for the address.
fn line(from: &str, to: &str, method: &str, status: Option<u16>, why: &str) {
    let status = status.map_or("no answer".to_owned(), |status| status.to_string());
    eprintln!("    {from:16} → {to:20}  {method:4}  {status:3}  {why}");
}

/// Waits until nobody holds the other end of the standard input: then whoever started this is gone.
async fn end_of_input() {
    let (ended, end) = oneshot::channel::<()>();
    // The runtime would wait for a thread of its own.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        drop(ended);
    });
    // It is never sent, only dropped.
    let _ = end.await;
}

/// Who may use this gateway; a real one asks its database.
const USERS: [&str; 2] = ["user-1", "user-2"];

/// Which of a user's accounts the gateway calls the server for.
const ACCOUNT: &str = "/gmail";

/// How long a login waits for its user.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How long one request may take, or what is under way when the gateway ends.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The largest answer that is passed on, in bytes; it is held in memory.
const MAX_ANSWER: usize = 4 << 20;
