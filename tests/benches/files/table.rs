//! The rows of the table: what was found with each number of grants, the same by hand, and what was to be reached.

use std::time::Duration;

use crate::lines::{aligned, grouped};
use crate::verdict::Verdict;

/// One line.
pub(crate) struct Row {
    name: String,
    cells: [String; 3],
    hand: String,
    target: String,
    verdict: Verdict,
}

impl Row {
    fn new(name: impl Into<String>, cells: [String; 3], hand: String) -> Self {
        Self { name: name.into(), cells, hand, target: String::new(), verdict: Verdict::Shown }
    }

    /// How long something takes with each number of grants, and by hand.
    pub(crate) fn times(name: impl Into<String>, times: [Duration; 3], hand: Duration) -> Self {
        Self::new(name, times.map(microseconds), microseconds(hand))
    }

    /// The same, which may grow by a quarter.
    pub(crate) fn flat_times(
        name: impl Into<String>,
        times: [Duration; 3],
        hand: Duration,
    ) -> Self {
        let is_flat = times[2] <= times[0].mul_f64(1.25);
        let target = "flat".into();
        Self { target, verdict: Verdict::of(is_flat), ..Self::times(name, times, hand) }
    }

    /// Counts that are not more with many grants than with one.
    pub(crate) fn flat_counts<T: Into<String>>(name: T, counts: [u64; 3], hand: u64) -> Self {
        let is_flat = counts.iter().all(|count| *count <= counts[0]);
        let target = "flat".into();
        Self { target, verdict: Verdict::of_count(is_flat), ..Self::counts(name, counts, hand) }
    }

    /// What may not be there at all.
    pub(crate) fn nothing<T: Into<String>>(name: T, counts: [u64; 3], hand: u64) -> Self {
        let is_nothing = counts == [0; 3];
        let target = "0".into();
        Self { target, verdict: Verdict::of_count(is_nothing), ..Self::counts(name, counts, hand) }
    }

    pub(crate) fn counts(name: impl Into<String>, counts: [u64; 3], hand: u64) -> Self {
        Self::new(name, counts.map(grouped), grouped(hand))
    }

    /// A count that is to be this one, where most grants are.
    pub(crate) fn exactly(name: impl Into<String>, target: u64, count: u64) -> Self {
        let row = Self::new(name, last(grouped(count)), String::new());
        Self { target: grouped(target), verdict: Verdict::of_count(count == target), ..row }
    }

    /// A count that may be as much, where most grants are.
    pub(crate) fn count_at_most(name: impl Into<String>, most: u64, count: u64) -> Self {
        let row = Self::new(name, last(grouped(count)), String::new());
        Self {
            target: format!("≤ {}", grouped(most)),
            verdict: Verdict::of_count(count <= most),
            ..row
        }
    }

    /// A time where most grants are.
    pub(crate) fn time(name: impl Into<String>, time: Duration, hand: Option<Duration>) -> Self {
        Self::new(name, last(milliseconds(time)), hand.map(milliseconds).unwrap_or_default())
    }

    /// The same, and how long it may take.
    pub(crate) fn within(
        name: impl Into<String>,
        limit: Duration,
        time: Duration,
        hand: Option<Duration>,
    ) -> Self {
        let target = format!("≤ {} ms", grouped(limit.as_millis() as u64));
        Self { target, verdict: Verdict::of(time <= limit), ..Self::time(name, time, hand) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.verdict == Verdict::Wrong
    }
}

/// All rows, aligned.
pub(crate) fn table(rows: &[Row], grants: [usize; 3]) -> String {
    let [few, some, many] = grants.map(|count| grouped(count as u64));
    let head = ["each, grants stored:".into(), few, some, many, "by hand".into()];
    let head = head.into_iter().chain(["target".into(), String::new()]);
    let mut lines: Vec<[String; 7]> = Vec::new();
    lines.extend(<[String; 7]>::try_from(head.collect::<Vec<_>>()));
    for row in rows {
        let [few, some, many] = row.cells.clone();
        let (name, hand, target) = (row.name.clone(), row.hand.clone(), row.target.clone());
        lines.push([name, few, some, many, hand, target, row.verdict.as_str().into()]);
    }
    aligned(&lines, |column| matches!(column, 0 | 5 | 6))
}

/// The middle one of an odd number.
pub(crate) fn median<T: Ord + Copy + Default>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn last(cell: String) -> [String; 3] {
    [String::new(), String::new(), cell]
}

fn microseconds(time: Duration) -> String {
    format!("{} µs", grouped(time.as_micros() as u64))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
