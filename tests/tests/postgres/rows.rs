//! Rows that cannot be read, and rows of a later version.

use oauth_tokio::postgres::Tables;
use oauth_tokio::{GrantQuery, Loaded, Records as _, StorageError, Written};
use tokio::task::JoinSet;

use crate::database::{APPLICATION, Database, Way, assert_quiet, both, key, record};
use crate::remote::loaded;

/// Reads what cannot be read, and says where it is kept.
async fn set_aside(database: &Database) -> String {
    match database.store().load(&key("")).await.unwrap() {
        Loaded::Damaged { kept } => kept.into(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_row_is_kept_beside_and_a_new_one_takes_its_place() {
    both(|database| async move {
        let (store, key) = (database.store(), key(""));
        for (number, damage) in [
            "body = 'access-secret {'",
            "body = ''",
            "body = '\\xff00'",
            "generation = 17",
            "format = 0",
            "profile = 'somebody else'",
            "kind = 3",
        ]
        .into_iter()
        .enumerate()
        {
            let saved = database.saved(&key).await;
            database.sql(&format!("update mcp_oauth_grant set {damage}")).await;
            // Neither is it listed, nor does a list change anything.
            assert_eq!(store.list_all(&GrantQuery::new(APPLICATION)).await, Ok(vec![]), "{damage}");
            let place = format!("row {} of {}.mcp_oauth_damaged", number + 1, database.schema);
            assert_eq!(set_aside(&database).await, place, "{damage}");
            assert_eq!(loaded(&store, &key).await, None);
            let kept = "select number from mcp_oauth_damaged";
            assert_eq!(database.sql(kept).await.len(), number + 1);
            assert_eq!(store.save(&key, &saved, 0).await, Ok(Written::Done), "{damage}");
            store.erase(&key).await.unwrap();
        }
        let bodies = "select encode(body, 'escape') from mcp_oauth_damaged order by number";
        let bodies = database.sql(bodies).await;
        assert_eq!(bodies[0], ["access-secret {"]);
        assert!(bodies[3][0].contains("refresh-secret-1"));
    })
    .await;
}

#[tokio::test]
async fn what_a_later_version_wrote_is_left_alone() {
    both(|database| async move {
        let (store, key) = (database.store(), key(""));
        let saved = database.saved(&key).await;
        let next = record("2").replacing(saved.generation());
        database.sql("update mcp_oauth_grant set format = 2, body = 'sealed'").await;
        let row = "select generation, format, encode(body, 'escape') from mcp_oauth_grant";
        let before = database.sql(row).await;
        let place = format!("row {} of {}.mcp_oauth_grant", key.id(), database.schema);
        let newer = StorageError::Newer { place: place.into(), found: 2 };
        assert_eq!(store.load(&key).await, Err(newer.clone()));
        assert_eq!(store.save(&key, &record("2"), 0).await, Err(newer.clone()));
        assert_eq!(store.save(&key, &next, saved.generation()).await, Err(newer.clone()));
        assert_eq!(store.delete(&key, saved.generation()).await, Err(newer.clone()));
        assert_eq!(store.erase(&key).await, Err(newer));
        assert_eq!(store.list_all(&GrantQuery::new(APPLICATION)).await, Ok(vec![]));
        assert_eq!(database.sql(row).await, before);

        // A record of a later version in a row that does not say so.
        let body = r#"{"format": 9, "generation": 5}"#;
        database.sql(&format!("update mcp_oauth_grant set format = 1, body = '{body}'")).await;
        let error = store.load(&key).await.unwrap_err();
        assert!(matches!(error, StorageError::Newer { found: 9, .. }), "{error}");
        assert_eq!(database.sql(row).await[0][2], body);
    })
    .await;
}

#[tokio::test]
async fn the_tables_can_have_other_names_and_be_made_twice() {
    both(|database| async move {
        let tables = Tables::default().in_schema(&database.schema).unwrap();
        let store = database.store().tables(tables.with_prefix("acme").unwrap());
        store.create_tables().await.unwrap();
        store.create_tables().await.unwrap();
        assert_eq!(store.save(&key(""), &record("1"), 0).await, Ok(Written::Done));
        assert_eq!(loaded(&database.store(), &key("")).await, None);
        assert_eq!(database.value("select count(*) from acme_grant").await, "1");
        let indexes = "select count(*) from pg_indexes where schemaname = current_schema() \
                       and tablename = 'acme_grant'";
        assert_eq!(database.value(indexes).await, "3");
    })
    .await;
}

/// The detail of such an error of PostgreSQL has the whole row.
#[tokio::test]
async fn an_error_about_a_row_does_not_show_it() {
    both(|database| async move {
        database.sql("alter table mcp_oauth_grant add check (length(body) < 9) not valid").await;
        let error = database.store().save(&key(""), &record("1"), 0).await.unwrap_err();
        assert!(error.to_string().contains("violates check constraint"), "{error}");
        assert!(!error.to_string().contains("Failing row"), "{error}");
        assert_quiet(&error);
    })
    .await;
}

/// As the processes of a host do that start together: without the lock, some of them would be refused.
#[tokio::test(flavor = "multi_thread")]
async fn many_make_the_tables_at_once() {
    for way in [Way::Direct, Way::Pooled] {
        for _ in 0..5 {
            let database = Database::without_tables(way).await;
            let mut making = JoinSet::new();
            for _ in 0..8 {
                let store = database.store();
                making.spawn(async move { store.create_tables().await });
            }
            for made in making.join_all().await {
                assert_eq!(made, Ok(()));
            }
        }
    }
}
