//! The listeners on real sockets: whatever else comes to the port, the right redirect ends the wait.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use common::{
    Events, LIST, PATIENCE, assert_sound, browser, builder, call, location, logins, serve,
};
use oauth_blocking::{LoopbackBrowser, MemoryTokenStorage};
use oauth_tests::world::{Consent, Knobs};
use url::Url;

/// Logs in with this browser, with both adapters: each has a listener of its own. A browser that panics
/// does not come back.
fn logs_in_with(open: fn(&str) -> bool) {
    logs_in_on_tokio_with(open);
    let served = serve(Knobs::default());
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new().open_with(open))
        .build()
        .unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(logins(&served), 1, "one page was opened");
    assert_sound(&served);
}

fn logs_in_on_tokio_with(open: fn(&str) -> bool) {
    let served = serve(Knobs::default());
    let oauth = oauth_tokio::OAuth::new(&served.server_url())
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new().open_with(open))
        .wait(PATIENCE)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(oauth.authenticate()).unwrap();
    assert_eq!(logins(&served), 1, "one page was opened");
    assert_sound(&served);
}

/// What an authorization URL says about the way back.
struct Way {
    authority: String,
    path: String,
    state: String,
}

impl Way {
    fn back_from(authorization_url: &str) -> Self {
        let url = Url::parse(authorization_url).unwrap();
        let of = |name: &str| {
            let mut pairs = url.query_pairs();
            let (_, value) = pairs.find(|(found, _)| found == name).unwrap();
            value.into_owned()
        };
        let redirect_uri = Url::parse(&of("redirect_uri")).unwrap();
        Self {
            authority: redirect_uri.authority().into(),
            path: redirect_uri.path().into(),
            state: of("state"),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.authority).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn head(&self, target: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.authority)
    }

    /// The status that a request is answered with.
    fn ask(&self, request: &str) -> u16 {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        status(&mut stream)
    }
}

fn status(stream: &mut TcpStream) -> u16 {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The request line's target of the right redirect.
fn target(authorization_url: &str) -> String {
    let location = Url::parse(&location(authorization_url)).unwrap();
    format!("{}?{}", location.path(), location.query().unwrap())
}

#[test]
fn a_connection_that_never_sends_a_byte_holds_nobody_up() {
    logs_in_with(|url| {
        let _silent = Way::back_from(url).connect();
        browser(url)
    });
}

#[test]
fn many_silent_connections_do_not_shut_the_redirect_out() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let _silent: Vec<_> = (0..100).map(|_| way.connect()).collect();
        browser(url)
    });
}

#[test]
fn a_connection_that_breaks_in_its_request_does_no_harm() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let mut stream = way.connect();
        stream.write_all(b"GET /callback?co").unwrap();
        drop(stream);
        browser(url)
    });
}

#[test]
fn a_favicon_is_not_the_redirect() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        assert_eq!(way.ask(&way.head("/favicon.ico")), 404);
        browser(url)
    });
}

#[test]
fn a_redirect_with_a_wrong_state_is_refused_and_the_right_one_taken() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let Way { path, state, .. } = &way;
        for query in [
            String::new(),
            "?code=stolen".into(),
            "?code=stolen&state=guessed".into(),
            format!("?code=stolen&state={state}x"),
            format!("?code=stolen&state={state}&state={state}"),
        ] {
            assert_eq!(way.ask(&way.head(&format!("{path}{query}"))), 400, "{query}");
        }
        browser(url)
    });
}

#[test]
fn an_error_with_a_wrong_state_does_not_end_the_login() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let target = format!("{}?error=access_denied&state=guessed", way.path);
        assert_eq!(way.ask(&way.head(&target)), 400);
        browser(url)
    });
}

#[test]
fn a_request_under_a_foreign_name_is_refused() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let target = format!("{}?error=access_denied&state={}", way.path, way.state);
        for host in ["evil.example.com", "localhost", "127.0.0.1"] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(way.ask(&request), 400, "{host}");
        }
        assert_eq!(way.ask(&format!("GET {target} HTTP/1.1\r\n\r\n")), 400);
        browser(url)
    });
}

#[test]
fn only_a_get_ends_the_wait() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let Way { path, state, authority } = &way;
        for (method, status) in [("HEAD", 200), ("POST", 405), ("OPTIONS", 405)] {
            let request = format!(
                "{method} {path}?error=access_denied&state={state} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
            );
            assert_eq!(way.ask(&request), status, "{method}");
        }
        browser(url)
    });
}

