//! What a seed decides before anything happens.

use super::store::LEASE_LENGTH;
use super::{Apart, Dice, Extended, Fault, Machine, Menu};
use crate::world::{AuthMethod, BadToken, Knobs, RefreshTokens, Reuse, Rotation, ScopePolicy};

/// Who gets tokens in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// Users, who log in.
    Users,
    /// Clients without a user.
    Machines,
    /// Users whose hosts share a store over a network, where locks are leases and no two clocks show the same.
    Leases,
    /// The same, where nothing goes wrong but that the store forgets what it has acknowledged of one of two users.
    Failover {
        /// Whether that is an excuse, although no such store is supported.
        is_excused: bool,
    },
}

/// The cast and the weather of a run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The profile of each host. Those with the same one share a grant.
    pub(super) profiles: Vec<usize>,
    /// How the servers behave at first.
    pub(super) knobs: Knobs,
    /// What goes wrong how often.
    pub(super) menu: Menu,
    /// For how many seconds a lock is held at most, if it does not end with its holder only.
    pub(super) lease: Option<u64>,
    /// How many steps the faulty part takes.
    pub(super) steps: usize,
    /// How many seconds a step takes at most.
    pub(super) pace: u64,
    /// How many logins of a thousand there is a person for.
    pub(super) presence: u16,
    /// Whether all profiles share one client.
    pub(super) shares_client: bool,
    /// Whether users log out now and then.
    pub(super) logs_out: bool,
    /// Whether logins are handed out now and then.
    pub(super) hands_out: bool,
    /// The host that asks nobody, if there is one beside those that do.
    pub(super) quiet: Option<usize>,
    /// For how many seconds each host uses its token without a look into the store.
    pub(super) looks: Vec<Option<u64>>,
    /// How tokens are got without a user, if they are.
    pub(super) machine: Option<Machine>,
    /// What it has beyond bearer tokens and a browser.
    pub(super) extended: Extended,
    /// How far the clocks are apart, if locks are leases of a store on another machine.
    pub(super) apart: Option<Apart>,
}

impl Plan {
    /// The plan of a run. What machines have beyond users comes from other dice, and so does what is beyond bearer
    /// tokens and a browser: the other runs stay what they were, whatever is learnt.
    #[must_use]
    pub(super) fn of(cast: Cast, seed: u64, dice: &mut Dice) -> Self {
        let plan = Self::of_users(dice);
        let plan = match cast {
            Cast::Users => plan,
            Cast::Machines => plan.for_machines(&mut Dice::new(!seed)),
            Cast::Leases | Cast::Failover { .. } => {
                return plan.with_leases(cast, &mut Dice::new(seed.rotate_left(16) ^ LEASES));
            }
        };
        plan.extended(cast, &mut Dice::new(seed.rotate_left(32) ^ EXTENDED))
    }

    fn extended(mut self, cast: Cast, dice: &mut Dice) -> Self {
        self.extended = Extended::of(cast, dice);
        self.extended.set_up(cast, &mut self.knobs, &mut self.menu, dice);
        self
    }

    fn with_leases(mut self, cast: Cast, dice: &mut Dice) -> Self {
        if let Cast::Failover { .. } = cast {
            self.menu = Menu::of_failover();
            // One user's record is hit, and another's is not.
            self.profiles = (0..2 + self.profiles.len().min(4)).map(|host| host % 2).collect();
            self.steps = 400;
            self.looks = vec![None; self.profiles.len()];
            self.knobs = Knobs {
                access_lifetime: 30,
                rotation: Rotation::Rotate,
                reuse: Reuse::EndsGrant,
                refresh_tokens: RefreshTokens::Always,
                ..Knobs::default()
            };
            (self.quiet, self.logs_out, self.presence) = (None, false, 1000);
        } else {
            self.menu.add_of_leases(dice);
        }
        self.lease = self.lease.or(Some(LEASE_LENGTH));
        self.apart = Some(Apart::of(cast, self.profiles.len(), dice));
        self
    }

