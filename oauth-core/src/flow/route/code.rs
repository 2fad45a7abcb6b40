//! A user's visit, and what its refusals lead to.

use alloc::boxed::Box;

use crate::error::{Error, Refusal};
use crate::flow::binding::Binding;
use crate::flow::errand::Errand;
use crate::flow::grants::code::Consent;
use crate::flow::grants::device::AskDevice;
use crate::flow::grants::push::Push;
use crate::flow::identity::permit;
use crate::flow::proof::Proof;
use crate::flow::recourse::{Anew, Recourse, Refused};
use crate::flow::redeem::Redeem;
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::register::{Register, Registered};
use crate::flow::route::Answered;
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::timeline::{Finding, Retry};
use crate::wire::{Registration, ServerMetadata};

/// The client is known to the server: now its user is sent off.
pub(super) fn registered(registered: Registered, settings: &Settings) -> Result<State, Error> {
    let Registered { server, client, errand } = registered;
    ask(errand, settings, server, client)
}

/// The user is asked: on another device, or in a browser, once the request is pushed if it is to be.
pub(super) fn ask(
    errand: Errand,
    settings: &Settings,
    server: ServerMetadata,
    client: Registration,
) -> Result<State, Error> {
    if settings.device_code {
        let state = AskDevice::new(errand, settings, server, client)?;
        return Ok(State::AskDevice(state.into()));
    }
    pushed(Consent::new(errand, settings, server, client), settings)
}

/// One push for each visit (RFC 9126 §4).
fn pushed(consent: Consent, settings: &Settings) -> Result<State, Error> {
    let server = &consent.binding.server;
    match settings.push_endpoint(server)?.cloned() {
        Some(endpoint) => Ok(State::Push(Push::new(consent, endpoint, settings)?.into())),
        None => Ok(State::Consent(consent)),
    }
}

/// Nothing of a request is spent that is refused when it is pushed.
pub(super) fn push_refused(state: Push, refusal: &Refusal, settings: &Settings) -> Answered {
    let Push { mut consent, .. } = state;
    let Consent { binding, tried, .. } = &mut consent;
    let refused = Refused { binding: &*binding, tried, settings, refusal };
    match refused.by_endpoint()? {
        Recourse::Registration(anew) => {
            let Consent { binding, verifier, tried, sought, .. } = consent;
            let errand = Errand::again(&binding, &verifier, tried, sought);
            register_anew(binding, errand, anew, refusal, settings)
        }
        Recourse::Method(method) => {
            consent.binding.client.auth_method = method;
            let retry = Retry::OtherMethod { method };
            let finding = Finding::Retried { refusal: refusal.code.clone(), retry };
            Ok((pushed(consent, settings)?, finding))
        }
    }
}

pub(super) fn redirect_refused(state: Consent, refusal: &Refusal, settings: &Settings) -> Answered {
    let Consent { binding, verifier, mut tried, sought, .. } = state;
    let anew = Refused { binding: &binding, tried: &mut tried, settings, refusal }.by_redirect()?;
    let errand = Errand::again(&binding, &verifier, tried, sought);
    register_anew(binding, errand, anew, refusal, settings)
}

pub(super) fn code_refused(state: Redeem, refusal: &Refusal, settings: &Settings) -> Answered {
    let Redeem { mut binding, tolerates, verifier, mut tried, sought, code, .. } = state;
    let refused = Refused { binding: &binding, tried: &mut tried, settings, refusal };
    match refused.by_endpoint()? {
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
pub(super) fn register_anew(
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
