//! Many tasks that ask the same at once, and when the refresh that they wait for is answered.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use oauth_core::Endpoint;
use oauth_tokio::{Event, OAuthBuilder};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// What each of as many tasks got that began all at once, and when.
pub(crate) async fn at_once<T, F>(tasks: usize, ask: impl Fn() -> F) -> Vec<(T, Instant)>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(tasks));
    let mut all = JoinSet::new();
    for _ in 0..tasks {
        let (start, asked) = (Arc::clone(&start), ask());
        all.spawn(async move {
            start.wait().await;
            let got = asked.await;
            (got, Instant::now())
        });
    }
    all.join_all().await
}

/// When the token endpoint answered, as the client's watcher was told.
#[derive(Clone, Default)]
pub(crate) struct Answer(Arc<Noted>);

#[derive(Default)]
struct Noted {
    refused: AtomicUsize,
    answered: OnceLock<Answered>,
}

#[derive(Clone, Copy)]
struct Answered {
    at: Instant,
    refused: usize,
}

impl Answer {
    pub(crate) fn watch(&self, builder: OAuthBuilder) -> OAuthBuilder {
        let noted = Arc::clone(&self.0);
        builder.on_event(move |event| match event {
            Event::Exchange { endpoint: Endpoint::Token, .. } => {
                let refused = noted.refused.load(SeqCst);
                noted.answered.get_or_init(|| Answered { at: Instant::now(), refused });
            }
            Event::Answered { status: 401, .. } => {
                noted.refused.fetch_add(1, SeqCst);
            }
            _ => {}
        })
    }

    /// How long after it something happened.
    pub(crate) fn until(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.answered().at)
    }

    /// How many requests of the application had been refused by then.
    pub(crate) fn refused_before(&self) -> usize {
        self.answered().refused
    }

    fn answered(&self) -> Answered {
        *self.0.answered.get().expect("the token endpoint answered")
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Storm {
    pub(crate) refreshes: usize,
    /// Tasks that got what they asked for.
    pub(crate) succeeded: usize,
    /// When the last of them could go on, after the answer.
    pub(crate) last: Duration,
}

impl Storm {
    pub(crate) fn new<T, E>(
        all: &[(Result<T, E>, Instant)],
        answer: &Answer,
        refreshes: usize,
    ) -> Self {
        let last = all.iter().map(|(_, at)| answer.until(*at)).max().unwrap_or_default();
        let succeeded = all.iter().filter(|(got, _)| got.is_ok()).count();
        Self { refreshes, succeeded, last }
    }
}
