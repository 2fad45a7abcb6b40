//! What is said to each endpoint, and how its answer is read. No state is kept here.
//!
//! | endpoint | file | documents |
//! |---|---|---|
//! | the MCP server's 401 and 403 | `challenge` | RFC 9110 §11, RFC 6750 §3, RFC 9728 §5 |
//! | resource metadata | `resource_metadata` | RFC 9728 |
//! | authorization server metadata | `server_candidate`, `server_metadata` | RFC 8414, OpenID Connect Discovery 1.0 |
//! | registration | `registration` | RFC 7591, client ID metadata documents |
//! | authorization | `authorization`, `pkce`, `dialect` | RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9207 |
//! | pushed authorization requests | `par` | RFC 9126 |
//! | device authorization, and polls for its tokens | `device` | RFC 8628 |
//! | token | `token`, `client_auth` | RFC 6749 §4.1.3, §5, §6, RFC 6750, RFC 8707 |
//! | token, for grants without a user | `machine_token` | RFC 6749 §4.4, RFC 7523 §2.1 |
//! | an identity provider's token endpoint | `exchange` | RFC 8693, identity assertion grants |
//! | all that bound tokens are got from or shown to | `dpop` | RFC 9449 |
//! | all that the client authenticates at | `client_assertion`, `jws` | RFC 7523 §2.2, RFC 7515 |
//!
//! The types that a whole document is read into, with every member that came, are the public ones:
//! [`ProtectedResourceMetadata`], [`ServerOAuthMetadata`], [`ClientRegistrationResponse`] and
//! [`TokenData`]. The machine itself reads documents into smaller ones that hold what it acts on.

mod answer;
mod authorization;
mod bearer;
mod challenge;
mod client_assertion;
mod client_auth;
mod client_metadata;
mod device;
mod dialect;
mod dpop;
mod exchange;
mod grant_types;
pub(crate) mod id_token;
mod issuer;
mod jws;
mod machine_token;
mod par;
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
mod token_type;

pub use crate::auth_method::AuthMethod;
pub use authorization::{AuthorizationUrl, redirect_state};
pub use bearer::BearerAuth;
pub use challenge::{Challenge, Challenges, ResourceChallenge, Scheme, challenges};
pub use client_assertion::{AssertionAudience, AssertionStyle, AssertionTyp, ClientIdMode};
pub use client_metadata::ClientMetadata;
pub use device::{DeviceCode, DevicePage};
pub use dialect::{PromptMode, ResourceMode};
pub use dpop::DpopNonce;
pub use exchange::{SubjectToken, SubjectTokenKind};
pub use issuer::Issuer;
pub use jws::{KeyDescription, Unsigned};
pub(crate) use registration::ClientSecret;
pub use registration::{ClientRegistrationResponse, Registration, RegistrationKind};
pub use resource_metadata::ProtectedResourceMetadata;
pub use server_document::{OAuthClientProvider, ServerOAuthMetadata};
pub use server_metadata::{Provenance, ServerMetadata};
pub use sought::{LoginHint, Prompt};
pub use token::TokenData;
pub use token_type::TokenType;

pub(crate) use answer::{malformed, read_success, refusal_of};
pub(crate) use authorization::{
    AuthorizationCode, AuthorizationRequest, authorization_url, read_redirect,
};
pub(crate) use client_assertion::{ClientAssertion, signing_algorithm};
pub(crate) use client_auth::{AuthMethods, Authentication};
pub(crate) use device::{Polled, device_request, poll_request, read_device_code, read_poll};
pub(crate) use dialect::{Dialect, Parameter};
pub(crate) use dpop::{DpopProof, check_clocks, dpop_algorithm};
pub(crate) use exchange::{Exchange, IdJag, exchange_request, read_id_jag};
pub(crate) use grant_types::GrantType;
pub(crate) use jws::{Jti, SignedJwt};
pub(crate) use machine_token::{
    client_credentials_request, jwt_bearer_request, read_machine_token,
};
pub(crate) use par::{PushedRequest, push_request, pushed_url, read_pushed};
pub(crate) use parameters::{is_of_authorization, is_of_token};
pub(crate) use port::Port;
pub(crate) use registration::{RegistrationRequest, read_registration, register_request};
pub(crate) use resource_metadata::{ResourceCandidate, ResourceMetadata};
pub(crate) use revocation::{Hint, read_revocation, revocation_request};
pub(crate) use server_candidate::ServerCandidate;
pub(crate) use server_metadata::{Purpose, Wanted};
pub(crate) use sought::Sought;
pub(crate) use token::{
    NoToken, TokenParties, TokenRequester, code_request, read_tokens, refresh_request,
};
