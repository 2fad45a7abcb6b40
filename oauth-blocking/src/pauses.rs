//! The pauses between two tries: they grow, and two who try at the same time do so only once.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The next pause, and the longest.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The next one; `None` if it would be over when that is.
    pub(crate) fn next_within(&mut self, left: Duration) -> Option<Duration> {
        let most = self.next;
        self.next = (most * 2).min(self.longest);
        // From a half to the whole.
        let chance = RandomState::new().hash_one(most) as u32;
        let pause = most / 2 + (most / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX));
        (pause < left).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_in_time() {
        let (first, longest) = (Duration::from_millis(50), Duration::from_secs(2));
        let (mut pauses, mut left) = (Pauses::new(first, longest), Duration::from_secs(90));
        let mut taken = Vec::new();
        while let Some(pause) = pauses.next_within(left) {
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
