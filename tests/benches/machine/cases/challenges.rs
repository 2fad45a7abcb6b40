//! Five challenges on three lines: taken apart, and the one that counts kept.

use std::hint::black_box;

use oauth_core::wire::{ResourceChallenge, challenges};

use crate::bare::{Piece, pieces};
use crate::documents::CHALLENGES;
use crate::measure::Work;

/// Where each challenge starts and ends.
pub(super) const TOKENIZED: Work = Work {
    operations: 1_000,
    machine: |_| {
        Box::new(|count| {
            each_line(count, |line| {
                for challenge in challenges(line) {
                    black_box(challenge);
                }
            });
        })
    },
    bare,
};

/// The same, and a second pass for the parameters.
pub(super) const WITH_PARAMS: Work = Work {
    operations: 1_000,
    machine: |_| {
        Box::new(|count| {
            each_line(count, |line| {
                for challenge in challenges(line) {
                    black_box((challenge.scheme(), challenge.token68()));
                    challenge.params().for_each(|param| drop(black_box(param)));
                }
            });
        })
    },
    bare,
};

/// What a session makes of a 401.
pub(super) const SELECTED: Work = Work {
    operations: 1_000,
    machine: |_| {
        Box::new(|count| {
            for _ in 0..count {
                black_box(ResourceChallenge::select(black_box(CHALLENGES)));
            }
        })
    },
    bare,
};

/// Scheme, `token68` or parameter: every piece is seen.
fn bare(_: usize) -> Box<dyn FnMut(usize)> {
    Box::new(|count| {
        each_line(count, |line| {
            pieces(line, |piece| match piece {
                Piece::Scheme(text) | Piece::Token68(text) => drop(black_box(text)),
                Piece::Param(name, value) => drop(black_box((name, value))),
            });
        });
    })
}

fn each_line(count: usize, mut each: impl FnMut(&'static str)) {
    for _ in 0..count {
        for line in CHALLENGES {
            each(black_box(line));
        }
    }
}
