//! Records: compare-and-swap, pages, and keys that no other store minds.

use std::time::Duration;

use oauth_core::session::{Key, KeyKind};
use oauth_tokio::{GrantQuery, Leases as _, Lock, Records as _, TokenStorage as _, Written};

use crate::database::{APPLICATION, both, key, record};
use crate::remote::loaded;

#[tokio::test]
async fn a_record_is_replaced_and_deleted_by_its_generation_only() {
    both(|database| async move {
        let (store, other) = (database.store(), database.store());
        let (key, first) = (key(""), record("1"));
        let second = record("2").replacing(first.generation());
        let nothing = Ok(Written::Conflict { stored: 0 });
        assert_eq!(loaded(&store, &key).await, None);
        assert_eq!(store.save(&key, &second, first.generation()).await, nothing);
        assert_eq!(store.delete(&key, 7).await, nothing);

        assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
        assert_eq!(loaded(&other, &key).await, Some(first.clone()));
        let stored = Ok(Written::Conflict { stored: first.generation() });
        assert_eq!(other.save(&key, &record("3"), 0).await, stored);
        assert_eq!(other.save(&key, &second, 7).await, stored);
        assert_eq!(other.delete(&key, 7).await, stored);
        assert_eq!(loaded(&store, &key).await, Some(first.clone()));

        assert_eq!(other.save(&key, &second, first.generation()).await, Ok(Written::Done));
        let stored = Ok(Written::Conflict { stored: second.generation() });
        assert_eq!(store.save(&key, &record("4"), first.generation()).await, stored);
        assert_eq!(store.delete(&key, first.generation()).await, stored);
        assert_eq!(loaded(&store, &key).await, Some(second.clone()));

        assert_eq!(store.delete(&key, second.generation()).await, Ok(Written::Done));
        assert_eq!(loaded(&other, &key).await, None);
        assert_eq!(store.delete(&key, second.generation()).await, nothing);
    })
    .await;
}

#[tokio::test]
async fn of_many_writers_one_wins_and_the_others_are_told_who() {
    both(|database| async move {
        let key = key("");
        for expected in [0, database.saved(&self::key("other")).await.generation()] {
            if expected != 0 {
                // The rounds are of an insert and of an update.
                let store = database.store();
                store.erase(&key).await.unwrap();
                assert_eq!(store.save(&key, &record("1"), 0).await, Ok(Written::Done));
            }
            let writers = (0..20).map(|number| {
                let (store, key) = (database.store(), key.clone());
                let record = record(&number.to_string()).replacing(expected);
                tokio::spawn(async move { (store.save(&key, &record, expected).await, record) })
            });
            let (mut won, mut told) = (Vec::new(), Vec::new());
            for writer in writers.collect::<Vec<_>>() {
                let (written, record) = writer.await.unwrap();
                match written.unwrap() {
                    Written::Done => won.push(record.generation()),
                    Written::Conflict { stored } => told.push(stored),
                }
            }
            assert_eq!(won.len(), 1);
            assert_eq!(told, [won[0]; 19]);
        }
    })
    .await;
}

