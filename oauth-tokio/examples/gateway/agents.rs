//! What agents ask for: calls, each for a user.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;

use crate::error::GatewayError;
use crate::gateway::{Gateway, TIME_LIMIT, checked};

pub(crate) fn routes() -> Router<Arc<Gateway>> {
    Router::new().route("/call/{user}/{server}", post(call))
}

/// Passes an agent's call on with its user's token, or says where the user has to go first.
async fn call(
    State(gateway): State<Arc<Gateway>>,
    Path((user, server)): Path<(String, String)>,
    headers: HeaderMap,
    message: String,
) -> Result<Response, GatewayError> {
    // Agents are no pages: where this is set, somebody's browser was made to call.
    if headers.contains_key(ORIGIN) {
        return Err(GatewayError::ForeignPage);
    }
    let server = gateway.server(&server)?;
    let client = gateway.client(server, checked(&user)?);
    let sent = client.send(|http| {
        http.post(&server.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            // A limit for the client would be none for its refreshes: those must not be given up.
            .timeout(TIME_LIMIT)
            .body(message.clone())
    });
    match sent.await {
        Ok(answer) => pass_on(answer).await,
        Err(oauth_tokio::Error::Authentication(login)) => {
            client.keep_login(&login.pending).await?;
            let body = json!({"connect_url": login.connect_url.as_str()});
            Ok((StatusCode::UNAUTHORIZED, Json(body)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn pass_on(mut answer: reqwest::Response) -> Result<Response, GatewayError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(oauth_tokio::Error::Http)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(GatewayError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = (answer.status(), body).into_response();
    if let Some(content_type) = answer.headers().get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    Ok(response)
}

/// The largest answer that is passed on, in bytes; it is held in memory.
const MAX_ANSWER: usize = 4 << 20;
