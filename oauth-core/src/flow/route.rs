//! The diagram as code: which fact leads to which state. No other place names the successor of a state: what
//! happened is here, and behind it, in a file each, the ways to a client, a visit of the user's, and grants without one.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;

use crate::auth_method::AuthMethod;
use crate::error::{Error, Misuse};
use crate::flow::binding::Binding;
use crate::flow::find_resource::{FindResource, ResourceFact};
use crate::flow::find_server::FindServer;
use crate::flow::grants::Issued;
use crate::flow::grants::code::{CameBack, Consent};
use crate::flow::grants::device::{Asked, Device};
use crate::flow::grants::push::Pushed;
use crate::flow::login::{Login, PreviousLogin, Way};
use crate::flow::outcome::{Halt, Once, Outcome, Progress};
use crate::flow::part::Feature as _;
use crate::flow::proof::Proof;
use crate::flow::redeem::{Redeem, Redeemed};
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::flow::target::Target;
use crate::http::Response;
use crate::keys::DpopKey;
use crate::time::UnixTime;
use crate::timeline::{Finding, Timeline};
use crate::tolerance::Tolerances;
use crate::wire::{AuthorizationCode, Registration};

mod code;
mod device;
mod find;
mod machine;

use code::{code_refused, push_refused, redirect_refused, registered};
use device::{codes_refused, or_beside, unless_denied};
use find::{again, bound, found, identify};
use machine::{another_assertion, assertion};

/// Where an answer leads, and what it was taken for.
pub(crate) type Answered = Result<(State, Finding), Halt>;

impl State {
    /// The first state. A missing scope needs a wider token from the same server and no discovery; any
    /// other refusal may mean that the server has moved, so its metadata is read (anew).
    pub(crate) fn first(mut login: Login, timeline: &mut Timeline) -> Result<Self, Error> {
        login.settings.check_server()?;
        login.settings.check_grant()?;
        let Settings { auth_method, signing_key, .. } = &*login.settings;
        if *auth_method == Some(AuthMethod::PrivateKeyJwt) && signing_key.is_none() {
            return Err(Misuse::MethodNeedsKey.into());
        }
        if let Way::Machine(grant) = &login.way
            && let Some(binding) = login.renews.take_if(|it| it.grant == grant.kind())
        {
            let before = Some(Box::new(PreviousLogin::new((*binding).clone())));
            let Binding { server, resource, requested, possession, .. } = *binding;
            login.possession = possession;
            let requested = login.scopes(requested, None, &server)?;
            return identify(login, server, before, resource, requested);
        }
        if login.lacks_scope()
            && matches!(login.way, Way::User(_))
            && !login.wants_key()
            && let Some(before) = login.before.take_if(|it| it.is_by(&login.settings))
        {
            let mut before = *before;
            let requested = before.binding.requested.take();
            before.binding.requested = login.scopes(requested, None, &before.binding.server)?;
            return again(login, before);
        }
        if login.settings.without_discovery
            && let Some(server) = login.settings.provider.clone()
        {
            let resource = login.settings.server.as_str().into();
            return found(login, Target::unsaid(server, resource));
        }
        Ok(Self::FindResource(FindResource::start(login, timeline)?.into()))
    }

    /// Goes on after an answer.
    pub(crate) fn answered(
        mut self,
        response: &Response,
        settings: &Settings,
        now: UnixTime,
    ) -> Answered {
        if let Self::Exchange(state) = &mut self {
            state.hear(response);
        }
        // Whatever is asked: a server that only wants another proof has spent nothing.
        if let Some(proof) = self.proof_mut()
            && let Some(finding) = proof.is_asked_again(response, now)?
        {
            return Ok((self.proves_again(settings), finding));
        }
        match self {
            Self::FindResource(state) => resource(state.answer(response)),
            Self::FindServer(state) => server(state.answer(response)),
            Self::Register(state) => {
                once(state.answer(response, settings), |fact| registered(fact, settings))
            }
            Self::Push(state) => match state.answer(response, now)? {
                (Pushed::Known(consent), finding) => Ok((Self::Consent(consent), finding)),
                (Pushed::Refused(state, refusal), _) => push_refused(state, &refusal, settings),
            },
            Self::AskDevice(state) => {
                let (beside, feature) = (state.beside.clone(), state.feature());
                let answered = match state.into_inner().answer(response, settings, now) {
                    Ok((Asked::Codes(device), finding)) => {
                        Ok((Self::Device(feature.part(device)), finding))
                    }
                    Ok((Asked::Refused(state, refusal), _)) => {
                        codes_refused(feature.part(state), &refusal, settings)
                    }
                    Err(halt) => Err(halt),
                };
                or_beside(answered, beside)
            }
            Self::Device(mut state) => {
                let (mut beside, feature) = (state.beside.take(), state.feature());
                let polled = state.into_inner().answer(response, now);
                let again = |mut state: Device| {
                    state.beside = beside.take();
                    Self::Device(feature.part(state))
                };
                let answered = step(polled, again, |tokens| Ok(issued(tokens)));
                unless_denied(answered, beside)
            }
            Self::Redeem(state) => match state.answer(response, now)? {
                (Redeemed::Tokens(tokens), finding) => Ok((issued(tokens), finding)),
                (Redeemed::Refused(state, refusal), _) => code_refused(*state, &refusal, settings),
            },
            Self::ClientCredentials(state) => {
                once(state.into_inner().answer(response, now), |tokens| Ok(issued(tokens)))
            }
            Self::JwtBearer(state) => {
                once(state.into_inner().answer(response, now), |tokens| Ok(issued(tokens)))
            }
            Self::Exchange(state) => {
                let feature = state.feature();
                once(state.into_inner().answer(response, now), |exchanged| {
                    assertion(feature, exchanged, settings)
                })
            }
            // A request is made in the states above only.
            Self::BindKey(_) | Self::Consent(_) | Self::Done(_) | Self::Untolerated(..) => {
                Ok((self, Finding::document()))
            }
        }
    }

