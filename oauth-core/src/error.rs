//! What can go wrong, sorted by who has to act.
//!
//! | variant | who acts | what helps |
//! |---|---|---|
//! | [`PeerMisbehaved`](Error::PeerMisbehaved) | the server's operator | nothing on this side: going on would be unsafe |
//! | [`PeerIncompatible`](Error::PeerIncompatible) | the developer or the user | a setting, which [`advice`](Error::advice) names |
//! | [`Refused`](Error::Refused) | depends on the code | the server's own words are in the [`Refusal`] |
//! | [`Malformed`](Error::Malformed) | the server's operator | the answer cannot be read |
//! | [`Unreachable`](Error::Unreachable) | nobody | try again later |
//! | [`Cancelled`](Error::Cancelled), [`LoginRequired`](Error::LoginRequired) | the user | log in |
//! | [`Contended`](Error::Contended) | nobody | try again |
//! | [`Misuse`](Error::Misuse) | the developer | read what was passed in |
//!
//! Evidence is data in the variants, prose is in `Display` and [`advice`](Error::advice). Text that a
//! server wrote stays data: it is never part of our messages, because it may be written to mislead.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::http::Endpoint;
use crate::json::Defect;
use crate::url::UrlDefect;

/// Why a login, a refresh or a request cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A server, or somebody in between, did what the protocol forbids. Going on would be unsafe.
    #[error(transparent)]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// A server does what it may, but this client cannot work with it as it is set up.
    #[error(transparent)]
    PeerIncompatible(#[from] PeerIncompatible),
    /// A server refused in the words of OAuth.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An answer cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No answer came, or one that says "not now".
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The host or the user gave up waiting for the consent.
    #[error("the login was cancelled before the user came back")]
    Cancelled,
    /// A user has to log in, and nobody began a login.
    #[error("a login is needed")]
    LoginRequired,
    /// Others who share the store kept changing the record.
    #[error("the stored grant was changed by others again and again")]
    Contended,
    /// What the caller passed in cannot work.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// Who has to do something about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// The person who logs in.
    User,
    /// Who set this client up: a setting is missing or wrong.
    Developer,
    /// Who runs the server.
    ServerOperator,
    /// Nobody: trying again later may help.
    Nobody,
}

impl Error {
    /// Who has to act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::PeerMisbehaved(_) | Self::Malformed(_) => Actor::ServerOperator,
            Self::PeerIncompatible(_) | Self::Misuse(_) => Actor::Developer,
            Self::Refused(refusal) => refusal.actor(),
            Self::Unreachable(_) | Self::Contended => Actor::Nobody,
            Self::Cancelled | Self::LoginRequired => Actor::User,
        }
    }

    /// What would help, in one sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::PeerMisbehaved(problem) => problem.advice(),
            Self::PeerIncompatible(problem) => problem.advice(),
            Self::Refused(refusal) => refusal.advice(),
            Self::Malformed(_) => "tell the server's operator which answer could not be read",
            Self::Unreachable(_) => "try again later; nothing that was stored is lost",
            Self::Cancelled => "log in again, and finish in the browser",
            Self::LoginRequired => "log in",
            Self::Contended => {
                "try again; if it stays, see that all who share the store respect its locks"
            }
            Self::Misuse(problem) => problem.advice(),
        }
    }

    /// Whether the same call may succeed later with nothing changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Contended)
    }
}

