//! What an answer was taken for, and the words for it.

use alloc::boxed::Box;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::auth_method::AuthMethod;
use crate::json::{Defect, MemberNames};
use crate::plain::Plain;
use crate::tolerance::Tolerances;
use crate::url::UrlDefect;

/// What an answer was taken for, and what that led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// A document that can be used.
    Document {
        /// What was tolerated in it.
        #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
        tolerated: Tolerances,
        /// Which members were not as they should be.
        #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
        misshapen: MemberNames,
    },
    /// There is no such document here: the next place is looked at, if there is one.
    NothingHere {
        /// What is wrong with the answer; `None` if its status says it all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        defect: Option<Defect>,
    },
    /// No answer, or one that says "not now": the next place is looked at, if there is one.
    OutOfReach,
    /// What a challenge names is no URL that may be used: the document is looked for where it has to lie.
    Unusable {
        /// Which rule it breaks.
        defect: UrlDefect,
    },
    /// A document that must not be used, and need not be: the authorization server is known beforehand.
    NotUsed {
        /// [`Error::code`](crate::Error::code) of what is wrong with it.
        code: Box<str>,
    },
    /// What is known of the provider is applied to what follows.
    Profile {
        /// The provider's name for people.
        name: Box<str>,
    },
    /// The document has moved within the origin, and is asked for there.
    Moved {
        /// Where, without the query.
        to: Box<str>,
    },
    /// The MCP server redirects to where no token may go, or asks for another request.
    LeadsAway {
        /// Where, without the query.
        to: Box<str>,
    },
    /// The client is registered.
    Registered {
        /// What was tolerated in the answer.
        #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
        tolerated: Tolerances,
        /// Which members were not as they should be.
        #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
        misshapen: MemberNames,
    },
    /// The request is pushed: the browser shows a reference to it.
    Pushed {
        /// How long that is good for, in seconds.
        lifetime: u64,
        /// What was tolerated in the answer.
        #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
        tolerated: Tolerances,
        /// Which members were not as they should be.
        #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
        misshapen: MemberNames,
    },
    /// The user is shown a code, and consents on another device.
    Codes {
        /// What was tolerated in the answer.
        #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
        tolerated: Tolerances,
        /// Which members were not as they should be.
        #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
        misshapen: MemberNames,
    },
    /// The user has not consented on another device yet, or nobody said: the server is asked again later.
    Pending,
    /// The user came back with a code.
    CameBack,
    /// The user came back from another login, or somebody made the redirect up: still waiting.
    OtherLogin,
    /// Tokens.
    Tokens {
        /// How long the access token lives, in seconds, if the server says.
        lifetime: Option<u64>,
        /// Whether a refresh token came along.
        refresh_token: bool,
        /// What the login lacked to get one, if that is known: a scope, or a parameter with its value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lacks: Option<Box<str>>,
        /// What was tolerated in the answer.
        #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
        tolerated: Tolerances,
        /// Which members were not as they should be.
        #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
        misshapen: MemberNames,
    },
    /// The tokens could not be renewed; the old ones are used while they live.
    Postponed {
        /// [`Error::code`](crate::Error::code) of the reason.
        code: Box<str>,
    },
    /// A token is revoked.
    Revoked,
    /// The MCP server answered a request without a token, and asked for no login.
    NoLoginAskedFor,
    /// The MCP server refused a request of the application.
    Refused {
        /// What is done about it.
        remedy: Remedy,
        /// Names `scope` if the challenge's scopes were not all read
        /// ([`ResourceChallenge::misshapen`](crate::wire::ResourceChallenge)).
        #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
        misshapen: MemberNames,
    },
    /// The authorization server refused the client, or a scope, and something else is tried.
    Retried {
        /// The server's code.
        refusal: Box<str>,
        /// What is tried.
        retry: Retry,
    },
    /// It ends the login, the refresh or the revocation.
    Failed {
        /// [`Error::code`](crate::Error::code) of the reason.
        code: Box<str>,
    },
}

/// What is done about a request that the MCP server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// The request is sent again with another token that is there by now.
    OtherToken,
    /// The token was issued just now: it is sent again in a moment.
    Wait,
    /// The request is sent again with the server's nonce in its proof (RFC 9449 §9).
    Nonce,
    /// The request is sent again with a new proof.
    Proof,
    /// The token is refreshed.
    Refresh,
    /// A login.
    Login,
    /// A login that asks for the scopes that are missing as well.
    WiderLogin,
    /// Nothing is left that was not tried.
    GiveUp,
}

/// What is tried after the authorization server refused the client, or a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// The same request, the client authenticated in another way.
    OtherMethod {
        /// How.
        method: AuthMethod,
    },
    /// A new registration, for a client that authenticates in another way. The user is sent once more.
    Registration {
        /// How.
        method: AuthMethod,
    },
    /// A new registration that names the scopes that are asked for. The user is sent once more.
    WiderRegistration,
    /// The same request, with the server's nonce in its proof (RFC 9449 §8).
    Nonce,
    /// The same request, with a new proof.
    Proof,
}

