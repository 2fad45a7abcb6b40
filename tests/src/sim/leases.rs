//! Machines that share a store over a network: a lock is a lease, which ends by the store's clock, and no two clocks
//! show the same.
//!
//! ```text
//!   Lock ──── Load ──── Reserve ──────── look at one's own clocks ─── first byte ─── answer ─── Save ──── Unlock
//!    │ 90 s by the store's clock │ 90 s anew                                                              │
//!    └─ dropped · ahead: ends early · its holder dead, the release lost, behind: ends late                └─ lost
//!       the holder is stopped or suspended between any two of them
//! ```
//!
//! What holds beyond what holds for all: nothing is spent where by the holder's own clocks a request could outlast the
//! lease. So a refresh token is spent twice only if one of these came about, each of which is counted:
//!
//! - the lease ended early at the store, after room was reserved under it: it was dropped, or the store's clock was
//!   set ahead. Nobody can notice that between the reservation and the first byte;
//! - its holder was stopped after its look, for longer than was left;
//! - it was suspended, so that the clock stood still that never goes back, and the other one was set back meanwhile.

use oauth_core::UnixTime;
use oauth_core::session::{Lock, Record, Turn};

use super::host::{Host, Outcome, name};
use super::store::LEASE_LENGTH;
use super::{Cast, Dice, Fault, Sight, Simulation};

/// How far the clocks of a run are apart.
#[derive(Clone, Debug)]
pub(super) struct Apart {
    /// How far each host's is ahead of the servers', in seconds.
    pub(super) hosts: Vec<i64>,
    /// How far the store's is.
    pub(super) store: i64,
    /// Whether the store forgets what it has acknowledged, and nothing else goes wrong.
    pub(super) fails_over: bool,
}

impl Apart {
    /// What a seed decides.
    pub(super) fn of(cast: Cast, hosts: usize, dice: &mut Dice) -> Self {
        let mut offset = || 60 * dice.pick(&[-10, -9, -5, -2, -1, 0, 0, 1, 2, 5, 9, 10]);
        let store = offset();
        let hosts = (0..hosts).map(|_| offset()).collect();
        Self { hosts, store, fails_over: cast != Cast::Leases }
    }
}

/// What a host knows of the lease under which it spends a refresh token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// For how many seconds its clock that never goes back has stood still.
    missed: u64,
    /// Whether it stands still while the host sleeps.
    is_suspended: bool,
    /// When it asked for room, by both of its clocks, and for how long the one had stood still before.
    begun: Option<(u64, UnixTime, u64)>,
    /// How many seconds were left, in truth, when it last found that they suffice.
    left: Option<u64>,
    /// For how many seconds it was stopped since.
    stopped: u64,
    /// Whether the other one was set since.
    is_set: bool,
}

impl Watch {
    /// Room was reserved.
    pub(super) fn begin(&mut self, time: u64, now: UnixTime) {
        let Self { missed, is_suspended, .. } = *self;
        let begun = Some((time - missed, now, missed));
        *self = Self { missed, is_suspended, begun, ..Self::default() };
    }

    /// The lock is given back, or its process has ended.
    pub(super) fn end(&mut self) {
        let Self { missed, is_suspended, .. } = *self;
        *self = Self { missed, is_suspended, ..Self::default() };
    }

    /// Whether a request may outlast the lease, by the clocks of the host. As the driver does it, right before a request
    /// leaves.
    pub(super) fn is_late(&self, time: u64, now: UnixTime) -> bool {
        let Some((instant, then, _)) = self.begun else { return false };
        let passed = (time - self.missed - instant).max(now.since(then).as_secs());
        passed > LEASE_LENGTH - LAST_SAVE - REQUEST
    }

    /// A refresh token is about to be spent, so long after room was reserved.
    ///
    /// # Errors
    ///
    /// What is wrong with that.
    pub(super) fn spend(&mut self, passed: u64) -> Result<(), &'static str> {
        let is_late = passed > LEASE_LENGTH - LAST_SAVE - REQUEST;
        if is_late && self.fooled().is_none() {
            return Err("with too little of its lease left");
        }
        (self.left, self.stopped) = (Some(LEASE_LENGTH.saturating_sub(passed)), 0);
        Ok(())
    }

    /// Why its lease could end while a spent token was on its way.
    ///
    /// # Errors
    ///
    /// There is no reason.
    pub(super) fn excuse(&self) -> Result<Option<&'static str>, &'static str> {
        match self.left {
            // Nothing has left.
            None => Ok(None),
            Some(_) if self.fooled().is_some() => Ok(self.fooled()),
            Some(left) if self.stopped + REQUEST + SLACK >= left => {
                Ok(Some("it was stopped after its look, for longer than its lease"))
            }
            Some(_) => Err("was not stopped, and lost its lease"),
        }
    }

    /// Its host is stopped from now on; whether its clock is, too.
    pub(super) fn stop(&mut self, is_suspended: bool) {
        self.is_suspended = is_suspended;
    }

    /// So many seconds have passed, in all of which its host was stopped.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.stopped += seconds;
        self.missed += if self.is_suspended { seconds } else { 0 };
    }

    /// The clock was set that may go back.
    pub(super) fn set_clock(&mut self) {
        self.is_set = self.begun.is_some();
    }

    /// Why neither clock shows how long ago room was reserved, if that is so.
    pub(super) fn fooled(&self) -> Option<&'static str> {
        let (.., missed) = self.begun?;
        let is_fooled = self.is_set && self.missed > missed;
        is_fooled.then_some("it was suspended, and its clock was set back")
    }
}