/// What a server must not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// Metadata speaks for another issuer than the one it was fetched for (RFC 8414 §3.3).
    #[error("the metadata fetched for issuer {expected:?} says that its issuer is {found:?}")]
    IssuerMismatch {
        /// The issuer that the resource named.
        expected: Box<str>,
        /// The issuer that the document names.
        found: Box<str>,
    },
    /// Resource metadata speaks for another resource than the MCP server (RFC 9728 §3.3).
    #[error("the resource metadata of {expected:?} is about {found:?}")]
    ForeignResource {
        /// The MCP server's URL.
        expected: Box<str>,
        /// The resource that the document names.
        found: Box<str>,
    },
    /// A redirect came back without the `state` that was sent (RFC 6749 §10.12). The login still waits
    /// for the right one.
    #[error("the redirect does not belong to this login: its `state` is missing or another")]
    StateMismatch,
    /// A redirect came from another authorization server than the one the user was sent to (RFC 9207 §2.4).
    #[error("the redirect says it comes from issuer {found:?}, but the login went to {expected:?}")]
    WrongIss {
        /// The issuer whose authorization endpoint the user was sent to.
        expected: Box<str>,
        /// What the redirect's `iss` says.
        found: Box<str>,
    },
    /// A server that promises `iss` in its redirects left it out (RFC 9207 §2.4).
    #[error("the redirect has no `iss`, although issuer {expected:?} promises to send it")]
    MissingIss {
        /// The issuer whose authorization endpoint the user was sent to.
        expected: Box<str>,
    },
    /// A redirect has a parameter twice (RFC 6749 §3.1).
    #[error("the redirect has the parameter `{name}` twice")]
    RepeatedParameter {
        /// The parameter's name.
        name: Box<str>,
    },
    /// A redirect has neither `code` nor `error`, or both (RFC 6749 §4.1.2).
    #[error("the redirect has neither or both of `code` and `error`")]
    NoAnswer,
    /// A document names a URL that must not be used.
    #[error("the {endpoint} URL {url:?} must not be used: {defect}")]
    UnsafeUrl {
        /// What the URL is for.
        endpoint: Endpoint,
        /// The URL as the server wrote it.
        url: Box<str>,
        /// Which rule it breaks.
        defect: UrlDefect,
    },
    /// An access token has characters that may not stand in a header field (RFC 6750 §2.1).
    #[error("the access token cannot be sent: it has characters that tokens may not have")]
    UnsendableToken,
}

impl PeerMisbehaved {
    fn advice(&self) -> &'static str {
        match self {
            Self::IssuerMismatch { .. } => {
                "do not log in; the server's operator has to publish its metadata under its own issuer"
            }
            Self::ForeignResource { .. } => {
                "check the server URL; if it is right, the server's operator has to correct `resource`"
            }
            Self::StateMismatch => "finish the login in the browser window that was opened last",
            Self::WrongIss { .. } | Self::MissingIss { .. } => {
                "do not go on: another authorization server may have answered in place of the right one"
            }
            Self::RepeatedParameter { .. } | Self::NoAnswer => {
                "log in again; if it happens again, tell the authorization server's operator"
            }
            Self::UnsafeUrl { .. } => "the server's operator has to publish an https URL",
            Self::UnsendableToken => "tell the authorization server's operator",
        }
    }
}

