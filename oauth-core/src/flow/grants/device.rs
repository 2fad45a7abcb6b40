//! `AskDevice` and `Device`: the user consents on another device (RFC 8628).
//!
//! ```text
//!  AskDevice: Sign, if the client has a key ──▶ Http ──┬─ codes ──▶ Device
//!                                                      └─ the server refuses ──▶ the refusal
//!
//!  Device: Page ──▶ Wait ──▶ Sign, if there is a key ──▶ Http ──┬─ tokens ──▶ the grant
//!                    ▲                                          ├─ not yet, too fast, no answer: later ──┐
//!                    └──────────────────────────────────────────┼────────────────────────────────────────┘
//!                                                               └─ the user says no, the time is over ──▶ an error
//! ```
//!
//! Beside a login in a browser, a user is shown the code together with the page: the `Consent` of that login is kept
//! here. Whoever comes back with a redirect takes it out, and what does not work here leaves the login to it.
//!
//! Nobody comes back here, so there is no `state`, no `iss` and no PKCE: tokens come straight from the token endpoint of
//! the issuer that was found.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::{Error, PeerIncompatible, Refusal};
use crate::flow::binding::Binding;
use crate::flow::errand::Errand;
use crate::flow::grant_kind::GrantKind;
use crate::flow::grants::Issued;
use crate::flow::grants::code::Consent;
use crate::flow::outcome::{Once, Outcome, Progress};
use crate::flow::proof::Proof;
use crate::flow::settings::Settings;
use crate::flow::tried::{OnceOnly, Tried};
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::{
    DeviceCode, DevicePage, NoToken, Polled, Registration, ServerMetadata, Sought, device_request,
    poll_request, read_device_code, read_poll,
};

/// Waits for the answer of the device authorization endpoint, and for a signature before that if the client has a key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AskDevice {
    pub(crate) binding: Binding,
    pub(crate) endpoint: HttpUrl,
    pub(crate) proof: Proof,
    /// For another registration, if it comes to that.
    pub(crate) verifier: RandomBytes,
    pub(crate) tried: Tried,
    pub(crate) sought: Sought,
    /// The login in a browser that goes on beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) beside: Option<Box<Consent>>,
}

/// What asking for codes came to.
pub(crate) enum Asked {
    /// Codes.
    Codes(Device),
    /// The server's no.
    Refused(AskDevice, Refusal),
}

impl AskDevice {
    /// For who is known to the server by now.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::DeviceCodesNotOffered`], or that of a key which can do nothing that the server takes.
    pub(crate) fn new(
        errand: Errand,
        settings: &Settings,
        server: Arc<ServerMetadata>,
        client: Arc<Registration>,
    ) -> Result<Self, PeerIncompatible> {
        let Errand { terms, verifier, tried, sought, .. } = errand;
        let endpoint = offered(&server)?;
        let binding = Binding::new(GrantKind::DeviceCode, terms, settings, server, client);
        // No tokens are issued there, so nothing is bound to a key yet.
        let proof = Proof::of_client(&binding, settings)?;
        Ok(Self { binding, endpoint, proof, verifier, tried, sought, beside: None })
    }

    /// Beside a login in a browser, which asks once; `None` if it has asked, or need not.
    ///
    /// # Errors
    ///
    /// That of a key which can do nothing that the server takes.
    pub(crate) fn beside(
        consent: &Consent,
        settings: &Settings,
    ) -> Result<Option<Self>, PeerIncompatible> {
        let Some(endpoint) = consent.code_endpoint(settings).cloned() else { return Ok(None) };
        let mut consent = consent.clone();
        consent.tried.note(OnceOnly::DeviceCode);
        let (tried, sought) = (consent.tried.clone(), consent.sought.clone());
        let verifier = consent.verifier.clone();
        let binding = Binding { grant: GrantKind::DeviceCode, ..consent.binding.clone() };
        let proof = Proof::of_client(&binding, settings)?;
        let beside = Some(consent.into());
        Ok(Some(Self { binding, endpoint, proof, verifier, tried, sought, beside }))
    }

    pub(crate) fn request(&self) -> Request {
        let parties = self.binding.parties();
        let requester = self.proof.requester(&parties);
        device_request(&self.endpoint, &requester, self.binding.requested.as_ref())
    }

    pub(crate) fn answer(
        mut self,
        response: &Response,
        settings: &Settings,
        now: UnixTime,
    ) -> Once<Asked> {
        let tolerates = settings.policy.tolerates;
        let read =
            read_device_code(response, &self.endpoint, settings.address_policy(), tolerates, now);
        let (code, misshapen) = match read {
            Ok(read) => read,
            Err(Error::Refused(refusal)) => {
                let finding = Finding::failed(&refusal.clone().into());
                return Ok((Asked::Refused(self, refusal), finding));
            }
            Err(error) => return Err(error.into()),
        };
        let finding = Finding::Codes { tolerated: code.tolerated, misshapen };
        self.binding.tolerate(code.tolerated);
        let ends_at = code.expires_at().min(now + LONGEST);
        let (binding, beside) = (self.binding, self.beside);
        let phase = match beside {
            // It is shown with the page, which has a turn of its own.
            Some(_) => Phase::Wait { until: now + code.interval() },
            None => Phase::Page,
        };
        let device = Device { binding, tolerates, code, ends_at, phase, beside };
        Ok((Asked::Codes(device), finding))
    }
}

