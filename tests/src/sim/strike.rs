//! Faults that strike between turns: at hosts, at the store, at the servers.

use oauth_core::session::{Key, Record};

use super::host::{Drive, Goal, Host, Stage, Task};
use super::laws::{self, View};
use super::store::Write;
use super::{Fault, Sight, Simulation};
use crate::drive::{restored, stored};
use crate::world::{PrmServers, RefreshTokens};

/// What a store does wrong in a turn.
pub(super) struct StoreFault {
    /// Nothing works.
    pub(super) down: bool,
    pub(super) load: bool,
    pub(super) stale: bool,
    pub(super) save: bool,
    pub(super) late: bool,
    pub(super) report: bool,
    /// The lock is lost.
    pub(super) lost: bool,
    /// There is no room.
    pub(super) room: bool,
}

impl Simulation {
    /// What happens to a host before its next step.
    pub(super) fn strike(&mut self, at: usize) -> Result<(), String> {
        if self.strikes(Fault::OldCopy) {
            self.hosts[at].copy = match self.hosts[at].copy.take() {
                None => Some(stored(&self.hosts[at].session)),
                Some(copy) => {
                    self.end(at, "goes on from an old copy");
                    self.hosts[at].session = restored(&copy);
                    self.hosts[at].forget_tokens();
                    self.hosts[at].logged_in_at = None;
                    self.hosts[at].lacks_scope = false;
                    self.hosts[at].toil.forget();
                    self.hosts[at].access();
                    None
                }
            };
        }
        if self.strikes(Fault::Restart) {
            let is_sent = self.has_sent_once(at);
            self.end(at, "goes on from its serialized form");
            self.hosts[at].session = restored(&stored(&self.hosts[at].session));
            if is_sent {
                self.hosts[at].access();
            }
            self.wake(at);
        }
        if self.strikes(Fault::Crash) {
            self.end(at, "crashes");
            let host = &mut self.hosts[at];
            let (offset, copy, is_quiet) = (host.offset, host.copy.take(), host.is_quiet);
            let new = Host::new(host.profile, &host.settings, host.look.interval);
            // An old copy of its session may have them at hand.
            let kept = core::mem::take(&mut host.kept);
            *host = Host { offset, copy, is_quiet, kept, ..new };
        }
        if self.strikes(Fault::Sleep) {
            let seconds = self.dice.pick(&[2, 10, 100]);
            self.hosts[at].asleep_until = self.world.now + seconds;
            self.hosts[at].watch.stop(false);
            self.say(at, || format!("sleeps for {seconds} s"));
            self.answer_meanwhile(at)?;
        }
        self.stop_holder(at)?;
        if self.strikes(Fault::ClockJump) {
            let offset = self.dice.pick(&[0, 1, -1, 60, -60, 7200, -7200, 86_400, -86_400, FAR]);
            self.hosts[at].offset = offset;
            self.hosts[at].watch.set_clock();
            self.hosts[at].look.blind_at = self.world.now;
            self.hosts[at].logged_in_at = None;
            self.say(at, || format!("has a clock that is {offset} s ahead"));
        }
        Ok(())
    }

    /// A process ends. Its locks die with it, and what it has sent goes its way.
    fn end(&mut self, at: usize, how: &'static str) {
        self.say(at, || how.into());
        self.ledger.lose(at, how);
        let held: Vec<_> = self.store.held_by(at).collect();
        self.store.bury(at);
        let host = &mut self.hosts[at];
        host.lost_locks.extend(held);
        host.task = Task::Rest;
        host.outcome = None;
        host.pause = None;
        host.retries_at = None;
        host.watch.end();
        host.toil.done();
        let flight = host.flight.take();
        if let Some(flight) = &flight {
            self.codes.forget(&flight.request);
        }
        self.orphans.extend(flight.filter(|flight| matches!(flight.stage, Stage::Out)));
    }

    /// A session that was restored goes on where it was, unless the store had failed it there.
    fn wake(&mut self, at: usize) {
        if !self.hosts[at].stopped && self.dice.chance(500) {
            let login = self.dice.chance(self.plan.presence) && !self.hosts[at].is_quiet;
            self.hosts[at].task = Task::Drive(Drive::new(Goal::Hold, login));
        }
    }

    pub(super) fn store_fault(&mut self) -> StoreFault {
        let down = self.store.down_until > self.world.now;
        let full = self.store.full_until > self.world.now;
        StoreFault {
            down,
            load: self.strikes(Fault::LoadFails) || down,
            stale: self.strikes(Fault::StaleRead),
            save: self.strikes(Fault::SaveFails),
            late: self.strikes(Fault::LateWrite),
            report: self.strikes(Fault::SaveUnreported),
            lost: self.strikes(Fault::LockLost),
            room: self.strikes(Fault::NoRoom) || down || full,
        }
    }

    /// What a sleeping host has sent may be answered before it wakes.
    pub(super) fn answer_meanwhile(&mut self, at: usize) -> Result<(), String> {
        let is_out = matches!(&self.hosts[at].flight, Some(it) if matches!(it.stage, Stage::Out));
        if is_out && self.dice.chance(500) { self.fly(at) } else { Ok(()) }
    }

