//! The registration endpoint (RFC 7591).

use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use url::Url;

use super::clients::{Client, is_loopback, keys_of, texts};
use super::places::Server;
use super::{AuthMethod, Grant, RegisteredScopes, RegistrationForm, World, answer};

impl World {
    pub(super) fn register(
        &mut self,
        server: Server,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        if !self.takes_registrations() {
            self.remark("registration is not offered");
            return answer::text(404, "no registration here");
        }
        let who = self.party_of(server);
        if self.knobs.machines_only {
            self.blame("a registration by a client that is set up for a grant without a user");
            return answer::oauth_error(400, "invalid_client_metadata", "not for machines");
        }
        let fault = self.knobs.registration_damage.take(who);
        let form = self.knobs.registration_form.take(who);
        self.through(fault, |world| world.register_client(server, form, request))
    }

    fn register_client(
        &mut self,
        server: Server,
        form: Option<RegistrationForm>,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        let permits = request.headers().get_all(header::AUTHORIZATION).iter();
        let permits: Vec<_> = permits.filter_map(|value| value.to_str().ok()).collect();
        let wanted = self.knobs.registration_permit.as_ref().map(|it| format!("Bearer {it}"));
        match wanted.as_deref() {
            None if !permits.is_empty() => self.blame("a registration with credentials"),
            Some(wanted) if permits != [wanted] => {
                self.remark("a registration without its permit");
                return answer::oauth_error(401, "invalid_token", "this needs a permit");
            }
            _ => {}
        }
        let asked = match self.judge_registration(request) {
            Ok(asked) => asked,
            Err((error, fault)) => {
                self.blame(fault.clone());
                return answer::oauth_error(400, error, &fault);
            }
        };
        let refusal = match form {
            Some(RegistrationForm::RefuseRedirectUri) => {
                Some(answer::oauth_error(400, "invalid_redirect_uri", "not this one"))
            }
            Some(RegistrationForm::RefuseMetadata) => {
                Some(answer::oauth_error(400, "invalid_client_metadata", "not like this"))
            }
            Some(RegistrationForm::Forbidden) => Some(answer::text(403, "forbidden")),
            Some(RegistrationForm::Unauthorized) => {
                let mut response =
                    answer::oauth_error(401, "invalid_token", "an initial access token is needed");
                answer::set(&mut response, header::WWW_AUTHENTICATE, "Bearer realm=\"register\"");
                Some(response)
            }
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.remark(format!("{form:?}"));
            return refusal;
        }
        let client = self.new_client(server, &asked);
        let document = echo(&client, asked, form);
        self.clients.push(client);
        let status = if form == Some(RegistrationForm::Status200) { 200 } else { 201 };
        answer::json(status, &document)
    }

    fn judge_registration(
        &self,
        request: &Request<Vec<u8>>,
    ) -> Result<Value, (&'static str, String)> {
        match &self.knobs.grant_types {
            Some(offered) => judge(request, offered),
            None => judge(request, &["authorization_code", "refresh_token"].map(String::from)),
        }
    }

    fn new_client(&self, server: Server, asked: &Value) -> Client {
        // RFC 7591 §2: without a word on the method, the client gets a secret.
        let wanted = asked["token_endpoint_auth_method"].as_str().unwrap_or("client_secret_basic");
        let wanted = AuthMethod::named(wanted).unwrap_or(AuthMethod::Basic);
        let listed = self.knobs.token_auth_methods.as_deref().unwrap_or_default();
        let usual = if listed.contains(&wanted) {
            wanted
        } else {
            listed.first().copied().unwrap_or(wanted)
        };
        let method = self.knobs.assigned_method.unwrap_or(usual);
        let named = asked["scope"].as_str().map(Into::into);
        let number = self.clients.len() + 1;
        let awkward = if self.knobs.awkward_secret { AWKWARD } else { "" };
        let secret =
            method.has_secret().then(|| format!("secret-{number}{awkward}-{}", server.tag()));
        let lifetime = self.knobs.secret_lifetime.filter(|_| secret.is_some());
        Client {
            server,
            id: format!("client-{number}"),
            secret,
            secret_expires_at: lifetime.map(|seconds| self.now + seconds),
            method,
            keys: keys_of(asked).unwrap_or_default(),
            redirect_uris: texts(&asked["redirect_uris"]),
            scope: match &self.knobs.registered_scopes {
                RegisteredScopes::Default(scope) => Some(named.unwrap_or_else(|| scope.clone())),
                _ => named,
            },
            grants: texts(&asked["grant_types"]),
            always_bound: asked["dpop_bound_access_tokens"] == true,
            forgotten: false,
        }
    }
}

