//! Both adapters look at the store as often as they are told: in code, or in a configuration.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::thread;
use std::time::Duration;

use oauth_blocking::{AuthConfig, MemoryTokenStorage};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::{Blocking, SharedStorage};
use tokio_common::common::{self, LIST, builder, call, logins, serve, visitor};

/// Else the server would say that the user has logged out.
fn forgetful() -> Served {
    serve(Knobs { revocation: false, ..Knobs::default() })
}

/// Another process logs out.
fn log_out_elsewhere(served: &Served, store: &MemoryTokenStorage) {
    builder(served, store).build().unwrap().logout().unwrap();
}

#[test]
fn threads_see_a_logout_elsewhere() {
    let config: AuthConfig = serde_json::from_str(r#"{"store_check_interval": 1}"#).unwrap();
    assert!(serde_json::from_str::<AuthConfig>(r#"{"store_check_interval": 0}"#).is_err());
    let (served, store) = (forgetful(), MemoryTokenStorage::new());
    let oauth = builder(&served, &store).user_agent(visitor()).config(config).unwrap();
    let oauth = oauth.build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    log_out_elsewhere(&served, &store);
    thread::sleep(Duration::from_millis(1_100));
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(logins(&served), 2);
    common::assert_sound(&served);
}

#[tokio::test]
async fn tasks_see_a_logout_elsewhere() {
    for (interval, expected) in [(None, 1), (Some(Duration::ZERO), 2)] {
        let (served, store) = (forgetful(), MemoryTokenStorage::new());
        let shared = SharedStorage::from(Blocking::new(store.clone()));
        let oauth = tokio_common::builder(&served, &shared);
        let oauth = match interval {
            Some(interval) => oauth.store_check_interval(interval),
            None => oauth,
        };
        let oauth = oauth.build().unwrap();
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
        log_out_elsewhere(&served, &store);
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
        assert_eq!(logins(&served), expected);
        common::assert_sound(&served);
    }
}
