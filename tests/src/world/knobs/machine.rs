//! Choices about the grants without a user.

use serde_json::Value;

/// What the servers take as `aud` of an assertion, whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer identifier, as draft-ietf-oauth-rfc7523bis §4 wants it.
    Issuer,
    /// The URL of the token endpoint, as servers from before that.
    TokenEndpoint,
}

/// How the identity provider answers a sound exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdpForm {
    /// 400, or 401 for `invalid_client`, with this `error`.
    Refuse(String),
    /// The same with `max_age` and `acr_values` beside it: `insufficient_user_authentication`, if it says so.
    StepUp(String),
    /// `issued_token_type` is that of an access token.
    OtherIssuedType,
    /// No `issued_token_type`.
    NoIssuedType,
    /// `token_type` is `Bearer`.
    BearerType,
    /// `token_type` is `n_a`; sound otherwise.
    LowerCaseType,
    /// No `expires_in`; sound otherwise.
    NoExpiresIn,
    /// No `scope`; sound otherwise.
    NoScope,
    /// The ID-JAG has no `resource`; sound otherwise.
    NoResourceClaim,
    /// The ID-JAG is encrypted: nobody but the servers can read it. Sound otherwise.
    Opaque,
    /// The ID-JAG is for another authorization server.
    ForeignAudience,
    /// The ID-JAG is for another client.
    ForeignClient,
    /// The ID-JAG has these claims instead of its own; `null` takes one out.
    Claims(Value),
}
