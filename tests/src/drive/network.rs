//! Carries requests to the world and answers back.

use core::net::IpAddr;

use http::{Request, Response, header};
use oauth_core::{Endpoint, MAX_BODY};
use serde_json::json;

use crate::world::World;

/// The way between the hosts and the servers.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The endpoint that gives no answer. Requests to it do not arrive.
    pub silent: Option<Endpoint>,
    /// The endpoint to which nothing is sent, because its name resolves to this address.
    pub forbidden: Option<(Endpoint, IpAddr)>,
    /// The endpoint whose answers are lost: the request arrives.
    pub lossy: Option<Endpoint>,
    /// What somebody makes of an answer on its way, or a server that the world has no knob for.
    pub tamper: Option<Tamper>,
}

/// Changes the answer of an endpoint.
pub type Tamper = fn(Endpoint, &mut Response<Vec<u8>>);

impl Network {
    /// Sends a request of the machine; an error if no answer comes back, with the address if it may not
    /// be sent there. As the contract of a request
    /// says, not more than one byte over the limit is read.
    pub fn send(
        &self,
        world: &mut World,
        request: oauth_core::Request,
    ) -> Result<oauth_core::Response, Option<IpAddr>> {
        let endpoint = request.endpoint();
        if self.silent == Some(endpoint) {
            return Err(None);
        }
        if let Some((_, address)) = self.forbidden.filter(|(forbidden, _)| *forbidden == endpoint) {
            return Err(Some(address));
        }
        let mut response = world.handle(&(&request).into());
        if let Some(tamper) = self.tamper {
            tamper(endpoint, &mut response);
        }
        response.body_mut().truncate(MAX_BODY + 1);
        if self.lossy == Some(endpoint) { Err(None) } else { Ok(response.into()) }
    }
}

/// A request to the MCP endpoint, without a token.
#[must_use]
pub fn mcp_request(url: &str, method: &str) -> Request<Vec<u8>> {
    let params = json!({ "name": "add", "arguments": { "a": 2, "b": 3 } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut request = Request::new(body.to_string().into_bytes());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = url.parse().expect("the world's URL is a URI");
    request
}

/// The values of all `WWW-Authenticate` lines.
#[must_use]
pub fn challenges(response: &Response<Vec<u8>>) -> Vec<String> {
    let values = response.headers().get_all(header::WWW_AUTHENTICATE);
    values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// The head of a refusal with these challenges.
#[must_use]
pub fn head(challenges: &[&str]) -> http::HeaderMap {
    let value = |text: &&str| http::HeaderValue::from_str(text).expect("a field's value");
    let values = challenges.iter().map(value);
    values.map(|value| (header::WWW_AUTHENTICATE, value)).collect()
}
