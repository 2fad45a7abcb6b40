//! Where the members of a document stand, and which of them have been asked for.

use alloc::vec::Vec;

use crate::json::members::unescaped;
use crate::json::reader::{Unreadable, each_member};

/// The members of an object. One is found by its name among a few others.
pub(super) struct Spans {
    all: Vec<Span>,
    /// The last one of each kind of name, by its number from 1.
    last: [u16; KINDS],
}

/// Where a member stands in the body.
pub(super) struct Span {
    /// Without its quotes.
    pub(super) name: Range,
    pub(super) value: Range,
    /// The one before it whose name is of the same kind, by its number from 1.
    before: u16,
    /// Something in its name is written in another way than it is meant.
    is_escaped: bool,
    is_taken: bool,
}

/// Half the size of the usual one: a body is small.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Range {
    pub(super) fn of(self, body: &[u8]) -> &[u8] {
        body.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Spans {
    /// Finds the members of an object, and reads none of them.
    pub(super) fn find(text: &str) -> Result<Self, Unreadable> {
        let usual = (text.len() / USUAL_LENGTH).clamp(8, 64);
        let mut spans = Self { all: Vec::with_capacity(usual), last: [0; KINDS] };
        // Bodies are bounded, so all of it can be counted in 32 bits.
        let range = |start: usize, end: usize| Range { start: start as u32, end: end as u32 };
        each_member(text, |name, value| {
            let (is_escaped, name) = (name.is_escaped, range(name.start, name.end));
            let written = name.of(text.as_bytes());
            let kind = match is_escaped {
                true => unescaped(written).map_or(0, |name| kind_of(name.as_bytes())),
                false => kind_of(written),
            };
            let value = range(value.start, value.end);
            let last = &mut spans.last[kind];
            spans.all.push(Span { name, value, before: *last, is_escaped, is_taken: false });
            *last = spans.all.len() as u16;
            spans.all.len() <= MAX_MEMBERS
        })?;
        Ok(spans)
    }

    /// Hands over where the members of this name have their values, the last one first. They count as taken.
    pub(super) fn take(&mut self, body: &[u8], name: &str, mut found: impl FnMut(Range)) {
        let mut next = self.last[kind_of(name.as_bytes())];
        while let Some(span) = self.all.get_mut(usize::from(next).wrapping_sub(1)) {
            next = span.before;
            if span.is_named(body, name) {
                span.is_taken = true;
                found(span.value);
            }
        }
    }

    /// What nobody has asked for so far.
    pub(super) fn rest(&self) -> impl Iterator<Item = &Span> {
        self.all.iter().filter(|span| !span.is_taken)
    }

    pub(super) fn any_is_escaped(&self) -> bool {
        self.all.iter().any(|span| span.is_escaped)
    }
}

impl Span {
    fn is_named(&self, body: &[u8], name: &str) -> bool {
        let written = self.name.of(body);
        if self.is_escaped {
            return unescaped(written).is_some_and(|it| *it == *name);
        }
        written == name.as_bytes()
    }
}

/// What tells most names of a document apart: the length, and a byte in front and in the middle.
fn kind_of(name: &[u8]) -> usize {
    let byte = |at: usize| name.get(at).copied().map_or(0, usize::from);
    (name.len() + 5 * byte(0) + 11 * byte(name.len() / 2)) % KINDS
}

/// Twice as many as server metadata has members.
const KINDS: usize = 64;

/// How long a member of server metadata is, in bytes.
const USUAL_LENGTH: usize = 64;

/// Ten times what honest documents have.
pub(super) const MAX_MEMBERS: usize = 512;
