//! Users of a gateway whose tokens have all expired, and who all ask at once.

use std::time::{Duration, Instant};

use oauth_tokio::MemoryTokenStorage;
use tokio::runtime::{Builder, Runtime};

use crate::Size;
use crate::crowd::{Crowd, Store, Storm};
use crate::directory::{Directory, at_once};
use crate::hand::{durable, durable_in_room, text};
use crate::lines::grouped;
use crate::table::{Row, median};

pub(crate) fn measure(size: Size) -> Vec<Row> {
    // Each has threads of its own, so that those of the other are not counted.
    let runtimes = [runtime(), runtime()];
    let directory = Directory::new("storm");
    directory.fill(size.users..size.grants[2].max(size.users));
    let in_files = runtimes[0].block_on(Crowd::new(directory.store(), size.users));
    let in_memory = runtimes[1].block_on(Crowd::new(MemoryTokenStorage::new(), size.users));
    let hand = Hand::new(&directory);
    let (mut files, mut memory, mut rooms, mut writes) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for _ in 0..size.storms {
        memory.push(storm(&runtimes[1], &in_memory));
        writes.push(hand.writes(size.users, durable));
        rooms.push(hand.writes(size.users, durable_in_room));
        files.push(storm(&runtimes[0], &in_files));
    }
    let users = size.users as u64;
    let name = format!("{} users refresh at once", grouped(users));
    let mut rows = rows(&format!("{name}, in memory"), users, &memory);
    rows.push(Row::time("… the last has a token", last(&memory), None));
    rows.extend(self::rows(&format!("{name}, in files"), users, &files));
    rows.push(Row::within("… the last has a token", LIMIT, last(&files), Some(median(rooms))));
    rows.push(Row::time("… by hand, one durable write for each", median(writes), None));
    let threads = files.iter().map(|storm| storm.threads).max().unwrap_or_default();
    rows.push(Row::count_at_most("… threads", THREADS, threads));
    let left = directory.files() as u64;
    // That of the client which is registered is one more.
    rows.push(Row::exactly("… files after it", size.grants[2].max(size.users) as u64 + 1, left));
    rows
}

fn rows(name: &str, users: u64, storms: &[Storm]) -> Vec<Row> {
    let refreshes = furthest(users, storms.iter().map(|storm| storm.refreshes));
    let served = furthest(users, storms.iter().map(|storm| storm.served));
    let cpu = median(storms.iter().map(|storm| storm.cpu).collect());
    vec![
        Row::exactly(format!("{name}: refresh requests"), users, refreshes),
        Row::exactly("… users that have a token", users, served),
        Row::time("… CPU of all", cpu, None),
    ]
}

fn furthest(from: u64, counts: impl Iterator<Item = u64>) -> u64 {
    counts.max_by_key(|count| count.abs_diff(from)).unwrap_or_default()
}

fn last(storms: &[Storm]) -> Duration {
    median(storms.iter().map(|storm| storm.last).collect())
}

fn storm<S: Store>(runtime: &Runtime, crowd: &Crowd<S>) -> Storm {
    runtime.block_on(crowd.storm())
}

/// A runtime as most programs have it, with as many workers as a small machine.
fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("there are threads on this machine")
}

/// The writes of a storm, done by hand.
struct Hand {
    place: std::path::PathBuf,
    text: Vec<u8>,
}

impl Hand {
    /// In as many directories as the store has.
    fn new(directory: &Directory) -> Self {
        let place = directory.path().join("hand");
        for shard in 0..SHARDS {
            let made = std::fs::create_dir_all(place.join(shard.to_string()));
            made.expect("a directory can be made");
        }
        Self { place, text: text() }
    }

    fn writes(
        &self,
        times: usize,
        write: impl Fn(&std::path::Path, &[u8]) -> std::io::Result<()> + Sync,
    ) -> Duration {
        let begun = Instant::now();
        at_once(times, |number| {
            let shard = self.place.join((number % SHARDS).to_string());
            write(&shard.join(number.to_string()), &self.text).expect("the disk works");
        });
        begun.elapsed()
    }
}

const SHARDS: usize = 256;

/// How long the last of a thousand may wait.
const LIMIT: Duration = Duration::from_millis(1_500);

/// How many threads the process may have.
const THREADS: u64 = 64;
