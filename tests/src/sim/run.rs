//! One run: everything that is in it, and the scheduler.

use alloc::sync::Arc;
use core::time::Duration;

use oauth_core::session::{PendingLogin, Turn};

use super::drive::RETRY;
use super::extended::{Codes, Proofs};
use super::history::History;
use super::host::{Call, Drive, Flight, Goal, Host, Task};
use super::plan::Cast;
use super::{Dice, Fault, Ledger, Machine, Menu, Plan, Seen, Store};
use crate::drive::settings;
use crate::world::{ScopePolicy, World};

/// A run of a seed.
#[derive(Debug)]
pub(super) struct Simulation {
    pub(super) dice: Dice,
    pub(super) plan: Plan,
    pub(super) menu: Menu,
    pub(super) world: World,
    pub(super) store: Store,
    pub(super) hosts: Vec<Host>,
    /// Requests of hosts that have ended, still on their way.
    pub(super) orphans: Vec<Flight>,
    /// Logins that were handed out.
    pub(super) pending: Vec<PendingLogin>,
    /// Whether the authorization servers have lost what they need for refreshes, and do not say so.
    pub(super) refuses_refreshes: bool,
    /// Since when the MCP server refuses every token, if it does.
    pub(super) refuses_since: Option<u64>,
    /// Whether neither keys nor sources nor token endpoints give anything.
    pub(super) is_cut_off: bool,
    /// Whether requests may be under way for long that were sent before the faults were over.
    pub(super) has_delays: bool,
    /// How many requests for an access token were sent.
    pub(super) asked: usize,
    /// Whether the faults are over.
    pub(super) is_healing: bool,
    pub(super) ledger: Ledger,
    pub(super) history: History,
    pub(super) logins: u64,
    /// Whether the MCP server has begun to take bound tokens only.
    pub(super) has_switched: bool,
    /// How many calls were signed for.
    pub(super) signatures: u64,
    /// What was sent that is good once.
    pub(super) proofs: Proofs,
    /// Which device codes may be asked about when.
    pub(super) codes: Codes,
    /// How often in a row nobody could do anything but wait.
    pub(super) idle: usize,
    /// What came about.
    pub(super) seen: Seen,
    /// Whether each session is serialized and restored before each of its turns.
    pub(super) restores: bool,
}

