//! One run: everything that is in it, and the scheduler.

use alloc::sync::Arc;

use oauth_core::flow::Settings;

use super::history::History;
use super::host::{Call, Drive, Flight, Goal, Host, Task};
use super::{Dice, Fault, Ledger, Menu, Plan, Store};
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
    pub(super) ledger: Ledger,
    pub(super) history: History,
    pub(super) settings: Arc<Settings>,
    pub(super) logins: u64,
    /// Whether each session is serialized and restored before each of its turns.
    pub(super) restores: bool,
}

impl Simulation {
    /// The run of a seed. Recording it costs time and changes nothing; neither may restoring each
    /// session before each of its turns.
    #[must_use]
    pub(super) fn new(seed: u64, recording: bool, restores: bool) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::of(&mut dice);
        let settings = Arc::new(settings());
        let profiles = plan.profiles.iter().max().map_or(1, |last| last + 1);
        let mut history = History::new(recording);
        history.note(|| format!("seed {seed}"));
        history.note(|| describe(&plan));
        Self {
            menu: plan.menu.clone(),
            world: World::new(plan.knobs.clone()),
            store: Store::new(profiles),
            hosts: plan.profiles.iter().map(|profile| Host::new(*profile, &settings)).collect(),
            orphans: Vec::new(),
            ledger: Ledger::default(),
            history,
            settings,
            logins: 0,
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
            self.upheave();
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

    /// A host does the next thing, whatever that is.
    pub(super) fn act(&mut self, host: usize) -> Result<(), String> {
        if self.hosts[host].flight.is_some() {
            return self.fly(host);
        }
        match self.hosts[host].task.clone() {
            Task::Rest => self.begin(host),
            Task::Drive(drive) => return self.drive(host, drive),
            Task::Send(call) => return self.send(host, call),
        }
        Ok(())
    }

    /// An application thinks of something to do.
    fn begin(&mut self, host: usize) {
        let login = self.dice.chance(self.plan.presence);
        match self.dice.below(10) {
            0 => {}
            1 => self.hold(host, login),
            2 => self.renew(host),
            _ => {
                let writes = self.plan.knobs.scopes == ScopePolicy::StepUp && self.dice.chance(300);
                let method = if writes { "tools/call" } else { "tools/list" };
                self.call(host, Call::new(method, login));
            }
        }
    }

    /// Sends a request: with the token at hand, else with one that can be had without a person.
    pub(super) fn call(&mut self, host: usize, call: Call) {
        self.say(host, || format!("calls {}", call.method));
        let time = self.world.now;
        let host = &mut self.hosts[host];
        let now = host.now(time);
        let at_hand = host.session.authorization(now).is_some();
        host.task = if at_hand {
            Task::Send(call)
        } else {
            host.session.access();
            Task::Drive(Drive::new(Goal::Attach(call), false))
        };
    }

    fn hold(&mut self, host: usize, login: bool) {
        self.say(host, || "wants a token".into());
        let host = &mut self.hosts[host];
        host.session.access();
        host.task = Task::Drive(Drive::new(Goal::Hold, login));
    }

    fn renew(&mut self, host: usize) {
        self.say(host, || "wants another token".into());
        let host = &mut self.hosts[host];
        host.session.access();
        host.task = Task::Drive(Drive::new(Goal::Renew, false));
    }

    fn pass_time(&mut self) {
        let seconds = match self.dice.below(100) {
            0..=59 => 0,
            60..=97 => self.dice.below(self.plan.pace + 1),
            _ => self.dice.below(2 * self.world.knobs.access_lifetime),
        };
        self.world.advance(seconds);
    }

    /// Whether a fault strikes now.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        self.dice.chance(self.menu.chance(fault))
    }

    /// Writes down what a host does.
    pub(super) fn say(&mut self, host: usize, what: impl FnOnce() -> String) {
        let time = self.world.now - START;
        self.history.note(|| format!("{time:>6} h{host} {}", what()));
    }

    /// Writes down what somebody else does.
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        let time = self.world.now - START;
        self.history.note(|| format!("{time:>6} -- {}", what()));
    }
}

fn describe(plan: &Plan) -> String {
    let Plan { profiles, knobs, menu, lease, .. } = plan;
    let faults: Vec<_> = Fault::ALL
        .into_iter()
        .filter(|fault| menu.chance(*fault) > 0)
        .map(|fault| format!("{fault:?} {}", menu.chance(fault)))
        .collect();
    format!(
        "profiles of the hosts: {profiles:?}; tokens live {} s, refresh tokens {:?}; {:?}, {:?}, {:?}; \
         secrets of {:?} live {:?}; leases {lease:?}; faults per mille: {}",
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

/// When a world begins.
const START: u64 = 1_900_000_000;
