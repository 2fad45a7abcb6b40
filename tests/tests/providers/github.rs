//! GitHub, as an OAuth app and as a GitHub App.
//!
//! Sources: the issues github/github-mcp-server 2901 (where its metadata lies) and microsoft/vscode 259251 (the
//! resource without the URL's slash); GitHub's document "Troubleshooting OAuth app access token request
//! errors" (the codes; the shape depends on what is asked for); oomol-lab/open-connector 510 (scopes with
//! commas), modelcontextprotocol/typescript-sdk 759 (a form, and refusals with status 200),
//! omniauth/omniauth-github 99 and ballerina-platform/module-ballerinax-github 335 (the lifetimes, an empty
//! scope), langchain-ai/open-swe 1491 (`bad_refresh_token`). Not verified: which PKCE methods and client
//! authentications the metadata lists, and the status that `bad_refresh_token` comes with.

use std::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::wire::Provenance;
use oauth_core::{Error, Policy, Tolerance};
use serde_json::{Value, json};

use crate::drive::{Later, assert_needs, come_back, log_in};
use crate::provider::{Answer, Provider};

fn github() -> Provider {
    let challenge = "Bearer error=\"invalid_request\", error_description=\"No access token was \
                     provided in this request\", resource_metadata=\"https://api.copilot.example/\
                     .well-known/oauth-protected-resource/mcp/\"";
    Provider::new("https://api.copilot.example/mcp/", challenge)
        .document(
            "https://api.copilot.example/.well-known/oauth-protected-resource/mcp/",
            json!({
                "resource_name": "A server",
                "resource": "https://api.copilot.example/mcp",
                "authorization_servers": ["https://github.example/login/oauth"],
                "bearer_methods_supported": ["header"],
                "scopes_supported": ["repo", "read:org"],
            }),
        )
        .document(
            "https://github.example/.well-known/oauth-authorization-server/login/oauth",
            json!({
                "issuer": "https://github.example/login/oauth",
                "authorization_endpoint": "https://github.example/login/oauth/authorize",
                "token_endpoint": "https://github.example/login/oauth/access_token",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
            }),
        )
        .token(|request| {
            let tokens =
                json!({ "access_token": "gho_1", "token_type": "bearer", "scope": "repo,read:org" });
            if request.headers["accept"] == "application/json" {
                Answer::json(200, tokens)
            } else {
                in_a_form()
            }
        })
}

fn in_a_form() -> Answer {
    Answer::form("access_token=gho_1&scope=repo%2Cread%3Aorg&token_type=bearer")
}

/// Its tokens expire, and have no scopes but permissions.
fn app() -> Provider {
    github().token(|request| match request.form.get("refresh_token").map(String::as_str) {
        None => Answer::json(200, app_tokens("ghu_1", "ghr_1")),
        Some("ghr_1") => Answer::json(200, app_tokens("ghu_2", "ghr_2")),
        Some(_) => Answer::page(404),
    })
}

fn app_tokens(access: &str, refresh: &str) -> Value {
    json!({
        "access_token": access,
        "expires_in": 28_800,
        "refresh_token": refresh,
        "refresh_token_expires_in": 15_897_600,
        "token_type": "bearer",
        "scope": "",
    })
}

fn nothing(policy: Policy) -> Result<Settings, Error> {
    Settings::with_policy(github().server_url, policy)
}

fn client(policy: Policy) -> Result<Settings, Error> {
    let settings = nothing(policy)?.client_id("Iv1.0123", Some("a-secret".into()))?;
    Ok(settings.client_issuer("https://github.example/login/oauth"))
}

#[test]
fn it_needs_a_client_id() {
    let walk = log_in(&github(), Policy::default(), &nothing);
    walk.error("no_way_to_register", "`client_id`");
}

