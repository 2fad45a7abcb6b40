//! Choices about authorization and tokens.

/// What `code_challenge_methods_supported` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PkceSupport {
    /// `S256`.
    S256,
    /// `plain` and `S256`.
    Both,
    /// `plain`; going on is a violation.
    PlainOnly,
    /// Nothing; S256 works all the same.
    Absent,
}

/// What the user does at the authorization endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Grants what was asked for.
    Grant,
    /// Grants this scope instead.
    GrantLess(String),
    /// Says no: `access_denied` with a description.
    Deny,
    /// The server fails: `server_error`.
    ServerError,
    /// The server answers this error code.
    Error(String),
    /// Nothing yet: a page, no redirect.
    Page,
}

/// The `iss` of the authorization response, errors included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssParameter {
    /// The issuer; in the legacy worlds nothing.
    Right,
    /// Nothing.
    Missing,
    /// The other server's issuer.
    Wrong,
    /// The issuer and a slash.
    WithSlash,
    /// The issuer without the slash at its end.
    WithoutSlash,
    /// The issuer, twice.
    Twice,
}

/// The `state` of the authorization response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateParameter {
    /// The client's.
    Right,
    /// Another.
    Wrong,
    /// None.
    Missing,
    /// The client's, twice.
    Twice,
}

/// The `code` of the authorization response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeParameter {
    /// One code.
    Right,
    /// Two different codes; the first is good.
    Twice,
    /// None, and no error either.
    Missing,
    /// A good code next to `error=access_denied`.
    WithError,
}

/// When refresh tokens are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTokens {
    /// With every code.
    Always,
    /// If `offline_access` was asked for.
    OnlyWithOfflineAccess,
    /// If `offline_access` was asked for with `prompt=consent` (OpenID Connect Core §11).
    OnlyWithConsentPrompt,
    /// Never.
    Never,
}

/// What happens to a refresh token when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// A new one takes its place; [`Reuse`] says what using the old one again does.
    Rotate,
    /// It stays valid, and the answer has no `refresh_token`.
    Keep,
}

/// What happens when a refresh token comes again that was rotated away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// The grant ends (RFC 9700 §4.14.2).
    EndsGrant,
    /// The request is refused, and the grant goes on: what replaced the token stays good.
    Refused,
    /// For so many seconds it is as good as before, for a client whose answer got lost; then the grant ends.
    Grace(u64),
}

/// What is wrong, or merely odd, in the token answer.
///
/// The request is handled first, so a code is spent, except for [`Refuse`](Self::Refuse) and
/// [`ErrorWith200`](Self::ErrorWith200).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// `expires_in` is a text with the number in it.
    ExpiresInText,
    /// No `expires_in`; the token expires all the same.
    NoExpiresIn,
    /// `expires_in` is 0; the token works all the same.
    ExpiresInZero,
    /// `expires_in` is -1.
    ExpiresInNegative,
    /// `token_type` is `bearer`.
    LowerCaseType,
    /// `token_type` is `mac`.
    MacType,
    /// No `token_type`.
    NoType,
    /// No `scope`.
    NoScope,
    /// The token is good for this scope only, and the answer says so.
    Narrower(String),
    /// No `access_token`.
    NoAccessToken,
    /// An empty `access_token`.
    EmptyAccessToken,
    /// An `access_token` with CR, LF and a header in it.
    CrLf,
    /// An `access_token` with a space in it.
    Space,
    /// This member has this JSON text, which may be no JSON that anybody can read.
    Member(&'static str, &'static str),
    /// Form-encoded instead of JSON.
    FormEncoded,
    /// 200 with this `error`.
    ErrorWith200(String),
    /// 400, or 401 for `invalid_client`, with this `error`.
    Refuse(String),
}
