//! What people do in their browsers: sign in, connect, come back, disconnect, leave.

use std::sync::Arc;

use axum::Form;
use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use oauth_tokio::{AuthenticationError, OAuth, OffBoarded};
use serde::Deserialize;

use crate::error::GatewayError;
use crate::gateway::{Gateway, checked};
use crate::notice::Notice;
use crate::page::{Connection, End, Page, View};

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router<Arc<Gateway>> {
    let buttons = Router::new()
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/connect/{server}", post(connect))
        .route("/disconnect/{server}", post(disconnect))
        .route("/end-everything", post(end_everything))
        .route_layer(from_fn_with_state(Arc::clone(gateway), only_from_own_page));
    Router::new()
        .route("/", get(front))
        .route("/said/{notice}", get(said))
        // Whoever looks ahead of the user must not use up the login.
        .route("/callback/{server}", get(callback).head(async || StatusCode::METHOD_NOT_ALLOWED))
        .route("/style.css", get(style))
        .merge(buttons)
}

/// Refuses what another page has made the browser do.
async fn only_from_own_page(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Result<Response, Shown> {
    match gateway.is_from_own_page(request.headers()) {
        true => Ok(next.run(request).await),
        // Not a redirect: the page after it would be one that the gateway shows without being asked to.
        false => Err(Shown(GatewayError::ForeignPage)),
    }
}

/// An error that is shown at once, and not at the next page.
struct Shown(GatewayError);

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        Page { notice: Some(Notice::from(&self.0)), view: View::Nothing }.into_response()
    }
}

async fn front(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Page {
    page(&gateway, &headers, None).await
}

async fn said(
    State(gateway): State<Arc<Gateway>>,
    Path(notice): Path<String>,
    headers: HeaderMap,
) -> Result<Page, StatusCode> {
    let notice = Notice::named(&notice).ok_or(StatusCode::NOT_FOUND)?;
    Ok(page(&gateway, &headers, Some(notice)).await)
}

/// The list, if somebody is signed in.
async fn page(gateway: &Gateway, headers: &HeaderMap, notice: Option<Notice>) -> Page {
    let listed = async {
        let user = gateway.sessions.user(headers).await?;
        let mut connections = Vec::new();
        for server in &gateway.servers {
            // A look into the store, and no request.
            let status = gateway.client(server, &user).status().await?;
            let (name, url) = (server.name.clone(), server.url.clone());
            connections.push(Connection { name, url, status });
        }
        Ok(View::List { user, connections })
    };
    match listed.await {
        Ok(view) => Page { notice, view },
        Err(GatewayError::SignedOut) => Page { notice, view: View::SignIn },
        Err(error) => {
            told(&error);
            Page { notice: Some(Notice::from(&error)), view: View::Nothing }
        }
    }
}

#[derive(Deserialize)]
struct SignIn {
    name: String,
}

/// Stands in for the sign-in of a real gateway, which asks for more than a name.
async fn sign_in(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Form(SignIn { name }): Form<SignIn>,
) -> Result<Response, Refused> {
    let user = checked(&name)?;
    gateway.sessions.end(&headers).await?;
    let cookie = gateway.sessions.begin(user).await?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

async fn sign_out(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let cookie = gateway.sessions.end(&headers).await?;
    Ok(([(SET_COOKIE, cookie)], Notice::SignedOut.redirect()).into_response())
}

/// Begins a login, and sends the browser to the authorization server.
async fn connect(
    State(gateway): State<Arc<Gateway>>,
    Path(server): Path<String>,
    headers: HeaderMap,
) -> Result<Redirect, Refused> {
    let user = gateway.sessions.user(&headers).await?;
    let client = gateway.client(gateway.server(&server)?, &user);
    match client.login().await {
        Ok(_) => Ok(Notice::Connected.redirect()),
        Err(oauth_tokio::Error::Authentication(login)) => go_on(&client, &login).await,
        Err(error) => Err(GatewayError::from(error).into()),
    }
}

/// Keeps the login, so that every process can finish it.
async fn go_on(client: &OAuth, login: &AuthenticationError) -> Result<Redirect, Refused> {
    client.keep_login(&login.pending).await.map_err(GatewayError::from)?;
    Ok(Redirect::to(login.connect_url.as_str()))
}

/// Finishes a login that this process or another began, for its own user only: the client is that of who is signed in,
/// and finds no login of anybody else's. Says where the browser goes next.
async fn callback(
    State(gateway): State<Arc<Gateway>>,
    Path(server): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Redirect, Refused> {
    let user = gateway.sessions.user(&headers).await?;
    let client = gateway.client(gateway.server(&server)?, &user);
    match client.resume_kept(&query.unwrap_or_default()).await {
        Ok(_) => Ok(Notice::Connected.redirect()),
        // The server refused the client that the login was begun with, and another one was registered.
        Err(oauth_tokio::Error::Authentication(login)) => go_on(&client, &login).await,
        Err(error) => Err(GatewayError::from(error).into()),
    }
}

async fn disconnect(
    State(gateway): State<Arc<Gateway>>,
    Path(server): Path<String>,
    headers: HeaderMap,
) -> Result<Redirect, Refused> {
    let user = gateway.sessions.user(&headers).await?;
    let client = gateway.client(gateway.server(&server)?, &user);
    let ended = client.logout().await.map_err(GatewayError::from)?;
    Ok(match ended.is_complete() {
        true => Notice::Disconnected.redirect(),
        false => {
            eprintln!("  A token may live on: {ended}");
            Notice::StillAlive.redirect()
        }
    })
}

/// What an administrator does when somebody leaves; here everybody does it for themselves.
async fn end_everything(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let user = gateway.sessions.user(&headers).await?;
    // First: whoever is signed in could connect anew in the middle.
    gateway.sessions.end_all(&user).await?;
    let ended = gateway.users.off_board(&user).await.map_err(GatewayError::from)?;
    let cookie = gateway.sessions.end(&headers).await?;
    let ends = ends(&gateway, &ended);
    let page = Page { notice: None, view: View::Ended { user, ends } };
    Ok(([(SET_COOKIE, cookie)], page).into_response())
}

fn ends(gateway: &Gateway, ended: &OffBoarded) -> Vec<End> {
    let ends = ended.grants.iter().map(|grant| {
        let url = &*grant.key.server_url;
        let known = gateway.servers.iter().find(|server| server.url == url);
        let outcome = match &grant.outcome {
            Ok(ended) if ended.is_complete() => "ended and erased",
            Ok(ended) => {
                eprintln!("  A token may live on: {ended}");
                "erased here; the server may accept it until it expires"
            }
            Err(error) => {
                eprintln!("  A grant is still stored: {error}");
                "still stored: sign in and do this once more"
            }
        };
        let server = known.map_or(url, |server| &server.name).to_owned();
        End { server, outcome, is_complete: grant.is_complete() }
    });
    ends.collect()
}

async fn style() -> impl IntoResponse {
    let fields = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=3600")];
    (fields, include_str!("style.css"))
}

/// An error that is told at the next page, with nothing of this request in its address.
struct Refused(GatewayError);

impl From<GatewayError> for Refused {
    fn from(error: GatewayError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        told(&self.0);
        Notice::from(&self.0).redirect().into_response()
    }
}

/// For the operator; people get a sentence of ours.
fn told(error: &GatewayError) {
    eprintln!("  Not done: {error}");
}
