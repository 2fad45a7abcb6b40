//! What some runs have beyond a bearer token and a browser: tokens that are bound to a key, users with another device,
//! requests that are pushed.
//!
//! ```text
//!   keys    proofs · a key that is made or the host's own · signers that fail or take long · nonces that expire
//!           a server that begins to take bound tokens only, while others are stored
//!   device  codes · a user who consents, says no, gives up or never comes · polls that are slowed down or unanswered
//!   push    references that expire · pushes without an answer
//! ```
//!
//! What holds beyond what holds for all:
//!
//! - no proof and no assertion is sent twice, whether the first one arrived or not; the world judges each that arrives;
//! - a device code is asked about not before its interval has passed, which each `slow_down` makes longer, not after its
//!   time and not after its end is known;
//! - a call is sent a few times at most, whatever proofs and nonces its answers want.

mod device;
mod keys;

pub(super) use device::{Codes, code_in};
pub(super) use keys::{Proofs, has_proof, is_about_proof, made, signer};

use http::Request;
use oauth_core::flow::{Dpop as Wish, Par as PushWish, Settings};

use super::{Cast, Dice, Fault, Menu, Sight, Simulation, laws};
use crate::world::{Dpop, Grant, Knobs, Nonces, Par, ResourceDpop};

/// What a run has of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extended {
    bound: Option<Bound>,
    pub(super) front: Front,
}

/// How logins begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Front {
    /// With a page in a browser.
    #[default]
    Browser,
    /// With one whose request was pushed.
    Pushed,
    /// With a code for another device.
    Device,
}

/// How tokens are bound to a key.
#[derive(Clone, Copy, Debug)]
struct Bound {
    stance: Stance,
    /// Whether the host has a key of its own.
    own_key: bool,
    server_nonces: Nonces,
    resource_nonces: Nonces,
}

/// Who wants bound tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    /// The host, wherever it can.
    Wished,
    /// The servers take no others.
    Required,
    /// The MCP server begins to take no others; the authorization servers then give no others either, or still do.
    Later { others_end: bool },
}

impl Extended {
    /// What a seed decides, for a cast. Most runs have nothing of it: proofs take their time.
    #[must_use]
    pub(super) fn of(cast: Cast, dice: &mut Dice) -> Self {
        let share = if cast == Cast::Machines { OF_MACHINES } else { OF_USERS };
        if !dice.chance(share) {
            return Self::default();
        }
        if cast == Cast::Machines {
            return Self { bound: Some(Bound::of(dice)), front: Front::Browser };
        }
        let front = dice.pick(&[Front::Browser, Front::Pushed, Front::Device]);
        let is_bound = front == Front::Browser || dice.chance(300);
        Self { bound: is_bound.then(|| Bound::of(dice)), front }
    }

    /// Makes the servers such that they know it, and says what goes wrong with it.
    pub(super) fn set_up(&self, cast: Cast, knobs: &mut Knobs, menu: &mut Menu, dice: &mut Dice) {
        match self.front {
            Front::Browser => {}
            Front::Pushed => {
                knobs.par = dice.pick(&[Par::Offered, Par::Required]);
                knobs.par_lifetime = dice.pick(&[5, 60, 60]);
            }
            Front::Device => {
                let grants = [Grant::Code, Grant::Refresh, Grant::Device];
                knobs.device = true;
                knobs.grant_types = Some(grants.iter().map(|it| it.as_str().into()).collect());
                knobs.device_interval = dice.pick(&[None, Some(1), Some(10)]);
                knobs.device_lifetime = dice.pick(&[30, 60, 300]);
            }
        }
        if let Some(bound) = self.bound {
            bound.set_up(knobs);
        }
        menu.add_extended(cast, dice, self);
    }

    /// With what sessions are made.
    #[must_use]
    pub(super) fn settings(&self, settings: Settings) -> Settings {
        let settings = match self.front {
            Front::Browser => settings,
            Front::Pushed => settings.par(PushWish::IfOffered),
            Front::Device => settings.device_code(),
        };
        let Some(bound) = self.bound else { return settings };
        let settings = match bound.stance {
            Stance::Wished => settings.dpop(Wish::Preferred),
            Stance::Required | Stance::Later { .. } => settings,
        };
        if bound.own_key { settings.dpop_key(keys::own()) } else { settings }
    }

    /// Whether tokens are bound to a key, or may be from some time on.
    pub(super) fn is_bound(&self) -> bool {
        self.bound.is_some()
    }

    /// Whether the MCP server may begin to take bound tokens only.
    pub(super) fn may_switch(&self) -> bool {
        matches!(self.bound, Some(Bound { stance: Stance::Later { .. }, .. }))
    }
}

