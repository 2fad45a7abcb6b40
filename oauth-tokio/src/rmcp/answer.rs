//! What rmcp is given of an answer of the MCP server: what its own client for reqwest gives, error by error.

use ::rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcMessage, ServerJsonRpcMessage,
};
use ::rmcp::transport::common::client_side_sse::BoxedSseResponse;
use ::rmcp::transport::common::http_header::{
    EVENT_STREAM_MIME_TYPE, HEADER_SESSION_ID, JSON_MIME_TYPE,
};
use ::rmcp::transport::streamable_http_client::{
    AuthRequiredError, HttpStatusError, InsufficientScopeError, StreamableHttpError as Failure,
    StreamableHttpPostResponse as Post, StreamableHttpResponseLimits as Limits,
};
use oauth_core::client::challenges;
use oauth_core::wire::ResourceChallenge;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::Outer;
use super::events::events;
use crate::http::unsent;

/// The answer to a message.
pub(super) async fn to_message(
    answer: Response,
    message: &ClientJsonRpcMessage,
    is_in_session: bool,
    limits: Limits,
) -> Outer<Post> {
    if let Some(error) = refusal(&answer) {
        return Err(error);
    }
    let status = answer.status();
    match status {
        StatusCode::ACCEPTED | StatusCode::NO_CONTENT => return Ok(Post::Accepted),
        StatusCode::NOT_FOUND if is_in_session => return Err(Failure::SessionExpired),
        _ if !status.is_success() => return unhappy(answer, message, is_in_session, limits).await,
        _ => {}
    }
    // Nothing that may come back to one of these is of use: what is no message is no failure.
    let awaits_nothing = !matches!(message, JsonRpcMessage::Request(_));
    if awaits_nothing && answer.content_length() == Some(0) {
        return Ok(Post::Accepted);
    }
    let session = session(&answer);
    match Media::of(&answer) {
        Media::Events => Ok(Post::Sse(events(answer, limits.max_sse_event_size), session)),
        Media::Json => {
            let body = whole(answer, limits.max_json_response_size).await?;
            match serde_json::from_slice(&body) {
                Ok(message) => Ok(Post::Json(message, session)),
                Err(_) if awaits_nothing => Ok(Post::Accepted),
                Err(error) => Err(no_message(&error, &body)),
            }
        }
        Media::Other(_) if awaits_nothing => Ok(Post::Accepted),
        Media::Other(name) => Err(Failure::UnexpectedContentType(name)),
    }
}

/// The answer to a request for a stream.
pub(super) fn to_stream(answer: Response, max: usize) -> Outer<BoxedSseResponse> {
    if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        return Err(Failure::ServerDoesNotSupportSse);
    }
    if let Some(error) = refusal(&answer) {
        return Err(error);
    }
    if let Some(error) = trouble(&answer) {
        return Err(error.into());
    }
    let answer = without_error(answer)?;
    match Media::of(&answer) {
        Media::Events | Media::Json => Ok(events(answer, max)),
        Media::Other(name) => Err(Failure::UnexpectedContentType(name)),
    }
}

/// The answer to the end of a session, which not every server allows.
pub(super) fn to_end(answer: Response) -> Outer<()> {
    match answer.status() {
        StatusCode::METHOD_NOT_ALLOWED => Ok(()),
        _ => without_error(answer).map(drop),
    }
}

fn without_error(answer: Response) -> Outer<Response> {
    answer.error_for_status().map_err(|error| Failure::Client(unsent(error)))
}

/// A refusal about which nothing is to be done, with what the server said.
fn refusal(answer: &Response) -> Option<Failure<crate::Error>> {
    let lines = challenges(answer.headers());
    let said = || lines.join(", ");
    match answer.status() {
        _ if lines.is_empty() => None,
        StatusCode::UNAUTHORIZED => Some(Failure::AuthRequired(AuthRequiredError::new(said()))),
        StatusCode::FORBIDDEN => {
            let challenge = ResourceChallenge::select(lines.iter().map(String::as_str));
            let scope = challenge.and_then(|it| it.scope).map(|scope| scope.to_string());
            Some(Failure::InsufficientScope(InsufficientScopeError::new(said(), scope)))
        }
        _ => None,
    }
}

/// What is told of a server that has too much to do, or is in trouble.
fn trouble(answer: &Response) -> Option<HttpStatusError> {
    let status = answer.status();
    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
        return None;
    }
    let retry_after = answer.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|it| str::from_utf8(it.as_bytes()).ok());
    Some(HttpStatusError::new(status.as_u16(), retry_after.map(str::to_owned)))
}

