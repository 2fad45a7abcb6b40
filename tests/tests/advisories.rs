//! What was published as a vulnerability of other OAuth clients: one test for each, with both adapters
//! wherever something is sent. What another test proves already is named here and not proved again.
//!
//! | subject | published as | proved by |
//! |---|---|---|
//! | a hostile authorization endpoint is opened: code execution | CVE-2025-6514, codex#37077, MCPSafe MCP-275 | [`a_hostile_authorization_endpoint_never_reaches_an_opener`], [`what_reaches_an_opener_is_one_plain_url`] |
//! | a `javascript:` authorization URL is rendered | CVE-2025-58444 | the same; `AuthorizationUrl` is made by a login only |
//! | a token for another resource is handed to an attacker's server | GHSA-33f5-2c5q-wgwj | `wire/resource_metadata/tests.rs`: `the_resource_has_to_cover_the_server`; `e2e_errors.rs`: `metadata_of_a_foreign_resource_ends_the_login` |
//! | credentials follow a redirect | GHSA-9g45-5xwm-f3wc | [`no_credential_follows_a_redirect`]; `faults`, for every request; `e2e_blocking.rs`, `tokio_client.rs`: `a_token_is_not_sent_to_another_origin` |
//! | metadata points a client at addresses of its network (SSRF) | MCP PRM SSRF | [`metadata_cannot_point_a_client_at_plain_http_elsewhere`]; `e2e_addresses.rs`; `errors.rs`: `unsafe_url_of_a_private_address`, `private_address`; for names that resolve to something else the second time: `oauth-core/src/client/addresses.rs` |
//! | mix-up: the honest server's page, the attacker's token endpoint | SEP-2468 | [`a_code_is_not_sent_to_who_names_an_honest_servers_page`]; `e2e_errors.rs`: `a_mismatched_issuer_ends_the_login`, `a_wrong_iss_ends_the_login`; see below |
//! | PKCE is left out or weakened | CVE-2025-4143, CVE-2025-4144 | `e2e_errors.rs`: `a_server_without_s256_is_refused`; `flow.rs` |
//! | `state` is not bound to the login: login CSRF | CVE-2025-68158, CVE-2025-14546, CVE-2025-68481, CVE-2025-65107 | `e2e_consent.rs`, `tokio_connect.rs`: `a_redirect_of_another_login_does_not_finish_one`; `handed_out.rs` (other profiles, twice, too late) |
//! | the listener takes the first code that comes | cherry-studio#15372, hermes#6929 | `e2e_listener.rs`: `a_redirect_with_a_wrong_state_is_refused_and_the_right_one_taken` |
//! | any page can end a login with an error | mcp-use | `e2e_listener.rs`: `an_error_with_a_wrong_state_does_not_end_the_login` |
//! | confused deputy: tokens that name no resource, or the wrong one | CVE-2026-27124, CVE-2025-69196, GHSA-c2jp-c369-7pvx | `flow.rs`: `the_resource_goes_out_as_the_document_has_it`; `pains_refresh.rs`: `a_refresh_names_the_resource_of_the_login`; the world blames every request without it; see below |
//! | a server logs the user in unasked | CVE-2025-61591 | [`nobody_is_sent_to_a_page_unless_the_host_says_so`] |
//! | a malformed token blows up the memory | CVE-2025-22868 | `faults`: two megabytes, endless, deep |
//! | signatures are checked with the wrong algorithm, or `crit` is ignored | CVE-2025-59420, CVE-2026-25537 | cannot arise: no token is looked into |
//! | a regular expression on remote text takes for ever | CVE-2026-0621 | [`a_hostile_challenge_is_read_in_linear_time`] |
//! | the listener is reachable from web pages (DNS rebinding) | CVE-2026-42559, GHSA-w48q-cv73-mx4w, GHSA-9h52-p55h-vw2f | [`the_listener_serves_no_web_page`]; `e2e_listener.rs`: `a_request_under_a_foreign_name_is_refused`, `only_a_get_ends_the_wait`, `nobody_listens_once_the_login_is_over` |
//! | the listener redirects, or shows what it was sent | (the same class) | [`the_listener_serves_no_web_page`] |
//! | callback URLs can be read by other clients of a server | CVE-2026-52870 | a server's matter; the world blames each credential in an MCP message |
//! | the token endpoint is taken from a project's configuration | oh-my-pi#861 | [`a_refresh_token_does_not_follow_a_changed_configuration`] |
//! | phishing consent through a server that names a real issuer | modelcontextprotocol#544 | the host hears of each page before it is opened: `e2e_blocking.rs`, `tokio_client.rs`; see below |
//! | secrets in logs | rmcp, mcp-use, mcp-remote | `secrets.rs`; `e2e_settings.rs`: `nothing_that_can_be_printed_shows_a_secret`; `faults`, for every error |
//!
//! Not done: an HTTP client that the host brings resolves names unfiltered unless the host filters them, and
//! so does a proxy; a challenge may name a document on another origin; nothing wants authorization and token
//! endpoint to be on one site, so the mix-up is noticed only where the honest server sends `iss`; the
//! audience of a token is not looked at; a host can refuse a page only in a user agent of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[allow(dead_code, reason = "there is more in it than is needed here")]
#[path = "faults/client.rs"]
mod client;
#[path = "tokio_common.rs"]
mod tokio_common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use client::{Adapter, Call, Client, Failed, Parts, Watch};
use oauth_blocking::{FileTokenStorage, LoopbackBrowser, MemoryTokenStorage, OAuthClientProvider};
use oauth_core::Error;
use oauth_core::error::PeerMisbehaved;
use oauth_tests::drive::head;
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, Party, PrmServers, What};
use oauth_tokio::Blocking;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_common::Directory;
use tokio_common::common::{
    self, ELSEWHERE, PATIENCE, assert_sound, expire, key, location, redirect, serve,
};
use url::Url;

