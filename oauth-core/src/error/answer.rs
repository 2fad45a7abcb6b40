//! What a server answers instead of what was asked for.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Actor, Obstacle, refusal_code};
use crate::http::Endpoint;
use crate::json::Defect;
use crate::plain::Plain;
use crate::profile::Profile;

/// A refusal in the words of OAuth (RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2).
///
/// # Security
///
/// `description` and `uri` are the server's words, unchecked: escape them wherever they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the {endpoint} refused with `{}`", Plain(.code))]
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
    /// Whether a person said no (RFC 6749 §4.1.2.1, RFC 8628 §3.5). Some servers say the same of a scope that the user or
    /// the client may not have, which is nobody's decision: their description tells.
    #[must_use]
    pub fn is_denied_by_user(&self) -> bool {
        let is_asked =
            matches!(self.endpoint, Endpoint::Authorization | Endpoint::DeviceAuthorization);
        is_asked && self.is_denial() && !self.denies_scope()
    }

    fn is_denial(&self) -> bool {
        &*self.code == "access_denied"
    }

    fn denies_scope(&self) -> bool {
        let words = self.description.as_deref().unwrap_or_default();
        self.is_denial() && words.to_ascii_lowercase().contains("scope")
    }

    /// Whether the server may answer otherwise later (RFC 6749 §4.1.2.1).
    #[must_use]
    pub fn is_for_now(&self) -> bool {
        matches!(&*self.code, "server_error" | "temporarily_unavailable" | "slow_down")
    }

    /// Whether somebody else may register there, with credentials of their own for instance.
    fn is_closed_registration(&self) -> bool {
        self.endpoint == Endpoint::Registration
            && !self.is_for_now()
            && !matches!(&*self.code, "invalid_redirect_uri" | "invalid_client_metadata")
    }

    /// Whether it is the resource parameter that is refused, however well it names the resource: Microsoft
    /// Entra says so in its description only, under more than one code.
    fn refuses_resource(&self) -> bool {
        let words = self.description.as_deref().unwrap_or_default();
        Profile::any_refuses_resource(words)
    }

    /// Whether the server does not know the client, or not in the way in which it authenticates (RFC 6749
    /// §5.2); also in the words of Python servers, GitHub and Slack.
    pub(crate) fn is_about_client(&self) -> bool {
        ABOUT_CLIENT.contains(&&*self.code)
    }

    /// Whether a scope is refused (RFC 6749 §4.1.2.1, §5.2).
    pub(crate) fn is_about_scope(&self) -> bool {
        &*self.code == "invalid_scope"
    }

    /// Whether the proof lacks the nonce that the answer brings (RFC 9449 §8): nothing was spent.
    #[must_use]
    pub fn wants_dpop_nonce(&self) -> bool {
        &*self.code == "use_dpop_nonce"
    }

    /// Whether the proof is refused (RFC 9449 §5), and not what was sent with it.
    #[must_use]
    pub fn is_invalid_dpop_proof(&self) -> bool {
        &*self.code == "invalid_dpop_proof"
    }

    pub(super) fn error_code(&self) -> &'static str {
        refusal_code::code(self)
    }

    pub(super) fn actor(&self) -> Actor {
        match &*self.code {
            _ if self.is_closed_registration() => Actor::Developer,
            _ if self.denies_scope() => Actor::Developer,
            _ if self.is_denied_by_user() => Actor::User,
            "login_required" | "consent_required" | "expired_token" => Actor::User,
            code if SPENT.contains(&code) => Actor::User,
            _ if self.is_for_now() => Actor::Nobody,
            _ => Actor::Developer,
        }
    }

    pub(super) fn advice(&self) -> &'static str {
        match &*self.code {
            _ if self.is_closed_registration() => {
                "register a client with the authorization server by hand and set `client_id` (and \
                 `client_secret`), or host a client metadata document and set `client_metadata_url`"
            }
            _ if self.refuses_resource() => {
                "leave the resource out of requests with `ResourceMode::Omit`: with this server the scopes \
                 name it (set them with `scope` if the resource metadata lists none)"
            }
            _ if self.denies_scope() => {
                "a scope is refused, not the login: ask for other scopes with `scope`, or have the operator \
                 of the authorization server allow it"
            }
            _ if self.is_denied_by_user() => {
                "the user declined, or may not have access; ask again only if the user wants to"
            }
            _ if self.endpoint == Endpoint::IdentityProvider => self.advice_of_provider(),
            code if SPENT.contains(&code) => "the login has ended; log in again",
            "login_required" | "consent_required" => "log in again, and finish in the browser",
            "expired_token" => "log in again, and enter the code before it expires",
            _ if self.is_about_client() => {
                "the authorization server does not know the client (any more): check `client_id` and \
                 `client_secret`"
            }
            "invalid_scope" => "ask for other scopes with `scope`",
            "invalid_target" => "the authorization server does not know this resource",
            "invalid_dpop_proof" => {
                "check this machine's clock, as proofs are good for a few minutes only; if it is right, tell the \
                 server's operator"
            }
            "use_dpop_nonce" => {
                "tell the server's operator: it does not take the nonces that it gives out"
            }
            "invalid_redirect_uri"
            | "invalid_client_metadata"
            | "redirect_uri_mismatch"
            | "bad_redirect_uri" => {
                "set a `callback_port` or `callback_url` that the authorization server allows, or a \
                 `client_id`"
            }
            _ if self.is_for_now() && self.endpoint == Endpoint::Token => AGAIN_OR_ANEW,
            _ if self.is_for_now() => "try again later",
            _ => "look at the server's own words in `description`",
        }
    }

    /// The same for what a user signed in with: no login at an authorization server mends that.
    fn advice_of_provider(&self) -> &'static str {
        match &*self.code {
            code if SPENT.contains(&code) => {
                "the identity provider does not take what the user signed in with (any more): sign in there again"
            }
            _ if self.is_about_client() => {
                "the identity provider does not know the client: check the client id and secret that are set for \
                 it, which are not those of the authorization server"
            }
            "invalid_target" | "access_denied" => {
                "the identity provider's administrator has to allow this client, or this user, that \
                 authorization server and resource"
            }
            "invalid_scope" => "ask for other scopes with `scope`",
            _ if self.is_for_now() => "try again later",
            _ => "look at the server's own words in `description`",
        }
    }
}

