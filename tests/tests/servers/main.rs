//! Logins to servers that nobody here wrote: the MCP SDK for Python in both its versions, and
//! `oidc-provider`, by clients of both adapters, and by the example `host`. `tests/servers/run` installs them and runs
//! this; each test starts its own server, and says of each leg which requests reached it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[allow(dead_code, reason = "another test uses more of it")]
mod browser;
mod client;
mod device;
mod host;
mod life;
mod program;
mod sdk;
mod server;
mod services;

use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use client::{Adapter, OwnClient, User};
use device::Decision;
use life::{Life, Login};
use server::Server;
use services::Credential;

#[test]
fn version_1_of_the_python_sdk_lets_its_users_in() {
    at_python(1, &[], python(vec!["POST /register 201", "GET /authorize 302"]));
}

#[test]
fn version_2_of_the_python_sdk_lets_its_users_in() {
    at_python(2, &[], python(vec!["POST /register 201", "GET /authorize 302"]));
}

#[test]
fn version_1_of_the_python_sdk_lets_its_users_in_without_default_scopes() {
    at_python(1, &["--no-default-scopes"], python(without_default_scopes()));
}

#[test]
fn version_2_of_the_python_sdk_lets_its_users_in_without_default_scopes() {
    at_python(2, &["--no-default-scopes"], python(without_default_scopes()));
}

#[test]
fn version_1_of_the_python_sdk_lets_a_client_in_that_is_set_up() {
    at_python_with_a_client(1);
}

#[test]
fn version_2_of_the_python_sdk_lets_a_client_in_that_is_set_up() {
    at_python_with_a_client(2);
}

#[test]
fn oidc_provider_lets_its_users_in_and_grants_more() {
    at_oidc_provider(&[], OIDC_PAGES.into());
}

/// A client may ask for the scopes that it was registered with, and for no others. That the server says so is
/// seen at the page only: others register a default and do not keep to it.
#[test]
fn oidc_provider_lets_its_users_in_and_grants_more_than_the_client_has_registered() {
    let options = ["--registered-scope", "openid offline_access mcp:read"];
    at_oidc_provider(&options, [&["GET /auth 303", "POST /reg 201"], OIDC_PAGES].concat());
}

/// Its resource takes only tokens that are bound to a key (RFC 9449). Nobody has set anything for that.
#[test]
fn oidc_provider_lets_its_users_in_with_bound_tokens() {
    at_oidc_provider(&["--dpop"], OIDC_PAGES.into());
}

/// The same where both servers want their nonces.
#[test]
fn oidc_provider_lets_its_users_in_with_bound_tokens_and_nonces() {
    at_oidc_provider(&["--dpop", "--nonces"], OIDC_PAGES.into());
}

/// It takes no authorization request that was not pushed (RFC 9126), and then tokens that are bound to a key as well.
#[test]
fn oidc_provider_lets_its_users_in_with_pushed_requests() {
    at_oidc_provider(&["--pushed"], [&["POST /request 201"], OIDC_PAGES].concat());
}

#[test]
fn oidc_provider_lets_its_users_in_with_pushed_requests_bound_tokens_and_nonces() {
    let options = ["--pushed", "--dpop", "--nonces"];
    at_oidc_provider(&options, [&["POST /request 201"], OIDC_PAGES].concat());
}

/// The user is shown a code, and types it at the server's own pages (RFC 8628).
#[test]
fn oidc_provider_lets_its_users_in_from_another_device() {
    on_another_device(&[], Decision::Type);
}

/// They follow the link that has it in it. Each poll has a proof of its own.
#[test]
fn oidc_provider_lets_its_users_in_from_another_device_with_bound_tokens_and_nonces() {
    on_another_device(&["--dpop", "--nonces"], Decision::Follow);
}

#[test]
fn oidc_provider_is_told_no_on_another_device() {
    with_both_adapters(device::deny);
}

#[test]
fn oidc_provider_without_codes_for_other_devices_registers_nobody() {
    with_both_adapters(device::find_none);
}

#[tokio::test]
async fn oidc_provider_lets_sessions_of_the_sdk_in_with_bound_tokens_and_nonces() {
    sdk::live().await;
}

/// Without a user: with a secret, and with a key; with and without bound tokens.
#[test]
fn oidc_provider_lets_services_in() {
    with_both_adapters(|adapter| {
        for credential in [Credential::Secret, Credential::Key] {
            for options in [&[][..], &["--dpop"], &["--dpop", "--nonces"]] {
                services::live(adapter, credential, options);
            }
        }
    });
}

