//! The diagram as code: which fact leads to which state. No other file names the successor of a state.

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerMisbehaved, Refusal};
use crate::flow::binding::{Binding, Grant};
use crate::flow::errand::Errand;
use crate::flow::find_resource::{FindResource, ResourceFact};
use crate::flow::find_server::FindServer;
use crate::flow::grants::code::{CameBack, Consent};
use crate::flow::identity::{self, Identity, permit};
use crate::flow::login::{Before, Login};
use crate::flow::outcome::{Halt, Outcome, Progress};
use crate::flow::recourse::{Anew, Recourse, Refused};
use crate::flow::redeem::{Redeem, Redeemed};
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::register::{Register, Registered};
use crate::flow::settings::Settings;
use crate::flow::target::Target;
use crate::http::{Endpoint, Request, Response};
use crate::scope::Scopes;
use crate::time::UnixTime;
use crate::timeline::{Finding, Retry, Timeline};
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::{AuthorizationCode, Registration, RegistrationKind, ServerMetadata};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum State {
    FindResource(FindResource),
    FindServer(FindServer),
    Register(Register),
    Consent(Consent),
    Redeem(Redeem),
    Done(Box<Grant>),
    /// There are tokens, but what they needed is not tolerated.
    Untolerated(Box<Grant>, PeerMisbehaved),
}

/// Where an answer leads, and what it was taken for.
pub(crate) type Answered = Result<(State, Finding), Halt>;

