//! What can be set about a client, in code or in a configuration file, does what it says.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{
    APPLICATION, CALL, LIST, PATIENCE, assert_sound, browser, builder, call, client, key, location,
    logged_in, logins, registrations, serve, silent_port, stored, stored_token,
};
use oauth_blocking::{
    AuthConfig, BearerAuth, CallbackUrl, Error, Event, LoopbackBrowser, MemoryTokenStorage, OAuth,
    OAuthBuilder, OAuthClientProvider, PromptMode, TokenStorage, UserAgentError, ureq,
};
use oauth_core::error::Misuse;
use oauth_tests::serve::Served;
use oauth_tests::world::{
    Damage, Fault, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Registration, What,
};
use serde_json::json;

#[test]
fn a_fixed_token_is_sent_and_its_refusal_delivered() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let token = BearerAuth::new("an-api-key").unwrap();
    let oauth = builder(&served, &store).bearer(token).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 401);
    assert_eq!(served.world().log.len(), 1);

    drop(logged_in(&served, &store));
    let good = stored_token(&store, &key(&served)).unwrap();
    let token = BearerAuth::new(&good).unwrap();
    let nothing = MemoryTokenStorage::new();
    let oauth = builder(&served, &nothing).bearer(token).build().unwrap();
    assert_eq!(oauth.authenticate().unwrap().token(), good);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(served.world().oauth_requests(), 0);
    assert_eq!(stored(&nothing, &key(&served)), None);
}

#[test]
fn an_agent_of_the_host_changes_neither_statuses_nor_redirects() {
    let served = serve(Knobs::default());
    let other = serve(Knobs::default());
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(true)
        .max_redirects(5)
        .max_redirects_will_error(true)
        .build()
        .new_agent();
    let store = MemoryTokenStorage::new();
    let oauth = builder(&served, &store).http_client(agent).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    let location = other.server_url();
    let fault = Fault::Redirect { status: 307, location };
    served.world().knobs.mcp_damage = Damage::times(fault, 1);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 307);
    assert_eq!(other.world().log.len(), 0);
}

