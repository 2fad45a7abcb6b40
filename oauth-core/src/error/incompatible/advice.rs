//! What helps where a server does what it may, and this client cannot work with it.

use crate::error::{Absence, PeerIncompatible};

impl PeerIncompatible {
    pub(in crate::error) fn advice(&self) -> &'static str {
        match self {
            Self::NoResourceMetadata { found: Absence::Refused { .. }, .. }
            | Self::NoServerMetadata { found: Absence::Refused { .. }, .. } => {
                "the server's operator has to let everybody read it: a firewall, a proxy or a login may stand \
                 in front of it; until then, give the authorization server's endpoints with `provider`"
            }
            Self::NoResourceMetadata { found: Absence::Unusable { .. }, .. }
            | Self::NoServerMetadata { found: Absence::Unusable { .. }, .. } => {
                "check the server URL; if it is right, the server's operator has to correct that; until then, \
                 give the authorization server's endpoints with `provider`"
            }
            Self::NoResourceMetadata { .. } => {
                "give the authorization server's endpoints with `provider`, or allow servers of the \
                 2025-03-26 specification with `Tolerance::Legacy20250326`"
            }
            Self::NoAuthorizationServer { .. } | Self::NoServerMetadata { .. } => {
                "give the authorization server's endpoints with `provider`"
            }
            Self::NoS256 { advertised: false, .. } => {
                "if the server is known to support S256 without saying so, tolerate that with \
                 `Tolerance::UnlistedS256`"
            }
            Self::NoS256 { .. } => "the authorization server's operator has to support S256",
            Self::NoWayToRegister { .. } | Self::RegistrationClosed { .. } => {
                "register a client with the authorization server by hand and set `client_id` (and \
                 `client_secret`), or host a client metadata document and set `client_metadata_url`"
            }
            Self::ForeignClient { .. } => {
                "make sure that the change of authorization server is right, then set `client_id` and \
                 `client_issuer` for the new one"
            }
            Self::UnconfirmedIssuer { .. } => {
                "if that is where the client was registered, set it as `client_issuer`"
            }
            Self::RedirectUriNotRegistered { .. } => {
                "set a `callback_port` or `callback_url` that the authorization server allows, or a \
                 `client_id` registered with this redirect URI"
            }
            Self::NoSecretMethod { .. } => {
                "leave `client_secret` out if the client is a public one; else the server's operator has to \
                 allow `client_secret_post` or `client_secret_basic`"
            }
            Self::ClientRefused { .. } => {
                "check `client_id` and `client_secret`; if the server's operator names a way to \
                 authenticate, set it with `token_endpoint_auth_method`"
            }
            Self::RegisteredClientRefused { .. } => {
                "tell the server's operator; or register a client by hand and set `client_id` (and \
                 `client_secret`)"
            }
            Self::NoClientAuthentication { .. } => {
                "set a `client_id` with the `client_secret` that belongs to it; signed assertions are not \
                 supported"
            }
            Self::GrantNotListed { .. } => {
                "ask the server's operator to offer this grant, or use one that the server lists"
            }
            Self::NoSigningAlgorithm { .. } => {
                "register another key with the authorization server, for an algorithm that it lists"
            }
            Self::NoDpopAlgorithm { .. } => {
                "use another key for DPoP, one for an algorithm that the server lists (most list ES256)"
            }
            Self::TokenType { found } if found.eq_ignore_ascii_case("dpop") => {
                "nobody has asked for tokens that are bound to a key: if the MCP server wants them, allow it with \
                 `dpop`"
            }
            Self::TokenType { .. } => {
                "tokens of this type are not supported; ask the server's operator for bearer tokens"
            }
            Self::DpopRequired { .. } => "allow such tokens: leave the setting `dpop` out",
            Self::DpopNotOffered { .. } | Self::TokenNotBound { .. } => {
                "ask the operators of the MCP server and of the authorization server: they disagree about tokens that \
                 are bound to a key (DPoP); or leave `dpop` out if you have set it"
            }
            Self::ClocksDiffer { .. } => {
                "set this machine's clock; if it is right, tell the server's operator that theirs is not"
            }
            Self::NoBearerHeader { .. } => {
                "tokens in a request's body or URL are not supported: they end up in logs"
            }
            Self::PushedRequestsRequired { .. } => {
                "let the request be pushed: leave the setting `par` out; if you have not set it, the server's operator has \
                 to name where requests are pushed to"
            }
            Self::DeviceCodesNotOffered { .. } => {
                "leave `device_code` out: the user logs in with a browser then, or pastes the address that it comes \
                 back to; or ask the server's operator to offer the device authorization grant"
            }
            Self::NoLoginAskedFor { .. } => {
                "send requests without a token if the server is open to all; otherwise see that the URL \
                 is that of its MCP endpoint"
            }
            Self::Redirected { .. } => {
                "set the URL of the MCP endpoint itself; it may be the one that the server redirects to"
            }
            Self::ScopesDoNotFit { .. } => {
                "ask for the scopes that are needed, and no others, with `scope`, and log in with `login`"
            }
            Self::BearerRefused { .. } => "set another token, or none so that the user can log in",
            Self::StillRefused { .. } => {
                "the user may lack the permission, or the server does not take the tokens of the \
                 authorization server that it names"
            }
            Self::ProofRefused { .. } => {
                "tell the server's operator: it does not take proofs (DPoP) that were made for it"
            }
            Self::LoginInVain { .. } => {
                "see that the server takes the tokens of the authorization server that it names; to log \
                 in again before that time, call `login`"
            }
        }
    }
}
