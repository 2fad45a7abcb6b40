//! Registration: what the client is to one authorization server (RFC 7591, client ID metadata
//! documents).
//!
//! Left out: management of a registration (RFC 7592).

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize, Serializer};

use crate::auth_method::AuthMethod;
use crate::error::{Error, Malformed, PeerIncompatible, PeerMisbehaved};
use crate::http::{Endpoint, Request, Response};
use crate::json::{Defect, MemberNames, Members, OtherMembers, read_whole};
use crate::plain::is_vschar;
use crate::scope::Scopes;
use crate::secret::{Secret, SecretBuffer};
use crate::time::{Seconds, UnixTime};
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::bearer::BearerAuth;
use crate::wire::client_auth::Authentication;
use crate::wire::client_metadata::ClientMetadata;
use crate::wire::grant_types::GrantType;
use crate::wire::port::Port;
use crate::wire::server_metadata::ServerMetadata;
use crate::wire::{malformed, read_success};

/// The answer of a registration endpoint as it came, unknown members kept (RFC 7591 §3.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRegistrationResponse {
    /// The client id; never empty.
    pub client_id: Box<str>,
    /// The secret of a confidential client. An empty text in the answer means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// When the id was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id_issued_at: Option<UnixTime>,
    /// When the secret expires; 0 means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<UnixTime>,
    /// The redirect URIs that were registered; byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uris: Option<Vec<Box<str>>>,
    /// The grants that the client may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<Box<str>>>,
    /// The response types that the client may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<Box<str>>>,
    /// The client's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<Box<str>>,
    /// How the client has to authenticate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<Box<str>>,
    /// Everything else.
    #[serde(flatten)]
    pub other: OtherMembers,
}

impl ClientRegistrationResponse {
    /// Reads a whole answer. What cannot be read counts as left out, but for the client id.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if it is not one, or has no client id.
    pub fn parse(body: &[u8]) -> Result<Self, Defect> {
        let mut answer: Self = read_whole(body, &["client_id"])?;
        answer.client_secret = answer.client_secret.filter(|secret| !secret.is_empty());
        Ok(answer)
    }
}

/// What the client is to one authorization server: stored with the tokens, and used for each request
/// to the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub(crate) client_id: Box<str>,
    /// Most clients have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<Box<ClientSecret>>,
    pub(crate) auth_method: AuthMethod,
    pub(crate) redirect_uri: Box<str>,
    /// Whether another port would have done when it was registered.
    #[serde(default, skip_serializing_if = "Port::is_fixed")]
    pub(crate) port: Port,
    pub(crate) kind: RegistrationKind,
    /// What had to be tolerated in the answer that brought it.
    #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
    pub(crate) tolerated: Tolerances,
    /// The scopes that the registration named, if it named any: it is for no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Scopes>,
    /// Whether it was registered for device codes, too.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) device_codes: bool,
}

/// How it shows itself where nothing is signed.
impl<'a> From<&'a Registration> for Authentication<'a> {
    fn from(client: &'a Registration) -> Self {
        Self::of(client.auth_method, &client.client_id, client.secret())
    }
}

/// What a confidential client authenticates with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientSecret {
    pub(crate) secret: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<UnixTime>,
}

impl ClientSecret {
    /// One that the host brought.
    pub(crate) fn for_ever(secret: Secret) -> Box<Self> {
        Self { secret, expires_at: None }.into()
    }
}

/// How a client id was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegistrationKind {
    /// The host brought it.
    PreRegistered,
    /// It is the URL of a document that describes the client.
    MetadataDocument,
    /// The authorization server issued it when asked.
    Dynamic,
}

impl Registration {
    /// The client id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// How the client id was come by.
    #[must_use]
    pub fn kind(&self) -> RegistrationKind {
        self.kind
    }

    /// The redirect URI of the login; with a dynamic client, the one that is registered.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// How the client authenticates at the token endpoint.
    #[must_use]
    pub fn auth_method(&self) -> AuthMethod {
        self.auth_method
    }

    /// The scopes that were named when the client was registered dynamically. `None` is usual: the client
    /// may ask for any then.
    #[must_use]
    pub fn scope(&self) -> Option<&Scopes> {
        self.scope.as_ref()
    }

