//! The token endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::answer::Refused;
use super::clients::Client;
use super::form::Form;
use super::grants::{Access, Refresh};
use super::machine::Issued;
use super::places::Server;
use super::{AuthMethod, Dpop, Grant, Reuse, Rotation, TokenForm, World, answer};

impl World {
    pub(super) fn token(
        &mut self,
        server: Server,
        grant: Grant,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        let who = self.party_of(server);
        let fault = self.knobs.token_damage.take(who);
        let form = self.knobs.token_form.take(who);
        if grant == Grant::Device {
            self.pace(request, fault.as_ref());
        }
        let mut response = self.through(fault, |world| {
            world.token_answer(server, grant, form, request).unwrap_or_else(|refusal| *refusal)
        });
        if grant == Grant::Device && String::from_utf8_lossy(response.body()).contains(NONCE) {
            self.uncount_poll(request);
        }
        self.renew_nonce(who, &mut response);
        response
    }

    fn token_answer(
        &mut self,
        server: Server,
        grant: Grant,
        form: Option<TokenForm>,
        request: &Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Refused> {
        let sent = self.token_form(request)?;
        let client = match grant {
            Grant::JwtBearer => self.bearer_of_assertion(server, &sent, request)?,
            _ => self.authenticate(server, &sent, request)?,
        };
        match &form {
            Some(TokenForm::Refuse(error)) => {
                let status = if error == "invalid_client" { 401 } else { 400 };
                self.remark(format!("{form:?}"));
                self.heard(&sent, error);
                return Err(answer::oauth_error(status, error, "As the test says").into());
            }
            Some(TokenForm::ErrorWith200(error)) => {
                self.remark(format!("{form:?}"));
                return Err(answer::oauth_error(200, error, "As the test says").into());
            }
            _ => {}
        }
        let jkt = self.proof_at_server(server, &client, request)?;
        let (grant, scope, refresh_token) =
            self.issue(server, grant, &client, &sent, jkt.as_deref())?;
        let scope = match &form {
            Some(TokenForm::Narrower(scope)) => scope.clone(),
            _ => scope,
        };
        let jkt = jkt.filter(|_| self.knobs.dpop != Dpop::InVain);
        let token_type = if jkt.is_some() { "DPoP" } else { "Bearer" };
        let access_token = self.grants.add_access(Access {
            value: String::new(),
            grant,
            scope: scope.clone(),
            issued_at: self.now,
            expires_at: self.now + self.knobs.access_lifetime,
            jkt,
            revoked: false,
        });
        let mut document = json!({
            "access_token": access_token,
            "token_type": token_type,
            "expires_in": self.knobs.access_lifetime,
            "scope": scope,
            "x_unknown_member": null,
        });
        if let Some(refresh_token) = refresh_token {
            document["refresh_token"] = json!(refresh_token);
        }
        Ok(shape(document, form.as_ref()))
    }

    fn issue(
        &mut self,
        server: Server,
        grant: Grant,
        client: &Client,
        sent: &Form,
        jkt: Option<&str>,
    ) -> Result<Issued, Refused> {
        match grant {
            Grant::Code | Grant::Refresh | Grant::Device if self.knobs.machines_only => {
                let text = "a grant that needs a user, by a client that has none";
                Err(self.refuse("unauthorized_client", text))
            }
            Grant::Code => self.redeem(server, client, sent, jkt),
            Grant::Refresh => self.refresh(server, client, sent, jkt),
            Grant::ClientCredentials | Grant::JwtBearer => {
                self.judge_machine(grant, sent)?;
                match grant {
                    Grant::JwtBearer => self.jwt_bearer(server, client, sent, jkt),
                    _ => self.client_credentials(server, client, sent),
                }
            }
            Grant::Device => self.poll(server, client, sent, jkt),
            Grant::Exchange | Grant::Other => {
                Err(self.refuse("unsupported_grant_type", "a grant_type that is not known here"))
            }
        }
    }

    /// Redeems a code (RFC 6749 §4.1.3, RFC 7636 §4.6).
    fn redeem(
        &mut self,
        server: Server,
        client: &Client,
        sent: &Form,
        jkt: Option<&str>,
    ) -> Result<Issued, Refused> {
        let Some(value) = sent.get("code") else {
            return Err(self.refuse("invalid_request", "token request without code"));
        };
        let Some(code) = self.grants.code(value).cloned() else {
            self.remark("no such code");
            return Err(answer::oauth_error(400, "invalid_grant", "no such code").into());
        };
        let granted = self.grants.get(code.grant).clone();
        if granted.server != server {
            return Err(self.refuse("invalid_grant", "a code of the other authorization server"));
        }
        if granted.client_id != client.id {
            return Err(self.refuse("invalid_grant", "a code of another client"));
        }
        if code.spent {
            return Err(self.reused(code.grant, "code"));
        }
        // Whatever is wrong with the request, the code has been seen and is good no more.
        self.grants.spend_code(value);
        if granted.dead || code.expires_at <= self.now {
            self.remark("the code is revoked or expired");
            return Err(answer::oauth_error(400, "invalid_grant", "the code is dead").into());
        }
        if sent.get("redirect_uri") != Some(&code.redirect_uri) {
            let text = "redirect_uri is not that of the authorization request";
            return Err(self.refuse("invalid_grant", text));
        }
        let verifier = sent.get("code_verifier").unwrap_or_default();
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return Err(self.refuse("invalid_request", "code_verifier is missing or malformed"));
        }
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.challenge {
            return Err(self.refuse("invalid_grant", "code_verifier does not match"));
        }
        if code.jkt.is_some() && code.jkt.as_deref() != jkt {
            let text = "the code was asked for with another key than that of the proof";
            return Err(self.refuse("invalid_grant", text));
        }
        self.same_resource(granted.resource.as_deref(), sent)?;
        let refresh =
            granted.refreshable.then(|| self.first_refresh_token(code.grant, client, jkt));
        Ok((code.grant, granted.scope, refresh))
    }

