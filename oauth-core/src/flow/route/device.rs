//! A user with another device, and what refusals of their codes lead to.

use crate::error::Refusal;
use crate::flow::grants::device::AskDevice;
use crate::flow::proof::Proof;
use crate::flow::route::Answered;
use crate::flow::route::code::{Visited, try_again};
use crate::flow::settings::Settings;
use crate::flow::state::State;

/// The client is asked for at once here, before its user is: so what helps against its refusal costs them nothing.
pub(super) fn codes_refused(state: AskDevice, refusal: &Refusal, settings: &Settings) -> Answered {
    // Another client would not be allowed more: the server gives codes to those that it chooses.
    if &*refusal.code == "unauthorized_client" {
        return Err(refusal.clone().into());
    }
    let AskDevice { binding, endpoint, verifier, tried, sought, .. } = state;
    let asked = Visited { binding, verifier, tried, sought };
    try_again(asked, refusal, settings, |asked| {
        let Visited { binding, verifier, tried, sought } = asked;
        let proof = Proof::of_client(&binding, settings)?;
        let state = AskDevice { binding, endpoint, proof, verifier, tried, sought };
        Ok(State::AskDevice(state.into()))
    })
}