/// What is wrong with a registration request to a server that offers these grants, with the error code for
/// it.
fn judge(request: &Request<Vec<u8>>, offered: &[String]) -> Result<Value, (&'static str, String)> {
    let metadata = |text: String| ("invalid_client_metadata", text);
    if request.method() != Method::POST {
        return Err(metadata(format!("{} for a registration", request.method())));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if !content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json")) {
        return Err(metadata("a registration that is not application/json".into()));
    }
    let asked: Value = serde_json::from_slice(request.body())
        .map_err(|error| metadata(format!("a registration that is not JSON: {error}")))?;
    let native = match asked["application_type"].as_str() {
        Some("native") => true,
        Some("web") => false,
        other => {
            return Err(metadata(format!("application_type {other:?} in a registration")));
        }
    };
    let grants = texts(&asked["grant_types"]);
    // Others are for those who use them.
    let usual = [Grant::Code, Grant::Refresh].map(Grant::as_str);
    for grant in offered.iter().filter(|grant| usual.contains(&grant.as_str())) {
        if !grants.contains(grant) {
            return Err(metadata(format!("grant_types of a registration lack {grant}")));
        }
    }
    if let Some(grant) = grants.iter().find(|grant| !offered.contains(grant)) {
        return Err(metadata(format!("grant_types of a registration have {grant}")));
    }
    let keys = keys_of(&asked).map_err(metadata)?;
    if asked["token_endpoint_auth_method"] == AuthMethod::PrivateKeyJwt.as_str() && keys.is_empty()
    {
        return Err(metadata("a registration for private_key_jwt without a key".into()));
    }
    let responses = &asked["response_types"];
    if !responses.is_null() && texts(responses) != ["code"] {
        return Err(metadata(format!("response_types {responses} in a registration")));
    }
    let uris = texts(&asked["redirect_uris"]);
    if uris.is_empty() {
        return Err(("invalid_redirect_uri", "a registration without redirect_uris".into()));
    }
    for uri in uris {
        let sound = Url::parse(&uri).is_ok_and(|url| {
            let loopback = is_loopback(&url);
            // RFC 8252 §7.1.
            let of_an_app = url.scheme().contains('.');
            let fits = url.scheme() == "https" || (native && (loopback || of_an_app));
            url.fragment().is_none() && fits
        });
        if !sound {
            let kind = if native { "native" } else { "web" };
            let text = format!("redirect URI {uri:?} for a {kind} application");
            return Err(("invalid_redirect_uri", text));
        }
    }
    Ok(asked)
}

/// The answer: the client's own metadata with what the server made of it (RFC 7591 §3.2.1).
fn echo(client: &Client, asked: Value, form: Option<RegistrationForm>) -> Value {
    let mut document = asked;
    document["client_id"] = json!(client.id);
    document["token_endpoint_auth_method"] = json!(client.method.as_str());
    if let Some(scope) = &client.scope {
        document["scope"] = json!(scope);
    }
    if let Some(secret) = &client.secret {
        document["client_secret"] = json!(secret);
        document["client_secret_expires_at"] = json!(client.secret_expires_at.unwrap_or(0));
    }
    let members = document.as_object_mut().expect("only objects pass the judge");
    match form {
        Some(RegistrationForm::NoClientId) => {
            members.remove("client_id");
        }
        Some(RegistrationForm::EmptyClientId) => {
            members.insert("client_id".into(), json!(""));
        }
        Some(RegistrationForm::NoSecret) => {
            members.remove("client_secret");
            members.remove("client_secret_expires_at");
            members.insert("token_endpoint_auth_method".into(), json!("client_secret_basic"));
        }
        Some(RegistrationForm::NoMethod) => {
            members.remove("token_endpoint_auth_method");
        }
        Some(RegistrationForm::OddMethod) => {
            members.insert("token_endpoint_auth_method".into(), json!("tls_client_auth"));
        }
        Some(RegistrationForm::OtherRedirectUris) => {
            members.insert("redirect_uris".into(), json!(["https://other.example.com/cb"]));
        }
        _ => {}
    }
    document
}

/// Everything that a form, a Basic credential or a URL has to encode.
const AWKWARD: &str = "-s:e%c+r t&=é";
