//! `FindServer`: where is the authorization server's metadata, and does it speak for itself? (RFC 8414)
//!
//! ```text
//!  first place of the first server ──▶ Http ──┬─ speaks for the issuer ──▶ the target
//!       ▲                                     ├─ moved within the origin ──▶ the new place ────┐
//!       │                                     ├─ nothing here, or out of reach ──▶ next place, ┤
//!       │                                     │    then next server, unless this one is held   │
//!       └─────────────────────────────────────┼────────────────────────────────────────────────┘
//!                                             ├─ no place of this server left: endpoints known? ──▶ use them
//!                                             ├─ nothing left: one out of reach ──▶ an error that may pass;
//!                                             │    else none and legacy? ──▶ default endpoints, else an error
//!                                             └─ speaks for another ──▶ an error
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::address_policy::AddressPolicy;
use crate::error::{Absence, Error, PeerIncompatible, PeerMisbehaved, Unreachable};
use crate::flow::bind_key::wanted;
use crate::flow::login::{Login, Way};
use crate::flow::outcome::{Halt, Outcome, Progress};
use crate::flow::place::{Found, OutOfReach, Place};
use crate::flow::settings::Settings;
use crate::flow::target::{ResourceDpop, Target};
use crate::http::{Endpoint, Request, Response};
use crate::scope::Scopes;
use crate::timeline::Finding;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::{HttpUrl, UrlDefect, shown};
use crate::wire::{Issuer, Purpose, ResourceMetadata, ServerCandidate, ServerMetadata};

/// Waits for the answer of a place where server metadata may lie.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FindServer {
    login: Login,
    resource: Box<str>,
    scopes: Option<Scopes>,
    dpop: ResourceDpop,
    /// What was tolerated in the resource metadata.
    #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
    tolerated: Tolerances,
    issuer: Issuer,
    /// What else the resource named, the next one last.
    others: Vec<Box<str>>,
    candidate: ServerCandidate,
    place: Place,
    /// What kept places of this server out of reach.
    #[serde(default, skip_serializing_if = "OutOfReach::is_empty")]
    out_of_reach: OutOfReach,
    /// The same of the servers before it.
    #[serde(default, skip_serializing_if = "OutOfReach::is_empty")]
    others_out_of_reach: OutOfReach,
    /// What stood in the places of this server.
    #[serde(default, skip_serializing_if = "Absence::is_nothing")]
    absence: Absence,
}

type Located = Outcome<FindServer, (Login, Target)>;

impl FindServer {
    /// Starts with the server that the last login used or, if the resource does not name it any more, one
    /// where the client is known; else with the first one.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::NoAuthorizationServer`] if the resource names none, or
    /// [`PeerMisbehaved::UnsafeUrl`] if it names none that may be asked.
    pub(crate) fn start(login: Login, found: ResourceMetadata) -> Result<Self, Error> {
        if found.authorization_servers.is_empty() {
            let resource = shown(&found.resource);
            return Err(PeerIncompatible::NoAuthorizationServer { resource }.into());
        }
        let dpop = ResourceDpop::from(&found);
        let ResourceMetadata {
            resource, authorization_servers: mut others, scopes, tolerated, ..
        } = found;
        others.reverse();
        let known = login.before.as_deref().and_then(|before| before.first_known(&others));
        if let Some(at) = known {
            let known = others.remove(at);
            others.push(known);
        }
        others.drain(..others.len().saturating_sub(MAX_SERVERS));
        let (issuer, place) = next_server(&mut others, login.settings.address_policy())?;
        let candidate = ServerCandidate::FIRST;
        Ok(Self {
            login,
            resource,
            scopes,
            dpop,
            tolerated,
            issuer,
            others,
            candidate,
            place,
            out_of_reach: OutOfReach::default(),
            others_out_of_reach: OutOfReach::default(),
            absence: Absence::Nothing,
        })
    }

    pub(crate) fn request(&self) -> Request {
        self.place.request(Endpoint::ServerMetadata)
    }

    pub(crate) fn url(&self) -> &HttpUrl {
        &self.place.url
    }

