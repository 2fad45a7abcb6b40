//! The pauses between two tries: they grow, and two who try at the same time do so only once.

use core::time::Duration;

/// The pauses between two tries: each is twice the one before, and a half of it is left to chance.
#[derive(Debug)]
pub struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// The first one, and the longest.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The next one; `None` if it would be over when `left` is. `chance` is [`System::chance`](super::System).
    pub fn next_within(&mut self, left: Duration, chance: u32) -> Option<Duration> {
        Some(self.next(chance)).filter(|pause| *pause < left)
    }

    /// The next one, however much time is left.
    pub fn next(&mut self, chance: u32) -> Duration {
        let most = self.next;
        self.next = (most * 2).min(self.longest);
        // From a half to the whole.
        most / 2 + (most / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn pauses_grow_and_end_in_time() {
        let (first, longest) = (Duration::from_millis(50), Duration::from_secs(2));
        let (mut pauses, mut left) = (Pauses::new(first, longest), Duration::from_secs(90));
        let mut taken = Vec::new();
        let mut chances = [0, u32::MAX / 2, u32::MAX].into_iter().cycle();
        while let Some(pause) = pauses.next_within(left, chances.next().unwrap_or_default()) {
            left -= pause;
            taken.push(pause);
        }
        assert!((first / 2..=first).contains(&taken[0]), "{taken:?}");
        assert!(taken.iter().all(|pause| *pause <= longest), "{taken:?}");
        assert!(taken[taken.len() - 1] >= longest / 2, "{taken:?}");
        // As many as fit, and nothing after that.
        assert!((45..110).contains(&taken.len()) && left <= longest, "{taken:?}");
    }
}