/// What came of a call, with all that the user and the host saw of it.
#[derive(Debug)]
struct Tried {
    error: Option<Error>,
    /// The pages that the user was sent to.
    opened: Vec<String>,
    /// The requests that the host was told of, one a line.
    told: String,
}

/// Asks a client of each adapter, each in a world of its own, with a store of its own.
fn try_both(
    call: Call,
    set_up: impl Fn(&Served, &FileTokenStorage) -> Option<OAuthClientProvider>,
    check: impl Fn(&Served, Tried),
) {
    for adapter in Adapter::ALL {
        let (served, directory) = (serve(Knobs::default()), Directory::new());
        let provider = set_up(&served, &directory.store());
        let (opened, watch) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(Watch::default()));
        let pages = Arc::clone(&opened);
        let parts = Parts {
            server_url: &served.server_url(),
            store: &directory.store(),
            redirect_uri: ELSEWHERE,
            limit: Some(PATIENCE),
            provider,
            user: Box::new(move |url| {
                pages.lock().unwrap().push(url.as_str().to_owned());
                // The world has no pages with odd names.
                if url.as_str().contains(ODD) { String::new() } else { redirect(url) }
            }),
            watch: Arc::clone(&watch),
        };
        let error = match Client::new(adapter, parts).call(call) {
            Ok(_) => None,
            Err(Failed { error: Some(error), .. }) => Some(error),
            Err(Failed { text, .. }) => panic!("{text}"),
        };
        let opened = opened.lock().unwrap().clone();
        check(&served, Tried { error, opened, told: requests(&watch.text()) });
    }
}

fn is_unsafe_url(tried: &Tried) -> bool {
    matches!(tried.error, Some(Error::PeerMisbehaved(PeerMisbehaved::UnsafeUrl { .. })))
}

const ODD: &str = "%USERPROFILE%";