    pub(crate) fn answer(mut self, response: &Response) -> Located {
        let policy = &self.login.settings.policy;
        let purpose = match (&self.login.way, self.login.settings.purpose()) {
            (Way::Machine(_), _) => Purpose::WithoutUser,
            (Way::User(_), Purpose::WithoutUser) => Purpose::Login,
            (Way::User(_), purpose) => purpose,
        };
        let read = |body| ServerMetadata::read(body, purpose);
        match self.place.look(response, Endpoint::ServerMetadata, read) {
            Found::Document(document) => {
                let address_policy = self.login.settings.address_policy();
                let wanted = wanted(&self.login, &self.dpop);
                let (mut found, misshapen) =
                    ServerMetadata::check(&document, &self.issuer, wanted, address_policy, policy)?;
                let finding = Finding::Document { tolerated: found.tolerated, misshapen };
                found.tolerated.extend(self.tolerated);
                Ok(self.done(found, finding))
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

    /// Goes on at the next place of this server, else at the next server.
    fn elsewhere(mut self, finding: Finding) -> Located {
        let Settings { server, policy, .. } = &*self.login.settings;
        let address_policy = self.login.settings.address_policy();
        if let Some(candidate) = self.candidate.next(&self.issuer) {
            let url = candidate.url(&self.issuer, address_policy);
            let url = url.map_err(|defect| unsafe_issuer(self.issuer.as_str(), defect))?;
            (self.candidate, self.place) = (candidate, Place::new(url));
            return Ok(Progress::Again(self, finding));
        }
        let profiles = Tolerance::ProviderProfile;
        if self.out_of_reach.is_empty()
            && policy.tolerates.contains(profiles)
            && let Some(mut known) = ServerMetadata::known(&self.issuer)
        {
            known.tolerated.extend(self.tolerated);
            return Ok(self.done(known, finding));
        }
        // What is at hand belongs to this server, so nobody logs in elsewhere because it is down today.
        let is_awaited = !self.out_of_reach.is_empty() && self.login.holds(&self.issuer);
        self.others_out_of_reach.take_from(&mut self.out_of_reach);
        if !self.others.is_empty() && !is_awaited {
            (self.issuer, self.place) = next_server(&mut self.others, address_policy)?;
            (self.candidate, self.absence) = (ServerCandidate::FIRST, Absence::Nothing);
            return Ok(Progress::Again(self, finding));
        }
        if let Some(error) = mem::take(&mut self.others_out_of_reach).into_error() {
            return Err(Halt::after(finding, error));
        }
        let is_legacy = policy.tolerates.contains(Tolerance::Legacy20250326);
        let is_origin = self.issuer.as_str() == server.url().origin();
        if is_legacy && is_origin && self.absence.is_certain() {
            let found = ServerMetadata::legacy(self.issuer.clone(), server.url());
            return Ok(self.done(found, finding));
        }
        let (issuer, found) = (self.issuer.as_str().into(), self.absence);
        let error = PeerIncompatible::NoServerMetadata { issuer, found };
        Err(Halt::after(finding, error))
    }

    fn done(self, server: ServerMetadata, finding: Finding) -> Progress<Self, (Login, Target)> {
        let Self { login, resource, scopes, dpop, .. } = self;
        let target = Target { server, resource, scopes, dpop };
        Progress::Done((login, target), finding)
    }
}

/// The next server that can be asked. One that cannot hides no other.
fn next_server(
    named: &mut Vec<Box<str>>,
    address_policy: AddressPolicy<'_>,
) -> Result<(Issuer, Place), PeerMisbehaved> {
    loop {
        let next = named.pop().unwrap_or_default();
        let parsed = Issuer::parse(&next, address_policy).and_then(|issuer| {
            ServerCandidate::FIRST.url(&issuer, address_policy).map(|url| (issuer, Place::new(url)))
        });
        match parsed {
            Ok(found) => return Ok(found),
            Err(defect) if named.is_empty() => return Err(unsafe_issuer(&next, defect)),
            Err(_) => {}
        }
    }
}

fn unsafe_issuer(issuer: &str, defect: UrlDefect) -> PeerMisbehaved {
    let endpoint = Endpoint::ServerMetadata;
    PeerMisbehaved::UnsafeUrl { endpoint, url: shown(issuer), defect }
}

/// How many authorization servers are asked: a document could send a client to any number of hosts.
const MAX_SERVERS: usize = 4;
