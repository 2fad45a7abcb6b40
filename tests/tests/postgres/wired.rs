//! Statements whose answers, or which themselves, come late or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oauth_tokio::postgres::{Answer, Parameter, Reconnecting, StatementError, Statements};
use tokio::sync::Semaphore;
use tokio_postgres::NoTls;

use crate::database::Way;

/// What happens to statements from now on.
pub(crate) struct Wire {
    inner: Arc<Reconnecting>,
    /// Takings are run, and their answers wait until this has a permit.
    pub(crate) answers: Semaphore,
    pub(crate) holds_answers: AtomicBool,
    /// Takings wait for this before they are run, even if who sent them has gone.
    pub(crate) takings: Arc<Semaphore>,
    pub(crate) holds_takings: AtomicBool,
    pub(crate) fails_releases: AtomicBool,
}

impl Wire {
    pub(crate) fn new(way: Way) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::new(Reconnecting::to(way.config(), NoTls)),
            answers: Semaphore::new(0),
            holds_answers: AtomicBool::new(false),
            takings: Arc::new(Semaphore::new(0)),
            holds_takings: AtomicBool::new(false),
            fails_releases: AtomicBool::new(false),
        })
    }

    pub(crate) fn set(flag: &AtomicBool, to: bool) {
        flag.store(to, Ordering::SeqCst);
    }
}

impl Statements for Wire {
    fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a> {
        let is = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        let is_taking = statement.starts_with("insert") && statement.contains("_lease");
        let is_release = statement.starts_with("delete") && statement.contains("_lease");
        let holds_answer = is_taking && is(&self.holds_answers);
        Box::pin(async move {
            if is_release && is(&self.fails_releases) {
                return Err(StatementError::unreachable("the wire is cut"));
            }
            if is_taking && is(&self.holds_takings) {
                let late = Late::new(&self.inner, statement, parameters);
                let gate = Arc::clone(&self.takings);
                let task = tokio::spawn(async move {
                    let _permit = gate.acquire().await;
                    late.run().await
                });
                return task.await.unwrap();
            }
            let answer = self.inner.run(statement, parameters).await;
            if holds_answer {
                let _permit = self.answers.acquire().await;
            }
            answer
        })
    }
}

/// A statement that outlives its caller.
struct Late {
    inner: Arc<Reconnecting>,
    statement: String,
    parameters: Vec<Owned>,
}

enum Owned {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Late {
    fn new(inner: &Arc<Reconnecting>, statement: &str, parameters: &[Parameter<'_>]) -> Self {
        let owned = parameters.iter().map(|parameter| match parameter {
            Parameter::Number(number) => Owned::Number(*number),
            Parameter::Text(text) => Owned::Text((*text).to_owned()),
            Parameter::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
        });
        let parameters = owned.collect();
        Self { inner: Arc::clone(inner), statement: statement.to_owned(), parameters }
    }

    async fn run(&self) -> Result<Vec<oauth_tokio::postgres::Row>, StatementError> {
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|owned| match owned {
                Owned::Number(number) => Parameter::Number(*number),
                Owned::Text(text) => Parameter::Text(text),
                Owned::Bytes(bytes) => Parameter::Bytes(bytes),
            })
            .collect();
        self.inner.run(&self.statement, &parameters).await
    }
}
