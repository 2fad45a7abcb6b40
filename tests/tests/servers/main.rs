//! Logins to servers that nobody here wrote: the MCP SDK for Python in both its versions, and
//! `oidc-provider`. `tests/servers/run` installs them and runs this; each test starts its own server, and
//! says of each leg which requests reached it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod browser;
mod client;
mod life;
mod server;

use std::thread;

use client::Adapter;
use life::{Life, Login};
use server::Server;

/// It lists `client_secret_post` and `client_secret_basic` only, and wants the client's id in the body of
/// each request.
const PYTHON: Login = Login {
    discovery: &[
        "POST /mcp 401",
        "GET /.well-known/oauth-protected-resource/mcp 200",
        "GET /.well-known/oauth-authorization-server 200",
    ],
    registration: "POST /register 201",
    page: &["GET /authorize 302"],
    before_step_up: &[],
    revocation: "POST /revoke 200",
};

/// The pages are a login and a consent, each of which leads back to the authorization endpoint.
const OIDC: Login = Login {
    registration: "POST /reg 201",
    page: &[
        "GET /auth 303",
        "GET /interaction 303",
        "GET /auth 303",
        "GET /interaction 303",
        "GET /auth 303",
    ],
    revocation: "POST /token/revocation 200",
    ..PYTHON
};

#[test]
fn version_1_of_the_python_sdk_lets_its_users_in() {
    at_python(1, &[], PYTHON);
}

#[test]
fn version_2_of_the_python_sdk_lets_its_users_in() {
    at_python(2, &[], PYTHON);
}

#[test]
fn oidc_provider_lets_its_users_in_and_grants_more() {
    at_oidc_provider(&[], OIDC);
}

fn at_oidc_provider(options: &[&str], login: Login) {
    with_both_adapters(|adapter| {
        let mut life = Life::at(Server::oidc_provider(options), login, adapter);
        life.first_call();
        life.more_calls();
        life.call_after_expiry();
        life.step_up();
        life.logout();
    });
}

fn at_python(version: u8, options: &[&str], login: Login) {
    with_both_adapters(|adapter| {
        let mut life = Life::at(Server::python(version, options), login, adapter);
        life.first_call();
        life.more_calls();
        life.call_after_expiry();
        life.call_a_tool();
        life.logout();
    });
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
