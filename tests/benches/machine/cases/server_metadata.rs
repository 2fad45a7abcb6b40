//! The step that reads server metadata: from the answer to the next request's state.

use std::hint::black_box;

use serde::de::IgnoredAny;

use crate::documents::{self, REFERENCE};
use crate::measure::Work;
use crate::prepared::{Answers, settings, start};

pub(super) const WORK: Work = Work { operations: 100, machine, bare };

/// Asking for the step writes the request too, because an answer goes into its reply.
fn machine(prepared: usize) -> Box<dyn FnMut(usize)> {
    let settings = settings();
    let answers = Answers::with_access_token_of(REFERENCE);
    let mut waiting: Vec<_> = (0..prepared).map(|_| start(&settings)).collect();
    waiting.iter_mut().for_each(|flow| answers.answer_once(flow));
    let mut at = 0;
    Box::new(move |count| {
        for flow in &mut waiting[at..at + count] {
            answers.answer_once(flow);
        }
        at += count;
    })
}

/// Reads over the document and makes nothing of it.
fn bare(_: usize) -> Box<dyn FnMut(usize)> {
    let document = documents::server();
    Box::new(move |count| {
        for _ in 0..count {
            let read = serde_json::from_slice::<IgnoredAny>(black_box(document.as_bytes()));
            black_box(read.is_ok());
        }
    })
}
