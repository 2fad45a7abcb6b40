//! Processes that call for all users all the time, whatever becomes of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, timeout_at};

use crate::audit::Held;
use crate::place::Process;
use crate::place::postgres::Postgres;
use crate::replica::{Line, Replica};
use crate::server::Server;

pub(super) struct Load<'a> {
    pub(super) place: &'a Postgres,
    pub(super) server: &'a Server,
    pub(super) users: Vec<String>,
    replicas: Vec<Replica>,
    started: usize,
    sender: UnboundedSender<Line>,
    lines: UnboundedReceiver<Line>,
    ticks: usize,
    /// Which calls are under way, since when.
    calls: BTreeMap<(usize, String), Instant>,
    pub(super) kills: Vec<Killed>,
    stops: Vec<Stopped>,
    /// Users who have to log in.
    pub(super) out: BTreeSet<String>,
    pub(super) answers: Answers,
    is_ending: bool,
    begun: Instant,
    /// What was said of each user.
    said: BTreeMap<String, Vec<String>>,
}

/// A process that was killed.
pub(super) struct Killed {
    pub(super) number: usize,
    /// By the clock that the server has, in milliseconds.
    pub(super) at: u64,
    begun: Instant,
    pub(super) left: Vec<Held>,
}

/// A process that was stopped, and when.
struct Stopped {
    slot: usize,
    begun: Instant,
    ended: Option<Instant>,
    held: BTreeSet<String>,
}

/// What came of the calls.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) good: usize,
    /// Those that have waited for somebody's refresh for as long as they may.
    pub(super) busy: usize,
    /// Those whose connection broke.
    pub(super) broken: usize,
    /// How long they took while their process went on.
    pub(super) took: Vec<Duration>,
    /// Waits for the refresh of nobody who was killed or stopped.
    pub(super) without_reason: Vec<String>,
}

impl<'a> Load<'a> {
    pub(super) fn start(place: &'a Postgres, server: &'a Server, users: Vec<String>) -> Self {
        let (sender, lines) = unbounded_channel();
        let mut load = Self {
            place,
            server,
            users,
            replicas: Vec::new(),
            started: 0,
            sender,
            lines,
            ticks: 0,
            calls: BTreeMap::new(),
            kills: Vec::new(),
            stops: Vec::new(),
            out: BTreeSet::new(),
            answers: Answers::default(),
            is_ending: false,
            begun: Instant::now(),
            said: BTreeMap::new(),
        };
        for _ in 0..REPLICAS {
            let replica = load.new_replica();
            load.replicas.push(replica);
        }
        load
    }

    fn new_replica(&mut self) -> Replica {
        self.started += 1;
        let process = Process { wait: Some(WAIT), ..self.place.process(self.started) };
        Replica::start(self.started, process, self.sender.clone())
    }

