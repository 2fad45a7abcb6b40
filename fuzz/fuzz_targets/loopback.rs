//! A request means the same however its bytes are cut; only a GET with exactly our `state` ends the wait,
//! and nothing of a request is shown.
//!
//! The first line is the redirect URI, the rest is what comes in; `$S` in it is the `state`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::loopback::{Loopback, Received};

const STATE: &str = "c3Rh-dGU_state";

/// What is answered, and the redirect, to a request in these pieces.
fn receive<'a>(
    loopback: &Loopback,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Option<(Vec<u8>, Option<String>)> {
    let mut connection = loopback.connection();
    let mut whole = None;
    for piece in pieces {
        let received = connection.receive(piece);
        assert!(!format!("{received:?} {connection:?}").contains(STATE));
        let received = match received {
            Received::Partial => continue,
            Received::Answer(page) => (page, None),
            Received::Redirect(query) => (Vec::new(), Some(query.expose().to_owned())),
        };
        assert!(whole.is_none(), "a connection is answered once");
        whole = Some(received);
    }
    whole
}

fuzz_target!(|text: &str| {
    let (uri, request) = text.split_once('\n').unwrap_or((text, ""));
    let Some(loopback) = Loopback::new(uri, STATE) else { return };
    let request = request.replace("$S", STATE).into_bytes();
    let answer = receive(&loopback, std::iter::once(&*request));
    assert_eq!(receive(&loopback, request.chunks(1)), answer);
    for size in [2, 3, 7, 64] {
        assert_eq!(receive(&loopback, request.chunks(size)), answer, "in pieces of {size}");
    }
    let Some((page, redirect)) = answer else { return };
    let Some(query) = redirect else {
        let page = String::from_utf8(page).expect("pages are text");
        assert!(page.starts_with("HTTP/1.1 ") && !page.contains(STATE));
        return;
    };
    let states = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    assert_eq!(states.map(|(_, value)| value.into_owned()).collect::<Vec<_>>(), [STATE]);
    let head = String::from_utf8_lossy(&request);
    let line = head.lines().next().expect("there is a request");
    assert!(line.starts_with("GET ") && line.contains(&query), "{line}");
    let port = url::Url::parse(uri).ok().and_then(|uri| uri.port()).unwrap_or(80).to_string();
    assert!(port == "80" || head.contains(&port), "it was sent to us");
});
