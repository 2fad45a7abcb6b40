//! Who the client is to an authorization server that was found, in the order of the MCP specification:
//! pre-registered, else a client ID metadata document, else registered dynamically.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::error::{Error, Misuse, PeerIncompatible};
use crate::flow::binding::Binding;
use crate::flow::grant_kind::GrantKind;
use crate::flow::login::PreviousLogin;
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::settings::{MachineGrant, PreRegistered, Settings};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::HttpUrl;
use crate::wire::{
    AuthMethod, AuthMethods, ClientSecret, Port, Provenance, Registration, RegistrationKind,
    ServerMetadata,
};

/// Who the client is to a server.
pub(crate) enum Identity {
    /// It is known already.
    Known(Arc<Registration>),
    /// It has to register first.
    Unregistered {
        endpoint: HttpUrl,
        method: AuthMethod,
        /// The scopes that the registration has to name.
        scope: Option<Scopes>,
    },
}

/// A client that has yet to say who it is.
pub(crate) struct Newcomer<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) redirect_uri: &'a RedirectUri,
    pub(crate) now: UnixTime,
}

/// Chooses for a server that was just found. Its registration endpoint is taken out of it if the client has to
/// register.
pub(crate) fn choose(
    newcomer: &Newcomer<'_>,
    server: &mut Arc<ServerMetadata>,
    before: Option<Box<PreviousLogin>>,
    requested: Option<&Scopes>,
) -> Result<Identity, Error> {
    let Newcomer { settings, redirect_uri, now } = *newcomer;
    // One that this server has refused would be refused again.
    let refused = before.as_deref().is_some_and(|before| {
        before.client_is_gone
            && before.binding.server.is_same(server)
            && before.binding.client.kind == RegistrationKind::MetadataDocument
    });
    // Where it was registered all the same, it had to be.
    let replaced = before.as_deref().is_some_and(|before| before.is_registered_at(server));
    let documents = settings.metadata_url.as_deref();
    let documents = documents.filter(|_| server.metadata_documents && !refused && !replaced);
    if let Some(own) = &settings.pre_registered {
        let last = before.as_deref();
        match (foreign_issuer(settings, server, last.map(|before| &before.binding)), documents) {
            (None, _) => {
                let last = last.map(|before| &before.binding);
                if own.client_secret.is_some()
                    && let Some(tolerance) = confirm(settings, server, last)?
                {
                    Arc::make_mut(server).tolerated.insert(tolerance);
                }
                let last = last.map(|binding| &*binding.client);
                return pre_registered(own, server, settings, last)
                    .map(|client| Registration { redirect_uri: redirect_uri.uri.clone(), ..client })
                    .map(|client| Identity::Known(client.into()));
            }
            (Some(expected), None) => {
                let found = server.issuer.as_str().into();
                return Err(PeerIncompatible::ForeignClient { expected, found }.into());
            }
            // A document's URL is a client id everywhere.
            (Some(_), Some(_)) => {}
        }
    }
    if let Some(url) = documents {
        let client = Registration {
            client_id: url.into(),
            client_secret: None,
            // The document says so, and names the key (draft-ietf-oauth-client-id-metadata-document-00 §6.2).
            auth_method: match settings.signing_key {
                Some(_) => AuthMethod::PrivateKeyJwt,
                None => AuthMethod::None,
            },
            redirect_uri: redirect_uri.uri.clone(),
            port: Port::Fixed,
            kind: RegistrationKind::MetadataDocument,
            tolerated: Tolerances::NONE,
            scope: None,
            device_codes: false,
        };
        return Ok(Identity::Known(client.into()));
    }
    let known = before.and_then(|before| before.client_at(server));
    if let Some(Known { client, is_gone: false }) = &known
        && match settings.grant_kind() {
            GrantKind::DeviceCode => {
                client.serves_devices(settings.registers_device_codes(server), now)
            }
            _ => {
                let suffices = client.device_codes || !settings.registers_device_codes(server);
                suffices && client.serves(&redirect_uri.uri, now)
            }
        }
        && client.covers(requested)
    {
        return Ok(Identity::Known(client.clone()));
    }
    let Some(endpoint) = Arc::make_mut(server).registration_endpoint.take() else {
        return Err(match &server.unusable_registration {
            Some(why) => (**why).clone().into(),
            None => PeerIncompatible::NoWayToRegister {
                issuer: server.issuer.as_str().into(),
                metadata_documents: server.metadata_documents,
            }
            .into(),
        });
    };
    permit(settings, server, &endpoint)?;
    let method = method_to_register(server, settings, AuthMethods::default());
    let method = method.ok_or_else(|| no_authentication(server))?;
    // A server that wanted its scopes named wants that again, and those of before as well.
    let named = known.filter(|known| known.client.scope.is_some());
    let scope = named.zip(requested);
    let scope = scope.map(|(known, scopes)| known.client.scopes_with(scopes)).transpose()?;
    Ok(Identity::Unregistered { endpoint, method, scope })
}

