//! A user's visit, and what its refusals lead to.

use alloc::sync::Arc;

use crate::entropy::RandomBytes;
use crate::error::{Error, Refusal};
use crate::flow::binding::Binding;
use crate::flow::errand::Errand;
use crate::flow::grant_kind::GrantKind;
use crate::flow::grants::code::Consent;
use crate::flow::grants::device::AskDevice;
use crate::flow::grants::push::Push;
use crate::flow::identity::permit;
use crate::flow::part::Part;
use crate::flow::proof::Proof;
use crate::flow::recourse::{Anew, Recourse, Refused};
use crate::flow::redeem::Redeem;
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::register::{Register, Registered};
use crate::flow::route::Answered;
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::flow::tried::{OnceOnly, Tried};
use crate::timeline::{Finding, Retry};
use crate::wire::{Registration, ServerMetadata, Sought};

/// The client is known to the server: now its user is sent off.
pub(super) fn registered(registered: Registered, settings: &Settings) -> Result<State, Error> {
    let Registered { server, client, errand } = registered;
    ask(errand, settings, server, client)
}

/// The user is asked: on another device, or in a browser, once the request is pushed if it is to be.
pub(super) fn ask(
    errand: Errand,
    settings: &Settings,
    server: Arc<ServerMetadata>,
    client: Arc<Registration>,
) -> Result<State, Error> {
    if settings.grant_kind() == GrantKind::DeviceCode {
        let state = AskDevice::new(errand, settings, server, client)?;
        return Ok(State::AskDevice(Part::new(state)?));
    }
    push(Consent::new(errand, settings, server, client), settings)
}

/// One push for each visit (RFC 9126 §4).
fn push(consent: Consent, settings: &Settings) -> Result<State, Error> {
    let server = &consent.binding.server;
    match settings.push_endpoint(server)?.cloned() {
        Some(endpoint) => Ok(State::Push(Push::new(consent, endpoint, settings)?.into())),
        None => Ok(State::Consent(consent)),
    }
}

/// Nothing of a request is spent that is refused when it is pushed.
pub(super) fn push_refused(state: Push, refusal: &Refusal, settings: &Settings) -> Answered {
    let Consent { binding, tolerates, verifier, state, tried, sought, .. } = state.consent;
    let asked = Visited { binding, verifier, tried, sought };
    try_again(asked, refusal, settings, |asked| {
        let Visited { binding, verifier, tried, sought } = asked;
        let pushed = None;
        push(Consent { binding, tolerates, verifier, state, tried, sought, pushed }, settings)
    })
}

pub(super) fn redirect_refused(state: Consent, refusal: &Refusal, settings: &Settings) -> Answered {
    let Consent { binding, verifier, mut tried, sought, .. } = state;
    let anew = Refused { binding: &binding, tried: &mut tried, settings, refusal }.by_redirect()?;
    register_anew(Visited { binding, verifier, tried, sought }, anew, refusal, settings)
}

pub(super) fn code_refused(state: Redeem, refusal: &Refusal, settings: &Settings) -> Answered {
    let Redeem { binding, tolerates, verifier, tried, sought, code, .. } = state;
    let asked = Visited { binding, verifier, tried, sought };
    try_again(asked, refusal, settings, |asked| {
        let Visited { binding, verifier, tried, sought } = asked;
        let proof = Proof::new(&binding, settings)?;
        Ok(State::Redeem(Redeem { binding, tolerates, verifier, tried, sought, code, proof }))
    })
}

/// A request of a user's login that was refused, as far as the next one needs it.
pub(super) struct Visited {
    pub(super) binding: Binding,
    pub(super) verifier: RandomBytes,
    pub(super) tried: Tried,
    pub(super) sought: Sought,
}

/// What helps against the refusal of an endpoint: the same request, authenticated in another way; or another client.
pub(super) fn try_again(
    mut asked: Visited,
    refusal: &Refusal,
    settings: &Settings,
    same: impl FnOnce(Visited) -> Result<State, Error>,
) -> Answered {
    let Visited { binding, tried, .. } = &mut asked;
    let refused = Refused { binding: &*binding, tried, settings, refusal };
    match refused.by_endpoint()? {
        Recourse::Registration(anew) => register_anew(asked, anew, refusal, settings),
        Recourse::Method(method) => {
            Arc::make_mut(&mut asked.binding.client).auth_method = method;
            let retry = Retry::OtherMethod { method };
            Ok((same(asked)?, Finding::Retried { refusal: refusal.code.clone(), retry }))
        }
    }
}

/// The server gets another client, and its user another visit.
fn register_anew(asked: Visited, anew: Anew, refusal: &Refusal, settings: &Settings) -> Answered {
    let Visited { binding, verifier, tried, sought } = asked;
    let mut errand = Errand::again(&binding, &verifier, tried, sought);
    let Binding { mut server, client, .. } = binding;
    let Some(endpoint) = Arc::make_mut(&mut server).registration_endpoint.take() else {
        return Err(refusal.clone().into());
    };
    permit(settings, &server, &endpoint)?;
    let Anew { method, scope, retry } = anew;
    errand.tried.asked = Some(method);
    // The codes of one client are not for the next.
    errand.tried.forget(OnceOnly::DeviceCode);
    let redirect_uri = RedirectUri { uri: client.redirect_uri.clone(), port: client.port };
    let instead_of = Some(client.client_id.clone());
    let state = Register { redirect_uri, server, endpoint, method, scope, instead_of, errand };
    Ok((State::Register(state.into()), Finding::Retried { refusal: refusal.code.clone(), retry }))
}
