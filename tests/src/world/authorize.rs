//! The authorization endpoint, and the user who consents at it.

use http::{Request, Response};

use super::answer::Refused;
use super::clients::{Client, Found};
use super::form::Form;
use super::grants::{Code, Granted};
use super::metadata::DECOY_SCOPE;
use super::places::Server;
use super::redirect::Asked;
use super::{Consent, Legacy, PkceSupport, PrmResource, RefreshTokens, World, answer};

impl World {
    /// Refuses with a page until the redirect URI is known to be the client's, by redirect after that
    /// (RFC 6749 §4.1.2.1).
    pub(super) fn authorize(
        &mut self,
        server: Server,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        if self.knobs.machines_only {
            return self.page("somebody was sent to authorize a client without a user");
        }
        let query = request.uri().query().unwrap_or_default();
        let sent = match Form::parse(query) {
            Ok(form) => form,
            Err(fault) => return self.page(format!("authorization request: {fault}")),
        };
        if self.knobs.authorize_query && sent.get("policy") != Some("p1") {
            return self.page("the authorization endpoint's own query is lost");
        }
        let is_pushed = sent.get("request_uri").is_some();
        let form = match self.requested(server, &sent) {
            Ok(form) => form,
            Err(response) => return *response,
        };
        let client = match self.judge_client(server, &form) {
            Ok(client) => client,
            Err(response) => return *response,
        };
        let redirect_uri = form.get("redirect_uri").unwrap_or_default();
        if !self.allows_redirect(&client, redirect_uri) {
            return self.page(format!("{} has no redirect URI {redirect_uri:?}", client.id));
        }
        let asked = Asked { server, redirect_uri, state: form.get("state") };
        if let Err((error, fault)) = self.judge_request(&form) {
            self.blame(fault.clone());
            return self.send_error(&asked, error, &fault);
        }
        if !is_pushed {
            self.judge_freshness(query, &form);
        }
        let scope = form.get("scope").unwrap_or_default();
        if let Some(reason) = self.bars_scope(&client, scope) {
            return self.send_error(&asked, "invalid_scope", &reason);
        }
        self.consent(&asked, &client, &form)
    }

    fn judge_client(&mut self, server: Server, form: &Form) -> Result<Client, Refused> {
        let Some(id) = form.get("client_id") else {
            return Err(self.page("authorization request without client_id").into());
        };
        match self.find_client(server, id) {
            Found::Known(client) => Ok(client),
            Found::Forgotten => {
                self.remark(format!("client {id} is forgotten"));
                Err(answer::html(400, "unknown client").into())
            }
            Found::Unknown => Err(answer::html(400, "unknown client").into()),
        }
    }

    pub(super) fn judge_request(&self, form: &Form) -> Result<(), (&'static str, String)> {
        let invalid = |text: String| Err(("invalid_request", text));
        if form.get("response_type") != Some("code") {
            return Err(("unsupported_response_type", "response_type is not code".into()));
        }
        let Some(challenge) = form.get("code_challenge") else {
            return invalid("authorization request without code_challenge".into());
        };
        if form.get("code_challenge_method") != Some("S256") {
            return invalid("code_challenge_method is not S256".into());
        }
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if challenge.len() != 43 || !challenge.bytes().all(base64url) {
            return invalid("code_challenge is not a SHA-256 in base64url".into());
        }
        if self.knobs.pkce == PkceSupport::PlainOnly {
            return invalid("S256 sent to a server that says it only knows plain".into());
        }
        if form.get("state").is_none() {
            return invalid("authorization request without state".into());
        }
        if form.pairs.iter().any(|(name, _)| name == "client_secret") {
            return invalid("client_secret in an authorization request".into());
        }
        self.judge_resource(form.get("resource"))?;
        self.judge_scope(form.get("scope").unwrap_or_default())
    }