impl PreviousLogin {
    /// Whether the server registered the client, and knows it as far as anybody can say.
    fn is_registered_at(&self, server: &ServerMetadata) -> bool {
        let Self {
            binding: Binding { server: last, client, .. }, client_is_gone, elsewhere, ..
        } = self;
        let is_last = last.is_same(server);
        let is_dynamic = client.kind == RegistrationKind::Dynamic;
        is_last && is_dynamic && !client_is_gone
            || !is_last && elsewhere.iter().any(|it| server.is_of(it.issuer.as_str()))
    }

    /// The client of an earlier login to this server.
    fn client_at(self, server: &ServerMetadata) -> Option<Known> {
        if self.binding.server.is_same(server) {
            return Some(Known { client: self.binding.client, is_gone: self.client_is_gone });
        }
        let mut elsewhere = self.elsewhere.into_iter();
        let known = elsewhere.find(|it| server.is_of(it.issuer.as_str()))?;
        Some(Known { client: known.client, is_gone: false })
    }
}

/// A client of an earlier login.
struct Known {
    client: Arc<Registration>,
    /// The server has refused it since.
    is_gone: bool,
}

/// Whose the pre-registered client is, if it is not this server's: as the host says, else whoever the
/// last login went to. A server that was logged in to with a document is not known to be its issuer.
fn foreign_issuer(
    settings: &Settings,
    server: &ServerMetadata,
    before: Option<&Binding>,
) -> Option<Box<str>> {
    let is_own = |issuer: &str| server.is_of(issuer);
    match (settings.client_issuer.as_deref(), before) {
        (Some(own), _) => (!is_own(own)).then(|| own.into()),
        (None, None) => None,
        (None, Some(before)) => {
            let last = before.server.issuer.as_str();
            let by_document = before.client.kind == RegistrationKind::MetadataDocument;
            (!is_own(last) || by_document).then(|| last.into())
        }
    }
}

/// Whether something stands for this server, and for these endpoints of it, beside the MCP server's word: the
/// host named it, it is on the same host, or its provider is known.
fn is_vouched_for<'a>(
    settings: &Settings,
    server: &ServerMetadata,
    mut endpoints: impl Iterator<Item = &'a HttpUrl>,
) -> bool {
    let issuer = settings.address_policy().parse(server.issuer.as_str());
    let is_on_host = |host: &str| issuer.as_ref().is_ok_and(|issuer| issuer.host() == host);
    settings.client_issuer.is_some()
        || server.provenance == Provenance::Provided
        || is_on_host(settings.server.url().host())
        || settings.profile_of(server).is_some_and(|profile| {
            // Anybody may be a provider's customer, and some let those have endpoints on hosts of their own.
            profile.is_one_server() || endpoints.all(|endpoint| is_on_host(endpoint.host()))
        })
}

/// Whether a client's secret may go there: what has to be tolerated for that.
fn confirm(
    settings: &Settings,
    server: &ServerMetadata,
    before: Option<&Binding>,
) -> Result<Option<Tolerance>, PeerIncompatible> {
    // The first login's server keeps the secret.
    let is_pinned = before.is_some_and(|before| {
        let Binding { server: last, client, .. } = before;
        last.is_same(server) && client.kind == RegistrationKind::PreRegistered
    });
    let tolerance = Tolerance::UnconfirmedIssuer;
    let pushes_to = settings.push_endpoint(server)?;
    let endpoints = [Some(server.token_endpoint()), server.revocation_endpoint(), pushes_to];
    let endpoints = endpoints.into_iter().flatten();
    if is_pinned || is_vouched_for(settings, server, endpoints) {
        Ok(None)
    } else if settings.policy.tolerates.contains(tolerance) {
        Ok(Some(tolerance))
    } else {
        Err(PeerIncompatible::UnconfirmedIssuer { issuer: server.issuer.as_str().into() })
    }
}

/// Whether the token that permits to register may go to this endpoint, if there is one. It would before the
/// user sees anything.
pub(crate) fn permit(
    settings: &Settings,
    server: &ServerMetadata,
    endpoint: &HttpUrl,
) -> Result<(), PeerIncompatible> {
    let issuer = || server.issuer.as_str().into();
    match settings.client_issuer.as_deref() {
        _ if settings.initial_access_token.is_none() => Ok(()),
        Some(own) if !server.is_of(own) => {
            Err(PeerIncompatible::ForeignClient { expected: own.into(), found: issuer() })
        }
        _ if is_vouched_for(settings, server, [endpoint].into_iter()) => Ok(()),
        _ => Err(PeerIncompatible::UnconfirmedIssuer { issuer: issuer() }),
    }
}

