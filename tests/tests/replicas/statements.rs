//! What a refresh asks of the database.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_tests::world::Knobs;
use oauth_tokio::postgres::{Answer, Parameter, Reconnecting, Statements};
use tokio_postgres::NoTls;

use crate::database::{Database, Way};
use crate::tokio_common::common::{LIST, PATIENCE, assert_sound, refreshes, serve};
use crate::tokio_common::{call, client, logged_in};

/// Runs statements, and writes down which.
struct Counted {
    inner: Reconnecting,
    seen: Mutex<Vec<&'static str>>,
}

impl Counted {
    fn new(database: &Database) -> Arc<Self> {
        let inner = Reconnecting::to(database.way.config(), NoTls);
        Arc::new(Self { inner, seen: Mutex::default() })
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Statements for Counted {
    fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a> {
        let kind = match kind(statement) {
            "load" if of_client(parameters) => "load the shared client",
            kind => kind,
        };
        self.seen.lock().unwrap().push(kind);
        self.inner.run(statement, parameters)
    }
}

/// What a statement is for.
pub(crate) fn kind(statement: &str) -> &'static str {
    let word = statement.split(' ').next().unwrap();
    match (word, statement.contains("_lease\"")) {
        ("select", false) => "load",
        ("select", true) => "look",
        ("insert", true) => "take",
        ("update", true) if statement.contains("spending") => "reserve",
        ("update", true) => "extend",
        ("delete", true) => "release",
        ("insert" | "update", false) => "save",
        _ => "other",
    }
}

/// Whether a record is that of a client that profiles share.
fn of_client(parameters: &[Parameter<'_>]) -> bool {
    matches!(parameters.get(1), Some(Parameter::Number(kind)) if *kind > 2)
}

#[tokio::test]
async fn a_refresh_asks_seven_things_and_nobody_asks_anything_in_vain() {
    let database = Database::new(Way::Direct).await;
    let served = serve(Knobs::default());
    drop(logged_in(&served, &database.store()).await);
    let statements = Counted::new(&database);
    let oauth = client(&served, &database.over(statements.clone()));
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    println!("first call of a process: {:?}", statements.take());
    for _ in 0..10 {
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_eq!(statements.take(), [""; 0]);

    for round in 1..=3 {
        served.world().revoke_access_tokens();
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
        assert!(oauth.shutdown(PATIENCE).await);
        let seen = statements.take();
        println!("a refresh: {} statements, {seen:?}", seen.len());
        let six = ["load", "take", "load", "reserve", "save", "release"];
        // That the client is good is known then, and written down if somebody has doubted it.
        assert_eq!(seen, [&six[..], &["load the shared client"]].concat());
        assert_eq!(refreshes(&served), round);
    }
    // What another process has refreshed is read.
    served.world().revoke_access_tokens();
    let other = client(&served, &database.store());
    assert_eq!(call(&other, &served, LIST).await.unwrap(), 200);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    let seen = statements.take();
    println!("the refresh of another: {} statements, {seen:?}", seen.len());
    assert!(seen.len() <= 4, "{seen:?}");

    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(statements.take(), [""; 0]);
    assert_sound(&served);
}