#[test]
fn what_is_no_http_is_refused() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        // The first bytes of a TLS hello, and a line that nobody would send.
        assert_eq!(way.ask("\x16\x03\x01\x02"), 400);
        assert_eq!(way.ask("hello\r\n\r\n"), 400);
        browser(url)
    });
}

#[test]
fn a_head_without_end_is_cut_off() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let mut stream = way.connect();
        let line = format!("X-Filler: {}\r\n", "x".repeat(1000));
        let mut sent = stream.write_all(b"GET / HTTP/1.1\r\n");
        for _ in 0..2000 {
            sent = sent.and_then(|()| stream.write_all(line.as_bytes()));
        }
        let mut answer = Vec::new();
        // With bytes unread, the end of the connection may be a reset.
        match stream.read_to_end(&mut answer) {
            Ok(_) => assert!(answer.starts_with(b"HTTP/1.1 431 "), "{answer:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        browser(url)
    });
}

#[test]
fn a_redirect_that_comes_byte_by_byte_is_taken() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let mut stream = way.connect();
        for byte in way.head(&target(url)).bytes() {
            stream.write_all(&[byte]).unwrap();
            std::thread::yield_now();
        }
        status(&mut stream) == 200
    });
}

#[test]
fn a_slow_redirect_is_taken_though_others_come_and_go_meanwhile() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let head = way.head(&target(url));
        let (first, rest) = head.split_at(head.len() / 2);
        let mut stream = way.connect();
        stream.write_all(first.as_bytes()).unwrap();
        assert_eq!(way.ask(&way.head("/favicon.ico")), 404);
        let _silent = way.connect();
        stream.write_all(rest.as_bytes()).unwrap();
        status(&mut stream) == 200
    });
}

#[test]
fn two_tabs_with_the_redirect_are_one_login() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let head = way.head(&target(url));
        let (first, rest) = head.split_at(head.len() - 2);
        let mut tabs = [way.connect(), way.connect()];
        for tab in &mut tabs {
            tab.write_all(first.as_bytes()).unwrap();
        }
        for tab in &mut tabs {
            tab.write_all(rest.as_bytes()).unwrap();
        }
        // The listener may be gone before it looks at the other one.
        tabs.iter_mut().any(|tab| {
            let mut page = String::new();
            tab.read_to_string(&mut page).is_ok() && page.starts_with("HTTP/1.1 200 ")
        })
    });
}

/// A tab of a login before this one, with a code of its own.
#[test]
fn a_tab_of_another_login_gets_a_page_that_keeps_no_secret() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let mut stream = way.connect();
        let stale = format!("{}?code=planted&state=of-another-login", way.path);
        stream.write_all(way.head(&stale).as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.starts_with("HTTP/1.1 400 "), "{page}");
        assert!(page.contains("history.replaceState"), "{page}");
        assert!(!page.contains("planted") && !page.contains(&way.state), "{page}");
        browser(url)
    });
}

/// Those of all programs on this machine, whatever their ports: as many as browsers keep.
#[test]
fn a_large_head_of_a_browser_with_many_cookies_is_read() {
    logs_in_with(|url| {
        let way = Way::back_from(url);
        let cookie = format!("Cookie: a={}\r\n\r\n", "x".repeat(180 * 4096));
        let head = way.head(&target(url)).replacen("\r\n\r\n", &format!("\r\n{cookie}"), 1);
        way.ask(&head) == 200
    });
}

#[test]
fn nobody_listens_once_the_login_is_over() {
    for consent in [Consent::Grant, Consent::Deny] {
        let denied = consent == Consent::Deny;
        let served = serve(Knobs { consent, ..Knobs::default() });
        let oauth = builder(&served, &MemoryTokenStorage::new()).build().unwrap();
        assert_eq!(oauth.authenticate().is_err(), denied);
        let world = served.world();
        let asked = &world.requests(oauth_tests::world::What::Authorize)[0];
        let redirect_uri = Url::parse(asked.parameter("redirect_uri").unwrap()).unwrap();
        let error = TcpStream::connect(redirect_uri.authority()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn the_host_hears_that_a_browser_was_opened_and_that_the_login_waits() {
    let served = serve(Knobs::default());
    let events = Events::default();
    let oauth = events.watch(builder(&served, &MemoryTokenStorage::new())).build().unwrap();
    oauth.authenticate().unwrap();
    let names = events.names();
    let at = |name: &str| names.iter().position(|found| found == name);
    assert!(at("opening").unwrap() < at("waiting Opening").unwrap());
    assert!(at("waiting Opening").unwrap() < at("redirected").unwrap());
}