/// Changes members of the documents at this path.
fn tamper(served: &Served, path: &'static str, members: Value) {
    served.rewrite(move |request, response| {
        if request.uri().path() != path {
            return;
        }
        if let Ok(mut document) = serde_json::from_slice::<Value>(response.body()) {
            for (name, value) in members.as_object().unwrap() {
                document[name] = value.clone();
            }
            *response.body_mut() = document.to_string().into_bytes();
        }
    });
}

fn issuers(served: &Served) -> (String, String) {
    let world = served.world();
    (world.issuer(), world.issuer2())
}

const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";

#[test]
fn a_hostile_authorization_endpoint_never_reaches_an_opener() {
    for endpoint in [
        "a:$(calc.exe)",
        "$(calc)",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "file://attacker.example/share/x.exe",
        "\\\\attacker.example\\share\\x.exe",
        "search-ms:query=x&crumb=location:\\\\attacker.example",
        "ms-msdt:/id PCWDiagnostic",
        "ssh://-oProxyCommand=calc/x",
        "--new-window",
        "%USERPROFILE%\\x.exe",
        "C:\\Windows\\System32\\calc.exe",
        "/authorize",
        "//attacker.example/authorize",
        "http://attacker.example/authorize",
        "https://user:password@attacker.example/authorize",
        "https://attacker.example/authorize#fragment",
        "https://attacker.example/\r\nX: y",
        "https://$(calc).attacker.example/authorize",
        "https://a'b.attacker.example/authorize",
        "https://",
    ] {
        let set_up = |served: &Served, _: &FileTokenStorage| {
            tamper(served, SERVER_METADATA, json!({ "authorization_endpoint": endpoint }));
            None
        };
        try_both(Call::LogIn, set_up, |served, tried| {
            assert!(is_unsafe_url(&tried), "{endpoint:?}: {tried:?}");
            assert_eq!(tried.opened, [""; 0], "{endpoint:?}");
            let world = served.world();
            let is_late = |what: &What| {
                !matches!(what, What::ResourceMetadata | What::ServerMetadata | What::Mcp(_))
            };
            assert!(!world.log.iter().any(|it| is_late(&it.what)), "{endpoint:?}: {:?}", world.log);
        });
    }
}

/// An endpoint that may be used can still have characters that mean something elsewhere.
#[test]
fn what_reaches_an_opener_is_one_plain_url() {
    let set_up = |served: &Served, _: &FileTokenStorage| {
        let issuer = served.world().issuer();
        let odd = format!("{issuer}/authorize;$(a)`b`*!/?q=\"'<>`{{}}|\\^;$(c)*!\u{fc}{ODD}");
        tamper(served, SERVER_METADATA, json!({ "authorization_endpoint": odd }));
        None
    };
    try_both(Call::LogIn, set_up, |_, tried| {
        assert_eq!(tried.opened.len(), 1, "{tried:?}");
        let url = &tried.opened[0];
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        assert!(
            url.bytes()
                .all(|byte| { byte.is_ascii_graphic() && !b"\"'<>$`()*!;{}|\\^".contains(&byte) }),
            "{url}"
        );
    });
}

#[test]
fn no_credential_follows_a_redirect() {
    for status in [301, 302, 303, 307, 308] {
        let moved = |served: &Served| {
            let location = format!("{}/token", served.world().issuer2());
            Damage::always(Fault::Redirect { status, location })
        };
        let set_up = |served: &Served, _: &FileTokenStorage| {
            let moved = moved(served);
            served.world().knobs.token_damage = moved;
            None
        };
        try_both(Call::LogIn, set_up, |served, tried| {
            let is_moved =
                matches!(&tried.error, Some(Error::Malformed(it)) if it.status == status);
            assert!(is_moved, "{status}: {tried:?}");
            assert_eq!(served.world().count_at(Party::AuthServer2), 0, "{status}");
        });
        let set_up = |served: &Served, store: &FileTokenStorage| {
            drop(common::logged_in(served, store));
            expire(store, &key(served));
            let moved = moved(served);
            served.world().knobs.token_damage = moved;
            None
        };
        try_both(Call::Token, set_up, |served, tried| {
            assert_eq!(served.world().token_requests(), 1, "{status}: {tried:?}");
            assert_eq!(served.world().count_at(Party::AuthServer2), 0, "{status}");
        });
    }
}

