//! Users log in, all at once: their client is registered once, and each has a grant of their own.

use oauth_tokio::{Blocking, OAuth};
use tokio::task::JoinSet;

use crate::browser;
use crate::database::Database;
use crate::server::Server;
use crate::tokio_common::common::{APPLICATION, ELSEWHERE, visitor_who};

pub(super) async fn log_in(server: &Server, database: &Database, many: usize) -> Vec<String> {
    let users: Vec<_> = (0..many).map(|number| format!("user-{number}")).collect();
    let (url, store) = (&server.url, database.store());
    let mut logins = JoinSet::new();
    for user in users.clone() {
        let consents = visitor_who(|url| Ok(browser::lead(url.as_str(), ELSEWHERE).unwrap()));
        let builder = OAuth::new(url).unwrap().application(APPLICATION).profile(&user);
        let builder = builder.token_storage(store.clone()).user_agent(Blocking::new(consents));
        let oauth = builder.build().unwrap();
        logins.spawn(async move { oauth.authenticate().await });
    }
    while let Some(done) = logins.join_next().await {
        done.unwrap().unwrap();
    }
    let requests = server.requests();
    let registered = requests.iter().filter(|request| *request == "POST /reg 201").count();
    assert_eq!(registered, 1, "one client for all");
    users
}
