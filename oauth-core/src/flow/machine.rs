//! The machine itself: which state it is in, what it wants, and what it makes of an answer.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Misuse};
use crate::flow::binding::{Binding, Grant};
use crate::flow::device_reply::{DeviceReply, WaitReply};
use crate::flow::grants::code::Consent;
use crate::flow::host_reply::{AssertionReply, KeyReply, SignReply};
use crate::flow::login::Login;
use crate::flow::no_answer::NoAnswer;
use crate::flow::nonce::ServerNonce;
use crate::flow::outcome::Halt;
use crate::flow::proof::SigningKey;
use crate::flow::register::Register;
use crate::flow::route::Answered;
use crate::flow::settings::Settings;
use crate::flow::state::{State, Wants};
use crate::flow::tried::OnceOnly;
use crate::flow::wanted::WantedAssertion;
use crate::http::{Request, Response};
use crate::keys::DpopKey;
use crate::signing_algorithm::SigningAlgorithms;
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding, Timeline};
use crate::wire::{
    AuthorizationUrl, DevicePage, Jti, Registration, ServerMetadata, SubjectToken, Unsigned,
};

mod reply;

use reply::Asked;
pub use reply::{BrowserReply, HttpReply};

/// One login. See [the module](crate::flow) for its states and how to drive it.
///
/// Not `Clone`: two copies would redeem one code. Serialized, it is a secret.
#[derive(Debug, Serialize, Deserialize)]
#[must_use = "a login does nothing until it is driven"]
pub struct Flow {
    state: Result<State, Error>,
    settings: Arc<Settings>,
    #[serde(default, skip_serializing_if = "Timeline::is_empty")]
    timeline: Timeline,
    /// What the authorization server wants to see in the next proof. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<Box<ServerNonce>>,
}

