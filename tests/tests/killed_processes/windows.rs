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
    is_ending: bool,
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
    /// Since then the disk is sound, and what was said before may not be heard yet.
    Closing(Instant),
    /// When the last one ended.
    Over(Instant),
    /// There is none any more.
    Ended,
}

impl Windows {
    pub(crate) fn new(disk: impl Disk + 'static, faults: &'static [Fault]) -> Self {
        let (disk, counts) = (Box::new(disk), BTreeMap::new());
        Self { disk, faults, state: State::Over(Instant::now()), is_ending: false, counts }
    }

    /// How many there were.
    pub(crate) fn opened(&self) -> u32 {
        self.counts.values().sum()
    }

    pub(crate) fn are_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Closing(_))
    }

    pub(crate) fn have_ended(&self) -> bool {
        matches!(self.state, State::Ended)
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

    /// Opens and closes what is due; true if a window is over. After that all have to recover first. `is_quiet` if
    /// all was heard that was said.
    pub(crate) fn pass(&mut self, is_quiet: bool, have_recovered: bool, dice: [u8; 2]) -> bool {
        let now = Instant::now();
        match self.state {
            State::Open(until) if until <= now => {
                self.disk.set(None);
                self.state = State::Closing(Instant::now());
            }
            State::Closing(since) if is_quiet && since.elapsed() >= HEARSAY => {
                self.state = State::Over(now);
                return true;
            }
            State::Over(_) if have_recovered && self.is_ending => self.state = State::Ended,
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

    /// The last one is closed now, and over when all have recovered.
    pub(crate) fn end(&mut self) {
        self.is_ending = true;
        self.disk.set(None);
        self.state = State::Closing(Instant::now());
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

/// Longer than it takes until a line that was said is heard.
const HEARSAY: Duration = Duration::from_millis(100);

/// The longest pause from when all have recovered to the next window.
const BETWEEN: Duration = Duration::from_millis(500);

/// About as long as somebody has the lock.
const UNDER_LOCK: Duration = Duration::from_millis(30);

/// Many times what it takes to succeed after a window, where all is busy.
const RECOVERY: Duration = Duration::from_secs(60);
