//! Users who log in on another device: they are shown a code, and are at the server's own pages when the server has
//! been asked for them in vain.

use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::DevicePage;
use oauth_blocking::MemoryTokenStorage;

use crate::browser::Browser;
use crate::client::{Adapter, User};
use crate::life::{LIST, assert_requests};
use crate::server::{Server, get};

/// What a user does with their code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// They type it, and consent.
    Type,
    /// They follow the link that has it in it, and consent.
    Follow,
    /// They type it, and press the other button.
    Abort,
}

/// What a user does who has been shown this, on another device. They take their time.
pub(crate) fn decide(page: &DevicePage, decision: Decision) {
    let (page, pending) = (page.clone(), pending(page));
    thread::spawn(move || {
        let begun = Instant::now();
        while self::pending(&page) == pending {
            assert!(begun.elapsed() < PATIENCE, "nobody asks for the user");
            thread::sleep(Duration::from_millis(50));
        }
        assert!(page.verification_uri.as_str().ends_with("/device"), "{page}");
        let complete = page.verification_uri_complete.as_ref().unwrap();
        let mut browser = Browser::new();
        let confirmation = match decision {
            Decision::Follow => {
                let form = browser.open(complete.as_str()).unwrap();
                browser.submit(&form, &[])
            }
            Decision::Type | Decision::Abort => {
                let form = browser.open(page.verification_uri.as_str()).unwrap();
                browser.submit(&form, &[("user_code", &page.user_code)])
            }
        };
        let confirmation = confirmation.unwrap();
        // They compare it with what they were shown.
        assert!(confirmation.html.contains(&format!("<code>{}</code>", page.user_code)));
        let (button, words): (&[_], _) = match decision {
            Decision::Type | Decision::Follow => (&[], "Sign-in Success"),
            Decision::Abort => (&[("abort", "yes")], "The Sign-in request was interrupted"),
        };
        let end = browser.submit(&confirmation, button).unwrap();
        assert!(end.html.contains(words), "{}", end.html);
    });
}

/// How often somebody has asked for a user who had not decided yet.
fn pending(page: &DevicePage) -> String {
    get(&page.verification_uri.as_str().replace("/device", "/pending"))
}

/// Their no is the end of the login, and of nothing else: the next one has the client that was registered.
pub(crate) fn deny(adapter: Adapter) {
    let (server, store) = (Server::oidc_provider(&["--device"]), MemoryTokenStorage::new());
    let client = |decision| adapter.client(&server.url, &store, None, User::Elsewhere(decision));
    let error = client(Decision::Abort).call(&server.url, LIST).unwrap_err();
    assert!(error.contains("access_denied"), "{error}");
    let registration = ["POST /reg 201", "POST /device/auth 200"];
    let refusal = ["GET /device 200", "POST /device 200", "POST /device 200", "POST /token 400"];
    let denied = [crate::DISCOVERY, &registration, &refusal].concat();
    assert_requests(&server, &denied, format_args!("a no, {adapter:?}"));

    client(Decision::Type).call(&server.url, LIST).unwrap();
    let end = ["POST /token 200", "POST /mcp 200"];
    let granted = [crate::DISCOVERY, &["POST /device/auth 200"], PAGES, &end].concat();
    assert_requests(&server, &granted, format_args!("a second thought, {adapter:?}"));
}

/// Where no codes are to be had, nobody is registered for them.
pub(crate) fn find_none(adapter: Adapter) {
    let (server, store) = (Server::oidc_provider(&[]), MemoryTokenStorage::new());
    let client = adapter.client(&server.url, &store, None, User::Elsewhere(Decision::Type));
    let error = client.call(&server.url, LIST).unwrap_err();
    assert!(error.contains("DeviceCodesNotOffered"), "{error}");
    assert_eq!(server.requests(), crate::DISCOVERY, "{adapter:?}");
}

/// A code, what it is for, a login and a consent, each of which leads back there.
pub(crate) const PAGES: &[&str] = &[
    "GET /device 200",
    "POST /device 200",
    "POST /device 303",
    "GET /interaction 303",
    "GET /device 303",
    "GET /interaction 303",
    "GET /device 200",
];

/// Far more than it takes until the server is asked, and less than the login lasts.
const PATIENCE: Duration = Duration::from_secs(20);