    /// The first refresh token of a grant, which is bound to the key of a public client (RFC 9449 §5).
    pub(super) fn first_refresh_token(
        &mut self,
        grant: usize,
        client: &Client,
        jkt: Option<&str>,
    ) -> String {
        let expires_at = self.knobs.refresh_lifetime.map(|seconds| self.now + seconds);
        let jkt = jkt.filter(|_| client.method == AuthMethod::None).map(Into::into);
        self.grants.add_refresh(grant, expires_at, jkt)
    }

    /// Refreshes (RFC 6749 §6), rotating as the knob says.
    fn refresh(
        &mut self,
        server: Server,
        client: &Client,
        sent: &Form,
        jkt: Option<&str>,
    ) -> Result<Issued, Refused> {
        let Some(value) = sent.get("refresh_token") else {
            return Err(self.refuse("invalid_request", "refresh without refresh_token"));
        };
        let Some(token) = self.grants.refresh(value).cloned() else {
            return Err(self.refuse("invalid_grant", "a refresh token that nobody issued"));
        };
        let granted = self.grants.get(token.grant).clone();
        if granted.server != server {
            let text = "a refresh token of the other authorization server";
            return Err(self.refuse("invalid_grant", text));
        }
        if granted.client_id != client.id {
            return Err(self.refuse("invalid_grant", "a refresh token of another client"));
        }
        if !granted.refreshable {
            let text = "a refresh token that came with a grant without a user";
            return Err(self.refuse("invalid_grant", text));
        }
        if self.is_used_up(&token) {
            return Err(self.reused(token.grant, "refresh token"));
        }
        if granted.dead || token.expires_at.is_some_and(|at| at <= self.now) {
            self.remark("the refresh token is revoked or expired");
            return Err(
                answer::oauth_error(400, "invalid_grant", "the refresh token is dead").into()
            );
        }
        if token.jkt.is_some() && token.jkt.as_deref() != jkt {
            let text = "a refresh token without a proof of the key that it is bound to";
            return Err(self.refuse("invalid_grant", text));
        }
        self.same_resource(granted.resource.as_deref(), sent)?;
        let scope = sent.get("scope").unwrap_or(&granted.scope);
        let has = |token| granted.scope.split(' ').any(|entry| entry == token);
        if !scope.split(' ').all(has) {
            return Err(self.refuse("invalid_scope", "refresh for more than was granted"));
        }
        let scope = scope.to_owned();
        if self.knobs.rotation == Rotation::Keep {
            return Ok((token.grant, scope, None));
        }
        self.grants.spend_refresh(value, self.now);
        let expires_at = self.knobs.refresh_lifetime.map(|seconds| self.now + seconds);
        let next = self.grants.add_refresh(token.grant, expires_at, token.jkt);
        Ok((token.grant, scope, Some(next)))
    }

    /// The form of a request to a token endpoint, whoever has it.
    pub(super) fn token_form(&mut self, request: &Request<Vec<u8>>) -> Result<Form, Refused> {
        let sent = self.posted_form(request)?;
        if !accepts_json(request) {
            return Err(self.refuse("invalid_request", "token request without Accept for JSON"));
        }
        Ok(sent)
    }