    /// RFC 8707 §2, with the identifier that the resource metadata gives.
    pub(super) fn judge_resource(
        &self,
        resource: Option<&str>,
    ) -> Result<(), (&'static str, String)> {
        let foreign = matches!(
            self.knobs.prm_resource,
            PrmResource::Foreign | PrmResource::PrefixSibling | PrmResource::Missing
        );
        if foreign && self.prm_url().is_some() {
            let text = "went on with the metadata of another resource";
            return Err(("invalid_target", text.into()));
        }
        let wanted = self.resource();
        match resource {
            Some(resource) if resource == wanted => Ok(()),
            // 2025-03-26 does not know the parameter.
            None if self.knobs.legacy != Legacy::Off => Ok(()),
            other => Err(("invalid_target", format!("resource is {other:?}, not {wanted:?}"))),
        }
    }

    pub(super) fn judge_scope(&self, scope: &str) -> Result<(), (&'static str, String)> {
        let mut seen = Vec::new();
        for token in scope.split(' ').filter(|_| !scope.is_empty()) {
            let sound =
                token.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
            if token.is_empty() || !sound || seen.contains(&token) {
                return Err(("invalid_scope", format!("scope {scope:?} is malformed")));
            }
            if token == DECOY_SCOPE {
                let text = "scope taken from the authorization server's metadata";
                return Err(("invalid_scope", text.into()));
            }
            if token == "offline_access" && !self.knobs.offline_access {
                let text = "offline_access asked of a server that does not list it";
                return Err(("invalid_scope", text.into()));
            }
            seen.push(token);
        }
        Ok(())
    }

    /// Challenge and state must be new in each request; opening the same URL again is not another.
    pub(super) fn judge_freshness(&mut self, query: &str, form: &Form) {
        for name in ["code_challenge", "state"] {
            let value = form.get(name).unwrap_or_default();
            let again = |(old, with): &(String, String)| old == value && with != query;
            if self.asked.iter().any(again) {
                self.blame(format!("the {name} of an earlier authorization request"));
            }
            self.asked.push((value.into(), query.into()));
        }
    }

    fn consent(&mut self, asked: &Asked<'_>, client: &Client, form: &Form) -> Response<Vec<u8>> {
        let scope = form.get("scope").unwrap_or("mcp:basic");
        let granted = match self.knobs.consent.clone() {
            Consent::Grant => scope.to_owned(),
            Consent::GrantLess(scope) => scope,
            Consent::Deny => {
                return self.send_error(asked, "access_denied", "The user said <b>no</b>");
            }
            Consent::ServerError => {
                return self.send_error(asked, "server_error", "The server is unwell");
            }
            Consent::Error(error) => return self.send_error(asked, &error, "As the test says"),
            Consent::Page => return answer::html(200, "Do you agree?"),
        };
        let refreshable = self.is_refreshable(scope, form.get("prompt"));
        let grant = self.grants.open(Granted {
            server: asked.server,
            client_id: client.id.clone(),
            resource: form.get("resource").map(Into::into),
            scope: granted,
            refreshable,
            dead: false,
        });
        let code = self.grants.add_code(Code {
            value: String::new(),
            grant,
            redirect_uri: asked.redirect_uri.into(),
            challenge: form.get("code_challenge").unwrap_or_default().into(),
            jkt: form.get("dpop_jkt").map(Into::into),
            expires_at: self.now + self.knobs.code_lifetime,
            spent: false,
        });
        self.send_code(asked, code)
    }

    /// Whether a login that asked for this gets a refresh token.
    pub(super) fn is_refreshable(&self, scope: &str, prompt: Option<&str>) -> bool {
        let offline = scope.split(' ').any(|token| token == "offline_access");
        match self.knobs.refresh_tokens {
            RefreshTokens::Always => true,
            RefreshTokens::OnlyWithOfflineAccess => offline,
            RefreshTokens::OnlyWithConsentPrompt => offline && prompt == Some("consent"),
            RefreshTokens::Never => false,
        }
    }

    /// Refuses without a redirect.
    pub(super) fn page(&mut self, fault: impl Into<String>) -> Response<Vec<u8>> {
        let fault = fault.into();
        self.blame(fault.clone());
        answer::html(400, &fault)
    }
}
