//! `FindResource`: where is the resource metadata, and is it about this server? (RFC 9728)
//!
//! ```text
//!  first place ──▶ Http ──┬─ usable document ──▶ FindServer
//!       ▲                 ├─ nothing here ──▶ next place ─┐
//!       └─────────────────┼───────────────────────────────┘
//!                         ├─ no place left: legacy? ──▶ FindServer at the origin, else an error
//!                         └─ about another resource, or unreachable ──▶ an error
//! ```

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible};
use crate::flow::find_server::FindServer;
use crate::flow::login::Login;
use crate::flow::machine::State;
use crate::http::{Endpoint, Request, Response};
use crate::wire::{ResourceCandidate, ResourceMetadata, accepted};

/// Waits for the answer of a place where resource metadata may lie.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FindResource {
    login: Login,
    place: ResourceCandidate,
}

impl FindResource {
    pub(crate) fn start(login: Login) -> Result<Self, Error> {
        let named =
            login.challenge.as_ref().and_then(|challenge| challenge.resource_metadata.as_deref());
        let settings = &login.settings;
        let place = ResourceCandidate::first(named, &settings.server, settings.reach())?;
        Ok(Self { login, place })
    }

    pub(crate) fn request(&self) -> Request {
        Request::get(Endpoint::ResourceMetadata, self.place.url(&self.login.settings.server))
    }

    pub(crate) fn answer(self, response: &Response) -> Result<State, Error> {
        let Self { login, place } = self;
        let settings = &login.settings;
        let document =
            match accepted(response, Endpoint::ResourceMetadata, &place.url(&settings.server)) {
                Ok(body) => ResourceMetadata::read(body).ok(),
                Err(error @ Error::Unreachable(_)) => return Err(error),
                // A redirect, a web page, a 404: nothing here.
                Err(_) => None,
            };
        if let Some(document) = document {
            let found =
                ResourceMetadata::check(document, &place, &settings.server, &settings.policy)?;
            return FindServer::start(login, found).map(State::FindServer);
        }
        if let Some(place) = place.next(&settings.server) {
            return Ok(State::FindResource(Self { login, place }));
        }
        if settings.policy.legacy_2025_03_26 {
            let origin = settings.server.url().origin().into();
            let resource = settings.server.as_str().into();
            let found = ResourceMetadata {
                resource,
                authorization_servers: Vec::from([origin]),
                scopes: None,
            };
            return FindServer::start(login, found).map(State::FindServer);
        }
        Err(PeerIncompatible::NoResourceMetadata { server: settings.server.as_str().into() }.into())
    }
}
