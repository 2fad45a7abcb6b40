//! Refreshes for which many tasks wait: how many requests there are, and when the last task goes on.

use std::fs;
use std::time::Duration;

use oauth_tests::drive::head;
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault};
use oauth_tokio::{HttpClient, MemoryTokenStorage, OAuth};
use tokio::runtime::Runtime;

use crate::Size;
use crate::crowd::{Answer, Storm, at_once};
use crate::lines::grouped;
use crate::prepared::{
    Directory, Store, builder, expire, logged_in, mature, runtime, serve, stored, take_refreshes,
};
use crate::requests;
use crate::rows::Row;

/// How long the token endpoint takes for its answer.
const SLOWLY: Duration = Duration::from_millis(20);

/// How long after the answer the last task may have to wait.
const LIMIT: Duration = Duration::from_millis(5);

pub(crate) fn measure(size: Size) -> Vec<Row> {
    let runtime = runtime();
    let mut rows = runtime.block_on(expired(size));
    rows.extend(runtime.block_on(refused(size)));
    rows.extend(refused_requests(&runtime, size));
    rows.extend(runtime.block_on(failing(size)));
    rows
}

/// What has to be known about the rows.
pub(crate) fn notes(size: Size) -> Vec<String> {
    let mut notes = vec![
        format!(
            "the token endpoint answers after {} ms; after {} ms where requests are sent, when all are refused",
            SLOWLY.as_millis(),
            requests::SLOWLY.as_millis()
        ),
        "after the answer: from the watcher's event of it until the last task has its token; where requests \
         are sent, until the last one is built again, while those before it are sent already"
            .into(),
        "a durable write: a new file, synced, renamed over the old one, and its directory synced".into(),
    ];
    let tasks = requesting(size);
    if tasks < size.tasks {
        notes.push(format!(
            "requests are sent by {} tasks only, for want of files",
            grouped(tasks as u64)
        ));
    }
    notes
}

/// Servers, and an HTTP client whose connections outlive the handles of the rounds.
pub(crate) struct Scene {
    pub(crate) served: Served,
    http: HttpClient,
}

impl Scene {
    async fn new(store: &impl Store) -> Self {
        let served = serve();
        drop(logged_in(&served, store).await);
        served.delay_tokens(SLOWLY);
        let http = HttpClient::new(|http| http).expect("there is a TLS backend");
        Self { served, http }
    }

    /// A handle that has to look into the store first.
    pub(crate) fn handle(&self, store: &impl Store, answer: &Answer) -> OAuth {
        let builder = builder(&self.served, store).http_client(self.http.clone());
        answer.watch(builder).build().expect("the settings fit together")
    }
}

