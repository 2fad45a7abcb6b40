//! Windows of time in which the store fails, again and again.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use oauth_tests::faulty::{self, Fault};

/// What can be made to fail.
pub(crate) trait Disk {
    /// This is wrong with it from now on; nothing if `None`.
    fn set(&mut self, fault: Option<Fault>);
}

/// The disk that the callers imitate, for the store in a directory.
pub(crate) struct Imitated(pub(crate) PathBuf);

impl Disk for Imitated {
    fn set(&mut self, fault: Option<Fault>) {
        faulty::set(&self.0, fault);
    }
}

/// The windows of a disk.
pub(crate) struct Windows {
    disk: Box<dyn Disk>,
    faults: &'static [Fault],
    state: State,
    /// How many there were.
    counts: BTreeMap<Fault, u32>,
}

/// Of the window that is next, or open.
#[derive(Clone, Copy)]
enum State {
    /// From then on, when somebody says this.
    Wanted(Instant, &'static str),
    /// At that moment.
    Next(Instant),
    Open(Instant),
    /// When the last one ended.
    Over(Instant),
    /// There is none any more.
    Ended,
}

impl Windows {
    pub(crate) fn new(disk: impl Disk + 'static, faults: &'static [Fault]) -> Self {
        let (disk, counts) = (Box::new(disk), BTreeMap::new());
        Self { disk, faults, state: State::Over(Instant::now()), counts }
    }

    /// How many there were.
    pub(crate) fn opened(&self) -> u32 {
        self.counts.values().sum()
    }

    pub(crate) fn are_open(&self) -> bool {
        matches!(self.state, State::Open(..))
    }

    /// Somebody says something: a window that waits for that opens a moment later.
    pub(crate) fn heard(&mut self, line: &str, dice: u8) {
        if let State::Wanted(at, word) = self.state
            && line.starts_with(word)
            && at <= Instant::now()
        {
            self.state = State::Next(Instant::now() + UNDER_LOCK * dice.into() / 256);
        }
    }

    /// Opens and closes what is due; true if a window was closed. After that all have to recover first.
    pub(crate) fn pass(&mut self, have_recovered: bool, dice: [u8; 2]) -> bool {
        let now = Instant::now();
        match self.state {
            State::Open(until) if until <= now => {
                self.disk.set(None);
                self.state = State::Over(Instant::now());
                return true;
            }
            State::Over(_) if have_recovered => {
                let at = now + BETWEEN * dice[0].into() / 256;
                let words = ["", "locked Refresh", "saving"];
                self.state = State::Wanted(at, words[usize::from(dice[1] % 3)]);
            }
            State::Over(since) => {
                assert!(since.elapsed() < RECOVERY, "not everybody has recovered");
            }
            State::Wanted(at, "") if at <= now => self.state = State::Next(now),
            State::Next(at) if at <= now => {
                // One after the other, so that each kind is there.
                let fault = self.faults[self.opened() as usize % self.faults.len()];
                self.disk.set(Some(fault));
                *self.counts.entry(fault).or_default() += 1;
                // Most are short, since most that happens does so at their ends.
                let share = (f64::from(dice[0]) / 255.0).powi(2);
                let length = SHORTEST + (LONGEST - SHORTEST).mul_f64(share);
                self.state = State::Open(Instant::now() + length);
            }
            _ => {}
        }
        false
    }

    /// The store is sound from now on.
    pub(crate) fn end(&mut self) {
        self.disk.set(None);
        self.state = State::Ended;
    }
}

impl Display for Windows {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} windows {:?}", self.opened(), self.counts)
    }
}

/// How long a window is.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);

/// The longest pause from when all have recovered to the next window.
const BETWEEN: Duration = Duration::from_millis(500);

/// About as long as somebody has the lock.
const UNDER_LOCK: Duration = Duration::from_millis(30);

/// Many times what it takes to succeed after a window, where all is busy.
const RECOVERY: Duration = Duration::from_secs(60);
