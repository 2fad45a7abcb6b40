//! A lock has one holder, and is free when that one lets it go.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use crate::client::storage::nonblocking::Leases as _;
use crate::client::storage_contract::bench::{Bench, Handle, Short};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::sample::{alike, odd};
use crate::client::storage_contract::stage::Stage;
use crate::session::{Key, Lock};

pub(in super::super) async fn a_lock_has_one_holder<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for lock in LOCKS {
        let lease = one.takes(&key, lock).await?;
        for _ in 0..3 {
            other.finds_held(&key, lock, "by another handle while it was held").await?;
            one.finds_held(&key, lock, "by the same handle while it was held").await?;
        }
        one.releases(&key, lease).await?;
    }
    Ok(())
}

pub(in super::super) async fn locks_of_a_key_are_independent<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for released in LOCKS {
        let mut held = Vec::new();
        for lock in LOCKS {
            held.push(one.takes(&key, lock).await?);
        }
        let at = LOCKS.iter().position(|lock| *lock == released).unwrap_or_default();
        one.releases(&key, held.remove(at)).await?;
        for lock in LOCKS.into_iter().filter(|lock| *lock != released) {
            other.finds_held(&key, lock, format!("after {released:?} was released")).await?;
        }
        let again = other.takes(&key, released).await?;
        other.releases(&key, again).await?;
        for lease in held {
            one.releases(&key, lease).await?;
        }
    }
    Ok(())
}

pub(in super::super) async fn locks_of_keys_are_independent<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (one, other) = (bench.open().await?, bench.open().await?);
    let name = bench.application;
    let mut keys: Vec<_> = alike().chain(odd()).map(|text| bench.key(&text)).collect();
    keys.extend(
        [("b", ""), ("", "b"), ("a", "ab"), ("aa", "b")].map(|it| Key::grant(name, it.0, it.1)),
    );
    let mut held = Vec::new();
    for key in &keys {
        let Some(lease) = one.try_lock(key, Lock::Refresh).await? else {
            return Err(Finding::Broken(format!("{} has the lock of another key.", Short(key))));
        };
        held.push((key, lease));
    }
    while let Some((key, lease)) = held.pop() {
        one.releases(key, lease).await?;
        if let Some((before, _)) = held.last() {
            let before: &Key = before;
            let when = format!("after that of {} was released", Short(key));
            other.finds_held(before, Lock::Refresh, when).await?;
        }
    }
    Ok(())
}

pub(in super::super) async fn a_released_lock_is_free<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for lock in LOCKS {
        for store in [&one, &other, &one] {
            let lease = store.takes(&key, lock).await?;
            store.releases(&key, lease).await?;
        }
    }
    Ok(())
}

pub(in super::super) async fn a_dropped_lock_becomes_free<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other) = (bench.open().await?, bench.open().await?);
    for lock in LOCKS {
        let key = bench.key("");
        let lease = one.takes(&key, lock).await?;
        let length = lease.length();
        drop(lease);
        becomes_free(bench, &other, &key, lock, length).await?;
    }
    Ok(())
}

pub(in super::super) async fn a_held_lock_is_extended<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for lock in LOCKS {
        let mut lease = one.takes(&key, lock).await?;
        for _ in 0..3 {
            let is_held = one.extends(&key, &mut lease).await?;
            ensure!(is_held, "Who holds the lock {lock:?} was told that it is lost.");
            other.finds_held(&key, lock, "after its holder has extended it").await?;
        }
        one.releases(&key, lease).await?;
        let lease = other.takes(&key, lock).await?;
        other.releases(&key, lease).await?;
    }
    Ok(())
}

pub(in super::super) async fn held_is_said_of_what_is_held<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let mut is_said = true;
    for lock in [Lock::Refresh, Lock::Login] {
        let another = if lock == Lock::Login { Lock::Refresh } else { Lock::Login };
        let said = other.sees_held(&key, lock).await?;
        ensure!(!said, "The lock {lock:?} was said to be held before anybody took it.");
        let lease = one.takes(&key, lock).await?;
        is_said &= other.sees_held(&key, lock).await?;
        let said = other.sees_held(&key, another).await?;
        ensure!(!said, "The lock {another:?} was said to be held where {lock:?} is.");
        let said = other.sees_held(&bench.key("another"), lock).await?;
        ensure!(!said, "The lock {lock:?} of another key was said to be held.");
        one.releases(&key, lease).await?;
        let said = other.sees_held(&key, lock).await?;
        ensure!(!said, "The lock {lock:?} was said to be held after it was released.");
        // Who looks does not take it.
        let lease = one.takes(&key, lock).await?;
        one.releases(&key, lease).await?;
    }
    if is_said { Ok(()) } else { Err(Finding::NotChecked("the store does not say what is held")) }
}

pub(in super::super) async fn a_dropped_call_keeps_no_lock<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other) = (bench.open().await?, bench.open().await?);
    let lease = one.takes(&bench.key(""), Lock::Refresh).await?;
    let length = lease.length();
    one.releases(&bench.key(""), lease).await?;
    for polls in 1..=POLLS {
        let key = bench.key(&format!("{polls}"));
        let mut call = Box::pin(one.store().try_lock(&key, Lock::Refresh));
        for _ in 0..polls {
            let is_done =
                poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await;
            if is_done {
                break;
            }
            // In between others have their turn.
            bench.stage.sleep(Duration::from_millis(1)).await;
        }
        drop(call);
        becomes_free(bench, &other, &key, Lock::Refresh, length).await?;
        // What was under way elsewhere may have taken it only now.
        bench.stage.sleep(Duration::from_millis(20)).await;
        becomes_free(bench, &other, &key, Lock::Refresh, length).await?;
    }
    Ok(())
}

/// Soon, or else when the lease has ended.
async fn becomes_free<S: Stage>(
    bench: &Bench<'_, S>,
    store: &Handle<'_, S>,
    key: &Key,
    lock: Lock,
    length: Option<Duration>,
) -> Kept {
    if store.gets_in_time(key, lock).await? {
        return Ok(());
    }
    if let Some(length) = length {
        bench.pass(key, lock, Some(length), length + MARGIN).await?;
        if store.gets_in_time(key, lock).await? {
            return Ok(());
        }
    }
    Err(Finding::Broken(format!("The lock {lock:?} stays held, and nobody has its lease.")))
}

/// The locks of a key.
const LOCKS: [Lock; 3] = [Lock::Refresh, Lock::Login, Lock::Client];

/// How often a call is polled at most before it is dropped.
const POLLS: usize = 6;

/// How far behind its end a lease is over.
const MARGIN: Duration = Duration::from_secs(1);
