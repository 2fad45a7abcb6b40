//! What only a host has: signatures of its key, and what says who the workload or its user is.

use oauth_core::flow::SigningKey;
use oauth_core::session::Turn;
use oauth_core::wire::{SubjectToken, SubjectTokenKind};
use serde_json::{Value, json};

use super::Way;
use crate::drive::dice;
use crate::sim::extended::{made, signer};
use crate::sim::{Fault, Sight, Simulation};
use crate::world::Key;

/// A key or a source that takes long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    ends_at: u64,
    /// When its host has waited for long enough.
    gives_up_at: u64,
}

impl Simulation {
    /// The host is asked for what only it has; false while it has nothing to say.
    ///
    /// # Errors
    ///
    /// A user's session has asked whose tokens are bound to no key, or what was given does not fit.
    pub(in crate::sim) fn give(&mut self, at: usize) -> Result<bool, String> {
        let machine = self.plan.machine;
        if machine.is_none() && !self.plan.extended.is_bound() {
            return Err("a user's session asks for what says who a machine is".into());
        }
        let time = self.world.now;
        let stall = self.hosts[at].toil.stall;
        let has_waited = match stall {
            Some(Stall { ends_at, gives_up_at }) if time < ends_at.min(gives_up_at) => {
                return Ok(false);
            }
            Some(stall) => Some(stall.ends_at <= time),
            None if self.may_stall(at) && self.strikes(Fault::GiftStalls) => {
                let ends_at = time + self.dice.pick(&[20, 120, 600]);
                let patience = self.dice.pick(&[PATIENCE, 3600]);
                let patience = if machine.is_some() { patience } else { PATIENCE };
                let stall = Stall { ends_at, gives_up_at: time + patience };
                self.say(at, || format!("waits for what it was asked for: {stall:?}"));
                self.hosts[at].toil.stall = Some(stall);
                return Ok(false);
            }
            None => None,
        };
        self.hosts[at].toil.stall = None;
        let fails = self.strikes(Fault::GiftFails) || self.is_cut_off || has_waited == Some(false);
        let is_old = self.strikes(Fault::GiftIsOld);
        let now = self.now(at);
        let random = self.random();
        let number = self.logins;
        match has_waited {
            Some(true) => self.seen.add(Sight::SignerLate),
            Some(false) => self.seen.add(Sight::SignerGivenUp),
            None if fails => self.seen.add(Sight::SignerFailed),
            None => {}
        }
        let Self { world, hosts, seen, .. } = self;
        let what = match hosts[at].session.turn() {
            Ok(Turn::Sign(reply)) if fails => {
                reply.failed(REASON, now);
                "has no signature"
            }
            Ok(Turn::Key(reply)) if fails => {
                reply.failed(REASON, now);
                "has no key"
            }
            Ok(Turn::Key(reply)) => {
                seen.add(Sight::KeyMade);
                reply.given(made(number), now);
                "makes a key"
            }
            Ok(Turn::Assertion(reply)) if fails => {
                reply.failed(REASON, now);
                "has no assertion"
            }
            Ok(Turn::Sign(reply)) => {
                let unsigned = reply.unsigned(random, now).ok_or("there is nothing to sign")?;
                let signature = match reply.key() {
                    Some(SigningKey::Dpop(key)) => signer(key)?.sign(unsigned.bytes()),
                    _ => Key::p256(1).sign(unsigned.bytes()),
                };
                let signed = reply.signed(&unsigned, &signature, now);
                signed.map_err(|error| error.to_string())?;
                "signs"
            }
            Ok(Turn::Assertion(reply)) => {
                let wanted = reply.wanted().ok_or("there is nothing to say")?;
                // By the servers' clock: who mints it has a right one.
                let old = if is_old { json!({ "exp": time - 1 }) } else { json!({}) };
                let machine = machine.ok_or("a user is asked who they are")?;
                let (token, kind) = bring(machine.way, world, wanted.audience, &old);
                reply.given(SubjectToken { token: token.as_str().into(), kind }, now);
                if is_old { "brings an old assertion" } else { "brings an assertion" }
            }
            turn => return Err(format!("it was asked for a gift, and now: {turn:?}")),
        };
        self.say(at, || what.into());
        Ok(true)
    }

    /// Whoever spends a refresh token does not wait for a key until the lock has ended.
    fn may_stall(&self, at: usize) -> bool {
        let is_new = |since: u64| self.world.now <= since + 10;
        self.store.reserved(at).is_none_or(is_new)
    }

    /// Bytes that were never used before.
    fn random(&mut self) -> [u8; 16] {
        self.logins += 1;
        let mut random = [0; 16];
        random.copy_from_slice(&dice(self.logins)[..16]);
        random
    }
}

fn bring(
    way: Way,
    world: &mut crate::world::World,
    audience: &str,
    changes: &Value,
) -> (String, SubjectTokenKind) {
    match way {
        Way::Own | Way::Workload => {
            (world.workload_jwt_with(audience, changes), SubjectTokenKind::IdToken)
        }
        Way::IdToken => (world.id_token_with(changes), SubjectTokenKind::IdToken),
        Way::RefreshToken => (world.idp_refresh_token(), SubjectTokenKind::RefreshToken),
    }
}

/// For how many seconds the adapters wait for a key or a source.
const PATIENCE: u64 = 30;

/// Why there is nothing, as it is shown.
const REASON: &str = "it is down";
