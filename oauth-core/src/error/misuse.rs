//! What a caller must not pass in.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::json::Defect;
use crate::keys::KeyDefect;
use crate::signing_algorithm::SigningAlgorithm;
use crate::url::UrlDefect;

/// What a caller must not pass in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The MCP server's URL cannot be used.
    #[error("the server URL {url:?} cannot be used: {defect}")]
    ServerUrl {
        /// The URL as given.
        url: Box<str>,
        /// Which rule it breaks.
        defect: UrlDefect,
    },
    /// The client metadata URL is not https or has no path (draft-ietf-oauth-client-id-metadata-document-00 §3).
    #[error(
        "the client metadata URL {url:?} cannot be used: it needs https and a path, and no query or fragment"
    )]
    ClientMetadataUrl {
        /// The URL as given.
        url: Box<str>,
    },
    /// The redirect URI is neither https, nor http to a loopback host, nor of a scheme of the application's
    /// own (RFC 8252 §7).
    #[error(
        "the redirect URI {url:?} cannot be used: it needs https, http to a loopback host, or a scheme \
         that is the name of a domain turned around"
    )]
    RedirectUri {
        /// The URI as given.
        url: Box<str>,
    },
    /// The callback URL is none that can be listened on (RFC 8252 §7.3).
    #[error(
        "the callback URL {url:?} cannot be listened on: it needs http, and the host `127.0.0.1`, \
         `localhost` or `[::1]`"
    )]
    CallbackUrl {
        /// The URL as given.
        url: Box<str>,
    },
    /// The callback URL names another port than the one that is set beside it.
    #[error("the callback URL {url:?} and the callback port {port} do not agree")]
    CallbackPort {
        /// The URL as given.
        url: Box<str>,
        /// The port as given.
        port: u16,
    },
    /// There is a client secret, but no client id that it belongs to.
    #[error("there is a client secret without a client id")]
    SecretWithoutId,
    /// The client has to authenticate with a secret, and has none.
    #[error("there is no client secret for {method}")]
    MethodNeedsSecret {
        /// The method that was set.
        method: Box<str>,
    },
    /// A grant is set up that was left out of this program.
    #[error(
        "this program was built without the grant: the feature `{feature}` of `oauth-core` is off"
    )]
    LeftOut {
        /// The feature that brings it.
        feature: Box<str>,
    },
    /// Tokens are to be got without a user, and no such grant is set up.
    #[error("no grant without a user is set up")]
    NoMachineGrant,
    /// A user has logged in, and tokens are to be got without one.
    #[error("a user's login cannot be finished by who gets tokens without a user")]
    WithoutUser,
    /// Two ways to a token are set up, and there can be one.
    #[error("two ways to a token are set up: `{one}` and `{other}`")]
    TwoGrants {
        /// The name of the one that was set first.
        one: Box<str>,
        /// The name of the other one.
        other: Box<str>,
    },
    /// The client is to authenticate by what it signs, and has no key.
    #[error("the client authenticates with \"private_key_jwt\", which needs a signing key")]
    MethodNeedsKey,
    /// A grant without a user needs a client that the authorization server knows already.
    #[error("a grant without a user needs a client id")]
    NoClient,
    /// A client that asks for itself has to show who it is.
    #[error("a grant without a user needs a client secret or a signing key")]
    NoCredential,
    /// The identity provider's token endpoint cannot be used.
    #[error("the identity provider's token endpoint {url:?} cannot be used: {defect}")]
    IdentityProvider {
        /// What was passed in, to be shown.
        url: Box<str>,
        /// What is wrong with it.
        defect: UrlDefect,
    },
    /// A signature has not the length that its algorithm gives it (RFC 7518 §3).
    #[error("a signature with {algorithm} cannot have {bytes} bytes")]
    Signature {
        /// The algorithm that was asked for.
        algorithm: SigningAlgorithm,
        /// The length of what came.
        bytes: usize,
    },
    /// The client's key cannot be used.
    #[error("the key cannot be used: {defect}")]
    SigningKey {
        /// Why not.
        defect: KeyDefect,
    },
    /// A token that was set up cannot be sent: it is empty, or has other characters than visible ASCII (RFC 6749 appendix
    /// A.12).
    #[error("the token that was set up is empty, or has characters that tokens may not have")]
    TokenCharacters,
    /// The client id is empty.
    #[error("the client id is empty")]
    EmptyClientId,
    /// The client id has characters that client ids may not have (RFC 6749 appendix A.1).
    #[error("the client id {id:?} has characters that client ids may not have")]
    ClientIdCharacters {
        /// The client id as given.
        id: Box<str>,
    },
    /// The client secret has control characters (RFC 6749 appendix A.2).
    #[error("the client secret has control characters in it")]
    ClientSecretCharacters,
    /// A scope to ask for has characters that scopes may not have (RFC 6749 §3.3).
    #[error("the scope {scope:?} has characters that scopes may not have")]
    ScopeCharacters {
        /// The scope as given, escaped.
        scope: Box<str>,
    },
    /// The scopes to ask for are more than can be asked for at once.
    #[error("the scopes are longer than {limit} bytes together")]
    TooManyScopes {
        /// How many bytes they may have as written.
        limit: usize,
    },
    /// The hint about who logs in is empty or too long, or has control characters. It says who somebody is, so it is
    /// not shown.
    #[error("the login hint is empty, longer than {limit} bytes, or has control characters in it")]
    LoginHint {
        /// How many bytes it may have.
        limit: usize,
    },
    /// The known server's metadata cannot be used.
    #[error("the provider's metadata cannot be used: {defect}")]
    Provider {
        /// What is wrong with it.
        defect: Defect,
    },
    /// A parameter was to be sent along that the protocol gives a meaning.
    #[error("the parameter {name:?} is the protocol's own")]
    ReservedParameter {
        /// Its name.
        name: Box<str>,
    },
    /// A login that was handed out is to another server than it is finished for.
    #[error("the login is to {resource:?}, which is not {server:?}")]
    ForeignLogin {
        /// The server that the login is finished for.
        server: Box<str>,
        /// The resource that the login is to.
        resource: Box<str>,
    },
    /// A login that was handed out is for another profile than it is finished for.
    #[error("the login is for the profile {expected:?}, not {found:?}")]
    ForeignProfile {
        /// The profile that the login is for.
        expected: Box<str>,
        /// The profile that it was to be finished for.
        found: Box<str>,
    },
    /// A header field was to be sent along that cannot be, or that belongs to the token or the connection.
    #[error("the header field {name:?} cannot be set")]
    Header {
        /// Its name.
        name: Box<str>,
    },
    /// What was to be allowed in a private network is no host.
    #[error("{host:?} is no host name or address")]
    PrivateHost {
        /// The host as given.
        host: Box<str>,
    },
    /// The token is bound to a key: it is of no use without a proof for each request (RFC 9449 §7.1).
    #[error("the token is bound to a key, and cannot be sent alone")]
    BoundToken,
    /// A request is for another server than the one that the tokens belong to.
    #[error("the request to {url:?} is not for the server that the token belongs to")]
    ForeignRequest {
        /// Where the request was to go.
        url: Box<str>,
    },
}

