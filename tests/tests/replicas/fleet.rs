//! Processes that call for all users, round by round: in each round all access tokens of a server are refused at
//! first, and every process calls for every user of that server at once. The rounds of the servers do not wait for
//! each other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use oauth_tests::drive::dice;
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::kills::Kills;
use crate::place::{Kind, Place};
use crate::replica::{Line, Replica};
use crate::tokio_common::builder;

/// A server, and its users.
pub(crate) struct Group {
    pub(crate) served: Served,
    pub(crate) users: Vec<String>,
    pub(crate) round: usize,
    /// Who has not called yet in this round, and for whom.
    awaited: BTreeSet<(usize, String)>,
    /// Users who have to log in.
    out: BTreeSet<String>,
}

pub(crate) struct Fleet {
    pub(crate) place: Place,
    pub(crate) groups: Vec<Group>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) kills: Kills,
    /// Users who had to log in again, in which round.
    pub(crate) logged_out: Vec<(String, usize)>,
    pub(crate) begun: Instant,
    started: usize,
    seed: u64,
    rolls: u64,
    sender: UnboundedSender<Line>,
    lines: UnboundedReceiver<Line>,
    /// The last of what was said.
    said: Vec<String>,
    is_stopping: bool,
    /// Whether calls may fail that are worth another try, and whether there is one.
    pub(crate) may_fail: bool,
    pub(crate) calls_again: bool,
}

impl Fleet {
    /// Logs in all users, and starts the processes.
    pub(crate) async fn start(kind: Kind, size: Size) -> Self {
        Self::start_at(kind, size, "127.0.0.1").await
    }

