//! Many runs, and what is said about one that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Cast, Seen, Simulation};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its history, if it was recorded.
    pub history: Vec<String>,
    /// What came about in it.
    pub seen: Seen,
}

/// Runs a seed of a cast.
///
/// # Errors
///
/// The law that was broken, under the whole history.
pub fn run(cast: Cast, seed: u64, recording: bool, restores: bool) -> Result<Run, String> {
    let mut simulation = Simulation::new(cast, seed, recording, restores);
    let outcome = catch_unwind(AssertUnwindSafe(|| simulation.run()));
    let law = match outcome {
        Ok(Ok(())) => {
            let history = simulation.history().to_vec();
            return Ok(Run { history, seen: simulation.seen });
        }
        Ok(Err(law)) => law,
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(_) => "a panic".into(),
        },
    };
    if !recording {
        return run(cast, seed, true, restores);
    }
    Err(format!("{}\nseed {seed}: {law}", simulation.history().join("\n")))
}

/// Runs these seeds of a cast on two threads; what came about in them.
///
/// # Panics
///
/// A law was broken: with the history of one of the seeds.
pub fn run_all(cast: Cast, seeds: core::ops::Range<u64>) -> Seen {
    on_two_threads(seeds, |seed| run(cast, seed, false, false).map(|run| run.seen))
}

/// Runs these seeds of a cast; the laws that were broken, as often as they were.
#[must_use]
pub fn broken(cast: Cast, seeds: core::ops::Range<u64>) -> Vec<String> {
    let law = |seed: u64| {
        let history = run(cast, seed, false, false).err()?;
        let law = history.rsplit_once(&format!("\nseed {seed}: "))?.1;
        Some(law.into())
    };
    seeds.filter_map(law).collect()
}

/// Runs these seeds on two threads, each without and with restarts before every turn.
///
/// # Panics
///
/// A law was broken, or the histories differ: with both, or the one.
pub fn run_all_twice(cast: Cast, seeds: core::ops::Range<u64>) -> Seen {
    on_two_threads(seeds, |seed| run_twice(cast, seed))
}

fn on_two_threads(
    seeds: core::ops::Range<u64>,
    run: impl Fn(u64) -> Result<Seen, String> + Sync,
) -> Seen {
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(None));
    let all = Mutex::new(Seen::default());
    let work = || {
        let mut seen = Seen::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            match run(seed) {
                Ok(of_run) => seen.merge(&of_run),
                Err(history) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    if let Ok(mut failed) = failed.lock() {
                        *failed = Some(history);
                    }
                }
            }
        }
        if let Ok(mut all) = all.lock() {
            all.merge(&seen);
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    if let Ok(Some(history)) = failed.into_inner() {
        panic!("{history}");
    }
    all.into_inner().unwrap_or_default()
}

/// Runs a seed without and with restarts before every turn.
fn run_twice(cast: Cast, seed: u64) -> Result<Seen, String> {
    let Run { history: straight, seen } = run(cast, seed, true, false)?;
    let restored = run(cast, seed, true, true)?.history;
    if straight == restored {
        return Ok(seen);
    }
    let same = straight.iter().zip(&restored).take_while(|(left, right)| left == right).count();
    Err(format!(
        "{}\ninvariant 8: seed {seed}: then {:?}, and if restored {:?}",
        straight[..same].join("\n"),
        straight.get(same),
        restored.get(same)
    ))
}
