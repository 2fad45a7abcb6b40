//! The metadata documents: RFC 9728 for the MCP server, RFC 8414 or OpenID for the others.

use http::{Method, Request, Response, header};
use serde_json::{Value, json};

use super::places::Server;
use super::{
    AuthMethod, Dpop, IssuerPath, Legacy, MetadataForm, MetadataLocation, Par, Party, PkceSupport,
    PrmResource, World, answer,
};

impl World {
    pub(super) fn resource_metadata(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.judge_metadata_request(request);
        let url = format!("{}{}", self.origins.resource, request.uri().path());
        if self.knobs.metadata_off || self.prm_url() != Some(url) {
            return answer::text(404, "no resource metadata here");
        }
        let fault = self.knobs.prm_damage.take(Party::McpServer);
        self.through(fault, |world| answer::json(200, &world.resource_document()))
    }

    pub(super) fn server_metadata(
        &mut self,
        who: Party,
        server: Server,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        self.judge_metadata_request(request);
        let path = request.uri().path();
        let tenant = matches!(self.knobs.issuer_path, IssuerPath::Tenant | IssuerPath::TenantSlash);
        let at_root = path == RFC_8414 || path == OPENID;
        if tenant && at_root && who != Party::McpServer {
            self.blame("asked the root for the metadata of an issuer with a path");
        }
        let here = who == self.party_of(server) && Some(path) == self.metadata_path().as_deref();
        if self.knobs.metadata_off || !here {
            return answer::text(404, "no server metadata here");
        }
        let fault = self.knobs.metadata_damage.take(who);
        let form = self.knobs.metadata_form.take(who);
        self.through(fault, |world| answer::json(200, &world.server_document(server, form)))
    }

    fn judge_metadata_request(&mut self, request: &Request<Vec<u8>>) {
        if request.method() != Method::GET {
            self.blame(format!("{} for a metadata document", request.method()));
        }
        if request.headers().contains_key(header::AUTHORIZATION) {
            self.blame("Authorization sent to a metadata endpoint");
        }
    }

    fn metadata_path(&self) -> Option<String> {
        match self.knobs.legacy {
            Legacy::Off => {}
            Legacy::Endpoints => return None,
            Legacy::Metadata => return Some(RFC_8414.into()),
        }
        let path = self.knobs.issuer_path.as_str().trim_end_matches('/');
        match self.knobs.metadata_location {
            MetadataLocation::Rfc8414 => Some(format!("{RFC_8414}{path}")),
            MetadataLocation::OidcInserted => Some(format!("{OPENID}{path}")),
            MetadataLocation::OidcAppended => Some(format!("{path}{OPENID}")),
            MetadataLocation::Nowhere => None,
        }
    }

    fn resource_document(&self) -> Value {
        let mut document = json!({
            "resource": self.resource(),
            "resource_name": "The simulated MCP server",
            "x_unknown_member": { "must": "be ignored" },
        });
        if self.knobs.prm_resource == PrmResource::Missing {
            put(&mut document, "resource", None::<Value>);
        }
        put(&mut document, "authorization_servers", self.listed());
        put(&mut document, "scopes_supported", self.knobs.prm_scopes.clone());
        put(&mut document, "bearer_methods_supported", self.knobs.prm_bearer_methods.clone());
        let dpop = self.knobs.prm_dpop_required.then_some(true);
        put(&mut document, "dpop_bound_access_tokens_required", dpop);
        document
    }

