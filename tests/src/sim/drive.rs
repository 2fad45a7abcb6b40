//! How a host drives its session: one turn at a time, as the adapters do.

use http::Request;
use oauth_core::UnixTime;
use oauth_core::session::Lock;

use super::host::{Call, Drive, Flight, Goal, Host, Outcome, Purpose, SecondLook, Stage, Task};
use super::laws;
use super::ledger::{Ask, Fate};
use super::store::Hold;
use super::turn::Turned;
use super::{Fault, Simulation};
use crate::drive::{restored, stored};

impl Simulation {
    /// Takes a turn.
    pub(super) fn drive(&mut self, host: usize, mut drive: Drive) -> Result<(), String> {
        self.interrupt(host);
        laws::asks_nobody(&mut self.hosts[host])?;
        self.shows_nothing(host)?;
        let turned = self.turn(host)?;
        let Host { session, stopped, lacks_scope, .. } = &mut self.hosts[host];
        *stopped = false;
        *lacks_scope &= !session.record().is_some_and(laws::has_asked_for_more);
        self.hosts[host].learn_of_token();
        self.compare_clocks(host);
        laws::is_durable(&self.hosts[host], &self.store)?;
        match turned {
            Turned::Blocked => {
                self.idle += 1;
                self.wait_for_leases(host);
                self.wait(host);
                return Ok(());
            }
            Turned::Unsaved => {
                self.hosts[host].retries_at = Some(self.world.now + RETRY);
                self.say(host, || "cannot store what was spent, and keeps the lock".into());
                return Ok(());
            }
            Turned::Gift if !self.give(host)? => return Ok(()),
            Turned::Device if !self.wait_for_device(host)? => return Ok(()),
            Turned::Gift | Turned::Device => {}
            Turned::Done(what) => self.say(host, || what),
            Turned::Sends(request) => self.launch(host, request)?,
            Turned::Broken(why) => self.drop_turn(host, why),
            Turned::Page(url) => self.visit(host, &url)?,
            Turned::NeedsLogin => self.decide(host, &drive)?,
            Turned::Ready => return self.arrive(host, drive),
            Turned::LoggedOut => {
                self.unlocked(host)?;
                self.hosts[host].leaves = false;
                self.finish(host, Outcome::LoggedOut);
            }
            Turned::Failed(error) => {
                self.unlocked(host)?;
                self.spares(host, &error)?;
                self.finish(host, Outcome::Failed(error));
            }
        }
        drive.turns += 1;
        if drive.turns > MAX_TURNS {
            return Err(format!("invariant 5: h{host} takes turns for ever"));
        }
        if let Task::Drive(going) = &mut self.hosts[host].task {
            going.turns = drive.turns;
        }
        Ok(())
    }

    /// A session is at its end: it has left no lock behind.
    pub(super) fn unlocked(&self, host: usize) -> Result<(), String> {
        match self.store.held_by(host).next() {
            Some(lock) => Err(format!("h{host} has left {lock:?} behind")),
            None => Ok(()),
        }
    }

    /// The lock is somebody else's: the host waits, or gives up.
    fn wait(&mut self, host: usize) {
        if self.strikes(Fault::LockTimeout) {
            self.drop_turn(host, "the lock is not to be had");
        }
    }

    /// The host's store failed: it stops, releases its locks, and may come back later.
    fn drop_turn(&mut self, host: usize, why: &'static str) {
        self.store.release_all(host);
        self.hosts[host].watch.end();
        self.hosts[host].stopped = true;
        self.hosts[host].retries_at = None;
        self.finish(host, Outcome::Broken(why));
    }

    /// Sends what the session asks for.
    fn launch(&mut self, host: usize, request: Request<Vec<u8>>) -> Result<(), String> {
        self.say(host, || format!("sends {} {}", request.method(), request.uri()));
        laws::stays_at_home(&request)?;
        self.asks(host, &request)?;
        self.looks_at(host, &request)?;
        let ask = self.enter(host, &request)?;
        let stage = Stage::Out;
        self.hosts[host].flight = Some(Flight { purpose: Purpose::Turn, request, ask, stage });
        Ok(())
    }

