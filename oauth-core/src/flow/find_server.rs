//! `FindServer`: where is the authorization server's metadata, and does it speak for itself? (RFC 8414)
//!
//! ```text
//!  first place of the first server ──▶ Http ──┬─ speaks for the issuer ──▶ Register or Consent
//!       ▲                                     ├─ nothing here ──▶ next place, then next server ─┐
//!       └─────────────────────────────────────┼─────────────────────────────────────────────────┘
//!                                             ├─ nothing left: legacy? ──▶ default endpoints, else an error
//!                                             └─ speaks for another, or unreachable ──▶ an error
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::flow::login::Login;
use crate::flow::machine::State;
use crate::http::{Endpoint, Request, Response};
use crate::scope::Scopes;
use crate::url::{HttpUrl, UrlDefect, shown};
use crate::wire::{Issuer, ResourceMetadata, ServerCandidate, ServerMetadata, accepted};

/// Waits for the answer of a place where server metadata may lie.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FindServer {
    login: Login,
    resource: Box<str>,
    scopes: Option<Scopes>,
    issuer: Issuer,
    /// What else the resource named, the next one last.
    others: Vec<Box<str>>,
    place: ServerCandidate,
    url: HttpUrl,
}

impl FindServer {
    /// Starts with the server that the last login used or, if the resource does not name it any more, one
    /// where the client is known; else with the first one.
    pub(crate) fn start(login: Login, found: ResourceMetadata) -> Result<Self, Error> {
        let ResourceMetadata { resource, authorization_servers: mut others, scopes } = found;
        others.reverse();
        let before = login.before.as_deref();
        let elsewhere = before.into_iter().flat_map(|it| &it.elsewhere).map(|it| &it.issuer);
        let mut known = before.map(|it| &it.binding.server.issuer).into_iter().chain(elsewhere);
        let named = |issuer: &Issuer| others.iter().position(|it| **it == *issuer.as_str());
        if let Some(at) = known.find_map(named) {
            let known = others.remove(at);
            others.push(known);
        }
        let first = others.pop().unwrap_or_default();
        others.drain(..others.len().saturating_sub(MAX_SERVERS - 1));
        Self::at(login, resource, scopes, &first, others)
    }

    fn at(
        login: Login,
        resource: Box<str>,
        scopes: Option<Scopes>,
        issuer: &str,
        mut others: Vec<Box<str>>,
    ) -> Result<Self, Error> {
        let place = ServerCandidate::FIRST;
        let reach = login.settings.reach();
        let parsed = Issuer::parse(issuer, reach)
            .and_then(|issuer| place.url(&issuer, reach).map(|url| (issuer, url)));
        match parsed {
            Ok((issuer, url)) => Ok(Self { login, resource, scopes, issuer, others, place, url }),
            // One that cannot be used hides no other.
            Err(defect) => match others.pop() {
                Some(next) => Self::at(login, resource, scopes, &next, others),
                None => Err(unsafe_issuer(issuer, defect)),
            },
        }
    }

    pub(crate) fn request(&self) -> Request {
        Request::get(Endpoint::ServerMetadata, self.url.clone())
    }

    pub(crate) fn answer(mut self, response: &Response) -> Result<State, Error> {
        let document = match accepted(response, Endpoint::ServerMetadata, &self.url) {
            Ok(body) => ServerMetadata::read(body).ok(),
            Err(error @ Error::Unreachable(_)) => return Err(error),
            Err(_) => None,
        };
        if let Some(document) = document {
            let policy = &self.login.settings.policy;
            let reach = self.login.settings.reach();
            let server = ServerMetadata::check(&document, &self.issuer, reach, policy)?;
            return self.login.found(server, self.resource, self.scopes);
        }
        if let Some(place) = self.place.next(&self.issuer) {
            self.url = place
                .url(&self.issuer, self.login.settings.reach())
                .map_err(|defect| unsafe_issuer(self.issuer.as_str(), defect))?;
            self.place = place;
            return Ok(State::FindServer(self));
        }
        if let Some(next) = self.others.pop() {
            let Self { login, resource, scopes, others, .. } = self;
            return Self::at(login, resource, scopes, &next, others).map(State::FindServer);
        }
        let origin = self.login.settings.server.url();
        if self.login.settings.policy.legacy_2025_03_26 && self.issuer.as_str() == origin.origin() {
            let server = ServerMetadata::legacy(self.issuer, origin);
            return self.login.found(server, self.resource, self.scopes);
        }
        Err(PeerIncompatible::NoServerMetadata { issuer: self.issuer.as_str().into() }.into())
    }
}

fn unsafe_issuer(issuer: &str, defect: UrlDefect) -> Error {
    let endpoint = Endpoint::ServerMetadata;
    PeerMisbehaved::UnsafeUrl { endpoint, url: shown(issuer), defect }.into()
}

/// How many authorization servers are asked: a document could send a client to any number of hosts.
const MAX_SERVERS: usize = 4;
