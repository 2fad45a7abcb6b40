//! The enterprise's identity provider: token exchange of what the user's login left (RFC 8693) into an ID-JAG
//! (draft-ietf-oauth-identity-assertion-authz-grant §4.3).

use http::{Method, Request, Response, header};
use serde_json::{Value, json};

use super::answer::Refused;
use super::clients::Client;
use super::form::Form;
use super::jwt::Jwt;
use super::machine::ID_JAG_TYP;
use super::minted::{USER, changed, identity_provider};
use super::places::Server;
use super::{
    AuthMethod, Grant, IDP_CLIENT_ID, IDP_CLIENT_SECRET, IdpForm, MetadataLocation, PRE_CLIENT_ID,
    Party, World, answer,
};

impl World {
    /// The metadata of the identity provider, at its one place.
    pub(super) fn idp_metadata(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        if request.method() != Method::GET || request.headers().contains_key(header::AUTHORIZATION)
        {
            self.blame("the identity provider's metadata was not asked for with a bare GET");
        }
        let openid = request.uri().path() == "/.well-known/openid-configuration";
        let here = match self.knobs.idp_metadata {
            MetadataLocation::Nowhere => false,
            MetadataLocation::Rfc8414 => !openid,
            MetadataLocation::OidcInserted | MetadataLocation::OidcAppended => openid,
        };
        if !here {
            return answer::text(404, "no metadata here");
        }
        let issuer = self.idp_issuer();
        answer::json(
            200,
            &json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": self.idp_token_endpoint(),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "grant_types_supported": ["authorization_code", "refresh_token", Grant::Exchange.as_str()],
                "token_endpoint_auth_methods_supported": [self.knobs.idp_method.as_str()],
                "code_challenge_methods_supported": ["S256"],
            }),
        )
    }

    /// The token endpoint of the identity provider, which knows one grant.
    pub(super) fn idp_token(
        &mut self,
        grant: Grant,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        let fault = self.knobs.idp_damage.take(Party::IdentityProvider);
        let form = self.knobs.idp_form.take(Party::IdentityProvider);
        self.through(fault, |world| {
            world.exchange_token(grant, form, request).unwrap_or_else(|refusal| *refusal)
        })
    }

    fn exchange_token(
        &mut self,
        grant: Grant,
        form: Option<IdpForm>,
        request: &Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Refused> {
        let sent = self.token_form(request)?;
        if grant != Grant::Exchange {
            let text = "another grant than token exchange at the identity provider";
            return Err(self.refuse_jwt("unsupported_grant_type", text));
        }
        let client = self.idp_client();
        self.authenticate_at_idp(&client, &sent, request)?;
        if let Some(form @ (IdpForm::Refuse(error) | IdpForm::StepUp(error))) = &form {
            self.remark(format!("{form:?}"));
            let mut document = json!({ "error": error, "error_description": "As the test says" });
            if matches!(form, IdpForm::StepUp(_)) {
                document["max_age"] = json!(60);
                document["acr_values"] = json!("urn:example:mfa");
            }
            let status = if error == "invalid_client" { 401 } else { 400 };
            return Err(answer::json(status, &document).into());
        }
        let server = self.judge_exchange(&sent)?;
        self.judge_subject(&sent)?;
        let jkt = self.optional_proof(Party::IdentityProvider, request)?;
        Ok(self.id_jag(server, &sent, jkt.as_deref(), form.as_ref()))
    }

    /// Judges what is asked for, and gives the server that it is for.
    fn judge_exchange(&mut self, sent: &Form) -> Result<Server, Refused> {
        let kind = sent.get("requested_token_type");
        if kind != Some(ID_JAG_TYPE) {
            let text = format!("requested_token_type is {kind:?}");
            return Err(self.refuse_jwt("invalid_request", text));
        }
        let scope = sent.get("scope").unwrap_or_default();
        if scope.split(' ').any(|token| token == "offline_access") {
            return Err(self.refuse_jwt("invalid_scope", "offline_access without a user"));
        }
        if let Err((error, fault)) = self.judge_scope(scope) {
            return Err(self.refuse_jwt(error, fault));
        }
        if let Err((error, fault)) = self.judge_resource(sent.get("resource")) {
            return Err(self.refuse_jwt(error, fault));
        }
        let audience = sent.get("audience").map(ToOwned::to_owned);
        let is_it = |server: &Server| audience == Some(self.issuer_of(*server));
        Server::ALL.into_iter().find(is_it).ok_or_else(|| {
            self.refuse_jwt("invalid_target", format!("audience is {audience:?}, no issuer"))
        })
    }

    fn judge_subject(&mut self, sent: &Form) -> Result<(), Refused> {
        let Some(subject) = sent.get("subject_token") else {
            return Err(self.refuse_jwt("invalid_request", "an exchange without subject_token"));
        };
        match sent.get("subject_token_type") {
            Some(ID_TOKEN_TYPE) => {}
            Some(REFRESH_TOKEN_TYPE) if !self.knobs.idp_takes_refresh_tokens => {
                self.remark("refresh tokens are not exchanged here");
                let text = "refresh tokens are not taken";
                return Err(answer::oauth_error(400, "invalid_request", text).into());
            }
            Some(REFRESH_TOKEN_TYPE) => {
                if self.minted.refresh_tokens.iter().any(|token| token == subject) {
                    return Ok(());
                }
                return Err(self.refuse_jwt("invalid_grant", "no refresh token of this provider"));
            }
            other => {
                let text = format!("subject_token_type is {other:?}");
                return Err(self.refuse_jwt("invalid_request", text));
            }
        }
        let judged = Jwt::parse(subject).and_then(|jwt| {
            jwt.verify(&[identity_provider().public()], &["ES256".into()])?;
            let sound = jwt.claim("iss") == Some(&self.idp_issuer())
                && jwt.claim("aud") == Some(IDP_CLIENT_ID)
                && !is_typed(&jwt.header);
            let sound = sound.then_some(jwt).ok_or("a subject token that is no ID token of here");
            Ok(sound?.seconds("exp").unwrap_or_default())
        });
        match judged {
            Err(fault) => Err(self.refuse_jwt("invalid_grant", fault)),
            Ok(exp) if exp <= self.now => {
                self.remark("the ID token is expired");
                Err(answer::oauth_error(400, "invalid_grant", "the ID token is expired").into())
            }
            Ok(_) => Ok(()),
        }
    }

    /// The ID-JAG for a server, as a token answer (RFC 8693 §2.2.1).
    fn id_jag(
        &mut self,
        server: Server,
        sent: &Form,
        jkt: Option<&str>,
        form: Option<&IdpForm>,
    ) -> Response<Vec<u8>> {
        let lifetime = self.knobs.id_jag_lifetime;
        let audience = match form {
            Some(IdpForm::ForeignAudience) => self.issuer_of(server.other()),
            _ => self.issuer_of(server),
        };
        let mut claims = self.claims(&self.idp_issuer(), USER, &json!(audience), lifetime);
        claims["client_id"] = match form {
            Some(IdpForm::ForeignClient) => json!("client-of-another"),
            _ => json!(self.knobs.id_jag_client_id.as_deref().unwrap_or(PRE_CLIENT_ID)),
        };
        if form != Some(&IdpForm::NoResourceClaim) {
            claims["resource"] = json!(self.resource());
        }
        if let Some(jkt) = jkt {
            claims["cnf"] = json!({ "jkt": jkt });
        }
        let scope = sent.get("scope").map(ToOwned::to_owned);
        if let Some(scope) = &scope {
            claims["scope"] = json!(scope);
        }
        if let Some(IdpForm::Claims(changes)) = form {
            claims = changed(claims, changes);
        }
        let mut text = identity_provider().jwt(&json!({ "typ": ID_JAG_TYP }), &claims);
        let home = self.party_of(server);
        if form == Some(&IdpForm::Opaque) {
            let sealed = format!("sealed.id-jag.{}", self.numbered);
            self.minted.sealed.insert(sealed.clone(), text);
            text = sealed;
        }
        self.minted.add(&text, home);
        let mut document = json!({
            "issued_token_type": ID_JAG_TYPE,
            "access_token": text,
            "token_type": "N_A",
            "expires_in": lifetime,
            "scope": scope.unwrap_or_else(|| "mcp:basic".into()),
        });
        shape(&mut document, form);
        answer::json(200, &document)
    }

    fn idp_client(&self) -> Client {
        let method = self.knobs.idp_method;
        let secret = matches!(method, AuthMethod::Basic | AuthMethod::Post);
        Client {
            server: Server::First,
            id: IDP_CLIENT_ID.into(),
            secret: secret.then(|| IDP_CLIENT_SECRET.into()),
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
}

fn shape(document: &mut Value, form: Option<&IdpForm>) {
    let (name, value) = match form {
        Some(IdpForm::OtherIssuedType) => {
            ("issued_token_type", json!("urn:ietf:params:oauth:token-type:access_token"))
        }
        Some(IdpForm::NoIssuedType) => ("issued_token_type", Value::Null),
        Some(IdpForm::BearerType) => ("token_type", json!("Bearer")),
        Some(IdpForm::LowerCaseType) => ("token_type", json!("n_a")),
        Some(IdpForm::NoExpiresIn) => ("expires_in", Value::Null),
        Some(IdpForm::NoScope) => ("scope", Value::Null),
        _ => return,
    };
    document[name] = value;
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
}

/// Whether a JWT is of a kind that must not pass for an ID token.
fn is_typed(header: &Value) -> bool {
    header["typ"] == ID_JAG_TYP
}

const ID_JAG_TYPE: &str = "urn:ietf:params:oauth:token-type:id-jag";
const ID_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:id_token";
const REFRESH_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:refresh_token";