    /// All call, each process once a second for each user, unless its last call is still under way.
    pub(super) async fn go_on(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.call();
            let tick = Instant::now() + TICK;
            self.hear_until(tick).await;
        }
    }

    /// The same until so long after the kill.
    pub(super) async fn go_on_after_the_kill(&mut self, time: Duration) {
        let end = self.kills[0].begun + time;
        self.go_on(end.saturating_duration_since(Instant::now())).await;
    }

    fn call(&mut self) {
        self.ticks += 1;
        let of_this_tick = |number: &usize| (number + self.ticks).is_multiple_of(TICKS);
        let numbers = (0..self.users.len()).filter(of_this_tick);
        for number in numbers.collect::<Vec<_>>() {
            for slot in 0..REPLICAS {
                let call = (slot, self.users[number].clone());
                if !self.out.contains(&call.1) && !self.calls.contains_key(&call) {
                    let line = format!("call {} {} {}", call.1, self.server.url, self.ticks);
                    self.replicas[slot].tell(&line);
                    self.calls.insert(call, Instant::now());
                }
            }
        }
    }

    async fn hear_until(&mut self, end: Instant) {
        while let Ok(line) = timeout_at(end, self.lines.recv()).await {
            self.heard(line.unwrap());
        }
    }

    /// All calls end, and nobody begins another one.
    pub(super) async fn come_to_rest(&mut self) {
        let end = Instant::now() + LIMIT;
        while !self.calls.is_empty() {
            assert!(Instant::now() < end, "calls do not end: {:?}", self.calls);
            self.hear_until(Instant::now() + TICK).await;
        }
        // What follows an answer: the lock is released.
        self.hear_until(Instant::now() + TICK * 4).await;
    }

    /// Kills a process that is spending a refresh token, and starts another one.
    pub(super) async fn kill(&mut self, slot: usize) {
        self.spends(slot).await;
        let number = self.replicas[slot].number;
        self.replicas[slot].kill();
        let (at, begun) = (now(), Instant::now());
        while let Some(line) = self.lines.recv().await
            && line != (number, None)
        {
            self.heard(line);
        }
        self.place.settle(number).await;
        let left = self.place.held(number).await;
        println!("replica {number} is killed, and leaves {left:?}");
        self.kills.push(Killed { number, at, begun, left });
        self.calls.retain(|(of, _), _| *of != slot);
        self.replicas[slot] = self.new_replica();
    }

    /// Stops a process that is spending a refresh token, and lets it go on after that time.
    pub(super) async fn stop_for(&mut self, slot: usize, time: Duration) {
        self.spends(slot).await;
        self.replicas[slot].signal("STOP");
        let begun = Instant::now();
        self.stops.push(Stopped { slot, begun, ended: None, held: BTreeSet::new() });
        let number = self.replicas[slot].number;
        // What it has sent already is done by then.
        sleep(MOMENT).await;
        let held = self.place.held(number).await;
        println!("replica {number} is stopped for {time:?}, and holds {held:?}");
        let stopped = self.stops.last_mut().unwrap();
        stopped.held = held.into_iter().map(|held| held.user).collect();
        let end = begun + time;
        self.go_on(end.saturating_duration_since(Instant::now())).await;
        self.replicas[slot].signal("CONT");
        self.stops.last_mut().unwrap().ended = Some(Instant::now());
    }

    /// Waits until it is about to spend one.
    async fn spends(&mut self, slot: usize) {
        let end = Instant::now() + LIMIT;
        while self.replicas[slot].spending.is_empty() {
            assert!(Instant::now() < end, "it has nothing to refresh");
            self.go_on(TICK).await;
        }
    }

    fn heard(&mut self, (number, line): Line) {
        let Some(slot) = self.replicas.iter().position(|it| it.number == number) else { return };
        let line = line.unwrap_or_else(|| "ended".into());
        let words: Vec<_> = line.split(' ').collect();
        self.replicas[slot].heard(&words);
        if let [_, user, ..] = *words {
            let said = format!("{:.3?} replica {number}: {line}", self.begun.elapsed());
            self.said.entry(user.into()).or_default().push(said);
        }
        match *words {
            ["got", user, _, "200"] => {
                self.answers.good += 1;
                self.ended(slot, user);
            }
            ["out", user, ..] => {
                self.out.insert(user.into());
                self.ended(slot, user);
            }
            ["retryable", user, _, "Busy", ..] => {
                self.answers.busy += 1;
                if !self.is_disturbed(slot, user) {
                    self.answers.without_reason.push(format!("replica {number}: {line}"));
                }
                self.ended(slot, user);
            }
            ["retryable", user, ..] => self.broke(slot, user, &line),
            ["error", user, _, error, ..] if error.starts_with("Http(") => {
                self.broke(slot, user, &line);
            }
            ["ended"] if self.is_ending => {}
            ["got" | "error" | "ended", ..] => panic!("replica {number}: {line}"),
            _ => {}
        }
    }

    /// The server closes connections that nobody has used for five seconds, also in the moment in which a request comes.
    fn broke(&mut self, slot: usize, user: &str, line: &str) {
        println!("replica in slot {slot}: {line}");
        self.answers.broken += 1;
        self.ended(slot, user);
    }

    fn ended(&mut self, slot: usize, user: &str) {
        let Some(begun) = self.calls.remove(&(slot, user.to_owned())) else { return };
        let stops = self.stops.iter().filter(|stop| stop.slot == slot);
        let stood_still: Duration = stops.map(|stop| stop.since(begun)).sum();
        self.answers.took.push(begun.elapsed().saturating_sub(stood_still));
    }

    /// Whether a call may wait in vain: its process was stopped itself, or another one has the user's lock that is
    /// killed or stopped.
    fn is_disturbed(&self, slot: usize, user: &str) -> bool {
        let left = self.kills.iter().flat_map(|kill| &kill.left).any(|held| held.user == user);
        left || self.stops.iter().any(|stop| stop.slot == slot || stop.held.contains(user))
    }

    /// What the processes have said of a user.
    pub(super) fn said(&self, user: &str) -> &[String] {
        self.said.get(user).map_or(&[], Vec::as_slice)
    }

    pub(super) async fn end(mut self) {
        self.is_ending = true;
        for slot in 0..REPLICAS {
            self.replicas[slot].tell("stop");
        }
        for replica in &mut self.replicas {
            assert!(replica.has_succeeded());
        }
    }
}

impl Stopped {
    /// How long it has stood still since then.
    fn since(&self, begun: Instant) -> Duration {
        let ended = self.ended.unwrap_or_else(Instant::now);
        ended.saturating_duration_since(begun.max(self.begun))
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}

const REPLICAS: usize = 3;

/// How long a call waits for others.
pub(super) const WAIT: Duration = Duration::from_secs(10);

/// Each user is called for in one of so many.
const TICKS: usize = 5;
const TICK: Duration = Duration::from_millis(200);

/// Longer than a statement takes.
const MOMENT: Duration = Duration::from_millis(300);

/// Many times what anything takes that is waited for here.
const LIMIT: Duration = Duration::from_secs(60);