    /// Whether it may ask for these, as far as its registration says.
    pub(crate) fn covers(&self, scopes: Option<&Scopes>) -> bool {
        match (&self.scope, scopes) {
            (Some(named), Some(scopes)) => named.includes(scopes),
            _ => true,
        }
    }

    /// The scopes that it named and these.
    pub(crate) fn scopes_with(&self, more: &Scopes) -> Result<Scopes, PeerIncompatible> {
        let mut all = self.scope.clone().unwrap_or_default();
        all.extend(more)?;
        Ok(all)
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.client_secret.as_ref().map(|own| &own.secret)
    }

    /// Whether the client can still authenticate (RFC 7591 §3.2.1).
    pub(crate) fn is_alive(&self, now: UnixTime) -> bool {
        let expires_at = self.client_secret.as_ref().and_then(|own| own.expires_at);
        expires_at.is_none_or(|at| now < at)
    }

    /// Its redirect URI, without a port that may be another one the next time.
    pub(crate) fn lasting_redirect_uri(&self) -> Box<str> {
        self.port.lasting_part(&self.redirect_uri)
    }

    /// Whether a dynamic registration serves for another login: its redirect URI is the one, and it is
    /// alive.
    pub(crate) fn serves(&self, redirect_uri: &str, now: UnixTime) -> bool {
        self.kind == RegistrationKind::Dynamic
            && &*self.redirect_uri == redirect_uri
            && self.is_alive(now)
    }

    /// The same for a login on another device, to which nobody comes back: where clients say that they ask for
    /// codes, it has said so.
    pub(crate) fn serves_devices(&self, said: bool, now: UnixTime) -> bool {
        self.kind == RegistrationKind::Dynamic && (self.device_codes || !said) && self.is_alive(now)
    }
}

/// What the client says of itself when it registers (RFC 7591 §2). Little on purpose: servers refuse
/// members that they do not know. A `scope` is named only where one was refused without: it may bar a wider
/// one later.
#[derive(Serialize)]
pub(crate) struct RegistrationRequest<'a> {
    client_name: &'a str,
    #[serde(flatten)]
    about: Option<&'a ClientMetadata>,
    redirect_uris: [&'a str; 1],
    grant_types: Grants,
    response_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a Scopes>,
    token_endpoint_auth_method: &'static str,
    application_type: &'static str,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    dpop_bound_access_tokens: bool,
}

impl<'a> RegistrationRequest<'a> {
    pub(crate) fn new(
        client_name: &'a str,
        about: Option<&'a ClientMetadata>,
        redirect_uri: &'a str,
        method: AuthMethod,
        scope: Option<&'a Scopes>,
    ) -> Self {
        // A redirect to this machine makes a native client (OpenID Connect Registration §2).
        let native = !redirect_uri.starts_with("https:");
        Self {
            client_name,
            about,
            redirect_uris: [redirect_uri],
            grant_types: Grants { refresh_tokens: true, device_codes: false },
            response_types: ["code"],
            scope,
            token_endpoint_auth_method: method.as_str(),
            application_type: if native { "native" } else { "web" },
            dpop_bound_access_tokens: false,
        }
    }
}

impl RegistrationRequest<'_> {
    /// To a server that has none: it may refuse who asks for grants that it does not list.
    pub(crate) fn without_refresh_tokens(self) -> Self {
        Self { grant_types: Grants { refresh_tokens: false, ..self.grant_types }, ..self }
    }

    /// Of a client whose users may consent on another device (RFC 8628 §3.4).
    pub(crate) fn with_device_codes(self) -> Self {
        Self { grant_types: Grants { device_codes: true, ..self.grant_types }, ..self }
    }

    /// Of a client that never wants a token that is not bound to a key (RFC 9449 §5.2).
    pub(crate) fn with_bound_tokens_only(self) -> Self {
        Self { dpop_bound_access_tokens: true, ..self }
    }
}

/// The grants that a client registers for.
#[derive(Clone, Copy)]
struct Grants {
    refresh_tokens: bool,
    device_codes: bool,
}

impl Serialize for Grants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let more = [
            self.refresh_tokens.then_some(GrantType::RefreshToken),
            self.device_codes.then_some(GrantType::DeviceCode),
        ];
        let more = more.into_iter().flatten().map(GrantType::as_str);
        serializer.collect_seq(["authorization_code"].into_iter().chain(more))
    }
}