impl Bound {
    fn of(dice: &mut Dice) -> Self {
        let later = Stance::Later { others_end: dice.chance(500) };
        let stance = dice.pick(&[Stance::Wished, Stance::Required, later, later]);
        let mut nonces = || {
            let seconds = dice.pick(&[5, 30, 300]);
            dice.pick(&[
                Nonces::None,
                Nonces::Needed { seconds },
                Nonces::Needed { seconds },
                Nonces::EachAnswer,
            ])
        };
        let (server_nonces, resource_nonces) = (nonces(), nonces());
        Self { stance, own_key: dice.chance(300), server_nonces, resource_nonces }
    }

    fn set_up(self, knobs: &mut Knobs) {
        let is_required = self.stance == Stance::Required;
        knobs.dpop = if is_required { Dpop::Required } else { Dpop::Offered };
        knobs.resource_dpop =
            if is_required { ResourceDpop::Required } else { ResourceDpop::Taken };
        knobs.prm_dpop_required = is_required;
        knobs.server_nonces = self.server_nonces;
        knobs.resource_nonces = self.resource_nonces;
    }
}

impl Simulation {
    /// What happens to servers that know keys.
    pub(super) fn change_for_keys(&mut self) {
        let Some(Bound { stance: Stance::Later { others_end }, .. }) = self.plan.extended.bound
        else {
            return;
        };
        if self.has_switched || !self.strikes(Fault::WantsKeys) {
            return;
        }
        self.has_switched = true;
        self.seen.add(Sight::Switch);
        let bearer = |host: &super::host::Host| {
            let record = self.store.load(&host.key);
            record.is_some_and(|it| it.tokens().is_some() && it.binding().dpop_key().is_none())
        };
        if self.hosts.iter().any(bearer) {
            self.seen.add(Sight::SwitchWithBearerTokens);
        }
        self.tell(|| "the MCP server takes bound tokens only from now on".into());
        let knobs = &mut self.world.knobs;
        knobs.resource_dpop = ResourceDpop::Required;
        knobs.prm_dpop_required = true;
        if others_end {
            knobs.dpop = Dpop::Required;
        }
    }

    /// The faults are over: a nonce is good for some time, also where all wait for something else in turn.
    pub(super) fn heal_nonces(&mut self) {
        let knobs = &mut self.world.knobs;
        for nonces in [&mut knobs.server_nonces, &mut knobs.resource_nonces] {
            if *nonces != Nonces::None {
                *nonces = Nonces::Needed { seconds: 60 };
            }
        }
    }

    /// Whether a record's tokens will do for the MCP server as it is now.
    pub(super) fn takes_kind(&self, record: &oauth_core::session::Record) -> bool {
        self.world.knobs.resource_dpop != ResourceDpop::Required
            || record.binding().dpop_key().is_some()
    }

    /// What a session sends, looked at before anything happens to it.
    pub(super) fn looks_at(&mut self, at: usize, request: &Request<Vec<u8>>) -> Result<(), String> {
        self.proofs.send(request)?;
        let body = String::from_utf8_lossy(request.body()).into_owned();
        match request.uri().path() {
            "/par" => {
                self.seen.add(Sight::Push);
                if std::mem::take(&mut self.hosts[at].lost_push) {
                    self.seen.add(Sight::PushRepeated);
                }
                laws::asks_for_what_was_missing(&self.hosts[at], &body)?;
            }
            "/device_authorization" => laws::asks_for_what_was_missing(&self.hosts[at], &body)?,
            _ => {}
        }
        let now = self.now(at);
        let has_clock = self.plan.menu.chance(Fault::ClockJump) == 0;
        self.codes.ask(&body, now, has_clock)
    }

    /// What the world objects to where no client is to blame.
    pub(super) fn excuse_extended(&mut self) {
        // Whoever has had no answer asks again.
        let unheard = [Fault::AnswerLost, Fault::GatewayError, Fault::Restart];
        let is_unheard = unheard.iter().any(|fault| self.plan.menu.chance(*fault) > 0);
        let has_switched = self.has_switched;
        self.world.violations.retain(|text| match &**text {
            "a poll after the end" => !is_unheard,
            // Who has bearer tokens has not heard of it yet.
            "a token request without a proof" => !has_switched,
            // Requests are under way for any time: what counts is when a host asks.
            _ => !text.starts_with("a poll after "),
        });
    }
}

/// How many runs of users of a thousand have something of it.
const OF_USERS: u16 = 120;

/// The same of machines, which call far more often.
const OF_MACHINES: u16 = 60;