/// A code or refresh token is good for nothing (RFC 6749 §5.2), also in GitHub's and Slack's own words.
const SPENT: [&str; 5] = [
    "invalid_grant",
    "bad_verification_code",
    "bad_refresh_token",
    "invalid_code",
    "invalid_refresh_token",
];

/// The client is not known, or is not who it says.
const ABOUT_CLIENT: [&str; 5] = [
    "invalid_client",
    "unauthorized_client",
    "incorrect_client_credentials",
    "invalid_client_id",
    "bad_client_secret",
];

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
#[error("the {endpoint} {url:?} cannot be reached{}", reason(*.status, *.retry_after, *.obstacle))]
#[non_exhaustive]
pub struct Unreachable {
    /// What was asked.
    pub endpoint: Endpoint,
    /// The URL that was asked.
    pub url: Box<str>,
    /// The answer's status (408, 429 or 5xx), or `None` when there was no answer. While the token endpoint is left
    /// alone, the status of its last answer, whatever it was.
    pub status: Option<u16>,
    /// How long the server asks to wait; or for how long it is not asked again.
    pub retry_after: Option<Duration>,
    /// What stood between the request and an answer, if there was none and the host could tell.
    #[serde(default)]
    pub obstacle: Option<Obstacle>,
}

impl Unreachable {
    pub(super) fn actor(&self) -> Actor {
        match self.obstacle {
            Some(Obstacle::Tls | Obstacle::Proxy) => Actor::Developer,
            _ => Actor::Nobody,
        }
    }

    pub(super) fn advice(&self) -> &'static str {
        let may_last = |status: u16| !matches!(status, 408 | 429 | 502..=599);
        if self.endpoint == Endpoint::Token && self.status.is_some_and(may_last) {
            return AGAIN_OR_ANEW;
        }
        self.obstacle.unwrap_or(Obstacle::Connection).advice()
    }

    /// A certificate that is not trusted is not trusted a minute later.
    pub(super) fn is_for_now(&self) -> bool {
        self.obstacle != Some(Obstacle::Tls)
    }
}

/// What helps where a grant cannot be renewed, perhaps for now and perhaps for ever.
pub(super) const AGAIN_OR_ANEW: &str = "try again later; if it stays like that, a new login helps (`login`), and \
     what is stored is kept until it has brought tokens";

fn reason(
    status: Option<u16>,
    retry_after: Option<Duration>,
    obstacle: Option<Obstacle>,
) -> String {
    match (status, retry_after) {
        (None, _) => obstacle.map_or_else(String::new, |obstacle| alloc::format!(": {obstacle}")),
        (Some(status), None) => alloc::format!(" now (status {status})"),
        (Some(status), Some(pause)) => {
            alloc::format!(" now (status {status}: wait {} s)", pause.as_secs())
        }
    }
}
