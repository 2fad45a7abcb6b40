//! What the network would bring: an MCP server and its authorization server, by the book.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::str;

use oauth_core::wire::AuthorizationUrl;
use oauth_core::{Endpoint, Request, Response};

/// The servers, and how often the client has asked for anything but its call.
#[derive(Default)]
pub(crate) struct Servers {
    pub(crate) requests: u32,
    /// The number in the tokens that are good.
    issued: u32,
    is_expired: bool,
}

impl Servers {
    pub(crate) fn expire(&mut self) {
        self.is_expired = true;
    }

    /// The MCP server: a status, and its challenges.
    pub(crate) fn call(&self, bearer: Option<&str>) -> (u16, Option<&'static str>) {
        let good = format!("Bearer access-{}", self.issued);
        if self.issued > 0 && !self.is_expired && bearer == Some(&*good) {
            (200, None)
        } else {
            (401, Some(r#"Bearer resource_metadata="https://mcp.example.com/metadata""#))
        }
    }

    /// The user consents: the query that comes back.
    pub(crate) fn visit(&self, url: &AuthorizationUrl) -> String {
        assert!(url.as_str().contains("code_challenge_method=S256"), "{}", url.as_str());
        format!("code=code-1&state={}&iss=https%3A%2F%2Fas.example.com", url.state())
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Response {
        self.requests += 1;
        let body = match request.endpoint() {
            Endpoint::ResourceMetadata => RESOURCE.to_string(),
            Endpoint::ServerMetadata => SERVER.to_string(),
            Endpoint::Registration => CLIENT.to_string(),
            Endpoint::Token => return self.token(request),
            Endpoint::Resource => {
                let (status, challenge) = self.call(None);
                let response = Response::new(status, "".into());
                return match challenge {
                    Some(challenge) => response.with_header("www-authenticate", challenge),
                    None => response,
                };
            }
            _ => return Response::new(404, "".into()),
        };
        let status = if request.endpoint() == Endpoint::Registration { 201 } else { 200 };
        Response::new(status, body.into()).with_header("content-type", "application/json")
    }

    fn token(&mut self, request: &Request) -> Response {
        let form = str::from_utf8(request.body()).unwrap_or("");
        let is_for_itself = form.contains("grant_type=client_credentials");
        let refresh_token = format!("refresh_token=refresh-{}", self.issued);
        let fits = if is_for_itself {
            request.headers().any(|field| field == ("authorization", BASIC))
        } else if self.issued == 0 {
            form.contains("code=code-1") && form.contains("code_verifier=")
        } else {
            form.contains(&refresh_token)
        };
        if !fits {
            return Response::new(400, r#"{"error":"invalid_grant"}"#.into());
        }
        self.issued += 1;
        self.is_expired = false;
        let n = self.issued;
        let refresh_token = format!(r#""refresh_token":"refresh-{n}","#);
        let refresh_token = if is_for_itself { "" } else { &*refresh_token };
        let body = format!(
            r#"{{"access_token":"access-{n}",{refresh_token}"token_type":"Bearer","expires_in":3600}}"#
        );
        Response::new(200, body.into()).with_header("content-type", "application/json")
    }
}

pub(crate) const SERVER_URL: &str = "https://mcp.example.com/mcp";

pub(crate) const ISSUER: &str = "https://as.example.com";

pub(crate) const CLIENT_ID: &str = "thermometer";

pub(crate) const CLIENT_SECRET: &str = "secret-1";

/// Both in base64.
const BASIC: &str = "Basic dGhlcm1vbWV0ZXI6c2VjcmV0LTE=";

const RESOURCE: &str = r#"{"resource":"https://mcp.example.com/mcp","authorization_servers":["https://as.example.com"]}"#;

const SERVER: &str = r#"{"issuer":"https://as.example.com",
    "authorization_endpoint":"https://as.example.com/authorize",
    "token_endpoint":"https://as.example.com/token",
    "registration_endpoint":"https://as.example.com/register",
    "response_types_supported":["code"],
    "code_challenge_methods_supported":["S256"],
    "authorization_response_iss_parameter_supported":true}"#;

const CLIENT: &str =
    r#"{"client_id":"client-1","redirect_uris":["https://device.example/callback"]}"#;
