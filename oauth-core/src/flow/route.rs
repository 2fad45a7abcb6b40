//! The diagram as code: which fact leads to which state. No other file names the successor of a state.

use alloc::boxed::Box;
use core::mem;

use crate::auth_method::AuthMethod;
use crate::error::{Error, Misuse, PeerIncompatible, Refusal};
use crate::flow::bind_key::{self, BindKey, Choice};
use crate::flow::binding::Binding;
use crate::flow::errand::Errand;
use crate::flow::find_resource::{FindResource, ResourceFact};
use crate::flow::find_server::FindServer;
use crate::flow::grants::Issued;
use crate::flow::grants::client_credentials::ClientCredentials;
use crate::flow::grants::code::{CameBack, Consent};
use crate::flow::grants::exchange::{Exchange, Exchanged};
use crate::flow::grants::jwt_bearer::JwtBearer;
use crate::flow::identity::{self, Identity, Newcomer, permit};
use crate::flow::login::{Before, Login, Way};
use crate::flow::outcome::{Halt, Outcome, Progress};
use crate::flow::possession::Possession;
use crate::flow::proof::Proof;
use crate::flow::recourse::{Anew, Recourse, Refused};
use crate::flow::redeem::{Redeem, Redeemed};
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::register::{Register, Registered};
use crate::flow::settings::{MachineGrant, Settings};
use crate::flow::state::State;
use crate::flow::target::Target;
use crate::http::Response;
use crate::keys::DpopKey;
use crate::scope::Scopes;
use crate::time::UnixTime;
use crate::timeline::{Finding, Retry, Timeline};
use crate::tolerance::Tolerances;
use crate::wire::{
    AuthorizationCode, GrantType, Registration, RegistrationKind, ServerMetadata, Wanted,
};

/// Where an answer leads, and what it was taken for.
pub(crate) type Answered = Result<(State, Finding), Halt>;

impl State {
    /// The first state. A missing scope needs a wider token from the same server and no discovery; any
    /// other refusal may mean that the server has moved, so its metadata is read (anew).
    pub(crate) fn first(mut login: Login, timeline: &mut Timeline) -> Result<Self, Error> {
        login.settings.check_server()?;
        let Settings { auth_method, signing_key, .. } = &*login.settings;
        if *auth_method == Some(AuthMethod::PrivateKeyJwt) && signing_key.is_none() {
            return Err(Misuse::MethodNeedsKey.into());
        }
        if let Way::Machine(grant) = &login.way
            && let Some(binding) = login.renews.take_if(|it| it.grant == grant.kind())
        {
            let before = Some(Box::new(Before::new((*binding).clone())));
            let Binding { server, resource, requested, possession, .. } = *binding;
            login.possession = possession;
            let requested = login.scopes(requested, None, &server)?;
            return identify(login, server, before, resource, requested);
        }
        if login.lacks_scope()
            && matches!(login.way, Way::User(_))
            && !login.wants_key()
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
            return found(login, Target::unsaid(server, resource));
        }
        Ok(Self::FindResource(FindResource::start(login, timeline)?))
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
                Progress::Done(Redeemed::Tokens(tokens), finding) => Ok((issued(tokens), finding)),
                Progress::Done(Redeemed::Refused(state, refusal), _) => {
                    code_refused(*state, &refusal, settings)
                }
            },
            Self::ClientCredentials(state) => step(
                state.answer(response, now),
                |state| Self::ClientCredentials(state.into()),
                |tokens| Ok(issued(tokens)),
            ),
            Self::JwtBearer(state) => step(
                state.answer(response, now),
                |state| Self::JwtBearer(state.into()),
                |tokens| Ok(issued(tokens)),
            ),
            Self::Exchange(state) => step(
                state.answer(response, now),
                |state| Self::Exchange(state.into()),
                |exchanged| assertion(exchanged, settings),
            ),
            // A request is made in the states above only.
            Self::BindKey(_) | Self::Consent(_) | Self::Done(_) | Self::Untolerated(..) => {
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
                let proof = Proof::new(&binding, settings)?;
                let state = Redeem { binding, tolerates, verifier, tried, sought, code, proof };
                Ok((Self::Redeem(state), finding))
            }
            Progress::Done(CameBack::Refused(state, refusal), _) => {
                redirect_refused(state, &refusal, settings)
            }
        }
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

/// The host has made the key that tokens will be bound to.
fn bound(state: BindKey, key: DpopKey) -> Result<State, Error> {
    let BindKey { mut login, target, algorithms, is_required } = state;
    let issuer = target.server.issuer.as_str();
    login.possession = Some(Possession::new(issuer, key, algorithms, is_required)?.into());
    found(login, target)
}

