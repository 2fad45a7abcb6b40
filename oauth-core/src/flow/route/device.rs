//! A user with another device, and what refusals of their codes lead to.

use crate::error::Refusal;
use crate::flow::errand::Errand;
use crate::flow::grants::device::{AskDevice, Asked};
use crate::flow::outcome::{Outcome, Progress};
use crate::flow::proof::Proof;
use crate::flow::recourse::{Recourse, Refused};
use crate::flow::route::Answered;
use crate::flow::route::code::register_anew;
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::timeline::{Finding, Retry};

pub(super) fn codes(outcome: Outcome<AskDevice, Asked>, settings: &Settings) -> Answered {
    match outcome? {
        Progress::Again(state, finding) => Ok((State::AskDevice(state.into()), finding)),
        Progress::Done(Asked::Codes(device), finding) => {
            Ok((State::Device(device.into()), finding))
        }
        Progress::Done(Asked::Refused(state, refusal), _) => refused(state, &refusal, settings),
    }
}

/// The client is asked for at once here, before its user is: so what helps against its refusal costs them nothing.
fn refused(state: AskDevice, refusal: &Refusal, settings: &Settings) -> Answered {
    // Another client would not be allowed more: the server gives codes to those that it chooses.
    if &*refusal.code == "unauthorized_client" {
        return Err(refusal.clone().into());
    }
    let AskDevice { mut binding, endpoint, verifier, mut tried, sought, .. } = state;
    let refused = Refused { binding: &binding, tried: &mut tried, settings, refusal };
    match refused.by_endpoint()? {
        Recourse::Registration(anew) => {
            let errand = Errand::again(&binding, &verifier, tried, sought);
            register_anew(binding, errand, anew, refusal, settings)
        }
        Recourse::Method(method) => {
            binding.client.auth_method = method;
            let proof = Proof::of_client(&binding, settings)?;
            let state = AskDevice { binding, endpoint, proof, verifier, tried, sought };
            let retry = Retry::OtherMethod { method };
            let finding = Finding::Retried { refusal: refusal.code.clone(), retry };
            Ok((State::AskDevice(state.into()), finding))
        }
    }
}
