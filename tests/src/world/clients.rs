//! The clients that the authorization servers know.

use serde_json::Value;
use url::Url;

use super::keys::PublicKey;
use super::places::Server;
use super::{AuthMethod, PRE_CLIENT_ID, PRE_CLIENT_SECRET, RegisteredScopes, Registration, World};

/// One client at one server.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) server: Server,
    pub(super) id: String,
    pub(super) secret: Option<String>,
    pub(super) secret_expires_at: Option<u64>,
    pub(super) method: AuthMethod,
    /// What its assertions are verified with.
    pub(super) keys: Vec<PublicKey>,
    /// Empty if any loopback or https URI will do.
    pub(super) redirect_uris: Vec<String>,
    /// The scopes that it is registered with.
    pub(super) scope: Option<String>,
    /// The grant types that it is registered with; empty if any will do.
    pub(super) grants: Vec<String>,
    /// Whether it said that its tokens are always bound (RFC 9449 §5.2).
    pub(super) always_bound: bool,
    pub(super) forgotten: bool,
}

impl Client {
    /// Whether it can authenticate at this time.
    pub(super) fn is_good(&self, now: u64) -> bool {
        !self.forgotten && self.secret_expires_at.is_none_or(|at| now < at)
    }
}

/// What a server knows about a client id.
#[derive(Debug)]
pub(super) enum Found {
    Known(Client),
    /// It was known once: `invalid_client`, and nobody's fault.
    Forgotten,
    Unknown,
}

/// A client metadata document that its client has published.
#[derive(Clone, Debug)]
pub(super) struct Document {
    redirect_uris: Vec<String>,
    method: AuthMethod,
    keys: Vec<PublicKey>,
}

impl World {
    /// Publishes a client metadata document, as the client's own web site would.
    ///
    /// Without this, a server that takes such documents trusts any https `client_id` with any
    /// loopback redirect URI or one on the same origin. A document that breaks the rules is recorded as a violation.
    pub fn publish(&mut self, url: &str, document: &Value) {
        if document["client_id"] != url {
            self.blame(format!("the document at {url} has another client_id"));
        }
        if document["client_name"].as_str().is_none_or(str::is_empty) {
            self.blame(format!("the document at {url} has no client_name"));
        }
        let method = document["token_endpoint_auth_method"].as_str().unwrap_or("none");
        if method.starts_with("client_secret") || !document["client_secret"].is_null() {
            self.blame(format!("the document at {url} wants a shared secret"));
        }
        let redirect_uris = texts(&document["redirect_uris"]);
        if redirect_uris.is_empty() && !self.knobs.machines_only {
            self.blame(format!("the document at {url} has no redirect_uris"));
        }
        let method = AuthMethod::named(method).unwrap_or(AuthMethod::None);
        let keys = match keys_of(document) {
            Ok(keys) if method == AuthMethod::PrivateKeyJwt && keys.is_empty() => {
                if document["jwks_uri"].is_null() {
                    self.blame(format!("the document at {url} has no keys for its method"));
                }
                // What is at that address is the test's business.
                self.knobs.client_keys.clone()
            }
            Ok(keys) => keys,
            Err(fault) => {
                self.blame(format!("the document at {url}: {fault}"));
                Vec::new()
            }
        };
        self.documents.insert(url.into(), Document { redirect_uris, method, keys });
    }

    pub(super) fn find_client(&mut self, server: Server, id: &str) -> Found {
        let here = |client: &&Client| client.server == server && client.id == id;
        if let Some(client) = self.clients.iter().find(here) {
            return if client.forgotten { Found::Forgotten } else { Found::Known(client.clone()) };
        }
        if id == PRE_CLIENT_ID && server == Server::First {
            return Found::Known(self.pre_registered());
        }
        if id.contains("://") && self.takes_documents() {
            return self.by_document(server, id);
        }
        let registered = self.clients.iter().find(|client| client.id == id);
        let pre = (id == PRE_CLIENT_ID).then_some(Server::First);
        if let Some(there) = registered.map(|client| client.server).or(pre) {
            self.blame(format!("client {id} of {} used at {}", there.tag(), server.tag()));
        } else {
            self.blame(format!("client {id:?} was never registered at {}", server.tag()));
        }
        Found::Unknown
    }

