//! What is said where nobody listens: without the feature `tracing`, nothing.

use crate::Timeline;
use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::host::{Host, Unanswered};
use crate::client::shared::Client;

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
    pub(super) fn of<H: Host>(_work: Work, _client: &Client<H>) -> Self {
        Self
    }

    pub(super) fn current() -> Self {
        Self
    }

    pub(super) async fn around<T>(self, work: impl Future<Output = T>) -> T {
        work.await
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