    /// The same request once more. What says who somebody is may have been noted, and goes out once.
    fn proves_again(self, settings: &Settings) -> Self {
        match self {
            Self::JwtBearer(state) => another_assertion(state, settings),
            state => state,
        }
    }

    /// Goes on where no answer came: another place may have the document, but only one has the tokens.
    pub(crate) fn unanswered(self, error: Error) -> Answered {
        match (self, error) {
            (Self::FindResource(state), Error::Unreachable(it)) => resource(state.out_of_reach(it)),
            (Self::FindServer(state), Error::Unreachable(it)) => server(state.out_of_reach(it)),
            (Self::Device(state), Error::Unreachable(_)) => {
                let feature = state.feature();
                let state = feature.part(state.into_inner().unanswered());
                Ok((Self::Device(state), Finding::Pending))
            }
            (Self::AskDevice(state), error) => {
                or_beside(Err(error.into()), state.into_inner().beside)
            }
            (_, error) => Err(error.into()),
        }
    }

    /// Goes on once the user is back.
    pub(crate) fn came_back(
        self,
        read: Result<(AuthorizationCode, Tolerances), Error>,
        settings: &Settings,
    ) -> Answered {
        let state = match self.into_consent() {
            Ok(state) => state,
            Err(state) => return Ok((state, Finding::CameBack)),
        };
        match state.came_back(read)? {
            (CameBack::Code(state, code), finding) => {
                let Consent { binding, tolerates, verifier, tried, sought, .. } = state;
                let proof = Proof::new(&binding, settings)?;
                let state = Redeem { binding, tolerates, verifier, tried, sought, code, proof };
                Ok((Self::Redeem(state), finding))
            }
            (CameBack::Refused(state, refusal), _) => redirect_refused(state, &refusal, settings),
        }
    }

    /// Goes on where time has passed.
    pub(crate) fn waited(this: &mut Result<Self, Error>, settings: &Settings, now: UnixTime) {
        // What stands there meanwhile is never seen.
        let state = mem::replace(this, Err(Error::Cancelled));
        *this = state.and_then(|state| match state {
            Self::Device(state) => Self::device_waited(state, settings, now),
            state => Ok(state),
        });
    }

    /// Goes on with the key that the host has made, if one is wanted.
    pub(crate) fn bind(this: &mut Result<Self, Error>, key: DpopKey) {
        // What stands there meanwhile is never seen.
        let state = mem::replace(this, Err(Error::Cancelled));
        *this = state.and_then(|state| match state {
            Self::BindKey(state) => bound(*state, key),
            state => Ok(state),
        });
    }

    /// Goes on with a client that is registered already, if one is to be registered.
    pub(crate) fn adopt(
        self,
        client: Arc<Registration>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        match self {
            Self::Register(state) => registered(state.adopt(client), settings),
            state => Ok(state),
        }
    }

    /// Lets the registration name what the client named that it replaces.
    pub(crate) fn widen(self, client: &Registration) -> Result<Self, Error> {
        match self {
            Self::Register(state) => Ok(Self::Register(state.widened(client)?.into())),
            state => Ok(state),
        }
    }
}

/// Goes on as the state did, or where its fact leads.
fn step<S, F>(
    outcome: Outcome<S, F>,
    again: impl FnOnce(S) -> State,
    done: impl FnOnce(F) -> Result<State, Error>,
) -> Answered {
    Ok(match outcome? {
        Progress::Again(state, finding) => (again(state), finding),
        Progress::Done(fact, finding) => (done(fact)?, finding),
    })
}

/// Goes where the fact leads.
fn once<F>(found: Once<F>, done: impl FnOnce(F) -> Result<State, Error>) -> Answered {
    let (fact, finding) = found?;
    Ok((done(fact)?, finding))
}

fn resource(outcome: Outcome<FindResource, ResourceFact>) -> Answered {
    let again = |state: FindResource| State::FindResource(state.into());
    step(outcome, again, |fact| match fact {
        ResourceFact::Described(login, document) => {
            Ok(State::FindServer(FindServer::start(login, document)?.into()))
        }
        ResourceFact::Target(login, target) => found(login, target),
    })
}

fn server(outcome: Outcome<FindServer, (Login, Target)>) -> Answered {
    let again = |state: FindServer| State::FindServer(state.into());
    step(outcome, again, |(login, target)| found(login, target))
}

fn issued(Issued { grant, checked }: Issued) -> State {
    match checked {
        Ok(()) => State::Done(grant),
        Err(error) => State::Untolerated(grant, error),
    }
}
