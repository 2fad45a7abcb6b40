//! `FindResource`: where is the resource metadata, and is it about this server? (RFC 9728)
//!
//! ```text
//!  first place ──▶ Http ──┬─ usable document ──▶ FindServer; server known ──▶ Register or Consent
//!       ▲                 ├─ nothing here, or out of reach ──▶ next place ──┐
//!       │                 ├─ moved within the origin ──▶ the new place ─────┤
//!       └─────────────────┼─────────────────────────────────────────────────┘
//!                         ├─ no place left: server known ──▶ Register or Consent;
//!                         │                 one out of reach ──▶ an error that may pass;
//!                         │                 else none and legacy? ──▶ FindServer at the origin, else an error
//!                         └─ about another resource ──▶ an error
//! ```

use alloc::vec::Vec;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::{Absence, Error, PeerMisbehaved, Unreachable};
use crate::flow::find_server::FindServer;
use crate::flow::login::Login;
use crate::flow::machine::{Answered, Halt, State};
use crate::flow::place::{Found, OutOfReach, Place};
use crate::flow::settings::Settings;
use crate::http::{Endpoint, Request, Response};
use crate::json::MemberNames;
use crate::timeline::{Entry, Finding, Timeline};
use crate::tolerance::Tolerance;
use crate::url::{HttpUrl, UrlDefect, shown};
use crate::wire::{ResourceCandidate, ResourceMetadata};

/// Waits for the answer of a place where resource metadata may lie.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FindResource {
    login: Login,
    candidate: ResourceCandidate,
    place: Place,
    #[serde(default, skip_serializing_if = "OutOfReach::is_empty")]
    out_of_reach: OutOfReach,
    #[serde(default, skip_serializing_if = "Absence::is_nothing")]
    absence: Absence,
}

impl FindResource {
    /// Starts where the challenge says, or where the document has to lie. What a challenge names in vain
    /// is noted.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::UnsafeUrl`] if the challenge leads to a private address: that is no slip.
    pub(crate) fn start(login: Login, timeline: &mut Timeline) -> Result<Self, PeerMisbehaved> {
        let endpoint = Endpoint::ResourceMetadata;
        let candidate = match challenged(&login) {
            Some((_, Ok(candidate))) => candidate,
            Some((text, Err(defect @ UrlDefect::PrivateAddress))) => {
                return Err(PeerMisbehaved::UnsafeUrl { endpoint, url: shown(text), defect });
            }
            Some((text, Err(defect))) => {
                timeline.push(Entry::of_text(endpoint, text, Finding::Unusable { defect }));
                ResourceCandidate::first(&login.settings.server)
            }
            None => ResourceCandidate::first(&login.settings.server),
        };
        let place = Place::new(candidate.url(&login.settings.server));
        Ok(Self {
            login,
            candidate,
            place,
            out_of_reach: OutOfReach::default(),
            absence: Absence::Nothing,
        })
    }

    pub(crate) fn request(&self) -> Request {
        self.place.request(Endpoint::ResourceMetadata)
    }

    pub(crate) fn url(&self) -> &HttpUrl {
        &self.place.url
    }

    pub(crate) fn answer(mut self, response: &Response) -> Answered {
        match self.place.look(response, Endpoint::ResourceMetadata, ResourceMetadata::read) {
            Found::Document(document) => {
                let Settings { server, policy, provider, .. } = &*self.login.settings;
                let mut found =
                    match ResourceMetadata::check(document, &self.candidate, server, policy) {
                        // What is about another resource is not used (RFC 9728 §3.3), nor needed.
                        Err(
                            error @ Error::PeerMisbehaved(PeerMisbehaved::ForeignResource {
                                ..
                            }),
                        ) if provider.is_some() => {
                            return self.elsewhere(Finding::NotUsed { code: error.code().into() });
                        }
                        checked => checked?,
                    };
                let misshapen = mem::take(&mut found.misshapen);
                let finding = Finding::Document { tolerated: found.tolerated, misshapen };
                match provider.clone() {
                    Some(mut known) => {
                        known.tolerated.extend(found.tolerated);
                        Ok((self.login.found(known, found.resource, found.scopes)?, finding))
                    }
                    None => {
                        Ok((FindServer::start(self.login, found).map(State::FindServer)?, finding))
                    }
                }
            }
            Found::Moved(place, finding) => {
                self.place = place;
                Ok((State::FindResource(self), finding))
            }
            Found::Nothing(finding) => {
                self.absence.note(response.status(), &finding);
                self.elsewhere(finding)
            }
            Found::OutOfReach(unreachable) => self.out_of_reach(unreachable),
        }
    }

    /// No answer came, or one that says "not now".
    pub(crate) fn out_of_reach(mut self, unreachable: Unreachable) -> Answered {
        self.out_of_reach.note(unreachable);
        self.elsewhere(Finding::OutOfReach)
    }

    /// Goes on at the next place.
    fn elsewhere(mut self, finding: Finding) -> Answered {
        let Settings { server, policy, .. } = &*self.login.settings;
        if let Some(candidate) = self.next() {
            self.place = Place::new(candidate.url(server));
            self.candidate = candidate;
            return Ok((State::FindResource(self), finding));
        }
        if let Some(known) = self.login.settings.provider.clone() {
            let resource = server.as_str().into();
            return Ok((self.login.found(known, resource, None)?, finding));
        }
        if let Some(error) = self.out_of_reach.into_error() {
            return Err(Halt::after(finding, error));
        }
        let legacy = Tolerance::Legacy20250326;
        if policy.tolerates.contains(legacy) && self.absence.is_certain() {
            let found = ResourceMetadata {
                resource: server.as_str().into(),
                authorization_servers: Vec::from([server.url().origin().into()]),
                scopes: None,
                tolerated: [legacy].into_iter().collect(),
                misshapen: MemberNames::default(),
            };
            return Ok((FindServer::start(self.login, found).map(State::FindServer)?, finding));
        }
        Err(Halt::after(finding, self.login.no_metadata(self.absence)))
    }

    /// The next candidate, without the place that the challenge named and that was asked first.
    fn next(&self) -> Option<ResourceCandidate> {
        let server = &self.login.settings.server;
        let asked = challenged(&self.login).and_then(|(_, candidate)| candidate.ok());
        let asked = asked.map(|candidate| candidate.url(server));
        let rest = core::iter::successors(self.candidate.next(server), |it| it.next(server));
        rest.into_iter().find(|it| Some(it.url(server)) != asked)
    }
}

/// What the challenge names, and what to make of it.
fn challenged(login: &Login) -> Option<(&str, Result<ResourceCandidate, UrlDefect>)> {
    let text = login.challenge.as_ref()?.resource_metadata.as_deref()?;
    let Settings { server, .. } = &*login.settings;
    Some((text, ResourceCandidate::challenged(text, server, login.settings.reach())))
}
