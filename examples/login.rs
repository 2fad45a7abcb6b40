//! A complete login, watched.
//!
//! `cargo run --example login` runs against a simulated server on this machine, with a simulated user.
//! `cargo run --example login -- https://your.server/mcp` runs against a real one, with your browser.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use oauth_blocking::ureq::http;
use oauth_blocking::{Event, FileTokenStorage, LoopbackBrowser, OAuth, OAuthBuilder, ureq};
use oauth_core::{Endpoint, Plain, UnixTime};
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, ScopePolicy};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1) {
        Some(url) => real(&url),
        None => simulated(),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("\n  Failed: {error}.");
    if let Some(advice) = error.downcast_ref::<oauth_blocking::Error>().map(|e| e.advice()) {
        eprintln!("  What helps: {advice}.");
    }
    ExitCode::FAILURE
}

/// Everything on this machine: the servers, the user, and a directory for the tokens.
fn simulated() -> Result<(), Box<dyn Error>> {
    let served = Served::start(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() })?;
    let url = served.server_url();
    let directory = Directory::new()?;
    let client = || -> Result<OAuth, oauth_blocking::Error> {
        watched(OAuth::new(&url)?)
            .token_storage(FileTokenStorage::in_dir(&directory.0))
            .user_agent(LoopbackBrowser::new().open_with(simulated_user))
            .build()
    };

    println!("First run: nothing is known but {url}\n");
    let oauth = client()?;
    call(&oauth, &url, "tools/list", json!({}))?;
    let answer =
        call(&oauth, &url, "tools/call", json!({"name": "add", "arguments": {"a": 19, "b": 23}}))?;
    println!(
        "\n  19 + 23 = {}\n",
        Plain(answer["result"]["content"][0]["text"].as_str().unwrap_or("?"))
    );
    report(&oauth);
    drop(oauth);

    let before = served.world().oauth_requests();
    println!("\nSecond run: a new process would find this in {}\n", directory.0.display());
    let oauth = client()?;
    call(&oauth, &url, "tools/list", json!({}))?;
    let requests = served.world().oauth_requests() - before;
    println!("\n  OAuth requests: {requests}");
    if requests > 0 {
        return Err("a restart should need no OAuth request".into());
    }
    println!("{WHAT_NEXT}");
    Ok(())
}

const WHAT_NEXT: &str = "
What next?
  A server of yours:  cargo run --example login -- https://your.server/mcp
  What it would want: cargo run -p oauth-blocking --example doctor -- https://your.server/mcp
  In your program:    README.md, four ways in; the guide: cargo doc --open -p oauth-tokio";

/// A real server: your browser, and the usual place for tokens.
fn real(url: &str) -> Result<(), Box<dyn Error>> {
    let oauth = watched(OAuth::new(url)?).build()?;
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "login example", "version": env!("CARGO_PKG_VERSION")},
    });
    call(&oauth, url, "initialize", hello)?;
    println!();
    report(&oauth);
    Ok(())
}

/// Prints what happens: one line for each exchange.
fn watched(builder: OAuthBuilder) -> OAuthBuilder {
    builder.client_name("login example").on_event(|event| match event {
        Event::Answered { method, url, authorized, status } => {
            let why = match (status, authorized) {
                (401, false) => "no token yet",
                (401, true) => "the token is refused",
                (403, _) => "the token lacks a scope",
                _ => "the application's own call",
            };
            line("MCP server", method, url, Some(*status), why);
        }
        Event::Exchange { endpoint, method, url, outcome, .. } => {
            let (who, why) = match endpoint {
                Endpoint::ResourceMetadata => ("MCP server", "who issues tokens for this server?"),
                Endpoint::ServerMetadata => {
                    ("authorization server", "what can the authorization server do?")
                }
                Endpoint::Registration => ("authorization server", "a client id, please"),
                Endpoint::Token => ("authorization server", "tokens, please"),
                _ => ("authorization server", ""),
            };
            line(who, method.as_str(), url.as_str(), outcome.ok(), why);
        }
        Event::Opening { url, .. } => {
            println!(
                "  Opening your browser. If it does not open, visit:\n\n    {}\n",
                url.as_str()
            );
        }
        Event::NoBrowser { .. } => {
            println!("  No browser could be opened: visit that page yourself, on this machine.");
        }
        Event::PortBusy { port } => {
            println!("  Another login has port {port}: waiting until it is over.");
        }
        Event::Waiting(waiting) => {
            eprint!(
                "\r  Waiting for the browser to come back: {} s left  ",
                waiting.left.as_secs()
            );
        }
        Event::Redirected => eprintln!("\r  The browser came back.{:40}", ""),
        Event::DamagedRecord { kept } => {
            println!("  Could not read a record; it is kept as {}", kept)
        }
        _ => {}
    })
}

fn line(who: &str, method: &str, url: &str, status: Option<u16>, why: &str) {
    let status = status.map_or("no answer".to_owned(), |status| status.to_string());
    println!("  {who:20}  {method:4}  {status:3}  {why:36}  {url}");
}

/// Sends one MCP request and reads the answer, as JSON or as the last event of a stream.
fn call(oauth: &OAuth, url: &str, method: &str, params: Value) -> Result<Value, Box<dyn Error>> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let mut answer = oauth.send(|| {
        http::Request::post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(&*body)
    })?;
    let text = answer.body_mut().read_to_string()?;
    let json =
        text.lines().filter_map(|line| line.strip_prefix("data:")).next_back().unwrap_or(&text);
    match answer.status().as_u16() {
        200..=299 => Ok(serde_json::from_str(json)?),
        status => Err(format!("the server answered {method} with {status}").into()),
    }
}

/// What the login brought, without what must not be seen.
fn report(oauth: &OAuth) {
    let Some(record) = oauth.record() else {
        return println!("  The server wants no login.");
    };
    println!("  issuer   {}", Plain(record.binding().server().issuer().as_str()));
    println!("  client   {}", Plain(record.binding().client().client_id()));
    println!(
        "  scopes   {}",
        record.scopes().map_or("(the server's default)".into(), ToString::to_string)
    );
    match record.tokens().and_then(|tokens| tokens.expires_at) {
        Some(at) => println!("  expires  in {} s", at.since(now()).as_secs()),
        None => println!("  expires  (the server does not say)"),
    }
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.unwrap_or_default().as_secs())
}

/// A user who consents at once: follows the page's redirect, as a browser does.
fn simulated_user(url: &str) -> bool {
    ureq::get(url).call().is_ok()
}

/// A directory for the tokens, removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("mcp-oauth-login-{}", std::process::id()));
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // It is a temporary directory: what stays, the system removes.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
