//! A process that is the client of very many users, while nothing happens.

use std::time::Duration;

use oauth_tests::brought::record_of;
use oauth_tokio::{Key, NoUserAgent, Profiles, Record, Records as _, Written};
use serde_json::json;

use crate::Size;
use crate::counted::Counted;
use crate::heap::Heap;
use crate::lines::grouped;
use crate::prepared::{APPLICATION, Schema, builder, user};
use crate::users::{elsewhere, now};

pub(crate) async fn measure(size: Size) -> Vec<[String; 2]> {
    let schema = Schema::new("idle").await;
    for number in 0..size.idle_users {
        let key = Key::grant(APPLICATION, &user(number), SERVER);
        let saved = schema.store.save(&key, &record(number), 0).await;
        assert_eq!(saved.expect("the store works"), Written::Done);
    }
    let statements = Counted::new();
    let nobody = NoUserAgent::new(elsewhere());
    let builder = builder(SERVER, &statements.store(&schema.name)).user_agent(nobody);
    let server = builder.build().expect("the settings fit together");
    let users = Profiles::new(server.clone()).at_most(size.idle_users + 1);
    // What one user has, all have.
    users.of(&server, &user(0)).token().await.expect("the stored token lives");
    statements.take();
    let before = Heap::now();
    for number in 1..size.idle_users {
        users.of(&server, &user(number)).token().await.expect("the stored token lives");
    }
    let held = Heap::now().live_bytes - before.live_bytes;
    assert_eq!(users.len(), size.idle_users, "all are kept");
    let looks = statements.take();
    assert_eq!(looks, size.idle_users as u64 - 1, "one look for each");
    tokio::time::sleep(Duration::from_secs(size.idle_seconds)).await;
    assert_eq!(statements.take(), 0, "nothing is asked while nothing happens");
    schema.drop().await;

    let each = held / (size.idle_users as u64 - 1);
    let tokens = (ACCESS + REFRESH) as u64;
    let besides = each.saturating_sub(tokens) * size.idle_users as u64;
    let most = LIMIT * size.idle_users as u64 / 10_000;
    assert!(besides <= most, "{besides} bytes besides tokens, and {most} are the limit");
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    vec![
        ["users in one process, all with a living token".into(), grouped(size.idle_users as u64)],
        ["statements for the first token of each".into(), "1".into()],
        [format!("statements in {} s in which nothing happens", size.idle_seconds), "0".into()],
        ["heap of each, bytes".into(), grouped(each)],
        [format!("… of these a token of {ACCESS} and one of {REFRESH} bytes"), grouped(tokens)],
        ["heap of all besides these tokens".into(), mib(besides)],
        ["… at most".into(), mib(most)],
    ]
}

fn record(number: usize) -> Record {
    let now = now();
    let tokens = json!({
        "access_token": format!("{number:0>ACCESS$}"),
        "refresh_token": format!("{number:0>REFRESH$}"),
        "token_type": "Bearer",
        "scope": "mcp:basic",
        "expires_at": now + 3600,
    });
    record_of(tokens, now)
}

/// Nothing is asked of it.
const SERVER: &str = "https://mcp.example/mcp";

/// How long the tokens are, in bytes.
const ACCESS: usize = 900;
const REFRESH: usize = 100;

/// Bytes besides the tokens, for 10,000 users.
const LIMIT: u64 = 64 << 20;
