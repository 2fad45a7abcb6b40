//! The machine itself: which state it is in, what it wants, and what it makes of an answer.

use alloc::boxed::Box;
use core::mem;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerMisbehaved, Unreachable};
use crate::flow::binding::{Binding, Grant};
use crate::flow::consent::Consent;
use crate::flow::find_resource::FindResource;
use crate::flow::find_server::FindServer;
use crate::flow::login::Login;
use crate::flow::no_answer::NoAnswer;
use crate::flow::redeem::Redeem;
use crate::flow::register::Register;
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::wire::AuthorizationUrl;

/// One login. See [the module](crate::flow) for its states and how to drive it.
///
/// Not `Clone`: two copies would redeem one code. Serialized, it is a secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
#[must_use = "a login does nothing until it is driven"]
pub struct Flow {
    state: Result<State, Error>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum State {
    FindResource(FindResource),
    FindServer(FindServer),
    Register(Register),
    Consent(Consent),
    Redeem(Redeem),
    Done(Box<Grant>),
}

impl State {
    /// The request whose answer the state waits for, if it waits for one.
    fn request(&self) -> Option<Request> {
        match self {
            Self::FindResource(state) => Some(state.request()),
            Self::FindServer(state) => Some(state.request()),
            Self::Register(state) => Some(state.request()),
            Self::Redeem(state) => Some(state.request()),
            Self::Consent(_) | Self::Done(_) => None,
        }
    }
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
    /// Send the user to the URL, and give the redirect that comes back to the reply.
    Browser {
        /// Where the user consents.
        url: AuthorizationUrl,
        /// Takes the redirect.
        reply: BrowserReply<'a>,
    },
    /// The login is complete. Asked again, the step says so again.
    Done(&'a Grant),
}

impl Flow {
    /// Starts a login.
    ///
    /// # Errors
    ///
    /// [`Error::PeerMisbehaved`] if the challenge names a URL that must not be used, or why a known
    /// server cannot be logged in to.
    pub fn login(login: Login) -> Result<Self, Error> {
        Ok(Self { state: Ok(login.start()?) })
    }

    /// Says what to do next. Asking changes nothing.
    ///
    /// # Errors
    ///
    /// Why the login ended. The error stays; log in with a new flow.
    pub fn step(&mut self) -> Result<Step<'_>, Error> {
        let request = match &self.state {
            Err(error) => return Err(error.clone()),
            Ok(State::Consent(consent)) => {
                return Ok(Step::Browser {
                    url: consent.url(),
                    reply: BrowserReply { flow: self },
                });
            }
            Ok(state) => state.request(),
        };
        match request {
            Some(request) => Ok(Step::Http { request, reply: HttpReply { flow: self } }),
            None => self.grant().map(Step::Done).ok_or(Error::Cancelled),
        }
    }

    /// The outcome, once the login is complete.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            Ok(State::Done(grant)) => Some(grant),
            _ => None,
        }
    }

    /// Takes the outcome out of a login that is complete; gives back one that is not.
    ///
    /// # Errors
    ///
    /// The flow as it was.
    #[expect(clippy::result_large_err, reason = "the flow goes on")]
    pub fn into_grant(self) -> Result<Grant, Self> {
        match self.state {
            Ok(State::Done(grant)) => Ok(*grant),
            state => Err(Self { state }),
        }
    }

    /// Where the user consents, while the login waits for that.
    #[must_use]
    pub fn authorization_url(&self) -> Option<AuthorizationUrl> {
        match &self.state {
            Ok(State::Consent(consent)) => Some(consent.url()),
            _ => None,
        }
    }

    /// What the tokens will be bound to, once that is known: while the user consents, and after.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        match &self.state {
            Ok(State::Consent(Consent { binding, .. }) | State::Redeem(Redeem { binding, .. })) => {
                Some(binding)
            }
            Ok(State::Done(grant)) => Some(&grant.binding),
            _ => None,
        }
    }

    /// What a login that waits for its user waits with.
    pub(crate) fn into_consent(self) -> Option<Consent> {
        match self.state {
            Ok(State::Consent(consent)) => Some(consent),
            _ => None,
        }
    }

    fn advance(&mut self, next: impl FnOnce(State) -> Result<State, Error>) {
        // What stands there meanwhile is never seen: nothing between here and the next line can fail.
        let state = mem::replace(&mut self.state, Err(Error::Cancelled));
        self.state = state.and_then(next);
    }
}

impl From<Consent> for Flow {
    fn from(consent: Consent) -> Self {
        Self { state: Ok(State::Consent(consent)) }
    }
}

/// Takes the answer to a request, once.
#[derive(Debug)]
#[must_use = "the flow waits for the answer"]
pub struct HttpReply<'a> {
    flow: &'a mut Flow,
}

impl HttpReply<'_> {
    /// The server answered, with whatever status, at the time `now`.
    pub fn response(self, response: &Response, now: UnixTime) {
        self.flow.advance(|state| match state {
            State::FindResource(state) => state.answer(response),
            State::FindServer(state) => state.answer(response),
            State::Register(state) => state.answer(response),
            State::Redeem(state) => state.answer(response, now),
            // A reply for an answer is made in the states above only.
            state @ (State::Consent(_) | State::Done(_)) => Ok(state),
        });
    }

    /// No answer came: the name does not resolve, the connection broke, time ran out.
    pub fn unreachable(self) {
        if let Some(request) = self.flow.state.as_ref().ok().and_then(State::request) {
            self.flow.state = Err(unanswered(&request));
        }
    }

    /// The request was not sent, because it would have gone to this address: [`Reach::permits`] says no.
    ///
    /// [`Reach::permits`]: crate::Reach::permits
    pub fn forbidden(self, address: IpAddr) {
        if let Some(request) = self.flow.state.as_ref().ok().and_then(State::request) {
            self.flow.state = Err(NoAnswer::Forbidden(address).error(&request));
        }
    }
}

/// The error for a request that was not answered.
pub(crate) fn unanswered(request: &Request) -> Error {
    let url = request.url().as_str().into();
    Unreachable { endpoint: request.endpoint(), url, status: None, retry_after: None }.into()
}

/// Takes the redirect, once.
#[derive(Debug)]
#[must_use = "the flow waits for the redirect"]
pub struct BrowserReply<'a> {
    flow: &'a mut Flow,
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
        let Ok(State::Consent(consent)) = &self.flow.state else {
            return Ok(());
        };
        let code = match consent.read(query) {
            Err(error @ Error::PeerMisbehaved(PeerMisbehaved::StateMismatch)) => return Err(error),
            read => read,
        };
        self.flow.advance(|state| match state {
            State::Consent(Consent { binding, verifier, .. }) => {
                code.map(|code| State::Redeem(Redeem { binding, verifier, code }))
            }
            state => Ok(state),
        });
        Ok(())
    }

    /// The user or the host gave up waiting.
    pub fn cancelled(self) {
        self.flow.state = Err(Error::Cancelled);
    }
}