#[test]
fn its_scopes_are_those_between_the_commas() {
    let needed = [Tolerance::PartialResource, Tolerance::CommaScopes];
    let walk = assert_needs(&github(), &client, &needed);
    assert_eq!(walk.granted(), Some("repo read:org"));
    assert_eq!(walk.consented["resource"], "https://api.copilot.example/mcp");
    assert_eq!(
        walk.places(),
        ["https://github.example/.well-known/oauth-authorization-server/login/oauth"]
    );
    assert!(!walk.has_refresh_token() && walk.grant().tokens.expires_at.is_none());
}

/// As it answers who does not ask for JSON: such as what stands between and loses the request's header.
/// As where the metadata of the real one is not to be had.
#[test]
fn its_endpoints_are_known_if_it_publishes_nothing() {
    const ISSUER: &str = "https://github.com/login/oauth";
    let mut github = github();
    github.documents.clear();
    let github = github.document(
        "https://api.copilot.example/.well-known/oauth-protected-resource/mcp/",
        json!({
            "resource": "https://api.copilot.example/mcp",
            "authorization_servers": [ISSUER],
        }),
    );
    let client = |policy| client(policy).map(|it| it.client_issuer(ISSUER));
    let walk = log_in(&github, Policy::default(), &client);
    let server = walk.grant().binding.server();
    assert_eq!(server.provenance(), Provenance::Known);
    assert_eq!(server.issuer().as_str(), ISSUER);
    assert_eq!(server.token_endpoint().as_str(), "https://github.com/login/oauth/access_token");
    let refusing = Policy::default().refuse(Tolerance::ProviderProfile);
    log_in(&github, refusing, &client).error("no_server_metadata", "`provider`");
}

#[test]
fn its_form_is_read_too() {
    let needed = [Tolerance::PartialResource, Tolerance::FormEncodedTokens, Tolerance::CommaScopes];
    let walk = assert_needs(&github().token(|_| in_a_form()), &client, &needed);
    assert_eq!(walk.granted(), Some("repo read:org"));
}

#[test]
fn its_errors_come_with_status_200_and_codes_of_its_own() {
    let spent = github().token(|_| {
        let words = "The code passed is incorrect or expired.";
        Answer::json(200, json!({ "error": "bad_verification_code", "error_description": words }))
    });
    let walk = log_in(&spent, Policy::default(), &client);
    walk.error("refused_token_other", "log in again");
    assert!(walk.explanation.contains("who can help  the user"), "{}", walk.explanation);
    let in_a_form = github().token(|_| Answer::form("error=bad_verification_code&error_uri=%2Fx"));
    log_in(&in_a_form, Policy::default(), &client).error("refused_token_other", "log in again");
    let refusals: [(fn(&_) -> Answer, _, _); 2] = [
        (
            |_| Answer::json(200, json!({ "error": "incorrect_client_credentials" })),
            "client_refused",
            "`client_secret`",
        ),
        (
            |_| Answer::json(200, json!({ "error": "redirect_uri_mismatch" })),
            "refused_token_other",
            "`callback_port`",
        ),
    ];
    for (token, code, advice) in refusals {
        log_in(&github().token(token), Policy::default(), &client).error(code, advice);
    }
}

#[test]
fn an_apps_tokens_are_refreshed() {
    let walk = assert_needs(&app(), &client, &[Tolerance::PartialResource]);
    assert_eq!(walk.granted(), None, "an empty scope says nothing");
    let settings = client(Policy::default()).unwrap();
    let (later, form) = come_back(&app(), &settings, Duration::from_secs(30_000));
    assert_eq!(later, Later::Token("ghu_2".into()));
    assert_eq!(form["resource"], "https://api.copilot.example/mcp");
}

#[test]
fn a_refresh_token_that_github_does_not_take_leads_to_a_login() {
    let ended = app().token(|request| match request.is_refresh() {
        false => Answer::json(200, app_tokens("ghu_1", "ghr_1")),
        true => Answer::json(200, json!({ "error": "bad_refresh_token" })),
    });
    let settings = client(Policy::default()).unwrap();
    let (later, _) = come_back(&ended, &settings, Duration::from_secs(30_000));
    assert_eq!(later, Later::Login);
}
