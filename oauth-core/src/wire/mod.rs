//! What is said to each endpoint, and how its answer is read. No state is kept here.
//!
//! | endpoint | file | documents |
//! |---|---|---|
//! | the MCP server's 401 and 403 | `challenge` | RFC 9110 §11, RFC 6750 §3, RFC 9728 §5 |
//! | resource metadata | `resource_metadata` | RFC 9728 |
//! | authorization server metadata | `server_candidate`, `server_metadata` | RFC 8414, OpenID Connect Discovery 1.0 |
//! | registration | `registration` | RFC 7591, client ID metadata documents |
//! | authorization | `authorization`, `pkce`, `dialect` | RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9207 |
//! | token | `token`, `client_auth` | RFC 6749 §4.1.3, §5, §6, RFC 6750, RFC 8707 |
//!
//! The types that a whole document is read into, with every member that came, are the public ones:
//! [`ProtectedResourceMetadata`], [`ServerOAuthMetadata`], [`ClientRegistrationResponse`] and
//! [`TokenData`]. The machine itself reads documents into smaller ones that hold what it acts on.

mod answer;
mod authorization;
mod bearer;
mod challenge;
mod client_auth;
mod client_metadata;
mod dialect;
pub(crate) mod id_token;
mod issuer;
mod parameters;
mod pkce;
mod port;
mod registration;
mod resource_metadata;
mod revocation;
mod server_candidate;
mod server_document;
mod server_metadata;
mod sought;
mod token;
mod token_answer;

pub use crate::auth_method::AuthMethod;
pub use authorization::{AuthorizationUrl, redirect_state};
pub use bearer::BearerAuth;
pub use challenge::{Challenge, Challenges, ResourceChallenge, Scheme, challenges};
pub use client_metadata::ClientMetadata;
pub use dialect::{PromptMode, ResourceMode};
pub use issuer::Issuer;
pub(crate) use registration::ClientSecret;
pub use registration::{ClientRegistrationResponse, Registration, RegistrationKind};
pub use resource_metadata::ProtectedResourceMetadata;
pub use server_document::{OAuthClientProvider, ServerOAuthMetadata};
pub use server_metadata::{Provenance, ServerMetadata};
pub use sought::{LoginHint, Prompt};
pub use token::{TokenData, TokenType};

pub(crate) use answer::{accepted, malformed};
pub(crate) use authorization::{
    AuthorizationCode, Consented, OFFLINE_ACCESS, authorization_url, read_redirect,
};
pub(crate) use client_auth::AuthMethods;
pub(crate) use dialect::{Dialect, Parameter};
pub(crate) use parameters::{is_of_authorization, is_of_token};
pub(crate) use port::Port;
pub(crate) use registration::{RegistrationRequest, register_request, registered};
pub(crate) use resource_metadata::{ResourceCandidate, ResourceMetadata};
pub(crate) use revocation::{Hint, revocation_request, revoked};
pub(crate) use server_candidate::ServerCandidate;
pub(crate) use sought::Sought;
pub(crate) use token::{NoToken, TokenParties, code_request, issued, refresh_request};
