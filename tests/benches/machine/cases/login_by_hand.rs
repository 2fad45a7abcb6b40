//! A login by hand, with nothing checked that need not be.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::bare::{Body, Piece, Tokens, pair, pieces, read};
use crate::documents::{self, CHALLENGE, REFERENCE, SERVER};
use crate::prepared::{Answers, NOW, RANDOM};

/// Everything that servers and user answer.
pub(super) struct Documents {
    resource: Vec<u8>,
    server: Vec<u8>,
    registration: Vec<u8>,
    tokens: Vec<u8>,
    redirect: String,
}

#[derive(Deserialize)]
struct Resource<'a> {
    resource: &'a str,
    #[serde(borrow)]
    authorization_servers: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Server<'a> {
    issuer: &'a str,
    authorization_endpoint: &'a str,
    token_endpoint: &'a str,
    registration_endpoint: &'a str,
    revocation_endpoint: &'a str,
    #[serde(borrow)]
    code_challenge_methods_supported: Vec<&'a str>,
    token_endpoint_auth_methods_supported: Vec<&'a str>,
    scopes_supported: Vec<&'a str>,
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Registered<'a> {
    client_id: &'a str,
    #[serde(borrow)]
    redirect_uris: Vec<&'a str>,
    token_endpoint_auth_method: &'a str,
}

/// What is left of a login: what it was bound to, and its tokens.
#[expect(dead_code, reason = "kept is what counts")]
pub(super) struct Kept {
    issuer: Box<str>,
    authorization_endpoint: Box<str>,
    token_endpoint: Box<str>,
    registration_endpoint: Box<str>,
    revocation_endpoint: Box<str>,
    client_id: Box<str>,
    redirect_uri: Box<str>,
    resource: Box<str>,
    scopes: String,
    tokens: Tokens,
}

impl Documents {
    /// With an access token of that many bytes.
    pub(super) fn new(access_token_bytes: usize) -> Self {
        Self {
            resource: documents::resource().into_bytes(),
            server: documents::server().into_bytes(),
            registration: documents::registration().into_bytes(),
            tokens: documents::tokens(access_token_bytes).into_bytes(),
            redirect: Answers::with_access_token_of(REFERENCE).redirect,
        }
    }

    /// A whole login. `ask` is given the URL and the body of each request.
    pub(super) fn log_in(&self, redirect_uri: Box<str>, ask: impl Fn(&str, Option<Body>)) -> Kept {
        let (mut metadata, mut scopes) = ("", String::with_capacity(64));
        pieces(CHALLENGE, |piece| match piece {
            Piece::Param("resource_metadata", value) => metadata = value,
            Piece::Param("scope", value) => scopes.push_str(value),
            _ => {}
        });
        ask(metadata, None);

        let resource: Resource<'_> = read(&self.resource);
        assert_eq!(resource.resource, SERVER);
        let issuer = resource.authorization_servers[0];
        ask(&[issuer, "/.well-known/oauth-authorization-server"].concat(), None);

        let server: Server<'_> = read(&self.server);
        assert_eq!(server.issuer, issuer);
        assert!(server.code_challenge_methods_supported.contains(&"S256"));
        assert!(server.token_endpoint_auth_methods_supported.contains(&"none"));
        let offline = server.scopes_supported.contains(&"offline_access");
        if offline {
            scopes.push_str(" offline_access");
        }
        ask(server.registration_endpoint, Some(Body::Json(registration(&redirect_uri))));

        let registered: Registered<'_> = read(&self.registration);
        assert_eq!(registered.token_endpoint_auth_method, "none");
        assert!(registered.redirect_uris.contains(&&*redirect_uri));
        let (verifier, state) = (text(&RANDOM[..32]), text(&RANDOM[32..]));
        let (verifier, state) = (as_text(&verifier), as_text(&state));
        let challenge = text(&Sha256::digest(verifier));
        let mut url = String::with_capacity(512);
        url.push_str(server.authorization_endpoint);
        pair(&mut url, "?response_type=code&client_id=", registered.client_id);
        pair(&mut url, "&redirect_uri=", &redirect_uri);
        url.push_str("&code_challenge_method=S256");
        pair(&mut url, "&resource=", resource.resource);
        pair(&mut url, "&scope=", &scopes);
        if offline {
            url.push_str("&prompt=consent");
        }
        url.push_str("&code_challenge=");
        url.push_str(as_text(&challenge));
        url.push_str("&state=");
        url.push_str(state);
        black_box(url);

        let mut code = None;
        let mut iss = None;
        for (name, value) in form_urlencoded::parse(self.redirect.as_bytes()) {
            match &*name {
                "state" => assert_eq!(value, state),
                "iss" => iss = Some(value),
                "code" => code = Some(value),
                _ => {}
            }
        }
        if server.authorization_response_iss_parameter_supported {
            assert_eq!(iss.as_deref(), Some(issuer));
        }

        let mut body = String::with_capacity(512);
        body.push_str("grant_type=authorization_code");
        pair(&mut body, "&code=", &code.expect("there is a code"));
        pair(&mut body, "&redirect_uri=", &redirect_uri);
        body.push_str("&code_verifier=");
        body.push_str(verifier);
        pair(&mut body, "&resource=", resource.resource);
        pair(&mut body, "&client_id=", registered.client_id);
        ask(server.token_endpoint, Some(Body::Form(body)));

        Kept {
            issuer: issuer.into(),
            authorization_endpoint: server.authorization_endpoint.into(),
            token_endpoint: server.token_endpoint.into(),
            registration_endpoint: server.registration_endpoint.into(),
            revocation_endpoint: server.revocation_endpoint.into(),
            client_id: registered.client_id.into(),
            redirect_uri,
            resource: resource.resource.into(),
            scopes,
            tokens: Tokens::read(&self.tokens, NOW.as_secs()),
        }
    }
}

fn registration(redirect_uri: &str) -> String {
    format!(
        "{{\"client_name\":\"MCP client\",\"redirect_uris\":[\"{redirect_uri}\"],\
         \"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],\
         \"token_endpoint_auth_method\":\"none\",\"application_type\":\"native\"}}"
    )
}

/// 32 bytes as base64url.
fn text(bytes: &[u8]) -> [u8; 43] {
    let mut text = [0; 43];
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
    assert_eq!(written, Ok(43));
    text
}

fn as_text(text: &[u8; 43]) -> &str {
    std::str::from_utf8(text).expect("base64 is ASCII")
}
