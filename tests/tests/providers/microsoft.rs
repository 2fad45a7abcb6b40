//! Microsoft Entra, v2.0 and v1.0.
//!
//! Sources: the issues dotnet/aspnetcore 52283 (the v2.0 metadata, without PKCE methods), microsoft/vscode
//! 321249 and punkpeye/mcp-remote 217 (AADSTS9010010, as `invalid_target`), CZ-NIC/pyoidc 743 and
//! thesaadmirza/django-bastion 38 (the issuer with a placeholder), panva/openid-client 269 (the v1.0
//! issuer); Microsoft's document "Authentication and authorization error codes" (the members of a refusal);
//! quotations of its documents on the v2.0 token answer, and slides on the v1.0 one, with all numbers as
//! texts. Not verified: the code that AADSTS901002 comes with, that v1.0 metadata lies under its own
//! issuer too, and that a v1.0 server refuses resources that it does not know at once.

use std::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::wire::ResourceMode;
use oauth_core::{Error, Policy, Tolerance};
use serde_json::{Value, json};

use crate::drive::{Later, assert_needs, assert_needs_profile, come_back, known, log_in};
use crate::provider::{Answer, Provider, TokenRequest};

const SERVER_URL: &str = "https://tools.contoso.example/mcp";
const CHALLENGE: &str = "Bearer resource_metadata=\"https://tools.contoso.example/.well-known/\
                         oauth-protected-resource/mcp\"";
const RESOURCE_METADATA: &str =
    "https://tools.contoso.example/.well-known/oauth-protected-resource/mcp";

fn resource_metadata(issuer: &str) -> Value {
    json!({
        "resource": SERVER_URL,
        "authorization_servers": [issuer],
        "scopes_supported": ["api://22222222-aaaa-bbbb-cccc-222222222222/access"],
    })
}

