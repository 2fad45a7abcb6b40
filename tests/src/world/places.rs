//! Where everything is: origins, issuers, endpoints, and which request is for what.

use http::{Request, Uri};
use serde_json::Value;

use super::form::Form;
use super::{Grant, IssuerPath, Legacy, Party, PrmLocation, PrmResource, PrmServers, What, World};

/// The client id that the first authorization server knows without registration.
pub const PRE_CLIENT_ID: &str = "pre-client";

/// The secret of [`PRE_CLIENT_ID`].
pub const PRE_CLIENT_SECRET: &str = "pre-secret";

/// The client id that the identity provider knows: the host's, not the one at any authorization server.
pub const IDP_CLIENT_ID: &str = "idp-client";

/// The secret of [`IDP_CLIENT_ID`].
pub const IDP_CLIENT_SECRET: &str = "idp-secret";

/// The origins of a world, each without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// The MCP server's; the endpoint is `/mcp` on it.
    pub resource: String,
    /// The first authorization server's.
    pub auth: String,
    /// The second authorization server's.
    pub auth2: String,
    /// The third one's.
    pub auth3: String,
    /// The identity provider's.
    pub idp: String,
}

impl Default for Origins {
    fn default() -> Self {
        Self {
            resource: "https://mcp.example.com".into(),
            auth: "https://auth.example.com".into(),
            auth2: "https://auth2.example.com".into(),
            auth3: "https://auth3.example.com".into(),
            idp: "https://idp.example.com".into(),
        }
    }
}

/// One of the authorization servers, wherever it is hosted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    First,
    Second,
    Third,
}

impl Server {
    pub(super) const ALL: [Self; 3] = [Self::First, Self::Second, Self::Third];

    /// One that it is not.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second | Self::Third => Self::First,
        }
    }

    /// What the tokens of this server end with.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::First => "auth",
            Self::Second => "auth2",
            Self::Third => "auth3",
        }
    }
}

impl World {
    /// Gives the first authorization server another origin, without a trailing slash: a name for its
    /// address.
    pub fn name_auth_server(&mut self, origin: &str) {
        self.origins.auth = origin.into();
    }

    /// The URL of the MCP endpoint.
    pub fn server_url(&self) -> String {
        format!("{}/mcp", self.origins.resource)
    }

    /// The issuer identifier of the first authorization server.
    pub fn issuer(&self) -> String {
        self.issuer_of(Server::First)
    }

    /// The issuer identifier of the second authorization server.
    pub fn issuer2(&self) -> String {
        self.issuer_of(Server::Second)
    }

    /// The issuer identifier of the third authorization server.
    pub fn issuer3(&self) -> String {
        self.issuer_of(Server::Third)
    }

    /// The issuer identifier of the identity provider.
    pub fn idp_issuer(&self) -> String {
        self.origins.idp.clone()
    }

    /// The token endpoint of the identity provider.
    pub fn idp_token_endpoint(&self) -> String {
        format!("{}/token", self.origins.idp)
    }

    /// The token endpoint of the first authorization server.
    pub fn token_endpoint(&self) -> String {
        self.token_endpoint_of(Server::First)
    }

    /// Where the resource metadata is; `None` if it is nowhere.
    pub fn prm_url(&self) -> Option<String> {
        if self.knobs.legacy != Legacy::Off {
            return None;
        }
        let path = match self.knobs.prm_location {
            PrmLocation::Path => "/.well-known/oauth-protected-resource/mcp",
            PrmLocation::Root => PRM_ROOT,
            PrmLocation::Custom => PRM_CUSTOM,
            PrmLocation::Nowhere => return None,
        };
        Some(format!("{}{path}", self.origins.resource))
    }

    /// The value of the `resource` parameter that the authorization servers want.
    pub fn resource(&self) -> String {
        let origin = &self.origins.resource;
        if self.prm_url().is_none() {
            return self.server_url();
        }
        match self.knobs.prm_resource {
            PrmResource::Exact | PrmResource::Missing => self.server_url(),
            PrmResource::Origin => origin.clone(),
            PrmResource::TrailingSlash => format!("{origin}/mcp/"),
            PrmResource::Foreign => "https://evil.example.com/mcp".into(),
            PrmResource::PrefixSibling => format!("{origin}/mc"),
        }
    }

    pub(super) fn issuer_of(&self, server: Server) -> String {
        let origin = match server {
            Server::First if self.knobs.legacy != Legacy::Off => {
                return self.origins.resource.clone();
            }
            Server::First => &self.origins.auth,
            Server::Second => &self.origins.auth2,
            Server::Third => &self.origins.auth3,
        };
        format!("{origin}{}", self.knobs.issuer_path.as_str())
    }

    /// What the endpoints of a server begin with.
    pub(super) fn base_of(&self, server: Server) -> String {
        let issuer = self.issuer_of(server);
        match (server, self.knobs.legacy) {
            (Server::First, Legacy::Metadata) => format!("{issuer}/oauth"),
            _ => issuer.trim_end_matches('/').into(),
        }
    }

