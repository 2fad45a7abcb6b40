//! A cluster: what a script works on is in one slot, and an index in another one.

use oauth_tokio::redis::Terms;
use oauth_tokio::redis::redis::{Value, cmd};
use oauth_tokio::{Leases as _, Records as _, Written};
use tokio::time::{Duration, Instant, sleep};

use crate::database::{Database, key, record};
use crate::remote::{loaded, taken};
use crate::server::Server;

/// Of one node, which has all slots and refuses whatever crosses them.
#[tokio::test]
async fn no_script_crosses_slots() {
    let server = Server::start(&[("cluster-enabled", "yes")]).await;
    let database = Database::at(&server.url(), Terms::strict());
    let mut slots = cmd("CLUSTER");
    database.run::<()>(slots.arg("ADDSLOTSRANGE").arg(0).arg(16_383)).await;
    let begun = Instant::now();
    loop {
        let info: String = database.run(cmd("CLUSTER").arg("INFO")).await;
        if info.contains("cluster_state:ok") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{info}");
        sleep(Duration::from_millis(50)).await;
    }
    let mut crossing = cmd("MGET");
    let crossed: Result<Value, _> =
        crossing.arg("a").arg("b").query_async(&mut database.connection().await).await;
    assert_eq!(crossed.unwrap_err().code(), Some("CROSSSLOT"));

    let store = database.store().await;
    let (key, first) = (key(""), record("1"));
    let second = record("2").replacing(first.generation());
    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
    assert_eq!(loaded(&store, &key).await, Some(second.clone()));
    let mut lease = taken(&store, &key).await.unwrap();
    assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    let spend = oauth_core::session::Spend::new(second.generation(), 0);
    let reserved = oauth_tokio::TokenStorage::reserve(&store, &key, &mut lease, spend).await;
    assert_eq!(reserved, Ok(true));
    store.release(&key, lease).await;
    assert_eq!(store.list_all(&crate::lists::all()).await.unwrap().len(), 1);
    let by_profile = crate::lists::all().profile("");
    assert_eq!(store.list_all(&by_profile).await.unwrap().len(), 1);
    crate::sealed::login_goes_and_comes(&store).await;
    let sealed = store.clone().sealed(crate::sealed::with("2027"));
    assert_eq!(sealed.seal_anew(crate::database::APPLICATION).await, Ok(1));
    database.set(&key, "body", b"").await;
    assert!(matches!(store.load(&key).await, Ok(oauth_tokio::Loaded::Damaged { .. })));
    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    store.erase(&key).await.unwrap();
    let left = database.keys("*").await;
    assert!(left.iter().all(|it| it.contains(":damaged:")), "{left:?}");
}
