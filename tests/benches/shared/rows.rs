//! The rows of the table: what was found, over all rounds, and what was to be reached.

use std::time::Duration;

use crate::lines::{aligned, grouped};
use crate::verdict::Verdict;

/// One line.
pub(crate) struct Row {
    name: String,
    median: String,
    worst: String,
    bare: String,
    ratio: String,
    target: String,
    verdict: Verdict,
}

impl Row {
    fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            median: String::new(),
            worst: String::new(),
            bare: String::new(),
            ratio: String::new(),
            target: String::new(),
            verdict: Verdict::Shown,
        }
    }

    /// How many there were in each round: the same number in all of them.
    pub(crate) fn exactly(name: impl Into<String>, target: usize, counts: &[usize]) -> Self {
        let is_reached = counts.iter().all(|count| *count == target);
        let furthest = counts.iter().max_by_key(|count| count.abs_diff(target)).copied();
        let mut row = Self::count(name, counts);
        row.worst = furthest.map(number).unwrap_or_default();
        row.target = number(target);
        row.verdict = Verdict::of_count(is_reached);
        row
    }

    /// How many there were in each round, for information.
    pub(crate) fn count(name: impl Into<String>, counts: &[usize]) -> Self {
        let least = counts.iter().min().copied().map(number).unwrap_or_default();
        Self { median: number(median(counts)), worst: least, ..Self::new(name) }
    }

    /// What may not be there at all.
    pub(crate) fn nothing(name: impl Into<String>, [ours, bare]: [u64; 2]) -> Self {
        let verdict = Verdict::of_count(ours == 0);
        let (median, bare) = (grouped(ours), grouped(bare));
        Self { median, bare, target: "0".into(), verdict, ..Self::new(name) }
    }

    /// How long the same took on both sides, and how fast ours has to be beside the bare work.
    pub(crate) fn speed(name: impl Into<String>, ours: &[f64], bare: &[f64], least: f64) -> Self {
        let [our_median, bare_median] = [ours, bare].map(middle);
        let ratio = bare_median / our_median;
        Self {
            median: format!("{our_median:.0} ns"),
            worst: format!("{:.0} ns", ours.iter().copied().fold(0.0, f64::max)),
            bare: format!("{bare_median:.0} ns"),
            ratio: format!("{ratio:.2}"),
            target: format!("at least {least} ×"),
            verdict: Verdict::of(ratio >= least),
            ..Self::new(name)
        }
    }

    /// How long it took in each round.
    pub(crate) fn time(name: impl Into<String>, times: &[Duration]) -> Self {
        let worst = times.iter().max().copied().unwrap_or_default();
        Self { median: milliseconds(median(times)), worst: milliseconds(worst), ..Self::new(name) }
    }

    /// The same, and how long it may take in the middle.
    pub(crate) fn within(name: impl Into<String>, limit: Duration, times: &[Duration]) -> Self {
        let target = format!("at most {} ms", limit.as_millis());
        Self { target, verdict: Verdict::of(median(times) <= limit), ..Self::time(name, times) }
    }

    /// The same besides what something else takes, which was measured in turns with it.
    pub(crate) fn within_besides(
        name: impl Into<String>,
        limit: Duration,
        times: &[Duration],
        besides: &[Duration],
    ) -> Self {
        let bare = median(besides);
        Self {
            bare: milliseconds(bare),
            target: format!("at most {} ms more", limit.as_millis()),
            verdict: Verdict::of(median(times).saturating_sub(bare) <= limit),
            ..Self::time(name, times)
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.verdict == Verdict::Wrong
    }

    fn cells(&self) -> [String; 7] {
        let Self { name, median, worst, bare, ratio, target, verdict } = self;
        [name, median, worst, bare, ratio, target, verdict.as_str()].map(String::from)
    }
}

/// All rows, aligned.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["each", "median", "worst", "bare", "ratio", "target", ""];
    let mut lines = vec![head.map(String::from)];
    lines.extend(rows.iter().map(Row::cells));
    aligned(&lines, |column| matches!(column, 0 | 5 | 6))
}

fn number(count: usize) -> String {
    grouped(count as u64)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn median<T: Ord + Copy>(all: &[T]) -> T {
    let mut all = all.to_vec();
    all.sort_unstable();
    all[all.len() / 2]
}

fn middle(all: &[f64]) -> f64 {
    let mut all = all.to_vec();
    all.sort_unstable_by(f64::total_cmp);
    all[all.len() / 2]
}
