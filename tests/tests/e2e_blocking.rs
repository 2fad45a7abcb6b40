//! The blocking adapter over sockets: logins, restarts, step-ups, and what is delivered as it is.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;

use common::{
    CALL, Events, HOUR, LIST, PATIENCE, assert_sound, builder, call, client, expire, key,
    logged_in, post, raw_server, refreshes, registrations, serve, silent_port, statuses, stored,
    visitor,
};
use oauth_blocking::ureq::http;
use oauth_blocking::{Error, MemoryTokenStorage, OAuth};
use oauth_core::error::{Misuse, PeerMisbehaved};
use oauth_tests::world::{
    Damage, Fault, Grant, Knobs, PrmLocation, PrmServers, ScopePolicy, TokenForm, What,
};

#[test]
fn a_first_call_costs_five_oauth_requests_and_is_sent_twice() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let (status, answer) = post(&oauth, &served.server_url(), CALL).unwrap();
    assert_eq!(status, 200);
    assert!(answer.contains("42"), "{answer}");
    assert_eq!(statuses(&served, CALL), [401, 200]);
    let world = served.world();
    assert_eq!(world.oauth_requests(), 5);
    for what in [
        What::ResourceMetadata,
        What::ServerMetadata,
        What::Register,
        What::Authorize,
        What::Token(Grant::Code),
    ] {
        assert_eq!(world.count(what.clone()), 1, "{what:?}");
    }
    drop(world);
    assert_sound(&served);
}

#[test]
fn a_login_tells_what_it_does() {
    let served = serve(Knobs::default());
    let events = Events::default();
    let oauth = events.watch(builder(&served, &MemoryTokenStorage::new())).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    let names: Vec<_> =
        events.names().into_iter().filter(|name| !name.starts_with("waiting")).collect();
    assert_eq!(
        names,
        [
            "answered false 401",
            "LoginNeeded { reason: First }",
            "LoginBegun { reason: First }",
            "ResourceMetadata 200",
            "ServerMetadata 200",
            "Registration 201",
            "opening",
            "redirected",
            "Token 200",
            "login finished",
            "answered true 200",
        ]
    );
}

#[test]
fn a_server_that_wants_no_login_gets_none() {
    let served = serve(Knobs { open_initialize: true, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert_eq!(call(&oauth, &served, "initialize").unwrap(), 200);
    assert_eq!(served.world().log.len(), 1);
    assert_eq!(oauth.record(), None);
}

#[test]
fn a_valid_token_in_the_store_costs_no_oauth_request() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store));
    served.world().knobs.metadata_off = true;
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert!(oauth.initialize().unwrap().is_some());
    assert_eq!(served.world().log.len(), 1);
    assert_sound(&served);
}

#[test]
fn a_token_that_expired_at_the_server_costs_one_refresh() {
    for restart in [false, true] {
        let served = serve(Knobs::default());
        let store = MemoryTokenStorage::new();
        let mut oauth = logged_in(&served, &store);
        served.world().knobs.metadata_off = true;
        served.advance(HOUR);
        if restart {
            oauth = client(&served, &store);
        }
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
        assert_eq!(served.world().oauth_requests(), 1);
        assert_eq!(refreshes(&served), 1);
        assert_sound(&served);
    }
}