impl Simulation {
    /// The holder of a refresh lock is stopped, between any two of its turns.
    pub(super) fn stop_holder(&mut self, at: usize) -> Result<(), String> {
        if self.plan.apart.is_none() {
            return Ok(());
        }
        for (fault, sight) in
            [(Fault::Stopped, Sight::HolderStopped), (Fault::Suspended, Sight::HolderSuspended)]
        {
            let holds = self.store.held_by(at).any(|lock| lock == Lock::Refresh);
            if !self.strikes(fault) || !holds {
                continue;
            }
            let seconds = self.dice.pick(&[20, 45, 52, 95, 200]);
            let host = &mut self.hosts[at];
            host.asleep_until = self.world.now + seconds;
            host.watch.stop(fault == Fault::Suspended);
            self.seen.add(sight);
            match host.watch {
                Watch { left: Some(_), .. } => self.seen.add(Sight::StoppedAfterLook),
                Watch { begun: Some(_), .. } => self.seen.add(Sight::StoppedBeforeLook),
                Watch { .. } => {}
            }
            self.say(at, || format!("is stopped under its lock for {seconds} s ({fault:?})"));
            self.answer_meanwhile(at)?;
        }
        Ok(())
    }

    /// What happens to the leases in the store, and to its clock.
    pub(super) fn disturb_leases(&mut self) {
        if self.plan.apart.is_none() {
            return;
        }
        if self.strikes(Fault::LeaseDropped) {
            let leases = self.store.leases(self.world.now);
            if leases > 0 {
                let at = self.dice.index(leases);
                self.store.drop_lease(at, self.world.now);
                self.seen.add(Sight::LeaseDropped);
                self.tell(|| "the store has lost a lease".into());
            }
        }
        if self.strikes(Fault::StoreClock) {
            let offset = self.dice.pick(&[-600, -120, 0, 120, 600]);
            let has_leases = self.store.leases(self.world.now) > 0;
            let ahead = self.store.set_clock(offset, self.world.now);
            if has_leases && ahead != 0 {
                let sight =
                    if ahead > 0 { Sight::StoreClockAhead } else { Sight::StoreClockBehind };
                self.seen.add(sight);
            }
            self.tell(|| format!("the store's clock is {offset} s ahead"));
        }
    }

    /// Who waits has to, until a lease ends that nobody gives back.
    pub(super) fn wait_for_leases(&mut self, at: usize) {
        if self.plan.apart.is_none() {
            return;
        }
        let Host { session, profile, .. } = &mut self.hosts[at];
        let waits_for_the_dead = match session.turn() {
            Ok(Turn::Lock(lock, reply)) => {
                self.store.is_left_behind(&reply.key(&name(*profile)), lock)
            }
            _ => false,
        };
        if !waits_for_the_dead {
            return;
        }
        self.seen.add(Sight::WaitsForTheDead);
        if self.is_healing && self.idle > 4 * self.hosts.len() {
            self.idle = 0;
            self.world.advance(REQUEST);
        }
    }

    /// Whether the store forgets what it has acknowledged, and nothing else goes wrong.
    pub(super) fn fails_over(&self) -> bool {
        self.plan.apart.as_ref().is_some_and(|it| it.fails_over)
    }

    /// The store has forgotten some of what it acknowledged: whoever it was about logs in once more, if their refresh
    /// token was spent meanwhile, and nobody else does.
    pub(super) fn is_hurt(&mut self) -> Result<(), String> {
        if !self.fails_over() {
            return Ok(());
        }
        for (at, host) in self.hosts.iter().enumerate() {
            let record = self.store.load(&host.key);
            let tokens = record.and_then(Record::tokens);
            let has_token = tokens.is_some_and(|it| it.refresh_token.is_some());
            match &host.outcome {
                Some(Outcome::LoginNeeded) if host.profile == 0 => {
                    self.seen.add(Sight::LoginAfterFailover);
                }
                outcome
                    if host.profile > 0
                        && has_token
                        && !matches!(outcome, Some(Outcome::Status(200))) =>
                {
                    return Err(format!("h{at} is another user, and gets {outcome:?}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How a host takes a record for its clock, beside the servers'.
    pub(super) fn compare_clocks(&mut self, at: usize) {
        let Host { session, offset, .. } = &self.hosts[at];
        let tokens = session.record().and_then(Record::tokens).filter(|_| *offset != 0);
        let Some(tokens) = tokens else { return };
        let is_valid = |now| tokens.is_valid_for(now, core::time::Duration::ZERO);
        let is_taken = self.world.accepts(tokens.access_token.token());
        match (is_valid(self.now(at)), is_taken) {
            (true, false) => self.seen.add(Sight::SeemsToLive),
            (false, true) => self.seen.add(Sight::SeemsExpired),
            _ => {}
        }
    }
}

/// How long one request may take, in seconds.
const REQUEST: u64 = 30;

/// How long one save may take.
const LAST_SAVE: u64 = 10;

/// What the scheduler takes.
const SLACK: u64 = 4;