impl From<KeyDefect> for Misuse {
    fn from(defect: KeyDefect) -> Self {
        Self::SigningKey { defect }
    }
}

impl Misuse {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::ServerUrl { .. } => "server_url",
            Self::ClientMetadataUrl { .. } => "client_metadata_url",
            Self::RedirectUri { .. } => "redirect_uri",
            Self::CallbackUrl { .. } => "callback_url",
            Self::CallbackPort { .. } => "callback_port",
            Self::SecretWithoutId => "secret_without_id",
            Self::MethodNeedsSecret { .. } => "method_needs_secret",
            Self::LeftOut { .. } => "left_out",
            Self::NoMachineGrant => "no_machine_grant",
            Self::WithoutUser => "without_user",
            Self::TwoGrants { .. } => "two_grants",
            Self::MethodNeedsKey => "method_needs_key",
            Self::NoClient => "no_client",
            Self::NoCredential => "no_credential",
            Self::IdentityProvider { .. } => "identity_provider",
            Self::Signature { .. } => "signature",
            Self::SigningKey { .. } => "signing_key",
            Self::TokenCharacters => "token_characters",
            Self::EmptyClientId => "empty_client_id",
            Self::ClientIdCharacters { .. } => "client_id_characters",
            Self::ClientSecretCharacters => "client_secret_characters",
            Self::ScopeCharacters { .. } => "scope_characters",
            Self::TooManyScopes { .. } => "too_many_scopes",
            Self::LoginHint { .. } => "login_hint",
            Self::Provider { .. } => "provider",
            Self::ReservedParameter { .. } => "reserved_parameter",
            Self::Header { .. } => "header",
            Self::PrivateHost { .. } => "private_host",
            Self::ForeignLogin { .. } => "foreign_login",
            Self::ForeignProfile { .. } => "foreign_profile",
            Self::ForeignRequest { .. } => "foreign_request",
            Self::BoundToken => "bound_token",
        }
    }

    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::ServerUrl { defect: UrlDefect::PrivateAddress, .. } => {
                "if it is yours, allow it by name with `private_host`"
            }
            Self::ServerUrl { .. } => {
                "pass the MCP endpoint's URL, such as https://mcp.example.com/mcp"
            }
            Self::ClientMetadataUrl { .. } => {
                "pass the URL of the hosted document, such as https://app.example.com/client.json"
            }
            Self::RedirectUri { .. } => {
                "pass an https URL, http://127.0.0.1 with a port, or com.example.app:/callback for \
                 the domain app.example.com"
            }
            Self::CallbackUrl { .. } => {
                "pass what is registered, such as http://localhost:8765/callback; for a redirect URI \
                 elsewhere set a `user_agent`"
            }
            Self::CallbackPort { .. } => "set the port in one of the two only",
            Self::SecretWithoutId => "set `client_id` too",
            Self::MethodNeedsSecret { .. } => "set `client_secret` too, or the method `none`",
            Self::LeftOut { .. } => "build the program with that feature, or set up another grant",
            Self::NoMachineGrant => {
                "set up `client_credentials`, `workload_identity` or `enterprise_managed`, or let a user log in"
            }
            Self::WithoutUser => "finish the login with the settings that it began with",
            Self::TwoGrants { .. } => "set one of the two only",
            Self::MethodNeedsKey => "set up a signing key, or another method",
            Self::NoClient => "set `client_id`: such a client is never registered by this one",
            Self::NoCredential => {
                "set `client_secret` or a signing key; a client that has neither needs a user who logs in"
            }
            Self::IdentityProvider { .. } => "pass the https URL of its token endpoint",
            Self::Signature { .. } => {
                "sign with the algorithm that is asked for; with ES256, ES384 and ES512 return r and s one after \
                 the other, not DER"
            }
            Self::SigningKey { defect } => defect.advice(),
            Self::EmptyClientId => "leave the client id out to have one registered",
            Self::TokenCharacters => {
                "pass the token alone, without spaces and line ends, and without the word `Bearer`"
            }
            Self::ClientIdCharacters { .. } | Self::ClientSecretCharacters => {
                "pass it as the authorization server has given it, without a line end"
            }
            Self::ScopeCharacters { .. } => {
                "separate scopes by single spaces, without quotes, tabs or line ends"
            }
            Self::TooManyScopes { .. } => "ask for the scopes that are needed, and no others",
            Self::LoginHint { .. } => "pass the user's e-mail address or name, or no hint",
            Self::Provider { .. } => {
                "give at least `issuer`, `authorization_endpoint` and `token_endpoint`"
            }
            Self::ReservedParameter { .. } => {
                "leave it out; scopes, redirect and resource have settings of their own"
            }
            Self::Header { .. } => {
                "pass a name such as x-edge-key, and a value of visible ASCII; the token has the \
                 `authorization`"
            }
            Self::PrivateHost { .. } => "pass a name such as auth.corp.example, or an address",
            Self::ForeignProfile { .. } => {
                "finish each login for the profile that it was begun for"
            }
            Self::BoundToken => {
                "send requests with `send`, or with the fields that `headers` makes for each"
            }
            Self::ForeignRequest { .. } | Self::ForeignLogin { .. } => {
                "use a session of its own for each server"
            }
        }
    }
}
