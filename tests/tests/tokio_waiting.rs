//! Logins that wait for their users: they cost neither threads nor ports longer than somebody waits.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::net::TcpStream;

use oauth_tests::world::Knobs;
use oauth_tokio::{Event, LoopbackBrowser, MemoryTokenStorage, OAuth};
use tokio::sync::mpsc;
use tokio_common::common::{LIST, PATIENCE, assert_sound, browser, logins, serve, silent_port};
use tokio_common::{SlowUser, builder, call, until};
use url::Url;

/// A browser that shows its pages to the test, and whose user does nothing.
fn idle() -> (LoopbackBrowser, mpsc::UnboundedReceiver<String>) {
    let (opened, pages) = mpsc::unbounded_channel();
    (LoopbackBrowser::new().open_with(move |url| opened.send(url.into()).is_ok()), pages)
}

/// Where the user of a page comes back to.
fn way_back(authorization_url: &str) -> String {
    let url = Url::parse(authorization_url).unwrap();
    let (_, redirect_uri) = url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap();
    Url::parse(&redirect_uri).unwrap().authority().into()
}

#[tokio::test]
async fn a_login_that_nobody_waits_for_any_more_closes_its_port() {
    let served = serve(Knobs::default());
    let (idle, mut pages) = idle();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(idle).build().unwrap();
    for _ in 0..2 {
        let asking = tokio::spawn({
            let oauth = oauth.clone();
            async move { oauth.authenticate().await }
        });
        let authority = way_back(&pages.recv().await.unwrap());
        assert!(TcpStream::connect(&authority).is_ok());
        asking.abort();
        until("the port is closed", || TcpStream::connect(&authority).is_err()).await;
    }
    assert!(oauth.shutdown(PATIENCE).await, "nothing goes on");
}

/// The page that is open is theirs, too.
#[tokio::test]
async fn a_login_that_somebody_else_waits_for_goes_on() {
    let served = serve(Knobs::default());
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let ask = |oauth: OAuth| tokio::spawn(async move { oauth.authenticate().await });
    let first = ask(oauth.clone());
    handle.at_page().await;
    let second = ask(oauth.clone());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    handle.consent();
    let token = second.await.unwrap().unwrap();
    assert_eq!(oauth.token().await.unwrap(), token);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

/// Whoever comes right after is not told that the login before was left.
#[tokio::test]
async fn a_caller_after_those_who_left_gets_a_login_of_their_own() {
    let served = serve(Knobs::default());
    let (idle, mut pages) = idle();
    let store = MemoryTokenStorage::new();
    let oauth = builder(&served, &store).user_agent(idle).build().unwrap();
    let first = tokio::spawn({
        let oauth = oauth.clone();
        async move { oauth.authenticate().await }
    });
    pages.recv().await.unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = tokio::spawn({
        let oauth = oauth.clone();
        async move { oauth.authenticate().await }
    });
    let page = pages.recv().await.unwrap();
    tokio::task::spawn_blocking(move || assert!(browser(&page))).await.unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

#[tokio::test]
async fn logins_that_need_one_port_wait_for_each_other() {
    let (first, second) = (serve(Knobs::default()), serve(Knobs::default()));
    let port = silent_port();
    let (idle, mut pages) = idle();
    let user_agent = idle.port(port);
    let one = builder(&first, &MemoryTokenStorage::new()).user_agent(user_agent).build().unwrap();
    let one = tokio::spawn(async move { one.authenticate().await });
    let page = pages.recv().await.unwrap();

    let (busy, mut is_busy) = mpsc::unbounded_channel();
    let other = builder(&second, &MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new().port(port).open_with(browser))
        .on_event(move |event| {
            if let Event::PortBusy { port } = event {
                busy.send(*port).unwrap();
            }
        })
        .build()
        .unwrap();
    let other = tokio::spawn(async move { other.authenticate().await });
    assert_eq!(is_busy.recv().await, Some(port));
    tokio::task::spawn_blocking(move || assert!(browser(&page))).await.unwrap();
    one.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
    assert_eq!((logins(&first), logins(&second)), (1, 1));
    assert_eq!(is_busy.recv().await, None, "it is said once");
}

#[tokio::test]
async fn nobody_waits_for_a_login_elsewhere_or_a_port_without_a_caller() {
    let served = serve(Knobs::default());
    let port = silent_port();
    let (idle, mut pages) = idle();
    let idle = idle.port(port);
    let store = MemoryTokenStorage::new();
    let holder = builder(&served, &store).user_agent(idle.clone()).build().unwrap();
    let _holds = tokio::spawn(async move { holder.authenticate().await });
    pages.recv().await.unwrap();
    for store in [store, MemoryTokenStorage::new()] {
        let (told, mut waits) = mpsc::unbounded_channel();
        let oauth = builder(&served, &store)
            .user_agent(idle.clone())
            .on_event(move |event| {
                if let Event::PortBusy { .. } | Event::LoginElsewhere = event {
                    told.send(()).unwrap();
                }
            })
            .build()
            .unwrap();
        let asking = tokio::spawn({
            let oauth = oauth.clone();
            async move { oauth.authenticate().await }
        });
        waits.recv().await.unwrap();
        asking.abort();
        assert!(oauth.shutdown(PATIENCE / 2).await);
    }
}

/// A process is asked for its threads in a way of its own on each system.
#[cfg(target_os = "linux")]
mod threads {
    use oauth_tokio::Browser;
    use tokio::task::JoinSet;

    use super::*;

    /// The threads of this process that have this name.
    fn threads(name: &str) -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|found| found.trim_end() == name).count()
    }

    #[tokio::test]
    async fn logins_that_wait_take_no_threads() {
        const LOGINS: usize = 200;
        let served = serve(Knobs::default());
        let (idle, _pages) = idle();
        let (at_page, mut arrivals) = mpsc::unbounded_channel();
        let oauth = builder(&served, &MemoryTokenStorage::new())
            .user_agent(idle)
            .wait(10 * PATIENCE)
            .on_event(move |event| {
                if let Event::Waiting(waiting) = event
                    && waiting.browser == Browser::Opened
                {
                    at_page.send(()).unwrap();
                }
            })
            .build()
            .unwrap();
        let mut asking = JoinSet::new();
        for user in 0..LOGINS {
            let oauth = oauth.for_profile(&user.to_string());
            asking.spawn(async move { oauth.authenticate().await });
        }
        for _ in 0..LOGINS {
            arrivals.recv().await.unwrap();
        }
        until("the browsers are open", || threads("oauth") == 0).await;
        asking.abort_all();
    }
}
