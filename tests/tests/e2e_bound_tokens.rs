//! Tokens that are bound to a key over sockets, with both adapters (RFC 9449). The world judges each proof, and wants a
//! nonce at both servers.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use oauth_blocking::{
    Adapter, Builder, Dpop as Wish, DpopKey, Event, LoginReason, MemoryTokenStorage, Record,
    Records as _, RevocationOutcome, SoftwareKey, Written, ureq, with_oauth_retry,
};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    Dpop, Grant, Key, Knobs, Nonces, PRE_CLIENT_ID, PRE_CLIENT_SECRET, ResourceDpop, ScopePolicy,
    What,
};
use tokio_common::SlowUser;
use tokio_common::common::{
    self, CALL, LIST, assert_sound, expire, key, logins, refreshes, serve, statuses, stored,
};

const NEVER_ENDING: Nonces = Nonces::Needed { seconds: 1_000_000 };

/// Servers that take nothing but bound tokens.
fn bound() -> Knobs {
    Knobs { server_nonces: NEVER_ENDING, resource_nonces: NEVER_ENDING, ..Knobs::bound() }
}

/// Sends a call without our help.
fn own_call(served: &Served, fields: HeaderMap) -> (u16, HeaderMap) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.post(served.server_url());
    request.headers_mut().unwrap().extend(fields);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{LIST}","params":{{}}}}"#);
    let answer = request.send(body).unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

/// The thumbprint of the key that is stored.
fn thumbprint(store: &MemoryTokenStorage, served: &Served) -> String {
    let record = stored(store, &key(served)).unwrap();
    record.binding().dpop_key().unwrap().thumbprint()
}

