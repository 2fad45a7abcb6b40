//! What a login tries after the authorization server refused its client, or the scopes that it asked for.
//!
//! | refused | the client | what is tried | how often |
//! |---|---|---|---|
//! | `invalid_client`, for a code | pre-registered, with a secret | the same request with the next method that the server lists | each method once |
//! | the same | registered dynamically | a registration with the next method, and the user once more | once |
//! | the same | a metadata document | a registration, where the server takes any, and the user once more | once |
//! | `invalid_scope` | registered dynamically, without naming them | a registration that names all scopes that are asked for, and the user once more | once |
//!
//! A request whose client is refused has spent no code (RFC 6749 §3.2.1). A code is bound to the client that
//! it was issued to, so another registration takes another visit. Scopes are never cut.

use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::{PeerIncompatible, Refusal};
use crate::flow::binding::Binding;
use crate::flow::client::{method_to_register, method_with_secret, permit};
use crate::flow::consent::Consent;
use crate::flow::errand::Errand;
use crate::flow::machine::{Answered, State};
use crate::flow::redeem::Redeem;
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::register::Register;
use crate::flow::settings::Settings;
use crate::scope::Scopes;
use crate::timeline::{Finding, Retry};
use crate::wire::{AuthMethod, AuthMethods, RegistrationKind, Sought};

/// What a login has tried already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tried {
    /// The method that its last registration asked for; `None` with a client of an earlier login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<AuthMethod>,
    /// The methods with which its client was refused.
    #[serde(skip_serializing_if = "AuthMethods::is_empty")]
    refused: AuthMethods,
    /// How often it registered because of that.
    for_client: u8,
    /// How often it registered to name its scopes.
    for_scope: u8,
}

impl Tried {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Consent {
    /// The user came back with a refusal.
    pub(crate) fn refused(self, refusal: Refusal, settings: &Settings) -> Answered {
        let Self { binding, verifier, tried, sought, .. } = self;
        let login = Login { binding, verifier, tried, sought, settings, refusal };
        if login.refusal.is_about_scope() { login.name_scopes() } else { login.end() }
    }
}

impl Redeem {
    /// The token endpoint refused the code.
    pub(crate) fn refused(self, refusal: Refusal, settings: &Settings) -> Answered {
        let Self { binding, tolerates, verifier, tried, sought, code } = self;
        let mut login = Login { binding, verifier, tried, sought, settings, refusal };
        let client = &login.binding.client;
        match client.kind {
            RegistrationKind::Dynamic if login.refusal.is_about_client() => login.replace_client(),
            RegistrationKind::MetadataDocument if login.refusal.is_about_client() => {
                login.replace_document()
            }
            RegistrationKind::PreRegistered
                if client.secret().is_some() && login.refusal.is_about_client() =>
            {
                login.tried.refused.insert(client.auth_method);
                let server = &login.binding.server;
                let Some(method) = method_with_secret(server, settings, login.tried.refused) else {
                    let (issuer, tried) = login.what_was_tried();
                    let refusal = login.refusal.into();
                    return Err(PeerIncompatible::ClientRefused { issuer, tried, refusal }.into());
                };
                let finding = login.retry(Retry::OtherMethod { method });
                let Login { mut binding, verifier, tried, sought, .. } = login;
                binding.client.auth_method = method;
                let again = Self { binding, tolerates, verifier, tried, sought, code };
                Ok((State::Redeem(again), finding))
            }
            _ if login.refusal.is_about_scope() => login.name_scopes(),
            _ => login.end(),
        }
    }
}

/// A login that was refused.
struct Login<'a> {
    binding: Binding,
    verifier: RandomBytes,
    tried: Tried,
    sought: Sought,
    settings: &'a Settings,
    refusal: Refusal,
}

impl Login<'_> {
    /// Another client, which authenticates in another way. One of an earlier login may also be forgotten.
    fn replace_client(mut self) -> Answered {
        let Tried { asked, refused, for_client, .. } = &mut self.tried;
        refused.insert(self.binding.client.auth_method);
        let (server, mut spent) = (&self.binding.server, *refused);
        asked.iter().for_each(|asked| spent.insert(*asked));
        let is_earlier = asked.is_none();
        let next = method_to_register(server, self.settings, spent).or_else(|| {
            let any = AuthMethods::default();
            is_earlier.then(|| method_to_register(server, self.settings, any)).flatten()
        });
        match next {
            Some(method) if *for_client < MAX_FOR_CLIENT => {
                *for_client += 1;
                let scope = self.binding.client.scope.clone();
                self.register(method, scope, Retry::Registration { method })
            }
            _ => {
                let (issuer, tried) = self.what_was_tried();
                let refusal = self.refusal.into();
                Err(PeerIncompatible::RegisteredClientRefused { issuer, tried, refusal }.into())
            }
        }
    }

    /// A server may say that it takes documents, and not take this one.
    fn replace_document(mut self) -> Answered {
        let method =
            method_to_register(&self.binding.server, self.settings, AuthMethods::default());
        match method {
            Some(method) if self.tried.for_client < MAX_FOR_CLIENT => {
                self.tried.for_client += 1;
                self.register(method, None, Retry::Registration { method })
            }
            _ => self.end(),
        }
    }

    /// The same client once more, registered with all scopes that are asked for.
    fn name_scopes(mut self) -> Answered {
        let Binding { server, client, requested, .. } = &self.binding;
        let is_new =
            |scopes: &&Scopes| !client.scope.as_ref().is_some_and(|it| it.includes(scopes));
        let method = method_to_register(server, self.settings, self.tried.refused);
        match (requested.as_ref().filter(is_new), method) {
            (Some(scopes), Some(method))
                if client.kind == RegistrationKind::Dynamic
                    && self.tried.for_scope < MAX_FOR_SCOPE =>
            {
                self.tried.for_scope += 1;
                let scope = client.scopes_with(scopes)?;
                self.register(method, Some(scope), Retry::WiderRegistration)
            }
            _ => self.end(),
        }
    }

    fn register(self, method: AuthMethod, scope: Option<Scopes>, retry: Retry) -> Answered {
        let finding = self.retry(retry);
        let Self { mut binding, verifier, mut tried, sought, settings, refusal } = self;
        let Some(endpoint) = binding.server.registration_endpoint.take() else {
            return Err(refusal.into());
        };
        permit(settings, &binding.server, &endpoint)?;
        tried.asked = Some(method);
        let client = binding.client.clone();
        let redirect_uri = RedirectUri { uri: client.redirect_uri, port: client.port };
        let errand = Errand::again(&binding, &verifier, tried, sought);
        let server = Box::new(binding.server);
        let instead_of = Some(binding.client.client_id);
        let register =
            Register { redirect_uri, server, endpoint, method, scope, instead_of, errand };
        Ok((State::Register(register), finding))
    }

    fn retry(&self, retry: Retry) -> Finding {
        Finding::Retried { refusal: self.refusal.code.clone(), retry }
    }

    fn end(self) -> Answered {
        Err(self.refusal.into())
    }

    fn what_was_tried(&self) -> (Box<str>, Box<str>) {
        let mut methods = String::new();
        for method in self.tried.refused.iter() {
            methods.push_str(if methods.is_empty() { "" } else { ", " });
            methods.push_str(method.as_str());
        }
        (self.binding.server.issuer.as_str().into(), methods.into())
    }
}

/// How often a login registers because its client was refused: each time its user has to visit the page once
/// more.
const MAX_FOR_CLIENT: u8 = 1;

/// How often a login registers to name its scopes. The second one would name the same.
const MAX_FOR_SCOPE: u8 = 1;
