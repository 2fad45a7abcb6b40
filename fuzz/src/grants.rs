//! One way to a token without a user, driven by a script.
//!
//! The first line says which: `c` client credentials with a secret, `k` with a key, `w` workload identity, `e`
//! enterprise-managed; with a `d` behind it, the token has to be bound to a key. Each other line is an answer: status,
//! nonce (`-` for none) and body, with a space between them.

use std::sync::Arc;

use oauth_core::flow::{Dpop, Flow, Grant, IdentityProvider, Login, Settings, Step};
use oauth_core::keys::{DpopKey, PublicJwk};
use oauth_core::wire::{KeyDescription, OAuthClientProvider, SubjectToken};
use oauth_core::{Error, Response, Secret, SigningAlgorithm};
use serde_json::json;

use crate::{NOW, SERVER, assert_secretive, has_secret, restored, spells_secret, stored};

/// All requests with their fields and bodies, and what came of them.
pub type Asked = (Vec<String>, Result<Grant, Error>);

/// Plays a script; `None` if it contains what would be a secret, or names no way. With `restarts`, the flow is written
/// down and read back before each step.
///
/// # Panics
///
/// A request goes elsewhere, or is one too many; or something secret is shown.
pub fn ask(text: &str, restarts: bool) -> Option<Asked> {
    if spells_secret(text) {
        return None;
    }
    let mut lines = text.lines();
    let settings = Arc::new(settings(lines.next()?)?);
    let login = Login::without_user(settings, NOW).expect("a grant is set up");
    let mut flow = Flow::login(login).expect("the server is known");
    let (mut requests, mut steps) = (Vec::new(), 0_u8);
    let result = loop {
        steps += 1;
        assert!(steps < MOST, "it does not end");
        if restarts {
            flow = restored(&stored(&flow));
        }
        assert!(!has_secret(&format!("{flow:?}")), "a flow shows a secret");
        match flow.step() {
            Err(error) => break Err(error),
            Ok(Step::Done(grant)) => break Ok(grant.clone()),
            Ok(Step::Http { request, reply }) => {
                let url = request.url().as_str();
                assert!([TOKEN, PROVIDER].contains(&url), "{url}");
                let headers: Vec<_> =
                    request.headers().map(|(name, value)| format!("{name}: {value}")).collect();
                let body = String::from_utf8_lossy(request.body()).into_owned();
                requests.push(format!("{url}\n{}\n{body}", headers.join("\n")));
                match lines.next().and_then(answer) {
                    Some(answer) => reply.response(&answer, NOW),
                    None => reply.unreachable(),
                }
            }
            Ok(Step::Sign(reply)) => {
                let unsigned =
                    reply.unsigned([steps; 16], NOW).expect("there is something to sign");
                reply.signed(&unsigned, &[7; 64]).expect("it fits");
            }
            Ok(Step::Assertion(reply)) => {
                reply.given(SubjectToken::from("planted.assertion.of-the-host"))
            }
            Ok(Step::Key(reply)) => {
                let public = PublicJwk::parse(JWK).expect("it is a key");
                reply.given(DpopKey::new(public).with_secret(Secret::from("planted-key")));
            }
            Ok(step) => panic!("nobody is there: {step:?}"),
        }
    };
    if let Err(error) = &result {
        assert_secretive(error);
    }
    assert!(!has_secret(&format!("{:?}", flow.timeline())), "a timeline shows a secret");
    Some((requests, result))
}

fn settings(line: &str) -> Option<Settings> {
    let metadata = json!({"issuer": ISSUER, "token_endpoint": TOKEN, "dpop_signing_alg_values_supported": ["ES256"]});
    let provider = json!({"id": "p", "display_name": "P", "metadata": metadata});
    let provider: OAuthClientProvider = serde_json::from_value(provider).expect("it is a provider");
    let settings = Settings::new(SERVER).expect("the URL is sound").client_issuer(ISSUER);
    let key = KeyDescription { key_id: None, algorithms: SigningAlgorithm::Es256.into() };
    let named = |settings: Settings, secret: Option<&str>| {
        settings.client_id("c", secret.map(Secret::from)).expect("it is an id")
    };
    let idp = || {
        IdentityProvider::new(PROVIDER, "i", Some("planted-provider-secret".into()))
            .expect("the URL is sound")
    };
    let (way, rest) = line.split_at_checked(1)?;
    let settings = match way {
        "c" => named(settings, Some("planted-secret")).client_credentials(),
        "k" => named(settings, None).signing_key(key).client_credentials(),
        "w" => settings.workload_identity(),
        "e" => named(settings, Some("planted-secret")).enterprise_managed(idp()),
        _ => return None,
    };
    let settings = if rest.contains('d') { settings.dpop(Dpop::Required) } else { settings };
    Some(settings.provider(&provider).expect("it is a server").without_discovery())
}

fn answer(line: &str) -> Option<Response> {
    let mut parts = line.splitn(3, ' ');
    let (status, nonce, body) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let response = Response::new(status.parse().ok()?, body.into());
    Some(if nonce == "-" { response } else { response.with_header("DPoP-Nonce", nonce) })
}

const ISSUER: &str = "https://as.example.com";
const TOKEN: &str = "https://as.example.com/token";
const PROVIDER: &str = "https://idp.example.com/token";

/// RFC 9449 §4.1.
const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;

/// Steps: two requests, each once more for a nonce and once for a proof, with what is signed and brought for each.
const MOST: u8 = 40;
