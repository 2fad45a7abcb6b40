//! The tokio adapter over sockets: what the blocking one does, it does.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use oauth_core::error::{Actor, Misuse, PeerIncompatible, PeerMisbehaved};
use oauth_tests::world::{
    Consent, Damage, Fault, Grant, Knobs, PrmLocation, PrmServers, RefreshTokens, ScopePolicy,
    TokenForm, What,
};
use oauth_tokio::reqwest::{ClientBuilder, redirect::Policy};
use oauth_tokio::{
    BearerAuth, Blocking, Error, Event, HttpClient, LoopbackBrowser, MemoryTokenStorage, OAuth,
    RedirectUri, RetryError, StorageError, UserAgentError, UserAgentFn, needed_consent,
    with_oauth_retry, with_oauth_retry_if,
};
use tokio_common::common::{
    Brittle, CALL, ELSEWHERE, HOUR, LIST, PATIENCE, assert_sound, browser, expire, key, logins,
    raw_server, refreshes, registrations, serve, silent_port, statuses, stored_token, visitor,
};
use tokio_common::{builder, call, client, core_error, handed_out, headless, logged_in, post};

#[tokio::test]
async fn a_first_call_costs_five_oauth_requests_and_is_sent_twice() {
    let served = serve(Knobs::default());
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new().open_with(browser))
        .build()
        .unwrap();
    let (status, answer) = post(&oauth, &served.server_url(), CALL).await.unwrap();
    assert_eq!(status, 200);
    assert!(answer.contains("42"), "{answer}");
    assert_eq!(statuses(&served, CALL), [401, 200]);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}

#[tokio::test]
async fn a_login_tells_what_it_does() {
    let served = serve(Knobs::default());
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let watch = move |event: &Event<'_>| {
        told.lock().unwrap().push(match event {
            Event::Answered { authorized, status, .. } => format!("answered {authorized} {status}"),
            Event::Exchange { endpoint, outcome, .. } => format!("{endpoint:?} {:?}", outcome.ok()),
            Event::Opening { .. } => "opening".into(),
            Event::Redirected => "redirected".into(),
            _ => return,
        });
    };
    let user = LoopbackBrowser::new().open_with(browser);
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).on_event(watch);
    assert_eq!(call(&oauth.build().unwrap(), &served, LIST).await.unwrap(), 200);
    assert_eq!(
        *events.lock().unwrap(),
        [
            "answered false 401",
            "ResourceMetadata Some(200)",
            "ServerMetadata Some(200)",
            "Registration Some(201)",
            "opening",
            "redirected",
            "Token Some(200)",
            "answered true 200",
        ]
    );
}

#[tokio::test]
async fn a_token_is_looked_up_refreshed_or_logged_in_for() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = client(&served, &store);
    assert_eq!(oauth.initialize().await.unwrap(), None);
    assert_eq!(oauth.refresh_token().await.unwrap(), None);
    assert_eq!(core_error(oauth.token().await), oauth_core::Error::LoginRequired);
    assert_eq!(served.world().log.len(), 0);

    let one = oauth.authenticate().await.unwrap();
    assert_eq!(oauth.initialize().await.unwrap().as_ref(), Some(&one));
    assert_eq!(oauth.token().await.unwrap(), one);
    assert_eq!(logins(&served), 1);

    let two = oauth.refresh_token().await.unwrap().unwrap();
    assert_ne!(one, two);
    assert_eq!(oauth.authenticate().await.unwrap(), two);
    assert_eq!(stored_token(&store, &key(&served)).as_deref(), Some(two.token()));
    assert_eq!((refreshes(&served), logins(&served)), (1, 1));

    expire(&store, &key(&served));
    let three = client(&served, &store).initialize().await.unwrap().unwrap();
    assert_ne!(two, three);
    assert_eq!((refreshes(&served), logins(&served)), (2, 1));
    assert_sound(&served);
}

