//! Many runs, and what is said about one that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Cast, Simulation};

/// Runs a seed of a cast; the history, if it was recorded.
///
/// # Errors
///
/// The law that was broken, under the whole history.
pub fn run(cast: Cast, seed: u64, recording: bool, restores: bool) -> Result<Vec<String>, String> {
    let mut simulation = Simulation::new(cast, seed, recording, restores);
    let outcome = catch_unwind(AssertUnwindSafe(|| simulation.run()));
    let law = match outcome {
        Ok(Ok(())) => return Ok(simulation.history().to_vec()),
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

/// Runs these seeds of a cast on two threads.
///
/// # Panics
///
/// A law was broken: with the history of one of the seeds.
pub fn run_all(cast: Cast, seeds: core::ops::Range<u64>) {
    on_two_threads(seeds, |seed| run(cast, seed, false, false).map(drop));
}

/// Runs these seeds on two threads, each without and with restarts before every turn.
///
/// # Panics
///
/// A law was broken, or the histories differ: with both, or the one.
pub fn run_all_twice(cast: Cast, seeds: core::ops::Range<u64>) {
    on_two_threads(seeds, |seed| run_twice(cast, seed));
}

fn on_two_threads(seeds: core::ops::Range<u64>, run: impl Fn(u64) -> Result<(), String> + Sync) {
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(None));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            if let Err(history) = run(seed) {
                next.store(seeds.end, Ordering::Relaxed);
                if let Ok(mut failed) = failed.lock() {
                    *failed = Some(history);
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    if let Ok(Some(history)) = failed.into_inner() {
        panic!("{history}");
    }
}

/// Runs a seed without and with restarts before every turn.
fn run_twice(cast: Cast, seed: u64) -> Result<(), String> {
    let (straight, restored) = (run(cast, seed, true, false)?, run(cast, seed, true, true)?);
    if straight == restored {
        return Ok(());
    }
    let same = straight.iter().zip(&restored).take_while(|(left, right)| left == right).count();
    Err(format!(
        "{}\ninvariant 8: seed {seed}: then {:?}, and if restored {:?}",
        straight[..same].join("\n"),
        straight.get(same),
        restored.get(same)
    ))
}
