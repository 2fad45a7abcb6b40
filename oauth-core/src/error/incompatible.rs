//! What a server may do, but this client cannot work with as it is set up.

use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::error::{Absence, Actor, Refusal};
use crate::plain::Plain;
use crate::scope::{ScopeDefect, Scopes};
use crate::signing_algorithm::SigningAlgorithms;
use crate::time::UnixTime;

mod advice;

/// What a server may do, but this client cannot work with as it is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// The server asks for a login, but there is no resource metadata (RFC 9728) that can be used.
    #[error("{server:?} asks for a login but {}", absent("resource metadata", .found))]
    NoResourceMetadata {
        /// The MCP server's URL.
        server: Box<str>,
        /// What stood there instead.
        #[serde(default)]
        found: Absence,
    },
    /// The server does not ask for a login, and publishes no resource metadata either: it may be open to
    /// all, or the URL is not that of its MCP endpoint.
    #[error("{server:?} does not ask for a login (status {status}), nor publish resource metadata")]
    NoLoginAskedFor {
        /// The MCP server's URL.
        server: Box<str>,
        /// What it answered to a request without a token.
        status: u16,
    },
    /// The server redirects to where a token must not go, and publishes no resource metadata.
    #[error("{server:?} redirects to {to:?} (status {status}), and does not ask for a login")]
    Redirected {
        /// The MCP server's URL.
        server: Box<str>,
        /// The status of the redirect.
        status: u16,
        /// Where it leads, without the query.
        to: Box<str>,
    },
    /// The resource metadata names no authorization server.
    #[error("the resource metadata of {resource:?} names no authorization server")]
    NoAuthorizationServer {
        /// The resource that the document is about.
        resource: Box<str>,
    },
    /// None of the authorization servers has metadata that can be used where it has to be.
    #[error("authorization server {issuer:?} {}", absent("metadata", .found))]
    NoServerMetadata {
        /// The issuer that was asked last.
        issuer: Box<str>,
        /// What stood there instead.
        #[serde(default)]
        found: Absence,
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
    #[error("authorization server {issuer:?} gives no client id: {}", no_way(*.metadata_documents))]
    NoWayToRegister {
        /// The authorization server.
        issuer: Box<str>,
        /// Whether it takes client ID metadata documents.
        metadata_documents: bool,
    },
    /// The authorization server offers dynamic registration, and refuses it without words of OAuth.
    #[error("authorization server {issuer:?} does not register this client (status {status})")]
    RegistrationClosed {
        /// The authorization server.
        issuer: Box<str>,
        /// The status of its answer.
        status: u16,
    },
    /// The client id that was set up belongs to another authorization server.
    #[error("the client id was issued by {expected:?}, but the server now uses {found:?}")]
    ForeignClient {
        /// The issuer that the client id belongs to.
        expected: Box<str>,
        /// The issuer that the resource names now.
        found: Box<str>,
    },
    /// Only the MCP server says that this authorization server is the right one for the secret that is set.
    #[error(
        "the secret that is set would go to {issuer:?}, which only the MCP server says is the right one"
    )]
    UnconfirmedIssuer {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The registration came back with other redirect URIs than the one asked for (RFC 7591 §3.2.1).
    #[error("the authorization server did not register the redirect URI {redirect_uri:?}")]
    RedirectUriNotRegistered {
        /// The redirect URI that was asked for.
        redirect_uri: Box<str>,
    },
    /// The client has a secret, but the token endpoint takes none.
    #[error("the token endpoint of {issuer:?} lists no method that takes a client secret")]
    NoSecretMethod {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// No way of client authentication is known to both sides.
    #[error("the token endpoint of {issuer:?} takes no client authentication that this client has")]
    NoClientAuthentication {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The server lists no algorithm that the client's key can sign with.
    #[error(
        "authorization server {issuer:?} takes signatures with {listed}, and the key signs with {able}"
    )]
    NoSigningAlgorithm {
        /// The authorization server.
        issuer: Box<str>,
        /// The algorithms that it lists, as far as they are known here.
        listed: SigningAlgorithms,
        /// The algorithms of the key.
        able: SigningAlgorithms,
    },
    /// The server lists no algorithm that the key for proofs (DPoP) can sign with.
    #[error("{server:?} takes DPoP proofs with {listed}, and the key signs with {able}")]
    NoDpopAlgorithm {
        /// The authorization server or the resource.
        server: Box<str>,
        /// The algorithms that it lists, as far as they are known here.
        listed: SigningAlgorithms,
        /// The algorithms of the key.
        able: SigningAlgorithms,
    },
    /// The authorization server lists its grants, and the one that is set up is not among them.
    #[error("authorization server {issuer:?} does not list the grant {grant}")]
    GrantNotListed {
        /// The authorization server.
        issuer: Box<str>,
        /// The grant, by its name in metadata.
        grant: Box<str>,
    },
    /// The client that was set up with a secret is refused, in each way in which it can authenticate.
    #[error("authorization server {issuer:?} refuses the client that was set up, by {tried}")]
    ClientRefused {
        /// The authorization server.
        issuer: Box<str>,
        /// The methods that were tried, by the names that they have in metadata.
        tried: Box<str>,
        /// What it said at last.
        refusal: Box<Refusal>,
    },
    /// The authorization server refuses a client that it has registered itself.
    #[error("authorization server {issuer:?} refuses the client that it registered, by {tried}")]
    RegisteredClientRefused {
        /// The authorization server.
        issuer: Box<str>,
        /// The methods that were tried, by the names that they have in metadata.
        tried: Box<str>,
        /// What it said at last.
        refusal: Box<Refusal>,
    },
    /// The token is of a type that this client cannot use (RFC 6749 §7.1).
    #[error("the authorization server issued a token of type {found:?}, not a bearer token")]
    TokenType {
        /// The type that the answer names.
        found: Box<str>,
    },
    /// The resource takes only tokens that are bound to a key of the client (RFC 9449).
    #[error("{resource:?} takes only DPoP-bound tokens")]
    DpopRequired {
        /// The resource.
        resource: Box<str>,
    },
    /// The resource takes only tokens that are bound to a key, and the authorization server does not say that it binds
    /// any (RFC 9449 §5.1).
    #[error(
        "{resource:?} takes only DPoP-bound tokens, and authorization server {issuer:?} offers none"
    )]
    DpopNotOffered {
        /// The resource.
        resource: Box<str>,
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The authorization server took the proof of a key, and issued a token that is not bound to it (RFC 9449 §5). It
    /// is not used: the resource takes only bound ones, or the host wants no others.
    #[error(
        "the authorization server issued a bearer token for {resource:?}, not a DPoP-bound one"
    )]
    TokenNotBound {
        /// The resource.
        resource: Box<str>,
    },
    /// A proof was refused, and the clocks differ by more than servers put up with: here or there one is wrong
    /// (RFC 9449 §11.1).
    #[error("the proof of the key is refused: it is {here} here, and {server} there")]
    ClocksDiffer {
        /// What this machine's clock shows.
        here: UnixTime,
        /// What the server's clock shows.
        server: UnixTime,
    },
    /// The resource takes no bearer tokens in header fields (RFC 9728 §2).
    #[error("{resource:?} does not take bearer tokens in the `Authorization` header field")]
    NoBearerHeader {
        /// The resource.
        resource: Box<str>,
    },
    /// The authorization server wants pushed authorization requests (RFC 9126), and the host forbids them, or the server
    /// does not say where they are pushed to.
    #[error("authorization server {issuer:?} requires pushed authorization requests")]
    PushedRequestsRequired {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The scopes of earlier logins and those that are wanted now are more than can be asked for at once.
    #[error(
        "the scopes of earlier logins and those that are wanted now are longer than {limit} bytes"
    )]
    ScopesDoNotFit {
        /// How many bytes they may have as written.
        limit: usize,
    },
    /// The MCP server refuses a fixed bearer token, which nobody here can renew.
    #[error("the server refuses{} the bearer token that was set", named(error.as_deref()))]
    BearerRefused {
        /// The error code of its challenge (RFC 6750 §3.1), if it has one.
        error: Option<Box<str>>,
    },
    /// A refused request was retried with all that could be done, and is refused still.
    #[error(
        "the server still refuses{} after {authorizations} logins and {refreshes} refreshes",
        named(error.as_deref())
    )]
    StillRefused {
        /// Logins that were made for the request.
        authorizations: u8,
        /// Refreshes that were made for the request.
        refreshes: u8,
        /// The error code of its last challenge (RFC 6750 §3.1), if it has one.
        error: Option<Box<str>>,
    },
    /// The user is to consent on another device, and the authorization server gives no codes for that (RFC 8628).
    #[error("authorization server {issuer:?} gives no codes for other devices")]
    DeviceCodesNotOffered {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The MCP server refuses the proofs that go with tokens (RFC 9449 §7.1), also new ones. The token is as good as it
    /// was.
    #[error("the server refuses{} the proof that goes with the token", named(Some(error)))]
    ProofRefused {
        /// The error code of its challenge.
        error: Box<str>,
    },
    /// The MCP server refuses the tokens of logins that were just made. No other login is begun before a
    /// pause is over, unless somebody asks for it; requests are sent meanwhile.
    #[error(
        "the server refuses{} the token of a login that was just made{}; no other is begun before {until}",
        named(error.as_deref()),
        in_a_row(*logins)
    )]
    LoginInVain {
        /// How many logins in a row were refused.
        logins: u8,
        /// From when on a request that is refused leads to a login again.
        until: UnixTime,
        /// The error code of the last challenge (RFC 6750 §3.1), if it has one.
        error: Option<Box<str>>,
    },
}