/// The answer to a message with a status that says no: it may have an error for the caller in it.
async fn unhappy(
    answer: Response,
    message: &ClientJsonRpcMessage,
    is_in_session: bool,
    limits: Limits,
) -> Outer<Post> {
    let (status, session) = (answer.status(), session(&answer));
    let is_json = matches!(Media::of(&answer), Media::Json);
    let is_read_whole = match status {
        StatusCode::TOO_MANY_REQUESTS => false,
        // It has to stay a refusal.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => false,
        _ => is_json,
    };
    let trouble = match trouble(&answer) {
        Some(trouble) if !is_read_whole => return Err(trouble.into()),
        trouble => trouble,
    };
    let rejected = |said: &str| match is_in_session {
        true => None,
        false => rejected_discovery(message, status, said),
    };
    let max = limits.max_error_response_size;
    let said = if is_read_whole {
        match whole(answer, limits.max_json_response_size).await {
            Ok(body) => {
                if let Ok(error @ JsonRpcMessage::Error(_)) = serde_json::from_slice(&body) {
                    let rejected = rejected(&String::from_utf8_lossy(&body));
                    return Ok(rejected.unwrap_or(Post::Json(error, session)));
                }
                Some(text(&body, max))
            }
            Err(Failure::Client(_)) => None,
            Err(error) => return Err(trouble.map_or(error, Into::into)),
        }
    } else {
        beginning(answer, max).await
    };
    let said = said.unwrap_or_else(|| UNREAD[..UNREAD.len().min(max)].into());
    match (rejected(&said), trouble) {
        (Some(answer), _) => Ok(answer),
        (None, Some(trouble)) => Err(trouble.into()),
        (None, None) => Err(unexpected(format!("HTTP {status}: {said}"))),
    }
}

/// A server of an older version of MCP knows no `server/discover`. rmcp wants to hear of that as an error of the
/// request, whose id such an answer may not have.
fn rejected_discovery(
    message: &ClientJsonRpcMessage,
    status: StatusCode,
    said: &str,
) -> Option<Post> {
    let JsonRpcMessage::Request(request) = message else { return None };
    let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if !status.is_client_error()
        || is_refusal
        || !matches!(request.request, ClientRequest::DiscoverRequest(_))
    {
        return None;
    }
    let error = match serde_json::from_str(said) {
        Ok(ServerJsonRpcMessage::Error(error)) => error.error,
        _ => {
            let text = format!("server/discover rejected with HTTP {status}: {said}");
            ErrorData::invalid_request(text, None)
        }
    };
    Some(Post::Json(ServerJsonRpcMessage::error(error, Some(request.id.clone())), None))
}

/// What a body is.
enum Media {
    Events,
    Json,
    /// By its name, if it has one.
    Other(Option<String>),
}

impl Media {
    fn of(answer: &Response) -> Self {
        let Some(value) = answer.headers().get(CONTENT_TYPE) else { return Self::Other(None) };
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let is = |name: &str| essence.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        if is(EVENT_STREAM_MIME_TYPE) {
            Self::Events
        } else if is(JSON_MIME_TYPE) {
            Self::Json
        } else {
            Self::Other(Some(String::from_utf8_lossy(value.as_bytes()).into_owned()))
        }
    }
}

fn session(answer: &Response) -> Option<String> {
    answer.headers().get(HEADER_SESSION_ID)?.to_str().ok().map(str::to_owned)
}

/// A body that is read to its end, if that is within the limit.
async fn whole(mut answer: Response, max_size: usize) -> Outer<Vec<u8>> {
    let too_large = || Failure::ResponseBodyTooLarge { max_size };
    if answer.content_length().is_some_and(|length| length > max_size as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|it| Failure::Client(unsent(it)))? {
        if chunk.len() > max_size - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The beginning of a body that is only shown; `None` if it is lost on the way.
async fn beginning(mut answer: Response, max: usize) -> Option<String> {
    let mut body = Vec::new();
    while body.len() < max {
        let Some(chunk) = answer.chunk().await.ok()? else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(max - body.len())]);
    }
    Some(text(&body, max))
}

fn text(body: &[u8], max: usize) -> String {
    String::from_utf8_lossy(&body[..body.len().min(max)]).into_owned()
}

fn no_message(error: &serde_json::Error, body: &[u8]) -> Failure<crate::Error> {
    let text = String::from_utf8_lossy(body);
    let end = (0..=text.len().min(MAX_SHOWN)).rfind(|at| text.is_char_boundary(*at));
    let shown = match &text[..end.unwrap_or_default()] {
        "" => "<empty>",
        shown => shown,
    };
    let cause = "could not parse JSON response as ServerJsonRpcMessage";
    unexpected(format!("{cause}: {error}: {shown}"))
}

fn unexpected(text: String) -> Failure<crate::Error> {
    Failure::UnexpectedServerResponse(text.into())
}

/// How much is shown of what is no message, in bytes.
const MAX_SHOWN: usize = 256;

/// What is shown where nothing could be read.
const UNREAD: &str = "<failed to read response body>";