/// Where codes are asked for.
///
/// # Errors
///
/// [`PeerIncompatible::DeviceCodesNotOffered`].
pub(crate) fn offered(server: &ServerMetadata) -> Result<HttpUrl, PeerIncompatible> {
    server.device_endpoint().cloned().ok_or_else(|| {
        let issuer = server.issuer.as_str().into();
        PeerIncompatible::DeviceCodesNotOffered { issuer }
    })
}

/// Waits for a user with another device.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) binding: Binding,
    tolerates: Tolerances,
    code: DeviceCode,
    /// Whatever the server says, nobody is waited for any longer.
    ends_at: UnixTime,
    phase: Phase,
    /// The login in a browser that goes on beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) beside: Option<Box<Consent>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Phase {
    /// The user is yet to be shown the code.
    Page,
    /// Until the server is asked again, or the end.
    Wait { until: UnixTime },
    /// For an answer, and for a signature before that if there is a key.
    Poll { proof: Proof, since: UnixTime },
}

impl Device {
    /// What the user is shown.
    pub(crate) fn page(&self) -> DevicePage {
        DevicePage { expires_at: self.ends_at, ..self.code.page() }
    }

    pub(crate) fn is_to_be_shown(&self) -> bool {
        matches!(self.phase, Phase::Page)
    }

    /// The user has been shown the code.
    pub(crate) fn shown(&mut self, now: UnixTime) {
        if self.is_to_be_shown() {
            self.wait(now + self.code.interval());
        }
    }

    /// Until when nothing is to be done.
    pub(crate) fn waits_until(&self) -> Option<UnixTime> {
        match self.phase {
            Phase::Wait { until } => Some(until.min(self.ends_at)),
            Phase::Page | Phase::Poll { .. } => None,
        }
    }

    /// It is that late now. Before the time has come, the wait goes on.
    ///
    /// # Errors
    ///
    /// [`Error::LoginExpired`] at the end; or a key that can do nothing that the server takes.
    pub(crate) fn waited(&mut self, settings: &Settings, now: UnixTime) -> Result<(), Error> {
        let Phase::Wait { until } = self.phase else { return Ok(()) };
        if now >= self.ends_at {
            return Err(self.expired());
        }
        if now >= until {
            let proof = Proof::new(&self.binding, settings)?;
            self.phase = Phase::Poll { proof, since: now };
        }
        Ok(())
    }

    /// What the next poll shows.
    pub(crate) fn proof(&self) -> Option<&Proof> {
        match &self.phase {
            Phase::Poll { proof, .. } => Some(proof),
            Phase::Page | Phase::Wait { .. } => None,
        }
    }

    pub(crate) fn proof_mut(&mut self) -> Option<&mut Proof> {
        match &mut self.phase {
            Phase::Poll { proof, .. } => Some(proof),
            Phase::Page | Phase::Wait { .. } => None,
        }
    }

    pub(crate) fn request(&self) -> Option<Request> {
        let (parties, proof) = (self.binding.parties(), self.proof()?);
        let requester = proof.requester(&parties);
        Some(poll_request(&requester, &self.code.device_code))
    }

    pub(crate) fn answer(mut self, response: &Response, now: UnixTime) -> Outcome<Self, Issued> {
        let Binding { server, requested, .. } = &self.binding;
        let (endpoint, requested) = (server.token_endpoint(), requested.as_ref());
        match read_poll(response, endpoint, requested, self.binding.token_type(), now) {
            Ok(Polled::Tokens(tokens)) => {
                let (issued, finding) = Issued::new(self.binding, *tokens, self.tolerates, now)?;
                Ok(Progress::Done(issued, finding))
            }
            Ok(Polled::Pending) => Ok(self.again(now)),
            Ok(Polled::SlowDown) => {
                self.code.slow_down();
                Ok(self.again(now))
            }
            Ok(Polled::Denied(refusal)) => Err(refusal.into()),
            Ok(Polled::Expired(_)) => Err(self.expired().into()),
            Err(NoToken { error: Error::Unreachable(unreachable), .. }) => {
                let least = now + unreachable.retry_after.unwrap_or_default();
                self.code.back_off();
                self.wait(least.max(now + self.code.interval()));
                Ok(Progress::Again(self, Finding::Pending))
            }
            Err(NoToken { error, .. }) => Err(error.into()),
        }
    }

    /// No answer came. Whether the user has consented meanwhile, the next one says.
    pub(crate) fn unanswered(mut self) -> Self {
        if let Phase::Poll { since, .. } = self.phase {
            self.code.back_off();
            self.wait(since + self.code.interval());
        }
        self
    }

    fn again(mut self, now: UnixTime) -> Progress<Self, Issued> {
        self.wait(now + self.code.interval());
        Progress::Again(self, Finding::Pending)
    }

    fn wait(&mut self, until: UnixTime) {
        self.phase = Phase::Wait { until };
    }

    fn expired(&self) -> Error {
        Error::LoginExpired { expired_at: self.ends_at }
    }
}

/// How long a user is waited for at most, whatever the server says: with the shortest interval, a poll a second.
const LONGEST: Duration = Duration::from_secs(60 * 60);
