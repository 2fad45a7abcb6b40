//! The driver: does what the session's turns ask for, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_blocking::{AuthenticationError, AuthorizationUrl, Event, Guard, Loaded, Saved, Visited};
use oauth_core::session::{BrowserReply, LoginReply, PrepareReply, Session, Turn};
use oauth_core::{BearerAuth, Entropy, MAX_BODY, Method, Request, Response};

use crate::Error;
use crate::client::{Inner, now};
use crate::user_agent::Prepared;

/// Whether a user may be asked to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Allowed,
    Never,
}

/// One drive of a session. What it holds is released when it ends, however it ends.
pub(crate) struct Driver {
    client: Arc<Inner>,
    lock: Option<Guard>,
    prepared: Option<Prepared>,
    /// A login that was handed out.
    handed_out: Option<AuthenticationError>,
}

impl Driver {
    pub(crate) fn new(client: &Arc<Inner>) -> Self {
        Self { client: Arc::clone(client), lock: None, prepared: None, handed_out: None }
    }

    /// Drives until there is a token. `None` if that takes a login and none may be begun.
    pub(crate) async fn run(
        mut self,
        session: &mut Session,
        login: Login,
    ) -> Result<Option<BearerAuth>, Error> {
        loop {
            match session.turn() {
                Ok(Turn::Login(_)) if login == Login::Never => return Ok(None),
                Ok(Turn::Login(reply)) => self.begin(reply).await,
                Ok(Turn::Prepare(reply)) => self.prepare(reply).await?,
                Ok(Turn::Browser(url, reply)) => self.visit(url, reply).await?,
                Ok(Turn::Ready(authorization)) => return Ok(Some(authorization.bearer().clone())),
                Ok(turn) => self.work(turn).await?,
                Err(error) => return Err(self.handed_out(error)),
            }
        }
    }

    /// Looks into the store, if that comes first, and no further.
    pub(crate) async fn look(mut self, session: &mut Session) -> Result<(), Error> {
        match session.turn() {
            Ok(turn @ Turn::Load(_)) => self.work(turn).await,
            _ => Ok(()),
        }
    }

    /// Finishes a login whose redirect has come already.
    pub(crate) async fn finish(
        mut self,
        session: &mut Session,
        query: &str,
    ) -> Result<BearerAuth, Error> {
        loop {
            match session.turn()? {
                Turn::Browser(_, reply) => reply.redirect(query, now())?,
                Turn::Login(_) | Turn::Prepare(_) => {
                    return Err(oauth_core::Error::LoginRequired.into());
                }
                Turn::Ready(authorization) => return Ok(authorization.bearer().clone()),
                turn => self.work(turn).await?,
            }
        }
    }

    /// The turns that need no user.
    async fn work(&mut self, turn: Turn<'_>) -> Result<(), Error> {
        let client = Arc::clone(&self.client);
        let Inner { key, storage, .. } = &*client;
        match turn {
            Turn::Load(reply) => {
                let record = match storage.load(key).await? {
                    Loaded::Nothing => None,
                    Loaded::Record(record) => Some(*record),
                    Loaded::Damaged { kept } => {
                        client.tell(&Event::DamagedRecord { kept: &kept });
                        None
                    }
                };
                reply.loaded(record, now());
            }
            Turn::Lock(lock, reply) => {
                self.lock = Some(storage.lock(key, lock).await?);
                reply.locked();
            }
            Turn::Save(reply) => match storage.save(key, reply.record(), reply.expected()).await? {
                Saved::Done => reply.saved(now()),
                Saved::Conflict { stored } => reply.conflict(stored),
            },
            Turn::Unlock(_, reply) => {
                self.lock = None;
                reply.unlocked();
            }
            Turn::Http(request, reply) => match client.send(&request).await {
                Some(response) => reply.response(&response, now()),
                None => reply.unreachable(now()),
            },
            // The callers' own.
            Turn::Login(_) | Turn::Prepare(_) | Turn::Browser(..) | Turn::Ready(_) => {}
        }
        Ok(())
    }

    async fn begin(&mut self, mut reply: LoginReply<'_>) {
        if reply.lacks_challenge()
            && let Some(values) = self.client.ask_for_challenge().await
        {
            reply.challenge(values.iter().map(String::as_str));
        }
        reply.begin();
    }

