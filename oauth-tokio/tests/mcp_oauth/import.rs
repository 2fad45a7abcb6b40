//! Logins of other programs, as each of them writes them down: the access token has expired, and the refresh token is good.

use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, What};
use serde_json::{Value, json};

use crate::command::Home;

/// What a program has stored.
struct Stored {
    program: &'static str,
    /// What is said on the command line.
    place: &'static str,
    files: Vec<(String, Value)>,
}

#[tokio::test]
async fn the_login_of_another_program_goes_on_without_a_page() {
    for of_server in [mcp_remote, mcp_use, rmcp, fastmcp_before_2_13, fastmcp] {
        let served = Served::start(Knobs::default()).unwrap();
        let (theirs, home, url) = (Home::new(), Home::new(), served.server_url());
        assert_eq!(theirs.log_in(&url).await.code, 0);
        let Stored { program, place, files } = of_server(&url);
        for (name, value) in &files {
            let path = theirs.write(name, &value.to_string());
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
        }
        let import = ["import", program, &theirs.path(place), "--url", &url];
        let imported = home.run(&import).await;
        assert_eq!(imported.code, 0, "{program} {imported:?}");
        assert!(imported.out.contains("end the other program's login"), "{imported:?}");
        assert_eq!(home.run(&["token", &url]).await.out, "at-2-auth\n", "{program}");
        assert_eq!(served.world().count(What::Authorize), 1, "only theirs");
        let again = home.run(&import).await;
        assert_eq!(again.code, 2, "{again:?}");
        // The client that is left is no login.
        assert_eq!(home.run(&["logout", &url]).await.code, 0);
        assert_eq!(home.run(&import).await.code, 0, "{program}");
        assert_eq!(served.world().violations, [""; 0]);
    }
}

#[tokio::test]
async fn what_cannot_be_imported_is_said_without_what_is_in_it() {
    let (home, url) = (Home::new(), "https://a.example/mcp");
    home.write("x_tokens.json", r#"{"access_token": 5"#);
    home.write("half.json", r#"{"client_id": "c"}"#);
    home.write("bound_tokens.json", r#"{"access_token": "secret", "token_type": "DPoP"}"#);
    home.write("bound_client_info.json", r#"{"client_id": "c"}"#);
    home.write("empty/readme", "");
    let encrypted = json!({ "value": { "__encrypted_data__": "gAAAsecret" } }).to_string();
    for (name, _) in fastmcp(url).files {
        home.write(&name, &encrypted);
    }
    for (program, place, said) in [
        ("mcp-remote", "x_tokens.json", "No such file"),
        ("mcp-use", "nothing.json", "nothing"),
        ("rmcp", "x_tokens.json", "it is no JSON"),
        ("rmcp", "half.json", "it is no JSON object"),
        ("mcp-remote", "bound_tokens.json", "bound to a key"),
        ("fastmcp", "x_tokens.json", "it is no JSON"),
        ("fastmcp", "empty", "it is no FileTreeStore"),
        ("fastmcp", "store", "it is encrypted with a key of FastMCP's"),
    ] {
        let ended = home.run(&["import", program, &home.path(place), "--url", url]).await;
        assert_eq!(ended.code, 2, "{program} {place} {ended:?}");
        assert!(ended.err.contains(said) && !ended.err.contains("secret"), "{program} {ended:?}");
    }
    let other = ["import", "fastmcp", &home.path("store"), "--url", "https://b.example/mcp"];
    let ended = home.run(&other).await;
    assert!(ended.code == 2 && ended.err.contains("no tokens for https://b"), "{ended:?}");
}

fn client() -> Value {
    json!({ "client_id": "client-1", "redirect_uris": ["http://127.0.0.1:1/callback"] })
}

fn tokens(name: &str, value: impl Into<Value>) -> Value {
    let mut tokens = json!({
        "access_token": "at-1-auth", "refresh_token": "rt-1-auth", "scope": "mcp:basic", "token_type": "Bearer",
    });
    tokens[name] = value.into();
    tokens
}

fn mcp_remote(_: &str) -> Stored {
    let tokens = tokens("expires_at", 1_700_000_000_000_u64);
    let (place, beside) = ("mcp-remote-v1/ab_tokens.json", "mcp-remote-v1/ab_client_info.json");
    let files = vec![(place.into(), tokens), (beside.into(), client())];
    Stored { program: "mcp-remote", place, files }
}

fn mcp_use(_: &str) -> Stored {
    let tokens = tokens("expires_at", 1_700_000_000.25);
    let (place, beside) = ("tokens/mcp_x.json", "tokens/registrations/mcp_x_registration.json");
    let files = vec![(place.into(), tokens), (beside.into(), client())];
    Stored { program: "mcp-use", place, files }
}

fn rmcp(_: &str) -> Stored {
    let credentials = json!({
        "client_id": "client-1", "token_response": tokens("expires_in", 60),
        "granted_scopes": ["mcp:basic"], "token_received_at": 1_700_000_000,
    });
    let place = "credentials.json";
    Stored { program: "rmcp", place, files: vec![(place.into(), credentials)] }
}

fn fastmcp_before_2_13(_: &str) -> Stored {
    let payload = tokens("expires_in", 3600);
    let tokens = json!({
        "data": { "token_payload": payload, "expires_at": "2023-11-14T22:13:21Z" }, "timestamp": 1_700_000_000.5,
    });
    let client = json!({ "data": client(), "timestamp": 1_700_000_000.5 });
    let (place, beside) = ("http_127_0_0_1_tokens.json", "http_127_0_0_1_client_info.json");
    let files = vec![(place.into(), tokens), (beside.into(), client)];
    Stored { program: "fastmcp", place, files }
}

/// As its 4.2.3 named and wrote them for this server.
fn fastmcp(url: &str) -> Stored {
    let kept = |value: Value| json!({ "created_at": "2023-11-14T22:13:20+00:00", "value": value, "version": 1 });
    let is_sign = |at: char| !at.is_ascii_alphanumeric();
    let url = url.split(is_sign).filter(|it| !it.is_empty()).collect::<Vec<_>>().join("_");
    let file = |of: &str, kind: &str| format!("store/S_mcp_oauth_{of}/S_{url}_{kind}.json");
    let files = vec![
        (file("token-3a009b34", "tokens-0c87656f"), kept(tokens("expires_in", 3600))),
        (file("client_info-92af0fc1", "client_info-d24d31c3"), kept(client())),
        ("store/S_mcp_oauth_token-3a009b34-info.json".into(), json!({ "version": 1 })),
    ];
    Stored { program: "fastmcp", place: "store", files }
}
