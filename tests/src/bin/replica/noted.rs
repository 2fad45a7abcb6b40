//! A connection to Redis that has the name of its process, and notes who takes which lease and who writes which record,
//! for the test that audits it: what PostgreSQL knows by the name of the connection.

use oauth_tokio::redis::redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use oauth_tokio::redis::redis::{self, Arg, Cmd, Pipeline, RedisFuture, RedisResult, Value};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Noted {
    inner: ConnectionManager,
    /// Of the process.
    name: Box<str>,
    /// The list of notes.
    list: Box<str>,
}

impl Noted {
    pub(crate) async fn open(url: &str, name: &str, prefix: &str) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(Duration::from_secs(10)))
            .set_max_delay(Duration::from_millis(100));
        let mut inner =
            ConnectionManager::new_with_config(redis::Client::open(url)?, config).await?;
        redis::cmd("CLIENT").arg("SETNAME").arg(name).exec_async(&mut inner).await?;
        Ok(Self { inner, name: name.into(), list: format!("{prefix}:notes").into() })
    }

    /// The owner of a lease that is about to be taken, or the body of a record that is about to be written.
    fn worth_noting(command: &Cmd) -> Option<Vec<u8>> {
        let words = command.args_iter().map(|word| match word {
            Arg::Simple(bytes) => bytes,
            _ => b"",
        });
        let words: Vec<_> = words.collect();
        // A script, its hash, how many keys, the key.
        let key = words.get(3)?;
        if key.ends_with(b"}:record") {
            let at = words.iter().position(|word| *word == b"body")?;
            // A script that reads names it last.
            return words.get(at + 1).map(|body| body.to_vec());
        }
        let is_taking = words.len() == 7 && words[2] == b"1" && words[4].len() == 32;
        is_taking.then(|| words[4].to_vec())
    }
}

impl ConnectionLike for Noted {
    /// The note comes with the command, right before it, so that none is missing.
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let Some(note) = Self::worth_noting(command) else {
            return self.inner.req_packed_command(command);
        };
        let mut both = Pipeline::with_capacity(2);
        let mut push = redis::cmd("RPUSH");
        push.arg(&*self.list).arg(&*self.name).arg(note);
        both.add_command(push).add_command(command.clone());
        Box::pin(async move {
            let mut answers = self.inner.req_packed_commands(&both, 0, 2).await?;
            Ok(answers.pop().unwrap_or_default())
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