/// A server on this machine may be talked to in plain http, other machines never, whoever names them.
#[test]
fn metadata_cannot_point_a_client_at_plain_http_elsewhere() {
    for address in [
        "http://169.254.169.254",
        "http://[::ffff:169.254.169.254]",
        "http://0xA9FEA9FE",
        "http://10.0.0.1",
        "http://192.168.0.1:8080",
        "http://metadata.google.internal",
        "http://localhost.attacker.example",
        "gopher://127.0.0.1:6379",
        "file:///etc",
    ] {
        let url = format!("{address}/latest/meta-data");
        let challenge = |served: &Served| {
            served.world().knobs.challenge_url = Some(url.clone());
        };
        let issuer = |served: &Served| {
            served.world().knobs.prm_servers = PrmServers::Listed(vec![url.clone()]);
        };
        let member = |name: &'static str| {
            let url = url.clone();
            move |served: &Served| tamper(served, SERVER_METADATA, json!({ name: url }))
        };
        // A challenge is no document: what it names in vain is passed over.
        let set_up = |served: &Served, _: &FileTokenStorage| {
            challenge(served);
            None
        };
        try_both(Call::LogIn, set_up, |_, tried| {
            assert!(tried.error.is_none(), "{url}: {tried:?}");
            assert!(!tried.told.contains("meta-data"), "{url}: {tried:?}");
        });
        let ways: [&dyn Fn(&Served); 3] =
            [&issuer, &member("token_endpoint"), &member("registration_endpoint")];
        for set_up in ways {
            let set_up = |served: &Served, _: &FileTokenStorage| {
                set_up(served);
                None
            };
            try_both(Call::LogIn, set_up, |_, tried| {
                assert!(!tried.told.contains("meta-data"), "{url}: {tried:?}");
                assert_eq!(tried.opened, [""; 0], "{url}");
                assert!(is_unsafe_url(&tried), "{url}: {tried:?}");
            });
        }
    }
}

fn requests(told: &str) -> String {
    let is_request = |line: &&str| line.starts_with("Exchange ") || line.starts_with("Answered ");
    told.lines().filter(is_request).flat_map(|line| [line, "\n"]).collect()
}

/// The attacker is the second authorization server; the first one answers with its own `iss`.
#[test]
fn a_code_is_not_sent_to_who_names_an_honest_servers_page() {
    let set_up = |served: &Served, _: &FileTokenStorage| {
        served.world().knobs.prm_servers = PrmServers::Second;
        let (honest, attacker) = issuers(served);
        let members = json!({
            "issuer": attacker,
            "authorization_endpoint": format!("{honest}/authorize"),
            "registration_endpoint": format!("{honest}/register"),
            "token_endpoint": format!("{attacker}/token"),
        });
        tamper(served, SERVER_METADATA, members);
        None
    };
    try_both(Call::LogIn, set_up, |served, tried| {
        assert_eq!(tried.opened.len(), 1, "the page is the honest server's");
        assert_eq!(served.world().token_requests(), 0);
        let (honest, attacker) = issuers(served);
        let expected = PeerMisbehaved::WrongIss { expected: attacker.into(), found: honest.into() };
        assert_eq!(tried.error, Some(expected.into()));
    });
}

#[test]
fn nobody_is_sent_to_a_page_unless_the_host_says_so() {
    try_both(
        Call::Token,
        |_, _| None,
        |served, tried| {
            assert_eq!(tried.error, Some(Error::LoginRequired));
            assert_eq!((tried.opened.len(), &*tried.told), (0, ""));
            assert_eq!(served.world().log.len(), 0);
        },
    );
}

