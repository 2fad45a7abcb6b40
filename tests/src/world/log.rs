//! What happened: one entry per request, and the questions tests ask about them.

use serde_json::Value;

use super::World;

/// Whose authority a request went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The MCP server, which in the legacy worlds is also the authorization server.
    McpServer,
    /// The first authorization server.
    AuthServer,
    /// The second authorization server.
    AuthServer2,
    /// The third authorization server.
    AuthServer3,
    /// The enterprise's identity provider.
    IdentityProvider,
    /// An authority that is not part of the world; the answer was 404.
    Elsewhere,
}

/// The grant of a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `authorization_code`.
    Code,
    /// `refresh_token`.
    Refresh,
    /// `client_credentials`.
    ClientCredentials,
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`: of a workload, or the second leg of enterprise-managed
    /// authorization.
    JwtBearer,
    /// `urn:ietf:params:oauth:grant-type:token-exchange`, which only the identity provider knows.
    Exchange,
    /// `urn:ietf:params:oauth:grant-type:device_code`: a poll.
    Device,
    /// Anything else, which is refused.
    Other,
}

impl Grant {
    /// The value of `grant_type`; of [`Other`](Self::Other) nothing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "authorization_code",
            Self::Refresh => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Exchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::Device => "urn:ietf:params:oauth:grant-type:device_code",
            Self::Other => "",
        }
    }

    /// The grant of a `grant_type`.
    pub(super) fn named(name: &str) -> Self {
        let all = [
            Self::Code,
            Self::Refresh,
            Self::ClientCredentials,
            Self::JwtBearer,
            Self::Exchange,
            Self::Device,
        ];
        all.into_iter().find(|grant| grant.as_str() == name).unwrap_or(Self::Other)
    }
}

/// What a request was for, by its path: misses count too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// RFC 9728 metadata, at whatever place the client looked.
    ResourceMetadata,
    /// RFC 8414 or OpenID metadata, at whatever place the client looked.
    ServerMetadata,
    /// Dynamic registration.
    Register,
    /// The authorization endpoint, visited by the user.
    Authorize,
    /// The token endpoint.
    Token(Grant),
    /// The revocation endpoint (RFC 7009).
    Revoke,
    /// The endpoint for pushed authorization requests (RFC 9126).
    Push,
    /// The device authorization endpoint (RFC 8628).
    Device,
    /// The page where a user enters a device's code.
    Verify,
    /// The MCP endpoint with the JSON-RPC method, or `GET` and `DELETE`, or nothing if unreadable.
    Mcp(String),
    /// Any other path.
    Other,
}

/// One request and how it was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Whose authority it went to.
    pub who: Party,
    /// What it was for.
    pub what: What,
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The decoded parameters of the query, then those of a form body.
    pub parameters: Vec<(String, String)>,
    /// The JSON body, or `null`.
    pub json: Value,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused, or what is odd about it.
    pub note: Option<String>,
}

impl Exchange {
    /// The first value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl World {
    /// How many requests were for this, at any server.
    pub fn count(&self, what: What) -> usize {
        self.requests(what).len()
    }

    /// How many requests went to this server.
    pub fn count_at(&self, who: Party) -> usize {
        self.log.iter().filter(|exchange| exchange.who == who).count()
    }

    /// How many token requests there were, of every grant.
    pub fn token_requests(&self) -> usize {
        self.log.iter().filter(|exchange| matches!(exchange.what, What::Token(_))).count()
    }

    /// How many requests there were besides those to the MCP endpoint.
    pub fn oauth_requests(&self) -> usize {
        self.log.iter().filter(|exchange| !matches!(exchange.what, What::Mcp(_))).count()
    }

    /// The requests for this, in order.
    #[expect(clippy::needless_pass_by_value, reason = "tests write the value in place")]
    pub fn requests(&self, what: What) -> Vec<&Exchange> {
        self.log.iter().filter(|exchange| exchange.what == what).collect()
    }

    /// The `scope` of each authorization request, in order.
    pub fn scopes_asked(&self) -> Vec<Option<&str>> {
        let requests = self.requests(What::Authorize);
        requests.into_iter().map(|exchange| exchange.parameter("scope")).collect()
    }
}
