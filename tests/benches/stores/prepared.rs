//! What is made before anything is measured: a schema with the tables, servers, and users who have logged in.

use std::env;
use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::{Grant, Knobs, What};
use oauth_tokio::postgres::tokio_postgres::{Client, Config, NoTls};
use oauth_tokio::postgres::{PostgresStorage, Tables};
use oauth_tokio::{Blocking, Key, Loaded, OAuth, OAuthBuilder, Records as _, UserAgentFn, Written};
use tokio::runtime::{Builder, Runtime};

use crate::counted::Counted;
use crate::users::{aged, elsewhere, redirect};

/// Where the database is, and who we are there.
pub(crate) const URL: &str = "STORES_POSTGRES";

/// The program that all clients are.
pub(crate) const APPLICATION: &str = "bench";

pub(crate) fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("there are threads on this machine")
}

pub(crate) fn config() -> Config {
    let url = env::var(URL).expect("the database is there");
    url.parse().expect("it is a URL of a database")
}

pub(crate) fn tables(schema: &str) -> Tables {
    Tables::default().in_schema(schema).expect("it is a name of a schema")
}

/// A schema with the tables.
pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) store: PostgresStorage,
    admin: Client,
}

impl Schema {
    pub(crate) async fn new(name: &str) -> Self {
        let (admin, connection) = config().connect(NoTls).await.expect("the database is there");
        tokio::spawn(connection);
        let name = format!("bench_{}_{name}", std::process::id());
        let made = admin.batch_execute(&format!("create schema {name}")).await;
        made.expect("a schema can be made");
        let store = Counted::new().store(&name);
        store.create_tables().await.expect("tables can be made");
        Self { name, store, admin }
    }

    pub(crate) async fn drop(self) {
        let gone = self.admin.batch_execute(&format!("drop schema {} cascade", self.name)).await;
        gone.expect("a schema can be dropped");
    }
}

/// Who may be asked for a token at one server, and have all logged in.
pub(crate) struct Group {
    pub(crate) served: Served,
    pub(crate) users: Vec<String>,
}

impl Group {
    /// A server looks through all of its tokens at each request, so it gets few users.
    pub(crate) async fn all(schema: &Schema, users: usize) -> Vec<Self> {
        let mut groups = Vec::new();
        let all: Vec<_> = (0..users).map(user).collect();
        for users in all.chunks(USERS_OF_A_SERVER) {
            let served = Served::start(Knobs::default()).expect("there are ports on this machine");
            for user in users {
                let agent = Blocking::new(UserAgentFn::new(elsewhere(), redirect));
                let builder = builder(&served.server_url(), &schema.store).user_agent(agent);
                let oauth = builder.profile(user).build().expect("the settings fit together");
                oauth.authenticate().await.expect("the user consents");
            }
            served.delay_tokens(SLOWLY);
            groups.push(Self { served, users: users.into() });
        }
        groups
    }

    /// Lets the tokens expire that are stored. Who has them in memory goes on with that: make another client.
    pub(crate) async fn expire(&self, store: &PostgresStorage) {
        for user in &self.users {
            let key = Key::grant(APPLICATION, user, &self.served.server_url());
            let Ok(Loaded::Record(record)) = store.load(&key).await else {
                panic!("there is no record of {user}");
            };
            let aged = aged(&record, 0);
            let saved = store.save(&key, &aged, record.generation()).await;
            assert_eq!(saved.expect("the store works"), Written::Done);
        }
    }

    /// How many refreshes were asked for since it was asked last.
    pub(crate) fn take_refreshes(&self) -> usize {
        let mut world = self.served.world();
        assert_eq!(world.violations, [""; 0]);
        assert_eq!(world.reuses, 0, "a refresh token was spent twice");
        let refreshes = world.count(What::Token(Grant::Refresh));
        world.log.clear();
        refreshes
    }
}

pub(crate) fn user(number: usize) -> String {
    format!("user-{number}")
}

pub(crate) fn builder(url: &str, store: &PostgresStorage) -> OAuthBuilder {
    let builder = OAuth::new(url).expect("the server's URL is one").application(APPLICATION);
    builder.token_storage(store.clone())
}

const USERS_OF_A_SERVER: usize = 5;

/// How long the token endpoint takes for its answer.
pub(crate) const SLOWLY: Duration = Duration::from_millis(20);
