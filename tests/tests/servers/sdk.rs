//! A whole session of the SDK `rmcp` over our authorization, where every request has to prove the key that the token
//! is bound to (RFC 9449): also those that nobody but the SDK sees, for the stream of notifications and the end.

use std::time::{Duration, Instant};

use oauth_blocking::{LoopbackBrowser, MemoryTokenStorage};
use oauth_tokio::OAuth;
use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::{ClientHandler, RoleClient, ServiceExt as _};
use serde_json::json;
use tokio::sync::mpsc;

use crate::browser;
use crate::client::APPLICATION;
use crate::server::{LIFETIME, Server};

/// A host that wants to know when the tools have changed.
struct Host(mpsc::UnboundedSender<()>);

impl ClientHandler for Host {
    fn get_info(&self) -> ClientConfig {
        // The last version with sessions, and with a stream of notifications for each.
        ClientConfig::default().with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        let _ = self.0.send(());
    }
}

type Session = RunningService<RoleClient, Host>;

/// A session with a login, a refresh and a wider scope, and one after a restart of the program.
pub(crate) async fn live() {
    let server = Server::oidc_provider(&["--dpop", "--nonces"]);
    let store = MemoryTokenStorage::new();
    let session = open(&server, &store).await;
    let refreshed = Instant::now();
    // Both servers want their nonces once, and then say nothing against any request.
    let tokens = ["POST /token 400", "POST /token 200"];
    let login = [crate::DISCOVERY, &["POST /reg 201"], crate::OIDC_PAGES, &tokens];
    expect(&server, "beginning", &[&login.concat(), OPENED]);
    assert_eq!(bounded(session.list_all_tools()).await.unwrap().len(), 1);
    expect(&server, "tools", &[CALL]);

    let expired = refreshed + LIFETIME + Duration::from_secs(1);
    tokio::time::sleep_until(expired.into()).await;
    assert_eq!(bounded(session.list_all_tools()).await.unwrap().len(), 1);
    expect(&server, "tools after expiry", &[REFRESH, CALL]);
    assert_eq!(add(&session).await, "42");
    let more = [&["POST /mcp 403"], crate::OIDC_PAGES, REFRESH, CALL];
    expect(&server, "call that takes a wider scope", &more);
    bounded(session.cancel()).await.unwrap();
    expect(&server, "end", &[&["DELETE /mcp 200"]]);

    let session = open(&server, &store).await;
    expect(&server, "beginning after a restart", &[OPENED]);
    assert_eq!(add(&session).await, "42");
    expect(&server, "call after a restart", &[CALL]);
    bounded(session.cancel()).await.unwrap();
    expect(&server, "end after a restart", &[&["DELETE /mcp 200"]]);
}

/// A session that has heard of something already.
async fn open(server: &Server, store: &MemoryTokenStorage) -> Session {
    let oauth = OAuth::new(&server.url).unwrap().application(APPLICATION);
    let browser = LoopbackBrowser::new().open_with(browser::open);
    let oauth = oauth.token_storage(store.clone()).user_agent(browser).build().unwrap();
    let (tell, mut changes) = mpsc::unbounded_channel();
    let session = bounded(Host(tell).serve(oauth.transport())).await.unwrap();
    bounded(changes.recv()).await.unwrap();
    session
}

async fn add(session: &Session) -> String {
    let terms = json!({"a": 19, "b": 23}).as_object().unwrap().clone();
    let call = CallToolRequestParams::new("add").with_arguments(terms);
    let result = bounded(session.call_tool(call)).await.unwrap();
    result.content[0].as_text().unwrap().text.clone()
}

/// What hangs fails.
async fn bounded<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
}

fn expect(server: &Server, leg: &str, requests: &[&[&str]]) {
    assert_eq!(server.requests(), requests.concat(), "{leg}");
}

/// The handshake, with the nonce at the second try, and the stream.
const OPENED: &[&str] = &["POST /mcp 401", "POST /mcp 200", "POST /mcp 202", "GET /mcp 200"];
const CALL: &[&str] = &["POST /mcp 200"];
const REFRESH: &[&str] = &["POST /token 200"];

const PATIENCE: Duration = Duration::from_secs(60);
