//! An agent gateway: agents call, users consent in their browsers, two processes share one store.
//!
//! ```text
//!   agent ── POST /call/user-1 ──▶ gateway 1      401 {"connect_url": …}, the login is put in the store
//!   browser ── connect_url ──────▶ authorization server
//!           ◀─ 302 /callback?… ──
//!           ── GET /callback?… ──▶ gateway 2      takes the login from the store, and puts the grant there
//!           ◀─ 303 /ended/connected                nothing of the login stays in the address bar
//!   agent ── POST /call/user-1 ──▶ gateway 1      200, the tool's result
//! ```
//!
//! `cargo run -p oauth-tokio --example gateway` runs that story with two users, two processes and a
//! simulated server, all on this machine, and prints it. One process for a real server:
//!
//! ```console
//! $ cargo run -p oauth-tokio --example gateway -- serve "my gateway" https://your.server/mcp ./gateway-data
//! ```
//!
//! It prints its address and serves until its standard input ends.
//!
//! Left out: streams and MCP sessions; a call is one message and one answer.
//!
//! # Security
//!
//! Who calls is whoever the path names, and so is who signs in: a real gateway authenticates its agents
//! and users. All else is as one would ship it:
//!
//! - A login is finished only in a browser in which the user is signed in for whom it was begun. Otherwise
//!   users could send their connect URL to somebody else, who then consents to their own account being
//!   used by the first.
//! - Requests under a name that is not the gateway's are refused: a web page cannot come in by a name of
//!   its own (DNS rebinding).
//! - Code and `state` are taken out of the address bar by a redirect, and no word of a server is shown.

mod error;
mod gateway;
mod page;
mod process;
mod sessions;
mod story;

use std::process::ExitCode;

use error::Failure;
use gateway::Setup;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [] => story::tell().await,
        ["serve", name, server_url, directory] => {
            let directory = directory.as_ref();
            gateway::serve(Setup { name, server_url, directory, redirect_uri: None }).await
        }
        ["serve", name, server_url, directory, redirect_uri] => {
            let directory = directory.as_ref();
            let redirect_uri = Some(redirect_uri);
            gateway::serve(Setup { name, server_url, directory, redirect_uri }).await
        }
        _ => Err(Failure::Usage),
    };
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    eprintln!("\n  Failed: {failure}.");
    if let Some(advice) = failure.advice() {
        eprintln!("  What helps: {advice}.");
    }
    ExitCode::FAILURE
}
