//! Grants without a user.

use crate::error::{Error, PeerIncompatible};
use crate::flow::binding::Binding;
use crate::flow::grants::client_credentials::ClientCredentials;
use crate::flow::grants::exchange::{Exchange, Exchanged};
use crate::flow::grants::jwt_bearer::JwtBearer;
use crate::flow::part::{Assertions, Feature as _, Part};
use crate::flow::proof::Proof;
use crate::flow::settings::{MachineGrant, Settings};
use crate::flow::state::State;
use crate::wire::GrantType;

/// Nobody is asked to consent.
pub(super) fn machine(
    grant: MachineGrant,
    binding: Binding,
    settings: &Settings,
) -> Result<State, Error> {
    let tolerates = settings.policy.tolerates;
    Ok(match grant {
        MachineGrant::ClientCredentials => {
            let proof = Proof::new(&binding, settings)?;
            State::ClientCredentials(Part::new(ClientCredentials { binding, tolerates, proof })?)
        }
        MachineGrant::WorkloadIdentity => {
            if !binding.server.may_grant(GrantType::JwtBearer) {
                let issuer = binding.server.issuer.as_str().into();
                let grant = GrantType::JwtBearer.as_str().into();
                return Err(PeerIncompatible::GrantNotListed { issuer, grant }.into());
            }
            let proof = Proof::of_workload(&binding);
            State::JwtBearer(Part::new(JwtBearer { binding, tolerates, proof, assertion: None })?)
        }
        MachineGrant::EnterpriseManaged(provider) => {
            State::Exchange(Part::new(Exchange::new(binding, tolerates, *provider, None))?)
        }
    })
}

/// The identity provider has said who the user is.
pub(super) fn assertion(
    feature: Assertions,
    exchanged: Exchanged,
    settings: &Settings,
) -> Result<State, Error> {
    let Exchanged { binding, tolerates, id_jag, then } = exchanged;
    let assertion = Some(id_jag.assertion);
    let proof = match then {
        Some(proof) => *proof,
        None => Proof::new(&binding, settings)?,
    };
    Ok(State::JwtBearer(feature.part(JwtBearer { binding, tolerates, proof, assertion })))
}

/// The authorization server wants another proof. It may have noted the assertion, which is good for one request.
pub(super) fn another_assertion(state: Part<JwtBearer, Assertions>, settings: &Settings) -> State {
    let feature = state.feature();
    let JwtBearer { binding, tolerates, proof, .. } = state.into_inner();
    match settings.machine_grant() {
        Some(MachineGrant::EnterpriseManaged(provider)) => {
            let (provider, then) = ((**provider).clone(), Some(proof.into()));
            State::Exchange(feature.part(Exchange::new(binding, tolerates, provider, then)))
        }
        _ => {
            let assertion = None;
            State::JwtBearer(feature.part(JwtBearer { binding, tolerates, proof, assertion }))
        }
    }
}