/// What to do next. Exhaustive on purpose: a driver has to handle all of it.
#[derive(Debug)]
pub enum Step<'a> {
    /// Send the request, and give the answer to the reply.
    Http {
        /// Exactly what to send.
        request: Request,
        /// Takes the answer.
        reply: HttpReply<'a>,
    },
    /// Sign what the reply says, with the key that the [settings](Settings::signing_key) name.
    Sign(SignReply<'a>),
    /// Bring what says who this workload or its user is, for what the reply says.
    Assertion(AssertionReply<'a>),
    /// Make the key that tokens will be bound to.
    Key(KeyReply<'a>),
    /// Send the user to the URL, and give the redirect that comes back to the reply.
    Browser {
        /// Where the user consents.
        url: AuthorizationUrl,
        /// Takes the redirect.
        reply: BrowserReply<'a>,
    },
    /// Show the user where to go on another device, and with which code (RFC 8628).
    Device {
        /// What to show.
        page: DevicePage,
        /// Takes that it was shown.
        reply: DeviceReply<'a>,
    },
    /// Wait, and do nothing else, until it is that late.
    Wait {
        /// Not before then.
        until: UnixTime,
        /// Takes how late it is.
        reply: WaitReply<'a>,
    },
    /// The login is complete. Asked again, the step says so again.
    Done(&'a Grant),
}

impl Flow {
    /// Starts a login.
    ///
    /// # Errors
    ///
    /// [`Error::PeerMisbehaved`] if the challenge names a private address, or why a known server cannot
    /// be logged in to.
    pub fn login(login: Login) -> Result<Self, Error> {
        let settings = Arc::clone(&login.settings);
        let mut timeline = Timeline::default();
        Ok(Self { state: Ok(State::first(login, &mut timeline)?), settings, timeline, nonce: None })
    }

    /// With what the authorization server wants to see in a proof, as far as that is known.
    pub(crate) fn with_nonce(self, nonce: Option<Box<ServerNonce>>) -> Self {
        Self { nonce, ..self }
    }

    /// Goes on with a login whose user is away: they are shown no code any more.
    pub(crate) fn resume(mut consent: Consent, settings: Arc<Settings>) -> Self {
        consent.tried.note(OnceOnly::DeviceCode);
        let timeline = Timeline::default();
        Self { state: Ok(State::Consent(consent)), settings, timeline, nonce: None }
    }

    /// Says what to do next. Asking changes nothing.
    ///
    /// # Errors
    ///
    /// Why the login ended. The error stays; log in with a new flow.
    pub fn step(&mut self) -> Result<Step<'_>, Error> {
        let state = match &self.state {
            Err(error) => return Err(error.clone()),
            Ok(State::Untolerated(_, error)) => return Err(error.clone().into()),
            Ok(state) => state,
        };
        match state.wants() {
            Wants::Signature => {
                let (settings, nonce) = (&self.settings, self.nonce.as_deref());
                Ok(Step::Sign(SignReply { state: &mut self.state, settings, nonce }))
            }
            Wants::Key => Ok(Step::Key(KeyReply { state: &mut self.state })),
            Wants::Assertion => Ok(Step::Assertion(AssertionReply { state: &mut self.state })),
            Wants::User => {
                let url = self.authorization_url().ok_or(Error::Cancelled)?;
                Ok(Step::Browser { url, reply: BrowserReply { flow: self } })
            }
            Wants::Device => {
                let page = state.device_page().ok_or(Error::Cancelled)?;
                Ok(Step::Device { page, reply: DeviceReply { state: &mut self.state } })
            }
            Wants::Time => {
                let until = state.waits_until().ok_or(Error::Cancelled)?;
                let (state, settings) = (&mut self.state, &*self.settings);
                Ok(Step::Wait { until, reply: WaitReply { state, settings } })
            }
            Wants::Answer => {
                let request = state.request(&self.settings).ok_or(Error::Cancelled)?;
                Ok(Step::Http { request, reply: HttpReply { flow: self } })
            }
            Wants::Nothing => self.grant().map(Step::Done).ok_or(Error::Cancelled),
        }
    }

    /// The outcome, once the login is complete; also if the policy does not tolerate what the tokens needed.
    /// Then [`step`](Self::step) says so, and the tokens are here for a host that will not lose them.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            Ok(State::Done(grant) | State::Untolerated(grant, _)) => Some(grant),
            _ => None,
        }
    }

    /// Takes the [outcome](Self::grant) out of a login that is complete, and ends it; `None` from one that goes on.
    pub fn take_grant(&mut self) -> Option<Grant> {
        self.grant()?;
        match mem::replace(&mut self.state, Err(Error::Cancelled)) {
            Ok(State::Done(grant) | State::Untolerated(grant, _)) => Some(*grant),
            _ => None,
        }
    }

    /// Where the user consents, while the login waits for that.
    #[must_use]
    pub fn authorization_url(&self) -> Option<AuthorizationUrl> {
        Some(self.state.as_ref().ok()?.consent()?.url())
    }

    /// What the tokens will be bound to, once that is known: while the user consents, and after.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        self.state.as_ref().ok()?.binding()
    }

    /// The authorization server, once it is found.
    pub(crate) fn server(&self) -> Option<&ServerMetadata> {
        match &self.state {
            Ok(State::Register(register)) => Some(&register.server),
            _ => self.binding().map(|binding| &*binding.server),
        }
    }

    /// Whether the code is redeemed next.
    pub(crate) fn is_redeeming(&self) -> bool {
        matches!(self.state, Ok(State::Redeem(_)))
    }

    /// Whether what the client authenticates with is sent next.
    pub(crate) fn sends_credentials(&self) -> bool {
        matches!(self.state, Ok(State::Push(_) | State::Redeem(_) | State::AskDevice(_)))
    }

    /// What the user is shown who consents on another device, from when they are until there are tokens.
    #[must_use]
    pub fn device_page(&self) -> Option<DevicePage> {
        self.state.as_ref().ok()?.device_page()
    }

    /// Whether a code for another device can be asked for beside the page.
    pub(crate) fn offers_code(&self) -> bool {
        let consent = self.state.as_ref().ok().and_then(State::consent);
        consent.is_some_and(|consent| consent.code_endpoint(&self.settings).is_some())
    }

    /// Until when nothing is to be done about the code.
    pub(crate) fn waits_until(&self) -> Option<UnixTime> {
        self.state.as_ref().ok()?.waits_until()
    }

    pub(crate) fn ask_for_code(&mut self) {
        // What stands there meanwhile is never seen.
        let state = mem::replace(&mut self.state, Err(Error::Cancelled));
        self.state = state.map(|state| state.asks_for_code(&self.settings));
    }

    pub(crate) fn shown(&mut self, now: UnixTime) {
        DeviceReply { state: &mut self.state }.shown(now);
    }

    pub(crate) fn waited(&mut self, now: UnixTime) {
        State::waited(&mut self.state, &self.settings, now);
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The registration that comes next, if one does.
    pub(crate) fn registration(&mut self) -> Option<&mut Register> {
        match &mut self.state {
            Ok(State::Register(register)) => Some(register),
            _ => None,
        }
    }

    /// Lets the registration name what the client named that it replaces.
    pub(crate) fn widen(&mut self, client: &Registration) {
        let state = mem::replace(&mut self.state, Err(Error::Cancelled));
        self.state = state.and_then(|state| state.widen(client));
    }

    /// Goes on with a client that is registered already.
    pub(crate) fn adopt(&mut self, client: Arc<Registration>) {
        // What stands there meanwhile is never seen.
        let state = mem::replace(&mut self.state, Err(Error::Cancelled));
        self.state = state.and_then(|state| state.adopt(client, &self.settings));
    }

    pub(crate) fn unsigned(&self, jti: Jti, now: UnixTime) -> Option<Unsigned> {
        let nonce = self.nonce.as_deref();
        self.state.as_ref().ok()?.unsigned(&self.settings, nonce, jti, now)
    }

    pub(crate) fn sign(&mut self, unsigned: &Unsigned, signature: &[u8]) -> Result<(), Misuse> {
        self.state.as_mut().map_or(Ok(()), |state| state.sign(unsigned, signature))
    }

    pub(crate) fn signing_key(&self) -> Option<SigningKey<'_>> {
        self.state.as_ref().ok()?.signing_key()
    }

    pub(crate) fn key_algorithms(&self) -> Option<SigningAlgorithms> {
        self.state.as_ref().ok()?.key_algorithms()
    }

    pub(crate) fn bind(&mut self, key: DpopKey) {
        State::bind(&mut self.state, key);
    }

    /// What the authorization server wants to see in the next proof, as far as it has said.
    pub(crate) fn nonce(&self) -> Option<&ServerNonce> {
        self.nonce.as_deref()
    }

    pub(crate) fn wanted(&self) -> Option<WantedAssertion<'_>> {
        self.state.as_ref().ok()?.wanted()
    }

    pub(crate) fn say(&mut self, assertion: SubjectToken) {
        if let Ok(state) = &mut self.state {
            state.say(assertion);
        }
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.state = Err(error);
    }

    pub(crate) fn state(&self) -> Result<&State, Error> {
        self.state.as_ref().map_err(Error::clone)
    }

    /// What happened so far.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Takes it out, so that a login that waits for its user takes less memory.
    pub fn take_timeline(&mut self) -> Timeline {
        mem::take(&mut self.timeline)
    }

    /// Works, and notes what happens in this timeline, behind what has happened before.
    pub(crate) fn noting_in<T>(
        &mut self,
        timeline: &mut Timeline,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        timeline.append(self.take_timeline());
        mem::swap(timeline, &mut self.timeline);
        let result = work(self);
        mem::swap(timeline, &mut self.timeline);
        result
    }

    /// What a login that waits for its user waits with.
    pub(crate) fn into_consent(self) -> Option<Consent> {
        self.state.ok()?.into_consent().ok()
    }

    /// Why the login ended, if it has.
    pub(crate) fn error(&self) -> Option<Error> {
        match &self.state {
            Err(error) => Some(error.clone()),
            Ok(State::Untolerated(_, error)) => Some(error.clone().into()),
            Ok(_) => None,
        }
    }

    /// What [`HttpReply`] takes, for who has asked for the step before.
    pub(crate) fn answer(&mut self, answer: Result<&Response, NoAnswer>, now: UnixTime) {
        let reply = HttpReply { flow: self };
        match answer {
            Ok(response) => reply.response(response, now),
            Err(no_answer) => reply.no_answer(no_answer),
        }
    }

    /// What [`BrowserReply`] takes, for who has asked for the step before.
    pub(crate) fn redirect(&mut self, query: &str) -> Result<(), Error> {
        BrowserReply { flow: self }.redirect(query)
    }

    /// Goes on from a state; what was found out is noted.
    fn advance(&mut self, asked: Asked, next: impl FnOnce(State, &Settings) -> Answered) {
        // What stands there meanwhile is never seen: nothing between here and the next line can fail.
        let state = mem::replace(&mut self.state, Err(Error::Cancelled));
        let answered = state.map_err(Halt::from).and_then(|state| next(state, &self.settings));
        let (state, finding) = match answered {
            Ok((state, finding)) => (Ok(state), finding),
            Err(Halt { error, finding }) => {
                let finding = finding.unwrap_or_else(|| Finding::failed(&error));
                (Err(error), finding)
            }
        };
        self.state = state;
        let Asked { endpoint, url, status, silence } = asked;
        self.timeline.push(Entry::new(endpoint, &url, status, finding).unanswered(silence));
    }
}
