//! What a server must not do.

use alloc::boxed::Box;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::http::Endpoint;
use crate::json::MemberNames;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::UrlDefect;

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
    /// A name that a document led to resolves to an address that is not public. Nothing was sent.
    #[error("the {endpoint} {url:?} must not be asked: it is at {address}, which is not public")]
    PrivateAddress {
        /// What was to be asked.
        endpoint: Endpoint,
        /// The URL that was to be asked.
        url: Box<str>,
        /// Where its host is.
        address: IpAddr,
    },
    /// An access token has characters that may not stand in a header field (RFC 6750 §2.1).
    #[error("the access token cannot be sent: it has characters that tokens may not have")]
    UnsendableToken,
    /// The identity provider was asked for an identity assertion grant (ID-JAG), and issued a token of another
    /// type (RFC 8693 §2.2.1). It is not used: it may be good at other places.
    #[error("the identity provider issued no identity assertion grant: `{member}` is {found:?}")]
    NotAnIdJag {
        /// The member of its answer that says so.
        member: Box<str>,
        /// What that says.
        found: Box<str>,
    },
    /// The identity provider issued an identity assertion grant (ID-JAG) that is for another authorization server, or
    /// for another client there, than it was asked for. It was passed on to nobody.
    #[error("the identity provider issued a grant whose `{claim}` is {found:?}, not {expected:?}")]
    ForeignIdJag {
        /// The claim that says so.
        claim: Box<str>,
        /// What it should say.
        expected: Box<str>,
        /// What it says.
        found: Box<str>,
    },
    /// A server strays from a specification in a way that the policy refuses.
    ///
    /// Tokens that it concerns are stored: once the policy tolerates that, they are used.
    #[error("the answer of the {endpoint} strays from the specification: {tolerance}{misshapen}")]
    NotTolerated {
        /// What was asked.
        endpoint: Endpoint,
        /// How it strays.
        tolerance: Tolerance,
        /// Which members are meant, where [`Tolerance::MisshapenMembers`] is refused.
        #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
        misshapen: MemberNames,
    },
}

impl PeerMisbehaved {
    /// Whether what an answer needs is tolerated.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::NotTolerated`].
    pub(crate) fn check(
        endpoint: Endpoint,
        needed: Tolerances,
        misshapen: &MemberNames,
        tolerates: Tolerances,
    ) -> Result<(), Self> {
        let Some(tolerance) = needed.first_beyond(tolerates) else { return Ok(()) };
        let misshapen = match tolerance {
            Tolerance::MisshapenMembers => misshapen.clone(),
            _ => MemberNames::default(),
        };
        Err(Self::NotTolerated { endpoint, tolerance, misshapen })
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::IssuerMismatch { .. } => "issuer_mismatch",
            Self::ForeignResource { .. } => "foreign_resource",
            Self::StateMismatch => "state_mismatch",
            Self::WrongIss { .. } => "wrong_iss",
            Self::MissingIss { .. } => "missing_iss",
            Self::RepeatedParameter { .. } => "repeated_parameter",
            Self::NoAnswer => "no_answer",
            Self::UnsafeUrl { .. } => "unsafe_url",
            Self::PrivateAddress { .. } => "private_address",
            Self::UnsendableToken => "unsendable_token",
            Self::NotAnIdJag { .. } => "not_an_id_jag",
            Self::ForeignIdJag { .. } => "foreign_id_jag",
            Self::NotTolerated { .. } => "not_tolerated",
        }
    }

    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::IssuerMismatch { expected, found }
                if expected.trim_end_matches('/') == found.trim_end_matches('/') =>
            {
                "the server's operator has to publish its metadata under its own issuer; a slash more \
                 or less can be tolerated with `Tolerance::IssuerSlash`"
            }
            Self::IssuerMismatch { found, .. } if found.contains('{') => {
                "this issuer stands for any tenant: the server's operator has to name one; if you know \
                 yours, give its issuer and endpoints with `provider`"
            }
            Self::IssuerMismatch { .. } => {
                "do not log in, unless you know the authorization server and give its issuer and endpoints \
                 with `provider`; the server's operator has to publish its metadata under its own issuer"
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
            Self::UnsafeUrl { defect: UrlDefect::PrivateAddress, .. }
            | Self::PrivateAddress { .. } => {
                "if the host is in a network of yours, allow it by name with `private_host`; otherwise \
                 do not use this server"
            }
            Self::UnsafeUrl { .. } => "the server's operator has to publish an https URL",
            Self::NotTolerated { .. } => {
                "tell the server's operator, or do not refuse this tolerance in the `Policy`"
            }
            Self::UnsendableToken => "tell the authorization server's operator",
            Self::ForeignIdJag { .. } => {
                "the identity provider's administrator has to say which client this one is at the authorization \
                 server; check the client id that is set for it"
            }
            Self::NotAnIdJag { .. } => {
                "the identity provider has to issue identity assertion grants (ID-JAG) to this client: ask its \
                 operator"
            }
        }
    }
}
