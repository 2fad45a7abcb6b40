//! One process of the gateway: what it serves, and under which names.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use oauth_tokio::{HttpClient, NoUserAgent, OAuth, Profiles, RedirectUri};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::error::GatewayError;
use crate::failure::Failure;
use crate::sessions::Sessions;
use crate::setup::Setup;
use crate::store::Store;
use crate::watch::watched;
use crate::{agents, people};

/// Serves where it is told, and prints where that is, until the standard input ends.
pub(crate) async fn serve(setup: Setup) -> Result<(), Failure> {
    let listener = TcpListener::bind(setup.listen).await.map_err(Failure::system("listen"))?;
    let address = listener.local_addr().map_err(Failure::system("find out the port"))?;
    let own = format!("http://{address}");
    let gateway = Arc::new(Gateway::new(&setup, &own).await?);
    let router = Router::new()
        .merge(agents::routes())
        .merge(people::routes(&gateway))
        .layer(from_fn_with_state(Arc::clone(&gateway), only_by_own_name))
        .with_state(Arc::clone(&gateway));
    writeln!(io::stdout(), "{own}").map_err(Failure::system("print the address"))?;
    axum::serve(listener, router)
        .with_graceful_shutdown(end_of_input())
        .await
        .map_err(Failure::system("serve"))?;
    // A refresh that is under way is stored first.
    gateway.users.shutdown(TIME_LIMIT).await;
    Ok(())
}

/// What the handlers share.
pub(crate) struct Gateway {
    /// The clients of all users who are there.
    pub(crate) users: Profiles,
    pub(crate) servers: Vec<Server>,
    pub(crate) sessions: Sessions,
    /// This process, and how browsers reach the gateway.
    origins: [String; 2],
}

/// An MCP server, and the client that the users' clients are made from.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) url: String,
    client: OAuth,
}

impl Gateway {
    async fn new(setup: &Setup, own: &str) -> Result<Self, Failure> {
        let store = Store::open(&setup.files).await?;
        let url = setup.url.as_deref().unwrap_or(own);
        // Connections are shared by all.
        let http = HttpClient::new(|http| http)?;
        let server = |(name, server): &(String, String)| {
            let redirect_uri = RedirectUri::parse(&format!("{url}/callback/{name}"))?;
            let client = watched(OAuth::new(server)?, &setup.name)
                .application(APPLICATION)
                .client_name("gateway example")
                .wait(LIFETIME)
                .store_check_interval(CHECK_INTERVAL)
                .http_client(http.clone())
                .token_storage(store.grants.clone())
                .user_agent(NoUserAgent::new(redirect_uri))
                .build()?;
            Ok(Server { name: name.clone(), url: server.clone(), client })
        };
        let servers: Result<Vec<_>, oauth_tokio::Error> =
            setup.servers.iter().map(server).collect();
        let servers = servers?;
        let (first, others) = servers.split_first().ok_or(Failure::Usage)?;
        let users = Profiles::new(first.client.clone());
        others.iter().for_each(|server| users.add(server.client.clone()));
        let sessions = Sessions::new(store.sessions, url.starts_with("https:"));
        Ok(Self { users, servers, sessions, origins: [own.to_owned(), url.to_owned()] })
    }

    pub(crate) fn server(&self, name: &str) -> Result<&Server, GatewayError> {
        let mut servers = self.servers.iter();
        servers.find(|server| server.name == name).ok_or(GatewayError::UnknownServer)
    }

    /// A user's client at a server: asked for with each request, and dropped after it.
    pub(crate) fn client(&self, server: &Server, user: &str) -> OAuth {
        self.users.of(&server.client, user)
    }

    /// Whether a page of the gateway's own has sent this: browsers say so with every `POST`, and no page can say
    /// something else.
    pub(crate) fn is_from_own_page(&self, headers: &HeaderMap) -> bool {
        only(headers, &ORIGIN).is_some_and(|it| self.origins.iter().any(|own| own == it))
    }
}

/// Refuses requests that come under a foreign name.
async fn only_by_own_name(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let is_own = |host: &str| {
        let mut names = gateway.origins.iter().filter_map(|it| Some(it.split_once("://")?.1));
        names.any(|name| name.eq_ignore_ascii_case(host))
    };
    if only(request.headers(), &HOST).is_some_and(is_own) {
        Ok(next.run(request).await)
    } else {
        Err(StatusCode::MISDIRECTED_REQUEST)
    }
}

/// A field that comes once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

/// A name is what people say at the door; it becomes the profile under which their grants are stored.
pub(crate) fn checked(user: &str) -> Result<&str, GatewayError> {
    let user = user.trim();
    let is_usable = !user.is_empty()
        && user.chars().count() <= LONGEST_NAME
        && !user.chars().any(char::is_control);
    if is_usable { Ok(user) } else { Err(GatewayError::UnusableName) }
}

/// Waits until nobody holds the other end of the standard input: then whoever started this is gone.
async fn end_of_input() {
    let (ended, end) = oneshot::channel::<()>();
    // The runtime would wait for a thread of its own.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        drop(ended);
    });
    // It is never sent, only dropped.
    let _ = end.await;
}

/// Part of each record's name, so that programs can share a store.
const APPLICATION: &str = "gateway-example";

/// How long a login waits for its user.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// For how long a process may go on with the token of a user who has logged out at another one.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How long one request may take, or what is under way when the gateway ends.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// In characters.
pub(crate) const LONGEST_NAME: usize = 100;
