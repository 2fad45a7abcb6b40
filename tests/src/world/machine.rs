//! The grants without a user: client credentials (RFC 6749 §4.4), and assertions (RFC 7523 §2.1) of a workload's
//! platform or, as ID-JAG, of an identity provider.

use http::{Request, header};
use serde_json::Value;

use super::answer::Refused;
use super::clients::Client;
use super::form::Form;
use super::grants::Granted;
use super::jwt::Jwt;
use super::minted::{PLATFORM, WORKLOAD, identity_provider, platform};
use super::places::Server;
use super::{AuthMethod, Grant, World, answer};

/// What a token request leads to: grant, scope and refresh token.
pub(super) type Issued = (usize, String, Option<String>);

impl World {
    /// Judges what all grants without a user have in common: nobody is asked, so nothing is there that asks.
    pub(super) fn judge_machine(&mut self, grant: Grant, sent: &Form) -> Result<(), Refused> {
        if let Some((name, _)) = sent.pairs.iter().find(|(name, _)| OF_USERS.contains(&&**name)) {
            let text = format!("{name} in a token request without a user");
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
        let name = grant.as_str();
        let offered = self.knobs.grant_types.as_ref();
        if offered.is_some_and(|list| !list.iter().any(|it| it == name)) {
            let text = format!("{name} is not offered");
            // Who is set up for it by hand may know more than the metadata; a workload has nobody to ask.
            if grant == Grant::JwtBearer && !is_id_jag(sent) {
                return Err(self.refuse_jwt("unsupported_grant_type", text));
            }
            self.remark(text.clone());
            return Err(answer::oauth_error(400, "unsupported_grant_type", &text).into());
        }
        Ok(())
    }

    /// Who sends a request with the jwt-bearer grant: the client, if the assertion is an ID-JAG; the workload
    /// otherwise, which is no client and has no other credential.
    pub(super) fn bearer_of_assertion(
        &mut self,
        server: Server,
        sent: &Form,
        request: &Request<Vec<u8>>,
    ) -> Result<Client, Refused> {
        if self.is_id_jag(sent) {
            let client = self.authenticate(server, sent, request)?;
            if client.method == AuthMethod::None {
                let text = "a public client with an ID-JAG";
                return Err(self.refuse_jwt("unauthorized_client", text));
            }
            return Ok(client);
        }
        let secret = ["client_secret", "client_assertion"].iter().find(|it| sent.get(it).is_some());
        if secret.is_some() || request.headers().contains_key(header::AUTHORIZATION) {
            return Err(self.refuse_jwt("invalid_request", "a workload authenticates as a client"));
        }
        let wanted = self.knobs.workload_client_id.clone();
        let id = sent.get("client_id");
        if id != wanted.as_deref() {
            let text = format!("the client_id of a workload is {id:?}, not {wanted:?}");
            return Err(self.refuse_jwt("invalid_request", text));
        }
        Ok(self.workload(server))
    }

    /// Grants what a confidential client asks for in its own name.
    pub(super) fn client_credentials(
        &mut self,
        server: Server,
        client: &Client,
        sent: &Form,
    ) -> Result<Issued, Refused> {
        if client.method == AuthMethod::None {
            let text = "client credentials of a public client";
            return Err(self.refuse_jwt("unauthorized_client", text));
        }
        Ok(self.grant_machine(server, client, sent.get("scope")))
    }

    /// Grants what an assertion stands for.
    pub(super) fn jwt_bearer(
        &mut self,
        server: Server,
        client: &Client,
        sent: &Form,
        jkt: Option<&str>,
    ) -> Result<Issued, Refused> {
        let Some(text) = sent.get("assertion") else {
            return Err(self.refuse_jwt("invalid_request", "jwt-bearer without assertion"));
        };
        let text = self.minted.sealed.get(text).map_or(text, String::as_str).to_owned();
        let judged = Jwt::parse(&text).and_then(|jwt| {
            if is_id_jag_header(&jwt.header) {
                self.judge_id_jag(server, client, &jwt)?;
            } else {
                self.judge_workload(server, &jwt)?;
            }
            let bound = jwt.claims["cnf"]["jkt"].as_str();
            if bound.is_some() && bound != jkt {
                return Err("the assertion is bound to another key than that of the proof".into());
            }
            let exp = jwt.seconds("exp").ok_or("an assertion without exp")?;
            let scope = jwt.claim("scope").map(ToOwned::to_owned);
            Ok((exp, scope))
        });
        let (exp, scope) = match judged {
            Ok(judged) => judged,
            Err(fault) => return Err(self.refuse_jwt("invalid_grant", fault)),
        };
        // Seen, and blamed, when it arrived.
        if self.presented.times(sent.get("assertion").unwrap_or_default()) > 1 {
            let text = "the assertion was used before";
            return Err(answer::oauth_error(400, "invalid_grant", text).into());
        }
        if exp <= self.now {
            // Whoever brought it could not know how long it would be under way.
            self.remark("the assertion is expired");
            return Err(answer::oauth_error(400, "invalid_grant", "expired").into());
        }
        let scope = scope.or_else(|| sent.get("scope").map(ToOwned::to_owned));
        Ok(self.grant_machine(server, client, scope.as_deref()))
    }

    fn judge_workload(&self, server: Server, jwt: &Jwt) -> Result<(), String> {
        jwt.verify(&[platform().public()], &["ES256".into()])?;
        if jwt.claim("iss") != Some(PLATFORM) || jwt.claim("sub") != Some(WORKLOAD) {
            return Err("the assertion is of a workload that nobody knows".into());
        }
        let audience = self.audience_at(&self.issuer_of(server), self.token_endpoint_of(server));
        same("aud", &jwt.claims["aud"], &audience)
    }

    /// draft-ietf-oauth-identity-assertion-authz-grant §4.4.1.
    fn judge_id_jag(&self, server: Server, client: &Client, jwt: &Jwt) -> Result<(), String> {
        jwt.verify(&[identity_provider().public()], &["ES256".into()])?;
        same("iss", &jwt.claims["iss"], &self.idp_issuer())?;
        same("aud", &jwt.claims["aud"], &self.issuer_of(server))?;
        same("client_id", &jwt.claims["client_id"], &client.id)?;
        if jwt.claims["resource"].is_null() {
            return Ok(());
        }
        same("resource", &jwt.claims["resource"], &self.resource())
    }

    fn grant_machine(&mut self, server: Server, client: &Client, scope: Option<&str>) -> Issued {
        let scope = scope.unwrap_or("mcp:basic").to_owned();
        let grant = self.grants.open(Granted {
            server,
            client_id: client.id.clone(),
            resource: Some(self.resource()),
            scope: scope.clone(),
            refreshable: false,
            dead: false,
        });
        // RFC 6749 §4.4.3 says that there should be none; some servers do not know it.
        let decoy = self.knobs.decoy_refresh_tokens;
        let refresh = decoy.then(|| self.grants.add_refresh(grant, None, None));
        (grant, scope, refresh)
    }

    fn workload(&self, server: Server) -> Client {
        Client {
            server,
            id: WORKLOAD.into(),
            secret: None,
            secret_expires_at: None,
            method: AuthMethod::None,
            keys: Vec::new(),
            redirect_uris: Vec::new(),
            scope: None,
            grants: Vec::new(),
            always_bound: false,
            forgotten: false,
        }
    }

    fn is_id_jag(&self, sent: &Form) -> bool {
        let text = sent.get("assertion").unwrap_or_default();
        self.minted.sealed.contains_key(text) || is_id_jag(sent)
    }
}

fn is_id_jag(sent: &Form) -> bool {
    let jwt = Jwt::parse(sent.get("assertion").unwrap_or_default());
    jwt.is_ok_and(|jwt| is_id_jag_header(&jwt.header))
}

fn is_id_jag_header(header: &Value) -> bool {
    header["typ"] == ID_JAG_TYP
}

fn same(name: &str, claim: &Value, wanted: &str) -> Result<(), String> {
    if claim == wanted {
        return Ok(());
    }
    Err(format!("the {name} of an assertion is {claim}, not {wanted:?}"))
}

/// The `typ` of an ID-JAG.
pub(super) const ID_JAG_TYP: &str = "oauth-id-jag+jwt";

/// Parameters that have a meaning only where somebody is asked, or was.
const OF_USERS: [&str; 9] = [
    "code",
    "code_challenge",
    "code_verifier",
    "login_hint",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "response_type",
    "state",
];