    async fn prepare(&mut self, reply: PrepareReply<'_>) -> Result<(), Error> {
        let prepared = self.client.user_agent.prepare(reply.registered_redirect_uri()).await?;
        let entropy = Entropy::from_os().map_err(|_| Error::NoEntropy)?;
        reply.prepared(prepared.redirect_uri.clone(), entropy, now());
        self.prepared = Some(prepared);
        Ok(())
    }

    async fn visit(&mut self, url: AuthorizationUrl, reply: BrowserReply<'_>) -> Result<(), Error> {
        // A login that another process began has no user agent here.
        let Some(prepared) = self.prepared.take() else {
            return Err(oauth_core::Error::LoginRequired.into());
        };
        let begun = Instant::now();
        let deadline = begun.checked_add(self.client.wait).unwrap_or(begun + FOREVER);
        let moved_from = reply.moved_from();
        self.client.tell(&Event::Opening { url: &url, moved_from });
        let told = {
            let client = Arc::clone(&self.client);
            Arc::new(move |waiting| client.tell(&Event::Waiting(waiting)))
        };
        match (prepared.visit)(url.clone(), deadline, told).await {
            Ok(Visited::Redirect(query)) => {
                self.client.tell(&Event::Redirected);
                reply.redirect(query.expose(), now())?;
            }
            Ok(Visited::Elsewhere) => {
                self.handed_out = reply
                    .suspend(&self.client.key.profile)
                    .map(|pending| AuthenticationError { connect_url: url, pending });
            }
            Err(error) => {
                reply.cancelled();
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// A session whose login was handed out says that a login is required; how, is here.
    fn handed_out(&mut self, error: oauth_core::Error) -> Error {
        match self.handed_out.take() {
            Some(handed_out) => Error::Authentication(Box::new(handed_out)),
            None => error.into(),
        }
    }
}

impl Inner {
    /// Sends a request as it is, once.
    async fn send(&self, request: &Request) -> Option<Response> {
        let outcome = self.exchange(request).await;
        self.tell(&Event::Exchange {
            endpoint: request.endpoint(),
            method: request.method(),
            url: request.url(),
            outcome: match &outcome {
                Ok(response) => Ok(response.status()),
                Err(error) => Err(error),
            },
        });
        outcome.ok()
    }

    async fn exchange(&self, request: &Request) -> Result<Response, reqwest::Error> {
        let http = &self.http;
        let url = request.url().as_str();
        let mut builder = match request.method() {
            Method::Get => http.get(url),
            Method::Post => http.post(url).body(request.body().to_vec()),
        };
        for (name, value) in request.headers() {
            builder = builder.header(name, sensitive(name, value));
        }
        let mut answer = builder.timeout(TIME_LIMIT).send().await?;
        let mut body = Vec::new();
        // One byte more than is read: then the machine says that it is too much.
        while let Some(chunk) = answer.chunk().await? {
            let room = MAX_BODY + 1 - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() > MAX_BODY {
                break;
            }
        }
        let response = Response::new(answer.status().as_u16(), body);
        Ok(answer.headers().iter().fold(response, |response, (name, value)| {
            response.with_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))
        }))
    }

    /// Asks the MCP server without a token, since only its refusal may say where its metadata is. What
    /// goes wrong here goes wrong again, with a better error, where the metadata is asked for.
    pub(crate) async fn ask_for_challenge(&self) -> Option<Vec<String>> {
        let request = self.http.get(&*self.key.server_url);
        let request = request.header("accept", "application/json, text/event-stream");
        let answer = request.timeout(TIME_LIMIT).send().await.ok()?;
        (answer.status() == 401).then(|| challenges(&answer))
    }
}

/// All that a server says in `WWW-Authenticate`. A realm may be written in any encoding; what counts is
/// ASCII.
pub(crate) fn challenges(answer: &reqwest::Response) -> Vec<String> {
    let values = answer.headers().get_all("www-authenticate").iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// A header value that is not shown where it is a credential. One that cannot be sent is left empty:
/// tokens are checked when they are issued.
pub(crate) fn sensitive(name: &str, value: &str) -> reqwest::header::HeaderValue {
    let mut value = reqwest::header::HeaderValue::from_str(value)
        .unwrap_or(reqwest::header::HeaderValue::from_static(""));
    value.set_sensitive(name == "authorization");
    value
}

/// A wait without an end that can be counted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long one request of a login may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
