//! Our HTTP for the SDK beside the SDK's own: both send the same, and make the same of every answer.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use oauth_tokio::reqwest::header::{HeaderName, HeaderValue};
use oauth_tokio::{HttpClient, MemoryTokenStorage, OAuth, reqwest};
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    StreamableHttpResponseLimits,
};
use serde_json::{Value, json};

use crate::server::Server;
use crate::{bounded, no_headers};

/// What a client can be asked to send.
enum What {
    Message { message: Value, session: Option<&'static str> },
    Stream { last_event: Option<&'static str> },
    End,
}

fn all() -> Vec<What> {
    let request = |method: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method});
    let discover = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}});
    let notice = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let message = |message: Value, session| What::Message { message, session };
    vec![
        message(request("tools/list"), None),
        message(request("tools/list"), Some("one")),
        message(discover.clone(), None),
        message(discover, Some("one")),
        message(notice, Some("one")),
        What::Stream { last_event: None },
        What::Stream { last_event: Some("7") },
        What::End,
    ]
}

/// Sends it, and says what came of it.
async fn outcome<C: StreamableHttpClient>(
    client: &C,
    url: &Arc<str>,
    what: &What,
    fields: HashMap<HeaderName, HeaderValue>,
) -> String {
    let url = Arc::clone(url);
    let (mut limits, session) = (StreamableHttpResponseLimits::default(), || Some("one".into()));
    limits.max_sse_event_size = 100;
    limits.max_json_response_size = 100;
    limits.max_error_response_size = 10;
    let max = limits.max_sse_event_size;
    let outcome = match what {
        What::Message { message, session } => {
            let message: ClientJsonRpcMessage = serde_json::from_value(message.clone()).unwrap();
            let session = session.map(Into::into);
            client
                .post_message_with_response_limits(url, message, session, None, fields, limits)
                .await
        }
        What::Stream { last_event } => {
            let last_event = last_event.map(Into::into);
            client
                .get_stream_with_max_sse_event_size(url, session(), last_event, None, fields, max)
                .await
                .map(|stream| StreamableHttpPostResponse::Sse(stream, None))
        }
        What::End => client
            .delete_session(url, "one".into(), None, fields)
            .await
            .map(|()| StreamableHttpPostResponse::Accepted),
    };
    let outcome = match outcome {
        Ok(StreamableHttpPostResponse::Accepted) => return "accepted".into(),
        Ok(answer) => answer.expect_initialized::<C::Error>().await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(message) => format!("{message:?}"),
        Err(StreamableHttpError::Client(error)) => format!("client: {:?}", status(&error)),
        // Its text is of each.
        Err(StreamableHttpError::Sse(_)) => "a broken stream".into(),
        Err(error) => format!("{error:?}"),
    }
}

/// The status behind an error, if that is what it is about.
fn status(error: &(dyn std::error::Error + 'static)) -> Option<u16> {
    match error.downcast_ref::<reqwest::Error>() {
        Some(error) => error.status().map(|status| status.as_u16()),
        None => error.source().and_then(status),
    }
}

const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
const ERROR: &str =
    r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32000,"message":"no"}}"#;
const JSON: &str = "content-type: application/json";
const EVENTS: &str = "content-type: text/event-stream";
const TEXT: &str = "content-type: text/plain";
const BEARER: &str = r#"www-authenticate: Bearer realm="mcp", scope="a b""#;