    fn for_machines(mut self, dice: &mut Dice) -> Self {
        let mut machine = Machine::of(dice);
        // Before its first token nobody else knows whose a client is.
        machine.is_named |= self.menu.chance(Fault::Moves) > 0;
        machine.set_up(&mut self.knobs, dice);
        self.menu.add_of_machines(dice);
        let machine = Some(machine);
        Self { presence: 0, shares_client: false, hands_out: false, quiet: None, machine, ..self }
    }

    fn of_users(dice: &mut Dice) -> Self {
        let most = dice.pick(&[1, 2, 3, 4, 4, 6, 8, 16]);
        let hosts = 1 + dice.index(most);
        let two = dice.chance(150);
        let profiles = (0..hosts).map(|host| usize::from(two && host % 2 == 1)).collect();
        let menu = Menu::of(dice);
        let lease = (menu.chance(Fault::Lease) > 0).then(|| dice.pick(&[5, 20, 60]));
        Self {
            profiles,
            knobs: knobs(dice),
            menu,
            lease,
            steps: 80 + 25 * hosts,
            pace: dice.pick(&[1, 3, 10]),
            presence: dice.pick(&[1000, 1000, 700, 300]),
            shares_client: dice.chance(300),
            logs_out: dice.chance(250),
            hands_out: dice.chance(250),
            looks: (0..hosts)
                .map(|_| dice.pick(&[None, None, Some(5), Some(20), Some(60)]))
                .collect(),
            quiet: Some(hosts - 1).filter(|quiet| *quiet > 0 && dice.chance(400)),
            machine: None,
            extended: Extended::default(),
            apart: None,
        }
    }
}

impl Plan {
    /// Whether what a login has stored is taken away by nobody, and all have one notion of time: only then does it
    /// say anything if another one is made.
    pub(super) fn remembers_logins(&self) -> bool {
        let takes_away = [
            Fault::ClockJump,
            Fault::Deleted,
            Fault::LostWrite,
            Fault::StaleRead,
            Fault::LateWrite,
        ];
        let is_quiet = takes_away.iter().all(|fault| self.menu.chance(*fault) == 0);
        is_quiet && !self.logs_out && self.knobs.scopes != ScopePolicy::StepUp
    }
}

fn knobs(dice: &mut Dice) -> Knobs {
    let scopes = if dice.chance(200) { ScopePolicy::StepUp } else { ScopePolicy::Basic };
    let method = dice.pick(&[None, None, Some(AuthMethod::Basic), Some(AuthMethod::Post)]);
    Knobs {
        access_lifetime: dice.pick(&[10, 30, 60, 300, 3600]),
        refresh_lifetime: if dice.chance(50) { Some(600) } else { None },
        rotation: if dice.chance(850) { Rotation::Rotate } else { Rotation::Keep },
        reuse: dice.pick(&[Reuse::EndsGrant, Reuse::EndsGrant, Reuse::Refused, Reuse::Grace(60)]),
        refresh_tokens: if dice.chance(950) { RefreshTokens::Always } else { RefreshTokens::Never },
        bad_token: dice.pick(&[BadToken::Challenged, BadToken::Unexplained]),
        scopes,
        // A server that lists all its scopes is asked for all of them at once.
        prm_scopes: if scopes == ScopePolicy::StepUp { None } else { Knobs::default().prm_scopes },
        young_for: dice.pick(&[0, 0, 0, 1, 2]),
        assigned_method: method,
        secret_lifetime: dice.pick(&[None, None, None, Some(900)]),
        ..Knobs::default()
    }
}

/// Makes other dice of a seed.
const LEASES: u64 = 0x2545_F491_4F6C_DD1D;

/// And others.
const EXTENDED: u64 = 0x5851_F42D_4C95_7F2D;
