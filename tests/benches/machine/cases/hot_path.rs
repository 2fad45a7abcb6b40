//! A token in memory that is valid: what every request of an application goes through.
//!
//! Five instructions on both sides are the loop's.

use std::hint::black_box;

use oauth_core::BearerAuth;

use crate::documents;
use crate::measure::Work;
use crate::prepared::{Answers, NOW, idle, settings};

pub(super) const WORK: Work = Work { operations: 100_000, machine, bare };

fn machine(_: usize) -> Box<dyn FnMut(usize)> {
    let answers = Answers::with_access_token_of(documents::REFERENCE);
    let session = idle(&settings(), answers.record(settings()));
    Box::new(move |count| {
        for _ in 0..count {
            let authorization = black_box(&session).authorization(black_box(NOW));
            black_box(
                authorization
                    .map(|authorization| authorization.bearer().map(BearerAuth::header_value)),
            );
        }
    })
}

/// A token, and until when it is good.
struct Held {
    header_value: Option<Box<str>>,
    until: u64,
}

fn bare(_: usize) -> Box<dyn FnMut(usize)> {
    let held = Held { header_value: Some("Bearer token".into()), until: NOW.as_secs() + 3540 };
    Box::new(move |count| {
        for _ in 0..count {
            let held = black_box(&held);
            let is_fresh = black_box(NOW.as_secs()) < held.until;
            let header_value = if is_fresh { held.header_value.as_deref() } else { None };
            black_box(header_value);
        }
    })
}
