//! Grants without a user.

use crate::error::{Error, PeerIncompatible};
use crate::flow::binding::Binding;
use crate::flow::grants::client_credentials::ClientCredentials;
use crate::flow::grants::exchange::{Exchange, Exchanged};
use crate::flow::grants::jwt_bearer::JwtBearer;
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
            State::ClientCredentials(ClientCredentials { binding, tolerates, proof }.into())
        }
        MachineGrant::WorkloadIdentity => {
            if !binding.server.may_grant(GrantType::JwtBearer) {
                let issuer = binding.server.issuer.as_str().into();
                let grant = GrantType::JwtBearer.as_str().into();
                return Err(PeerIncompatible::GrantNotListed { issuer, grant }.into());
            }
            let proof = Proof::of_workload(&binding);
            State::JwtBearer(JwtBearer { binding, tolerates, proof, assertion: None }.into())
        }
        MachineGrant::EnterpriseManaged(provider) => {
            let (provider, subject) = (*provider, None);
            State::Exchange(Exchange { binding, tolerates, provider, subject }.into())
        }
    })
}

/// The identity provider has said who the user is.
pub(super) fn assertion(exchanged: Exchanged, settings: &Settings) -> Result<State, Error> {
    let Exchanged { binding, tolerates, id_jag } = exchanged;
    let (proof, assertion) = (Proof::new(&binding, settings)?, Some(id_jag.assertion));
    Ok(State::JwtBearer(JwtBearer { binding, tolerates, proof, assertion }.into()))
}
