//! What every request has to be, judged from what the servers said and nothing else.

use std::collections::{BTreeMap, HashSet};

use oauth_core::session::Record;
use oauth_core::wire::AuthorizationUrl;
use oauth_core::{Endpoint, Method, Request, Response};
use serde_json::Value;
use url::{Host, Url};

use crate::{IDENTITY_PROVIDER, assert_inert, has_secret, members};

/// The endpoints that credentials may go to: those of the last document of an authorization server, and
/// those that are recorded with tokens.
#[derive(Debug, Clone)]
pub struct Rules {
    server: Url,
    discovered: Value,
    recorded: Vec<Value>,
    /// What was signed and sent.
    signed: HashSet<String>,
    pushed: Pushed,
}

/// What the browser may show of an authorization request.
#[derive(Debug, Clone)]
enum Pushed {
    /// All of it: nothing was pushed yet.
    No,
    /// The reference to it, if the last push brought one.
    By(Option<String>),
    /// Somebody else began the login.
    Unknown,
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
        let (signed, pushed) = (HashSet::new(), Pushed::No);
        Self { server, discovered: Value::Null, recorded, signed, pushed }
    }

    /// A login begins, and nothing of an earlier one counts; or goes on that another host has begun.
    pub fn login(&mut self, is_begun: bool) {
        self.pushed = if is_begun { Pushed::No } else { Pushed::Unknown };
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
    pub fn request(&mut self, request: &Request) {
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
            Endpoint::PushedAuthorization => {
                self.endpoint("pushed_authorization_request_endpoint", request.url().as_str());
                authorization_request(url::form_urlencoded::parse(request.body()), None);
                self.pushed = Pushed::By(None);
            }
            Endpoint::DeviceAuthorization => {
                self.endpoint("device_authorization_endpoint", request.url().as_str());
            }
            Endpoint::IdentityProvider => {
                assert_eq!(request.url().as_str(), IDENTITY_PROVIDER, "the host names it");
            }
            other => panic!("nothing is sent to the {other}"),
        }
        let of_provider = request.endpoint() == Endpoint::IdentityProvider;
        assert!(of_provider || !body.contains("provider-secret"), "a secret of the provider's");
        self.proofs(request);
    }

    /// What is signed is good for one request (RFC 9449 §4.2, RFC 7523 §3).
    fn proofs(&mut self, request: &Request) {
        let proofs = request.headers().filter(|(name, _)| *name == "dpop");
        let proofs = proofs.map(|(_, proof)| proof.to_owned());
        let form = url::form_urlencoded::parse(request.body());
        let assertions = form.filter(|(name, _)| name == "client_assertion");
        for signed in proofs.chain(assertions.map(|(_, jwt)| jwt.into_owned())) {
            assert!(self.signed.insert(signed), "what is signed is sent twice");
        }
    }

    /// Notes what came back.
    pub fn answered(&mut self, request: &Request, response: Option<&Response>) {
        let Some(response) = response else { return };
        match request.endpoint() {
            Endpoint::ServerMetadata => self.discovered = members(response.body()),
            Endpoint::PushedAuthorization => {
                let answer = members(response.body());
                self.pushed = Pushed::By(answer["request_uri"].as_str().map(str::to_owned));
            }
            // What is known by a reference is asked once (RFC 9126 §4).
            Endpoint::Token if matches!(self.pushed, Pushed::By(_)) => {
                self.pushed = Pushed::By(None);
            }
            _ => {}
        }
    }

    /// Judges where a user is sent.
    ///
    /// # Panics
    ///
    /// They must not go there.
    pub fn browser(&self, url: &AuthorizationUrl) {
        self.url(url.as_str());
        assert_inert(url.as_str());
        let shown = format!("{url:?}");
        assert!(!has_secret(&shown) && !shown.contains(url.state()), "a state is shown: {shown}");
        let parsed = Url::parse(url.as_str()).expect("it is a URL");
        match &self.pushed {
            Pushed::Unknown => {}
            Pushed::By(reference) => {
                assert!(!url.as_str().contains(url.state()), "what is pushed is in the browser");
                let said: Vec<_> = parsed.query_pairs().collect();
                let Some((of_endpoint, [client, by])) = said.split_last_chunk() else {
                    panic!("{}", url.as_str())
                };
                assert_eq!([&*client.0, &*by.0], ["client_id", "request_uri"]);
                assert_eq!(reference.as_deref(), Some(&*by.1), "another request's reference");
                let is_said = |name: &str| REQUEST.iter().any(|(own, _)| *own == name);
                let is_bare = of_endpoint.iter().all(|(name, _)| !is_said(name));
                assert!(is_bare, "what was pushed is said again: {}", url.as_str());
            }
            Pushed::No => {
                let bare = url.as_str().replace(url.state(), "");
                assert!(!has_secret(&bare), "a secret goes through a browser: {bare}");
                authorization_request(parsed.query_pairs(), Some(url.state()));
            }
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

/// Each parameter is there once, in the browser's URL or in a push. A push says its `state` to the server alone.
fn authorization_request<'a>(
    said: impl Iterator<Item = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>,
    state: Option<&str>,
) {
    let mut parameters = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in said {
        parameters.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    for (name, expected) in REQUEST {
        let values = parameters.get(name).map_or(&[][..], Vec::as_slice);
        assert_eq!(values.len(), 1, "`{name}` in {parameters:?}");
        let expected = if name == "state" { state } else { expected };
        assert!(expected.is_none_or(|it| it == values[0]), "`{name}` in {parameters:?}");
    }
    assert!(!parameters.contains_key("request_uri"), "RFC 9126 §2.1");
}

/// What every authorization request says (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2), and with which value.
const REQUEST: [(&str, Option<&str>); 7] = [
    ("response_type", Some("code")),
    ("code_challenge_method", Some("S256")),
    ("state", None),
    ("client_id", None),
    ("redirect_uri", None),
    ("resource", None),
    ("code_challenge", None),
];

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
