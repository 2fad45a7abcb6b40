//! The calls of the store with each number of grants.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::Size;
use crate::calls::{self, Calls};
use crate::directory::Directory;
use crate::operation::{OPERATIONS, Operation};
use crate::table::{Row, median};

pub(crate) fn measure(size: Size) -> Vec<Row> {
    let directories: Vec<_> = size.grants.iter().map(|grants| filled(*grants)).collect();
    let paths: Vec<_> = directories.iter().map(Directory::tokens).collect();
    let paths = <[PathBuf; 3]>::try_from(paths).expect("there are three");
    OPERATIONS.iter().flat_map(|operation| rows(operation, &paths, size)).collect()
}

fn filled(grants: usize) -> Directory {
    let directory = Directory::new(&grants.to_string());
    directory.fill(0..grants);
    directory
}

fn rows(operation: &Operation, paths: &[PathBuf; 3], size: Size) -> Vec<Row> {
    let Operation { name, lists, sides: [store, hand] } = *operation;
    let mut taken: [Vec<Taken>; 4] = Default::default();
    let runs = paths.iter().map(|path| store(path)).chain([hand(&paths[2])]);
    let mut runs: Vec<_> = runs.collect();
    // All take turns, so that what the disk does meanwhile is shared. The first time, directories are made and swept.
    runs.iter_mut().for_each(|run| run());
    for _ in 0..size.calls {
        for (run, taken) in runs.iter_mut().zip(&mut taken) {
            taken.push(Taken::by(run));
        }
    }
    let [few, some, many, by_hand] = taken.map(Taken::median);
    let all = [few, some, many];
    let mut rows = vec![
        Row::times(format!("{name}: time"), all.map(|it| it.time), by_hand.time),
        Row::flat_times("… CPU", all.map(|it| it.cpu), by_hand.cpu),
    ];
    rows.extend(
        calls_of(name, paths).map(|calls| rows_of_calls(&calls, lists)).unwrap_or_default(),
    );
    rows
}

/// The store's with each number of grants, and those by hand.
fn calls_of(name: &str, paths: &[PathBuf; 3]) -> Option<[Calls; 4]> {
    let [few, some, many] = paths;
    let counted = |side, path: &Path| calls::counted(name, side, path);
    Some([counted(0, few)?, counted(0, some)?, counted(0, many)?, counted(1, many)?])
}

fn rows_of_calls(calls: &[Calls; 4], lists: bool) -> Vec<Row> {
    let of = |of: fn(&Calls) -> u64| {
        let [few, some, many, hand] = calls.each_ref().map(of);
        ([few, some, many], hand)
    };
    let (all, all_by_hand) = of(|calls| calls.all);
    let (names, names_by_hand) = of(|calls| calls.lists);
    let of_names = if lists { Row::flat_counts::<&str> } else { Row::nothing::<&str> };
    let (waits, waits_by_hand) = of(|calls| calls.waits);
    vec![
        Row::flat_counts("… system calls", all, all_by_hand),
        of_names("… of these, to read names of directories", names, names_by_hand),
        Row::flat_counts("… of these, waits for the disk", waits, waits_by_hand),
    ]
}

/// What one call has taken.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    time: Duration,
    cpu: Duration,
}

impl Taken {
    fn by(run: &mut Box<dyn FnMut()>) -> Self {
        let (cpu, begun) = (cpu(), Instant::now());
        run();
        let time = begun.elapsed();
        Self { time, cpu: self::cpu().saturating_sub(cpu) }
    }

    fn median(all: Vec<Self>) -> Self {
        let time = median(all.iter().map(|it| it.time).collect());
        Self { time, cpu: median(all.iter().map(|it| it.cpu).collect()) }
    }
}

/// How long this thread has run.
fn cpu() -> Duration {
    // The system counts when a thread stops.
    thread::sleep(Duration::from_nanos(1));
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}