    pub(super) fn token_endpoint_of(&self, server: Server) -> String {
        format!("{}/token", self.base_of(server))
    }

    /// On whose authority a server is.
    pub(super) fn party_of(&self, server: Server) -> Party {
        match server {
            Server::First if self.knobs.legacy != Legacy::Off => Party::McpServer,
            Server::First => Party::AuthServer,
            Server::Second => Party::AuthServer2,
            Server::Third => Party::AuthServer3,
        }
    }

    /// The issuers that the resource metadata lists now.
    pub(super) fn listed(&self) -> Option<Vec<String>> {
        let (first, second) = (self.issuer(), self.issuer2());
        if self.migrated() {
            return Some(vec![second]);
        }
        match &self.knobs.prm_servers {
            PrmServers::One => Some(vec![first]),
            PrmServers::Second => Some(vec![second]),
            PrmServers::Third => Some(vec![self.issuer3()]),
            PrmServers::Both => Some(vec![first, second]),
            PrmServers::BothSecondFirst => Some(vec![second, first]),
            PrmServers::OneWithSlash => Some(vec![format!("{first}/")]),
            PrmServers::Empty => Some(Vec::new()),
            PrmServers::Missing => None,
            PrmServers::Listed(issuers) => Some(issuers.clone()),
        }
    }

    /// Whether the MCP server takes tokens of this server now.
    pub(super) fn trusts(&self, server: Server) -> bool {
        if self.migrated() {
            return server == Server::Second;
        }
        match self.knobs.prm_servers {
            _ if self.knobs.legacy != Legacy::Off => server == Server::First,
            PrmServers::Second => server == Server::Second,
            PrmServers::Third => server == Server::Third,
            PrmServers::Both | PrmServers::BothSecondFirst | PrmServers::Listed(_) => true,
            _ => server == Server::First,
        }
    }

    /// Whose a request is, what it is for, and which authorization server has to answer it.
    pub(super) fn place(&self, request: &Request<Vec<u8>>) -> (Party, What, Server) {
        let uri = request.uri();
        let authority = authority(uri);
        let authority = authority.as_str();
        let path = uri.path();
        let who = if authority == host(&self.origins.resource) {
            Party::McpServer
        } else if authority == host(&self.origins.auth) {
            Party::AuthServer
        } else if authority == host(&self.origins.auth2) {
            Party::AuthServer2
        } else if authority == host(&self.origins.auth3) {
            Party::AuthServer3
        } else if authority == host(&self.origins.idp) {
            return (Party::IdentityProvider, idp_place(request), Server::First);
        } else {
            return (Party::Elsewhere, What::Other, Server::First);
        };
        let server = match who {
            Party::AuthServer2 => Server::Second,
            Party::AuthServer3 => Server::Third,
            _ => Server::First,
        };
        if who == Party::McpServer {
            if path == "/mcp" {
                return (who, What::Mcp(mcp_method(request)), server);
            }
            if path.starts_with(PRM_ROOT) || path == PRM_CUSTOM {
                return (who, What::ResourceMetadata, server);
            }
        }
        if METADATA.iter().any(|name| path.contains(name)) {
            return (who, What::ServerMetadata, server);
        }
        let base = self.base_of(server);
        let endpoint = (self.party_of(server) == who)
            .then(|| base[base.find("://").map_or(0, |at| at + 3)..].strip_prefix(authority))
            .flatten()
            .and_then(|prefix| path.strip_prefix(prefix));
        let what = match endpoint {
            Some("/authorize") => What::Authorize,
            Some("/token") => What::Token(grant(request)),
            Some("/register") => What::Register,
            Some("/revoke") => What::Revoke,
            Some("/par") => What::Push,
            Some("/device_authorization") => What::Device,
            Some("/device") => What::Verify,
            _ => What::Other,
        };
        (who, what, server)
    }
}

impl IssuerPath {
    /// What follows the origin in the issuer identifier.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::RootSlash => "/",
            Self::Tenant => "/tenant1",
            Self::TenantSlash => "/tenant1/",
        }
    }
}

/// The authority of an origin.
pub(super) fn host(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, authority)| authority)
}

/// The authority of a URI as it stands in an origin: lower case, without the default port.
fn authority(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let port = if uri.scheme_str() == Some("https") { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase()
}

fn mcp_method(request: &Request<Vec<u8>>) -> String {
    if request.method() != http::Method::POST {
        return request.method().to_string();
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    body["method"].as_str().unwrap_or_default().into()
}

fn grant(request: &Request<Vec<u8>>) -> Grant {
    let form = Form::lenient(&String::from_utf8_lossy(request.body()));
    Grant::named(form.get("grant_type").unwrap_or_default())
}

fn idp_place(request: &Request<Vec<u8>>) -> What {
    match request.uri().path() {
        "/token" => What::Token(grant(request)),
        path if METADATA.contains(&path) => What::ServerMetadata,
        _ => What::Other,
    }
}

const PRM_ROOT: &str = "/.well-known/oauth-protected-resource";
const PRM_CUSTOM: &str = "/custom/metadata.json";
const METADATA: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
