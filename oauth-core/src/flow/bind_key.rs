//! `BindKey`: tokens are to be bound to a key, and the host makes one (RFC 9449 §2).
//!
//! ```text
//!  Key ──┬─ a key ──▶ who the client is
//!        └─ none ───▶ an error: what is required cannot be had
//! ```

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::PeerIncompatible;
use crate::flow::login::Login;
use crate::flow::possession::Possession;
use crate::flow::settings::{Dpop, Settings};
use crate::flow::target::{ResourceDpop, Target};
use crate::signing_algorithm::SigningAlgorithms;
use crate::wire::{Scheme, Wanted};

/// Waits for a key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BindKey {
    pub(crate) login: Login,
    pub(crate) target: Target,
    /// What it may sign with.
    pub(crate) algorithms: SigningAlgorithms,
    /// Whether a token that is not bound is of no use.
    pub(crate) is_required: bool,
}

/// Whether there is to be a key.
pub(crate) enum Choice {
    /// No.
    Bearer,
    /// This one.
    Bound(Box<Possession>),
    /// One that is yet to be made, for one of these algorithms.
    New { algorithms: SigningAlgorithms, is_required: bool },
}

/// Whether the MCP server takes only tokens that are bound to a key.
fn is_demanded(login: &Login, resource: &ResourceDpop) -> bool {
    let challenge = login.challenge.as_deref();
    resource.is_required || challenge.is_some_and(|it| it.scheme == Scheme::Dpop)
}

/// What counts of the offers of a server that is looked at.
pub(crate) fn wanted(login: &Login, resource: &ResourceDpop) -> Wanted {
    let dpop = match login.settings.dpop {
        Dpop::Off => false,
        Dpop::IfRequired => is_demanded(login, resource),
        Dpop::Preferred | Dpop::Required => true,
    };
    Wanted { dpop, ..login.settings.wanted() }
}

/// Chooses for a server that was just found. The MCP server may demand a key; whether anybody else wishes for one is up
/// to the host.
///
/// # Errors
///
/// [`PeerIncompatible::DpopRequired`] where the host wants none, [`PeerIncompatible::DpopNotOffered`] where the authorization
/// server knows none, and [`PeerIncompatible::NoDpopAlgorithm`] where the key can do nothing that both take.
pub(crate) fn choose(login: &Login, target: &Target) -> Result<Choice, PeerIncompatible> {
    let Settings { dpop, dpop_key, .. } = &*login.settings;
    let challenge = login.challenge.as_deref();
    let is_demanded = is_demanded(login, &target.dpop);
    let offered = target.server.dpop_algorithms();
    let is_required = match dpop {
        Dpop::Off if is_demanded => {
            let resource = target.resource.clone();
            return Err(PeerIncompatible::DpopRequired { resource });
        }
        Dpop::Preferred if !is_demanded && offered.is_some() => false,
        _ if is_demanded || *dpop == Dpop::Required => true,
        _ => return Ok(Choice::Bearer),
    };
    let issuer = target.server.issuer.as_str();
    let Some(offered) = offered else {
        let (resource, issuer) = (target.resource.clone(), issuer.into());
        return Err(PeerIncompatible::DpopNotOffered { resource, issuer });
    };
    let by_resource = challenge.and_then(|it| it.dpop_algorithms).or(target.dpop.algorithms);
    let algorithms = by_resource.map_or(offered, |it| it.common(offered));
    match dpop_key {
        Some(key) => Possession::new(issuer, (**key).clone(), algorithms, is_required)
            .map(|it| Choice::Bound(Box::new(it))),
        None => Ok(Choice::New { algorithms, is_required }),
    }
}
