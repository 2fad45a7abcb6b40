//! Who the client is to an authorization server that was found, in the order of the MCP specification:
//! pre-registered, else a client ID metadata document, else registered dynamically.

use alloc::boxed::Box;

use crate::error::{Error, PeerIncompatible};
use crate::flow::binding::Binding;
use crate::flow::consent::Consent;
use crate::flow::login::{Before, Login};
use crate::flow::machine::State;
use crate::flow::register::Register;
use crate::flow::settings::PreRegistered;
use crate::scope::Scopes;
use crate::tolerance::Tolerances;
use crate::wire::{
    AuthMethod, AuthMethods, ClientSecret, Registration, RegistrationKind, ServerMetadata,
};

/// Chooses for a server that was just found.
pub(crate) fn choose(
    login: Login,
    mut server: ServerMetadata,
    before: Option<Box<Before>>,
    resource: Box<str>,
    requested: Option<Scopes>,
) -> Result<State, Error> {
    let issuer = || Box::from(server.issuer.as_str());
    // One that this server has refused would be refused again.
    let refused = before.as_deref().is_some_and(|before| {
        before.client_is_gone
            && before.binding.server.issuer == server.issuer
            && before.binding.client.kind == RegistrationKind::MetadataDocument
    });
    let documents = login.settings.metadata_url.as_deref();
    let documents = documents.filter(|_| server.metadata_documents && !refused);
    if let Some(own) = &login.settings.pre_registered {
        match (
            foreign_issuer(&login, &server, before.as_ref().map(|before| &before.binding)),
            documents,
        ) {
            (None, _) => {
                let client = pre_registered(own, &server, &login)?;
                return Ok(consent(login, server, client, resource, requested));
            }
            (Some(expected), None) => {
                return Err(PeerIncompatible::ForeignClient { expected, found: issuer() }.into());
            }
            // A document's URL is a client id everywhere.
            (Some(_), Some(_)) => {}
        }
    }
    if let Some(url) = documents {
        let client = Registration {
            client_id: url.into(),
            client_secret: None,
            auth_method: AuthMethod::None,
            redirect_uri: login.redirect_uri.0.clone(),
            kind: RegistrationKind::MetadataDocument,
            tolerated: Tolerances::NONE,
        };
        return Ok(consent(login, server, client, resource, requested));
    }
    if let Some(client) = before.and_then(|before| before.client_at(&server, &login)) {
        return Ok(consent(login, server, client, resource, requested));
    }
    match server.registration_endpoint.take() {
        Some(endpoint) => {
            let method = method_to_register(&server)?;
            let server = Box::new(server);
            Ok(State::Register(Register { login, server, endpoint, method, resource, requested }))
        }
        None => Err(PeerIncompatible::NoWayToRegister {
            issuer: server.issuer.as_str().into(),
            metadata_documents: server.metadata_documents,
        }
        .into()),
    }
}

/// The same client again with its server, for a wider token.
pub(crate) fn again(login: Login, before: Before) -> Result<State, Error> {
    let Binding { server, mut client, resource, requested, .. } = before.binding;
    if client.kind != RegistrationKind::Dynamic {
        client.redirect_uri = login.redirect_uri.0.clone();
    } else if before.client_is_gone || !client.serves(&login.redirect_uri.0, login.started) {
        return choose(login, server, None, resource, requested);
    }
    Ok(consent(login, server, client, resource, requested))
}

impl Before {
    /// The dynamic client of an earlier login to this server, if it serves for this one.
    fn client_at(self, server: &ServerMetadata, login: &Login) -> Option<Registration> {
        let serves = |client: &Registration| client.serves(&login.redirect_uri.0, login.started);
        if self.binding.server.issuer == server.issuer {
            return Some(self.binding.client).filter(|it| !self.client_is_gone && serves(it));
        }
        let clients = self.elsewhere.into_iter().filter(|it| it.issuer == server.issuer);
        clients.map(|known| known.client).find(serves)
    }
}

/// Whose the pre-registered client is, if it is not this server's: as the host says, else whoever the
/// last login went to. A server that was logged in to with a document is not known to be its issuer.
fn foreign_issuer(
    login: &Login,
    server: &ServerMetadata,
    before: Option<&Binding>,
) -> Option<Box<str>> {
    let is_own = |issuer: &str| issuer == server.issuer.as_str();
    match (login.settings.client_issuer.as_deref(), before) {
        (Some(own), _) => (!is_own(own)).then(|| own.into()),
        (None, None) => None,
        (None, Some(before)) => {
            let last = before.server.issuer.as_str();
            let by_document = before.client.kind == RegistrationKind::MetadataDocument;
            (!is_own(last) || by_document).then(|| last.into())
        }
    }
}

/// A server that lists no methods gets a public client too, as every SDK asks for one there.
fn method_to_register(server: &ServerMetadata) -> Result<AuthMethod, PeerIncompatible> {
    let Some(listed) = server.auth_methods else {
        return Ok(AuthMethod::None);
    };
    listed.to_register().ok_or_else(|| no_authentication(server))
}

fn no_authentication(server: &ServerMetadata) -> PeerIncompatible {
    PeerIncompatible::NoClientAuthentication { issuer: server.issuer.as_str().into() }
}

fn pre_registered(
    own: &PreRegistered,
    server: &ServerMetadata,
    login: &Login,
) -> Result<Registration, PeerIncompatible> {
    let auth_method = match &own.client_secret {
        None => AuthMethod::None,
        Some(_) => server
            .auth_methods
            .unwrap_or(AuthMethods::DEFAULT)
            .with_secret()
            .ok_or_else(|| no_authentication(server))?,
    };
    Ok(Registration {
        client_id: own.client_id.clone(),
        client_secret: own.client_secret.clone().map(ClientSecret::for_ever),
        auth_method,
        redirect_uri: login.redirect_uri.0.clone(),
        kind: RegistrationKind::PreRegistered,
        tolerated: Tolerances::NONE,
    })
}

/// Sends the user off.
pub(crate) fn consent(
    login: Login,
    server: ServerMetadata,
    client: Registration,
    resource: Box<str>,
    requested: Option<Scopes>,
) -> State {
    let Login { settings, verifier, state, requested_by, .. } = login;
    let dialect = settings.dialect.clone();
    State::Consent(Consent {
        binding: Binding { server, client, resource, requested, requested_by, dialect },
        tolerates: settings.policy.tolerates,
        verifier,
        state,
    })
}
