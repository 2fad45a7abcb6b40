//! What every request has to be, judged from what the servers said and nothing else.

use std::collections::BTreeMap;

use oauth_core::session::Record;
use oauth_core::wire::AuthorizationUrl;
use oauth_core::{Endpoint, Method, Request, Response};
use serde_json::Value;
use url::{Host, Url};

use crate::{has_secret, members};

/// The endpoints that credentials may go to: those of the last document of an authorization server, and
/// those that are recorded with tokens.
#[derive(Debug, Clone)]
pub struct Rules {
    server: Url,
    discovered: Value,
    recorded: Vec<Value>,
}

impl Rules {
    /// Rules for a login to this server. What is known beforehand or by default is allowed at first.
    ///
    /// # Panics
    ///
    /// The server's URL is none.
    pub fn new(server: &str, letters: &str) -> Self {
        let server = Url::parse(server).expect("the server URL is sound");
        let mut recorded = Vec::new();
        if letters.contains('k') {
            recorded.push(crate::servers::server_document(crate::ISSUER));
        }
        if letters.contains('l') {
            recorded.push(legacy(&server));
        }
        Self { server, discovered: Value::Null, recorded }
    }

    /// The issuer that redirects should name.
    pub fn issuer(&self) -> &str {
        self.discovered["issuer"].as_str().unwrap_or(crate::ISSUER)
    }

    /// A store holds this record, so its endpoints are to be trusted.
    pub fn record(&mut self, record: Option<&Record>) {
        let Some(record) = record else { return };
        let record: Value = serde_json::from_str(&record.to_json()).unwrap_or_default();
        self.recorded.push(record["binding"]["server"].clone());
    }

    /// A login is handed out: it ends where it began, whatever the servers say by then.
    pub fn handed_out(&mut self) {
        self.recorded.push(self.discovered.clone());
    }

    /// Judges a request before it is sent.
    ///
    /// # Panics
    ///
    /// It must not be sent.
    pub fn request(&self, request: &Request) {
        self.url(request.url().as_str());
        let body = String::from_utf8_lossy(request.body());
        let authorization = request.headers().find(|(name, _)| *name == "authorization");
        let shown = format!("{request:?}");
        assert!(!has_secret(&shown), "a request shows a secret: {shown}");
        match request.endpoint() {
            Endpoint::ResourceMetadata | Endpoint::ServerMetadata => {
                assert_eq!(request.method(), Method::Get);
                assert!(body.is_empty() && authorization.is_none(), "credentials for nobody");
            }
            Endpoint::Registration => {
                assert!(!has_secret(&body) && authorization.is_none(), "secrets in a registration");
                self.endpoint("registration_endpoint", request.url().as_str());
            }
            Endpoint::Token => self.endpoint("token_endpoint", request.url().as_str()),
            Endpoint::Revocation => self.endpoint("revocation_endpoint", request.url().as_str()),
            other => panic!("nothing is sent to the {other}"),
        }
    }

    /// Notes what came back.
    pub fn answered(&mut self, request: &Request, response: Option<&Response>) {
        let (Endpoint::ServerMetadata, Some(response)) = (request.endpoint(), response) else {
            return;
        };
        self.discovered = members(response.body());
    }

    /// Judges where a user is sent.
    ///
    /// # Panics
    ///
    /// He must not go there.
    pub fn browser(&self, url: &AuthorizationUrl) {
        self.url(url.as_str());
        let shown = format!("{url:?}");
        assert!(!has_secret(&shown), "a state is shown: {shown}");
        let bare = url.as_str().replace(url.state(), "");
        assert!(!has_secret(&bare), "a secret goes through a browser: {bare}");
        let parsed = Url::parse(url.as_str()).expect("it is a URL");
        let mut parameters = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in parsed.query_pairs() {
            parameters.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        for (name, expected) in [
            ("response_type", Some("code")),
            ("code_challenge_method", Some("S256")),
            ("state", Some(url.state())),
            ("client_id", None),
            ("redirect_uri", None),
            ("resource", None),
            ("code_challenge", None),
        ] {
            let values = parameters.get(name).map_or(&[][..], Vec::as_slice);
            assert_eq!(values.len(), 1, "`{name}` in {}", url.as_str());
            assert!(expected.is_none_or(|it| it == values[0]), "`{name}` in {}", url.as_str());
        }
    }

    /// Whether the tokens of a record may be used here at all.
    pub fn is_own(&self, resource: &str) -> bool {
        Url::parse(resource).is_ok_and(|url| url.origin() == self.server.origin())
    }

    fn url(&self, url: &str) {
        let parsed = Url::parse(url).expect("it is a URL");
        assert_eq!(parsed.as_str(), url, "as the parser writes it");
        assert!(parsed.username().is_empty() && parsed.password().is_none(), "{url}");
        assert!(parsed.fragment().is_none(), "{url}");
        let is_local = is_loopback(&self.server) && is_loopback(&parsed);
        assert!(parsed.scheme() == "https" || parsed.scheme() == "http" && is_local, "{url}");
    }

    fn endpoint(&self, name: &str, url: &str) {
        let documents = self.recorded.iter().chain([&self.discovered]);
        let mut known = documents.filter_map(|document| Url::parse(document[name].as_str()?).ok());
        assert!(known.any(|it| it.as_str() == url), "{url} is no `{name}` that was named");
    }
}

fn legacy(server: &Url) -> Value {
    let origin = server.origin().ascii_serialization();
    let at = |path: &str| format!("{origin}{path}");
    serde_json::json!({"token_endpoint": at("/token"), "registration_endpoint": at("/register")})
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}
