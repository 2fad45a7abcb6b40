//! The requests of a client with a user that does everything right, unless told otherwise: also with proofs,
//! and by pushing what it asks for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response, header};
use oauth_tests::world::{Grant, Key, Knobs, World};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::client::{Changes, Machine, changed, form, json_of, text};

pub(crate) const CALLBACK: &str = "http://127.0.0.1:7777/cb";

pub(crate) struct Person {
    pub(crate) machine: Machine,
    pub(crate) id: String,
    pub(crate) key: Key,
    /// Put into the claims of the next proofs.
    pub(crate) nonce: Option<String>,
    logins: u32,
}

impl Person {
    pub(crate) fn new(knobs: Knobs) -> Self {
        Self::registered(knobs, &json!({}))
    }

    pub(crate) fn registered(knobs: Knobs, changes: &Value) -> Self {
        let grants = knobs.grant_types.clone();
        let mut machine = Machine::new(knobs);
        let body = json!({
            "client_name": "test",
            "application_type": "native",
            "redirect_uris": [CALLBACK],
            "grant_types": grants,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        let request = Request::post("https://auth.example.com/register")
            .header(header::CONTENT_TYPE, "application/json")
            .body(changed(body, changes).to_string().into_bytes());
        let id = text(&machine.world.handle(&request.unwrap()), "client_id");
        Self::known(machine, &id)
    }

    /// A client that the server knows already.
    pub(crate) fn known(machine: Machine, id: &str) -> Self {
        Self { machine, id: id.into(), key: Key::p256(5), nonce: None, logins: 0 }
    }

    pub(crate) fn world(&mut self) -> &mut World {
        &mut self.machine.world
    }

    /// The parameters of the next authorization request.
    pub(crate) fn asked(&mut self, changes: Changes<'_>) -> String {
        self.logins += 1;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()));
        let state = format!("state-{}", self.logins);
        let resource = self.world().resource();
        let pairs = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", CALLBACK),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
            ("resource", &resource),
            ("scope", "mcp:basic"),
        ];
        form(&pairs, changes)
    }

    pub(crate) fn code(&mut self, changes: Changes<'_>) -> String {
        let asked = self.asked(changes);
        self.visit(&asked)
    }

    /// The code of a visit with this query, or the text of the page.
    pub(crate) fn visit(&mut self, query: &str) -> String {
        let url = format!("https://auth.example.com/authorize?{query}");
        match self.world().visit(&url) {
            Ok(query) => value(&query, "code").or_else(|| value(&query, "error")).unwrap(),
            Err(page) => page,
        }
    }

    pub(crate) fn redeem(&mut self, code: &str, proof: Option<&str>) -> Response<Vec<u8>> {
        let verifier = self.verifier();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", &verifier),
            ("redirect_uri", CALLBACK),
        ];
        self.token(&pairs, proof)
    }

    pub(crate) fn refresh(&mut self, token: &str, proof: Option<&str>) -> Response<Vec<u8>> {
        self.token(&[("grant_type", Grant::Refresh.as_str()), ("refresh_token", token)], proof)
    }

    pub(crate) fn token(
        &mut self,
        pairs: &[(&str, &str)],
        proof: Option<&str>,
    ) -> Response<Vec<u8>> {
        let (url, resource) = (self.world().token_endpoint(), self.world().resource());
        let common = [("client_id", self.id.as_str()), ("resource", resource.as_str())];
        let body = form(&[pairs, &common].concat(), &[]);
        self.post(&url, &body, proof)
    }

    pub(crate) fn post(&mut self, url: &str, body: &str, proof: Option<&str>) -> Response<Vec<u8>> {
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        self.machine.world.handle(&request.body(body.as_bytes().to_vec()).unwrap())
    }

    /// A proof for the token endpoint.
    pub(crate) fn proof(&mut self) -> String {
        let url = self.world().token_endpoint();
        self.proof_for("POST", &url, None, &json!({}))
    }

    /// A proof for the MCP endpoint, with another header or other claims.
    pub(crate) fn proof_of(&mut self, token: &str, changes: &Value) -> String {
        let url = self.world().server_url();
        self.proof_for("POST", &url, Some(token), changes)
    }

    pub(crate) fn proof_for(
        &mut self,
        method: &str,
        url: &str,
        token: Option<&str>,
        changes: &Value,
    ) -> String {
        let claims = json!({
            "jti": self.machine.jti(),
            "htm": method,
            "htu": url,
            "iat": self.machine.world.now,
            "ath": token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token))),
            "nonce": self.nonce,
        });
        let header = json!({ "typ": "dpop+jwt", "jwk": self.key.jwk() });
        self.key.jwt(&changed(header, &changes["header"]), &changed(claims, changes))
    }

    /// An access token that is bound to the key, and its refresh token.
    pub(crate) fn login(&mut self) -> (String, String) {
        let (code, proof) = (self.code(&[]), self.proof());
        let answer = self.redeem(&code, Some(&proof));
        assert_eq!(json_of(&answer)["token_type"], "DPoP", "{:?}", self.world().violations);
        (text(&answer, "access_token"), text(&answer, "refresh_token"))
    }

    pub(crate) fn mcp(&mut self, scheme: &str, token: &str, proofs: &[&str]) -> Response<Vec<u8>> {
        let mut request = Request::post(self.world().server_url())
            .header(header::AUTHORIZATION, format!("{scheme} {token}"));
        for proof in proofs {
            request = request.header("DPoP", *proof);
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
        self.machine.world.handle(&request.body(body.to_string().into_bytes()).unwrap())
    }

    pub(crate) fn blamed(&mut self) -> usize {
        self.world().violations.len()
    }

    pub(crate) fn verifier(&self) -> String {
        format!("verifier-verifier-verifier-verifier-verifier-{}", self.logins)
    }
}

pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn nonce_of(answer: &Response<Vec<u8>>) -> Option<String> {
    answer.headers().get("dpop-nonce").map(|value| value.to_str().unwrap().into())
}

pub(crate) fn challenge_of(answer: &Response<Vec<u8>>) -> Vec<&str> {
    let values = answer.headers().get_all(header::WWW_AUTHENTICATE);
    values.iter().map(|value| value.to_str().unwrap()).collect()
}