fn v2_metadata(tenant: &str, issuer: &str) -> Value {
    let base = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0");
    json!({
        "token_endpoint": format!("{base}/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "tenant_region_scope": "EU",
    })
}

const V2_ISSUER: &str =
    "https://login.microsoftonline.com/11111111-aaaa-bbbb-cccc-111111111111/v2.0";

fn v2() -> Provider {
    Provider::new(SERVER_URL, CHALLENGE)
        .document(RESOURCE_METADATA, resource_metadata(V2_ISSUER))
        .document(
            "https://login.microsoftonline.com/11111111-aaaa-bbbb-cccc-111111111111/v2.0/\
             .well-known/openid-configuration",
            v2_metadata("11111111-aaaa-bbbb-cccc-111111111111", V2_ISSUER),
        )
        .authorize(|query| match query.contains_key("resource") {
            true => {
                "error=invalid_target&error_description=AADSTS9010010%3A+The+resource+parameter+\
                 does+not+match+the+scopes.+Trace+ID%3A+3"
            }
            false => "code=1.AX&session_state=33333333-aaaa-bbbb-cccc-333333333333",
        })
        .token(v2_tokens)
}

fn v2_tokens(request: &TokenRequest) -> Answer {
    if request.form.contains_key("resource") {
        let words = "AADSTS901002: The 'resource' request parameter is not supported.";
        let refusal = json!({
            "error": "invalid_request",
            "error_description": words,
            "error_codes": [901_002],
            "timestamp": "2030-03-17 17:46:40Z",
        });
        return Answer::json(400, refusal);
    }
    let tokens = json!({
        "token_type": "Bearer",
        "scope": "api://22222222-aaaa-bbbb-cccc-222222222222/access",
        "expires_in": 4321,
        "ext_expires_in": 4321,
        "access_token": if request.is_refresh() { "eyJ.second" } else { "eyJ.first" },
        "refresh_token": "1.AX.again",
        "id_token": "eyJ.who",
    });
    Answer::json(200, tokens)
}

fn nothing(policy: Policy) -> Result<Settings, Error> {
    Settings::with_policy(SERVER_URL, policy)
}

fn client(policy: Policy) -> Result<Settings, Error> {
    nothing(policy)?.client_id("44444444-aaaa-bbbb-cccc-444444444444", None)
}

fn without_resource(policy: Policy) -> Result<Settings, Error> {
    Ok(client(policy)?.resource_mode(ResourceMode::Omit))
}

#[test]
fn v2_needs_a_client_id() {
    log_in(&v2(), Policy::default(), &nothing).error("no_way_to_register", "`client_id`");
}

fn refusing() -> Policy {
    Policy::default().refuse(Tolerance::ProviderProfile)
}

#[test]
fn v2_refuses_the_resource_and_the_advice_says_how_to_leave_it_out() {
    // Where only the token endpoint looks at it.
    let late = v2().authorize(|_| "code=1.AX");
    for provider in [v2(), late] {
        let walk = log_in(&provider, refusing(), &client);
        let error = walk.result.as_ref().expect_err("the resource is refused");
        assert!(error.advice().contains("`ResourceMode::Omit`"), "{}", error.advice());
    }
}

#[test]
fn v2_works_with_nothing_but_the_client_set_up() {
    let walk = assert_needs_profile(&v2(), &client, &[Tolerance::KnownS256]);
    assert_eq!(walk.places().len(), 3, "its metadata lies in the last place");
    let scope = "api://22222222-aaaa-bbbb-cccc-222222222222/access";
    assert_eq!(walk.consented["scope"], format!("{scope} offline_access"));
    assert!(!walk.consented.contains_key("prompt"), "an administrator may have consented");
    assert!(!walk.consented.contains_key("resource"), "the scope names it");
    assert_eq!(walk.granted(), Some(scope));

    let settings = client(Policy::default()).unwrap();
    let (later, form) = come_back(&v2(), &settings, Duration::from_secs(5000));
    assert_eq!(later, Later::Token("eyJ.second".into()));
    assert!(!form.contains_key("resource") && !form.contains_key("scope"));
}

/// A scope that names no resource means the default one, which may be another.
#[test]
fn v2_is_told_the_resource_where_a_scope_does_not_name_it() {
    let set_up = |policy| client(policy)?.scope("User.Read");
    let walk = log_in(&v2().authorize(|_| "code=1.AX"), Policy::default(), &set_up);
    assert_eq!(walk.consented["resource"], SERVER_URL);
}

/// As where the application's identifier URI is the server's URL (modelcontextprotocol/csharp-sdk 1801).
#[test]
fn v2_is_told_a_resource_that_it_knows_if_the_host_says_so() {
    let knowing = v2().authorize(|_| "code=1.AX").token(|request| {
        let mut form = request.form.clone();
        assert_eq!(form.remove("resource").as_deref(), Some(SERVER_URL));
        let (headers, consented) = (request.headers.clone(), request.consented.clone());
        v2_tokens(&TokenRequest { form, headers, consented })
    });
    let set_up = |policy| Ok(client(policy)?.resource_mode(ResourceMode::Send));
    let _ = assert_needs(&knowing, &set_up, &[Tolerance::KnownS256]);
}

#[test]
fn an_issuer_for_any_tenant_is_refused_and_the_advice_says_to_name_one() {
    for (any, place) in [
        (
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
        ),
        (
            "https://login.microsoftonline.com/organizations/v2.0",
            "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration",
        ),
    ] {
        let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
        let provider = Provider::new(SERVER_URL, CHALLENGE)
            .document(RESOURCE_METADATA, resource_metadata(any))
            .document(place, v2_metadata("common", template))
            .token(v2_tokens);
        let walk = log_in(&provider, Policy::default(), &without_resource);
        walk.error("issuer_mismatch", "the server's operator has to name one");
        walk.error("issuer_mismatch", "`provider`");

        let set_up = |policy| {
            let tenant = v2_metadata("11111111-aaaa-bbbb-cccc-111111111111", V2_ISSUER);
            without_resource(policy)?.scope("api://2/access")?.provider(&known(tenant))
        };
        let _ = assert_needs(&provider, &set_up, &[Tolerance::KnownS256]);
    }
}

const V1_ISSUER: &str = "https://sts.windows.net/11111111-aaaa-bbbb-cccc-111111111111/";

fn v1_metadata() -> Value {
    let base = "https://login.microsoftonline.com/11111111-aaaa-bbbb-cccc-111111111111/oauth2";
    json!({
        "issuer": V1_ISSUER,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "scopes_supported": ["openid"],
    })
}

fn v1(issuer: &str, place: &'static str) -> Provider {
    Provider::new(SERVER_URL, CHALLENGE)
        .document(RESOURCE_METADATA, resource_metadata(issuer))
        .document(place, v1_metadata())
        .authorize(|query| match query.get("resource").map(String::as_str) {
            Some("api://22222222-aaaa-bbbb-cccc-222222222222") => "code=AQ",
            _ => "error=invalid_resource&error_description=AADSTS500011%3A+Not+found.",
        })
        .token(|_| {
            let tokens = json!({
                "token_type": "Bearer",
                "scope": "access",
                "expires_in": "3599",
                "ext_expires_in": "3599",
                "expires_on": "1900003599",
                "not_before": "1899999999",
                "resource": "api://22222222-aaaa-bbbb-cccc-222222222222",
                "access_token": "eyJ.v1",
                "refresh_token": "AQ.again",
            });
            Answer::json(200, tokens)
        })
}

fn fixed_resource(policy: Policy) -> Result<Settings, Error> {
    let resource = "api://22222222-aaaa-bbbb-cccc-222222222222";
    Ok(client(policy)?.resource_mode(ResourceMode::Fixed(resource.into())))
}

#[test]
fn v1_wants_its_own_name_of_the_resource_and_writes_numbers_as_texts() {
    let provider = v1(
        V1_ISSUER,
        "https://sts.windows.net/11111111-aaaa-bbbb-cccc-111111111111/.well-known/openid-configuration",
    );
    log_in(&provider, Policy::default(), &client)
        .error("refused_authorization_other", "`description`");
    let needed = [Tolerance::KnownS256, Tolerance::TextualLifetime];
    let walk = assert_needs(&provider, &fixed_resource, &needed);
    let expires_at = walk.grant().tokens.expires_at.unwrap();
    assert_eq!(expires_at.as_secs(), 1_900_003_599);
}

#[test]
fn v1_metadata_under_the_other_host_needs_a_provider() {
    let provider = v1(
        "https://login.microsoftonline.com/11111111-aaaa-bbbb-cccc-111111111111",
        "https://login.microsoftonline.com/11111111-aaaa-bbbb-cccc-111111111111/.well-known/\
         openid-configuration",
    );
    let walk = log_in(&provider, Policy::default(), &fixed_resource);
    walk.error("issuer_mismatch", "`provider`");
    let set_up = |policy| fixed_resource(policy)?.provider(&known(v1_metadata()));
    let needed = [Tolerance::KnownS256, Tolerance::TextualLifetime];
    let _ = assert_needs(&provider, &set_up, &needed);
}