    pub(super) fn posted_form(&mut self, request: &Request<Vec<u8>>) -> Result<Form, Refused> {
        if request.method() != Method::POST {
            return Err(self.refuse("invalid_request", "a token endpoint takes POST only"));
        }
        if request.uri().query().is_some() {
            return Err(self.refuse("invalid_request", "a token endpoint's parameters in its URI"));
        }
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (essence, _) = content_type.split_once(';').unwrap_or((content_type, ""));
        if !essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(self.refuse("invalid_request", "a token request that is not a form"));
        }
        let text = String::from_utf8_lossy(request.body());
        Form::parse(&text).map_err(|fault| self.refuse("invalid_request", &fault))
    }

    /// The `resource` of the authorization request again (RFC 8707 §2.2).
    pub(super) fn same_resource(
        &mut self,
        before: Option<&str>,
        sent: &Form,
    ) -> Result<(), Refused> {
        if sent.get("resource") == before {
            return Ok(());
        }
        let text = format!("resource is {:?}, was {before:?}", sent.get("resource"));
        Err(self.refuse("invalid_target", &text))
    }

    /// Whether a refresh token was rotated away, and is good no more.
    pub(super) fn is_used_up(&self, token: &Refresh) -> bool {
        let Some(at) = token.spent_at else { return false };
        match self.knobs.reuse {
            Reuse::Grace(seconds) => at + seconds < self.now,
            Reuse::EndsGrant | Reuse::Refused => true,
        }
    }

    fn reused(&mut self, grant: usize, what: &str) -> Refused {
        self.reuses += 1;
        if self.knobs.reuse == Reuse::Refused && what != "code" {
            self.remark(format!("{what} reused"));
        } else {
            self.grants.kill(grant);
            self.remark(format!("{what} reused: the grant is dead"));
        }
        answer::oauth_error(400, "invalid_grant", "used before").into()
    }

    pub(super) fn refuse(&mut self, error: &str, fault: &str) -> Refused {
        self.blame(fault);
        answer::oauth_error(400, error, fault).into()
    }
}

fn accepts_json(request: &Request<Vec<u8>>) -> bool {
    let values = request.headers().get_all(header::ACCEPT).iter();
    values.filter_map(|value| value.to_str().ok()).any(|value| value.contains("application/json"))
}

fn shape(mut document: Value, form: Option<&TokenForm>) -> Response<Vec<u8>> {
    let token = document["access_token"].as_str().unwrap_or_default().to_owned();
    let Some(form) = form else {
        return answer::json(200, &document);
    };
    let (name, value) = match form {
        TokenForm::ExpiresInText => ("expires_in", json!(document["expires_in"].to_string())),
        TokenForm::NoExpiresIn => ("expires_in", Value::Null),
        TokenForm::ExpiresInZero => ("expires_in", json!(0)),
        TokenForm::ExpiresInNegative => ("expires_in", json!(-1)),
        TokenForm::LowerCaseType => {
            let name = document["token_type"].as_str().unwrap_or_default();
            ("token_type", json!(name.to_ascii_lowercase()))
        }
        TokenForm::MacType => ("token_type", json!("mac")),
        TokenForm::NoType => ("token_type", Value::Null),
        TokenForm::NoScope => ("scope", Value::Null),
        TokenForm::NoAccessToken => ("access_token", Value::Null),
        TokenForm::EmptyAccessToken => ("access_token", json!("")),
        TokenForm::CrLf => ("access_token", json!(format!("{token}\r\nX-Injected: 1"))),
        TokenForm::Space => ("access_token", json!(format!("{token} {token}"))),
        TokenForm::FormEncoded => return form_encoded(&document),
        TokenForm::Member(name, json) => return with_member(document, name, json),
        TokenForm::Narrower(_) | TokenForm::ErrorWith200(_) | TokenForm::Refuse(_) => {
            return answer::json(200, &document);
        }
    };
    let members = document.as_object_mut().expect("the token answer is made as an object");
    match value {
        Value::Null => members.remove(name),
        value => members.insert(name.into(), value),
    };
    answer::json(200, &document)
}

fn with_member(mut document: Value, name: &str, json: &str) -> Response<Vec<u8>> {
    let members = document.as_object_mut().expect("the token answer is made as an object");
    members.remove(name);
    let mut response = answer::json(200, &document);
    let rest = response.body().strip_prefix(b"{").unwrap_or_default();
    *response.body_mut() = [format!("{{\"{name}\":{json},").as_bytes(), rest].concat();
    response
}

fn form_encoded(document: &Value) -> Response<Vec<u8>> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    for (name, value) in document.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
        body.append_pair(name, &text);
    }
    let mut response = Response::new(body.finish().into_bytes());
    answer::set(&mut response, header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    response
}

/// The error of a request whose proof lacks the server's nonce (RFC 9449 §8).
const NONCE: &str = "use_dpop_nonce";