/// Status line, fields and body. What is marked is cut off after that.
fn answers() -> Vec<(&'static str, Vec<&'static str>, String)> {
    let large = format!("{{{}}}", " ".repeat(100));
    let event = |data: &str| format!("data: {data}\n\n");
    let mut answers = Vec::new();
    let mut add = |status, fields: &[&'static str], body: &str| {
        answers.push((status, fields.to_vec(), body.to_owned()));
    };
    for fields in [
        &[JSON, "mcp-session-id: two"][..],
        &["content-type: Application/JSON \t; charset=utf-8"],
        &["content-type: application/jsonx"],
        &["content-type: application/json, text/event-stream"],
        &[EVENTS, "mcp-session-id: two"],
        &["content-type: Text/Event-Stream;charset=utf-8"],
        &[TEXT],
        &[],
    ] {
        for body in [RESULT, ERROR, "", "{}", "<html>", "{\"jsonrpc\":", &large, &event(RESULT)] {
            add("200 OK", fields, body);
        }
    }
    for body in [
        event("") + &event(RESULT),
        event(ERROR),
        event("no JSON"),
        event(&large),
        format!(": comment\r\rid: 7\rdata: {RESULT}\r\r"),
        "no line\n\n".into(),
    ] {
        add("200 OK", &[EVENTS], &body);
    }
    for status in ["201 Created", "202 Accepted", "204 No Content", "206 Partial Content"] {
        add(status, &[JSON], if status.starts_with("204") { "" } else { RESULT });
    }
    for status in [
        "301 Moved Permanently",
        "304 Not Modified",
        "307 Temporary Redirect",
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "406 Not Acceptable",
        "410 Gone",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "503 Service Unavailable",
        "599 What",
    ] {
        let elsewhere = "location: http://elsewhere.invalid/";
        for body in [ERROR, RESULT, "{}", &large, "a long text\u{e9}", ""] {
            add(status, &[JSON, elsewhere, "retry-after: 9"], body);
            add(status, &[TEXT, elsewhere], body);
        }
        let long = concat!(
            "retry-after: 9999999999999999999999999999999999999999999999999999999",
            "99999999999999999999999999999999999999999999999999999999999999999999999999999999999"
        );
        add(status, &[long], "no type");
        add(status, &[JSON, LOST], "{");
        add(status, &[TEXT, LOST], "ab");
        add(status, &[BEARER, JSON], ERROR);
    }
    add("200 OK", &[JSON, LOST], "{");
    add("200 OK", &[EVENTS, LOST], "data: 1\n");
    add("401 Unauthorized", &[BEARER, JSON], ERROR);
    add("403 Forbidden", &["www-authenticate: Bearer scope=a"], "");
    add("403 Forbidden", &["www-authenticate: Basic realm=\"mcp\""], "");
    answers
}

/// More is announced than comes.
const LOST: &str = "x-lost: yes";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_means_what_it_means_to_the_sdks_own_client() {
    let answer = Arc::new(Mutex::new(String::new()));
    let server = Server::start({
        let answer = Arc::clone(&answer);
        move |_| answer.lock().unwrap().clone()
    });
    let no_redirects = reqwest::redirect::Policy::none();
    let theirs = reqwest::Client::builder().redirect(no_redirects).build().unwrap();
    let http = HttpClient::new(|http| http).unwrap();
    let mut shapes = BTreeSet::new();
    for (status, fields, body) in answers() {
        let length = body.len() + if fields.contains(&LOST) { 9 } else { 0 };
        let fields: String = fields.iter().map(|line| format!("{line}\r\n")).collect();
        let length = format!("content-length: {length}\r\n");
        *answer.lock().unwrap() = format!("HTTP/1.1 {status}\r\n{length}{fields}\r\n{body}");
        // It knows nothing yet.
        let ours = OAuth::new(&server.url).unwrap().http_client(http.clone());
        let ours = ours.token_storage(MemoryTokenStorage::new()).build().unwrap().quiet();
        for what in all() {
            let expected = bounded(outcome(&theirs, &server.url, &what, no_headers())).await;
            let sent = server.take();
            let outcome = bounded(outcome(&ours, &server.url, &what, no_headers())).await;
            assert_eq!(outcome, expected, "{status} {fields} {body}");
            assert_eq!(server.take(), sent, "{status} {fields} {body}");
            shapes.insert(expected.split(['(', ' ', '{']).next().unwrap().to_owned());
        }
    }
    // What was compared is not the same each time.
    assert!(shapes.len() > 10, "{shapes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_own_fields_are_sent_as_the_sdks_own_client_sends_them() {
    let server = Server::start(|_| "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".into());
    let ours = OAuth::new(&server.url).unwrap().token_storage(MemoryTokenStorage::new());
    let (ours, theirs) = (ours.build().unwrap(), reqwest::Client::new());
    for name in [
        "x-own",
        "content-type",
        "authorization",
        "mcp-protocol-version",
        "accept",
        "mcp-session-id",
        "last-event-id",
    ] {
        let name = HeaderName::from_static(name);
        let fields = || HashMap::from([(name.clone(), HeaderValue::from_static("own"))]);
        for what in all() {
            let expected = bounded(outcome(&theirs, &server.url, &what, fields())).await;
            let sent = server.take();
            assert_eq!(bounded(outcome(&ours, &server.url, &what, fields())).await, expected);
            assert_eq!(server.take(), sent, "{name}");
        }
    }
}
