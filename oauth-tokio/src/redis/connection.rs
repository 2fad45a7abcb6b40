//! The host's connection, of whichever kind it is.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, Value};

use crate::redis::error::CommandError;
use crate::redis::scripts::Call;
use crate::remote::TIME_LIMIT;

/// Runs commands on what it is made from, with a limit for each.
pub(super) struct Connection {
    run: Arc<Run>,
    /// How long a command may take.
    limit: Duration,
    /// Whether the server answers before its disk has what was written, and is waited for.
    waits: bool,
}

type Run = dyn Fn(Sent) -> Answer + Send + Sync;
type Answer = Pin<Box<dyn Future<Output = Result<Vec<Value>, redis::RedisError>> + Send>>;

/// What is sent at once, over one connection.
enum Sent {
    One(Cmd),
    /// The command, and one that waits until the disk has it.
    Flushed(Cmd),
}

impl Connection {
    pub(super) fn new<C>(connection: C) -> Self
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        let run = move |sent| -> Answer {
            // Clones share what they are clones of.
            let mut connection = connection.clone();
            Box::pin(async move {
                match sent {
                    Sent::One(command) => {
                        Ok(vec![connection.req_packed_command(&command).await?.extract_error()?])
                    }
                    Sent::Flushed(command) => {
                        let mut both = redis::Pipeline::with_capacity(2);
                        both.add_command(command).add_command(wait_for_disk());
                        connection.req_packed_commands(&both, 0, 2).await
                    }
                }
            })
        };
        Self { run: Arc::new(run), limit: TIME_LIMIT, waits: false }
    }

    pub(super) fn with_limit(&self, limit: Duration) -> Self {
        Self { run: Arc::clone(&self.run), limit, ..*self }
    }

    pub(super) fn waiting(self) -> Self {
        Self { waits: true, ..self }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Runs one that reads.
    pub(super) async fn read(&self, command: Cmd) -> Result<Value, CommandError> {
        let mut answers = self.answers(Sent::One(command)).await?.into_iter();
        answers.next().ok_or_else(CommandError::strange)
    }

    /// Runs one that writes, and is answered when what it wrote lasts.
    pub(super) async fn write(&self, command: Cmd) -> Result<Value, CommandError> {
        if !self.waits {
            return self.read(command).await;
        }
        let answers = self.answers(Sent::Flushed(command)).await?;
        let [answer, flushed]: [Value; 2] =
            answers.try_into().map_err(|_| CommandError::strange())?;
        let answer = answer.extract_error()?;
        match flushed.extract_error()? {
            Value::Array(counts) if matches!(*counts, [Value::Int(1..), ..]) => Ok(answer),
            _ => Err(CommandError::unreachable("the server has not yet written it to its disk")),
        }
    }

    /// Runs a script that reads.
    pub(super) async fn look<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, CommandError> {
        let answer = match self.read(call.by_hash()).await {
            Err(error) if error.code() == Some(UNKNOWN) => self.read(call.by_text()).await,
            answer => answer,
        };
        value(answer?)
    }

    /// Runs a script that writes. A server that does not have it has done nothing yet, and gets its text.
    pub(super) async fn call<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, CommandError> {
        let answer = match self.write(call.by_hash()).await {
            Err(error) if error.code() == Some(UNKNOWN) => self.write(call.by_text()).await,
            answer => answer,
        };
        value(answer?)
    }

    async fn answers(&self, sent: Sent) -> Result<Vec<Value>, CommandError> {
        match tokio::time::timeout(self.limit, (self.run)(sent)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                let message = format!("the server has not answered for {:?}", self.limit);
                Err(CommandError::unreachable(message))
            }
        }
    }
}

pub(super) fn value<T: FromRedisValue>(answer: Value) -> Result<T, CommandError> {
    redis::from_redis_value(answer).map_err(|_| CommandError::strange())
}

/// Until this server itself has on its disk what was written over the connection before.
fn wait_for_disk() -> Cmd {
    let mut command = redis::cmd("WAITAOF");
    command.arg(1).arg(0).arg(LONGEST_FLUSH_MS);
    command
}

/// What is said of a script that the server does not have.
const UNKNOWN: &str = "NOSCRIPT";

/// In milliseconds. It is written to once a second.
const LONGEST_FLUSH_MS: u64 = 5000;
