//! `FindResource`: where is the resource metadata, and is it about this server? (RFC 9728)
//!
//! ```text
//!  first place ──▶ Http ──┬─ usable document ──▶ the document; server known ──▶ the target
//!       ▲                 ├─ nothing here, or out of reach ──▶ next place ──┐
//!       │                 ├─ moved within the origin ──▶ the new place ─────┤
//!       └─────────────────┼─────────────────────────────────────────────────┘
//!                         ├─ no place left: server known ──▶ the target;
//!                         │                 one out of reach ──▶ an error that may pass;
//!                         │                 else none and legacy? ──▶ a document that names the origin, else an error
//!                         └─ about another resource ──▶ an error
//! ```

use alloc::vec::Vec;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::{Absence, Error, PeerMisbehaved, Unreachable};
use crate::flow::login::Login;
use crate::flow::outcome::{Halt, Outcome, Progress};
use crate::flow::place::{Found, OutOfReach, Place};
use crate::flow::settings::Settings;
use crate::flow::target::{ResourceDpop, Target};
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

/// Where the resource stands.
pub(crate) enum ResourceFact {
    /// Its document names its authorization servers.
    Described(Login, ResourceMetadata),
    /// The host has said what its authorization server is.
    Target(Login, Target),
}

type Located = Outcome<FindResource, ResourceFact>;

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

    pub(crate) fn answer(mut self, response: &Response) -> Located {
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
                let fact = match provider.clone() {
                    Some(mut server) => {
                        server.tolerated.extend(found.tolerated);
                        let dpop = ResourceDpop::from(&found);
                        let ResourceMetadata { resource, scopes, .. } = found;
                        ResourceFact::Target(self.login, Target { server, resource, scopes, dpop })
                    }
                    None => ResourceFact::Described(self.login, found),
                };
                Ok(Progress::Done(fact, finding))
            }
            Found::Moved(place, finding) => {
                self.place = place;
                Ok(Progress::Again(self, finding))
            }
            Found::Nothing(finding) => {
                self.absence.note(response.status(), &finding);
                self.elsewhere(finding)
            }
            Found::OutOfReach(unreachable) => self.out_of_reach(unreachable),
        }
    }

    /// No answer came, or one that says "not now".
    pub(crate) fn out_of_reach(mut self, unreachable: Unreachable) -> Located {
        self.out_of_reach.note(unreachable);
        self.elsewhere(Finding::OutOfReach)
    }

    /// Goes on at the next place.
    fn elsewhere(mut self, finding: Finding) -> Located {
        let Settings { server, policy, .. } = &*self.login.settings;
        if let Some(candidate) = self.next() {
            self.place = Place::new(candidate.url(server));
            self.candidate = candidate;
            return Ok(Progress::Again(self, finding));
        }
        if let Some(server) = self.login.settings.provider.clone() {
            let resource = self.login.settings.server.as_str().into();
            let target = Target::unsaid(server, resource);
            return Ok(Progress::Done(ResourceFact::Target(self.login, target), finding));
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
                dpop_required: false,
                dpop_algorithms: None,
                tolerated: [legacy].into_iter().collect(),
                misshapen: MemberNames::default(),
            };
            return Ok(Progress::Done(ResourceFact::Described(self.login, found), finding));
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
    Some((text, ResourceCandidate::challenged(text, server, login.settings.address_policy())))
}
