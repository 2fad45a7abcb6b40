//! The end of a run: the faults are over, and everybody has to get a token.
//!
//! First what was begun is finished. Then everybody calls the MCP server with nobody there to log in:
//! that succeeds if the store holds something that the servers still take, at once if it is an access token,
//! and else after the pause that the error names; otherwise a login is needed, for a reason that is in the
//! history. In some runs the servers then refuse every refresh, as if they had troubles of their own: after
//! some time and tries that is a need for a login. At last there are people, and every call succeeds.

use core::time::Duration;

use oauth_core::Error;
use oauth_core::error::PeerIncompatible;
use oauth_core::session::{Record, Turn};

use super::host::{Call, Host, Outcome, Task};
use super::laws::access_token;
use super::{Fault, Menu, Simulation};
use crate::world::ScopePolicy;

impl Simulation {
    /// Ends the faults and wants everybody to get on.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.tell(|| "no more faults".into());
        self.menu = Menu::none();
        self.is_healing = true;
        self.store.full_until = 0;
        self.store.down_until = 0;
        self.world.knobs.access_lifetime = 3600;
        self.world.knobs.young_for = self.plan.knobs.young_for;
        let clocks = self.dice.chance(500);
        self.heal_nonces();
        for host in &mut self.hosts {
            host.toil.done();
        }
        if self.plan.machine.is_some() {
            return self.heal_machines(clocks);
        }
        // Proofs by a wrong clock are good nowhere.
        let clocks = clocks || self.plan.extended.is_bound();
        if clocks {
            self.tell(|| "the clocks are right again".into());
            for host in &mut self.hosts {
                // What was expired when it was refused may live again by a clock that is set back.
                if self.plan.apart.is_some() && host.offset > 0 {
                    host.refused = None;
                    host.watch.set_clock();
                }
                (host.offset, host.look.blind_at) = (0, self.world.now);
            }
        }
        self.settle()?;
        if self.dice.chance(500) {
            self.world.advance(3600);
        }
        self.call_without_people()?;
        self.is_hurt()?;
        if clocks && self.dice.chance(300) {
            self.refresh_in_vain()?;
        }
        self.tell(|| "everybody calls and logs in if need be".into());
        self.call_with_people("tools/list")?;
        if self.plan.knobs.scopes == ScopePolicy::StepUp {
            self.call_with_people("tools/call")?;
        }
        Ok(())
    }

    fn call_without_people(&mut self) -> Result<(), String> {
        let mut hopes = self.hopes()?;
        let lives: Vec<bool> = self.hosts.iter().map(|host| self.lives(host)).collect();
        self.tell(|| "everybody calls, nobody is there to log in".into());
        self.everybody_calls("tools/list", false)?;
        for (host, lives) in lives.into_iter().enumerate() {
            let outcome = &self.hosts[host].outcome;
            if lives && *outcome != Some(Outcome::Status(200)) {
                return Err(format!("liveness: h{host} has a living token, and gets {outcome:?}"));
            }
        }
        for (host, hope) in hopes.iter_mut().enumerate() {
            // What was refreshed in vain, because its answer came late for instance, is refreshed again.
            for _ in 0..MAX_TRIES {
                if self.wait_for_the_end_of_a_pause(host) {
                    *hope = *hope && self.hope(&self.hosts[host])?;
                    self.call(host, Call::new("tools/list", false))?;
                    self.settle()?;
                }
            }
        }
        for (host, hope) in hopes.into_iter().enumerate() {
            match &self.hosts[host].outcome {
                Some(Outcome::Status(200)) => {}
                Some(Outcome::LoginNeeded) if !hope => {}
                // All have tried, one after the other, and each has found what the others have brought.
                Some(Outcome::Failed(Error::PeerIncompatible(_))) if !hope => {}
                outcome => {
                    return Err(format!("liveness: h{host} gets {outcome:?} (can do: {hope})"));
                }
            }
        }
        Ok(())
    }

    /// Invariant 4, its second half: what will not pass is not called transient for ever.
    fn refresh_in_vain(&mut self) -> Result<(), String> {
        self.tell(|| "no refresh comes to anything".into());
        self.refuses_refreshes = true;
        self.world.advance(2 * 3600);
        for _ in 0..MAX_REFRESHES {
            self.everybody_calls("tools/list", false)?;
            self.world.advance(660);
        }
        for (host, state) in self.hosts.iter().enumerate() {
            if state.outcome != Some(Outcome::LoginNeeded) {
                return Err(format!(
                    "invariant 4: h{host} is told {:?} for ever, and not to log in",
                    state.outcome
                ));
            }
        }
        Ok(())
    }

    fn call_with_people(&mut self, method: &'static str) -> Result<(), String> {
        self.hosts.iter_mut().for_each(|host| host.is_quiet = false);
        let strangers: Vec<bool> = self.hosts.iter().map(|host| self.is_stranger(host)).collect();
        self.everybody_calls(method, true)?;
        self.try_again(method, &strangers)?;
        for (host, state) in self.hosts.iter().enumerate() {
            if state.outcome != Some(Outcome::Status(200)) {
                return Err(format!("liveness: h{host} gets {:?} after a login", state.outcome));
            }
        }
        Ok(())
    }

    /// Whether the server has forgotten the client of a host, or will not take its secret although the
    /// host's clock says that it will.
    fn is_stranger(&self, host: &Host) -> bool {
        let records = self.store.load(&host.key).into_iter().chain(self.store.clients());
        let mut clients = records.map(|record| record.binding().client());
        let wrong_clock = host.offset != 0 && self.plan.knobs.secret_lifetime.is_some();
        clients.any(|client| self.world.forgets(client.client_id()) || wrong_clock)
    }

    /// Where the server shows a page instead of a redirect, since it has forgotten the client, the user
    /// closes the window. Then, as where it refuses the client at the end of a login, the next login takes
    /// another one.
    fn try_again(&mut self, method: &'static str, strangers: &[bool]) -> Result<(), String> {
        for (host, stranger) in strangers.iter().enumerate() {
            for tried in 0..MAX_TRIES {
                if self.may_be_helped(host, *stranger) {
                    if tried > 0 {
                        // A client that others use is doubted only after some time.
                        self.world.advance(DOUBT);
                    }
                    self.wait_for_the_end_of_a_pause(host);
                    self.call(host, Call::new(method, true))?;
                    self.settle()?;
                }
            }
        }
        Ok(())
    }

    /// A login whose token was refused at once is made again after a while, and so is a refresh that failed.
    fn wait_for_the_end_of_a_pause(&mut self, host: usize) -> bool {
        let host = &self.hosts[host];
        let now = host.now(self.world.now);
        let pause = match &host.outcome {
            Some(Outcome::Failed(Error::PeerIncompatible(PeerIncompatible::LoginInVain {
                until,
                ..
            }))) => until.since(now),
            Some(Outcome::Failed(Error::Unreachable(it))) => it.retry_after.unwrap_or_default(),
            // A server that refuses every token does so for a while only: what can be refreshed is, again.
            Some(Outcome::LoginNeeded) if is_refused(host, host.session.record()) => REST,
            // A request waits for one token that is too new, and has met two: the next one is on its own.
            Some(Outcome::LoginNeeded | Outcome::Failed(Error::PeerIncompatible(_)))
                if self.plan.knobs.young_for > 0 =>
            {
                Duration::from_secs(2)
            }
            _ => return false,
        };
        self.world.advance(pause.as_secs());
        true
    }

    fn may_be_helped(&self, host: usize, stranger: bool) -> bool {
        let forgets = stranger || self.plan.menu.chance(Fault::ForgetsClients) > 0;
        match &self.hosts[host].outcome {
            Some(Outcome::Failed(Error::Cancelled)) => forgets,
            Some(Outcome::Failed(Error::Refused(refusal))) => {
                forgets && &*refusal.code == "invalid_client"
            }
            Some(Outcome::Failed(Error::PeerIncompatible(PeerIncompatible::LoginInVain {
                ..
            }))) => true,
            // The others' refreshes, which were of no use either, have used up its patience; or it has met two
            // tokens that were too new, and has waited for one.
            Some(Outcome::Failed(Error::PeerIncompatible(_))) => {
                self.hosts.len() > 1 || self.plan.knobs.young_for > 0
            }
            _ => false,
        }
    }

    pub(super) fn everybody_calls(
        &mut self,
        method: &'static str,
        login: bool,
    ) -> Result<(), String> {
        for host in 0..self.hosts.len() {
            self.hosts[host].outcome = None;
            self.call(host, Call::new(method, login))?;
        }
        self.settle()
    }

    /// Lets everybody finish.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        for host in &mut self.hosts {
            // Until when it slept still says whether it may have lost its lock.
            host.asleep_until = host.asleep_until.min(self.world.now);
        }
        while !self.orphans.is_empty() {
            self.arrive_late(0)?;
        }
        while self.write_late()? {}
        for _ in 0..MAX_STEPS * self.hosts.len() {
            let busy: Vec<usize> =
                (0..self.hosts.len()).filter(|host| self.is_busy(*host)).collect();
            if busy.is_empty() {
                return Ok(());
            }
            let host = self.dice.pick(&busy);
            self.act(host)?;
        }
        Err("liveness: somebody never gets done".into())
    }

    fn is_busy(&self, host: usize) -> bool {
        let host = &self.hosts[host];
        host.flight.is_some() || !matches!(host.task, Task::Rest)
    }

    fn hopes(&mut self) -> Result<Vec<bool>, String> {
        // What could not be stored will be, first of all.
        let mut unsaved: Vec<(usize, Record, bool)> = Vec::new();
        for host in &mut self.hosts {
            if matches!(host.session.turn(), Err(Error::Contended)) {
                host.access();
            }
            let found = self.store.generation(&host.key);
            if let Ok(Turn::Save(reply)) = host.session.turn() {
                let is_expected = reply.expected() == found;
                unsaved.push((host.profile, reply.record().clone(), is_expected));
            }
        }
        let all = self.hosts.iter().map(|host| {
            let mut hope = self.hope(host)?;
            for (_, record, is_expected) in unsaved.iter().filter(|it| it.0 == host.profile) {
                let hope_of_it = self.hope_of(host, Some(record));
                // What finds another record in its place may replace it, as a login does, or be given up.
                hope &= if *is_expected { hope_of_it? } else { hope_of_it.unwrap_or(false) };
            }
            Ok(hope)
        });
        all.collect()
    }

    /// Whether the store has an access token that nobody has to refresh.
    fn lives(&self, host: &Host) -> bool {
        let record = self.store.load(&host.key);
        let Some(tokens) = record.filter(|it| suffices(it)).and_then(Record::tokens) else {
            return false;
        };
        self.world.accepts(tokens.access_token.token())
            && record.is_some_and(|it| self.takes_kind(it))
            && !is_refused(host, record)
            && tokens.is_valid_for(host.now(self.world.now), Duration::from_secs(61))
            && host.session.record().and_then(access_token) == record.and_then(access_token)
    }

    fn hope(&self, host: &Host) -> Result<bool, String> {
        self.hope_of(host, self.store.load(&host.key))
    }

    /// Whether a host can do without a login: the store has what the servers take. If it has not, the
    /// history must say why.
    fn hope_of(&self, host: &Host, record: Option<&Record>) -> Result<bool, String> {
        let Some(tokens) = record.filter(|it| suffices(it)).and_then(Record::tokens) else {
            return Ok(false);
        };
        if !record.is_some_and(|it| self.takes_kind(it)) {
            return Ok(false);
        }
        let now = host.now(self.world.now);
        let lives = self.world.accepts(tokens.access_token.token())
            && !is_refused(host, record)
            && tokens.is_valid_for(now, Duration::ZERO);
        let Some(token) = tokens.refresh_token.as_ref().map(|token| token.expose()) else {
            return Ok(lives);
        };
        if self.world.serves(token) {
            // By a wrong clock, the client's secret may be expired.
            return Ok(host.offset == 0 || self.plan.knobs.secret_lifetime.is_none());
        }
        if !self.world.is_spent(token) {
            return Ok(lives);
        }
        // The next refresh will give it away, and end the grant.
        match self.ledger.loss_of(token) {
            Some(_) => Ok(false),
            None => Err(format!("liveness: {token} is stored and spent, without a fault")),
        }
    }
}

/// Whether a host does without this record's access token, as it was refused: by its own knowledge, or that of others.
fn is_refused(host: &Host, record: Option<&Record>) -> bool {
    let Some(record) = record else { return false };
    record.refused_at().is_some()
        || host.refused.is_some() && access_token(record) == host.refused.as_deref()
}

/// Whether its scopes are those that a listing needs. A login that saw nothing of what was there before asks
/// for what was missing, and for no more.
fn suffices(record: &Record) -> bool {
    record.scopes().is_some_and(|scopes| scopes.contains("mcp:basic"))
}

/// One for the others, one for a client that is forgotten, one for tokens that are too new, one for a login whose
/// token was.
const MAX_TRIES: usize = 4;

/// How long a refresh is not tried after it did not help.
const REST: Duration = Duration::from_secs(60);

/// More calls than it takes until a refresh in vain is a need for a login.
const MAX_REFRESHES: usize = 8;

/// After how many seconds a client is doubted with which nobody has come back.
const DOUBT: u64 = 301;

/// More steps than any host takes.
const MAX_STEPS: usize = 400;
