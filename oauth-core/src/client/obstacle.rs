//! Why a request has no answer: what the HTTP client's error says to the machine.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::error::Error;

use crate::error::{Obstacle, Silence};

/// Why no answer came: for the host's log, and for nothing else.
pub type Unanswered = Box<dyn Error + Send + Sync>;

/// An error of an HTTP client that is known for what it is. Adapters wrap theirs in it; of others nothing is
/// known but their words.
#[derive(Debug, thiserror::Error)]
#[error("{obstacle}")]
pub struct Obstructed {
    /// What stood between the request and its answer.
    pub obstacle: Obstacle,
    /// The HTTP client's error.
    pub source: Unanswered,
}

/// What the machine is told about it.
pub(super) fn silence(error: &(dyn Error + 'static)) -> Silence {
    let mut obstacle = None;
    let mut words = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        match error.downcast_ref() {
            Some(Obstructed { obstacle: found, .. }) => obstacle = Some(*found),
            None => words.push(error.to_string()),
        }
        next = error.source();
    }
    Silence::new(obstacle, &words.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_obstacle_is_found_and_the_words_have_no_queries() {
        let cause = std::io::Error::other("no way to https://a.example/t?key=planted (refused)");
        let source = std::io::Error::other(cause).into();
        let error = Obstructed { obstacle: Obstacle::Proxy, source };
        let silence = silence(&error);
        assert_eq!(silence.obstacle(), Some(Obstacle::Proxy));
        let said = silence.words();
        assert!(said.contains("https://a.example/t ") && said.contains("refused"), "{said}");
        assert!(!said.contains("planted"), "{said}");
    }
}
