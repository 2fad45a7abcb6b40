//! The requests of a machine that does everything right, unless told otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response, header};
use oauth_tests::world::{Grant, Key, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, World};
use serde_json::{Value, json};
use url::form_urlencoded;

pub(crate) const NONE: [&str; 0] = [];

/// Parameters to replace or to add; a replacement by `""` removes.
pub(crate) type Changes<'a> = &'a [(&'a str, &'a str)];

pub(crate) struct Machine {
    pub(crate) world: World,
    numbered: u32,
}

impl Machine {
    pub(crate) fn new(knobs: Knobs) -> Self {
        Self { world: World::new(knobs), numbered: 0 }
    }

    /// A form to a URL, as every token request is one.
    pub(crate) fn post(
        &mut self,
        url: &str,
        pairs: &[(&str, &str)],
        changes: Changes<'_>,
        basic: Option<(&str, &str)>,
    ) -> Response<Vec<u8>> {
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if let Some((id, secret)) = basic {
            let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            request = request.header(header::AUTHORIZATION, value);
        }
        self.world.handle(&request.body(form(pairs, changes).into_bytes()).unwrap())
    }

    pub(crate) fn credentials(&mut self, changes: Changes<'_>) -> Response<Vec<u8>> {
        let basic = Some((PRE_CLIENT_ID, PRE_CLIENT_SECRET));
        self.token(&[("grant_type", "client_credentials")], changes, basic)
    }

    pub(crate) fn token(
        &mut self,
        pairs: &[(&str, &str)],
        changes: Changes<'_>,
        basic: Option<(&str, &str)>,
    ) -> Response<Vec<u8>> {
        let (url, resource) = (self.world.token_endpoint(), self.world.resource());
        let pairs = [pairs, &[("resource", &resource)]].concat();
        self.post(&url, &pairs, changes, basic)
    }

    /// Client credentials with an assertion, whose header and claims may differ from the right ones.
    pub(crate) fn signed(&mut self, key: &Key, changes: &Value) -> Response<Vec<u8>> {
        let assertion = self.assertion(key, changes);
        self.token(&with(&assertion), &[], None)
    }

    pub(crate) fn assertion(&mut self, key: &Key, changes: &Value) -> String {
        let claims = json!({
            "iss": PRE_CLIENT_ID,
            "sub": PRE_CLIENT_ID,
            "aud": self.world.issuer(),
            "iat": self.world.now,
            "exp": self.world.now + 60,
            "jti": self.jti(),
        });
        let header = json!({ "typ": "client-authentication+jwt", "kid": "key-1" });
        key.jwt(&changed(header, &changes["header"]), &changed(claims, changes))
    }

    pub(crate) fn jti(&mut self) -> String {
        self.numbered += 1;
        format!("0123456789abcdef-{}", self.numbered)
    }

    pub(crate) fn workload(&mut self, assertion: &str, changes: Changes<'_>) -> Response<Vec<u8>> {
        self.token(&bearing(assertion), changes, None)
    }

    pub(crate) fn mcp(&mut self, token: &str) -> Response<Vec<u8>> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
        let request = Request::post(self.world.server_url())
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(body.to_string().into_bytes());
        self.world.handle(&request.unwrap())
    }

    pub(crate) fn get(&mut self, url: &str) -> Response<Vec<u8>> {
        self.world.handle(&Request::get(url).body(Vec::new()).unwrap())
    }

    /// Says in one line what came of a request: its error, or nothing, and how often the client was blamed.
    pub(crate) fn outcome(&self, answer: &Response<Vec<u8>>) -> (String, usize) {
        (error_of(answer), self.world.violations.len())
    }
}

pub(crate) fn with(assertion: &str) -> [(&'static str, &str); 3] {
    [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ]
}

pub(crate) fn bearing(assertion: &str) -> [(&'static str, &str); 2] {
    [("grant_type", Grant::JwtBearer.as_str()), ("assertion", assertion)]
}

pub(crate) fn json_of(response: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(response.body()).expect("a JSON answer")
}

pub(crate) fn text(response: &Response<Vec<u8>>, name: &str) -> String {
    json_of(response)[name].as_str().unwrap_or_default().into()
}

pub(crate) fn error_of(response: &Response<Vec<u8>>) -> String {
    text(response, "error")
}

/// Encodes pairs with some replaced.
pub(crate) fn form(pairs: &[(&str, &str)], changes: Changes<'_>) -> String {
    let change = |name: &str| changes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let mut all: Vec<_> =
        pairs.iter().map(|(name, value)| (*name, change(name).unwrap_or(value))).collect();
    let known = |name: &str| pairs.iter().any(|(key, _)| *key == name);
    all.extend(changes.iter().filter(|(name, _)| !known(name)));
    all.retain(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
}

/// An object with some members replaced; a replacement by `null` removes, `header` is none.
pub(crate) fn changed(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        if name != "header" {
            object[name] = value.clone();
        }
    }
    object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    object
}