impl Simulation {
    /// The run of a seed. Recording it costs time and changes nothing; neither may restoring each
    /// session before each of its turns.
    #[must_use]
    pub(super) fn new(cast: Cast, seed: u64, recording: bool, restores: bool) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::of(cast, seed, &mut dice);
        let settings = plan.machine.as_ref().map_or_else(settings, Machine::settings);
        let settings = if plan.shares_client { settings.client_records() } else { settings };
        let settings = plan.extended.settings(settings);
        let hosts = plan.profiles.iter().zip(&plan.looks).map(|(profile, looks)| {
            let settings = settings.clone();
            let settings = match looks {
                Some(seconds) => settings.store_check_interval(Duration::from_secs(*seconds)),
                None => settings,
            };
            Host::new(*profile, &Arc::new(settings), *looks)
        });
        let mut hosts: Vec<Host> = hosts.collect();
        if let Some(quiet) = plan.quiet {
            hosts[quiet].is_quiet = true;
        }
        let mut history = History::new(recording);
        history.note(|| format!("seed {seed}"));
        history.note(|| describe(&plan));
        for (host, offset) in hosts.iter_mut().zip(plan.apart.iter().flat_map(|it| &it.hosts)) {
            host.offset = *offset;
        }
        let store =
            plan.apart.as_ref().map_or_else(Store::default, |it| Store::with_clock(it.store));
        Self {
            menu: plan.menu.clone(),
            world: World::new(plan.knobs.clone()),
            store,
            hosts,
            orphans: Vec::new(),
            pending: Vec::new(),
            refuses_refreshes: false,
            refuses_since: None,
            is_cut_off: false,
            has_delays: true,
            asked: 0,
            is_healing: false,
            ledger: match cast {
                Cast::Failover { is_excused: false } => Ledger::strict(),
                _ => Ledger::default(),
            },
            history,
            logins: 0,
            has_switched: false,
            signatures: 0,
            proofs: Proofs::default(),
            codes: Codes::default(),
            idle: 0,
            seen: Seen::default(),
            restores,
            dice,
            plan,
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// The law that was broken.
    pub(super) fn run(&mut self) -> Result<(), String> {
        for _ in 0..self.plan.steps {
            self.pass_time();
            self.upheave()?;
            self.step()?;
        }
        self.heal()
    }

    /// What happened.
    #[must_use]
    pub(super) fn history(&self) -> &[String] {
        self.history.lines()
    }

    /// One host or one request gets on.
    fn step(&mut self) -> Result<(), String> {
        // Whoever is awake does in time what they have to do under the lock.
        if let Some(host) = self.due() {
            return self.act(host);
        }
        let chosen = self.dice.index(self.hosts.len() + self.orphans.len());
        if chosen >= self.hosts.len() {
            return self.arrive_late(chosen - self.hosts.len());
        }
        if self.hosts[chosen].asleep_until > self.world.now {
            return Ok(());
        }
        self.strike(chosen)?;
        self.act(chosen)
    }

    /// Who tries again to store what was spent, or has waited long enough for an answer under the lock.
    fn due(&self) -> Option<usize> {
        let now = self.world.now;
        (0..self.hosts.len()).find(|at| {
            let host = &self.hosts[*at];
            let retries = host.retries_at.is_some_and(|at| at + RETRY <= now);
            let holds = self.store.reserved(*at).is_some_and(|since| since + TIMEOUT <= now);
            host.asleep_until <= now && (retries || host.retries_at.is_none() && holds)
        })
    }

    /// A host does the next thing, whatever that is.
    pub(super) fn act(&mut self, host: usize) -> Result<(), String> {
        if self.hosts[host].flight.is_some() {
            return self.fly(host);
        }
        match self.hosts[host].task.clone() {
            Task::Rest => self.begin(host),
            Task::Drive(drive) => self.drive(host, drive),
            Task::Send(call) => self.send(host, call),
        }
    }

    /// An application thinks of something to do.
    fn begin(&mut self, host: usize) -> Result<(), String> {
        let login = self.dice.chance(self.plan.presence) && !self.hosts[host].is_quiet;
        let is_idle = !matches!(self.hosts[host].session.turn(), Ok(Turn::Save(_)));
        if self.plan.logs_out && self.dice.chance(20) {
            self.leave(host);
            return Ok(());
        }
        let is_quiet = self.hosts[host].is_quiet;
        if is_idle && !is_quiet && !self.pending.is_empty() && self.dice.chance(100) {
            return self.take_up(host);
        }
        match self.dice.below(40) {
            0..=3 => {}
            4..=7 => self.hold(host, login),
            8..=11 => self.renew(host),
            12 if self.plan.machine.is_some() => self.ask_anew(host),
            12 if !is_quiet => self.log_in(host),
            _ => {
                let writes = self.plan.knobs.scopes == ScopePolicy::StepUp && self.dice.chance(300);
                let method = if writes { "tools/call" } else { "tools/list" };
                self.call(host, Call::new(method, login))?;
            }
        }
        Ok(())
    }

    /// Sends a request: with the token at hand, else with one that can be had without a person.
    pub(super) fn call(&mut self, host: usize, call: Call) -> Result<(), String> {
        self.say(host, || format!("calls {}", call.method));
        let time = self.world.now;
        let host = &mut self.hosts[host];
        let now = host.now(time);
        let at_hand = host.session.authorization(now).is_some();
        if !at_hand && host.needs_no_thought(now) {
            return Err("a fresh token is not at hand".into());
        }
        host.task = if at_hand {
            host.look.decided_at = time;
            Task::Send(call)
        } else {
            host.access();
            Task::Drive(Drive::new(Goal::Attach(call), false))
        };
        Ok(())
    }

    fn hold(&mut self, host: usize, login: bool) {
        self.say(host, || "wants a token".into());
        let host = &mut self.hosts[host];
        host.access();
        host.task = Task::Drive(Drive::new(Goal::Hold, login));
    }

    fn renew(&mut self, host: usize) {
        self.say(host, || "wants another token".into());
        let host = &mut self.hosts[host];
        host.access();
        host.task = Task::Drive(Drive::new(Goal::Renew, false));
    }

    fn log_in(&mut self, host: usize) {
        self.say(host, || "wants to log in".into());
        let host = &mut self.hosts[host];
        host.leaves = false;
        host.logged_in_at = None;
        host.asked_for = true;
        host.session.log_in();
        host.task = Task::Drive(Drive::new(Goal::Hold, true));
    }

    /// An application wants another token, whatever there is: without a user, that is what a login is.
    fn ask_anew(&mut self, host: usize) {
        self.say(host, || "wants a token anew".into());
        let host = &mut self.hosts[host];
        host.leaves = false;
        host.asked_for = true;
        host.session.log_in();
        host.task = Task::Drive(Drive::new(Goal::Hold, false));
    }

    fn leave(&mut self, host: usize) {
        self.say(host, || "wants to log out".into());
        // What it could not store goes with it.
        self.ledger.lose(host, "its user logs out");
        let host = &mut self.hosts[host];
        host.logged_in_at = None;
        host.session.logout();
        host.lacks_scope = false;
        host.leaves = true;
        host.task = Task::Drive(Drive::new(Goal::Hold, false));
    }

    fn pass_time(&mut self) {
        let seconds = match self.dice.below(100) {
            0..=59 => 0,
            60..=97 => self.dice.below(self.plan.pace + 1),
            _ => self.dice.below(2 * self.world.knobs.access_lifetime),
        };
        let is_awake = |at: &usize| self.hosts[*at].asleep_until <= self.world.now;
        let mut hosts = (0..self.hosts.len()).filter(is_awake);
        let waits = hosts.any(|at| self.store.reserved(at).is_some());
        let seconds = if waits { seconds.min(RETRY) } else { seconds };
        let before = self.world.now;
        self.world.advance(seconds);
        // Who was to wake meanwhile could do nothing before now.
        for host in self.hosts.iter_mut().filter(|host| before < host.asleep_until) {
            host.asleep_until = host.asleep_until.max(self.world.now);
            host.watch.pass(self.world.now - before);
        }
    }

    /// Whether a fault strikes now.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        self.dice.chance(self.menu.chance(fault))
    }

