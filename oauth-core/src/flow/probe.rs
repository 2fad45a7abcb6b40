//! What the MCP server says to who has no token: asked before a login, because only its refusal may say
//! where its metadata is.
//!
//! ```text
//!  POST tools/list ─┬─ 401 ─────────────────────▶ a login is needed
//!        ▲          ├─ 307 or 308 within the ─┐
//!        └──────────┼───── origin: there ◀────┘
//!                   └─ anything else ─▶ GET ─┬─ 401 ─▶ a login is needed
//!                                            └─ else ─▶ none is asked for
//! ```
//!
//! POST comes first because that is what applications send, and many servers have nothing else at their
//! endpoint. It opens no session and changes nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::{Absence, Error, PeerIncompatible, Unreachable};
use crate::flow::login::Login;
use crate::flow::not_asked::NotAsked;
use crate::flow::settings::Settings;
use crate::http::{Endpoint, Request, Response};
use crate::redirect::Redirect;
use crate::secret::SecretBuffer;
use crate::timeline::{Entry, Finding, Remedy, Timeline};
use crate::url::{HttpUrl, shown};
use crate::wire::ResourceChallenge;

/// Asks the MCP server what it says to who has no token.
///
/// Send what [`step`](Self::step) gives until there is nothing left; then the probe belongs to a login
/// ([`Login::probed`](crate::flow::Login::probed), [`LoginReply::probed`](crate::session::LoginReply::probed)).
/// Of the answers the bodies are not needed, and may have no end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Probe {
    url: HttpUrl,
    step: Step,
    redirects: u8,
    challenges: Vec<Box<str>>,
    found: Option<NotAsked>,
    timeline: Timeline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    Post,
    Get,
    Done,
}

/// Takes the answer to a question of a [`Probe`], once.
#[derive(Debug)]
#[must_use = "the probe waits for the answer"]
pub struct ProbeReply<'a>(&'a mut Probe);

impl Probe {
    /// Asks at the MCP endpoint of these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let url = settings.server.url().clone();
        let (challenges, timeline) = (Vec::new(), Timeline::default());
        Self { url, step: Step::Post, redirects: 0, challenges, found: None, timeline }
    }

    /// The next request, if there is one; asking changes nothing.
    pub fn step(&mut self) -> Option<(Request, ProbeReply<'_>)> {
        let (endpoint, url) = (Endpoint::Resource, self.url.clone());
        let request = match self.step {
            Step::Post => Request::json(endpoint, url, SecretBuffer(QUESTION.into())),
            Step::Get => Request::get(endpoint, url),
            Step::Done => return None,
        };
        Some((request, ProbeReply(self)))
    }

    /// The `WWW-Authenticate` values of the refusal.
    #[must_use]
    pub fn challenges(&self) -> &[Box<str>] {
        &self.challenges
    }

    /// Where the endpoint was asked in the end: its URL, or where that redirects to within the origin.
    #[must_use]
    pub fn url(&self) -> &HttpUrl {
        &self.url
    }

    pub(crate) fn challenge(&self) -> Option<ResourceChallenge> {
        ResourceChallenge::select(self.challenges.iter().map(|value| &**value))
    }

    /// Whether there is nothing left to ask.
    pub(crate) fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// Takes the answer to the question that is under way, or that there is none.
    pub(crate) fn answer(&mut self, response: Option<&Response>) {
        match response {
            Some(response) => self.answered(response),
            None => self.step = Step::Done,
        }
    }

    pub(crate) fn not_asked(&self) -> Option<&NotAsked> {
        self.found.as_ref()
    }

    /// What it answered instead of asking for a login, if that says that it goes without.
    pub(crate) fn status_without_login(&self) -> Option<u16> {
        let found = self.found.as_ref().filter(|found| found.leads_to.is_none())?;
        (!matches!(found.status, 408 | 429 | 500..)).then_some(found.status)
    }

    pub(crate) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn note(&mut self, status: u16, finding: Finding) {
        self.timeline.push(Entry::new(Endpoint::Resource, &self.url, Some(status), finding));
    }

    fn answered(&mut self, response: &Response) {
        let status = response.status();
        if status == 401 {
            self.challenges = response.header("www-authenticate").map(Into::into).collect();
            let misshapen = self.challenge().map(|it| it.misshapen).unwrap_or_default();
            self.note(status, Finding::Refused { remedy: Remedy::Login, misshapen });
            (self.found, self.step) = (None, Step::Done);
            return;
        }
        let location = response.header("location").next();
        let leads_to = match Redirect::of(&self.url, status, location) {
            Some(Redirect::Within(url)) if self.redirects < MAX_REDIRECTS => {
                self.note(status, Finding::Moved { to: url.without_query().into() });
                (self.url, self.redirects) = (url, self.redirects + 1);
                return;
            }
            Some(redirect) => Some(redirect.shown()),
            None => None,
        };
        self.note(
            status,
            match &leads_to {
                Some(to) => Finding::LeadsAway { to: to.clone() },
                None => Finding::NoLoginAskedFor,
            },
        );
        // What applications get counts, unless only the other says where to go.
        if self.found.as_ref().is_none_or(|found| found.leads_to.is_none() && leads_to.is_some()) {
            self.found = Some(NotAsked { status, leads_to });
        }
        self.step = if self.step == Step::Post { Step::Get } else { Step::Done };
    }
}

impl ProbeReply<'_> {
    /// The server answered, with whatever status.
    pub fn response(self, response: &Response) {
        self.0.answer(Some(response));
    }

    /// No answer came, or the request was not sent: it goes wrong again, with a better error, where
    /// the metadata is asked for.
    pub fn unanswered(self) {
        self.0.answer(None);
    }
}

impl Login {
    /// With what the server says to who has no token. If its endpoint has moved, the metadata is looked for
    /// there.
    #[must_use]
    pub fn probed(mut self, probe: &Probe) -> Self {
        self.settings = self.settings.at(Some(probe.url()));
        self.not_asked = probe.not_asked().cloned().map(Box::new);
        match probe.challenge() {
            Some(challenge) => self.challenge(challenge),
            None => self,
        }
    }
}

impl Login {
    /// Why there is no resource metadata, as far as the server has said.
    pub(crate) fn no_metadata(&self, found: Absence) -> Error {
        let server = self.settings.server.shown();
        match self.not_asked.as_deref() {
            None => PeerIncompatible::NoResourceMetadata { server, found }.into(),
            Some(NotAsked { status, leads_to: Some(to) }) => {
                PeerIncompatible::Redirected { server, status: *status, to: to.clone() }.into()
            }
            Some(NotAsked { status: status @ (408 | 429 | 500..), .. }) => {
                let (endpoint, url) = (Endpoint::Resource, self.settings.server.url());
                let url = shown(url.as_str());
                Unreachable {
                    endpoint,
                    url,
                    status: Some(*status),
                    retry_after: None,
                    obstacle: None,
                }
                .into()
            }
            Some(NotAsked { status, .. }) => {
                PeerIncompatible::NoLoginAskedFor { server, status: *status }.into()
            }
        }
    }
}

/// The smallest request that every MCP server knows. Before a session, and without one.
const QUESTION: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

/// How many redirects of the MCP endpoint are followed.
pub(crate) const MAX_REDIRECTS: u8 = 3;
