//! Choices about finding the servers.

/// The form of `WWW-Authenticate` on a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// One `Bearer` challenge with `resource_metadata` and, if set, `scope`.
    Full,
    /// The same without `resource_metadata`.
    WithoutUrl,
    /// No header at all.
    Bare,
    /// Several lines, several schemes, quoted pairs, look-alike names and blanks around `=`.
    AmongOthers,
    /// Like `Full`, but the only scheme is `DPoP`; what is accepted is a matter of
    /// [`ResourceDpop`](super::ResourceDpop).
    Dpop,
    /// Like `Full` for `Bearer` and for `DPoP`, each in a line; an error stands in that of the request's scheme.
    BearerAndDpop,
    /// Like `Full`, with `resource_metadata` twice, which RFC 9110 §11.2 forbids.
    RepeatedUrl,
}

/// Where the resource metadata is; everywhere else is 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrmLocation {
    /// `/.well-known/oauth-protected-resource/mcp`.
    Path,
    /// `/.well-known/oauth-protected-resource`.
    Root,
    /// `/custom/metadata.json`, which only a challenge can tell.
    Custom,
    /// There is none, and challenges name none.
    Nowhere,
}

/// The `resource` in the resource metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrmResource {
    /// The URL of the MCP endpoint.
    Exact,
    /// The origin of the MCP server, right with [`PrmLocation::Root`].
    Origin,
    /// The URL of the MCP endpoint and a slash; not blamed, though RFC 9728 §3.3 wants identity.
    TrailingSlash,
    /// `https://evil.example.com/mcp`; going on is a violation.
    Foreign,
    /// The path `/mc`, a prefix of `/mcp` as text only; going on is a violation.
    PrefixSibling,
    /// Not there, though it is required; going on is a violation.
    Missing,
}

/// The `authorization_servers` in the resource metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrmServers {
    /// The first.
    One,
    /// The second.
    Second,
    /// The third.
    Third,
    /// The first, then the second.
    Both,
    /// The second, then the first.
    BothSecondFirst,
    /// The first with a slash that its issuer identifier does not have.
    OneWithSlash,
    /// An empty list.
    Empty,
    /// No member.
    Missing,
    /// Whatever the test says.
    Listed(Vec<String>),
}

/// What follows the origin in both issuer identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerPath {
    /// Nothing.
    Root,
    /// `/`, which belongs to the identifier.
    RootSlash,
    /// `/tenant1`; the root's metadata must not be asked for.
    Tenant,
    /// `/tenant1/`, with a slash that belongs to the identifier.
    TenantSlash,
}

/// Where an authorization server has its metadata; everywhere else is 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataLocation {
    /// `/.well-known/oauth-authorization-server` before the issuer's path.
    Rfc8414,
    /// `/.well-known/openid-configuration` before the issuer's path.
    OidcInserted,
    /// `/.well-known/openid-configuration` after the issuer's path.
    OidcAppended,
    /// Nowhere.
    Nowhere,
}

/// What is wrong in otherwise sound authorization server metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataForm {
    /// `issuer` is `https://honest.example.com`.
    IssuerForeign,
    /// `issuer` has a slash more than it should.
    IssuerWithSlash,
    /// There is no `issuer`.
    NoIssuer,
    /// There is no `token_endpoint`.
    NoTokenEndpoint,
    /// There is no `authorization_endpoint`.
    NoAuthorizationEndpoint,
    /// The token endpoint is `http`; no change in a world on loopback.
    HttpTokenEndpoint,
    /// The authorization endpoint is `http`; no change in a world on loopback.
    HttpAuthorizationEndpoint,
    /// The authorization endpoint is a `javascript:` URL.
    ScriptAuthorizationEndpoint,
    /// The token endpoint has a fragment.
    FragmentTokenEndpoint,
    /// `authorization_response_iss_parameter_supported` is the *text* `true`, which promises nothing.
    IssPromisedAsText,
}

/// Whether the MCP server is its own authorization server, as in 2025-03-26.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    /// It is not.
    Off,
    /// It has `/authorize`, `/token` and `/register` on its origin and no metadata.
    Endpoints,
    /// It has metadata at the root of its origin, and the endpoints under `/oauth`.
    Metadata,
}
