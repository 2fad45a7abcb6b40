//! An MCP client on the SDK `rmcp`, with our authorization under it.
//!
//! What there is to copy is one line, in `connect`:
//!
//! ```ignore
//! let client = handler.serve(oauth.transport()).await?;
//! ```
//!
//! `cargo run -p oauth-tokio --features rmcp --example rmcp_client` runs against a server of the same SDK
//! on this machine, with a simulated authorization server and user.
//! `cargo run -p oauth-tokio --features rmcp --example rmcp_client -- https://your.server/mcp` lists the
//! tools of a real one, with your browser.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use oauth_tests::guard::Guarded;
use oauth_tests::world::{Grant, Knobs, ScopePolicy, What};
use oauth_tokio::rmcp::cause;
use oauth_tokio::{
    AuthorizationUrl, Event, MemoryTokenStorage, OAuth, OAuthBuilder, Plain, RedirectUri,
    SharedUserAgent, UserAgentError, UserAgentFn,
};
use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::{ClientHandler, RoleClient, ServiceExt};
use serde_json::json;
use tokio::sync::mpsc;

type Client = RunningService<RoleClient, Handler>;

/// Connects. The first request opens the browser if that is needed; everything else is taken care of.
async fn connect(oauth: &OAuth, handler: Handler) -> Result<Client, Box<dyn Error>> {
    let client = handler.serve(oauth.transport()).await?;
    Ok(client)
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1) {
        Some(url) => real(&url).await,
        None => simulated().await,
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    // What is behind an error of the SDK, if it is ours.
    let Some(cause) = cause(&*error) else {
        eprintln!("\n  Failed: {error}.");
        return ExitCode::FAILURE;
    };
    eprintln!("\n  Failed: {cause}.");
    eprintln!("  What helps: {}.", cause.advice());
    ExitCode::FAILURE
}

/// A real server: your browser, and the usual place for tokens.
async fn real(url: &str) -> Result<(), Box<dyn Error>> {
    let oauth = watched(OAuth::new(url)?).build()?;
    let client = connect(&oauth, Handler(mpsc::unbounded_channel().0)).await?;
    list(&client).await?;
    client.cancel().await?;
    Ok(())
}

/// Everything on this machine: a server whose tokens live an hour, and whose tools want a scope that is
/// not given before it is asked for.
async fn simulated() -> Result<(), Box<dyn Error>> {
    let server = Guarded::start(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() }).await?;
    let oauth = watched(OAuth::new(&server.server_url())?)
        .token_storage(MemoryTokenStorage::new())
        .user_agent(simulated_user(&server)?)
        .build()?;
    let (tell, mut changes) = mpsc::unbounded_channel();

    println!("A session begins, with a login\n");
    let client = connect(&oauth, Handler(tell)).await?;
    told(&server, What::Authorize, 1)?;

    println!("\nTools are listed, and one is called that needs another scope\n");
    list(&client).await?;
    add(&client).await?;
    told(&server, What::Authorize, 2)?;

    println!("\nAn hour later the token has expired\n");
    server.advance(3600);
    add(&client).await?;
    told(&server, What::Token(Grant::Refresh), 1)?;

    println!("\nThe server tells something of its own accord, in the same session\n");
    client.call_tool(CallToolRequestParams::new("announce")).await?;
    tokio::time::timeout(PATIENCE, changes.recv()).await?;
    println!("  The tools have changed, says the server");
    client.cancel().await?;
    told(&server, What::Mcp("initialize".into()), 2)?;
    told(&server, What::Mcp("DELETE".into()), 1)?;
    match &server.world().violations[..] {
        [] => Ok(()),
        violations => Err(format!("the server objects: {violations:?}").into()),
    }
}

/// A host that wants to know when the tools have changed.
struct Handler(mpsc::UnboundedSender<()>);

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        // The last version with sessions, and with a stream of notifications for each.
        ClientConfig::default().with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        // Nobody may be interested any more.
        let _ = self.0.send(());
    }
}

async fn list(client: &Client) -> Result<(), Box<dyn Error>> {
    for tool in client.list_all_tools().await? {
        let name = Plain(&tool.name).to_string();
        let words = tool.description.unwrap_or_default();
        println!("  tool {name:12}  {}", Plain(&words));
    }
    Ok(())
}

async fn add(client: &Client) -> Result<(), Box<dyn Error>> {
    let terms = json!({"a": 19, "b": 23}).as_object().cloned().unwrap_or_default();
    let answer = client.call_tool(CallToolRequestParams::new("add").with_arguments(terms)).await?;
    let sum = answer.content.first().and_then(|content| content.as_text());
    let sum = sum.map_or("?", |text| &*text.text);
    println!("  19 + 23 = {sum}");
    if sum == "42" { Ok(()) } else { Err("the sum is 42".into()) }
}

/// Whether the server saw as many of these requests as the story has.
fn told(server: &Guarded, what: What, times: usize) -> Result<(), Box<dyn Error>> {
    let seen = server.world().count(what.clone());
    if seen == times { Ok(()) } else { Err(format!("{what:?}: {seen} instead of {times}").into()) }
}

/// Prints what happens below the SDK.
fn watched(builder: OAuthBuilder) -> OAuthBuilder {
    builder.client_name("rmcp example").on_event(|event| match event {
        Event::Answered { method, url, status, .. } => {
            line("MCP server", method, url, &status.to_string());
        }
        Event::Exchange { endpoint, method, url, outcome, .. } => {
            let status = outcome.map_or("no answer".into(), |status| status.to_string());
            line(&format!("{endpoint:?}"), method.as_str(), url.as_str(), &status);
        }
        Event::Opening { url, .. } => {
            println!(
                "  Opening your browser. If it does not open, visit:\n\n    {}\n",
                url.as_str()
            );
        }
        Event::Redirected => println!("  The browser came back."),
        _ => {}
    })
}

fn line(who: &str, method: &str, url: &str, status: &str) {
    println!("  {who:18}  {method:4}  {status:9}  {url}");
}

/// A user who consents at once.
fn simulated_user(server: &Guarded) -> Result<SharedUserAgent, Box<dyn Error>> {
    let servers = server.gate();
    let visit = move |url: &AuthorizationUrl| {
        servers.world().visit(url.as_str()).map_err(|_| UserAgentError::Cancelled)
    };
    Ok(UserAgentFn::new(RedirectUri::parse("http://127.0.0.1:51004/callback")?, visit).into())
}

/// How long the server may take to tell something.
const PATIENCE: Duration = Duration::from_secs(10);