    /// The same with servers at another name of this machine.
    pub(crate) async fn start_at(kind: Kind, size: Size, host: &str) -> Self {
        let place = Place::new(kind).await;
        let mut groups = Vec::new();
        for first in (0..size.users).step_by(USERS_OF_A_SERVER) {
            let last = (first + USERS_OF_A_SERVER).min(size.users);
            let served = Served::start_at(Knobs::default(), host).unwrap();
            served.delay_tokens(DELAY);
            let users: Vec<_> = (first..last).map(|number| format!("user-{number}")).collect();
            for user in &users {
                login(&served, &place, user).await;
            }
            let (awaited, out) = Default::default();
            groups.push(Group { served, users, round: 0, awaited, out });
        }
        let (sender, lines) = unbounded_channel();
        let seed = std::env::var("REPLICAS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| std::process::id().into());
        let mut fleet = Self {
            place,
            groups,
            replicas: Vec::new(),
            kills: Kills::default(),
            logged_out: Vec::new(),
            begun: Instant::now(),
            started: 0,
            seed,
            rolls: 0,
            sender,
            lines,
            said: Vec::new(),
            is_stopping: false,
            may_fail: false,
            calls_again: false,
        };
        println!("seed {seed}, {kind:?}, {size:?}");
        for _ in 0..size.processes {
            let replica = fleet.new_replica();
            fleet.replicas.push(replica);
        }
        fleet
    }

    pub(crate) fn new_replica(&mut self) -> Replica {
        self.started += 1;
        Replica::start(self.started, self.place.process(self.started), self.sender.clone())
    }

    pub(crate) fn roll(&mut self) -> u8 {
        self.rolls += 1;
        dice(self.seed + (self.rolls << 16))[0]
    }

    /// Plays rounds at every server until all have that many, and it is enough.
    pub(crate) async fn play(&mut self, rounds: usize, is_enough: impl Fn(&Self) -> bool) {
        (0..self.groups.len()).for_each(|group| self.begin_round(group));
        loop {
            for at in 0..self.groups.len() {
                if !self.groups[at].awaited.is_empty() {
                    continue;
                }
                self.log_in_again(at).await;
                if self.groups[at].round < rounds || !is_enough(self) {
                    self.begin_round(at);
                }
            }
            if self.groups.iter().all(|group| group.awaited.is_empty()) {
                return;
            }
            self.work().await;
        }
    }

    /// Until all have called in this round; who fails in a way that passes calls once more.
    pub(crate) async fn finish_round(&mut self, at: usize) {
        while !self.groups[at].awaited.is_empty() {
            self.work().await;
        }
    }

    /// All access tokens of a server end, and all call.
    pub(crate) fn begin_round(&mut self, at: usize) {
        let group = &mut self.groups[at];
        group.round += 1;
        group.served.world().revoke_access_tokens();
        let slots = 0..self.replicas.len();
        let all = slots.flat_map(|slot| group.users.iter().map(move |user| (slot, user.clone())));
        group.awaited = all.collect();
        (0..self.replicas.len()).for_each(|slot| self.tell_calls(slot, Some(at)));
    }

    /// Tells a process of the calls that are awaited of it, at all servers or one.
    pub(crate) fn tell_calls(&mut self, slot: usize, at: Option<usize>) {
        let of =
            self.groups.iter().enumerate().filter(|(number, _)| at.is_none_or(|at| at == *number));
        for (_, group) in of {
            let url = group.served.server_url();
            for (_, user) in group.awaited.iter().filter(|(of, _)| *of == slot) {
                self.replicas[slot].tell(&format!("call {user} {url} {}", group.round));
            }
        }
    }

    /// Hears the next line, and does what is due.
    async fn work(&mut self) {
        assert!(self.begun.elapsed() < LIMIT, "it is too slow");
        let line = tokio::time::timeout(Duration::from_millis(2), self.lines.recv()).await;
        if let Ok(line) = line {
            self.heard(line.unwrap());
        }
        self.kill_who_is_due().await;
    }

    /// Hears what was said until a process has ended.
    pub(crate) async fn hear_until_end(&mut self, number: usize) {
        loop {
            let line = self.lines.recv().await.unwrap();
            if line == (number, None) {
                return;
            }
            self.heard(line);
        }
    }

    /// The next line of a process that begins so; others are heard.
    pub(crate) async fn hear(&mut self, slot: usize, begin: &str) -> String {
        self.hear_any(slot, &[begin]).await
    }

    /// The same with one of several beginnings.
    pub(crate) async fn hear_any(&mut self, slot: usize, begins: &[&str]) -> String {
        let number = self.replicas[slot].number;
        let heard = async {
            loop {
                let line = self.lines.recv().await.unwrap();
                self.heard(line.clone());
                if let (of, Some(line)) = line
                    && of == number
                    && begins.iter().any(|begin| line.starts_with(begin))
                {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.unwrap()
    }

    fn heard(&mut self, (number, line): Line) {
        let line = line.unwrap_or_else(|| "ended".into());
        self.said.push(format!("{:?} {number}: {line}", self.begun.elapsed()));
        let Some(slot) = self.replicas.iter().position(|it| it.number == number) else { return };
        let words: Vec<_> = line.split(' ').collect();
        self.replicas[slot].heard(&words);
        match *words {
            ["got", user, round, "200"] => self.called(slot, user, round),
            ["out", user, round, ..] => {
                self.called(slot, user, round);
                let is_of = |group: &&mut Group| group.users.iter().any(|it| it == user);
                let group = self.groups.iter_mut().find(is_of).unwrap();
                group.out.insert(user.into());
            }
            ["ended"] if self.is_stopping => {}
            ["got" | "error" | "ended", ..] => panic!("replica {number}: {line}"),
            ["retryable", ..] if !self.may_fail && !self.calls_again => {
                panic!("replica {number}: {line}")
            }
            ["retryable", user, round, ..] if self.calls_again => {
                let is_of = |group: &&Group| group.users.iter().any(|it| it == user);
                let url = self.groups.iter().find(is_of).unwrap().served.server_url();
                self.replicas[slot].tell(&format!("call {user} {url} {round}"));
            }
            _ => {}
        }
        let dice = self.roll();
        self.kills.heard(slot, words[0], dice);
    }

    fn called(&mut self, slot: usize, user: &str, round: &str) {
        for group in &mut self.groups {
            if group.round.to_string() == round {
                group.awaited.remove(&(slot, user.to_owned()));
            }
        }
    }

    /// The users do, who have to.
    async fn log_in_again(&mut self, at: usize) {
        let out = std::mem::take(&mut self.groups[at].out);
        for user in out {
            let group = &self.groups[at];
            login(&group.served, &self.place, &user).await;
            self.logged_out.push((user, group.round));
        }
    }

    pub(crate) async fn stop(&mut self) {
        self.is_stopping = true;
        for slot in 0..self.replicas.len() {
            self.replicas[slot].tell("stop");
            self.hear(slot, "stopped").await;
            assert!(self.replicas[slot].has_succeeded());
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let from = self.said.len().saturating_sub(SHOWN);
            self.said[from..].iter().for_each(|line| eprintln!("{line}"));
            eprintln!("the seed was {}", self.seed);
        }
    }
}

/// By a client of the test's own, whose user consents.
async fn login(served: &Served, place: &Place, user: &str) {
    let oauth = builder(served, &place.store().await).profile(user).build().unwrap();
    oauth.authenticate().await.unwrap();
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) processes: usize,
    pub(crate) users: usize,
    pub(crate) rounds: usize,
}

impl Size {
    /// Of so many rounds, or as the environment says.
    pub(crate) fn of_rounds(rounds: usize) -> Self {
        let said = |name: &str| std::env::var(name).ok().map(|number| number.parse().unwrap());
        Self {
            processes: said("REPLICAS_PROCESSES").unwrap_or(4),
            users: said("REPLICAS_USERS").unwrap_or(50),
            rounds: said("REPLICAS_ROUNDS").unwrap_or(rounds),
        }
    }
}

/// A server looks through all of its tokens at each request, so it gets few users.
const USERS_OF_A_SERVER: usize = 5;

/// How long a token answer is held back: the token is spent, and nobody has its successor.
const DELAY: Duration = Duration::from_millis(10);

/// How many lines are shown when it fails.
const SHOWN: usize = 150;

/// Many times what anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(1700);
