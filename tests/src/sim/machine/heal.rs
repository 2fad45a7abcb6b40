//! The end of a run of machines: the faults are over, and everybody gets a token, whatever was before.
//!
//! ```text
//!  all call, until each has an answer ─▶ clocks are right ─▶ the same ─▶ the tokens run out ─▶ one host asks for all
//!    ─▶ nobody asks while it lives ─▶ nothing can be had, shortly before its end ─▶ it is used ─▶ a new one
//! ```

use core::time::Duration;

use oauth_core::Error;

use super::laws::is_discreet;
use crate::sim::Simulation;
use crate::sim::host::{Call, Outcome};
use crate::world::{PrmServers, ScopePolicy};

impl Simulation {
    /// Wants a token for everybody. The faults have ended.
    pub(in crate::sim) fn heal_machines(&mut self, clocks: bool) -> Result<(), String> {
        self.world.knobs.prm_servers = PrmServers::One;
        self.world.knobs.scopes = self.plan.knobs.scopes;
        // What is signed by a wrong clock is good nowhere.
        if clocks
            || self.plan.extended.is_bound()
            || self.plan.machine.is_some_and(|machine| machine.signs())
        {
            self.right_clocks();
        }
        self.settle()?;
        self.has_delays = false;
        // Whoever waits for a token that is too new holds up everybody's clock.
        self.plan.lease = None;
        if self.dice.chance(500) {
            self.world.advance(LIFETIME);
        }
        self.all_have_tokens("tools/list")?;
        self.right_clocks();
        self.all_have_tokens("tools/list")?;
        self.one_asks_for_all()?;
        self.what_lives_is_used()?;
        if self.plan.knobs.scopes == ScopePolicy::StepUp {
            self.all_have_tokens("tools/call")?;
        }
        is_discreet(self.history())
    }

    fn right_clocks(&mut self) {
        self.tell(|| "the clocks are right".into());
        for host in &mut self.hosts {
            (host.offset, host.look.blind_at) = (0, self.world.now);
        }
    }

    /// Everybody calls, and gets an answer with a token that the server takes.
    fn all_have_tokens(&mut self, method: &'static str) -> Result<(), String> {
        self.tell(|| format!("everybody calls {method}"));
        self.everybody_calls(method, false)?;
        for host in 0..self.hosts.len() {
            for _ in 0..MAX_TRIES {
                let Some(pause) = self.pause_of(host) else { break };
                self.world.advance(pause.as_secs());
                self.call(host, Call::new(method, false))?;
                self.settle()?;
            }
        }
        self.all_were_answered()
    }

    fn all_were_answered(&self) -> Result<(), String> {
        for (host, state) in self.hosts.iter().enumerate() {
            if state.outcome != Some(Outcome::Status(200)) {
                return Err(format!("liveness: h{host} gets {:?}", state.outcome));
            }
        }
        Ok(())
    }

    /// For how long a host does well to wait, if its call is worth another try.
    fn pause_of(&self, host: usize) -> Option<Duration> {
        match self.hosts[host].outcome.as_ref()? {
            Outcome::Failed(Error::Unreachable(it)) => it.retry_after,
            // What others have replaced again and again is saved now.
            Outcome::Failed(Error::Contended) => Some(Duration::ZERO),
            // A request waits for one token that is too new, and has met two: the next one is on its own.
            Outcome::Failed(Error::PeerIncompatible(_)) if self.plan.knobs.young_for > 0 => {
                Some(Duration::from_secs(2))
            }
            _ => None,
        }
    }

    /// Of those who share a token, one asks for the next.
    fn one_asks_for_all(&mut self) -> Result<(), String> {
        self.tell(|| "all tokens have run out".into());
        // And all times that servers have named, also to wrong clocks; and no token seems new that came by one.
        self.world.advance(3 * LIFETIME + 1234);
        let mut profiles = self.plan.profiles.clone();
        profiles.sort_unstable();
        profiles.dedup();
        for expected in [profiles.len(), 0] {
            let before = self.asked;
            self.everybody_calls("tools/list", false)?;
            self.all_were_answered()?;
            if self.asked - before != expected {
                let asked = self.asked - before;
                return Err(format!("{asked} requests for a token, where {expected} would do"));
            }
        }
        Ok(())
    }

    /// No token is to be had, and the old one lives for some seconds; then it is over.
    fn what_lives_is_used(&mut self) -> Result<(), String> {
        self.tell(|| "nothing can be had, and the tokens live for some seconds".into());
        self.world.advance(LIFETIME - 30);
        self.is_cut_off = true;
        self.everybody_calls("tools/list", false)?;
        self.all_were_answered()?;
        self.is_cut_off = false;
        self.world.advance(30);
        self.all_have_tokens("tools/list")
    }
}

/// How long tokens live that are issued after the faults, and a little more than all from before.
const LIFETIME: u64 = 3600;

/// One for a server that has named a time, one for what others have replaced.
const MAX_TRIES: usize = 2;