#[tokio::test]
async fn a_token_that_expired_at_the_server_costs_one_refresh() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    served.world().knobs.metadata_off = true;
    served.advance(HOUR);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [401, 200]);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn there_is_nothing_to_refresh_without_a_refresh_token() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    assert_eq!(oauth.refresh_token().await.unwrap(), None);
    assert_eq!(served.world().oauth_requests(), 0);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
}

#[tokio::test]
async fn a_refused_refresh_gives_no_token_and_the_next_call_logs_in() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    served.world().end_grants();
    for _ in 0..2 {
        assert_eq!(oauth.refresh_token().await.unwrap(), None);
        assert_eq!(refreshes(&served), 1);
    }
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!((logins(&served), registrations(&served)), (1, 0));
    assert_sound(&served);
}

#[tokio::test]
async fn a_missing_scope_is_asked_for_with_those_at_hand_and_the_same_client() {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(call(&oauth, &served, CALL).await.unwrap(), 200);
    assert_eq!(statuses(&served, CALL), [403, 200]);
    let scopes = [Some("mcp:basic"), Some("mcp:basic mcp:write")];
    assert_eq!(served.world().scopes_asked(), scopes);
    assert_eq!(registrations(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_fixed_token_needs_no_login() {
    let served = serve(Knobs::default());
    let token = BearerAuth::new("an-api-key").unwrap();
    let oauth = builder(&served, &MemoryTokenStorage::new()).bearer(token.clone()).build().unwrap();
    assert_eq!(oauth.token().await.unwrap(), token);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 401);
    assert_eq!(served.world().oauth_requests(), 0);
}

#[tokio::test]
async fn metadata_that_only_a_challenge_can_tell_is_found_before_any_call() {
    let served = serve(Knobs { prm_location: PrmLocation::Custom, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    oauth.authenticate().await.unwrap();
    assert_eq!(statuses(&served, LIST), [401]);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}

#[tokio::test]
async fn other_statuses_are_delivered() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    for status in [400, 403, 404, 429, 500, 503] {
        served.world().knobs.mcp_damage = Damage::times(Fault::Status(status), 1);
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), status);
    }
    assert_eq!(served.world().oauth_requests(), 0);
}

/// Whatever the host's client would do.
#[tokio::test]
async fn redirects_are_delivered_and_not_followed() {
    let (served, other) = (serve(Knobs::default()), serve(Knobs::default()));
    let following = |http: ClientBuilder| http.redirect(Policy::limited(10));
    for http in [HttpClient::new(|http| http), HttpClient::new(following)] {
        let http = http.unwrap();
        let oauth = builder(&served, &MemoryTokenStorage::new()).http_client(http).build().unwrap();
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
        for status in [301, 302, 303, 307, 308] {
            let location = other.server_url();
            let fault = Fault::Redirect { status, location };
            served.world().knobs.mcp_damage = Damage::times(fault, 1);
            assert_eq!(call(&oauth, &served, LIST).await.unwrap(), status);
        }
        let fault = Fault::Redirect { status: 307, location: other.server_url() };
        served.world().knobs.token_damage = Damage::times(fault, 1);
        assert!(oauth.refresh_token().await.unwrap().is_none());
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_eq!(other.world().log.len(), 0);
    assert_sound(&served);
}

#[tokio::test]
async fn a_token_is_not_sent_to_another_origin() {
    let (served, other) = (serve(Knobs::default()), serve(Knobs::default()));
    let store = MemoryTokenStorage::new();
    for oauth in [client(&served, &store), logged_in(&served, &store).await] {
        match core_error(post(&oauth, &other.server_url(), LIST).await) {
            oauth_core::Error::Misuse(Misuse::ForeignRequest { url }) => {
                assert_eq!(*url, *other.server_url());
            }
            error => panic!("{error:?}"),
        }
    }
    assert_eq!(other.world().log.len(), 0);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let served = serve(Knobs { token_damage: Damage::always(Fault::Huge), ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    match core_error(call(&oauth, &served, LIST).await) {
        oauth_core::Error::Malformed(malformed) => {
            assert_eq!(malformed.endpoint, oauth_core::Endpoint::Token);
        }
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (say, said) = mpsc::channel();
    let origin = raw_server(move |path, stream| {
        let connection = "connection: close\r\n\r\n";
        if path == "/mcp" {
            let refusal = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n";
            write!(stream, "{refusal}{connection}").unwrap();
            return;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        write!(stream, "{head}{connection}").unwrap();
        let piece = vec![b' '; oauth_core::MAX_BODY];
        let cut_off = (0..PIECES).any(|_| stream.write_all(&piece).is_err());
        say.send(cut_off).unwrap();
    });
    let url = format!("{origin}/mcp");
    let builder = OAuth::new(&url).unwrap().token_storage(MemoryTokenStorage::new());
    let oauth = builder.user_agent(Blocking::new(visitor())).build().unwrap();
    match core_error(oauth.authenticate().await) {
        oauth_core::Error::PeerIncompatible(PeerIncompatible::NoLoginAskedFor { .. }) => {}
        error => panic!("{error:?}"),
    }
    assert!(said.recv_timeout(PATIENCE).unwrap(), "it was read to its end");
}

/// Far more than fits between two sockets, in bodies of the longest length.
const PIECES: usize = 64;

#[tokio::test]
async fn a_token_that_cannot_stand_in_a_header_is_refused() {
    let served = serve(Knobs { token_form: Damage::always(TokenForm::CrLf), ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    let error = core_error(call(&oauth, &served, LIST).await);
    assert_eq!(error, PeerMisbehaved::UnsendableToken.into());
}

#[tokio::test]
async fn a_user_who_says_no_is_a_refusal() {
    let served = serve(Knobs { consent: Consent::Deny, ..Knobs::default() });
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new().open_with(browser))
        .build()
        .unwrap();
    match core_error(call(&oauth, &served, LIST).await) {
        error @ oauth_core::Error::Refused(_) => assert_eq!(error.actor(), Actor::User),
        error => panic!("{error:?}"),
    }
    served.world().knobs.consent = Consent::Grant;
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(registrations(&served), 1);
}

#[tokio::test]
async fn a_user_who_gives_up_can_log_in_later() {
    let served = serve(Knobs::default());
    let redirect_uri = RedirectUri::parse(ELSEWHERE).unwrap();
    let tries = AtomicUsize::new(0);
    let user =
        UserAgentFn::new(redirect_uri, move |url| match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Err(UserAgentError::Cancelled),
            _ => Ok(tokio_common::common::redirect(url)),
        });
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let error = call(&oauth, &served, LIST).await.unwrap_err();
    assert!(matches!(error, Error::UserAgent(UserAgentError::Cancelled)), "{error:?}");
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(registrations(&served), 1);
}

#[tokio::test]
async fn an_authorization_server_that_is_not_there_can_be_tried_again() {
    let issuer = format!("http://127.0.0.1:{}", silent_port());
    let served =
        serve(Knobs { prm_servers: PrmServers::Listed(vec![issuer.clone()]), ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    let error = core_error(call(&oauth, &served, LIST).await);
    assert!(matches!(error, oauth_core::Error::Unreachable(_)), "{error:?}");
    assert!(error.is_retryable());
    assert!(error.to_string().contains(&issuer), "{error}");
    served.world().knobs.prm_servers = PrmServers::One;
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

#[tokio::test]
async fn an_mcp_server_that_is_not_there_is_an_http_error() {
    let url = format!("http://127.0.0.1:{}/mcp?key=planted", silent_port());
    let oauth = OAuth::new(&url)
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(Blocking::new(visitor()))
        .build()
        .unwrap();
    let error = post(&oauth, &url, LIST).await.unwrap_err();
    assert!(matches!(error, Error::Http(_)), "{error:?}");
    assert!(error.to_string().contains("os error"), "it says why: {error}");
    assert!(error.to_string().contains("/mcp"), "it says where: {error}");
    assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    assert!(core_error(oauth.authenticate().await).is_retryable());
    let sent = oauth.send(|http| http.get("not a url")).await;
    assert!(matches!(sent, Err(Error::Http(_))), "{sent:?}");
}

#[tokio::test]
async fn an_expired_token_that_cannot_be_renewed_now_is_an_error_that_loses_nothing() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    expire(&store, &key(&served));
    let fault = Fault::Unavailable { retry_after: 2 };
    served.world().knobs.token_damage = Damage::times(fault, 1);
    let (oauth, another) = (client(&served, &store), client(&served, &store));
    for oauth in [&oauth, &oauth, &another] {
        assert!(core_error(call(oauth, &served, LIST).await).is_retryable());
    }
    assert_eq!(refreshes(&served), 1, "nobody asks before the time that the server named");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!((refreshes(&served), logins(&served)), (2, 0));
    assert_sound(&served);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_locked_or_written_is_found_before_the_browser_opens() {
    let served = serve(Knobs::default());
    let store = Brittle::default();
    let oauth = OAuth::new(&served.server_url())
        .unwrap()
        .token_storage(Blocking::new(store.clone()))
        .user_agent(Blocking::new(visitor()))
        .build()
        .unwrap();
    for broken in [&store.no_load, &store.no_lock, &store.no_save] {
        broken.store(true, Ordering::SeqCst);
        match oauth.authenticate().await.unwrap_err() {
            Error::Storage(StorageError::Unavailable { cause, .. }) => {
                assert_eq!(cause.to_string(), "out of order");
            }
            error => panic!("{error:?}"),
        }
        assert_eq!(logins(&served), 0);
        broken.store(false, Ordering::SeqCst);
    }
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

#[tokio::test]
async fn a_call_that_lacks_a_login_is_run_again_after_it() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let calls = AtomicUsize::new(0);
    let token = with_oauth_retry(&oauth, async || {
        calls.fetch_add(1, Ordering::SeqCst);
        oauth.token().await
    })
    .await;
    assert_eq!(token.unwrap(), oauth.token().await.unwrap());
    assert_eq!(calls.into_inner(), 2);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_failure_that_no_consent_helps_against_is_returned_at_once() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let failed: Result<(), Error> =
        with_oauth_retry(&oauth, async || Err(oauth_core::Error::Contended.into())).await;
    assert_eq!(core_error(failed), oauth_core::Error::Contended);
    assert_eq!(served.world().log.len(), 0);
}

/// In a task, as hosts call it.
#[tokio::test]
async fn a_call_with_an_error_of_any_type_is_run_again_after_a_login() {
    type AnyError = Box<dyn std::error::Error + Send + Sync>;
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let needs = |error: &AnyError| needed_consent(&**error);
    let called = tokio::spawn({
        let oauth = oauth.clone();
        async move {
            let call = || async { Ok::<_, AnyError>(oauth.token().await?) };
            with_oauth_retry_if(&oauth, needs, call).await
        }
    });
    assert_eq!(called.await.unwrap().unwrap(), oauth.token().await.unwrap());
    assert_eq!(logins(&served), 1);
    let other = async || Err::<(), _>(AnyError::from("something else"));
    let failed = with_oauth_retry_if(&oauth, needs, other).await.unwrap_err();
    assert!(matches!(failed, RetryError::Call(_)), "{failed}");
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_connect_url_is_what_a_headless_client_answers_a_retry_with() {
    let served = serve(Knobs::default());
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let error = handed_out(with_oauth_retry(&oauth, async || oauth.token().await).await);
    assert!(error.connect_url.as_str().starts_with(&served.world().issuer()));
    assert_eq!(served.world().count(What::Token(Grant::Code)), 0);
}