#[test]
fn a_hostile_challenge_is_read_in_linear_time() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = common::logged_in(&served, &store);
    let token = oauth.token().unwrap();
    let begun = Instant::now();
    for piece in
        [" ", ",", "a", "a=", "a=\"", "\\\"", "Bearer ", "Bearer a=\"\\\", ", "=,", "\u{fc}"]
    {
        for start in ["", "Bearer ", "Bearer realm=\"", "Bearer scope="] {
            let challenge = format!("{start}{}", piece.repeat(LONG / piece.len()));
            assert_eq!(oauth.refused(&token, 403, &head(&[&challenge])).unwrap(), None);
        }
    }
    assert!(begun.elapsed() < 6 * PATIENCE, "{:?}", begun.elapsed());
}

/// With anything worse than linear time, this is for ever.
const LONG: usize = 1 << 20;

/// Neither a page of its own nor another one, for whoever asks in whatever name.
#[test]
fn the_listener_serves_no_web_page() {
    fn open(authorization_url: &str) -> bool {
        let right = Url::parse(&location(authorization_url)).unwrap();
        let path = right.path();
        let right_query = right.query().unwrap();
        let evil = "https://attacker.example/<script>alert(1)</script>";
        for (target, host) in [
            (format!("{path}?redirect={evil}&next={evil}&return_to={evil}"), right.authority()),
            (format!("{path}?error=<script>alert(1)</script>&state=x"), right.authority()),
            (format!("//attacker.example{path}?{right_query}"), right.authority()),
            (format!("/../{evil}"), right.authority()),
            (format!("{path}?{right_query}"), "attacker.example"),
            (format!("{path}?{right_query}"), "127.0.0.1.attacker.example"),
            // The last one is the redirect.
            (format!("{path}?{right_query}&error_description={evil}"), right.authority()),
        ] {
            let answer = ask(right.authority(), &target, host);
            let head = answer.to_lowercase();
            for no in ["location:", "access-control-", "attacker", "alert(1)", "set-cookie"] {
                assert!(!head.contains(no), "{no} in {answer}");
            }
            assert!(head.contains("content-security-policy: default-src 'none'"), "{answer}");
        }
        true
    }
    let served = serve(Knobs::default());
    let browser = || LoopbackBrowser::new().open_with(open);
    let store = MemoryTokenStorage::new();
    let oauth = common::builder(&served, &store).user_agent(browser()).build().unwrap();
    oauth.authenticate().unwrap();
    let store = MemoryTokenStorage::new();
    let builder = tokio_common::builder(&served, &store).user_agent(Blocking::new(browser()));
    let oauth = builder.build().unwrap();
    Runtime::new().unwrap().block_on(oauth.authenticate()).unwrap();
    assert_sound(&served);
}

fn ask(authority: &str, target: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let origin = "Origin: https://attacker.example";
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\n{origin}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A file in a project may say who issues tokens; what was issued before is not for that one.
#[test]
fn a_refresh_token_does_not_follow_a_changed_configuration() {
    for is_same_issuer in [true, false] {
        let set_up = |served: &Served, store: &FileTokenStorage| {
            drop(common::logged_in(served, store));
            expire(store, &key(served));
            served.world().log.clear();
            let (own, other) = issuers(served);
            let metadata = json!({
                "issuer": if is_same_issuer { &own } else { &other },
                "authorization_endpoint": format!("{own}/authorize"),
                "token_endpoint": format!("{other}/token"),
                "code_challenge_methods_supported": ["S256"],
            });
            let provider = json!({ "id": "x", "display_name": "X", "metadata": metadata });
            Some(serde_json::from_value(provider).unwrap())
        };
        try_both(Call::Token, set_up, |served, tried| {
            assert_eq!(served.world().count_at(Party::AuthServer2), 0, "{tried:?}");
            assert_sound(served);
        });
    }
}
