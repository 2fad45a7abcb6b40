//! Eight processes on one directory of tokens, killed at any moment.
//!
//! The test logs in once and starts eight callers (`src/bin/caller.rs`), some of them on tokio. They call
//! the MCP server and say what happens to their store, so that it is known how far one had come that was
//! killed. A caller that wants a login asks the test, which opens the page only if the server has ended
//! the grant in the store.
//!
//! Three things make the generations:
//!
//! - Tokens live for one second by the clock of the callers.
//! - Now and then a caller wants another token although its own is good.
//! - The clock of the world stands still until the test moves it on by a second, or revokes all access
//!   tokens: everybody gets a 401 at once, with a token that is on its way as well. A request that is
//!   refused with a token that it has just brought asks for a login on purpose. Therefore the clock does
//!   not go by itself, and the test waits as long as a request is under way that was refused already.
//!
//! Token answers are held back for a moment after the rotation has happened. One kill in three hits any
//! caller at any time, one a caller that has just taken the refresh lock, one a caller that begins to
//! write. Only what a killed caller held may be lost: a spent refresh token comes back at most as often as
//! callers were killed between reading it under the lock and having stored its successor, and only after
//! that; a login follows only from that; and all else is one chain of generations, each made from the one
//! before. A request may fail if a grant ended while it was under way, since its tries are bounded.
//!
//! In `failing_store` and `full_disk` their store fails now and then, with kills and without. A kill is then still
//! all that a reuse may come from, unless the grant has ended before and that could not be written down.
//!
//! The dice come from a seed, which is shown on failure. Time is real: the same seed makes a similar run,
//! not the same.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod callers;
mod failing_store;
#[cfg(target_os = "linux")]
mod full_disk;
mod history;
mod judge;
#[path = "../tokio_common.rs"]
mod tokio_common;
mod windows;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callers::{Caller, Held, Line};
use history::{Generations, History, Pair, number_of};
use oauth_blocking::FileTokenStorage;
use oauth_tests::drive::dice;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, World};
use tokio_common::Directory;
use tokio_common::common::{builder, key, location, serve, stored, visitor};
use windows::Windows;

#[test]
fn killed_processes_lose_only_what_they_held() {
    let directory = Directory::new();
    let course = Course { callers: 8, kills: true, windows: None, limit: LIMIT };
    let mut run = Run::start(&directory.store(), course);
    let reuses = |run: &Run| run.served.world().reuses;
    run.go_on_until(|run| run.generations.count() > GENERATIONS && reuses(run) >= REUSES);
    run.end();
}

/// What happens to the callers.
struct Course {
    callers: usize,
    kills: bool,
    /// When their store fails.
    windows: Option<Windows>,
    /// What takes longer hangs.
    limit: Duration,
}

struct Run {
    served: Served,
    store: FileTokenStorage,
    course: Course,
    seed: u64,
    rolls: u64,
    begun: Instant,
    callers: BTreeMap<usize, Caller>,
    started: usize,
    sender: Sender<Line>,
    lines: Receiver<Line>,
    /// The next kill.
    plan: Option<Plan>,
    /// When all access tokens end next, and how long the log was the last time.
    next_end: (Instant, usize),
    /// What the callers have seen in the store.
    generations: Generations,
    /// What killed callers held, and when they were killed.
    lost: Vec<(Held, usize)>,
    logins: usize,
    /// How many calls have failed because the store did.
    failed: usize,
    is_stopping: bool,
    /// All that was said: how long the log was, who said it, what.
    said: Vec<String>,
}

/// Kills the next who says this, a moment later.
struct Plan {
    word: &'static str,
    victim: Option<usize>,
    at: Instant,
}

impl Run {
    fn start(store: &FileTokenStorage, course: Course) -> Self {
        let served = serve(Knobs { access_lifetime: 1, ..Knobs::default() });
        served.pin_clock();
        let first = builder(&served, store).user_agent(visitor()).build().unwrap();
        first.authenticate().unwrap();
        served.delay_tokens(DELAY);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let ((sender, lines), begun) = (channel(), Instant::now());
        let mut run = Self {
            served,
            store: store.clone(),
            course,
            seed: now.subsec_nanos().into(),
            rolls: 0,
            begun,
            callers: BTreeMap::new(),
            started: 0,
            sender,
            lines,
            plan: None,
            next_end: (begun, 0),
            generations: Generations::default(),
            lost: Vec::new(),
            logins: 0,
            failed: 0,
            is_stopping: false,
            said: Vec::new(),
        };
        (0..run.course.callers).for_each(|_| run.start_caller());
        run.make_plan();
        run
    }

