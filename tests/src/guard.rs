//! A real MCP server, of the SDK `rmcp`, whose authorization is a [`World`].
//!
//! Every request meets the world first: it answers what is its own (the resource metadata) and what it
//! refuses, and writes everything down. The rest is the server's, which has two tools: `add`, and
//! `announce`, which tells on the stream of notifications that the tools have changed.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use core::net::Ipv4Addr;
use core::ops::Deref;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::StatusCode;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::schemars::JsonSchema;
use rmcp::service::RequestContext;
use rmcp::transport::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{SessionManager as _, StreamableHttpServerConfig};
use rmcp::{ErrorData, RoleServer, ServerHandler, tool, tool_handler, tool_router};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::serve::{Gate, Served};
use crate::world::{Knobs, World};

/// A world with a real MCP server; it ends when this is dropped.
#[derive(Debug)]
pub struct Guarded {
    served: Served,
    door: Arc<Door>,
    sessions: Arc<LocalSessionManager>,
    server: JoinHandle<io::Result<()>>,
}

impl Guarded {
    /// Binds the ports and serves.
    ///
    /// # Errors
    /// What the operating system says when it gives no port.
    pub async fn start(knobs: Knobs) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let served = Served::start_behind(knobs, origin.clone())?;
        let door =
            Door { gate: served.gate(), origin, once: Mutex::default(), seen: Mutex::default() };
        let door = Arc::new(door);
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(
            || Ok(Tools),
            Arc::clone(&sessions),
            StreamableHttpServerConfig::default(),
        );
        let router = Router::new()
            .fallback_service(service)
            .layer(middleware::from_fn_with_state(Arc::clone(&door), guard));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { served, door, sessions, server })
    }

    /// Does something to the world just before the next MCP request of a method (or `GET`, `DELETE`).
    pub fn before(&self, method: &str, act: impl FnOnce(&mut World) + Send + 'static) {
        lock(&self.door.once).push((method.into(), Box::new(act)));
    }

    /// The ids of the MCP sessions that requests came with.
    pub fn sessions(&self) -> BTreeSet<String> {
        lock(&self.door.seen).clone()
    }

    /// Ends every MCP session, and with it its streams.
    ///
    /// # Panics
    /// If one cannot be ended.
    pub async fn end_sessions(&self) {
        let ids: Vec<_> = self.sessions.sessions.read().await.keys().cloned().collect();
        for id in ids {
            self.sessions.close_session(&id).await.expect("it is there");
        }
    }
}

impl Deref for Guarded {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Act = Box<dyn FnOnce(&mut World) + Send>;

/// What every request passes.
struct Door {
    gate: Gate,
    origin: String,
    once: Mutex<Vec<(String, Act)>>,
    seen: Mutex<BTreeSet<String>>,
}

impl core::fmt::Debug for Door {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Door").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Door {
    fn acts_before(&self, request: &Request<Vec<u8>>) {
        if request.uri().path() != "/mcp" {
            return;
        }
        let message: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let method = message["method"].as_str().unwrap_or(request.method().as_str()).to_owned();
        let mut once = lock(&self.once);
        for (_, act) in once.extract_if(.., |(wanted, _)| *wanted == method) {
            act(&mut self.gate.world());
        }
    }
}

async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        let mut refusal = Response::new(Body::empty());
        *refusal.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return refusal;
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    // The world wants to know where a request goes.
    if let Ok(uri) = format!("{}{path}", door.origin).parse() {
        parts.uri = uri;
    }
    let request = Request::from_parts(parts, body.to_vec());
    door.acts_before(&request);
    if let Some(answer) = door.gate.admit(&request) {
        return answer.map(Body::from);
    }
    if let Some(id) = request.headers().get("mcp-session-id") {
        lock(&door.seen).insert(String::from_utf8_lossy(id.as_bytes()).into_owned());
    }
    next.run(request.map(Body::from)).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server behind the world.
struct Tools;

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Terms {
    a: f64,
    b: f64,
}

#[tool_router]
impl Tools {
    /// Adds two numbers.
    #[tool]
    async fn add(&self, Parameters(Terms { a, b }): Parameters<Terms>) -> String {
        (a + b).to_string()
    }

    /// Tells that the tools have changed.
    #[tool]
    async fn announce(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let told = context.peer.notify_tool_list_changed().await;
        told.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok("announced".into())
    }
}

#[tool_handler]
impl ServerHandler for Tools {}

/// More than any client under test sends, in bytes.
const MAX_BODY: usize = 1024 * 1024;
