//! What is said where nobody listens: without the feature `tracing`, nothing.

use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::obstacle::Unanswered;
use crate::session::Key;
use crate::{ServerUrl, Timeline};

#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    Access,
    Refresh,
    Login,
    Resume,
    Logout,
    Diagnose,
}

#[derive(Debug, Clone)]
pub(super) struct Span;

impl Span {
    pub(super) fn of(_work: Work, _server: &ServerUrl, _key: &Key) -> Self {
        Self
    }

    pub(super) fn current() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "with the feature, it is used")]
    pub(super) fn around<W: Future>(self, work: W) -> W {
        work
    }

    #[expect(clippy::unused_self, reason = "with the feature, it is used")]
    pub(super) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    pub(super) fn outcome<T, E: core::error::Error>(
        &self,
        _: &Result<T, ClientError<E>>,
        _: &Timeline,
    ) {
    }
}

pub(super) fn last_step(_timeline: &Timeline, _unanswered: Option<&Unanswered>) {}

pub(super) fn steps(_timeline: &Timeline) {}

pub(super) fn event(_event: &Event<'_>) {}