#[tokio::test]
async fn grants_are_listed_by_pages_and_by_profile() {
    both(|database| async move {
        let store = database.store();
        let mut keys = Vec::new();
        for number in 0..25 {
            let profile = if number % 5 == 0 { "five" } else { "other" };
            let url = format!("https://mcp.example/{number}");
            let key = Key::grant(APPLICATION, profile, &url);
            assert_eq!(store.save(&key, &record("1"), 0).await, Ok(Written::Done));
            keys.push(key);
        }
        keys.sort_by_key(Key::id);
        // Neither of another program, nor a client.
        let others = Key::grant("Another program", "five", "https://mcp.example/0");
        let client = Key { kind: KeyKind::Client, ..keys[0].clone() };
        for key in [others, client] {
            assert_eq!(store.save(&key, &record("1"), 0).await, Ok(Written::Done));
        }
        let listed = |query: GrantQuery| {
            let store = store.clone();
            async move {
                let all = store.list_all(&query).await.unwrap();
                all.into_iter().map(|grant| grant.key).collect::<Vec<_>>()
            }
        };
        for limit in [1, 7, 25, 1000, usize::MAX] {
            assert_eq!(listed(GrantQuery::new(APPLICATION).limit(limit)).await, keys);
        }
        let query = GrantQuery::new(APPLICATION).profile("five");
        let fives: Vec<_> = keys.iter().filter(|key| &*key.profile == "five").cloned().collect();
        assert_eq!(fives.len(), 5);
        assert_eq!(listed(query.clone().limit(2)).await, fives);
        assert_eq!(listed(query.profile("nobody")).await, []);

        let first = store.list(&GrantQuery::new(APPLICATION).limit(7)).await.unwrap();
        assert_eq!(first.grants.len(), 7);
        assert_eq!(&*first.grants[0].issuer, "https://as.example");
        // What was deleted and added meanwhile moves nothing.
        store.erase(&first.grants[6].key).await.unwrap();
        let rest = GrantQuery::new(APPLICATION).after(first.next.unwrap());
        assert_eq!(listed(rest).await, keys[7..]);
        let foreign = oauth_tokio::Cursor::new("17");
        let error = store.list(&GrantQuery::new(APPLICATION).after(foreign)).await.unwrap_err();
        assert!(error.to_string().contains("another store"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_list_by_profile_is_looked_up() {
    let database = crate::database::Database::new(crate::database::Way::Direct).await;
    database
        .sql(
            "insert into mcp_oauth_grant (id, kind, app, profile, server_url, generation, format, body) \
             select sha256(n::text::bytea), 1, 'Store test', n::text::bytea, 'u', 1, 1, '{}' \
             from generate_series(1, 20000) n; analyze mcp_oauth_grant",
        )
        .await;
    let store = database.store();
    let started = std::time::Instant::now();
    let scans = "select coalesce(sum(idx_scan), 0) from pg_stat_user_indexes \
                 where schemaname = current_schema() and indexrelname = ";
    for (query, index) in [
        (GrantQuery::new(APPLICATION).profile("17"), "'mcp_oauth_by_profile'"),
        (GrantQuery::new(APPLICATION).limit(3), "'mcp_oauth_by_app'"),
    ] {
        store.list(&query).await.unwrap();
        // The statistics come late.
        while database.value(&format!("{scans}{index}")).await == "0" {
            assert!(started.elapsed() < Duration::from_secs(60), "{index}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            store.list(&query).await.unwrap();
        }
    }
}

#[tokio::test]
async fn any_text_can_be_a_profile_and_a_record_can_be_long() {
    both(|database| async move {
        let store = database.store();
        let long = "p".repeat(1 << 20);
        let odd = ["", "\0", "a\0b", "a", "ä", "A", "'; drop table x; --", "\u{10ffff}", &long];
        for profile in odd {
            let key = Key::grant("A\0pp", profile, "https://mcp.example/mcp/?q=\0");
            let record = record(profile.get(..1 << 19).unwrap_or("x"));
            assert_eq!(store.save(&key, &record, 0).await, Ok(Written::Done), "{profile:.9}");
            assert_eq!(loaded(&store, &key).await, Some(record), "{profile:.9}");
            let lease = store.try_lock(&key, Lock::Login).await.unwrap();
            assert!(lease.is_some(), "{profile:.9}");
            let query = GrantQuery::new("A\0pp").profile(profile);
            let grants = store.list_all(&query).await.unwrap();
            assert_eq!(grants.len(), 1, "{profile:.9}");
            assert_eq!(grants[0].key, key);
        }
        assert_eq!(store.list_all(&GrantQuery::new("A\0pp")).await.unwrap().len(), odd.len());
    })
    .await;
}

#[tokio::test]
async fn tokens_are_brought_and_deleted() {
    both(|database| async move {
        let (store, url) = (database.store(), "https://mcp.example/mcp");
        for name in ["1", "2"] {
            store.save_tokens(APPLICATION, url, record(name)).await.unwrap();
            let tokens = store.load_tokens(APPLICATION, url).await.unwrap();
            assert_eq!(tokens.as_ref(), record(name).tokens());
        }
        store.delete_tokens(APPLICATION, url).await.unwrap();
        store.delete_tokens(APPLICATION, url).await.unwrap();
        assert_eq!(store.load_tokens(APPLICATION, url).await.unwrap(), None);
    })
    .await;
}
