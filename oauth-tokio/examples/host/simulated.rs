//! Three simulated servers with their users, and what somebody types into the host.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oauth_tests::guard::Guarded;
use oauth_tests::world::{Grant, Knobs, ScopePolicy, What};
use oauth_tokio::{MemoryTokenStorage, Prepared, RedirectUri, UserAgent, UserAgentError};
use serde_json::json;

use crate::{Failure, Host};

/// A story, in which each server sees the requests that it should.
pub(crate) async fn run() -> Result<(), Failure> {
    let step_up = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let mut servers = BTreeMap::new();
    for (name, knobs) in
        [("calendar", Knobs::default()), ("issues", step_up), ("wiki", Knobs::default())]
    {
        servers.insert(name, Arc::new(Guarded::start(knobs).await?));
    }
    let mut entries = serde_json::Map::new();
    for (name, server) in &servers {
        entries.insert((*name).to_owned(), json!({"url": server.server_url()}));
    }
    let (config, is_away) = (json!({"mcpServers": entries}), Arc::new(AtomicBool::new(false)));
    let mut host = Host::new(&config.to_string(), |name, builder| {
        let user = User { server: Arc::clone(&servers[name]), is_away: Arc::clone(&is_away) };
        builder.token_storage(MemoryTokenStorage::new()).user_agent(user)
    })?;
    let seen = |name: &str, what: What, times: usize| {
        let count = servers[name].world().count(what.clone());
        let wrong = || format!("{name}, {what:?}: {count} instead of {times}");
        if count == times { Ok(()) } else { Err(wrong()) }
    };

    println!("All servers are started quietly\n");
    host.start().await;
    for name in servers.keys() {
        seen(name, What::Authorize, 0)?;
        seen(name, What::Register, 0)?;
    }

    println!("\nThe user logs in to two of them, and gives one login up\n");
    typed(&mut host, "login calendar").await;
    typed(&mut host, r#"call calendar add {"a":19,"b":23}"#).await;
    is_away.store(true, Ordering::Relaxed);
    println!("> login issues");
    host.run("login issues", tokio::time::sleep(Duration::from_millis(200))).await;
    is_away.store(false, Ordering::Relaxed);
    typed(&mut host, "login issues").await;
    seen("issues", What::Register, 1)?;

    println!("\nA tool wants another scope, which only the user can give\n");
    let add = r#"call issues add {"a":19,"b":23}"#;
    typed(&mut host, add).await;
    seen("issues", What::Authorize, 1)?;
    typed(&mut host, "login issues").await;
    typed(&mut host, add).await;
    seen("issues", What::Authorize, 2)?;

    println!("\nAn hour later the tokens have expired\n");
    servers["calendar"].advance(3600);
    typed(&mut host, r#"call calendar add {"a":1,"b":2}"#).await;
    seen("calendar", What::Token(Grant::Refresh), 1)?;

    println!();
    typed(&mut host, "logout calendar").await;
    typed(&mut host, "list").await;
    host.end().await?;
    let violations = servers.values().flat_map(|server| server.world().violations.clone());
    match &violations.collect::<Vec<_>>()[..] {
        [] => Ok(()),
        violations => Err(format!("the servers object: {violations:?}").into()),
    }
}

async fn typed(host: &mut Host, line: &str) {
    println!("> {line}");
    host.run(line, pending()).await;
}

/// A user who consents at once, or who is away.
struct User {
    server: Arc<Guarded>,
    is_away: Arc<AtomicBool>,
}

impl UserAgent for User {
    async fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (gate, is_away) = (self.server.gate(), Arc::clone(&self.is_away));
        let callback = RedirectUri::parse("http://127.0.0.1:51004/callback")?;
        Ok(Prepared::new(callback, async move |url, _, _| {
            if is_away.load(Ordering::Relaxed) {
                pending::<()>().await;
            }
            let query = gate.world().visit(url.as_str());
            query.map(Into::into).map_err(|_| UserAgentError::Cancelled)
        }))
    }
}
