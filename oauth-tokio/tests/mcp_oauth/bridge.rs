//! The bridge, between a host that speaks lines and servers that speak HTTP.

use std::time::{Duration, Instant};

use oauth_tests::guard::Guarded;
use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Grant, Knobs, What};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::command::{Bridge, Home};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

async fn begins(bridge: &mut Bridge) {
    bridge.says(INITIALIZE).await;
    let answer = bridge.hears().await;
    assert_eq!((&answer["id"], answer["result"].is_object()), (&json!(0), true), "{answer}");
    bridge.says(INITIALIZED).await;
}

async fn adds(bridge: &mut Bridge, id: u64) -> Value {
    let params = json!({ "name": "add", "arguments": { "a": 19, "b": 23 } });
    let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
    bridge.says(call.to_string()).await;
    loop {
        let answer = bridge.hears().await;
        if answer["id"] == id {
            return answer;
        }
    }
}

fn is_sum(answer: &Value) -> bool {
    answer["result"]["content"][0]["text"] == "42"
}

#[tokio::test]
async fn messages_go_through_whatever_they_say() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    let mut bridge = home.bridge(&[&url]);
    begins(&mut bridge).await;
    assert!(is_sum(&adds(&mut bridge, 1).await));
    for other in [&b"no JSON"[..], b"{\"id\":\"\xe9\"}"] {
        bridge.says(other).await;
        assert_eq!(bridge.hears().await["error"]["code"], -32700);
    }
    bridge.says(r#"{"jsonrpc":"2.0","id":"a","method":"nobody/knows"}"#).await;
    assert_eq!(bridge.hears().await["id"], "a");
    // The server forgets the token, and nobody is asked for another.
    served.world().revoke_access_tokens();
    assert!(is_sum(&adds(&mut bridge, 2).await));
    assert_eq!(served.world().count(What::Token(Grant::Refresh)), 1);
    assert_eq!(served.world().count(What::Authorize), 1);
    assert_eq!(bridge.ends().await, 0);
    assert_eq!(served.world().violations, [""; 0]);
}

#[tokio::test]
async fn a_call_that_needs_a_login_is_answered_with_an_error_where_no_page_may_open() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    let mut bridge = home.bridge(&["--no-login", &url]);
    bridge.says(INITIALIZE).await;
    let answer = bridge.hears().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(0), &json!(-32000)));
    let text = answer["error"]["message"].as_str().unwrap();
    assert!(text.contains("a login is needed"), "{text}");
    // Somebody logs in, beside it.
    assert_eq!(home.log_in(&url).await.code, 0);
    begins(&mut bridge).await;
    assert!(is_sum(&adds(&mut bridge, 1).await));
    assert_eq!(bridge.ends().await, 0);
}

#[tokio::test]
async fn a_session_that_the_server_has_forgotten_is_begun_anew() {
    let (served, home) = (Guarded::start(Knobs::default()).await.unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    let mut bridge = home.bridge(&[&url]);
    begins(&mut bridge).await;
    assert!(is_sum(&adds(&mut bridge, 1).await));
    for id in 2..5 {
        served.end_sessions().await;
        assert!(is_sum(&adds(&mut bridge, id).await), "after the end of session {id}");
    }
    assert_eq!(served.sessions().len(), 4);
    assert_eq!(bridge.ends().await, 0);
}

#[tokio::test]
async fn what_the_server_says_by_itself_arrives() {
    let (served, home) = (Guarded::start(Knobs::default()).await.unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    let mut bridge = home.bridge(&[&url]);
    begins(&mut bridge).await;
    // The stream for it is opened beside the calls.
    while served.world().count(What::Mcp("GET".into())) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    bridge
        .says(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"announce"}}"#)
        .await;
    let (first, second) = (bridge.hears().await, bridge.hears().await);
    let both = [&first, &second];
    assert!(both.iter().any(|it| it["method"] == "notifications/tools/list_changed"), "{both:?}");
    assert!(both.iter().any(|it| it["id"] == 1 && it["result"].is_object()), "{both:?}");
    assert_eq!(bridge.ends().await, 0);
}

/// Each call finds a token that has expired for the server, and all at once.
#[tokio::test]
async fn three_bridges_at_once_have_one_login_and_one_refresh_at_a_time() {
    let knobs = Knobs { access_lifetime: 3, ..Knobs::default() };
    let (served, home) = (Served::start(knobs).unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    let mut bridges: Vec<_> = (0..3).map(|_| home.bridge(&[&url])).collect();
    for bridge in &mut bridges {
        begins(bridge).await;
    }
    for id in 1..=20 {
        for bridge in &mut bridges {
            let answer = adds(bridge, id).await;
            assert!(is_sum(&answer), "{answer}");
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    for bridge in bridges {
        assert_eq!(bridge.ends().await, 0);
    }
    let world = served.world();
    assert_eq!((world.count(What::Authorize), world.reuses), (1, 0), "nobody was logged out");
    assert!(world.count(What::Token(Grant::Refresh)) >= 2);
    assert_eq!(world.violations, [""; 0]);
}

/// A login page is open, and nobody is there to see it.
#[tokio::test]
async fn arguments_stand_in_fields_where_the_tool_wants_that() {
    let answer = |headers: &str, message: &Value| {
        let properties = json!({ "region": { "type": "string", "x-mcp-header": "Region" } });
        let schema = json!({ "type": "object", "properties": properties });
        match message["method"].as_str() {
            Some("tools/list") => json!({ "tools": [{ "name": "query", "inputSchema": schema }] }),
            _ => json!({ "is_there": headers.contains("mcp-param-region: us-west1") }),
        }
    };
    let (url, home) = (serves(answer).await, Home::new());
    let mut bridge = home.bridge(&["--no-login", &url]);
    let arguments = json!({ "region": "us-west1" });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "query", "arguments": arguments } });
    for (message, is_there) in [
        (call.clone(), json!(false)),
        (json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }), Value::Null),
        (call, json!(true)),
    ] {
        bridge.says(message.to_string()).await;
        let answer = bridge.hears().await;
        assert_eq!(answer["result"]["is_there"], is_there, "{answer}");
    }
    assert_eq!(bridge.ends().await, 0);
}

/// A server without a login, which answers with what this says of the header fields and the message.
async fn serves(answer: impl Fn(&str, &Value) -> Value + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            let message: Value = loop {
                let length = stream.read(&mut buffer).await.unwrap();
                text += std::str::from_utf8(&buffer[..length]).unwrap();
                let body = text.split_once("\r\n\r\n").map(|(_, body)| serde_json::from_str(body));
                if let Some(Ok(message)) = body {
                    break message;
                }
            };
            let result = answer(&text, &message);
            let body =
                json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_host_that_leaves_takes_the_bridge_with_it() {
    let knobs = Knobs { consent: Consent::Page, ..Knobs::default() };
    let (served, home) = (Served::start(knobs).unwrap(), Home::new());
    let mut bridge = home.bridge(&[&served.server_url()]);
    bridge.says(INITIALIZE).await;
    let begun = Instant::now();
    assert_eq!(bridge.ends().await, 1);
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}