/// What a server may do, but this client cannot work with as it is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// The server asks for a login but publishes no resource metadata (RFC 9728).
    #[error("{server:?} asks for a login but publishes no resource metadata")]
    NoResourceMetadata {
        /// The MCP server's URL.
        server: Box<str>,
    },
    /// The resource metadata names no authorization server.
    #[error("the resource metadata of {resource:?} names no authorization server")]
    NoAuthorizationServer {
        /// The resource that the document is about.
        resource: Box<str>,
    },
    /// None of the authorization servers publishes metadata where it has to.
    #[error("authorization server {issuer:?} publishes no metadata")]
    NoServerMetadata {
        /// The issuer that was asked last.
        issuer: Box<str>,
    },
    /// The authorization server does not say that it supports PKCE with S256 (RFC 7636).
    #[error("authorization server {issuer:?} does not support PKCE with S256{}", if *.advertised { "" } else { ", or does not say so" })]
    NoS256 {
        /// The authorization server.
        issuer: Box<str>,
        /// Whether it lists methods at all.
        advertised: bool,
    },
    /// There is no way to get a client id from the authorization server.
    #[error("authorization server {issuer:?} gives no client id: {}", no_way(*.metadata_documents, *.dynamic))]
    NoWayToRegister {
        /// The authorization server.
        issuer: Box<str>,
        /// Whether it takes client ID metadata documents.
        metadata_documents: bool,
        /// Whether it has a registration endpoint.
        dynamic: bool,
    },
    /// The client id that was set up belongs to another authorization server.
    #[error("the client id was issued by {expected:?}, but the server now uses {found:?}")]
    ForeignClient {
        /// The issuer that the client id belongs to.
        expected: Box<str>,
        /// The issuer that the resource names now.
        found: Box<str>,
    },
    /// The registration came back with other redirect URIs than the one asked for (RFC 7591 §3.2.1).
    #[error("the authorization server did not register the redirect URI {redirect_uri:?}")]
    RedirectUriNotRegistered {
        /// The redirect URI that was asked for.
        redirect_uri: Box<str>,
    },
    /// No way of client authentication is known to both sides.
    #[error("the token endpoint of {issuer:?} takes no client authentication that this client has")]
    NoClientAuthentication {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The token is of a type that this client cannot use (RFC 6749 §7.1).
    #[error("the authorization server issued a token of type {found:?}, not a bearer token")]
    TokenType {
        /// The type that the answer names.
        found: Box<str>,
    },
    /// The resource takes no bearer tokens in header fields (RFC 9728 §2).
    #[error("{resource:?} does not take bearer tokens in the `Authorization` header field")]
    NoBearerHeader {
        /// The resource.
        resource: Box<str>,
    },
    /// The authorization server wants pushed authorization requests (RFC 9126).
    #[error("authorization server {issuer:?} requires pushed authorization requests")]
    PushedRequestsRequired {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// A refused request was retried with all that could be done, and is refused still.
    #[error("the server still refuses after {authorizations} logins and {refreshes} refreshes")]
    StillRefused {
        /// Logins that were made for the request.
        authorizations: u8,
        /// Refreshes that were made for the request.
        refreshes: u8,
    },
}

fn no_way(metadata_documents: bool, dynamic: bool) -> &'static str {
    match (metadata_documents, dynamic) {
        (true, true) => "its registration cannot be used with this client id",
        (true, false) => "it takes client ID metadata documents, but no client metadata URL is set",
        (false, true) => "a client id is set, so none is registered dynamically",
        (false, false) => "it has neither dynamic registration nor client ID metadata documents",
    }
}

impl PeerIncompatible {
    fn advice(&self) -> &'static str {
        match self {
            Self::NoResourceMetadata { .. } => {
                "give the authorization server's endpoints with `provider`, or allow servers of the \
                 2025-03-26 specification with `Policy::legacy_2025_03_26`"
            }
            Self::NoAuthorizationServer { .. } | Self::NoServerMetadata { .. } => {
                "give the authorization server's endpoints with `provider`"
            }
            Self::NoS256 {
                advertised: false, ..
            } => {
                "if the server is known to support S256 without saying so, set `Policy::assume_s256`"
            }
            Self::NoS256 { .. } => "the authorization server's operator has to support S256",
            Self::NoWayToRegister { .. } => {
                "register a client with the authorization server by hand and set `client_id` (and \
                 `client_secret`), or host a client metadata document and set `client_metadata_url`"
            }
            Self::ForeignClient { .. } => {
                "make sure that the change of authorization server is right, then set its client id"
            }
            Self::RedirectUriNotRegistered { .. } => {
                "set a `callback_port` that the authorization server allows, or a `client_id` \
                 registered with this redirect URI"
            }
            Self::NoClientAuthentication { .. } => {
                "set a `client_secret` if the server wants one; signed assertions are not supported"
            }
            Self::TokenType { .. } | Self::NoBearerHeader { .. } => {
                "the server wants sender-constrained tokens, which are not supported"
            }
            Self::PushedRequestsRequired { .. } => {
                "pushed authorization requests are not supported"
            }
            Self::StillRefused { .. } => {
                "the user may lack the permission; look at the server's own words in its answer"
            }
        }
    }
}

