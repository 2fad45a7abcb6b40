//! `Push`: what the user will be asked is sent to the authorization server, so that the browser shows no more than a
//! reference to it (RFC 9126).
//!
//! ```text
//!  Sign, if there is a key ──▶ Http ──┬─ a reference ──▶ the user can be sent off
//!                                     ├─ the server refuses ──▶ the refusal
//!                                     └─ anything else ──▶ an error: it is not asked in the browser instead
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible, Refusal};
use crate::flow::grants::code::Consent;
use crate::flow::outcome::Once;
use crate::flow::proof::Proof;
use crate::flow::settings::Settings;
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerance;
use crate::url::HttpUrl;
use crate::wire::{push_request, read_pushed};

/// Waits for the answer of the endpoint that requests are pushed to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Push {
    /// What the user is sent off with, once that is known by a reference.
    pub(crate) consent: Consent,
    pub(crate) endpoint: HttpUrl,
    pub(crate) proof: Proof,
}

impl Push {
    /// # Errors
    ///
    /// [`PeerIncompatible::UnconfirmedIssuer`] if the client's secret would go where nobody but the MCP server sends it:
    /// no page names that server to the user first. [`PeerIncompatible::NoSigningAlgorithm`] as ever.
    pub(crate) fn new(
        consent: Consent,
        endpoint: HttpUrl,
        settings: &Settings,
    ) -> Result<Self, PeerIncompatible> {
        let server = &consent.binding.server;
        if server.tolerated.contains(Tolerance::UnconfirmedIssuer) {
            let issuer = server.issuer.as_str().into();
            return Err(PeerIncompatible::UnconfirmedIssuer { issuer });
        }
        let proof = Proof::new(&consent.binding, settings)?;
        Ok(Self { consent, endpoint, proof })
    }

    pub(crate) fn request(&self) -> Request {
        let Self { consent, endpoint, proof } = self;
        let client = proof.client(&consent.binding);
        let server = &consent.binding.server;
        consent.ask(&consent.seal(), |what| push_request(endpoint, server, what, client))
    }

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Once<Pushed> {
        let Self { mut consent, endpoint, proof } = self;
        match read_pushed(response, &endpoint, consent.tolerates, now) {
            Ok((pushed, misshapen)) => {
                let lifetime = pushed.expires_at.since(now).as_secs();
                let finding = Finding::Pushed { lifetime, tolerated: pushed.tolerated, misshapen };
                consent.pushed = Some(pushed.into());
                Ok((Pushed::Known(consent), finding))
            }
            Err(error) => {
                let finding = Finding::failed(&error);
                let Error::Refused(refusal) = error else { return Err(error.into()) };
                let state = Self { consent, endpoint, proof };
                Ok((Pushed::Refused(state, refusal), finding))
            }
        }
    }
}

/// What the push came to.
pub(crate) enum Pushed {
    /// The user can be sent off.
    Known(Consent),
    /// The server refused it, and nothing of it is spent.
    Refused(Push, Refusal),
}
