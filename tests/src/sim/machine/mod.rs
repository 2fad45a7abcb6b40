//! Hosts that get tokens without a user: with the client's own credentials, as a workload, or by what an enterprise's
//! identity provider says of who is logged in there.
//!
//! ```text
//!   drive ─ turn ─┬─ Sign ──────▶ a key of the host's   ┐ gives at once · after minutes · nothing ·
//!                 ├─ Assertion ─▶ a source of its own   ┘ what has expired
//!                 └─ Http ──────▶ World: token endpoint, identity provider
//! ```
//!
//! What holds beyond what holds for all:
//!
//! - no page, no registration, no refresh token, no lock of a login, no request for any of it (invariant 11);
//! - a token is asked for under the lock, after a second look that showed no fresh one, and by nobody else at the
//!   same time whose lock is good;
//! - while a token lives that will do, a call fails for nothing that keys, sources or servers do;
//! - who was named a time by a token endpoint does not come back before it, unless its host wants another token;
//! - a task has an end after a few requests;
//! - what a session shows of itself has no secret, no assertion and no token in it, nor has an error (invariant 7).
//!
//! In the end, with no more faults, everybody gets a token that the server takes; of those who share one, a single
//! host asks when it has run out; and it is used while there is no other to be had.

mod gifts;
mod heal;
mod laws;

pub(super) use laws::{Toil, carries_assertion, is_for_a_token};

use oauth_core::flow::{IdentityProvider, Settings};
use oauth_core::wire::KeyDescription;
use oauth_core::{Secret, SigningAlgorithm};

use super::{Dice, Fault, Simulation};
use crate::drive::settings;
use crate::world::{
    AuthMethod, Damage, Grant, IDP_CLIENT_ID, IDP_CLIENT_SECRET, IdpForm, Knobs, PRE_CLIENT_ID,
    PRE_CLIENT_SECRET, ScopePolicy,
};

/// How a run gets tokens without a user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    way: Way,
    /// How its client authenticates, if it has to.
    method: AuthMethod,
    /// How it does at the identity provider.
    idp_method: AuthMethod,
    /// Whether it has said whose its client is, where it need not.
    pub(super) is_named: bool,
    /// What the MCP server may start to require.
    demand: Demand,
}

/// By what a token is got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The client's own credentials.
    Own,
    /// The JWT of a workload.
    Workload,
    /// The user's ID token.
    IdToken,
    /// The refresh token that the identity provider gave the host.
    RefreshToken,
}

/// What a server may start to require in the middle of a run, beside tokens that are bound to a key.
#[derive(Clone, Copy, Debug)]
enum Demand {
    /// Another scope, for some calls.
    Scope,
}

impl Machine {
    /// What a seed decides.
    #[must_use]
    pub(super) fn of(dice: &mut Dice) -> Self {
        let way = dice.pick(&[Way::Own, Way::Own, Way::Workload, Way::IdToken, Way::RefreshToken]);
        let methods = [AuthMethod::Basic, AuthMethod::Post, AuthMethod::PrivateKeyJwt];
        let at_idp = [AuthMethod::None, AuthMethod::Basic, AuthMethod::Post];
        Self {
            way,
            method: dice.pick(&methods),
            idp_method: dice.pick(&at_idp),
            is_named: dice.chance(500),
            demand: Demand::Scope,
        }
    }

    /// Makes the servers such that they know it, and no users.
    pub(super) fn set_up(&self, knobs: &mut Knobs, dice: &mut Dice) {
        let grant = if self.way == Way::Own { Grant::ClientCredentials } else { Grant::JwtBearer };
        let opaque = self.is_at_an_enterprise() && dice.chance(200);
        let idp_form = if opaque { Damage::always(IdpForm::Opaque) } else { Damage::none() };
        *knobs = Knobs {
            access_lifetime: knobs.access_lifetime,
            bad_token: knobs.bad_token,
            scopes: knobs.scopes,
            prm_scopes: knobs.prm_scopes.clone(),
            young_for: knobs.young_for,
            pre_method: self.method,
            token_auth_methods: Some(vec![self.method]),
            idp_method: self.idp_method,
            id_jag_lifetime: dice.pick(&[10, 300, 300]),
            idp_form,
            decoy_refresh_tokens: dice.chance(500),
            revokes_access_tokens: dice.chance(700),
            ..Knobs::machines(&[grant])
        };
    }

    /// What its sessions are made with.
    ///
    /// # Panics
    ///
    /// The world's own names are of no use.
    #[must_use]
    pub(super) fn settings(&self) -> Settings {
        if self.way == Way::Workload {
            return settings().client_issuer(ISSUER).workload_identity();
        }
        let secret = (!self.signs()).then(|| Secret::from(PRE_CLIENT_SECRET));
        let settings = settings().client_id(PRE_CLIENT_ID, secret).expect("a client has an id");
        let settings = match self.signs() {
            true => {
                let algorithms = SigningAlgorithm::Es256.into();
                settings.signing_key(KeyDescription { key_id: Some("key-1".into()), algorithms })
            }
            false => settings,
        };
        // A secret goes only to a server that somebody vouches for.
        let is_named = self.is_named || !self.signs() || self.is_at_an_enterprise();
        let settings = if is_named { settings.client_issuer(ISSUER) } else { settings };
        if self.way == Way::Own {
            return settings.client_credentials();
        }
        let has_secret = self.idp_method != AuthMethod::None;
        let secret = has_secret.then(|| Secret::from(IDP_CLIENT_SECRET));
        let provider = IdentityProvider::new(IDP_TOKEN_ENDPOINT, IDP_CLIENT_ID, secret);
        let provider = provider.expect("the identity provider's endpoint is https");
        let is_posted = self.idp_method == AuthMethod::Post;
        settings.enterprise_managed(if is_posted { provider.post() } else { provider })
    }

    /// Whether its client has a key, so that its clock matters.
    fn signs(&self) -> bool {
        self.way != Way::Workload && self.method == AuthMethod::PrivateKeyJwt
    }

    fn is_at_an_enterprise(&self) -> bool {
        matches!(self.way, Way::IdToken | Way::RefreshToken)
    }
}

impl Simulation {
    /// What happens to the servers of machines.
    pub(super) fn change_for_machines(&mut self) {
        let Some(machine) = self.plan.machine else { return };
        if self.strikes(Fault::WantsTooMuch) {
            self.tell(|| "the MCP server wants too much, or no more".into());
            self.world.knobs.scopes = match self.world.knobs.scopes {
                ScopePolicy::AlwaysInsufficient => self.plan.knobs.scopes,
                _ => ScopePolicy::AlwaysInsufficient,
            };
        }
        if self.strikes(Fault::Demands) {
            self.tell(|| format!("the MCP server starts to require more: {:?}", machine.demand));
            // From then on, also when the faults are over.
            match machine.demand {
                Demand::Scope => self.plan.knobs.scopes = ScopePolicy::StepUp,
            }
            self.world.knobs.scopes = self.plan.knobs.scopes;
        }
    }
}

/// The authorization server that knows the client.
const ISSUER: &str = "https://auth.example.com";

const IDP_TOKEN_ENDPOINT: &str = "https://idp.example.com/token";