    /// Writes into the ledger what a request spends.
    fn enter(&mut self, at: usize, request: &Request<Vec<u8>>) -> Result<Option<usize>, String> {
        let body = String::from_utf8_lossy(request.body());
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let Some((name, credential)) =
            pairs.find(|(name, _)| matches!(*name, "refresh_token" | "code"))
        else {
            return Ok(None);
        };
        let host = &self.hosts[at];
        let generation = host.session.record().map_or(0, |record| record.generation());
        let refresh = name == "refresh_token";
        let lock = if refresh { Lock::Refresh } else { Lock::Login };
        let wrong = |what: &str| Err(format!("invariant 2: h{at} spends {credential} {what}"));
        let fate = match (self.store.hold(lock, at), host.second_look) {
            (None, _) if host.lost_locks.contains(&lock) => {
                Fate::Lost("the lock died with its process")
            }
            (None, _) => return wrong("without a lock"),
            (_, SecondLook::None) if refresh => return wrong("without a second look"),
            (_, SecondLook::Fresh) if refresh => return wrong("although there is a fresh token"),
            _ if refresh && self.store.reserved(at).is_none() => return wrong("without room"),
            (Some(Hold::Shared), _) => Fate::Lost("others have the lock, too"),
            (Some(Hold::TakenOver), _) if refresh => {
                match self.store.early(at).or(host.watch.fooled()) {
                    Some(why) => Fate::Lost(why),
                    None => return wrong("under a lock that has ended"),
                }
            }
            (Some(Hold::TakenOver), _) => Fate::Lost("the lock was held for too long"),
            (_, SecondLook::Stale) if refresh => Fate::Lost("the store showed an old record"),
            (Some(Hold::Alone), _) => Fate::Open,
        };
        if refresh && let Some(since) = self.store.reserved(at) {
            let passed = self.world.now - since;
            if let Err(what) = self.hosts[at].watch.spend(passed) {
                return wrong(what);
            }
        }
        let host = &self.hosts[at];
        let ask = Ask {
            host: at,
            profile: host.profile,
            generation: refresh.then_some(generation),
            credential: credential.into(),
            fate,
        };
        let may_wait = ask.fate == Fate::Open && self.plan.menu.chance(Fault::ClockJump) == 0;
        // By a clock that is before the answer, nobody knows how long the pause still is.
        if let Some([since, until]) = self.store.paused(&host.key, credential).filter(|_| may_wait)
            && (since..until).contains(&self.now(at))
        {
            return wrong("although the server is to be left alone");
        }
        self.say(at, || format!("spends {credential} of #{generation}"));
        self.ledger.ask(ask).map(Some)
    }

    /// There is a token: what was it for?
    fn arrive(&mut self, at: usize, drive: Drive) -> Result<(), String> {
        self.unlocked(at)?;
        laws::is_not_refused(&self.hosts[at])?;
        self.say(at, || "has a token".into());
        let host = &mut self.hosts[at];
        match drive.goal {
            Goal::Attach(call) | Goal::Retry(call) => host.task = Task::Send(call),
            Goal::Hold => self.finish(at, Outcome::Token),
            Goal::Renew => {
                host.want_another();
                host.session.renew();
                host.task = Task::Drive(Drive::new(Goal::Hold, drive.login));
            }
        }
        Ok(())
    }

    /// Drives on for a call that was refused.
    pub(super) fn retry(&mut self, host: usize, call: Call) {
        let login = call.login;
        self.hosts[host].task = Task::Drive(Drive::new(Goal::Retry(call), login));
    }

    /// A task has come to this.
    pub(super) fn finish(&mut self, host: usize, outcome: Outcome) {
        self.say(host, || format!("is done: {outcome:?}"));
        let host = &mut self.hosts[host];
        host.outcome = Some(outcome);
        host.task = Task::Rest;
        host.toil.done();
    }

    /// What may happen between any two turns.
    pub(super) fn interrupt(&mut self, host: usize) {
        if self.restores {
            let session = &mut self.hosts[host].session;
            let (before, _) = (stored(session), session.turn().is_ok());
            assert_eq!(stored(session), before, "asking changes nothing");
            *session = restored(&before);
        }
    }

    /// The time by a host's clock.
    pub(super) fn now(&self, host: usize) -> UnixTime {
        self.hosts[host].now(self.world.now)
    }
}

/// For how many seconds a host waits at most until it tries again to store what was spent.
pub(super) const RETRY: u64 = 2;

/// More turns than any drive takes that does not wait.
const MAX_TURNS: u32 = 100;
