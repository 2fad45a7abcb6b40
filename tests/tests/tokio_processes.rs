//! Several processes and one directory: each child is this test program again, told by a variable what
//! to do.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::{
    Blocking, FileTokenStorage, NoUserAgent, OAuth, OAuthBuilder, PendingLogin, RedirectUri,
};
use tokio::task::JoinSet;
use tokio_common::common::{
    APPLICATION, LIST, PATIENCE, age, assert_sound, expire, key, logins, refreshes, serve,
    statuses, stored_token, visitor,
};
use tokio_common::{Directory, call, handed_out, headless, logged_in, post, redirect};

const PROCESSES: usize = 4;
const TASKS: usize = 250;

/// What a child is told: the server, the directory, and the rest.
const SERVER: &str = "OAUTH_TEST_SERVER";
const DIRECTORY: &str = "OAUTH_TEST_DIRECTORY";
const PENDING: &str = "OAUTH_TEST_PENDING";
const QUERY: &str = "OAUTH_TEST_QUERY";

/// Starts a child that runs a test of this name as its other half.
fn child(test: &str, served: &Served, directory: &Directory) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test])
        .env(SERVER, served.server_url())
        .env(DIRECTORY, directory.store().directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    command
}

fn succeeded(child: Child) {
    // Closes its standard input, for which it waits.
    assert!(child.wait_with_output().unwrap().status.success());
}

/// The child's client, if this is a child.
fn told() -> Option<(String, OAuthBuilder)> {
    let url = std::env::var(SERVER).ok()?;
    let store = FileTokenStorage::in_dir(std::env::var_os(DIRECTORY).unwrap());
    let builder =
        OAuth::new(&url).unwrap().application(APPLICATION).token_storage(store).wait(PATIENCE);
    Some((url, builder))
}

/// Many tasks call once the parent lets them.
async fn call_at_once(url: String, builder: OAuthBuilder) {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let oauth = builder.user_agent(Blocking::new(visitor())).build().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (oauth, url) = (oauth.clone(), url.clone());
        tasks.spawn(async move { post(&oauth, &url, LIST).await.unwrap().0 });
    }
    assert_eq!(tasks.join_all().await, [200; TASKS]);
    assert!(oauth.shutdown(PATIENCE).await);
}

/// Spoils the stored token, and lets the children call: there is one refresh.
async fn refresh_once(test: &str, spoil: impl FnOnce(&Served, &FileTokenStorage)) {
    if let Some((url, builder)) = told() {
        return call_at_once(url, builder).await;
    }
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(logged_in(&served, &directory.store()).await);
    spoil(&served, &directory.store());
    served.delay_tokens(Duration::from_millis(20));
    let started = || child(test, &served, &directory).spawn().unwrap();
    let mut children: Vec<_> = (0..PROCESSES).map(|_| started()).collect();
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    tokio::task::spawn_blocking(|| children.into_iter().for_each(succeeded)).await.unwrap();
    let sent = statuses(&served, LIST);
    let answered = sent.iter().filter(|status| **status == 200).count();
    assert_eq!(answered, PROCESSES * TASKS);
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    assert_eq!(served.world().oauth_requests(), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn processes_with_a_token_that_has_just_expired_refresh_once() {
    let test = "processes_with_a_token_that_has_just_expired_refresh_once";
    refresh_once(test, |served, store| expire(store, &key(served))).await;
}

#[tokio::test]
async fn processes_that_are_refused_with_the_same_old_token_refresh_once() {
    let test = "processes_that_are_refused_with_the_same_old_token_refresh_once";
    refresh_once(test, |served, _| served.world().revoke_access_tokens()).await;
}

#[tokio::test]
async fn processes_whose_token_is_about_to_run_out_refresh_once() {
    let test = "processes_whose_token_is_about_to_run_out_refresh_once";
    let left = Duration::from_secs(20);
    refresh_once(test, |served, store| age(store, &key(served), left)).await;
}

#[tokio::test]
async fn a_login_is_handed_out_and_finished_by_another_process() {
    if let Some((_, builder)) = told() {
        let redirect_uri = RedirectUri::parse("https://host.example.com/callback").unwrap();
        let oauth = builder.user_agent(NoUserAgent::new(redirect_uri)).build().unwrap();
        let pending = std::env::var(PENDING).unwrap();
        let pending: PendingLogin = serde_json::from_str(&pending).unwrap();
        oauth.resume(pending, &std::env::var(QUERY).unwrap()).await.unwrap();
        return;
    }
    let test = "a_login_is_handed_out_and_finished_by_another_process";
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let oauth = headless(&served, &directory.store());
    let error = handed_out(call(&oauth, &served, LIST).await);
    let mut other = child(test, &served, &directory);
    other.env(PENDING, serde_json::to_string(&error.pending).unwrap());
    other.env(QUERY, redirect(&error.connect_url).await);
    tokio::task::spawn_blocking(move || succeeded(other.spawn().unwrap())).await.unwrap();
    assert!(stored_token(&directory.store(), &key(&served)).is_some());
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [401, 200]);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}
