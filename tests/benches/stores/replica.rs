//! One of several processes: with each line `round` of its standard input it asks for the tokens of all users at once, as a
//! process that was just started. It says how long each had to wait, and how many statements that took.

use std::io::{self, BufRead as _, Write as _};
use std::time::{Duration, Instant};

use oauth_tokio::{HttpClient, NoUserAgent, OAuth};
use tokio::task::JoinSet;

use crate::counted::Counted;
use crate::prepared::{builder, runtime};
use crate::users::elsewhere;

/// The first argument of such a process; then come the schema, and USER=URL for each user.
pub(crate) const FLAG: &str = "--replica";

pub(crate) fn run(schema: &str, users: &[String]) {
    let statements = Counted::new();
    let store = statements.store(schema);
    let http = HttpClient::new(|http| http).expect("there is a TLS backend");
    let handles = || -> Vec<OAuth> {
        let handle = |of: &String| {
            let (user, url) = of.split_once('=').expect("it is USER=URL");
            let builder = builder(url, &store).http_client(http.clone()).profile(user);
            let nobody = NoUserAgent::new(elsewhere());
            builder.user_agent(nobody).wait(PATIENCE).build().expect("the settings fit together")
        };
        users.iter().map(handle).collect()
    };
    let runtime = runtime();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        assert_eq!(line, "round");
        let waits = runtime.block_on(ask(handles()));
        let mut said: String = waits.iter().map(|wait| format!("{} ", wait.as_micros())).collect();
        said.push_str(&format!("{}\n", statements.take()));
        io::stdout().write_all(said.as_bytes()).expect("somebody listens");
    }
}

/// How long each waits for its token, all at once, until what they began is at its end.
async fn ask(handles: Vec<OAuth>) -> Vec<Duration> {
    let mut all = JoinSet::new();
    for oauth in handles {
        all.spawn(async move {
            let begun = Instant::now();
            oauth.token().await.expect("there is a token");
            let waited = begun.elapsed();
            assert!(oauth.shutdown(PATIENCE).await);
            waited
        });
    }
    all.join_all().await
}

/// Many times what anything takes.
const PATIENCE: Duration = Duration::from_secs(120);
