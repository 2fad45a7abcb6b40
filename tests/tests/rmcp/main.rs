//! The MCP SDK `rmcp` over our authorization, against a server of the same SDK: requests, refusals,
//! streams. Everything here rests on types of that SDK, and on what it does with them, so everything is tried with it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod bound;
mod calls;
mod ending;
mod failures;
mod heads;
mod quiet;
mod server;
#[path = "../tokio_common.rs"]
mod tokio_common;
mod twin;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;

use oauth_tests::guard::Guarded;
use oauth_tests::world::Knobs;
use oauth_tokio::OAuth;
use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{ClientInitializeError, NotificationContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpClientTransportConfig,
};
use rmcp::{ClientHandler, Peer, RoleClient, ServiceError, ServiceExt};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_common::common::{PATIENCE, statuses};
use tokio_common::until;

const INITIALIZE: &str = "initialize";

async fn guarded(knobs: Knobs) -> Guarded {
    Guarded::start(knobs).await.unwrap()
}

/// A host that wants to know when the tools have changed.
struct Host(mpsc::UnboundedSender<()>);

impl ClientHandler for Host {
    fn get_info(&self) -> ClientConfig {
        // The last version with sessions.
        ClientConfig::default().with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        let _ = self.0.send(());
    }
}

/// A session, and what it is told.
struct Connected {
    service: RunningService<RoleClient, Host>,
    changes: mpsc::UnboundedReceiver<()>,
}

impl Connected {
    async fn add(&self) -> Result<String, ServiceError> {
        add(&self.service).await
    }

    async fn list(&self) -> Result<usize, ServiceError> {
        bounded(self.service.list_all_tools()).await.map(|tools| tools.len())
    }

    /// Has the server tell something on the stream of notifications, and waits for that.
    async fn is_told(&mut self) {
        let announce = CallToolRequestParams::new("announce");
        bounded(self.service.call_tool(announce)).await.unwrap();
        bounded(self.changes.recv()).await.unwrap();
    }

    async fn close(self) {
        bounded(self.service.cancel()).await.unwrap();
    }
}

/// A session whose stream of notifications is open.
async fn open(guarded: &Guarded, oauth: &OAuth) -> Connected {
    let before = streams(guarded);
    let connected = connect(oauth).await.unwrap();
    until("the stream is open", || streams(guarded) > before).await;
    connected
}

fn streams(guarded: &Guarded) -> usize {
    statuses(guarded, "GET").into_iter().filter(|status| *status == 200).count()
}

async fn connect(oauth: &OAuth) -> Result<Connected, ClientInitializeError> {
    connect_over(oauth.transport()).await
}

async fn connect_over<C: StreamableHttpClient + Sync>(
    transport: StreamableHttpClientTransport<C>,
) -> Result<Connected, ClientInitializeError> {
    let (tell, changes) = mpsc::unbounded_channel();
    let service = bounded(Host(tell).serve(transport)).await?;
    Ok(Connected { service, changes })
}

async fn add(peer: &Peer<RoleClient>) -> Result<String, ServiceError> {
    let terms = json!({"a": 19, "b": 23}).as_object().unwrap().clone();
    let call = CallToolRequestParams::new("add").with_arguments(terms);
    let result = bounded(peer.call_tool(call)).await?;
    Ok(result.content[0].as_text().unwrap().text.clone())
}

/// What hangs fails.
async fn bounded<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
}

fn config(url: String) -> StreamableHttpClientTransportConfig {
    StreamableHttpClientTransportConfig::with_uri(url)
}

fn url(guarded: &Guarded) -> Arc<str> {
    guarded.server_url().into()
}

/// The headers of a host that adds none.
fn no_headers<K, V>() -> HashMap<K, V> {
    HashMap::new()
}