/// Resource and authorization server are known.
fn found(mut login: Login, target: Target) -> Result<State, Error> {
    if login.possession.is_none() {
        match bind_key::choose(&login, &target)? {
            Choice::Bearer => {}
            Choice::Bound(possession) => login.possession = Some(possession),
            Choice::New { algorithms, is_required } => {
                let state = BindKey { login, target, algorithms, is_required };
                return Ok(State::BindKey(state.into()));
            }
        }
    }
    let Target { mut server, resource, scopes, .. } = target;
    server.check_unpushed()?;
    server.keep(Wanted::default());
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
    let is_dynamic = before.binding.client.kind == RegistrationKind::Dynamic;
    let Binding { server, mut client, resource, requested, possession, .. } =
        before.binding.clone();
    let Login { settings, way, options, requested_by, .. } = login;
    match way {
        Way::User(visit) if !is_dynamic => {
            client.redirect_uri = visit.redirect_uri.uri.clone();
            let scopes = (requested, requested_by);
            let errand = Errand::new(visit, options, possession, resource, scopes);
            Ok(State::Consent(Consent::new(errand, &settings, server, client)))
        }
        way => {
            let login = Login { settings, way, options, requested_by, possession, ..login };
            identify(login, server, Some(before.into()), resource, requested)
        }
    }
}

/// What is to be asked for is known; now who asks.
fn identify(
    login: Login,
    mut server: ServerMetadata,
    before: Option<Box<Before>>,
    resource: Box<str>,
    requested: Option<Scopes>,
) -> Result<State, Error> {
    let Login { settings, way, started, options, requested_by, possession, .. } = login;
    let visit = match way {
        Way::User(visit) => visit,
        Way::Machine(grant) => {
            let before = before.as_ref().map(|before| &before.binding);
            let client = identity::without_user(&grant, &settings, &server, before)?;
            settings.report_profile(&mut server);
            let (dialect, kind) =
                (settings.dialect_with(&server, requested.as_ref()), grant.kind());
            let binding = Binding {
                grant: kind,
                server,
                client,
                resource,
                requested,
                requested_by,
                dialect,
                possession,
            };
            return machine(grant, binding, &settings);
        }
    };
    let newcomer =
        Newcomer { settings: &settings, redirect_uri: &visit.redirect_uri, now: started };
    match identity::choose(&newcomer, &mut server, before, requested.as_ref())? {
        Identity::Known(client) => {
            let scopes = (requested, requested_by);
            let errand = Errand::new(visit, options, possession, resource, scopes);
            Ok(State::Consent(Consent::new(errand, &settings, server, client)))
        }
        Identity::Unregistered { endpoint, method, scope } => {
            settings.report_profile(&mut server);
            let redirect_uri = visit.redirect_uri.clone();
            let scopes = (requested, requested_by);
            let mut errand = Errand::new(visit, options, possession, resource, scopes);
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

/// Nobody is asked to consent.
fn machine(grant: MachineGrant, binding: Binding, settings: &Settings) -> Result<State, Error> {
    let tolerates = settings.policy.tolerates;
    Ok(match grant {
        MachineGrant::ClientCredentials => {
            let proof = Proof::new(&binding, settings)?;
            State::ClientCredentials(ClientCredentials { binding, tolerates, proof }.into())
        }
        MachineGrant::WorkloadIdentity => {
            if !binding.server.may_grant(GrantType::JwtBearer) {
                let issuer = binding.server.issuer.as_str().into();
                let grant = GrantType::JwtBearer.as_str().into();
                return Err(PeerIncompatible::GrantNotListed { issuer, grant }.into());
            }
            let proof = Proof::of_workload(&binding);
            State::JwtBearer(JwtBearer { binding, tolerates, proof, assertion: None }.into())
        }
        MachineGrant::EnterpriseManaged(provider) => {
            let (provider, subject) = (*provider, None);
            State::Exchange(Exchange { binding, tolerates, provider, subject }.into())
        }
    })
}

/// The identity provider has said who the user is.
fn assertion(exchanged: Exchanged, settings: &Settings) -> Result<State, Error> {
    let Exchanged { binding, tolerates, id_jag } = exchanged;
    let (proof, assertion) = (Proof::new(&binding, settings)?, Some(id_jag.assertion));
    Ok(State::JwtBearer(JwtBearer { binding, tolerates, proof, assertion }.into()))
}

fn issued(Issued { grant, checked }: Issued) -> State {
    match checked {
        Ok(()) => State::Done(grant),
        Err(error) => State::Untolerated(grant, error),
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
    let Redeem { mut binding, tolerates, verifier, mut tried, sought, code, .. } = state;
    let refused = Refused { binding: &binding, tried: &mut tried, settings, refusal };
    match refused.by_token_endpoint()? {
        Recourse::Registration(anew) => {
            let errand = Errand::again(&binding, &verifier, tried, sought);
            register_anew(binding, errand, anew, refusal, settings)
        }
        Recourse::Method(method) => {
            binding.client.auth_method = method;
            let proof = Proof::new(&binding, settings)?;
            let state = Redeem { binding, tolerates, verifier, tried, sought, code, proof };
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
