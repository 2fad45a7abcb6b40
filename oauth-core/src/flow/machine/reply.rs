//! The replies of a step that is answered from outside: by a server, or by the user who comes back.

use core::net::IpAddr;

use super::Flow;
use crate::error::{Error, PeerMisbehaved, Silence};
use crate::flow::no_answer::NoAnswer;
use crate::flow::nonce::ServerNonce;
use crate::flow::state::State;
use crate::http::{Endpoint, Response};
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding};
use crate::url::HttpUrl;
use crate::wire::DevicePage;

/// Who was asked, and the status of the answer.
pub(super) struct Asked {
    pub(super) endpoint: Endpoint,
    pub(super) url: HttpUrl,
    pub(super) status: Option<u16>,
    pub(super) silence: Option<Silence>,
}

/// Takes the answer to a request, once.
#[derive(Debug)]
#[must_use = "the flow waits for the answer"]
pub struct HttpReply<'a> {
    pub(super) flow: &'a mut Flow,
}

impl HttpReply<'_> {
    /// The server answered, with whatever status, at the time `now`.
    pub fn response(self, response: &Response, now: UnixTime) {
        let Some(asked) = self.asked(Some(response.status())) else { return };
        // The newest counts, whatever it came with (RFC 9449 §8.2).
        if matches!(asked.endpoint, Endpoint::Token | Endpoint::PushedAuthorization)
            && let Some(nonce) = ServerNonce::of(response, &asked.url)
        {
            self.flow.nonce = Some(nonce);
        }
        self.flow.advance(asked, |state, settings| state.answered(response, settings, now));
    }

    /// No answer came, and nobody knows why.
    pub fn unreachable(self) {
        self.unanswered(Silence::default());
    }

    /// No answer came: the name does not resolve, the connection broke, time ran out. An
    /// [`Obstacle`](crate::error::Obstacle) will do.
    pub fn unanswered(self, why: impl Into<Silence>) {
        self.no_answer(NoAnswer::Unreachable(why.into()));
    }

    /// The request was not sent, because it would have gone to this address: [`AddressPolicy::permits`] says no.
    ///
    /// [`AddressPolicy::permits`]: crate::AddressPolicy::permits
    pub fn forbidden(self, address: IpAddr) {
        self.no_answer(NoAnswer::Forbidden(address));
    }

    pub(crate) fn no_answer(self, no_answer: NoAnswer) {
        let Some(mut asked) = self.asked(None) else { return };
        asked.silence = no_answer.silence();
        let error = no_answer.error(asked.endpoint, &asked.url);
        self.flow.advance(asked, |state, _| state.unanswered(error));
    }

    fn asked(&self, status: Option<u16>) -> Option<Asked> {
        let (endpoint, url) = self.flow.state.as_ref().ok()?.asked()?;
        Some(Asked { endpoint, url: url.clone(), status, silence: None })
    }
}

/// Takes the redirect, once.
#[derive(Debug)]
#[must_use = "the flow waits for the redirect"]
pub struct BrowserReply<'a> {
    pub(super) flow: &'a mut Flow,
}

impl BrowserReply<'_> {
    /// The user came back with this query, the part of the redirect behind the question mark.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::StateMismatch`] if the redirect belongs to another login, or was made up: the
    /// flow has not changed and still waits for the right one. All that the redirect says otherwise,
    /// good or bad, is in the next step.
    pub fn redirect(self, query: &str) -> Result<(), Error> {
        let Some(consent) = self.flow.state.as_ref().ok().and_then(State::consent) else {
            return Ok(());
        };
        let (endpoint, url) = (Endpoint::Authorization, consent.endpoint().clone());
        let read = match consent.read(query) {
            Err(error @ Error::PeerMisbehaved(PeerMisbehaved::StateMismatch)) => {
                self.flow.timeline.push(Entry::new(endpoint, &url, None, Finding::OtherLogin));
                return Err(error);
            }
            read => read,
        };
        if let Some(name) = consent.binding.profile() {
            let finding = Finding::Profile { name: name.into() };
            self.flow.timeline.push(Entry::new(endpoint, &url, None, finding));
        }
        let asked = Asked { endpoint, url, status: None, silence: None };
        self.flow.advance(asked, |state, settings| state.came_back(read, settings));
        Ok(())
    }

    /// Whether the user may consent on another device instead ([`Settings::or_device_code`]), once there is a code.
    ///
    /// [`Settings::or_device_code`]: crate::flow::Settings::or_device_code
    #[must_use]
    pub fn offers_code(&self) -> bool {
        self.flow.offers_code()
    }

    /// Asks for a code, to be shown beside the page. The steps that follow lead back to this page, with a
    /// [code](Self::device_page), or without one if there is none to be had: then it is not offered again.
    pub fn ask_for_code(self) {
        self.flow.ask_for_code();
    }

    /// What to show beside the page: where to go on another device, and with which code.
    #[must_use]
    pub fn device_page(&self) -> Option<DevicePage> {
        self.flow.device_page()
    }

    /// When the server is to be asked whether the user has consented there, if there is a code. Until then the user may
    /// come back with a redirect.
    #[must_use]
    pub fn poll_at(&self) -> Option<UnixTime> {
        self.flow.waits_until()
    }

    /// Nobody came back, and it is that late now. Too early, the next step is the same.
    pub fn waited(self, now: UnixTime) {
        self.flow.waited(now);
    }

    /// The user or the host gave up waiting.
    pub fn cancelled(self) {
        self.flow.state = Err(Error::Cancelled);
    }
}
