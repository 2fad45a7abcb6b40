//! A whole login in memory, from the 401 to the tokens.

use std::hint::black_box;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_core::Entropy;
use oauth_core::flow::{Flow, Login, RedirectUri, Settings, Step};
use oauth_core::wire::ResourceChallenge;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::bare::{Piece, Tokens, pair, pieces, read};
use crate::documents::{self, CHALLENGE, REFERENCE, SERVER};
use crate::measure::Work;
use crate::prepared::{Answers, NOW, RANDOM, redirect_uri, settings};

pub(super) const WORK: Work = Work { operations: 100, machine, bare };

fn machine(prepared: usize) -> Box<dyn FnMut(usize)> {
    let settings = settings();
    let answers = Answers::with_access_token_of(REFERENCE);
    let mut starts: Vec<_> =
        (0..prepared).map(|_| (redirect_uri(), Entropy::from_bytes(RANDOM))).collect();
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        for (redirect_uri, entropy) in starts.drain(..count) {
            done.push(log_in(&settings, &answers, redirect_uri, entropy));
        }
    })
}

/// The flow holds the grant in the end.
fn log_in(
    settings: &Arc<Settings>,
    answers: &Answers,
    redirect_uri: RedirectUri,
    entropy: Entropy,
) -> Flow {
    let challenge = ResourceChallenge::select([CHALLENGE]).expect("it is a bearer challenge");
    let login = Login::new(Arc::clone(settings), redirect_uri, entropy, NOW).challenge(challenge);
    let mut flow = Flow::login(login).expect("the challenge can be used");
    loop {
        match flow.step().expect("the login goes on") {
            Step::Http { request, reply } => {
                black_box((request.url().as_str(), request.body()));
                reply.response(answers.to(&request), NOW);
            }
            Step::Browser { url, reply } => {
                black_box(url.as_str());
                reply.redirect(&answers.redirect).expect("the redirect answers this login");
            }
            Step::Sign(_) | Step::Assertion(_) | Step::Key(_) => panic!("a user logs in"),
            Step::Device { .. } | Step::Wait { .. } => panic!("there is a browser"),
            Step::Done(grant) => {
                black_box(grant);
                return flow;
            }
        }
    }
}

fn bare(prepared: usize) -> Box<dyn FnMut(usize)> {
    let documents = Documents::new();
    let mut redirect_uris: Vec<Box<str>> = vec![documents::REDIRECT_URI.into(); prepared];
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        for redirect_uri in redirect_uris.drain(..count) {
            done.push(black_box(documents.log_in(redirect_uri)));
        }
    })
}

struct Documents {
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
struct Kept {
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
    fn new() -> Self {
        Self {
            resource: documents::resource().into_bytes(),
            server: documents::server().into_bytes(),
            registration: documents::registration().into_bytes(),
            tokens: documents::tokens(REFERENCE).into_bytes(),
            redirect: Answers::with_access_token_of(REFERENCE).redirect,
        }
    }

    fn log_in(&self, redirect_uri: Box<str>) -> Kept {
        let (mut metadata, mut scopes) = ("", String::with_capacity(64));
        pieces(CHALLENGE, |piece| match piece {
            Piece::Param("resource_metadata", value) => metadata = value,
            Piece::Param("scope", value) => scopes.push_str(value),
            _ => {}
        });
        black_box(metadata);

        let resource: Resource<'_> = read(&self.resource);
        assert_eq!(resource.resource, SERVER);
        let issuer = resource.authorization_servers[0];
        black_box([issuer, "/.well-known/oauth-authorization-server"].concat());

        let server: Server<'_> = read(&self.server);
        assert_eq!(server.issuer, issuer);
        assert!(server.code_challenge_methods_supported.contains(&"S256"));
        assert!(server.token_endpoint_auth_methods_supported.contains(&"none"));
        let offline = server.scopes_supported.contains(&"offline_access");
        if offline {
            scopes.push_str(" offline_access");
        }
        black_box((server.registration_endpoint, registration(&redirect_uri)));

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
        black_box((server.token_endpoint, body));

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