    /// What happens to the servers and the store.
    pub(super) fn upheave(&mut self) -> Result<(), String> {
        if self.strikes(Fault::DiskFull) {
            self.store.full_until = self.world.now + 20;
            self.tell(|| "the disk is full".into());
        }
        if self.strikes(Fault::Down) {
            self.store.down_until = self.world.now + 20;
            self.tell(|| "the store is down".into());
        }
        if self.strikes(Fault::Meddler) && self.dice.chance(100) {
            self.meddle();
        }
        if self.strikes(Fault::LostWrite) && self.dice.chance(100) {
            self.lose_a_write();
        }
        if self.strikes(Fault::Deleted) {
            self.delete();
        }
        self.disturb_leases();
        if self.dice.chance(100) {
            self.write_late()?;
        }
        for fault in [
            Fault::Moves,
            Fault::ForgetsClients,
            Fault::Shortens,
            Fault::NoRefreshTokens,
            Fault::RevokesAccess,
            Fault::RefusesTokens,
            Fault::EndsGrants,
        ] {
            if self.strikes(fault) {
                self.tell(|| format!("{fault:?}"));
                self.change_servers(fault);
            }
        }
        self.change_for_machines();
        self.change_for_keys();
        Ok(())
    }

    /// Which grant the store has an accident with.
    fn victim(&mut self) -> (usize, Key) {
        let host = self.dice.index(self.hosts.len());
        let host = if self.fails_over() { 0 } else { host };
        (self.hosts[host].profile, self.hosts[host].key.clone())
    }

    fn lose_a_write(&mut self) {
        let (profile, key) = self.victim();
        if self.fails_over() && !self.store.was_refreshed(&key) {
            return;
        }
        if let Some(record) = self.store.forget(&key, self.world.now) {
            self.ledger.unsettle(profile, record.generation());
            self.seen.add(Sight::WriteLost);
            self.tell(|| format!("the store forgets {}", laws::label(Some(&record))));
        }
    }

    fn delete(&mut self) {
        let (_, key) = self.victim();
        if self.store.delete(&key, self.world.now) {
            self.tell(|| "somebody deletes the record".into());
        }
    }

    /// A write is done of which its host was told that it failed.
    pub(super) fn write_late(&mut self) -> Result<bool, String> {
        let Some(Write { host, key, record, expected, leaves }) = self.store.take_late() else {
            return Ok(false);
        };
        if self.store.generation(&key) != expected {
            return Ok(true);
        }
        let label = laws::label(Some(&record));
        self.tell(|| format!("what h{host} could not save is saved: {label}"));
        if key.kind.is_grant() {
            let Self { world, store, ledger, hosts, .. } = self;
            let now = hosts[host].now(world.now);
            let view = View { world, store, ledger, key: &key, leaves, clocks: false, now };
            laws::loses_nothing(store.load(&key), &record, &view)?;
            ledger.settle(host, record.generation());
        }
        self.store.put(&key, record, leaves, self.world.now);
        Ok(true)
    }

    fn change_servers(&mut self, fault: Fault) {
        let knobs = &mut self.world.knobs;
        match fault {
            Fault::Moves => {
                knobs.prm_servers = match knobs.prm_servers {
                    PrmServers::One => PrmServers::Second,
                    PrmServers::Second => PrmServers::Third,
                    _ => PrmServers::One,
                };
            }
            Fault::ForgetsClients => self.world.forget_clients(),
            Fault::Shortens => knobs.access_lifetime = (knobs.access_lifetime / 2).max(5),
            Fault::NoRefreshTokens => {
                let never = knobs.refresh_tokens == RefreshTokens::Never;
                knobs.refresh_tokens =
                    if never { RefreshTokens::Always } else { RefreshTokens::Never };
            }
            Fault::RefusesTokens => {
                let refuses = self.refuses_since.is_none();
                self.refuses_since = refuses.then_some(self.world.now);
                knobs.young_for = if refuses { FOR_EVER } else { self.plan.knobs.young_for };
            }
            Fault::RevokesAccess => self.world.revoke_access_tokens(),
            Fault::EndsGrants => self.world.end_grants(),
            _ => {}
        }
    }

    /// Somebody writes the same record again, with a later generation.
    fn meddle(&mut self) {
        let (_, key) = self.victim();
        let Some(record) = self.store.load(&key) else {
            return;
        };
        let (from, to) = (record.generation(), record.generation() + 1);
        let text = record.to_json().replacen(
            &format!("\"generation\":{from}"),
            &format!("\"generation\":{to}"),
            1,
        );
        if let Ok(record) = Record::from_json(text.as_bytes()) {
            self.store.put(&key, record, false, self.world.now);
            self.tell(|| format!("somebody makes #{from} #{to}"));
        }
    }
}

/// Longer than any run.
const FOR_EVER: u64 = 1 << 40;

/// Half a life.
const FAR: i64 = 1_000_000_000;
