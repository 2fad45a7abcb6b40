//! From the authorization server that was found to who asks it.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::error::Error;
use crate::flow::bind_key::{self, BindKey, Choice};
use crate::flow::binding::{Binding, Terms};
use crate::flow::errand::Errand;
use crate::flow::grant_kind::GrantKind;
use crate::flow::grants::device::offered;
use crate::flow::identity::{self, Identity, Newcomer};
use crate::flow::login::{Login, PreviousLogin, Way};
use crate::flow::possession::Possession;
use crate::flow::register::Register;
use crate::flow::route::code::ask;
use crate::flow::route::machine::machine;
use crate::flow::state::State;
use crate::flow::target::Target;
use crate::keys::DpopKey;
use crate::scope::Scopes;
use crate::wire::{RegistrationKind, ServerMetadata};

/// The host has made the key that tokens will be bound to.
pub(super) fn bound(state: BindKey, key: DpopKey) -> Result<State, Error> {
    let BindKey { mut login, target, algorithms, is_required } = state;
    let issuer = target.server.issuer.as_str();
    login.possession = Some(Possession::new(issuer, key, algorithms, is_required)?.into());
    found(login, target)
}

/// Resource and authorization server are known.
pub(super) fn found(mut login: Login, target: Target) -> Result<State, Error> {
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
    // Before anything is registered there.
    if login.settings.grant_kind() == GrantKind::DeviceCode {
        offered(&server)?;
    }
    login.settings.push_endpoint(&server)?;
    server.keep(login.settings.wanted());
    // A server that moved gets nothing of what the old one knew (scopes included).
    let before = login.before.take();
    let same = before.as_ref().map(|before| &before.binding);
    let same = same.filter(|before| before.server.is_same(&server));
    let requested = same.and_then(|before| before.requested.clone());
    let requested = login.scopes(requested, scopes, &server)?;
    identify(login, Arc::new(server), before, resource, requested)
}

/// The same client again with its server, for a wider token.
pub(super) fn again(login: Login, before: PreviousLogin) -> Result<State, Error> {
    let is_dynamic = before.binding.client.kind == RegistrationKind::Dynamic;
    let Binding { server, mut client, resource, requested, possession, .. } =
        before.binding.clone();
    let Login { settings, way, options, requested_by, .. } = login;
    match way {
        Way::User(visit) if !is_dynamic => {
            Arc::make_mut(&mut client).redirect_uri = visit.redirect_uri.uri.clone();
            let terms = Terms { resource, requested, requested_by, possession };
            let errand = Errand::new(visit, options, terms);
            ask(errand, &settings, server, client)
        }
        way => {
            let login = Login { settings, way, options, requested_by, possession, ..login };
            identify(login, server, Some(before.into()), resource, requested)
        }
    }
}

/// What is to be asked for is known; now who asks.
pub(super) fn identify(
    login: Login,
    mut server: Arc<ServerMetadata>,
    before: Option<Box<PreviousLogin>>,
    resource: Box<str>,
    requested: Option<Scopes>,
) -> Result<State, Error> {
    let Login { settings, way, started, options, requested_by, possession, .. } = login;
    let visit = match way {
        Way::User(visit) => visit,
        Way::Machine(grant) => {
            let before = before.as_ref().map(|before| &before.binding);
            let client = identity::without_user(&grant, &settings, &server, before)?.into();
            let terms = Terms { resource, requested, requested_by, possession };
            let binding = Binding::new(grant.kind(), terms, &settings, server, client);
            return machine(grant, binding, &settings);
        }
    };
    let newcomer =
        Newcomer { settings: &settings, redirect_uri: &visit.redirect_uri, now: started };
    match identity::choose(&newcomer, &mut server, before, requested.as_ref())? {
        Identity::Known(client) => {
            let terms = Terms { resource, requested, requested_by, possession };
            ask(Errand::new(visit, options, terms), &settings, server, client)
        }
        Identity::Unregistered { endpoint, method, scope } => {
            settings.report_profile(&mut server);
            let redirect_uri = visit.redirect_uri.clone();
            let terms = Terms { resource, requested, requested_by, possession };
            let mut errand = Errand::new(visit, options, terms);
            errand.tried.asked = Some(method);
            let state = Register {
                redirect_uri,
                server,
                endpoint,
                method,
                scope,
                instead_of: None,
                errand,
            };
            Ok(State::Register(state.into()))
        }
    }
}
