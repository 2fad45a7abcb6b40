//! A host: MCP servers from a configuration file, and one command a line.
//!
//! ```json
//! {"mcpServers": {"calendar": {"url": "https://calendar.example.com/mcp"},
//!                 "issues": {"url": "https://issues.example.com/mcp", "auth": {"client_id": "my-client"}}}}
//! ```
//!
//! `cargo run -p oauth-tokio --features rmcp --example host -- servers.json` starts all of them quietly: no page
//! opens before `login NAME` is typed. Ctrl-C ends a login that waits; without one, it ends the host.
//! Without a file, the host runs against three simulated servers.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use oauth_tokio::rmcp::cause;
use oauth_tokio::{AuthConfig, Event, NeedsConsent, OAuth, OAuthBuilder, Plain};
use rmcp::model::{CallToolRequestParams, JsonObject};
use rmcp::service::RunningService;
use rmcp::{RoleClient, ServiceExt};
use serde::Deserialize;
use tokio::task::JoinSet;

mod simulated;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

#[tokio::main]
async fn main() -> Outcome<()> {
    match std::env::args_os().nth(1) {
        Some(file) => real(Path::new(&file)).await,
        None => simulated::run().await,
    }
}

/// Commands from standard input.
async fn real(file: &Path) -> Outcome<()> {
    let mut host = Host::new(&std::fs::read_to_string(file)?, |_, builder| builder)?;
    host.start().await;
    println!("  list · login NAME · logout NAME · call NAME TOOL [JSON, …]");
    loop {
        let read = tokio::task::spawn_blocking(|| {
            print!("> ");
            io::stdout().flush()?;
            io::stdin().lock().lines().next().transpose()
        });
        let line = tokio::select! {
            line = read => line??,
            // The thread that reads does not end by itself.
            stop = tokio::signal::ctrl_c() => { stop?; host.end().await?; std::process::exit(0) }
        };
        let Some(line) = line else { return host.end().await };
        host.run(&line, async { drop(tokio::signal::ctrl_c().await) }).await;
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    auth: Option<AuthConfig>,
}

/// All servers, by name.
struct Host(BTreeMap<Box<str>, Server>);

struct Server {
    oauth: OAuth,
    client: Option<RunningService<RoleClient, ()>>,
}

impl Host {
    /// From a configuration file; `adapt` adds what is not in it.
    fn new(text: &str, adapt: impl Fn(&str, OAuthBuilder) -> OAuthBuilder) -> Outcome<Self> {
        let mut config: BTreeMap<Box<str>, BTreeMap<Box<str>, _>> = serde_json::from_str(text)?;
        let servers = config.remove("mcpServers").ok_or("there are no `mcpServers`")?;
        let servers = servers.into_iter().map(|(name, Entry { url, auth })| {
            let builder = OAuth::new(&url)?.client_name("Example host").on_event(show);
            let builder = auth.into_iter().try_fold(builder, OAuthBuilder::config)?;
            let oauth = adapt(&name, builder).build()?;
            Ok((name, Server { oauth, client: None }))
        });
        servers.collect::<Outcome<_>>().map(Self)
    }

    /// Connects to all at once, and asks nobody: who needs a login is told as that.
    async fn start(&mut self) {
        let starts = std::mem::take(&mut self.0).into_iter().map(|(name, mut server)| async move {
            let client = server.client().await;
            client.map_or_else(|it| tell(&name, &*it), |_| println!("  {name}: connected"));
            (name, server)
        });
        self.0.extend(starts.collect::<JoinSet<_>>().join_all().await);
    }

    /// One command. `stop` ends a login that it begins.
    async fn run(&mut self, line: &str, stop: impl Future<Output = ()>) {
        let mut words = line.splitn(4, ' ').map(str::trim);
        let mut next = || words.next().unwrap_or_default();
        let (command, name) = (next(), next());
        let outcome = match (command, self.0.get_mut(name)) {
            ("list", _) => return self.list().await,
            ("login", Some(server)) => server.login(stop).await,
            ("logout", Some(server)) => server.logout().await,
            ("call", Some(server)) => server.call(name, next(), next()).await,
            _ => Err(format!("there is no command {command:?} for a server {name:?}").into()),
        };
        if let Err(error) = outcome {
            tell(name, &*error);
        }
    }

    async fn list(&self) {
        for (name, server) in &self.0 {
            let status = server.oauth.status().await;
            status.map_or_else(|it| tell(name, &it), |it| println!("  {name}: {it}"));
        }
    }

    /// Ends all sessions at once, and whatever has begun.
    async fn end(self) -> Outcome<()> {
        let ends = self.0.into_values().map(|Server { oauth, client }| async move {
            if let Some(client) = client {
                client.cancel().await?;
            }
            oauth.shutdown(Duration::from_secs(10)).await;
            Ok(())
        });
        ends.collect::<JoinSet<_>>().join_all().await.into_iter().collect()
    }
}

impl Server {
    async fn login(&mut self, stop: impl Future<Output = ()>) -> Outcome<()> {
        tokio::select! {
            // Ctrl-C is listened for before the login says that it ends it.
            biased;
            // Wherever the login is, it ends at once, and says so.
            () = async { stop.await; self.oauth.cancel_login(); std::future::pending().await } => {}
            token = self.oauth.login() => drop(token?),
        }
        self.client().await.map(|_| println!("  logged in, and connected"))
    }

    async fn logout(&mut self) -> Outcome<()> {
        if let Some(client) = self.client.take() {
            client.cancel().await?;
        }
        println!("  {}", self.oauth.logout().await?);
        Ok(())
    }

    /// One call for each object of arguments, all at once.
    async fn call(&mut self, name: &str, tool: &str, arguments: &str) -> Outcome<()> {
        let arguments = if arguments.is_empty() { "{}" } else { arguments };
        let (client, mut calls) = (self.client().await?, JoinSet::new());
        for arguments in serde_json::from_str::<Vec<JsonObject>>(&format!("[{arguments}]"))? {
            let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
            let (peer, begun) = (client.peer().clone(), Instant::now());
            calls.spawn(async move { (peer.call_tool(request).await, begun.elapsed()) });
        }
        for (result, took) in calls.join_all().await {
            let text =
                result.map(|it| Plain(&serde_json::json!(it.content).to_string()).to_string());
            let shown = |text| println!("  {name} {tool}: {text} after {took:.0?}");
            text.map_or_else(|it| tell(name, &it), shown);
        }
        Ok(())
    }

    /// A session whose calls ask nobody.
    async fn client(&mut self) -> Outcome<&RunningService<RoleClient, ()>> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => ().serve(self.oauth.quiet().transport()).await?,
        };
        Ok(self.client.insert(client))
    }
}

/// What a login says meanwhile.
fn show(event: &Event<'_>) {
    match event {
        Event::LoginBegun { reason } => println!("  {reason}; Ctrl-C ends it"),
        Event::LoginElsewhere => println!("  another program is at its login page: waiting"),
        Event::Opening { url, .. } => println!("  Visit, if no browser opens: {}", url.as_str()),
        _ => {}
    }
}

/// An error, and what helps.
fn tell(name: &str, error: &(dyn std::error::Error + Send + Sync + 'static)) {
    match cause(error) {
        Some(error) if error.needs_consent() => println!("  {name}: {error}; `login {name}`"),
        Some(error) => println!("  {name}: {error}; {}", error.advice()),
        None => println!("  {name}: {error}"),
    }
}