fn in_a_row(logins: u8) -> String {
    if logins > 1 { alloc::format!(" ({logins} in a row)") } else { String::new() }
}

fn absent(what: &str, found: &Absence) -> String {
    match found {
        Absence::Nothing => alloc::format!("publishes no {what}"),
        Absence::Unusable { defect } => {
            alloc::format!("has no {what} that can be used where it should be: {defect}")
        }
        Absence::Refused { status } => {
            alloc::format!("refuses to show its {what} (status {status})")
        }
    }
}

fn named(error: Option<&str>) -> String {
    error.map_or_else(String::new, |error| alloc::format!(" (`{}`)", Plain(error)))
}

fn no_way(metadata_documents: bool) -> &'static str {
    if metadata_documents {
        "it takes client ID metadata documents, but no client metadata URL is set"
    } else {
        "it has neither dynamic registration nor client ID metadata documents"
    }
}

/// Of scopes that are scopes already, only the length can be wrong.
impl From<ScopeDefect> for PeerIncompatible {
    fn from(_: ScopeDefect) -> Self {
        Self::ScopesDoNotFit { limit: Scopes::MAX_LENGTH }
    }
}

impl PeerIncompatible {
    /// The server's refusal that is behind it.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::ClientRefused { refusal, .. } | Self::RegisteredClientRefused { refusal, .. } => {
                Some(refusal)
            }
            _ => None,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoResourceMetadata { .. } => "no_resource_metadata",
            Self::NoLoginAskedFor { .. } => "no_login_asked_for",
            Self::Redirected { .. } => "redirected",
            Self::NoAuthorizationServer { .. } => "no_authorization_server",
            Self::NoServerMetadata { .. } => "no_server_metadata",
            Self::NoS256 { .. } => "no_s256",
            Self::NoWayToRegister { .. } => "no_way_to_register",
            Self::RegistrationClosed { .. } => "registration_closed",
            Self::ForeignClient { .. } => "foreign_client",
            Self::UnconfirmedIssuer { .. } => "unconfirmed_issuer",
            Self::RedirectUriNotRegistered { .. } => "redirect_uri_not_registered",
            Self::NoSecretMethod { .. } => "no_secret_method",
            Self::NoClientAuthentication { .. } => "no_client_authentication",
            Self::NoSigningAlgorithm { .. } => "no_signing_algorithm",
            Self::NoDpopAlgorithm { .. } => "no_dpop_algorithm",
            Self::GrantNotListed { .. } => "grant_not_listed",
            Self::ClientRefused { .. } => "client_refused",
            Self::RegisteredClientRefused { .. } => "registered_client_refused",
            Self::TokenType { .. } => "token_type",
            Self::DpopRequired { .. } => "dpop_required",
            Self::DpopNotOffered { .. } => "dpop_not_offered",
            Self::TokenNotBound { .. } => "token_not_bound",
            Self::ClocksDiffer { .. } => "clocks_differ",
            Self::NoBearerHeader { .. } => "no_bearer_header",
            Self::PushedRequestsRequired { .. } => "pushed_requests_required",
            Self::DeviceCodesNotOffered { .. } => "device_codes_not_offered",
            Self::ScopesDoNotFit { .. } => "scopes_do_not_fit",
            Self::BearerRefused { .. } => "bearer_refused",
            Self::StillRefused { .. } => "still_refused",
            Self::ProofRefused { .. } => "proof_refused",
            Self::LoginInVain { .. } => "login_in_vain",
        }
    }

    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::NoS256 { advertised: true, .. }
            | Self::ProofRefused { .. }
            | Self::DpopNotOffered { .. }
            | Self::TokenNotBound { .. }
            | Self::LoginInVain { .. } => Actor::ServerOperator,
            Self::NoResourceMetadata { found, .. } | Self::NoServerMetadata { found, .. }
                if found.is_for_the_operator() =>
            {
                Actor::ServerOperator
            }
            Self::TokenType { .. } | Self::NoBearerHeader { .. } => Actor::Maintainer,
            _ => Actor::Developer,
        }
    }
}
