//! The head of every answer is seen: what it says beside its first line counts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::WWW_AUTHENTICATE;
use oauth_tests::world::{Knobs, ScopePolicy};
use oauth_tokio::{Event, MemoryTokenStorage, OAuth, reqwest};
use rmcp::model::{ClientJsonRpcMessage, ProtocolVersion};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use serde_json::json;

use crate::server::{Asked, PAUSE, Server};
use crate::tokio_common::common::{CALL, assert_sound, logins, serve, statuses};
use crate::tokio_common::{builder, client};
use crate::{INITIALIZE, bounded, config, connect_over, guarded, no_headers, open};

fn add() -> ClientJsonRpcMessage {
    let params = json!({"name": "add", "arguments": {"a": 19, "b": 23}});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": CALL, "params": params});
    serde_json::from_value(message).unwrap()
}

/// The challenge stands behind those for other schemes, each in a line.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_among_other_challenges_is_found() {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    served.rewrite(|_, answer| {
        if answer.status() == 403 {
            let own = answer.headers_mut().remove(WWW_AUTHENTICATE).unwrap();
            for line in [r#"Negotiate YWJj, Basic realm="mcp""#, r#"DPoP algs="ES256""#] {
                answer.headers_mut().append(WWW_AUTHENTICATE, line.parse().unwrap());
            }
            answer.headers_mut().append(WWW_AUTHENTICATE, own);
        }
    });
    let oauth = client(&served, &MemoryTokenStorage::new());
    let url = Arc::<str>::from(served.server_url());
    let send = |oauth: OAuth| {
        let url = Arc::clone(&url);
        async move { bounded(oauth.post_message(url, add(), None, None, no_headers())).await }
    };
    oauth.authenticate().await.unwrap();
    served.world().log.clear();

    let error = send(oauth.quiet()).await.unwrap_err();
    let StreamableHttpError::InsufficientScope(told) = &error else { panic!("{error:?}") };
    assert_eq!(told.get_required_scope(), Some("mcp:write"));
    let header = &told.www_authenticate_header;
    assert!(header.starts_with("Negotiate") && header.contains("insufficient_scope"), "{header}");

    let answer = send(oauth.clone()).await.unwrap();
    assert!(matches!(answer, StreamableHttpPostResponse::Json(..)), "{answer:?}");
    assert_eq!((statuses(&served, CALL), logins(&served)), (vec![403, 403, 200], 1));
    assert_eq!(served.world().scopes_asked(), [Some("mcp:basic mcp:write")]);
    assert_sound(&served);
}

#[tokio::test]
async fn every_answer_is_told() {
    let guarded = guarded(Knobs::default()).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    let builder = builder(&guarded, &MemoryTokenStorage::new()).on_event(move |event| {
        if let Event::Answered { method, authorized, status, .. } = event {
            tells.lock().unwrap().push(format!("{method} {authorized} {status}"));
        }
    });
    let oauth = builder.build().unwrap();
    let connected = open(&guarded, &oauth).await;
    connected.add().await.unwrap();
    connected.close().await;
    let expected = [
        "POST false 401",
        "POST true 200",
        "POST true 202",
        "GET true 200",
        "POST true 200",
        "DELETE true 202",
    ];
    assert_eq!(*told.lock().unwrap(), expected);

    // Also of a request with a token of the host's own.
    told.lock().unwrap().clear();
    let token = oauth.token().await.unwrap();
    let own = config(guarded.server_url()).auth_header(token.token());
    let transport = StreamableHttpClientTransport::with_client(oauth, own);
    connect_over(transport).await.unwrap().close().await;
    assert_eq!(told.lock().unwrap()[..2], ["POST true 200", "POST true 202"]);
}

/// The SDK would ask for what comes after the last event, which is the same again, as fast as it can.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_is_not_asked_for_again_and_again() {
    let too_large = || format!("data: {}\n\n", "x".repeat(600));
    let server = streaming(too_large, too_large);
    for (error, asked) in of_both(&server).await {
        assert_eq!((error.unwrap_err().as_str(), asked.len()), ("TransportClosed", 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_lost_goes_on_after_its_last_event() {
    let content = json!([{"type": "text", "text": "42"}]);
    let result = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": content}});
    let server = streaming(String::new, move || format!("data: {result}\n\n"));
    for (result, asked) in of_both(&server).await {
        assert_eq!(result.unwrap(), "42");
        let [asked] = &*asked else { panic!("{asked:?}") };
        assert!(asked.fields.contains("last-event-id: 7"), "{asked:?}");
    }
}

/// A server whose streams begin with an event that has a name. They go on like this, first and when they are asked
/// for again, and break off.
fn streaming(
    first: impl Fn() -> String + Send + 'static,
    again: impl Fn() -> String + Send + 'static,
) -> Server {
    let info = json!({"name": "world", "version": "0"});
    let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
    let result = json!({"protocolVersion": version, "capabilities": {}, "serverInfo": info});
    let initialized = json!({"jsonrpc": "2.0", "id": 0, "result": result}).to_string();
    Server::start(move |asked| {
        let is = |method: &str| asked.body.contains(&format!("\"method\":\"{method}\""));
        let head = |media: &str, length: usize| {
            format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n")
        };
        let stream = |rest| {
            let head = head("text/event-stream", 10_000);
            format!("{head}id: 7\ndata: \n\n{PAUSE}{rest}")
        };
        match () {
            () if is(INITIALIZE) => head("application/json", initialized.len()) + &initialized,
            () if is(CALL) => stream(first()),
            () if asked.line.starts_with("GET") => stream(again()),
            () => "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".into(),
        }
    })
}

/// What a call comes to, and the streams that are asked for: with the SDK's own HTTP, and with ours.
async fn of_both(server: &Server) -> [(Result<String, String>, Vec<Asked>); 2] {
    let ours = OAuth::new(&server.url).unwrap().token_storage(MemoryTokenStorage::new());
    [of(reqwest::Client::new(), server).await, of(ours.build().unwrap(), server).await]
}

async fn of<C: StreamableHttpClient + Sync>(
    client: C,
    server: &Server,
) -> (Result<String, String>, Vec<Asked>) {
    let mut config = config(server.url.to_string());
    config.max_sse_event_size = 500;
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let connected = connect_over(transport).await.unwrap();
    let result = connected.add().await.map_err(|error| format!("{error:?}"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let streams = server.take().into_iter().filter(|asked| asked.line.starts_with("GET"));
    (result, streams.collect())
}