#[test]
fn threads_log_in_refresh_and_log_out_with_proofs() {
    let (served, store) = (serve(bound()), MemoryTokenStorage::new());
    let oauth = common::client(&served, &store);
    assert_eq!(oauth.initialize().unwrap(), None);
    for _ in 0..2 {
        assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    }
    // Without a token, without a nonce, and then as it has to be.
    assert_eq!(statuses(&served, LIST), [401, 401, 200, 200]);
    assert!(oauth.initialize().unwrap().unwrap().is_bound());

    let before = thumbprint(&store, &served);
    expire(&store, &key(&served));
    let restarted = common::client(&served, &store);
    assert_eq!(common::call(&restarted.quiet(), &served, LIST).unwrap(), 200);
    // The one without a nonce has spent nothing.
    assert_eq!((logins(&served), refreshes(&served)), (1, 2));
    assert_eq!(thumbprint(&store, &served), before);

    assert!(restarted.logout().unwrap().is_complete());
    assert!(stored(&store, &key(&served)).unwrap().binding().dpop_key().is_none());
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_log_in_refresh_and_log_out_with_proofs() {
    let (served, store) = (serve(bound()), MemoryTokenStorage::new());
    let oauth = tokio_common::client(&served, &store);
    assert_eq!(oauth.initialize().await.unwrap(), None);
    for _ in 0..2 {
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_eq!(statuses(&served, LIST), [401, 401, 200, 200]);
    assert!(oauth.initialize().await.unwrap().unwrap().is_bound());

    let before = thumbprint(&store, &served);
    expire(&store, &key(&served));
    let restarted = tokio_common::client(&served, &store);
    assert_eq!(tokio_common::call(&restarted.quiet(), &served, LIST).await.unwrap(), 200);
    assert_eq!((logins(&served), refreshes(&served)), (1, 2));
    assert_eq!(thumbprint(&store, &served), before);

    assert!(restarted.logout().await.unwrap().is_complete());
    assert!(stored(&store, &key(&served)).unwrap().binding().dpop_key().is_none());
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_changes_with_each_answer_costs_nothing() {
    let served = serve(Knobs { resource_nonces: Nonces::EachAnswer, ..bound() });
    let oauth = tokio_common::logged_in(&served, &MemoryTokenStorage::new()).await;
    for _ in 0..3 {
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_eq!(statuses(&served, LIST), [200; 3]);
    tokio::task::block_in_place(|| {
        let oauth = common::logged_in(&served, &MemoryTokenStorage::new());
        for _ in 0..3 {
            assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        }
    });
    assert_eq!(statuses(&served, LIST), [200; 3]);
    assert_sound(&served);
}

/// The token is as good as it was: nobody has to be asked for a proof.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_lacks_a_nonce_does_not_wait_for_somebody_elses_login() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..bound() };
    let (served, store) = (serve(knobs), MemoryTokenStorage::new());
    tokio_common::client(&served, &store).authenticate().await.unwrap();
    let (user, mut told) = SlowUser::new();
    let oauth = tokio_common::builder(&served, &store).user_agent(user).build().unwrap();
    let waiting = tokio::spawn({
        let (oauth, url) = (oauth.clone(), served.server_url());
        async move { tokio_common::post(&oauth, &url, CALL).await }
    });
    told.at_page().await;
    served.world().knobs.resource_nonces = Nonces::EachAnswer;
    // That is another nonce than the one which the client has.
    let (status, _) = tokio::task::block_in_place(|| own_call(&served, HeaderMap::new()));
    assert_eq!(status, 401);
    let call = tokio_common::call(&oauth, &served, LIST);
    let status = tokio::time::timeout(common::PATIENCE / 2, call).await.expect("it waits");
    assert_eq!(status.unwrap(), 200);
    told.consent();
    assert_eq!(waiting.await.unwrap().unwrap().0, 200);
    assert_sound(&served);
}

/// A token that needs proofs is good for nothing alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_is_not_given_out_as_one_that_could_be_sent() {
    let served = serve(bound());
    let oauth = tokio_common::logged_in(&served, &MemoryTokenStorage::new()).await;
    for refused in
        [oauth.token().await.unwrap_err(), oauth.token_for(Duration::ZERO).await.unwrap_err()]
    {
        assert_eq!(refused.code(), "bound_token");
        assert!(refused.advice().contains("headers"), "{}", refused.advice());
    }
    assert_eq!(oauth.authorization(), None);
    let oauth = tokio::task::block_in_place(|| {
        let oauth = common::logged_in(&served, &MemoryTokenStorage::new());
        assert_eq!(oauth.token().unwrap_err().code(), "bound_token");
        assert_eq!(oauth.token_for(Duration::ZERO).unwrap_err().code(), "bound_token");
        oauth
    });
    assert_eq!(oauth.authorization(), None);
    assert_sound(&served);
}

#[test]
fn a_host_with_its_own_http_makes_fields_for_each_request_and_tells_of_each_answer() {
    let served = serve(Knobs { resource_nonces: Nonces::EachAnswer, ..bound() });
    let oauth = common::client(&served, &MemoryTokenStorage::new());
    let token = oauth.authenticate().unwrap();
    let url = served.server_url();
    let fields = || oauth.headers("POST", &url).unwrap();

    let (status, head) = own_call(&served, fields());
    assert_eq!(status, 401);
    // Nothing is wrong with the token but that its proof lacks the nonce.
    assert_eq!(oauth.refused(&token, status, &head).unwrap().as_ref(), Some(&token));
    for _ in 0..2 {
        let (status, head) = own_call(&served, fields());
        assert_eq!(status, 200);
        assert_eq!(oauth.refused(&token, status, &head).unwrap(), None);
    }
    served.world().revoke_access_tokens();
    let (status, head) = own_call(&served, fields());
    let other = oauth.refused(&token, status, &head).unwrap().unwrap();
    assert!(other != token && other.is_bound());
    assert_eq!(own_call(&served, fields()).0, 200);
    // The first one is ours, and asks the server for its challenge.
    assert_eq!(statuses(&served, LIST), [401, 401, 200, 200, 401, 200]);
    assert_eq!(logins(&served), 1);
    let foreign = oauth.headers("POST", "https://evil.example.com/mcp").unwrap_err();
    assert_eq!(foreign.code(), "foreign_request");
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_its_own_http_does_so_on_tokio() {
    let served = serve(Knobs { resource_nonces: Nonces::EachAnswer, ..bound() });
    let oauth = tokio_common::client(&served, &MemoryTokenStorage::new());
    let token = oauth.authenticate().await.unwrap();
    let url = served.server_url();
    for expected in [401, 200, 200] {
        let fields = oauth.headers("POST", &url).await.unwrap();
        let (status, head) = tokio::task::block_in_place(|| own_call(&served, fields));
        assert_eq!(status, expected);
        let again = oauth.refused(&token, status, &head).await.unwrap();
        assert_eq!(again, (status == 401).then(|| token.clone()));
    }
    let foreign = oauth.headers("POST", "https://evil.example.com/mcp").await.unwrap_err();
    assert_eq!(foreign.code(), "foreign_request");
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_lacks_a_login_is_run_again_with_proofs_after_it() {
    let served = serve(bound());
    let oauth = tokio_common::client(&served, &MemoryTokenStorage::new());
    let (quiet, url) = (oauth.quiet(), served.server_url());
    let fields = oauth_tokio::with_oauth_retry(&oauth, || quiet.headers("POST", &url)).await;
    assert!(fields.unwrap().contains_key("dpop"));
    tokio::task::block_in_place(|| {
        let oauth = common::client(&served, &MemoryTokenStorage::new());
        let quiet = oauth.quiet();
        let fields = with_oauth_retry(&oauth, || quiet.headers("POST", &url));
        assert_eq!(own_call(&served, fields.unwrap()).0, 401, "it lacks the nonce");
        assert_eq!(common::call(&quiet, &served, LIST).unwrap(), 200);
    });
    assert_eq!(logins(&served), 2);
    assert_sound(&served);
}

/// A key that cannot be exported, or at least is not.
fn with_own_key<A: Adapter>(builder: Builder<A>, number: u8) -> Builder<A> {
    let key = SoftwareKey::parse(&Key::p256(number).pem()).unwrap();
    builder.dpop_key(DpopKey::new(key.public_jwk().clone()), key)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_own_key_stays_with_the_host_and_a_store_without_it_is_of_no_use() {
    let (served, store) = (serve(bound()), MemoryTokenStorage::new());
    let own = || with_own_key(tokio_common::builder(&served, &store), 9).build().unwrap();
    assert_eq!(tokio_common::call(&own(), &served, LIST).await.unwrap(), 200);
    assert_eq!(thumbprint(&store, &served), Key::p256(9).public().thumbprint());
    assert!(!stored(&store, &key(&served)).unwrap().to_json().contains("\"secret\""));
    expire(&store, &key(&served));
    assert_eq!(tokio_common::call(&own().quiet(), &served, LIST).await.unwrap(), 200);
    tokio::task::block_in_place(|| {
        let thief = common::client(&served, &store).quiet();
        assert_eq!(common::call(&thief, &served, LIST).unwrap_err().code(), "login_required");
        let own = with_own_key(common::builder(&served, &store), 9).build().unwrap();
        assert_eq!(common::call(&own.quiet(), &served, LIST).unwrap(), 200);
    });
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wishes_for_bound_tokens_gets_them_where_both_servers_can_do_it() {
    let knobs =
        Knobs { dpop: Dpop::Offered, resource_dpop: ResourceDpop::Taken, ..Knobs::default() };
    for (wish, is_bound) in [
        (Wish::IfRequired, false),
        (Wish::Off, false),
        (Wish::Preferred, true),
        (Wish::Required, true),
    ] {
        let served = serve(knobs.clone());
        let oauth = tokio_common::builder(&served, &MemoryTokenStorage::new()).dpop(wish);
        let oauth = oauth.build().unwrap();
        assert_eq!(oauth.authenticate().await.unwrap().is_bound(), is_bound, "{wish:?}");
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
        tokio::task::block_in_place(|| {
            let oauth = common::builder(&served, &MemoryTokenStorage::new()).dpop(wish);
            let oauth = oauth.build().unwrap();
            assert_eq!(oauth.authenticate().unwrap().is_bound(), is_bound, "{wish:?}");
            assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        });
        assert_sound(&served);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_user_binds_its_tokens_too() {
    let Knobs { dpop, resource_dpop, prm_dpop_required, .. } = Knobs::bound();
    let knobs = Knobs {
        dpop,
        resource_dpop,
        prm_dpop_required,
        server_nonces: NEVER_ENDING,
        resource_nonces: NEVER_ENDING,
        ..Knobs::machines(&[Grant::ClientCredentials])
    };
    let (served, store) = (serve(knobs), MemoryTokenStorage::new());
    let oauth = tokio_common::builder(&served, &store)
        .client_credentials(PRE_CLIENT_ID, PRE_CLIENT_SECRET)
        .build()
        .unwrap();
    let call = || tokio_common::call(&oauth, &served, LIST);
    let (one, two, three) = tokio::join!(call(), call(), call());
    assert_eq!([one, two, three].map(Result::unwrap), [200; 3]);
    tokio::task::block_in_place(|| {
        let oauth = common::builder(&served, &store)
            .client_credentials(PRE_CLIENT_ID, PRE_CLIENT_SECRET)
            .build()
            .unwrap();
        assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        served.world().revoke_access_tokens();
        assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    });
    // Each process hears the nonce once.
    let asked = served.world().count(What::Token(Grant::ClientCredentials));
    assert_eq!(asked, 4);
    assert_sound(&served);
}

/// Breaks the key that is stored, as a disk or a person may.
fn damage_key(store: &MemoryTokenStorage, key: &oauth_blocking::Key) {
    let record = stored(store, key).unwrap();
    let secret = record.binding().dpop_key().unwrap().secret().unwrap().expose().to_owned();
    let damaged = record.to_json().replace(&secret, &secret[1..]);
    let damaged = Record::from_json(damaged.as_bytes()).unwrap();
    assert_eq!(store.save(key, &damaged, record.generation()).unwrap(), Written::Done);
}

/// Also where nobody may log in, and that is said. What is taken back needs no key.
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_key_that_cannot_be_read_is_a_login_that_says_so() {
    let (served, store) = (serve(bound()), MemoryTokenStorage::new());
    tokio::task::block_in_place(|| drop(common::logged_in(&served, &store)));
    let reasons = Arc::<Mutex<Vec<LoginReason>>>::default();
    damage_key(&store, &key(&served));
    let (told, before) = (Arc::clone(&reasons), thumbprint(&store, &served));
    tokio::task::block_in_place(|| {
        let builder = common::builder(&served, &store).on_event(move |event| {
            if let Event::LoginBegun { reason } = event {
                told.lock().unwrap().push((*reason).clone());
            }
        });
        let oauth = builder.build().unwrap();
        for _ in 0..2 {
            assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        }
    });
    assert_ne!(thumbprint(&store, &served), before);
    damage_key(&store, &key(&served));
    let oauth = tokio_common::client(&served, &store);
    let quiet = tokio_common::call(&oauth.quiet(), &served, LIST).await;
    assert_eq!(quiet.unwrap_err().code(), "login_required");
    assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(*reasons.lock().unwrap(), [LoginReason::KeyGone]);
    assert_eq!((logins(&served), refreshes(&served)), (2, 0));
    // It leaves no token alive.
    damage_key(&store, &key(&served));
    let oauth = tokio_common::client(&served, &store);
    let logged_out = oauth.logout().await.unwrap();
    assert_eq!(logged_out.refresh_token, RevocationOutcome::Revoked);
    assert_sound(&served);
}