    pub(super) fn takes_documents(&self) -> bool {
        matches!(self.knobs.registration, Registration::CimdAndDcr | Registration::CimdOnly)
    }

    pub(super) fn takes_registrations(&self) -> bool {
        matches!(self.knobs.registration, Registration::Dcr | Registration::CimdAndDcr)
    }

    /// Why a client may not ask for these scopes, if it may not.
    pub(super) fn bars_scope(&self, client: &Client, scope: &str) -> Option<String> {
        let binds = match self.knobs.registered_scopes {
            _ if client.id == PRE_CLIENT_ID => false,
            RegisteredScopes::Free => false,
            RegisteredScopes::Named | RegisteredScopes::Default(_) => true,
            RegisteredScopes::OnlyIfNamed => client.scope.is_some(),
        };
        let registered = client.scope.as_deref().unwrap_or_default();
        let is_registered = |token: &&str| registered.split(' ').any(|it| it == *token);
        let stranger = scope.split(' ').find(|token| !token.is_empty() && !is_registered(token));
        stranger.filter(|_| binds).map(|it| format!("Client was not registered with scope {it}"))
    }

    /// Whether a client may be sent to this URI.
    pub(super) fn allows_redirect(&self, client: &Client, uri: &str) -> bool {
        if client.redirect_uris.is_empty() {
            let own = |url: &Url| {
                let id = Url::parse(&client.id);
                url.scheme() == "https" && id.is_ok_and(|id| id.origin() == url.origin())
            };
            let pre = client.id == PRE_CLIENT_ID;
            return Url::parse(uri).is_ok_and(|url| {
                is_loopback(&url) || own(&url) || (pre && url.scheme() == "https")
            });
        }
        client.redirect_uris.iter().any(|registered| {
            registered == uri || (self.knobs.any_loopback_port && same_but_port(registered, uri))
        })
    }

    fn pre_registered(&self) -> Client {
        let method = self.knobs.pre_method;
        Client {
            server: Server::First,
            id: PRE_CLIENT_ID.into(),
            secret: method.has_secret().then(|| PRE_CLIENT_SECRET.into()),
            secret_expires_at: None,
            method,
            keys: self.knobs.client_keys.clone(),
            redirect_uris: Vec::new(),
            scope: None,
            grants: Vec::new(),
            always_bound: false,
            forgotten: false,
        }
    }

    fn by_document(&mut self, server: Server, id: &str) -> Found {
        let sound = Url::parse(id).is_ok_and(|url| {
            url.scheme() == "https"
                && url.path().len() > 1
                && url.fragment().is_none()
                && url.username().is_empty()
                && !id.contains("/../")
                && !id.contains("/./")
        });
        if !sound {
            self.blame(format!("{id:?} cannot be the URL of a client metadata document"));
            return Found::Unknown;
        }
        let document = self.documents.get(id).cloned();
        let (redirect_uris, method, keys) = match document {
            Some(document) => (document.redirect_uris, document.method, document.keys),
            None => (Vec::new(), AuthMethod::None, Vec::new()),
        };
        Found::Known(Client {
            server,
            id: id.into(),
            secret: None,
            secret_expires_at: None,
            method,
            keys,
            redirect_uris,
            scope: None,
            grants: Vec::new(),
            always_bound: false,
            forgotten: false,
        })
    }
}

/// Whether a URL is plain http to this machine, by the host as parsed.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "http" && host
}

/// The keys that client metadata gives by value (RFC 7591 §2).
///
/// # Errors
/// A sentence that says what is wrong with one.
pub(super) fn keys_of(metadata: &Value) -> Result<Vec<PublicKey>, String> {
    let keys = metadata["jwks"]["keys"].as_array().into_iter().flatten();
    keys.map(PublicKey::from_jwk).collect()
}

/// The texts in a JSON list.
pub(super) fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(Into::into).collect()
}

fn same_but_port(registered: &str, uri: &str) -> bool {
    let (Ok(mut left), Ok(mut right)) = (Url::parse(registered), Url::parse(uri)) else {
        return false;
    };
    let both = is_loopback(&left) && is_loopback(&right);
    both && left.set_port(None).is_ok() && right.set_port(None).is_ok() && left == right
}
