//! The time limits themselves: an answer that never ends comes slowly enough to look alive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::Error;
use oauth_core::client::TIME_LIMIT;
use oauth_tests::world::{Damage, Fault, Knobs};

use crate::cell::{GENEROUS, LIMIT};
use crate::client::{Adapter, Call, Client, Failed, Parts, Watch};
use crate::tokio_common::Directory;
use crate::tokio_common::common::{ELSEWHERE, redirect, serve};

#[test]
fn a_host_may_set_a_shorter_limit_in_threads() {
    let taken = trickle(Adapter::Threads, Some(LIMIT));
    assert!((LIMIT.mul_f64(0.9)..LIMIT + GENEROUS).contains(&taken), "{taken:?}");
}

#[test]
fn a_host_may_set_a_shorter_limit_in_tasks() {
    let taken = trickle(Adapter::Tasks, Some(LIMIT));
    assert!((LIMIT.mul_f64(0.9)..LIMIT + GENEROUS).contains(&taken), "{taken:?}");
}

/// Half a minute of waiting, for both at the same time.
#[test]
fn no_request_takes_longer_than_the_adapters_allow() {
    let waits = Adapter::ALL.map(|adapter| std::thread::spawn(move || trickle(adapter, None)));
    for wait in waits {
        let taken = wait.join().unwrap();
        assert!((TIME_LIMIT.mul_f64(0.9)..TIME_LIMIT + GENEROUS).contains(&taken), "{taken:?}");
    }
}

/// Logs in where the metadata comes a byte now and then. How long that is waited for.
fn trickle(adapter: Adapter, limit: Option<Duration>) -> Duration {
    let damage = Damage::always(Fault::Trickling);
    let served = serve(Knobs { metadata_damage: damage, ..Knobs::default() });
    let directory = Directory::new();
    let parts = Parts {
        server_url: &served.server_url(),
        store: &directory.store(),
        redirect_uri: ELSEWHERE,
        limit,
        provider: None,
        user: Box::new(redirect),
        watch: Arc::new(Watch::default()),
    };
    let client = Client::new(adapter, parts);
    let begun = Instant::now();
    match client.call(Call::LogIn) {
        Err(Failed { error: Some(Error::Unreachable(it)), .. }) => assert_eq!(it.status, None),
        Err(Failed { text, .. }) => panic!("{adapter:?}: {text}"),
        Ok(_) => panic!("{adapter:?}: there is no end"),
    }
    begun.elapsed()
}
