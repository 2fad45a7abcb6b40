//! A login that waits for its user is given out once, and to nobody else.

use alloc::format;
use alloc::vec::Vec;

use crate::client::storage::nonblocking::Records as _;
use crate::client::storage::{LoginId, StorageError, WaitingLogin};
use crate::client::storage_contract::bench::{Bench, Handle, soon};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::sample::{LOGIN_ENDS, login, written};
use crate::client::storage_contract::stage::Stage;
use crate::session::PendingLogin;
use crate::time::UnixTime;

pub(in super::super) async fn a_login_is_taken_once<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, id) = (bench.open().await?, bench.open().await?, id(bench, "a"));
    let pending = login("a")?;
    put(&one, bench, &id, &pending).await?;
    drop(one);
    gives(&other, bench, &id, &pending).await?;
    none(&other, bench, &id, IN_TIME, "after it was taken").await?;
    none(&bench.open().await?, bench, &id, IN_TIME, "after another had taken it").await
}

pub(in super::super) async fn one_of_many_takes_a_login<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let stores = bench.open_many().await?;
    let pending = login("a")?;
    for round in 0..ROUNDS {
        let id = id(bench, &format!("{round}"));
        put(&stores[0], bench, &id, &pending).await?;
        let calls = stores.iter();
        let calls = calls.map(|it| it.store().take_login(bench.application, &id, IN_TIME));
        let answers = bench.at_once(calls.collect()).await?;
        let failed = |error| Finding::Broken(format!("One of many calls at once failed: {error}."));
        let taken: Vec<_> = answers.into_iter().collect::<Result<_, _>>().map_err(failed)?;
        let count = taken.into_iter().flatten().count();
        ensure!(count < 2, "{count} were given the same login.");
        ensure!(count > 0, "Of many who took a login at once nobody was given it.");
    }
    Ok(())
}

pub(in super::super) async fn logins_are_told_apart<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, other) = (bench.open().await?, bench.open().await?);
    let (first, second) = (id(bench, "a"), id(bench, "b"));
    let (a, b) = (login("a")?, login("b")?);
    put(&store, bench, &first, &a).await?;
    for another in ["", "A", "a ", "b"] {
        none(&other, bench, &id(bench, another), IN_TIME, "under another id").await?;
    }
    // The same `state` of another user.
    let of_another = LoginId::new(&bench.key("mallory"), "a");
    none(&other, bench, &of_another, IN_TIME, "under the id of another user").await?;
    put(&store, bench, &second, &b).await?;
    gives(&other, bench, &second, &b).await?;
    gives(&other, bench, &first, &a).await
}

pub(in super::super) async fn a_login_ends<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, other) = (bench.open().await?, bench.open().await?);
    let (ended, waits, pending) = (id(bench, "ended"), id(bench, "waits"), login("a")?);
    put(&store, bench, &waits, &pending).await?;
    let taken = take(&other, bench, &waits, UnixTime::from_secs(LOGIN_ENDS - 1)).await?;
    ensure!(taken.is_some(), "A login was gone before its end.");
    put(&store, bench, &ended, &pending).await?;
    none(&other, bench, &ended, UnixTime::from_secs(LOGIN_ENDS + 1), "after its end").await
}

pub(in super::super) async fn a_store_that_was_killed_keeps_logins<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (waits, gone, pending) = (id(bench, "waits"), id(bench, "gone"), login("a")?);
    // Each of them is the last one once.
    for takes_first in [true, false] {
        let store = bench.open().await?;
        put(&store, bench, &gone, &pending).await?;
        if takes_first {
            gives(&store, bench, &gone, &pending).await?;
        }
        put(&store, bench, &waits, &pending).await?;
        if !takes_first {
            gives(&store, bench, &gone, &pending).await?;
        }
        if !bench.stage.restart().await {
            return Err(Finding::NotChecked("the stage cannot restart the store"));
        }
        drop(store);
        let store = bench.open().await?;
        none(&store, bench, &gone, IN_TIME, "after it was taken, and the store was killed").await?;
        gives(&store, bench, &waits, &pending).await?;
    }
    Ok(())
}

/// A login's id, by its `state`.
fn id<S: Stage>(bench: &Bench<'_, S>, state: &str) -> LoginId {
    LoginId::new(&bench.key(""), state)
}

/// A store that refuses it for good keeps none.
async fn put<S: Stage>(
    store: &Handle<'_, S>,
    bench: &Bench<'_, S>,
    id: &LoginId,
    login: &PendingLogin,
) -> Kept {
    let waiting = WaitingLogin { id: *id, application: bench.application, login };
    let kept = async {
        match store.store().put_login(&waiting).await {
            Ok(()) => Ok(true),
            Err(StorageError::Unavailable { is_retryable: false, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    };
    if soon(bench.stage, "put_login", kept).await? {
        return Ok(());
    }
    // One that refuses everything is broken.
    store.load(&bench.key("")).await?;
    Err(Finding::NotChecked("the store keeps no logins that wait"))
}

async fn take<S: Stage>(
    store: &Handle<'_, S>,
    bench: &Bench<'_, S>,
    id: &LoginId,
    now: UnixTime,
) -> Result<Option<PendingLogin>, Finding> {
    let taken = store.store().take_login(bench.application, id, now);
    soon(bench.stage, "take_login", taken).await
}

/// This one is given out, as it was put in.
async fn gives<S: Stage>(
    store: &Handle<'_, S>,
    bench: &Bench<'_, S>,
    id: &LoginId,
    login: &PendingLogin,
) -> Kept {
    let taken = take(store, bench, id, IN_TIME).await?;
    let Some(taken) = taken else {
        return Err(Finding::Broken("A login that was put is not there.".into()));
    };
    ensure!(written(&taken) == written(login), "Another login was given out than was put.");
    Ok(())
}

async fn none<S: Stage>(
    store: &Handle<'_, S>,
    bench: &Bench<'_, S>,
    id: &LoginId,
    now: UnixTime,
    when: &str,
) -> Kept {
    let taken = take(store, bench, id, now).await?;
    ensure!(taken.is_none(), "A login was given out {when}.");
    Ok(())
}

/// Long before the end of all logins here.
const IN_TIME: UnixTime = UnixTime::from_secs(1_900_000_000);

/// How often many try at once.
const ROUNDS: usize = 12;