/// All ask for a token that has just expired.
async fn expired(size: Size) -> Vec<Row> {
    let directory = Directory::new();
    let (memory, file) = (MemoryTokenStorage::new(), directory.store());
    let scenes = [Scene::new(&memory).await, Scene::new(&file).await];
    let (mut in_memory, mut in_file, mut writes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.storms {
        in_memory.push(expired_once(&scenes[0], &memory, size.tasks).await);
        let text = stored(&scenes[1].served, &file).to_json();
        writes.push(directory.durable_write(&text));
        in_file.push(expired_once(&scenes[1], &file, size.tasks).await);
    }
    let tasks = grouped(size.tasks as u64);
    let mut rows = counts(format!("{tasks} ask, expired, memory store"), size.tasks, &in_memory);
    rows.push(Row::within(LAST, LIMIT, &lasts(&in_memory)));
    rows.extend(counts(format!("{tasks} ask, expired, file store"), size.tasks, &in_file));
    rows.push(Row::within_besides(LAST, LIMIT, &lasts(&in_file), &writes));
    rows.push(Row::time("… one durable write, by hand", &writes));
    rows
}

async fn expired_once(scene: &Scene, store: &impl Store, tasks: usize) -> Storm {
    expire(&scene.served, store);
    let answer = Answer::default();
    let oauth = scene.handle(store, &answer);
    let ask = || {
        let oauth = oauth.clone();
        async move { oauth.token().await }
    };
    let all = at_once(tasks, ask).await;
    Storm::new(&all, &answer, take_refreshes(&scene.served))
}

/// All were refused with the same token, in requests that the host sent in its own way.
async fn refused(size: Size) -> Vec<Row> {
    let store = MemoryTokenStorage::new();
    let scene = Scene::new(&store).await;
    let mut storms = Vec::new();
    for _ in 0..size.storms {
        mature(&scene.served, &store);
        let answer = Answer::default();
        let oauth = scene.handle(&store, &answer);
        let old = oauth.token().await.expect("the stored token lives");
        scene.served.world().revoke_access_tokens();
        let ask = || {
            let (oauth, old) = (oauth.clone(), old.clone());
            let challenge = head(&[r#"Bearer error="invalid_token""#]);
            async move {
                let token = oauth.refused(&old, 401, &challenge).await;
                token.map(|token| token.expect("it is no answer for the application"))
            }
        };
        let all = at_once(size.tasks, ask).await;
        storms.push(Storm::new(&all, &answer, take_refreshes(&scene.served)));
    }
    let tasks = grouped(size.tasks as u64);
    let mut rows = counts(format!("{tasks} refused, memory store"), size.tasks, &storms);
    rows.push(Row::within(LAST, LIMIT, &lasts(&storms)));
    rows
}

/// The same in requests that the handle sends, and sends again.
fn refused_requests(runtime: &Runtime, size: Size) -> Vec<Row> {
    let store = MemoryTokenStorage::new();
    let scene = runtime.block_on(Scene::new(&store));
    let tasks = requesting(size);
    let (mut storms, mut early, mut unhindered) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.storms_of_requests {
        let refused = requests::refused_once(runtime, &scene, &store, tasks);
        storms.push(refused.storm);
        early.push(refused.early);
        unhindered.push(refused.unhindered);
    }
    let name = format!("{} send and are refused, memory store", grouped(tasks as u64));
    let mut rows = counts(name, tasks, &storms);
    rows.push(Row::count("… refused before the answer", &early));
    rows.push(Row::time("… last sends again after the answer", &lasts(&storms)));
    rows.push(Row::time("… last sends at first, waiting for nobody", &unhindered));
    rows
}

/// All ask for a token that has just expired, and the token endpoint is out of order.
async fn failing(size: Size) -> Vec<Row> {
    let store = MemoryTokenStorage::new();
    let scene = Scene::new(&store).await;
    let fault = Fault::Unavailable { retry_after: 0 };
    scene.served.world().knobs.token_damage = Damage::always(fault);
    let mut storms = Vec::new();
    for _ in 0..size.storms {
        storms.push(expired_once(&scene, &store, size.failing).await);
    }
    let failing = grouped(size.failing as u64);
    let refreshes: Vec<_> = storms.iter().map(|storm| storm.refreshes).collect();
    let failed: Vec<_> = storms.iter().map(|storm| size.failing - storm.succeeded).collect();
    vec![
        Row::exactly(format!("{failing} ask, expired, 503: refresh requests"), 1, &refreshes),
        Row::exactly("… tasks that are told", size.failing, &failed),
    ]
}

fn counts(name: String, tasks: usize, storms: &[Storm]) -> Vec<Row> {
    let refreshes: Vec<_> = storms.iter().map(|storm| storm.refreshes).collect();
    let succeeded: Vec<_> = storms.iter().map(|storm| storm.succeeded).collect();
    vec![
        Row::exactly(format!("{name}: refresh requests"), 1, &refreshes),
        Row::exactly("… tasks that succeed", tasks, &succeeded),
    ]
}

fn lasts(storms: &[Storm]) -> Vec<Duration> {
    storms.iter().map(|storm| storm.last).collect()
}

/// How many tasks can send at once: each connection takes three files here, two of them the server's.
fn requesting(size: Size) -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    soft.map_or(size.tasks, |files| size.tasks.min(files / 4))
}

const LAST: &str = "… last has its token after the answer";