/// It lists `client_secret_post` and `client_secret_basic` only, and wants the client's id in the body of
/// each request.
fn python(consent: Vec<&'static str>) -> Login {
    let discovery = DISCOVERY;
    let (wider_consent, revocation) = (Vec::new(), "POST /revoke 200");
    Login { discovery, consent, wider_consent, revocation, nonces: false }
}

/// A client may ask for the scopes that it has registered, and for no others.
fn without_default_scopes() -> Vec<&'static str> {
    ["POST /register 201", "GET /authorize 302"].repeat(2)
}

fn at_python(version: u8, options: &[&str], login: Login) {
    with_both_adapters(|adapter| {
        let server = Server::python(version, options);
        live_with_a_tool(Life::at(server, login.clone(), adapter, None, User::Consents));
    });
}

/// It takes the secret in the body only, whatever its metadata lists.
fn at_python_with_a_client(version: u8) {
    with_both_adapters(|adapter| {
        let own = OwnClient { id: "set-up", secret: "not to be told", port: free_port() };
        let redirect_uri = format!("http://127.0.0.1:{}/callback", own.port);
        let server = Server::python(version, &["--client", own.id, own.secret, &redirect_uri]);
        let login = python(vec!["GET /authorize 302", "POST /token 401"]);
        live_with_a_tool(Life::at(server, login, adapter, Some(own), User::Consents));
    });
}

fn live_with_a_tool(mut life: Life) {
    life.first_call();
    life.more_calls();
    life.call_after_expiry();
    life.call_a_tool();
    life.logout();
}

fn at_oidc_provider(options: &[&str], wider_consent: Vec<&'static str>) {
    with_both_adapters(|adapter| {
        let login = Login {
            discovery: DISCOVERY,
            consent: [&["POST /reg 201"], pushes(options), OIDC_PAGES].concat(),
            wider_consent: wider_consent.clone(),
            revocation: "POST /token/revocation 200",
            nonces: options.contains(&"--nonces"),
        };
        live_with_more(Life::at(
            Server::oidc_provider(options),
            login,
            adapter,
            None,
            User::Consents,
        ));
    });
}

fn on_another_device(options: &[&str], decision: Decision) {
    with_both_adapters(|adapter| {
        let nonces = options.contains(&"--nonces");
        let nonce: &[&str] = if nonces { &["POST /token 400"] } else { &[] };
        let code: &[&str] = &["POST /device/auth 200"];
        let login = Login {
            discovery: DISCOVERY,
            consent: [&["POST /reg 201"], code, nonce, device::PAGES].concat(),
            wider_consent: [code, device::PAGES].concat(),
            revocation: "POST /token/revocation 200",
            nonces,
        };
        let server = Server::oidc_provider(&[&["--device"], options].concat());
        live_with_more(Life::at(server, login, adapter, None, User::Elsewhere(decision)));
    });
}

fn live_with_more(mut life: Life) {
    life.first_call();
    life.more_calls();
    life.call_after_expiry();
    life.step_up();
    life.logout();
}

/// What is asked before the user is sent off for the first time.
fn pushes(options: &[&str]) -> &'static [&'static str] {
    match (options.contains(&"--pushed"), options.contains(&"--nonces")) {
        (false, _) => &[],
        (true, false) => &["POST /request 201"],
        (true, true) => &["POST /request 400", "POST /request 201"],
    }
}

/// At once: most of the time they wait for tokens to expire.
fn with_both_adapters(live: impl Fn(Adapter) + Sync) {
    thread::scope(|scope| {
        for adapter in [Adapter::Blocking, Adapter::Tokio] {
            let live = &live;
            scope.spawn(move || live(adapter));
        }
    });
}

/// One that nobody has. Nobody else asks the system for one that it has just given.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

const DISCOVERY: &[&str] = &[
    "POST /mcp 401",
    "GET /.well-known/oauth-protected-resource/mcp 200",
    "GET /.well-known/oauth-authorization-server 200",
];

/// A login and a consent, each of which leads back to the authorization endpoint.
const OIDC_PAGES: &[&str] = &[
    "GET /auth 303",
    "GET /interaction 303",
    "GET /auth 303",
    "GET /interaction 303",
    "GET /auth 303",
];