#[test]
fn a_request_limit_holds_for_the_login() {
    let served = serve(Knobs::default());
    served.delay_tokens(Duration::from_secs(2));
    let store = MemoryTokenStorage::new();
    let builder = builder(&served, &store).request_limit(Duration::from_millis(300));
    let oauth = builder.build().unwrap();
    match call(&oauth, &served, LIST) {
        Err(Error::OAuth { error: error @ oauth_core::Error::Unreachable(_), .. }) => {
            assert!(error.is_retryable());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_profiles_on_one_store_never_mix() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let profile = |name: &str| builder(&served, &store).profile(name).build().unwrap();
    let (anna, bert) = (profile("anna"), profile("bert"));
    let of_anna = anna.authenticate().unwrap();
    assert!(bert.initialize().unwrap().is_none());
    let of_bert = bert.authenticate().unwrap();
    assert_ne!(of_anna, of_bert);
    assert_eq!(logins(&served), 2);
    for (name, token) in [("anna", of_anna), ("bert", of_bert)] {
        assert_eq!(profile(name).initialize().unwrap(), Some(token), "{name}");
    }
    assert!(client(&served, &store).initialize().unwrap().is_none());
    assert_sound(&served);
}

#[test]
fn tokens_of_a_server_are_found_and_deleted_by_its_url() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let token = client(&served, &store).authenticate().unwrap();
    let url = served.server_url();
    let tokens = store.load_tokens(APPLICATION, &url).unwrap().unwrap();
    assert_eq!(tokens.access_token, token);
    store.delete_tokens(APPLICATION, &url).unwrap();
    assert_eq!(store.load_tokens(APPLICATION, &url).unwrap(), None);
    assert!(client(&served, &store).initialize().unwrap().is_none());
}

#[test]
fn a_registered_client_with_a_secret_needs_no_registration() {
    let served = serve(Knobs { registration: Registration::None, ..Knobs::default() });
    let issuer = served.world().issuer();
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .client_secret(PRE_CLIENT_SECRET)
        .client_id(PRE_CLIENT_ID)
        .client_issuer(&issuer)
        .scope("mcp:write mcp:basic")
        .build()
        .unwrap();
    assert_eq!(call(&oauth, &served, CALL).unwrap(), 200);
    let world = served.world();
    assert_eq!(world.oauth_requests(), 4);
    assert_eq!(world.scopes_asked(), [Some("mcp:write mcp:basic")]);
    drop(world);
    assert_sound(&served);
}

#[test]
fn a_client_metadata_document_needs_no_registration() {
    let served = serve(Knobs { registration: Registration::CimdAndDcr, ..Knobs::default() });
    let url = "https://app.example.com/client.json";
    let oauth =
        builder(&served, &MemoryTokenStorage::new()).client_metadata_url(url).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(registrations(&served), 0);
    let record = oauth.record().unwrap();
    assert_eq!(record.binding().client().client_id(), url);
    assert_sound(&served);
}

#[test]
fn a_known_authorization_server_needs_no_discovery() {
    let served = serve(Knobs { metadata_off: true, ..Knobs::default() });
    let issuer = served.world().issuer();
    let provider: OAuthClientProvider = serde_json::from_value(json!({
        "id": "world",
        "display_name": "The world",
        "metadata": {
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "registration_endpoint": format!("{issuer}/register"),
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
        },
    }))
    .unwrap();
    let known = || builder(&served, &MemoryTokenStorage::new()).provider(Clone::clone(&provider));
    for (builder, requests) in [(known(), 5), (known().without_discovery(), 3)] {
        served.world().log.clear();
        assert_eq!(call(&builder.build().unwrap(), &served, LIST).unwrap(), 200);
        assert_eq!(served.world().oauth_requests(), requests);
    }
    assert_sound(&served);
}

/// In code and in a configuration file.
#[test]
fn the_wish_for_consent_can_be_left_out() {
    let served = serve(Knobs { offline_access: true, ..Knobs::default() });
    let plain = || builder(&served, &MemoryTokenStorage::new());
    let config: AuthConfig = serde_json::from_str(r#"{"prompt_mode": "omit"}"#).unwrap();
    for (builder, prompt) in [
        (plain(), Some("consent")),
        (plain().prompt_mode(PromptMode::Omit), None),
        (plain().config(config).unwrap(), None),
    ] {
        served.world().log.clear();
        assert_eq!(call(&builder.build().unwrap(), &served, LIST).unwrap(), 200);
        let world = served.world();
        let asked = world.requests(What::Authorize);
        assert_eq!(asked[0].parameter("prompt"), prompt);
        assert!(asked[0].parameter("scope").unwrap().contains("offline_access"));
    }
}

#[test]
fn a_fixed_port_is_where_the_user_comes_back() {
    let served = serve(Knobs::default());
    let port = silent_port();
    let user_agent = LoopbackBrowser::new().port(port).open_with(browser);
    let oauth =
        builder(&served, &MemoryTokenStorage::new()).user_agent(user_agent).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    let world = served.world();
    let asked = world.requests(What::Authorize)[0];
    let expected = format!("http://127.0.0.1:{port}/callback");
    assert_eq!(asked.parameter("redirect_uri"), Some(&*expected));
}

/// The spelling that servers have which compare redirect URIs to the letter.
#[test]
fn a_callback_url_is_where_the_user_comes_back() {
    for (host, families) in [("localhost", 2), ("127.0.0.1", 1), ("[::1]", 1)] {
        let served = serve(Knobs::default());
        let expected = format!("http://{host}:{}/auth/callback?own=1", silent_port());
        let callback = CallbackUrl::parse(&expected).unwrap();
        assert_eq!(callback.addresses().len(), families);
        let user_agent = LoopbackBrowser::at(callback).open_with(browser);
        let oauth =
            builder(&served, &MemoryTokenStorage::new()).user_agent(user_agent).build().unwrap();
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
        let world = served.world();
        let asked = world.requests(What::Authorize)[0];
        assert_eq!(asked.parameter("redirect_uri"), Some(&*expected));
        drop(world);
        assert_sound(&served);
    }
}

/// A browser tries the one or the other first.
#[test]
fn whoever_comes_back_to_localhost_is_heard_at_both_addresses() {
    for address in ["127.0.0.1", "[::1]"] {
        let served = serve(Knobs::default());
        let callback = CallbackUrl::parse("http://localhost/callback").unwrap();
        let open: fn(&str) -> bool = match address {
            "[::1]" => |url| comes_back_to("[::1]", url),
            _ => |url| comes_back_to("127.0.0.1", url),
        };
        let user_agent = LoopbackBrowser::at(callback).open_with(open);
        let oauth =
            builder(&served, &MemoryTokenStorage::new()).user_agent(user_agent).build().unwrap();
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200, "{address}");
        assert_sound(&served);
    }
}

/// Follows the redirect as a browser does for which `localhost` is this address.
fn comes_back_to(address: &str, authorization_url: &str) -> bool {
    let location = location(authorization_url);
    let rest = location.strip_prefix("http://localhost:").unwrap();
    let (port, target) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(format!("{address}:{port}")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).is_ok() && page.starts_with("HTTP/1.1 200 ")
}

/// Runs a test once more in a process of its own, whose standard input is no terminal, with this environment;
/// true in that process.
fn is_child(name: &str, browser: Option<&str>) -> bool {
    const CHILD: &str = "MCP_OAUTH_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    for variable in ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"] {
        child.env_remove(variable);
    }
    child.envs(browser.map(|browser| ("BROWSER", browser))).stdin(Stdio::null());
    // Where a browser could be shown all the same, none is.
    child.env(CHILD, "1").env("SSH_TTY", "none").args([name, "--exact"]);
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// The port is taken: nothing may be opened here.
#[test]
fn a_callback_port_is_that_of_the_default_user_agent() {
    if !is_child("a_callback_port_is_that_of_the_default_user_agent", Some("true")) {
        return;
    }
    let served = serve(Knobs::default());
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let url = served.server_url();
    let json = format!(r#"{{"callback_port": {port}}}"#);
    let config: AuthConfig = serde_json::from_str(&json).unwrap();
    let plain = || {
        let wait = Duration::from_secs(1);
        OAuth::new(&url).unwrap().token_storage(MemoryTokenStorage::new()).wait(wait)
    };
    let url = format!("http://localhost:{port}/auth/callback");
    let with_url: AuthConfig =
        serde_json::from_str(&format!(r#"{{"callback_url": "{url}"}}"#)).unwrap();
    for set in [
        plain().callback_port(port),
        plain().config(config).unwrap(),
        plain().callback_url(&url),
        plain().config(with_url).unwrap(),
        plain().callback_url("http://localhost/auth/callback").callback_port(port),
    ] {
        match set.build().unwrap().authenticate().unwrap_err() {
            Error::UserAgent(UserAgentError::PortInUse { port: named }) => assert_eq!(named, port),
            error => panic!("{error:?}"),
        }
    }
}

/// Not after five minutes, and without reading what is no terminal.
#[test]
fn a_login_without_a_display_says_so_at_once() {
    if !is_child("a_login_without_a_display_says_so_at_once", None) {
        return;
    }
    let served = serve(Knobs::default());
    let oauth = OAuth::new(&served.server_url())
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .wait(PATIENCE)
        .on_event(|event| {
            if let Event::NoBrowser { url } = event {
                // The user opens what the host shows.
                let url = url.as_str().to_owned();
                std::thread::spawn(move || assert!(browser(&url)));
            }
        })
        .build()
        .unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn scopes_are_asked_for_whole_or_not_at_all() {
    let served = serve(Knobs::default());
    let set = |scope: &str| builder(&served, &MemoryTokenStorage::new()).scope(scope).build();
    assert!(set("mcp:basic mcp:write").is_ok());
    let many: Vec<_> = (0..1000).map(|number| format!("mcp:{number}")).collect();
    for (scope, expected) in [
        ("mcp:basic mcp:\"x\"", Misuse::ScopeCharacters { scope: "mcp:\"x\"".into() }),
        (&many.join(" "), Misuse::TooManyScopes { limit: 4096 }),
    ] {
        match set(scope).unwrap_err() {
            Error::OAuth { error, .. } => assert_eq!(error, expected.into()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn callback_port() {
    let served = serve(Knobs::default());
    let url = "http://localhost:8765/callback";
    let set = || builder(&served, &MemoryTokenStorage::new()).callback_url(url);
    assert!(set().callback_port(8765).build().is_ok(), "it is the same");
    let expected = Misuse::CallbackPort { url: url.into(), port: 8766 };
    match set().callback_port(8766).build().unwrap_err() {
        Error::OAuth { error, .. } => {
            assert_eq!(error, expected.into());
            assert!(error.advice().contains("one of the two"), "{}", error.advice());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let with_secret = builder(&served, &store).client_id("id").client_secret("planted");
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    let record = stored(&store, &key(&served)).unwrap();
    let printed = format!("{oauth:?} {record:?} {store:?} {with_secret:?}");
    let secrets = served.world().secrets();
    assert!(!secrets.is_empty());
    for secret in secrets.iter().map(String::as_str).chain(["planted"]) {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

fn configured(served: &Served, json: &str) -> OAuthBuilder {
    let config: AuthConfig = serde_json::from_str(json).unwrap();
    builder(served, &MemoryTokenStorage::new()).config(config).unwrap()
}

#[test]
fn a_text_in_a_configuration_file_is_a_bearer_token() {
    let served = serve(Knobs::default());
    let oauth = configured(&served, r#""an-api-key""#).build().unwrap();
    assert_eq!(oauth.authenticate().unwrap().token(), "an-api-key");
    assert_eq!(served.world().log.len(), 0);
}

#[test]
fn a_text_that_cannot_be_sent_is_refused() {
    let served = serve(Knobs::default());
    let config: AuthConfig = serde_json::from_str(r#""a\r\nX-Evil: 1""#).unwrap();
    let error = builder(&served, &MemoryTokenStorage::new()).config(config).unwrap_err();
    let unsendable = matches!(
        error,
        Error::OAuth { error: oauth_core::Error::Misuse(Misuse::TokenCharacters), .. }
    );
    assert!(unsendable, "{error:?}");
}

#[test]
fn an_object_in_a_configuration_file_says_how_to_log_in() {
    let served = serve(Knobs { registration: Registration::None, ..Knobs::default() });
    let json =
        r#"{"client_id": "pre-client", "client_secret": "pre-secret", "scope": "mcp:write"}"#;
    let oauth = configured(&served, json).build().unwrap();
    assert_eq!(call(&oauth, &served, "initialize").unwrap(), 200);
    let world = served.world();
    assert_eq!(world.scopes_asked(), [Some("mcp:write")]);
    let asked = world.requests(What::Authorize)[0];
    assert_eq!(asked.parameter("client_id"), Some(PRE_CLIENT_ID));
    drop(world);
    assert_sound(&served);
}

#[test]
fn an_empty_object_in_a_configuration_file_is_a_login_with_nothing_set() {
    let served = serve(Knobs::default());
    let oauth = configured(&served, "{}").build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
}

#[test]
fn an_unknown_key_in_a_configuration_file_is_refused() {
    for json in [r#"{"clientid": "x"}"#, "17", "null", r#"{"callback_port": 99999}"#] {
        assert!(serde_json::from_str::<AuthConfig>(json).is_err(), "{json}");
    }
}

#[test]
fn a_list_in_a_configuration_file_is_refused() {
    for json in ["[]", r#"["my-client"]"#] {
        assert!(serde_json::from_str::<AuthConfig>(json).is_err(), "{json}");
    }
}

#[test]
fn an_unknown_key_in_a_configuration_file_is_named() {
    let error = serde_json::from_str::<AuthConfig>(r#"{"clientid": "x"}"#).unwrap_err();
    assert!(error.to_string().contains("clientid"), "{error}");
}

#[test]
fn a_configuration_shows_no_secret() {
    for json in [r#""planted""#, r#"{"client_id": "id", "client_secret": "planted"}"#] {
        let config: AuthConfig = serde_json::from_str(json).unwrap();
        assert!(!format!("{config:?}").contains("planted"), "{json}");
    }
}