/// The registration request (RFC 7591 §3.1), with the token that permits it if there has to be one.
pub(crate) fn register_request(
    client: &RegistrationRequest<'_>,
    endpoint: &HttpUrl,
    permit: Option<&BearerAuth>,
) -> Request {
    // Texts alone always serialize.
    let json = serde_json::to_string(client).unwrap_or_default();
    Request::json(Endpoint::Registration, endpoint.clone(), SecretBuffer(json))
        .with_authorization(permit.map(|token| Secret::from(token.header_value())))
}

/// Reads the answer to [`register_request`]. The server may have changed what was asked for
/// (RFC 7591 §3.2.1): its method counts, and a redirect URI that it left out cannot be used. With the
/// client come the names of the members that are not as they should be.
///
/// # Errors
///
/// The server's refusal, an answer that cannot be read, or a [`PeerIncompatible`] if what was
/// registered cannot be used.
pub(crate) fn read_registration(
    response: &Response,
    endpoint: &HttpUrl,
    server: &ServerMetadata,
    redirect_uri: &str,
    asked: AuthMethod,
    tolerates: Tolerances,
) -> Result<(Registration, MemberNames), Error> {
    let body =
        read_success(response, Endpoint::Registration, endpoint).map_err(|error| match error {
            // Whatever it says: it does not want this client.
            Error::Malformed(Malformed { status: status @ 400..=499, .. }) => {
                PeerIncompatible::RegistrationClosed {
                    issuer: server.issuer.as_str().into(),
                    status,
                }
                .into()
            }
            error => error,
        })?;
    let defect = |defect| malformed(response, Endpoint::Registration, endpoint, defect);
    let mut members = Members::of(body).map_err(defect)?;
    let client_id = members.required_identifier("client_id").map_err(defect)?;
    let secret = members.identifier("client_secret");
    if !is_vschar(&client_id) {
        return Err(defect(Defect::unusable("client_id")));
    }
    let expires_at = members.optional::<Seconds>("client_secret_expires_at");
    if expires_at.as_ref().is_some_and(|seconds| seconds.is_text) {
        members.note("client_secret_expires_at");
    }
    let auth_method = match members.text("token_endpoint_auth_method") {
        // Who did not show a key has none.
        Some(name) => AuthMethod::from_name(&name)
            .filter(|method| *method != AuthMethod::PrivateKeyJwt || asked == *method)
            .ok_or_else(|| PeerIncompatible::NoClientAuthentication {
                issuer: server.issuer.as_str().into(),
            })?,
        None if asked == AuthMethod::PrivateKeyJwt => asked,
        // Left out: what was asked for, if it takes the secret; else what RFC 7591 §2 says.
        None if secret.is_some() && asked != AuthMethod::None => asked,
        None if secret.is_some() => AuthMethod::ClientSecretBasic,
        None => AuthMethod::None,
    };
    if auth_method.needs_secret() && secret.is_none() {
        return Err(defect(Defect::missing("client_secret")));
    }
    let list: Vec<Box<str>> = members.list("redirect_uris").unwrap_or_default();
    if !list.is_empty() && !list.iter().any(|uri| &**uri == redirect_uri) {
        let redirect_uri = redirect_uri.into();
        return Err(PeerIncompatible::RedirectUriNotRegistered { redirect_uri }.into());
    }
    let misshapen = members.into_misshapen();
    let tolerated = misshapen.tolerance();
    PeerMisbehaved::check(Endpoint::Registration, tolerated, &misshapen, tolerates)?;
    let client = Registration {
        client_id: (*client_id).into(),
        client_secret: secret.map(|text| {
            let expires_at = expires_at.filter(|at| at.number != 0);
            let expires_at = expires_at.map(|at| UnixTime::from_secs(at.number));
            ClientSecret { secret: Secret::from(&*text), expires_at }.into()
        }),
        auth_method,
        redirect_uri: redirect_uri.into(),
        port: Port::Fixed,
        kind: RegistrationKind::Dynamic,
        tolerated,
        scope: None,
        device_codes: false,
    };
    Ok((client, misshapen))
}

#[cfg(test)]
mod tests;
