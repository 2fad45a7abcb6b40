//! A session whose every request, whatever its method, proves the key that the token is bound to (RFC 9449).

use oauth_tests::world::{Knobs, Nonces};
use oauth_tokio::MemoryTokenStorage;

use crate::tokio_common::client;
use crate::tokio_common::common::{CALL, LIST, assert_sound, logins, refreshes, statuses};
use crate::{INITIALIZE, guarded, open};

#[tokio::test]
async fn a_whole_session_is_sent_with_proofs_and_the_nonces_of_both_servers() {
    let seconds = Nonces::Needed { seconds: 1_000_000 };
    let knobs = Knobs { server_nonces: seconds, resource_nonces: seconds, ..Knobs::bound() };
    let guarded = guarded(knobs).await;
    let oauth = client(&guarded, &MemoryTokenStorage::new());
    let mut connected = open(&guarded, &oauth).await;
    assert_eq!(connected.list().await.unwrap(), 2);
    assert_eq!(connected.add().await.unwrap(), "42");
    connected.is_told().await;
    connected.close().await;
    // Without a token, without the nonce, and then as it has to be.
    assert_eq!(statuses(&guarded, INITIALIZE), [401, 401, 200]);
    for method in ["notifications/initialized", "GET", LIST, "DELETE"] {
        assert_eq!(statuses(&guarded, method), [200], "{method}");
    }
    // Metadata of both, registration, login, and a code that is redeemed at the second try.
    assert_eq!((guarded.world().oauth_requests(), guarded.sessions().len()), (6, 1));
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_session_goes_on_when_its_nonces_and_its_token_run_out() {
    let minute = Nonces::Needed { seconds: 60 };
    let knobs = Knobs { server_nonces: minute, resource_nonces: minute, ..Knobs::bound() };
    let guarded = guarded(knobs).await;
    let oauth = client(&guarded, &MemoryTokenStorage::new());
    let mut connected = open(&guarded, &oauth).await;
    guarded.world().log.clear();
    guarded.pin_clock();
    guarded.advance(61);
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!((statuses(&guarded, CALL), refreshes(&guarded)), (vec![401, 200], 0));
    guarded.world().revoke_access_tokens();
    connected.is_told().await;
    // The nonce of the authorization server has run out as well.
    assert_eq!((refreshes(&guarded), logins(&guarded)), (2, 0));
    guarded.advance(61);
    connected.close().await;
    assert_eq!(statuses(&guarded, "DELETE"), [401, 200]);
    assert_eq!(guarded.sessions().len(), 1);
    assert_sound(&guarded);
}
