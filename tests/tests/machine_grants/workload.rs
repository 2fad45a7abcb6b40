//! The JWT of a workload.

use oauth_core::session::{LoggedOut, RevocationOutcome};
use oauth_tests::drive::Event;
use oauth_tests::world::AssertionAudience;

use super::*;

const GRANT: Grant = Grant::JwtBearer;

#[test]
fn a_workload_is_named_by_its_jwt_alone() {
    let knobs = machines(GRANT);
    let stage = play(&knobs, &settings().client_issuer(ISSUER).workload_identity(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage, GRANT), stage.gifts.assertions), ([1, 1, 2], 2));
    for sent in stage.world.presented() {
        assert!(stage.store.written.iter().all(|record| !record.contains(&sent)), "{sent}");
    }
}

#[test]
fn a_client_id_is_sent_where_one_is_set() {
    let mut knobs = machines(GRANT);
    knobs.workload_client_id = Some("workload-1".into());
    let settings = settings()
        .client_id("workload-1", None)
        .expect("a client")
        .client_issuer(ISSUER)
        .workload_identity();
    let stage = play(&knobs, &settings, |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT), [1, 1, 1]);
}

#[test]
fn a_refused_assertion_is_not_sent_again_and_no_other_grant_is_tried() {
    let mut knobs = machines(GRANT);
    knobs.assertion_audience = AssertionAudience::TokenEndpoint;
    let settings = settings().client_issuer(ISSUER).workload_identity();
    let mut stage = Stage::new(&knobs, &settings, false);
    let refused = stage.call("tools/list").expect_err("it is for another audience");
    assert_eq!(refused.code(), "refused_token_invalid_grant", "{refused}");
    assert_eq!(asked(&stage, GRANT), [1, 1, 1]);
    assert_eq!(stage.world.token_requests(), 1);
}

/// Who revokes a token says who they are (RFC 7009 §2.1), and a JWT of a workload is for token requests only.
#[test]
fn a_workload_that_has_no_name_revokes_nothing() {
    let settings = settings().client_issuer(ISSUER).workload_identity();
    let stage = play(&machines(GRANT), &settings, |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.session_mut(0).logout();
        let (refresh_token, access_token) =
            (RevocationOutcome::Absent, RevocationOutcome::NotRevocable);
        let left = LoggedOut { refresh_token, access_token };
        assert_eq!(stage.run(0), Ok(Event::LoggedOut(left)));
        assert!(stage.record().is_some_and(|record| record.tokens().is_none()));
    });
    assert_eq!(stage.world.count(What::Revoke), 0);
}

#[test]
fn a_server_that_lists_other_grants_only_is_not_asked() {
    let knobs = machines(Grant::ClientCredentials);
    let stage = play(&knobs, &settings().client_issuer(ISSUER).workload_identity(), |stage| {
        let refused = stage.call("tools/list").expect_err("it is not listed");
        assert_eq!(refused.code(), "grant_not_listed", "{refused}");
    });
    assert_eq!(stage.world.token_requests(), 0);
}

/// The JWT is good for whoever gets it, and nobody sees a page that names the server.
#[test]
fn only_a_server_that_somebody_vouches_for_gets_what_is_secret() {
    let (grants, unnamed) = (machines(GRANT), settings().workload_identity());
    let named = settings().client_issuer("https://auth2.example.com").workload_identity();
    for (settings, code) in [(unnamed, "unconfirmed_issuer"), (named, "foreign_client")] {
        let stage = play(&grants, &settings, |stage| {
            let refused = stage.call("tools/list").expect_err("nobody vouches for it");
            assert_eq!(refused.code(), code, "{refused}");
        });
        assert_eq!((stage.world.token_requests(), stage.gifts.assertions), (0, 0));
    }
    let secret = settings().client_id(PRE_CLIENT_ID, Some(Secret::from(PRE_CLIENT_SECRET)));
    let stage = play(
        &machines(Grant::ClientCredentials),
        &secret.expect("a client").client_credentials(),
        |stage| {
            let refused = stage.call("tools/list").expect_err("nobody vouches for it");
            assert_eq!(refused.code(), "unconfirmed_issuer", "{refused}");
        },
    );
    assert_eq!(stage.world.token_requests(), 0);
}