/// The method to register with, other than those that were tried.
pub(crate) fn method_to_register(
    server: &ServerMetadata,
    settings: &Settings,
    tried: AuthMethods,
) -> Option<AuthMethod> {
    if let Some(own) = settings.auth_method {
        return Some(own).filter(|own| !tried.contains(*own));
    }
    server.auth_methods.unwrap_or(AuthMethods::UNLISTED_TO_REGISTER).to_register(tried)
}

/// The method for a client that has a secret, other than those that were tried.
pub(crate) fn method_with_secret(
    server: &ServerMetadata,
    settings: &Settings,
    tried: AuthMethods,
) -> Option<AuthMethod> {
    if let Some(own) = settings.auth_method {
        return Some(own).filter(|own| !tried.contains(*own));
    }
    server.auth_methods.unwrap_or(AuthMethods::UNLISTED_WITH_SECRET).with_secret(tried)
}

impl Settings {
    /// The method to begin with for a client that has a secret.
    pub(crate) fn method_with_secret(&self, server: &ServerMetadata) -> Option<AuthMethod> {
        method_with_secret(server, self, AuthMethods::default())
    }
}

fn no_authentication(server: &ServerMetadata) -> PeerIncompatible {
    PeerIncompatible::NoClientAuthentication { issuer: server.issuer.as_str().into() }
}

/// The client of a grant without a user, which the host has to bring: none is registered. One that needs no name has
/// none.
pub(crate) fn without_user(
    grant: &MachineGrant,
    settings: &Settings,
    server: &ServerMetadata,
    before: Option<&Binding>,
) -> Result<Registration, Error> {
    if let Some(expected) = foreign_issuer(settings, server, before) {
        let found = server.issuer.as_str().into();
        return Err(PeerIncompatible::ForeignClient { expected, found }.into());
    }
    let own = settings.pre_registered.as_ref();
    let secret = own.and_then(|own| own.client_secret.as_ref());
    let is_workload = matches!(grant, MachineGrant::WorkloadIdentity);
    // No page names the server to anybody first, so it takes more than the MCP server's word.
    if (is_workload || secret.is_some()) && confirm(settings, server, before)?.is_some() {
        let issuer = server.issuer.as_str().into();
        return Err(PeerIncompatible::UnconfirmedIssuer { issuer }.into());
    }
    match own {
        None if is_workload => Ok(own_client("", None, AuthMethod::None)),
        None => Err(Misuse::NoClient.into()),
        Some(own) if is_workload => Ok(own_client(&own.client_id, None, AuthMethod::None)),
        Some(_) if secret.is_none() && settings.signing_key.is_none() => {
            Err(Misuse::NoCredential.into())
        }
        Some(own) => pre_registered(own, server, settings, None),
    }
}

fn pre_registered(
    own: &PreRegistered,
    server: &ServerMetadata,
    settings: &Settings,
    last: Option<&Registration>,
) -> Result<Registration, Error> {
    let needs_secret = |method: AuthMethod| {
        Err(Misuse::MethodNeedsSecret { method: method.as_str().into() }.into())
    };
    let method = match (&own.client_secret, settings.auth_method) {
        // A key is worth more than a secret, and where both are set up the host has said nothing else.
        (_, None | Some(AuthMethod::PrivateKeyJwt)) if settings.signing_key.is_some() => {
            AuthMethod::PrivateKeyJwt
        }
        (None, None | Some(AuthMethod::None)) => AuthMethod::None,
        (None, Some(method)) => return needs_secret(method),
        (Some(_), own_method) => match last {
            // The method that worked, unless the host says another.
            Some(last)
                if own_method.is_none()
                    && last.client_id == own.client_id
                    && last.secret().is_some() =>
            {
                last.auth_method
            }
            _ => method_with_secret(server, settings, AuthMethods::default()).ok_or_else(|| {
                PeerIncompatible::NoSecretMethod { issuer: server.issuer.as_str().into() }
            })?,
        },
    };
    Ok(own_client(&own.client_id, own.client_secret.as_ref(), method))
}

/// A client that the host brings, before it is known where its user comes back to.
fn own_client(id: &str, secret: Option<&Secret>, auth_method: AuthMethod) -> Registration {
    Registration {
        client_id: id.into(),
        client_secret: secret.cloned().map(ClientSecret::for_ever),
        auth_method,
        redirect_uri: "".into(),
        port: Port::Fixed,
        kind: RegistrationKind::PreRegistered,
        tolerated: Tolerances::NONE,
        scope: None,
        device_codes: false,
    }
}
