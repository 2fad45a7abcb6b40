//! The driver: does what the session's turns ask for, one after the other.

use std::io::Read;
use std::time::{Duration, Instant};

use oauth_core::session::{BrowserReply, LoginReply, PrepareReply, Session, Turn};
use oauth_core::wire::AuthorizationUrl;
use oauth_core::{BearerAuth, Entropy, MAX_BODY, Request, Response};

use crate::Error;
use crate::client::{Inner, now};
use crate::error::AuthenticationError;
use crate::event::Event;
use crate::storage::{Guard, Loaded, Saved};
use crate::user_agent::{Visit, Visited};

/// Whether a user may be asked to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Allowed,
    Never,
}

/// One drive of a session. What it holds is released when it ends, however it ends.
pub(crate) struct Driver<'a> {
    client: &'a Inner,
    lock: Option<Guard>,
    visit: Option<Box<dyn Visit + 'a>>,
    /// A login that was handed out.
    handed_out: Option<AuthenticationError>,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(client: &'a Inner) -> Self {
        Self { client, lock: None, visit: None, handed_out: None }
    }

    /// Drives until there is a token. `None` if that takes a login and none may be begun.
    pub(crate) fn run(
        mut self,
        session: &mut Session,
        login: Login,
    ) -> Result<Option<BearerAuth>, Error> {
        loop {
            match session.turn() {
                Ok(Turn::Login(_)) if login == Login::Never => return Ok(None),
                Ok(Turn::Login(reply)) => self.begin(reply),
                Ok(Turn::Prepare(reply)) => self.prepare(reply)?,
                Ok(Turn::Browser(url, reply)) => self.visit(&url, reply)?,
                Ok(Turn::Ready(authorization)) => return Ok(Some(authorization.bearer().clone())),
                Ok(turn) => self.work(turn)?,
                Err(error) => return Err(self.handed_out(error)),
            }
        }
    }

    /// Finishes a login whose redirect has come already.
    pub(crate) fn finish(
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
                turn => self.work(turn)?,
            }
        }
    }

    /// The turns that need no user.
    fn work(&mut self, turn: Turn<'_>) -> Result<(), Error> {
        let Inner { key, storage, .. } = self.client;
        match turn {
            Turn::Load(reply) => {
                let record = match storage.load(key)? {
                    Loaded::Nothing => None,
                    Loaded::Record(record) => Some(*record),
                    Loaded::Damaged { kept } => {
                        self.client.tell(&Event::DamagedRecord { kept: &kept });
                        None
                    }
                };
                reply.loaded(record, now());
            }
            Turn::Lock(lock, reply) => {
                self.lock = Some(storage.lock(key, lock)?);
                reply.locked();
            }
            Turn::Save(reply) => match storage.save(key, reply.record(), reply.expected())? {
                Saved::Done => reply.saved(now()),
                Saved::Conflict { stored } => reply.conflict(stored),
            },
            Turn::Unlock(_, reply) => {
                self.lock = None;
                reply.unlocked();
            }
            Turn::Http(request, reply) => match self.send(&request) {
                Some(response) => reply.response(&response, now()),
                None => reply.unreachable(now()),
            },
            // The callers' own.
            Turn::Login(_) | Turn::Prepare(_) | Turn::Browser(..) | Turn::Ready(_) => {}
        }
        Ok(())
    }

    /// Sends a request as it is, once.
    fn send(&self, request: &Request) -> Option<Response> {
        let outcome = self.exchange(request);
        self.client.tell(&Event::Exchange {
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

    fn exchange(&self, request: &Request) -> Result<Response, ureq::Error> {
        let agent = &self.client.agent;
        let mut converted = ureq::http::Request::builder()
            .method(request.method().as_str())
            .uri(request.url().as_str())
            .body(request.body())?;
        for (name, value) in request.headers() {
            let mut value =
                ureq::http::HeaderValue::from_str(value).map_err(ureq::http::Error::from)?;
            value.set_sensitive(name == "authorization");
            converted.headers_mut().insert(name, value);
        }
        let configured = agent
            .configure_request(converted)
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(self.time_limit()))
            .build();
        let response = agent.run(configured)?;
        let (parts, body) = response.into_parts();
        let mut bytes = Vec::new();
        // One byte more than is read: then the machine says that it is too much.
        body.into_reader().take(MAX_BODY as u64 + 1).read_to_end(&mut bytes)?;
        let answer = Response::new(parts.status.as_u16(), bytes);
        Ok(parts.headers.iter().fold(answer, |answer, (name, value)| {
            answer.with_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))
        }))
    }

    fn begin(&self, mut reply: LoginReply<'_>) {
        if reply.lacks_challenge()
            && let Some(values) = self.ask_for_challenge()
        {
            reply.challenge(values.iter().map(String::as_str));
        }
        reply.begin();
    }

    fn prepare(&mut self, reply: PrepareReply<'_>) -> Result<(), Error> {
        let visit = self.client.user_agent.prepare(reply.registered_redirect_uri())?;
        let entropy = Entropy::from_os().map_err(|_| Error::NoEntropy)?;
        reply.prepared(visit.redirect_uri().clone(), entropy, now());
        self.visit = Some(visit);
        Ok(())
    }

    /// Asks the MCP server without a token, since only its refusal may say where its metadata is. What
    /// goes wrong here goes wrong again, with a better error, where the metadata is asked for.
    fn ask_for_challenge(&self) -> Option<Vec<String>> {
        let agent = &self.client.agent;
        let request = ureq::http::Request::get(&*self.client.key.server_url)
            .header("accept", "application/json, text/event-stream")
            .body(())
            .ok()?;
        let configured = agent
            .configure_request(request)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(self.time_limit()))
            .build();
        let response = agent.run(configured).ok().filter(|response| response.status() == 401)?;
        Some(challenges(&response))
    }

    fn time_limit(&self) -> Duration {
        let own = self.client.agent.config().timeouts().global;
        own.map_or(TIME_LIMIT, |own| own.min(TIME_LIMIT))
    }

    fn visit(&mut self, url: &AuthorizationUrl, reply: BrowserReply<'_>) -> Result<(), Error> {
        // A login that another process began has no user agent here.
        let Some(visit) = self.visit.take() else {
            return Err(oauth_core::Error::LoginRequired.into());
        };
        let begun = Instant::now();
        let deadline = begun.checked_add(self.client.wait).unwrap_or(begun + FOREVER);
        let moved_from = reply.moved_from();
        self.client.tell(&Event::Opening { url, moved_from });
        let mut waiting = |waiting| self.client.tell(&Event::Waiting(waiting));
        match visit.visit(url, deadline, &mut waiting) {
            Ok(Visited::Redirect(query)) => {
                self.client.tell(&Event::Redirected);
                reply.redirect(query.expose(), now())?;
            }
            Ok(Visited::Elsewhere) => {
                let url = url.clone();
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

/// All that a server says in `WWW-Authenticate`. A realm may be written in any encoding; what counts is
/// ASCII.
pub(crate) fn challenges(response: &ureq::http::Response<ureq::Body>) -> Vec<String> {
    let values = response.headers().get_all("www-authenticate").iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// A wait without an end that can be counted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long one request of a login may take, unless the host's agent is set to less.
const TIME_LIMIT: Duration = Duration::from_secs(30);