    fn server_document(&self, server: Server, form: Option<MetadataForm>) -> Value {
        let knobs = &self.knobs;
        let issuer = self.issuer_of(server);
        let base = self.base_of(server);
        let query = if knobs.authorize_query { "?policy=p1" } else { "" };
        let modern = knobs.legacy == Legacy::Off;
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{base}/authorize{query}"),
            "token_endpoint": format!("{base}/token"),
            "response_types_supported": ["code"],
            "scopes_supported": self.server_scopes(),
            "x_unknown_member": [1, 2, 3],
        });
        let registration = knobs.registration_url.clone();
        let registration = registration.unwrap_or_else(|| format!("{base}/register"));
        let registration = self.takes_registrations().then_some(registration);
        put(&mut document, "registration_endpoint", registration);
        put(&mut document, "grant_types_supported", knobs.grant_types.clone());
        let revocation = knobs.revocation.then(|| format!("{base}/revoke"));
        put(&mut document, "revocation_endpoint", revocation);
        let methods = knobs.token_auth_methods.as_ref();
        let methods: Option<Vec<_>> =
            methods.map(|list| list.iter().map(|method| method.as_str()).collect());
        put(&mut document, "token_endpoint_auth_methods_supported", methods);
        if knobs
            .token_auth_methods
            .as_ref()
            .is_some_and(|it| it.contains(&AuthMethod::PrivateKeyJwt))
        {
            let name = "token_endpoint_auth_signing_alg_values_supported";
            put(&mut document, name, Some(knobs.signing_algs.clone()));
        }
        if !knobs.authorization_endpoint {
            put(&mut document, "authorization_endpoint", None::<Value>);
            put(&mut document, "response_types_supported", None::<Value>);
        }
        put(&mut document, "code_challenge_methods_supported", challenge_methods(knobs.pkce));
        let par = (knobs.par != Par::Unknown).then(|| format!("{base}/par"));
        put(&mut document, "pushed_authorization_request_endpoint", par);
        let required = (knobs.par == Par::Required).then_some(true);
        put(&mut document, "require_pushed_authorization_requests", required);
        let device = knobs.device.then(|| format!("{base}/device_authorization"));
        put(&mut document, "device_authorization_endpoint", device);
        let dpop = (knobs.dpop != Dpop::Unknown).then(|| knobs.dpop_algs.clone());
        put(&mut document, "dpop_signing_alg_values_supported", dpop);
        let iss = (knobs.iss_advertised && modern).then_some(true);
        put(&mut document, ISS_SUPPORTED, iss);
        let documents = self.takes_documents().then_some(true);
        put(&mut document, "client_id_metadata_document_supported", documents);
        if let Some(form) = form {
            distort(&mut document, form, &issuer);
        }
        document
    }

    fn server_scopes(&self) -> Vec<&'static str> {
        let mut scopes = vec!["mcp:basic", "mcp:write", DECOY_SCOPE];
        if self.knobs.offline_access {
            scopes.push("offline_access");
        }
        scopes
    }
}

fn distort(document: &mut Value, form: MetadataForm, issuer: &str) {
    let plain = |value: &Value| {
        json!(value.as_str().unwrap_or_default().replacen("https://", "http://", 1))
    };
    let (name, value) = match form {
        MetadataForm::IssuerForeign => ("issuer", json!("https://honest.example.com")),
        MetadataForm::IssuerWithSlash => ("issuer", json!(format!("{issuer}/"))),
        MetadataForm::NoIssuer => ("issuer", Value::Null),
        MetadataForm::NoTokenEndpoint => ("token_endpoint", Value::Null),
        MetadataForm::NoAuthorizationEndpoint => ("authorization_endpoint", Value::Null),
        MetadataForm::HttpTokenEndpoint => ("token_endpoint", plain(&document["token_endpoint"])),
        MetadataForm::HttpAuthorizationEndpoint => {
            ("authorization_endpoint", plain(&document["authorization_endpoint"]))
        }
        MetadataForm::ScriptAuthorizationEndpoint => {
            ("authorization_endpoint", json!("javascript:alert(1)"))
        }
        MetadataForm::FragmentTokenEndpoint => {
            let endpoint = document["token_endpoint"].as_str().unwrap_or_default();
            ("token_endpoint", json!(format!("{endpoint}#here")))
        }
        MetadataForm::IssPromisedAsText => (ISS_SUPPORTED, json!("true")),
    };
    put(document, name, (!value.is_null()).then_some(value));
}

fn challenge_methods(pkce: PkceSupport) -> Option<Vec<&'static str>> {
    match pkce {
        PkceSupport::S256 => Some(vec!["S256"]),
        PkceSupport::Both => Some(vec!["plain", "S256"]),
        PkceSupport::PlainOnly => Some(vec!["plain"]),
        PkceSupport::Absent => None,
    }
}

/// Sets a member, or removes it.
fn put(document: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    let members = document.as_object_mut().expect("every document here is made as an object");
    match value {
        Some(value) => members.insert(name.into(), value.into()),
        None => members.remove(name),
    };
}

/// A scope only the authorization server's metadata names: nobody may take scopes from there.
pub(super) const DECOY_SCOPE: &str = "as:decoy";

const RFC_8414: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const ISS_SUPPORTED: &str = "authorization_response_iss_parameter_supported";
