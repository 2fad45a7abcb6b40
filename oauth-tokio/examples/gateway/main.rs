//! A gateway with several replicas: agents call, users connect their accounts in their browsers, and the replicas
//! share one store.
//!
//! ```text
//!   agent ── POST /call/alice/notes ──▶ replica 1    401 {"connect_url": …}, the login is put in the store
//!   browser ── connect_url ───────────▶ authorization server
//!           ◀─ 302 /callback/notes?… ──
//!           ── GET /callback/notes?… ─▶ replica 2    takes the login from the store, and puts the grant there
//!           ◀─ 303 /said/connected                    the list, and nothing of the login in the address bar
//!   agent ── POST /call/alice/notes ──▶ replica 1    200, the tool's result
//! ```
//!
//! `cargo run -p oauth-tokio --example gateway` runs that story with two users, two processes that share a directory,
//! and a simulated server, all on this machine, and prints it. With the feature `postgres` and a database in
//! `DATABASE_URL` it is another story, with four processes that share nothing else. It leaves its tables there, and in
//! them two rows without tokens and a login that nobody comes back from:
//!
//! ```console
//! $ DATABASE_URL=postgres://… cargo run -p oauth-tokio --features postgres --example gateway
//! ```
//!
//! One process for real servers, each with a name of the gateway's own:
//!
//! ```console
//! $ cargo run -p oauth-tokio --example gateway -- serve "replica 1" --listen 127.0.0.1:8080 \
//!       notes=https://your.server/mcp mail=https://other.server/mcp
//! ```
//!
//! It prints its address, shows a page for people there, and serves until its standard input ends. `--url` says how
//! browsers reach it, if there is a proxy in front of it; `--files` names the directory for grants and sessions where no
//! `DATABASE_URL` is set.
//!
//! Left out: streams and MCP sessions; a call is one message and one answer. The database has to be on this machine, or
//! to be reached without TLS (`sslmode=disable`), since no TLS for it is built in here.
//!
//! # Security
//!
//! Who calls is whoever the path names, and who signs in is whoever they say: a real gateway authenticates its agents
//! and users. All else is as one would ship it:
//!
//! - A login is finished only in a browser in which the user is signed in for whom it was begun. Otherwise
//!   users could send their connect URL to somebody else, who then consents to their own account being
//!   used by the first.
//! - Each server has a callback of its own, so that an answer is never taken for another server's.
//! - Requests under a name that is not the gateway's are refused: a web page cannot come in by a name of
//!   its own (DNS rebinding).
//! - No foreign page can press a button: the session's cookie is `SameSite=Lax`, which keeps other sites out, and
//!   every `POST` of a browser has to have the gateway's own `Origin`, which keeps out other ports and subdomains of the
//!   same site. There is no anti-forgery token to get wrong.
//! - Code and `state` are taken out of the address bar by a redirect, no word of a server is shown unescaped, and the
//!   pages may load nothing but their style sheet.

mod actors;
mod agents;
#[cfg(feature = "postgres")]
mod database;
mod error;
mod failure;
mod gateway;
mod notice;
mod page;
mod people;
mod process;
mod replicas;
mod sessions;
mod setup;
mod store;
mod story;
mod watch;

use std::process::ExitCode;

use failure::Failure;
use setup::Setup;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(failure) = run().await else { return ExitCode::SUCCESS };
    eprintln!("\n  Failed: {failure}.");
    if let Some(advice) = failure.advice() {
        eprintln!("  What helps: {advice}.");
    }
    ExitCode::FAILURE
}

async fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        None if store::database_url()?.is_some() => story::tell(replicas::tell_it()).await,
        None => story::tell(story::tell_it()).await,
        Some((command, told)) if command == "serve" => gateway::serve(Setup::parse(told)?).await,
        Some(_) => Err(Failure::Usage),
    }
}
