//! A server of Redis. Its file has each record that was stored, and the notes of the processes: whose a lease or a record
//! is.

use std::collections::BTreeMap;
use std::time::Duration;

use oauth_tokio::redis::Terms;
use oauth_tokio::redis::redis::cmd;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::audit::Stored;
use crate::place::{Halt, Process};
use crate::redis_database::Database;
use crate::redis_server::Server;

pub(crate) struct Redis {
    pub(crate) database: Database,
    server: Server,
}

impl Redis {
    pub(crate) async fn new() -> Self {
        // The file is the history, and is never written anew.
        let server = Server::start(&[("auto-aof-rewrite-percentage", "0")]).await;
        let database = Database::at(&server.url(), Terms::strict());
        Self { database, server }
    }

    fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.database.prefix)
    }

    pub(crate) fn process(&self, number: usize) -> Process {
        let (place, url) = (self.database.prefix.clone(), self.server.url());
        Process { name: self.name(number), place, url, wait: None }
    }

    pub(crate) fn stop(&mut self, how: Halt) {
        match how {
            Halt::Orderly => self.server.signal("TERM"),
            Halt::Killed => self.server.kill(),
        }
    }

    pub(crate) async fn start(&mut self) {
        self.server.start_again().await;
    }

    pub(crate) fn stored(&self, user: &str) -> Vec<Stored> {
        let commands = commands(&self.server.file());
        let notes = notes(&commands);
        let mut stored = Vec::new();
        for command in commands {
            let is_record = command.first().is_some_and(|word| word.eq_ignore_ascii_case(b"HSET"))
                && command[1].ends_with(b"}:record");
            if !is_record {
                continue;
            }
            let fields: BTreeMap<_, _> =
                command[2..].chunks(2).map(|pair| (&pair[0][..], &pair[1])).collect();
            let text = |field: &[u8]| std::str::from_utf8(fields[field]).unwrap();
            if text(b"kind") != "1" || text(b"profile") != user {
                continue;
            }
            let record: Value = serde_json::from_str(text(b"body")).unwrap();
            let refresh = record.pointer("/tokens/refresh_token").and_then(Value::as_str);
            stored.push(Stored {
                generation: text(b"generation").parse().unwrap(),
                refresh: refresh.map(Into::into),
                is_by_replica: notes.contains_key(fields[&b"body"[..]]),
            });
        }
        stored
    }

    pub(crate) async fn end_leases(&self, number: usize) -> usize {
        let (name, notes) = (self.name(number), notes(&commands(&self.server.file())));
        let mut ended = 0;
        for lease in self.held().await {
            let Some(held) = self.database.run::<Option<String>>(cmd("GET").arg(&lease)).await
            else {
                continue;
            };
            let owner = held.get(..32).unwrap().as_bytes();
            if notes.get(owner).is_some_and(|by| **by == *name.as_bytes()) {
                let mut end = cmd("EVAL");
                end.arg(END).arg(1).arg(&lease).arg(owner);
                ended += self.database.run::<usize>(&end).await;
            }
        }
        ended
    }

    /// Its connection is known until all that came over it was read.
    pub(crate) async fn settle(&self, number: usize) {
        let name = format!(" name={} ", self.name(number));
        let begun = Instant::now();
        while self.database.run::<String>(cmd("CLIENT").arg("LIST")).await.contains(&name) {
            assert!(begun.elapsed() < LIMIT, "the server has not noticed that{name}is dead");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn leases(&self) -> usize {
        self.held().await.len()
    }

    async fn held(&self) -> Vec<String> {
        let mut held = Vec::new();
        for lock in ["refresh", "login", "client"] {
            held.extend(self.database.keys(&format!("*}}:{lock}")).await);
        }
        held
    }

    /// How often the commands of stores were run. Nobody else is at this server.
    pub(crate) async fn activity(&self) -> Vec<Vec<String>> {
        let statistics: String = self.database.run(cmd("INFO").arg("commandstats")).await;
        let of_stores = ["cmdstat_evalsha:", "cmdstat_eval:", "cmdstat_set:", "cmdstat_del:"];
        let lines =
            statistics.lines().filter(|line| of_stores.iter().any(|it| line.starts_with(it)));
        lines.map(|line| vec![line.to_owned()]).collect()
    }
}

/// By which process what is noted was written, by the owner of a lease or the body of a record.
fn notes(commands: &[Vec<Vec<u8>>]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut notes = BTreeMap::new();
    for command in commands {
        if command.first().is_some_and(|word| word.eq_ignore_ascii_case(b"RPUSH")) {
            notes.insert(command[3].clone(), command[2].clone());
        }
    }
    notes
}

/// The commands in the file of a server, each with its words.
fn commands(file: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut at, mut commands) = (0, Vec::new());
    let number = |at: &mut usize, mark: u8| -> usize {
        assert_eq!(file[*at], mark, "byte {at}");
        let end = file[*at..].iter().position(|byte| *byte == b'\r').unwrap() + *at;
        let digits = std::str::from_utf8(&file[*at + 1..end]).unwrap();
        *at = end + 2;
        digits.parse().unwrap()
    };
    while at < file.len() {
        let count = number(&mut at, b'*');
        let words = (0..count).map(|_| {
            let length = number(&mut at, b'$');
            at += length + 2;
            file[at - length - 2..at - 2].to_vec()
        });
        commands.push(words.collect());
    }
    commands
}

/// Ends a lease, if it is this owner's.
const END: &str = "if string.sub(redis.call('GET', KEYS[1]) or '', 1, 32) ~= ARGV[1] then return 0 end \
                   return redis.call('DEL', KEYS[1])";

/// Many times what it takes.
const LIMIT: Duration = Duration::from_secs(20);
