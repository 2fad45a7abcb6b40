//! What a login tries after the authorization server refused its client, or the scopes that it asked for.
//!
//! | refused | the client | what is tried | how often |
//! |---|---|---|---|
//! | `invalid_client`, for a code or a request that is pushed | pre-registered, with a secret | the same request with the next method that the server lists | each method once |
//! | the same | registered dynamically | a registration with the next method, and the user once more | once |
//! | the same | a metadata document | a registration, where the server takes any, and the user once more | once |
//! | `invalid_scope` | registered dynamically, without naming them | a registration that names all scopes that are asked for, and the user once more | once |
//!
//! A request whose client is refused has spent no code (RFC 6749 §3.2.1). A code is bound to the client that
//! it was issued to, so another registration takes another visit. Scopes are never cut.

use alloc::boxed::Box;
use alloc::string::String;

use crate::error::{Error, PeerIncompatible, Refusal};
use crate::flow::binding::Binding;
use crate::flow::identity::{method_to_register, method_with_secret};
use crate::flow::settings::Settings;
use crate::flow::tried::{OnceOnly, Tried};
use crate::scope::Scopes;
use crate::timeline::Retry;
use crate::wire::{AuthMethod, AuthMethods, RegistrationKind};

/// What is left to try.
pub(crate) enum Recourse {
    /// The same request, authenticated in another way.
    Method(AuthMethod),
    /// Another registration, and the user once more.
    Registration(Anew),
}

/// Another registration.
pub(crate) struct Anew {
    pub(crate) method: AuthMethod,
    /// The scopes that it names.
    pub(crate) scope: Option<Scopes>,
    /// Why there is one.
    pub(crate) retry: Retry,
}

/// A login that was refused.
pub(crate) struct Refused<'a> {
    pub(crate) binding: &'a Binding,
    pub(crate) tried: &'a mut Tried,
    pub(crate) settings: &'a Settings,
    pub(crate) refusal: &'a Refusal,
}

impl Refused<'_> {
    /// The user came back with the refusal.
    ///
    /// # Errors
    ///
    /// Why the login ends.
    pub(crate) fn by_redirect(mut self) -> Result<Anew, Error> {
        if self.refusal.is_about_scope() { self.name_scopes() } else { Err(self.end()) }
    }

    /// The token endpoint refused the code, or another one the request that was pushed to it.
    ///
    /// # Errors
    ///
    /// Why the login ends.
    pub(crate) fn by_endpoint(mut self) -> Result<Recourse, Error> {
        let client = &self.binding.client;
        match client.kind {
            RegistrationKind::Dynamic if self.refusal.is_about_client() => {
                self.replace_client().map(Recourse::Registration)
            }
            RegistrationKind::MetadataDocument if self.refusal.is_about_client() => {
                self.replace_document().map(Recourse::Registration)
            }
            RegistrationKind::PreRegistered
                if client.secret().is_some() && self.refusal.is_about_client() =>
            {
                self.tried.refused.insert(client.auth_method);
                let server = &self.binding.server;
                let next = method_with_secret(server, self.settings, self.tried.refused);
                next.map(Recourse::Method).ok_or_else(|| {
                    let (issuer, tried, refusal) = self.what_was_tried();
                    PeerIncompatible::ClientRefused { issuer, tried, refusal }.into()
                })
            }
            _ if self.refusal.is_about_scope() => self.name_scopes().map(Recourse::Registration),
            _ => Err(self.end()),
        }
    }

    /// Another client, which authenticates in another way. One of an earlier login may also be forgotten.
    fn replace_client(&mut self) -> Result<Anew, Error> {
        let has_another = self.tried.has(OnceOnly::AnotherClient);
        let Tried { asked, refused, .. } = &mut *self.tried;
        refused.insert(self.binding.client.auth_method);
        let (server, mut spent) = (&self.binding.server, *refused);
        asked.iter().for_each(|asked| spent.insert(*asked));
        let is_earlier = asked.is_none();
        let next = method_to_register(server, self.settings, spent).or_else(|| {
            let any = AuthMethods::default();
            is_earlier.then(|| method_to_register(server, self.settings, any)).flatten()
        });
        match next {
            Some(method) if !has_another => {
                self.tried.note(OnceOnly::AnotherClient);
                let scope = self.binding.client.scope.clone();
                let retry = Retry::Registration { method };
                Ok(Anew { method, scope, retry })
            }
            _ => {
                let (issuer, tried, refusal) = self.what_was_tried();
                Err(PeerIncompatible::RegisteredClientRefused { issuer, tried, refusal }.into())
            }
        }
    }

    /// A server may say that it takes documents, and not take this one.
    fn replace_document(&mut self) -> Result<Anew, Error> {
        let any = AuthMethods::default();
        match method_to_register(&self.binding.server, self.settings, any) {
            Some(method) if !self.tried.has(OnceOnly::AnotherClient) => {
                self.tried.note(OnceOnly::AnotherClient);
                let retry = Retry::Registration { method };
                Ok(Anew { method, scope: None, retry })
            }
            _ => Err(self.end()),
        }
    }

    /// The same client once more, registered with all scopes that are asked for.
    fn name_scopes(&mut self) -> Result<Anew, Error> {
        let Binding { server, client, requested, .. } = self.binding;
        let is_new =
            |scopes: &&Scopes| !client.scope.as_ref().is_some_and(|it| it.includes(scopes));
        let method = method_to_register(server, self.settings, self.tried.refused);
        match (requested.as_ref().filter(is_new), method) {
            (Some(scopes), Some(method))
                if client.kind == RegistrationKind::Dynamic
                    && !self.tried.has(OnceOnly::WiderClient) =>
            {
                self.tried.note(OnceOnly::WiderClient);
                let (scope, retry) = (Some(client.scopes_with(scopes)?), Retry::WiderRegistration);
                Ok(Anew { method, scope, retry })
            }
            _ => Err(self.end()),
        }
    }

    fn end(&self) -> Error {
        self.refusal.clone().into()
    }

    fn what_was_tried(&self) -> (Box<str>, Box<str>, Box<Refusal>) {
        let mut methods = String::new();
        for method in self.tried.refused.iter() {
            methods.push_str(if methods.is_empty() { "" } else { ", " });
            methods.push_str(method.as_str());
        }
        let issuer = self.binding.server.issuer.as_str().into();
        (issuer, methods.into(), self.refusal.clone().into())
    }
}
