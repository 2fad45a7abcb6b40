//! The end of a session, which is worth a refresh that many share, but no login and no wait for one.

use std::time::Instant;

use oauth_tests::world::{Knobs, ScopePolicy};
use oauth_tokio::MemoryTokenStorage;

use crate::tokio_common::client;
use crate::tokio_common::common::{HOUR, PATIENCE, assert_sound, logins, refreshes, statuses};
use crate::waiting::slow;
use crate::{Connected, bounded, guarded, open};

async fn close_all(sessions: Vec<Connected>) {
    let mut tasks = tokio::task::JoinSet::new();
    for connected in sessions {
        tasks.spawn(connected.close());
    }
    bounded(tasks.join_all()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_sessions_that_end_after_an_expiry_share_one_refresh() {
    const SESSIONS: usize = 5;
    let guarded = guarded(Knobs::default()).await;
    let oauth = client(&guarded, &MemoryTokenStorage::new());
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(open(&guarded, &oauth).await);
    }
    guarded.world().log.clear();
    guarded.advance(HOUR);
    guarded.delay_tokens(std::time::Duration::from_millis(50));
    close_all(sessions).await;
    assert_eq!((refreshes(&guarded), logins(&guarded)), (1, 0));
    let ended = statuses(&guarded, "DELETE").into_iter().filter(|status| *status == 200);
    assert_eq!(ended.count(), SESSIONS);
    assert_sound(&guarded);
}

/// The token was refused, and nobody renews it for the end of a session: the login will bring another.
#[tokio::test]
async fn a_session_that_ends_beside_a_login_waits_for_nothing_and_renews_nothing() {
    for is_alive in [true, false] {
        let guarded = guarded(Knobs::default()).await;
        let store = MemoryTokenStorage::new();
        client(&guarded, &store).authenticate().await.unwrap();
        let (oauth, mut user) = slow(&guarded, &store);
        let (calling, ending) = (open(&guarded, &oauth).await, open(&guarded, &oauth).await);
        guarded.world().knobs.scopes = ScopePolicy::StepUp;
        let peer = calling.service.peer().clone();
        let waiting = tokio::spawn(async move { crate::add(&peer).await });
        user.at_page().await;
        if !is_alive {
            guarded.world().revoke_access_tokens();
        }
        let begun = Instant::now();
        ending.close().await;
        assert!(begun.elapsed() < PATIENCE / 4, "it waited");
        assert_eq!(statuses(&guarded, "DELETE"), [if is_alive { 200 } else { 401 }]);
        assert_eq!(refreshes(&guarded), 0);
        user.consent();
        assert_eq!(bounded(waiting).await.unwrap().unwrap(), "42");
        assert_sound(&guarded);
    }
}

/// The same where nothing is at hand that could be sent.
#[tokio::test]
async fn a_session_that_ends_beside_the_login_after_its_grant_does_not_wait_for_it() {
    let guarded = guarded(Knobs::default()).await;
    let store = MemoryTokenStorage::new();
    client(&guarded, &store).authenticate().await.unwrap();
    let (oauth, mut user) = slow(&guarded, &store);
    let (calling, ending) = (open(&guarded, &oauth).await, open(&guarded, &oauth).await);
    guarded.world().end_grants();
    let peer = calling.service.peer().clone();
    let waiting = tokio::spawn(async move { crate::add(&peer).await });
    user.at_page().await;
    let (begun, before) = (Instant::now(), refreshes(&guarded));
    ending.close().await;
    assert!(begun.elapsed() < PATIENCE / 4, "it waited");
    assert_eq!((statuses(&guarded, "DELETE"), refreshes(&guarded)), (vec![401], before));
    user.consent();
    assert_eq!(bounded(waiting).await.unwrap().unwrap(), "42");
    assert_sound(&guarded);
}
