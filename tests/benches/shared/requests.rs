//! Requests that are all sent with the same token before the first of them hears that it is old.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use oauth_tests::serve::Served;
use oauth_tests::world::World;
use oauth_tokio::{Error, OAuth};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::crowd::{Answer, Storm};
use crate::prepared::{Store, mature, take_refreshes};
use crate::storms::Scene;

/// How long the token endpoint takes for its answer: all requests are refused by then.
pub(crate) const SLOWLY: Duration = Duration::from_millis(500);

/// One storm, and what else was seen.
pub(crate) struct Refused {
    pub(crate) storm: Storm,
    /// How many requests were refused before the refresh was answered.
    pub(crate) early: usize,
    /// How long it took until the last request was built the first time, when nobody waited for a token.
    pub(crate) unhindered: Duration,
}

pub(crate) fn refused_once(
    runtime: &Runtime,
    scene: &Scene,
    store: &impl Store,
    tasks: usize,
) -> Refused {
    let served = &scene.served;
    served.delay_tokens(SLOWLY);
    mature(served, store);
    let answer = Answer::default();
    let oauth = scene.handle(store, &answer);
    runtime.block_on(oauth.token()).expect("the stored token lives");
    // Opens as many connections.
    let sending = Sending { runtime, served, oauth: &oauth, tasks };
    sending.send_all(|_| {});
    served.world().log.clear();
    let begun = Instant::now();
    let all = sending.send_all(World::revoke_access_tokens);
    let built = all.iter().map(|sent| sent.first).max().unwrap_or(begun);
    let all: Vec<_> = all.into_iter().map(|sent| (sent.status, sent.last)).collect();
    Refused {
        storm: Storm::new(&all, &answer, take_refreshes(served)),
        early: answer.refused_before(),
        unhindered: built - begun,
    }
}

/// A request, over all the times it is sent.
struct Sent {
    status: Result<u16, Error>,
    /// When it was built for the first time.
    first: Instant,
    /// When it was built for the last time.
    last: Instant,
}

struct Sending<'a> {
    runtime: &'a Runtime,
    served: &'a Served,
    oauth: &'a OAuth,
    tasks: usize,
}

impl Sending<'_> {
    /// What became of as many requests. No server answers before all are sent.
    fn send_all(&self, meanwhile: impl FnOnce(&mut World)) -> Vec<Sent> {
        let Self { runtime, served, oauth, tasks } = *self;
        let (url, built) = (served.server_url(), Arc::new(AtomicUsize::new(0)));
        let mut world = served.world();
        meanwhile(&mut world);
        let all = runtime.block_on(async {
            let mut all = JoinSet::new();
            for _ in 0..tasks {
                all.spawn(send(oauth.clone(), url.clone(), Arc::clone(&built)));
            }
            while built.load(SeqCst) < tasks {
                sleep(Duration::from_millis(1)).await;
            }
            all
        });
        drop(world);
        let all = runtime.block_on(all.join_all());
        assert!(all.iter().all(|sent| matches!(sent.status, Ok(200))));
        all
    }
}

async fn send(oauth: OAuth, url: String, built: Arc<AtomicUsize>) -> Sent {
    let mut times = Vec::with_capacity(2);
    let result = oauth.send(|http| {
        times.push(Instant::now());
        built.fetch_add(1, SeqCst);
        http.post(&url).body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
    });
    let status = match result.await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            // Its connection can be used again.
            answer.bytes().await.map(|_| status).map_err(Error::Http)
        }
        Err(error) => Err(error),
    };
    Sent { status, first: times[0], last: times[times.len() - 1] }
}
