//! The end of a run: the faults are over, and everybody has to get a token.
//!
//! First what was begun is finished. Then everybody calls the MCP server with nobody there to log in:
//! that succeeds if the store holds something that the servers still take, and else says that a login is
//! needed, for a reason that is in the history. At last there are people, and every call succeeds.

use core::time::Duration;

use oauth_core::Error;
use oauth_core::error::PeerIncompatible;
use oauth_core::session::Turn;

use super::host::{Call, Host, Outcome, Task};
use super::{Fault, Menu, Simulation};

impl Simulation {
    /// Ends the faults and wants everybody to get on.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.tell(|| "no more faults".into());
        self.menu = Menu::none();
        self.store.full_until = 0;
        self.world.knobs.access_lifetime = 3600;
        self.settle()?;
        // Servers that were in trouble are left alone for a while.
        self.world.advance(LONGEST_PAUSE);
        if self.dice.chance(500) {
            self.world.advance(3600);
        }
        let mut hopes = self.hopes()?;
        self.tell(|| "everybody calls, nobody is there to log in".into());
        self.everybody_calls(false)?;
        for (host, hope) in hopes.iter_mut().enumerate() {
            // What was refreshed in vain, because its answer came late for instance, is refreshed again.
            if self.wait_for_the_end_of_a_pause(host) {
                *hope = *hope && self.hope(&self.hosts[host])?;
                self.call(host, Call::new("tools/list", false));
                self.settle()?;
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
        self.tell(|| "everybody calls and logs in if need be".into());
        let strangers: Vec<bool> = self.hosts.iter().map(|host| self.is_stranger(host)).collect();
        self.everybody_calls(true)?;
        self.try_again(&strangers)?;
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
        let client = self.store.load(host.profile).map(|record| record.binding().client());
        let wrong_clock = host.offset != 0 && self.plan.knobs.secret_lifetime.is_some();
        client.is_some_and(|client| self.world.forgets(client.client_id()) || wrong_clock)
    }

    /// Where the server shows a page instead of a redirect, since it has forgotten the client, the user
    /// closes the window. Then, as where it refuses the client at the end of a login, the next login takes
    /// another one.
    fn try_again(&mut self, strangers: &[bool]) -> Result<(), String> {
        for (host, stranger) in strangers.iter().enumerate() {
            for _ in 0..MAX_TRIES {
                if self.may_be_helped(host, *stranger) {
                    self.wait_for_the_end_of_a_pause(host);
                    self.call(host, Call::new("tools/list", true));
                    self.settle()?;
                }
            }
        }
        Ok(())
    }

    /// A login whose token was refused at once is made again after a while, and a server that has asked for time
    /// is asked again after that.
    fn wait_for_the_end_of_a_pause(&mut self, host: usize) -> bool {
        let host = &self.hosts[host];
        if let Some(Outcome::Failed(Error::Unreachable(it))) = &host.outcome
            && let Some(pause) = it.retry_after
        {
            self.world.advance(pause.as_secs());
            return true;
        }
        if let Some(Outcome::Failed(Error::PeerIncompatible(it))) = &host.outcome
            && let PeerIncompatible::LoginInVain { until, .. } = it
        {
            self.world.advance(until.since(host.now(self.world.now)).as_secs());
            return true;
        }
        false
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
            // The others' refreshes, which were of no use either, have used up its patience.
            Some(Outcome::Failed(Error::PeerIncompatible(_))) => self.hosts.len() > 1,
            _ => false,
        }
    }

    fn everybody_calls(&mut self, login: bool) -> Result<(), String> {
        for host in 0..self.hosts.len() {
            self.hosts[host].outcome = None;
            self.call(host, Call::new("tools/list", login));
        }
        self.settle()
    }

    /// Lets everybody finish.
    fn settle(&mut self) -> Result<(), String> {
        for host in &mut self.hosts {
            host.asleep_until = 0;
        }
        while !self.orphans.is_empty() {
            self.arrive_late(0)?;
        }
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
        let hopes: Result<Vec<bool>, String> =
            self.hosts.iter().map(|host| self.hope(host)).collect();
        let late: Vec<bool> = (0..2).map(|profile| self.expects_less(profile)).collect();
        let hosts = self.hosts.iter().zip(hopes?);
        Ok(hosts.map(|(host, hope)| hope && !late[host.profile]).collect())
    }

    /// Whether a host has yet to store a login that may have brought no refresh token.
    fn expects_less(&mut self, profile: usize) -> bool {
        let always = self.plan.menu.chance(Fault::NoRefreshTokens) == 0;
        let mut hosts = self.hosts.iter_mut().filter(|host| host.profile == profile);
        !always
            && hosts.any(|host| {
                matches!(host.session.turn(), Ok(Turn::Save(_)) | Err(Error::Contended))
            })
    }

    /// Whether a host can do without a login: the store has what the servers take. If it has not, the
    /// history must say why.
    fn hope(&self, host: &Host) -> Result<bool, String> {
        let record = self.store.load(host.profile);
        let Some(tokens) = record.and_then(|record| record.tokens()) else {
            return Ok(false);
        };
        let now = host.now(self.world.now);
        let lives =
            self.world.accepts(tokens.access_token.token()) && tokens.lives(now, Duration::ZERO);
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
        match self.ledger.excuse_for(token) {
            Some(_) => Ok(false),
            None => Err(format!("liveness: {token} is stored and spent, without a fault")),
        }
    }
}

/// One for the others, one for a client that is forgotten.
const MAX_TRIES: usize = 2;

/// After so many seconds a server that answered without tokens is asked again, if it named no time.
const LONGEST_PAUSE: u64 = 750;

/// More steps than any host takes.
const MAX_STEPS: usize = 400;