    /// Writes down what a host does.
    pub(super) fn say(&mut self, host: usize, what: impl FnOnce() -> String) {
        let time = self.world.now - START;
        self.idle = 0;
        self.history.note(|| format!("{time:>6} h{host} {}", what()));
    }

    /// Writes down what somebody else does.
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        let time = self.world.now - START;
        self.history.note(|| format!("{time:>6} -- {}", what()));
    }
}

fn describe(plan: &Plan) -> String {
    let Plan { profiles, knobs, menu, lease, looks, quiet, machine, extended, apart, .. } = plan;
    let faults: Vec<_> = Fault::ALL
        .into_iter()
        .chain(Fault::OF_MACHINES)
        .chain(Fault::EXTENDED)
        .chain(Fault::OF_LEASES)
        .filter(|fault| menu.chance(*fault) > 0)
        .map(|fault| format!("{fault:?} {}", menu.chance(fault)))
        .collect();
    let apart = apart.as_ref().map_or_else(String::new, |it| format!("; {it:?}"));
    let machine = machine.as_ref().map_or_else(String::new, |it| format!("; {it:?}"));
    format!(
        "profiles of the hosts: {profiles:?}; tokens live {} s, refresh tokens {:?}; {:?}, {:?}, {:?}; \
         secrets of {:?} live {:?}; leases {lease:?}; looks {looks:?}; quiet {quiet:?}; faults per mille: {}{machine}; {extended:?}{apart}",
        knobs.access_lifetime,
        knobs.refresh_lifetime,
        knobs.rotation,
        knobs.refresh_tokens,
        knobs.scopes,
        knobs.assigned_method,
        knobs.secret_lifetime,
        faults.join(", ")
    )
}

/// For how many seconds a host waits for an answer under the lock.
const TIMEOUT: u64 = 30;

/// When a world begins.
const START: u64 = 1_900_000_000;
