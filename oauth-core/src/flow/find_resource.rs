//! `FindResource`: where is the resource metadata, and is it about this server? (RFC 9728)
//!
//! ```text
//!  first place ──▶ Http ──┬─ usable document ──▶ FindServer
//!       ▲                 ├─ nothing here ──▶ next place ───────────────┐
//!       │                 ├─ moved within the origin ──▶ the new place ─┤
//!       └─────────────────┼─────────────────────────────────────────────┘
//!                         ├─ no place left: legacy? ──▶ FindServer at the origin, else an error
//!                         └─ about another resource, or unreachable ──▶ an error
//! ```

use alloc::vec::Vec;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible};
use crate::flow::find_server::FindServer;
use crate::flow::login::Login;
use crate::flow::machine::{Answered, Halt, State};
use crate::flow::place::{Found, Place};
use crate::flow::settings::Settings;
use crate::http::{Endpoint, Request, Response};
use crate::json::MemberNames;
use crate::timeline::Finding;
use crate::tolerance::Tolerance;
use crate::url::HttpUrl;
use crate::wire::{ResourceCandidate, ResourceMetadata};

/// Waits for the answer of a place where resource metadata may lie.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FindResource {
    login: Login,
    candidate: ResourceCandidate,
    place: Place,
}

impl FindResource {
    pub(crate) fn start(login: Login) -> Result<Self, Error> {
        let named =
            login.challenge.as_ref().and_then(|challenge| challenge.resource_metadata.as_deref());
        let settings = &login.settings;
        let candidate = ResourceCandidate::first(named, &settings.server, settings.reach())?;
        Ok(Self::at(login, candidate))
    }

    fn at(login: Login, candidate: ResourceCandidate) -> Self {
        let place = Place::new(candidate.url(&login.settings.server));
        Self { login, candidate, place }
    }

    pub(crate) fn request(&self) -> Request {
        self.place.request(Endpoint::ResourceMetadata)
    }

    pub(crate) fn url(&self) -> &HttpUrl {
        &self.place.url
    }

    pub(crate) fn answer(self, response: &Response) -> Answered {
        let Self { login, candidate, place } = self;
        let Settings { server, policy, .. } = &*login.settings;
        let nothing =
            match place.look(response, Endpoint::ResourceMetadata, ResourceMetadata::read)? {
                Found::Document(document) => {
                    let mut found = ResourceMetadata::check(document, &candidate, server, policy)?;
                    let misshapen = mem::take(&mut found.misshapen);
                    let finding = Finding::Document { tolerated: found.tolerated, misshapen };
                    return Ok((FindServer::start(login, found).map(State::FindServer)?, finding));
                }
                Found::Moved(place, finding) => {
                    return Ok((State::FindResource(Self { login, candidate, place }), finding));
                }
                Found::Nothing(finding) => finding,
            };
        if let Some(candidate) = candidate.next(server) {
            return Ok((State::FindResource(Self::at(login, candidate)), nothing));
        }
        let legacy = Tolerance::Legacy20250326;
        if policy.tolerates.contains(legacy) {
            let found = ResourceMetadata {
                resource: server.as_str().into(),
                authorization_servers: Vec::from([server.url().origin().into()]),
                scopes: None,
                tolerated: [legacy].into_iter().collect(),
                misshapen: MemberNames::default(),
            };
            return Ok((FindServer::start(login, found).map(State::FindServer)?, nothing));
        }
        let error = PeerIncompatible::NoResourceMetadata { server: server.as_str().into() };
        Err(Halt::after(nothing, error))
    }
}