impl State {
    /// The first state. A missing scope needs a wider token from the same server and no discovery; any
    /// other refusal may mean that the server has moved, so its metadata is read (anew).
    pub(crate) fn first(mut login: Login, timeline: &mut Timeline) -> Result<Self, Error> {
        login.settings.check_server()?;
        if login.lacks_scope()
            && let Some(before) = login.before.take()
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
            return found(login, Target { server, resource, scopes: None });
        }
        Ok(Self::FindResource(FindResource::start(login, timeline)?))
    }

    /// The request whose answer the state waits for, if it waits for one.
    pub(crate) fn request(&self, settings: &Settings) -> Option<Request> {
        match self {
            Self::FindResource(state) => Some(state.request()),
            Self::FindServer(state) => Some(state.request()),
            Self::Register(state) => Some(state.request(settings)),
            Self::Redeem(state) => Some(state.request()),
            Self::Consent(_) | Self::Done(_) | Self::Untolerated(..) => None,
        }
    }

    /// Where that request goes.
    pub(crate) fn asked(&self) -> Option<(Endpoint, &HttpUrl)> {
        Some(match self {
            Self::FindResource(state) => (Endpoint::ResourceMetadata, state.url()),
            Self::FindServer(state) => (Endpoint::ServerMetadata, state.url()),
            Self::Register(state) => (Endpoint::Registration, &state.endpoint),
            Self::Redeem(state) => (Endpoint::Token, state.binding.server.token_endpoint()),
            Self::Consent(_) | Self::Done(_) | Self::Untolerated(..) => return None,
        })
    }

    /// Goes on after an answer.
    pub(crate) fn answered(
        self,
        response: &Response,
        settings: &Settings,
        now: UnixTime,
    ) -> Answered {
        match self {
            Self::FindResource(state) => resource(state.answer(response)),
            Self::FindServer(state) => server(state.answer(response)),
            Self::Register(state) => {
                step(state.answer(response, settings), Self::Register, |fact| {
                    Ok(Self::Consent(consent(fact, settings)))
                })
            }
            Self::Redeem(state) => match state.answer(response, now)? {
                Progress::Again(state, finding) => Ok((Self::Redeem(state), finding)),
                Progress::Done(Redeemed::Tokens(grant, checked), finding) => Ok((
                    match checked {
                        Ok(()) => Self::Done(grant),
                        Err(error) => Self::Untolerated(grant, error),
                    },
                    finding,
                )),
                Progress::Done(Redeemed::Refused(state, refusal), _) => {
                    code_refused(*state, &refusal, settings)
                }
            },
            // A request is made in the states above only.
            Self::Consent(_) | Self::Done(_) | Self::Untolerated(..) => {
                Ok((self, Finding::document()))
            }
        }
    }

    /// Goes on where no answer came: another place may have the document, but only one has the tokens.
    pub(crate) fn unanswered(self, error: Error) -> Answered {
        match (self, error) {
            (Self::FindResource(state), Error::Unreachable(it)) => resource(state.out_of_reach(it)),
            (Self::FindServer(state), Error::Unreachable(it)) => server(state.out_of_reach(it)),
            (_, error) => Err(error.into()),
        }
    }

    /// Goes on once the user is back.
    pub(crate) fn came_back(
        self,
        read: Result<(AuthorizationCode, Tolerances), Error>,
        settings: &Settings,
    ) -> Answered {
        let Self::Consent(state) = self else { return Ok((self, Finding::CameBack)) };
        match state.came_back(read)? {
            Progress::Again(state, finding) => Ok((Self::Consent(state), finding)),
            Progress::Done(CameBack::Code(state, code), finding) => {
                let Consent { binding, tolerates, verifier, tried, sought, .. } = state;
                let state = Redeem { binding, tolerates, verifier, tried, sought, code };
                Ok((Self::Redeem(state), finding))
            }
            Progress::Done(CameBack::Refused(state, refusal), _) => {
                redirect_refused(state, &refusal, settings)
            }
        }
    }

    /// Goes on with a client that is registered already, if one is to be registered.
    pub(crate) fn adopt(self, client: Registration, settings: &Settings) -> Self {
        match self {
            Self::Register(state) => Self::Consent(consent(state.adopt(client), settings)),
            state => state,
        }
    }

    /// Lets the registration name what the client named that it replaces.
    pub(crate) fn widen(self, client: &Registration) -> Result<Self, Error> {
        match self {
            Self::Register(state) => Ok(Self::Register(state.widened(client)?)),
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

fn resource(outcome: Outcome<FindResource, ResourceFact>) -> Answered {
    step(outcome, State::FindResource, |fact| match fact {
        ResourceFact::Described(login, document) => {
            Ok(State::FindServer(FindServer::start(login, document)?))
        }
        ResourceFact::Target(login, target) => found(login, target),
    })
}

fn server(outcome: Outcome<FindServer, (Login, Target)>) -> Answered {
    step(outcome, State::FindServer, |(login, target)| found(login, target))
}

/// Resource and authorization server are known.
fn found(mut login: Login, target: Target) -> Result<State, Error> {
    let Target { server, resource, scopes } = target;
    // A server that moved gets nothing of what the old one knew (scopes included).
    let before = login.before.take();
    let same = before.as_ref().map(|before| &before.binding);
    let same = same.filter(|before| before.server.is_same(&server));
    let requested = same.and_then(|before| before.requested.clone());
    let requested = login.scopes(requested, scopes, &server)?;
    identify(login, server, before, resource, requested)
}

/// The same client again with its server, for a wider token.
fn again(login: Login, before: Before) -> Result<State, Error> {
    if before.binding.client.kind == RegistrationKind::Dynamic {
        let Binding { server, resource, requested, .. } = before.binding.clone();
        return identify(login, server, Some(before.into()), resource, requested);
    }
    let Binding { server, mut client, resource, requested, .. } = before.binding;
    client.redirect_uri = login.redirect_uri.uri.clone();
    let settings = Arc::clone(&login.settings);
    let errand = login.errand(resource, requested);
    Ok(State::Consent(Consent::new(errand, &settings, server, client)))
}

/// What is to be asked for is known; now who asks.
fn identify(
    login: Login,
    mut server: ServerMetadata,
    before: Option<Box<Before>>,
    resource: Box<str>,
    requested: Option<Scopes>,
) -> Result<State, Error> {
    let settings = Arc::clone(&login.settings);
    match identity::choose(&login, &mut server, before, requested.as_ref())? {
        Identity::Known(client) => {
            let errand = login.errand(resource, requested);
            Ok(State::Consent(Consent::new(errand, &settings, server, client)))
        }
        Identity::Unregistered { endpoint, method, scope } => {
            settings.report_profile(&mut server);
            let redirect_uri = login.redirect_uri.clone();
            let mut errand = login.errand(resource, requested);
            errand.tried.asked = Some(method);
            let (server, instead_of) = (Box::new(server), None);
            Ok(State::Register(Register {
                redirect_uri,
                server,
                endpoint,
                method,
                scope,
                instead_of,
                errand,
            }))
        }
    }
}

fn consent(registered: Registered, settings: &Settings) -> Consent {
    let Registered { server, client, errand } = registered;
    Consent::new(errand, settings, server, client)
}

fn redirect_refused(state: Consent, refusal: &Refusal, settings: &Settings) -> Answered {
    let Consent { binding, verifier, mut tried, sought, .. } = state;
    let anew = Refused { binding: &binding, tried: &mut tried, settings, refusal }.by_redirect()?;
    let errand = Errand::again(&binding, &verifier, tried, sought);
    register_anew(binding, errand, anew, refusal, settings)
}

fn code_refused(state: Redeem, refusal: &Refusal, settings: &Settings) -> Answered {
    let Redeem { mut binding, tolerates, verifier, mut tried, sought, code } = state;
    let refused = Refused { binding: &binding, tried: &mut tried, settings, refusal };
    match refused.by_token_endpoint()? {
        Recourse::Registration(anew) => {
            let errand = Errand::again(&binding, &verifier, tried, sought);
            register_anew(binding, errand, anew, refusal, settings)
        }
        Recourse::Method(method) => {
            binding.client.auth_method = method;
            let state = Redeem { binding, tolerates, verifier, tried, sought, code };
            let retry = Retry::OtherMethod { method };
            Ok((State::Redeem(state), Finding::Retried { refusal: refusal.code.clone(), retry }))
        }
    }
}

/// The server gets another client, and its user another visit.
fn register_anew(
    binding: Binding,
    mut errand: Errand,
    anew: Anew,
    refusal: &Refusal,
    settings: &Settings,
) -> Answered {
    let Binding { mut server, client, .. } = binding;
    let Some(endpoint) = server.registration_endpoint.take() else {
        return Err(refusal.clone().into());
    };
    permit(settings, &server, &endpoint)?;
    let Anew { method, scope, retry } = anew;
    errand.tried.asked = Some(method);
    let redirect_uri = RedirectUri { uri: client.redirect_uri, port: client.port };
    let (server, instead_of) = (Box::new(server), Some(client.client_id));
    let state = Register { redirect_uri, server, endpoint, method, scope, instead_of, errand };
    Ok((State::Register(state), Finding::Retried { refusal: refusal.code.clone(), retry }))
}