#[test]
fn a_token_that_is_known_to_have_expired_is_not_sent() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store));
    served.world().knobs.metadata_off = true;
    expire(&store, &key(&served));
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [200]);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_eq!(refreshes(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_missing_scope_is_asked_for_with_those_at_hand_and_the_same_client() {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(call(&oauth, &served, CALL).unwrap(), 200);
    assert_eq!(statuses(&served, CALL), [403, 200]);
    let world = served.world();
    let scopes = world.scopes_asked();
    assert_eq!(scopes, [Some("mcp:basic"), Some("mcp:basic mcp:write")]);
    assert_eq!(world.count(What::Register), 1);
    let redirect_uris: Vec<_> = world
        .requests(What::Authorize)
        .into_iter()
        .map(|exchange| exchange.parameter("redirect_uri"))
        .collect();
    assert_eq!(redirect_uris[0], redirect_uris[1]);
    drop(world);
    assert_sound(&served);
}

#[test]
fn a_remembered_port_that_is_taken_meanwhile_costs_a_registration() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = logged_in(&served, &store);
    let record = stored(&store, &key(&served)).unwrap();
    let registered = record.binding().client().redirect_uri().to_owned();
    let port = registered.split([':', '/']).nth(4).unwrap();
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap();
    served.world().end_grants();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(registrations(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_refusal_that_no_login_helps_against_is_delivered() {
    let served = serve(Knobs { plain_403: true, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 403);
    assert_eq!(served.world().oauth_requests(), 0);
}

#[test]
fn other_statuses_are_delivered() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    for status in [400, 404, 429, 500, 503] {
        served.world().knobs.mcp_damage = Damage::times(Fault::Status(status), 1);
        assert_eq!(call(&oauth, &served, LIST).unwrap(), status);
    }
    assert_eq!(served.world().oauth_requests(), 0);
}

#[test]
fn a_token_is_not_sent_to_another_origin() {
    let served = serve(Knobs::default());
    let other = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    let url = other.server_url();
    match post(&oauth, &url, LIST).unwrap_err() {
        Error::OAuth {
            error: oauth_core::Error::Misuse(Misuse::ForeignRequest { url: named }),
            ..
        } => {
            assert_eq!(*named, *url);
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(other.world().log.len(), 0);
}

#[test]
fn a_request_to_another_origin_is_misuse_without_a_token_too() {
    let served = serve(Knobs::default());
    let other = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let error = post(&oauth, &other.server_url(), LIST).unwrap_err();
    let misuse = matches!(
        error,
        Error::OAuth { error: oauth_core::Error::Misuse(Misuse::ForeignRequest { .. }), .. }
    );
    assert!(misuse, "{error:?}");
    assert_eq!(other.world().log.len(), 0);
    assert_eq!(served.world().log.len(), 0);
}

#[test]
fn a_redirect_of_the_mcp_server_is_delivered_and_not_followed() {
    let served = serve(Knobs::default());
    let other = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    for status in [302, 307, 308] {
        let location = other.server_url();
        served.world().knobs.mcp_damage = Damage::times(Fault::Redirect { status, location }, 1);
        assert_eq!(call(&oauth, &served, LIST).unwrap(), status);
    }
    assert_eq!(other.world().log.len(), 0);
}

#[test]
fn redirects_of_the_login_are_not_followed() {
    let defects: [fn(&mut Knobs, Damage<Fault>); 4] = [
        |knobs, redirect| knobs.prm_damage = redirect,
        |knobs, redirect| knobs.metadata_damage = redirect,
        |knobs, redirect| knobs.registration_damage = redirect,
        |knobs, redirect| knobs.token_damage = redirect,
    ];
    let other = serve(Knobs::default());
    for (status, defect) in [302, 307].into_iter().flat_map(|s| defects.map(|d| (s, d))) {
        let served = serve(Knobs::default());
        let location = format!("{}/elsewhere", other.world().issuer());
        let redirect = Damage::always(Fault::Redirect { status, location });
        defect(&mut served.world().knobs, redirect);
        let oauth = client(&served, &MemoryTokenStorage::new());
        assert!(matches!(call(&oauth, &served, LIST), Err(Error::OAuth { .. })));
        assert_eq!(other.world().log.len(), 0);
    }
}

#[test]
fn an_endless_answer_is_cut_off() {
    let served = serve(Knobs { token_damage: Damage::always(Fault::Huge), ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    match call(&oauth, &served, LIST).unwrap_err() {
        Error::OAuth { error: oauth_core::Error::Malformed(malformed), .. } => {
            assert_eq!(malformed.endpoint, oauth_core::Endpoint::Token);
        }
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_token_that_cannot_stand_in_a_header_is_refused() {
    let served = serve(Knobs { token_form: Damage::always(TokenForm::CrLf), ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    match call(&oauth, &served, LIST).unwrap_err() {
        Error::OAuth {
            error: oauth_core::Error::PeerMisbehaved(PeerMisbehaved::UnsendableToken),
            ..
        } => {}
        error => panic!("{error:?}"),
    }
}

#[test]
fn an_mcp_server_that_is_not_there_is_an_http_error() {
    let url = format!("http://127.0.0.1:{}/mcp", silent_port());
    let oauth = OAuth::new(&url)
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(visitor())
        .build()
        .unwrap();
    let error = post(&oauth, &url, LIST).unwrap_err();
    assert!(matches!(error, Error::Http(_)), "{error:?}");
    assert_eq!(error.to_string().matches("os error").count(), 1, "{error}");
    // A login asks for metadata there, and that is a request of its own.
    match oauth.authenticate().unwrap_err() {
        Error::OAuth { error: error @ oauth_core::Error::Unreachable(_), .. } => {
            assert!(error.is_retryable())
        }
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_request_that_cannot_be_built_is_an_http_error() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let sent = oauth.send(|| http::Request::get("not a url").body(()));
    assert!(matches!(sent, Err(Error::Http(_))));
    assert_eq!(served.world().log.len(), 0);
}

#[test]
fn an_authorization_server_that_is_not_there_can_be_tried_again() {
    let issuer = format!("http://127.0.0.1:{}", silent_port());
    let served =
        serve(Knobs { prm_servers: PrmServers::Listed(vec![issuer.clone()]), ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    match call(&oauth, &served, LIST).unwrap_err() {
        Error::OAuth { error, .. } => {
            assert!(error.is_retryable());
            assert!(error.to_string().contains(&issuer), "{error}");
        }
        error => panic!("{error:?}"),
    }
    served.world().knobs.prm_servers = PrmServers::One;
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn metadata_that_only_a_challenge_can_tell_is_found_before_any_call() {
    let served = serve(Knobs { prm_location: PrmLocation::Custom, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert!(oauth.initialize().unwrap().is_none());
    assert!(matches!(
        oauth.token(),
        Err(Error::OAuth { error: oauth_core::Error::LoginRequired, .. })
    ));
    assert_eq!(served.world().log.len(), 0);
    oauth.authenticate().unwrap();
    assert_eq!(statuses(&served, LIST), [401]);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}

/// A realm may be in any language (RFC 9110 §5.5); what stands next to it counts all the same.
#[test]
fn a_challenge_with_a_realm_that_is_not_ascii_is_read() {
    let (paths, asked) = mpsc::channel();
    let origin = raw_server(move |path, stream| {
        let url = format!("http://{}/custom", stream.local_addr().unwrap());
        let challenge = format!("Bearer realm=\"B\u{fc}ro\", resource_metadata=\"{url}\"");
        let status = match path {
            "/mcp" => format!("401 Unauthorized\r\nwww-authenticate: {challenge}"),
            _ => "404 Not Found".into(),
        };
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        paths.send(path.to_owned()).unwrap();
    });
    let url = format!("{origin}/mcp");
    let oauth = OAuth::new(&url)
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(visitor())
        .build()
        .unwrap();
    let sent = oauth.send(|| http::Request::get(&url).body(()));
    assert!(matches!(sent, Err(Error::OAuth { .. })), "{sent:?}");
    assert_eq!(asked.recv_timeout(PATIENCE).unwrap(), "/mcp");
    assert_eq!(asked.recv_timeout(PATIENCE).unwrap(), "/custom");
}