/// A refusal in the words of OAuth (RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2).
///
/// # Security
///
/// `description` and `uri` are the server's words, unchecked: escape them wherever they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the {endpoint} refused with `{code}`")]
#[non_exhaustive]
pub struct Refusal {
    /// Who refused.
    pub endpoint: Endpoint,
    /// The error code, such as `invalid_grant`; only characters that codes may have, at most 64.
    pub code: Box<str>,
    /// The server's explanation for developers.
    pub description: Option<Box<str>>,
    /// A page about the error.
    pub uri: Option<Box<str>>,
}

impl Refusal {
    /// Whether a person said no (RFC 6749 §4.1.2.1).
    #[must_use]
    pub fn is_denied_by_user(&self) -> bool {
        self.endpoint == Endpoint::Authorization && &*self.code == "access_denied"
    }

    fn actor(&self) -> Actor {
        match &*self.code {
            "access_denied" | "invalid_grant" | "login_required" | "consent_required" => {
                Actor::User
            }
            "server_error" | "temporarily_unavailable" => Actor::Nobody,
            _ => Actor::Developer,
        }
    }

    fn advice(&self) -> &'static str {
        match &*self.code {
            "access_denied" => "the user declined; ask again only if the user wants to",
            "invalid_grant" => "the login has ended; log in again",
            "invalid_client" | "unauthorized_client" => {
                "the authorization server does not know the client (any more): check `client_id` and \
                 `client_secret`"
            }
            "invalid_scope" => "ask for other scopes with `scope`",
            "invalid_target" => "the authorization server does not know this resource",
            "invalid_redirect_uri" | "invalid_client_metadata" => {
                "set a `callback_port` that the authorization server allows, or a `client_id`"
            }
            "server_error" | "temporarily_unavailable" => "try again later",
            _ => "look at the server's own words in `description`",
        }
    }
}

/// An answer that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the answer of the {endpoint} {url:?} (status {status}) cannot be read: {defect}")]
#[non_exhaustive]
pub struct Malformed {
    /// What was asked.
    pub endpoint: Endpoint,
    /// The URL that was asked.
    pub url: Box<str>,
    /// The answer's status.
    pub status: u16,
    /// What is wrong with it.
    pub defect: Defect,
}

/// No answer came, or one that says "not now".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the {endpoint} {url:?} cannot be reached{}", reason(*.status))]
#[non_exhaustive]
pub struct Unreachable {
    /// What was asked.
    pub endpoint: Endpoint,
    /// The URL that was asked.
    pub url: Box<str>,
    /// The answer's status (408, 429 or 5xx), or `None` when there was no answer.
    pub status: Option<u16>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

fn reason(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| {
        alloc::format!(" now (status {status})")
    })
}

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
    /// The redirect URI is neither https nor http to a loopback host.
    #[error("the redirect URI {url:?} cannot be used: it needs https, or http to a loopback host")]
    RedirectUri {
        /// The URI as given.
        url: Box<str>,
    },
    /// The client id is empty.
    #[error("the client id is empty")]
    EmptyClientId,
    /// The known server's metadata cannot be used.
    #[error("the provider's metadata cannot be used: {defect}")]
    Provider {
        /// What is wrong with it.
        defect: Defect,
    },
    /// A request is for another server than the one that the tokens belong to.
    #[error("the request to {url:?} is not for the server that the token belongs to")]
    ForeignRequest {
        /// Where the request was to go.
        url: Box<str>,
    },
}

impl Misuse {
    fn advice(&self) -> &'static str {
        match self {
            Self::ServerUrl { .. } => {
                "pass the MCP endpoint's URL, such as https://mcp.example.com/mcp"
            }
            Self::ClientMetadataUrl { .. } => {
                "pass the URL of the hosted document, such as https://app.example.com/client.json"
            }
            Self::RedirectUri { .. } => "pass an https URL, or http://127.0.0.1 with a port",
            Self::EmptyClientId => "leave the client id out to have one registered",
            Self::Provider { .. } => {
                "give at least `issuer`, `authorization_endpoint` and `token_endpoint`"
            }
            Self::ForeignRequest { .. } => "use a session of its own for each server",
        }
    }
}
