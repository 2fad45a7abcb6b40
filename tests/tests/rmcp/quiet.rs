//! A transport that asks nobody: what is needed is told in the SDK's shapes, and found as ours behind them.

use oauth_core::{Error as ProtocolError, Scopes};
use oauth_tests::world::{Knobs, ScopePolicy};
use oauth_tokio::rmcp::cause;
use oauth_tokio::{Error, MemoryTokenStorage};

use crate::tokio_common::common::{CALL, assert_sound, logins, statuses};
use crate::tokio_common::{SlowUser, builder, client};
use crate::{INITIALIZE, connect, guarded, open};

fn steps_up() -> Knobs {
    Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() }
}

fn needed(error: &(impl std::error::Error + 'static)) -> &ProtocolError {
    match cause(error) {
        Some(Error::OAuth { error, .. }) => error,
        cause => panic!("{cause:?}"),
    }
}

/// Also beside a login of the same program.
#[tokio::test]
async fn a_session_that_needs_a_login_says_so_and_begins_none() {
    let guarded = guarded(Knobs::default()).await;
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&guarded, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    for is_at_page in [false, true] {
        let page = is_at_page.then(|| {
            let oauth = oauth.clone();
            tokio::spawn(async move { oauth.login().await })
        });
        if is_at_page {
            handle.at_page().await;
        }
        let before = guarded.world().oauth_requests();
        let error = connect(&oauth.quiet()).await.err().unwrap();
        assert!(error.is_authorization_required(), "{error:?}");
        assert!(error.auth_challenge().unwrap().starts_with("Bearer "), "{error:?}");
        assert_eq!(*needed(&error), ProtocolError::LoginRequired);
        assert_eq!(guarded.world().oauth_requests(), before);
        if let Some(page) = page {
            handle.consent();
            page.await.unwrap().unwrap();
        }
    }
    assert!(statuses(&guarded, INITIALIZE).iter().all(|status| *status == 401));
    let connected = connect(&oauth.quiet()).await.unwrap();
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(logins(&guarded), 1);
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_scope_that_is_missing_is_told_and_asked_for_later() {
    let guarded = guarded(steps_up()).await;
    let oauth = client(&guarded, &MemoryTokenStorage::new());
    oauth.authenticate().await.unwrap();
    guarded.world().log.clear();
    let connected = open(&guarded, &oauth.quiet()).await;
    let error = connected.add().await.unwrap_err();
    let challenge = error.auth_challenge().unwrap();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    let missing = Scopes::parse("mcp:write").unwrap();
    assert_eq!(*needed(&error), ProtocolError::ScopeRequired { missing });
    connected.list().await.unwrap();
    oauth.login().await.unwrap();
    assert_eq!(guarded.world().scopes_asked(), [Some("mcp:basic mcp:write")]);
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(statuses(&guarded, CALL), [403, 200]);
    assert_sound(&guarded);
}