impl Finding {
    /// Its name where it is written down and in logs; it never changes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Document { .. } => "document",
            Self::NothingHere { .. } => "nothing_here",
            Self::OutOfReach => "out_of_reach",
            Self::Unusable { .. } => "unusable",
            Self::NotUsed { .. } => "not_used",
            Self::Profile { .. } => "profile",
            Self::Moved { .. } => "moved",
            Self::LeadsAway { .. } => "leads_away",
            Self::Registered { .. } => "registered",
            Self::Pushed { .. } => "pushed",
            Self::Codes { .. } => "codes",
            Self::Pending => "pending",
            Self::CameBack => "came_back",
            Self::OtherLogin => "other_login",
            Self::Tokens { .. } => "tokens",
            Self::Postponed { .. } => "postponed",
            Self::Revoked => "revoked",
            Self::NoLoginAskedFor => "no_login_asked_for",
            Self::Refused { .. } => "refused",
            Self::Retried { .. } => "retried",
            Self::Failed { .. } => "failed",
        }
    }

    /// [`Error::code`](crate::Error::code) of the reason, where something failed.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Postponed { code } | Self::Failed { code } | Self::NotUsed { code } => Some(code),
            _ => None,
        }
    }

    /// A document in which nothing had to be tolerated.
    pub(crate) fn document() -> Self {
        Self::Document { tolerated: Tolerances::NONE, misshapen: MemberNames::default() }
    }

    pub(crate) fn failed(error: &crate::Error) -> Self {
        Self::Failed { code: error.code().into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { tolerated, misshapen } => {
                write!(f, "a document that can be used{tolerated}{misshapen}")
            }
            Self::NothingHere { defect: None } => f.write_str("not here"),
            Self::NothingHere { defect: Some(defect) } => write!(f, "not here: {defect}"),
            Self::OutOfReach => f.write_str("out of reach for now: looking elsewhere"),
            Self::Unusable { defect } => {
                write!(f, "not asked, because {defect}: looking elsewhere")
            }
            Self::NotUsed { code } => {
                write!(f, "not used ({code}): the server is known beforehand")
            }
            Self::Profile { name } => write!(f, "what is known of {name} is applied"),
            Self::Moved { to } => write!(f, "moved to {}: asking there", Plain(to)),
            Self::LeadsAway { to } => {
                write!(f, "a redirect to {}, which is not followed", Plain(to))
            }
            Self::Registered { tolerated, misshapen } => {
                write!(f, "the client is registered{tolerated}{misshapen}")
            }
            Self::Pushed { lifetime, tolerated, misshapen } => {
                write!(f, "the request is pushed, good for {lifetime} s{tolerated}{misshapen}")
            }
            Self::Codes { tolerated, misshapen } => {
                write!(f, "a code for the user to type on another device{tolerated}{misshapen}")
            }
            Self::Pending => f.write_str("the user has not consented yet: asking again later"),
            Self::CameBack => f.write_str("the user came back with a code"),
            Self::OtherLogin => f.write_str("not the answer to this login: still waiting"),
            Self::Tokens { lifetime, refresh_token, lacks, tolerated, misshapen } => {
                let refresh = if *refresh_token { "with" } else { "without" };
                write!(f, "tokens, {refresh} a refresh token")?;
                if let Some(lacks) = lacks {
                    write!(f, ", which takes {lacks}")?;
                }
                f.write_str(", ")?;
                match lifetime {
                    Some(seconds) => write!(f, "good for {seconds} s{tolerated}{misshapen}"),
                    None => write!(f, "good until refused{tolerated}{misshapen}"),
                }
            }
            Self::Postponed { code } => {
                write!(f, "not renewed ({}): the old token is used while it lives", Plain(code))
            }
            Self::Revoked => f.write_str("revoked"),
            Self::NoLoginAskedFor => f.write_str("no login is asked for"),
            Self::Refused { remedy, misshapen } => {
                f.write_str(match remedy {
                    Remedy::Nonce => "refused: sending it again with the nonce that it wants",
                    Remedy::Proof => "refused: sending it again with a new proof",
                    Remedy::OtherToken => "refused; another token is there by now: sending again",
                    Remedy::Wait => {
                        "refused; the token was issued just now: sending it again in a moment"
                    }
                    Remedy::Refresh => "refused: refreshing the token",
                    Remedy::Login => "refused: a login is needed",
                    Remedy::WiderLogin => "refused for a missing scope: a login that asks for more",
                    Remedy::GiveUp => "refused still: giving up",
                })?;
                f.write_str(if misshapen.is_empty() { "" } else { "; not all could be read" })?;
                misshapen.fmt(f)
            }
            Self::Retried { refusal, retry } => {
                write!(f, "refused (`{}`): ", Plain(refusal))?;
                match retry {
                    Retry::OtherMethod { method } => {
                        write!(f, "sending it again with {}", method.as_str())
                    }
                    Retry::Registration { method } => {
                        write!(f, "registering again with {}", method.as_str())
                    }
                    Retry::WiderRegistration => f.write_str("registering again with these scopes"),
                    Retry::Nonce => f.write_str("sending it again with the nonce that it wants"),
                    Retry::Proof => f.write_str("sending it again with a new proof"),
                }
            }
            Self::Failed { code } => write!(f, "failed: {}", Plain(code)),
        }
    }
}