    fn roll(&mut self) -> u8 {
        self.rolls += 1;
        dice(self.seed + self.rolls)[0]
    }

    /// A moment that is less than so long away.
    fn within(&mut self, most: Duration) -> Instant {
        Instant::now() + most * self.roll().into() / 256
    }

    fn start_caller(&mut self) {
        self.started += 1;
        let number = self.started;
        let (url, sender) = (self.served.server_url(), self.sender.clone());
        let mut caller = Caller::start(number, url, self.store.directory(), self.seed, sender);
        if self.course.windows.as_ref().is_some_and(Windows::are_open) {
            caller.shake();
        }
        self.callers.insert(number, caller);
    }

    fn make_plan(&mut self) {
        let word = ["", "locked Refresh", "saving"][usize::from(self.roll() % 3)];
        let at = self.within(BETWEEN_KILLS);
        self.plan = self.course.kills.then_some(Plan { word, victim: None, at });
    }

    /// Goes on until there is enough to judge, and lets the others recover from the last kill and the last window.
    fn go_on_until(&mut self, is_enough: impl Fn(&Self) -> bool) {
        self.until(is_enough);
        self.plan = None;
        if let Some(windows) = &mut self.course.windows {
            windows.end();
            self.until(|run| run.course.windows.as_ref().is_some_and(Windows::have_ended));
        }
        self.until(|run| run.callers.len() == run.course.callers);
        let enough = self.generations.count() + 4;
        let has_more = |run: &Self| run.generations.count() >= enough;
        self.until(|run| has_more(run) && run.generations.end_whole());
    }

    /// All that live have succeeded since the store failed last.
    fn have_recovered(&self) -> bool {
        let mut living = self.callers.values().filter(|caller| caller.is_alive());
        living.all(|caller| caller.shaken == 0)
    }

    fn end(mut self) {
        self.stop();
        self.judge();
        self.go_on_alone();
    }

    fn stop(&mut self) {
        self.is_stopping = true;
        self.callers.values_mut().for_each(|caller| caller.tell("stop"));
        self.until(|run| run.callers.is_empty());
    }

    fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            assert!(self.begun.elapsed() < self.course.limit, "it is too slow");
            let mut is_quiet = false;
            match self.lines.recv_timeout(Duration::from_millis(1)) {
                Ok((number, Some(line))) => self.heard(number, &line),
                Ok((number, None)) => self.ended(number),
                Err(_) => is_quiet = true,
            }
            self.do_what_is_due(is_quiet);
        }
    }

    fn do_what_is_due(&mut self, is_quiet: bool) {
        let now = Instant::now();
        if let Some(Plan { victim: Some(victim), at, .. }) = self.plan
            && at <= now
        {
            self.kill(victim);
        }
        if self.next_end.0 <= now {
            self.end_tokens();
        }
        let (have_recovered, dice) = (self.have_recovered(), [(); 2].map(|()| self.roll()));
        if let Some(windows) = &mut self.course.windows
            && windows.pass(is_quiet, have_recovered, dice)
        {
            self.callers.values_mut().for_each(Caller::shake);
        }
    }

    /// Ends all access tokens, unless a request is under way that was refused already.
    fn end_tokens(&mut self) {
        let (next, is_even) = (self.within(BETWEEN_ENDS), self.roll().is_multiple_of(2));
        let mut world = self.served.world();
        let is_refused = |number| refused_since(&world, number, self.next_end.1).is_some();
        let mut living = self.callers.iter().filter(|(_, caller)| caller.is_alive());
        if living.any(|(number, _)| is_refused(*number)) {
            return;
        }
        match is_even {
            true => world.advance(1),
            false => world.revoke_access_tokens(),
        }
        self.next_end = (next, world.log.len());
    }

    fn kill(&mut self, victim: usize) {
        let length = self.served.world().log.len();
        self.callers.get_mut(&victim).unwrap().kill(length);
        self.start_caller();
        self.make_plan();
    }

    fn ended(&mut self, number: usize) {
        let mut caller = self.callers.remove(&number).unwrap();
        match caller.killed_at {
            Some(at) => self.lost.extend(caller.held.take().map(|held| (held, at))),
            None => {
                let is_good = self.is_stopping && caller.has_succeeded();
                assert!(is_good, "caller {number} has ended");
            }
        }
    }

    fn heard(&mut self, number: usize, line: &str) {
        self.said.push(format!("{:6} {number:4} {line}", self.served.world().log.len()));
        let caller = self.callers.get_mut(&number).unwrap();
        let (is_alive, windows) = (caller.is_alive(), &self.course.windows);
        let is_shaken = caller.shaken > 0 || windows.as_ref().is_some_and(Windows::are_open);
        match line.split_once(' ').unwrap_or((line, "")) {
            ("locked", lock) => caller.locked(lock),
            ("loaded", record) => caller.loaded(self.generations.see(record)),
            ("saved", record) => caller.saved(self.generations.see(record)),
            ("unlocking", _) => caller.held = None,
            ("conflict", record) => {
                let history = History::of(&self.served.world());
                let token = Pair::parse(record).1.refresh;
                if token.and_then(|token| history.from(token)).is_some() {
                    // It was stored when that seemed to fail.
                    assert!(windows.is_some(), "{number}: {line}");
                    self.generations.see(record);
                }
            }
            ("visit", url) if is_alive => self.log_in(number, url),
            ("renewed", "false") => {
                let loaded = caller.loaded.unwrap();
                assert!(History::of(&self.served.world()).is_dead(loaded.access), "{number}");
            }
            // A new token is of no use if its grant ends before the request is there.
            ("error", error) if error.contains("StillRefused") || error.contains("LoginInVain") => {
                let world = self.served.world();
                let since = refused_since(&world, number, 0).unwrap();
                let reused = History::of(&world).reused;
                assert!(reused.iter().any(|(_, at)| *at > since), "{number}: {line}");
            }
            ("retryable", _) if is_shaken => self.failed += 1,
            ("got", "200") | ("renewed", "true") => caller.succeeded(),
            ("saving" | "visit" | "stopped", _) => {}
            _ => panic!("caller {number}: {line}"),
        }
        if is_alive {
            self.aim(number, line);
        }
        let dice = self.roll();
        if let Some(windows) = &mut self.course.windows {
            windows.heard(line, dice);
        }
    }

    fn aim(&mut self, number: usize, line: &str) {
        if let Some(Plan { word, victim: None, at }) = self.plan
            && line.starts_with(word)
            && at <= Instant::now()
        {
            let at = self.within(if word == "saving" { WRITING } else { 3 * DELAY });
            self.plan = Some(Plan { word, victim: Some(number), at });
        }
    }

    /// Does what the user does, if they have a reason.
    fn log_in(&mut self, number: usize, url: &str) {
        let record = stored(&self.store, &key(&self.served)).unwrap();
        let access = number_of(record.tokens().unwrap().access_token.token()).unwrap();
        assert!(History::of(&self.served.world()).is_dead(access), "{number} asks for a login");
        let redirect = location(url);
        let (_, query) = redirect.split_once('?').unwrap();
        self.callers.get_mut(&number).unwrap().tell(query);
        self.logins += 1;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if thread::panicking() {
            let from = self.said.len().saturating_sub(SHOWN);
            self.said[from..].iter().for_each(|line| eprintln!("{line}"));
            let path = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let path = path.join(format!("killed_processes-{}.log", self.seed));
            fs::write(&path, self.said.join("\n")).unwrap();
            eprintln!("the seed was {}, and all that was said is in {path:?}", self.seed);
        }
    }
}

/// Where in the log, from somewhere on, the request of a caller was refused first that was not answered
/// since.
fn refused_since(world: &World, number: usize, from: usize) -> Option<usize> {
    let number = number.to_string();
    let calls = world.log.iter().enumerate().skip(from).rev();
    let calls = calls.filter(|(_, call)| call.parameter("caller") == Some(&*number));
    calls.take_while(|(_, call)| call.status == 401).last().map(|(at, _)| at)
}

/// When it is enough.
const GENERATIONS: usize = 200;
const REUSES: u32 = 5;

/// How long a token answer is held back.
const DELAY: Duration = Duration::from_millis(10);

/// About as long as it takes to write a record.
const WRITING: Duration = Duration::from_millis(4);

/// The longest pauses between two kills, and between two ends of all access tokens.
const BETWEEN_KILLS: Duration = Duration::from_millis(250);
const BETWEEN_ENDS: Duration = Duration::from_secs(1);

/// How many lines are shown when it fails.
const SHOWN: usize = 120;

/// What takes longer hangs: many times what it takes where all is busy.
const LIMIT: Duration = Duration::from_secs(300);
