//! A connection whose answers, or the commands themselves, come late or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oauth_tokio::redis::redis::aio::{ConnectionLike, ConnectionManager};
use oauth_tokio::redis::redis::{Arg, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, Value};
use tokio::sync::Semaphore;

use crate::database::Database;

/// What happens to commands from now on.
#[derive(Clone)]
pub(crate) struct Wire {
    inner: ConnectionManager,
    pub(crate) state: Arc<State>,
}

pub(crate) struct State {
    /// Takings are run, and their answers wait until this has a permit.
    pub(crate) answers: Semaphore,
    pub(crate) holds_answers: AtomicBool,
    /// Takings wait for this before they are run, even if who sent them has gone.
    pub(crate) takings: Arc<Semaphore>,
    pub(crate) holds_takings: AtomicBool,
    pub(crate) fails_releases: AtomicBool,
    /// What is written is run, and its answer is lost.
    pub(crate) loses_answers: AtomicBool,
    /// How many commands came.
    pub(crate) count: std::sync::atomic::AtomicUsize,
}

impl Wire {
    pub(crate) async fn new(database: &Database) -> Self {
        let state = State {
            answers: Semaphore::new(0),
            holds_answers: AtomicBool::new(false),
            takings: Arc::new(Semaphore::new(0)),
            holds_takings: AtomicBool::new(false),
            fails_releases: AtomicBool::new(false),
            loses_answers: AtomicBool::new(false),
            count: <_>::default(),
        };
        Self { inner: database.connection().await, state: Arc::new(state) }
    }

    pub(crate) fn set(flag: &AtomicBool, to: bool) {
        flag.store(to, Ordering::SeqCst);
    }
}

fn cut() -> RedisError {
    (ErrorKind::Io, "the wire is cut").into()
}

/// What a script is given: keys and arguments.
fn words(command: &Cmd) -> Vec<Vec<u8>> {
    let words = command.args_iter().map(|word| match word {
        Arg::Simple(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    });
    words.collect()
}

impl ConnectionLike for Wire {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let is = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        let words = words(command);
        let is_of_lease = words.get(3).is_some_and(|key| key.ends_with(b"}:refresh"));
        // A script, its hash, how many keys, the lease, and what only that one has.
        let is_taking = is_of_lease && words.len() == 7 && words[2] == b"1";
        let is_release = is_of_lease && words.len() == 5;
        let state = Arc::clone(&self.state);
        state.count.fetch_add(1, Ordering::SeqCst);
        let mut inner = self.inner.clone();
        let command = command.clone();
        Box::pin(async move {
            if is_release && is(&state.fails_releases) {
                return Err(cut());
            }
            if is_taking && is(&state.holds_takings) {
                let gate = Arc::clone(&state.takings);
                let task = tokio::spawn(async move {
                    let _permit = gate.acquire().await;
                    inner.req_packed_command(&command).await
                });
                return task.await.unwrap();
            }
            let holds_answer = is_taking && is(&state.holds_answers);
            let answer = inner.req_packed_command(&command).await;
            if holds_answer {
                let _permit = state.answers.acquire().await;
            }
            if is(&state.loses_answers) && words.iter().any(|word| word == b"body") {
                return Err(cut());
            }
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.inner.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}
