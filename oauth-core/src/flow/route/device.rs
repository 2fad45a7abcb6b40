//! A user with another device, and what refusals of their codes lead to.

use alloc::boxed::Box;

use crate::error::{Error, Refusal};
use crate::flow::grants::code::Consent;
use crate::flow::grants::device::{AskDevice, Device};
use crate::flow::outcome::Halt;
use crate::flow::part::{DeviceCode, Feature as _, Part};
use crate::flow::proof::Proof;
use crate::flow::route::Answered;
use crate::flow::route::code::{Visited, try_again};
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::flow::tried::OnceOnly;
use crate::time::UnixTime;
use crate::timeline::Finding;

/// The client is asked for at once here, before its user is: so what helps against its refusal costs them nothing.
pub(super) fn codes_refused(
    state: Part<AskDevice, DeviceCode>,
    refusal: &Refusal,
    settings: &Settings,
) -> Answered {
    // Another client would not be allowed more: the server gives codes to those that it chooses.
    if &*refusal.code == "unauthorized_client" {
        return Err(refusal.clone().into());
    }
    let feature = state.feature();
    let AskDevice { binding, endpoint, verifier, tried, sought, beside, .. } = state.into_inner();
    let asked = Visited { binding, verifier, tried, sought };
    try_again(asked, refusal, settings, |asked| {
        let Visited { binding, verifier, tried, sought } = asked;
        let proof = Proof::of_client(&binding, settings)?;
        let state = AskDevice { binding, endpoint, proof, verifier, tried, sought, beside };
        Ok(State::AskDevice(feature.part(state)))
    })
}

/// What does not work on another device is left to the browser, if there is one beside it.
pub(super) fn or_beside(answered: Answered, beside: Option<Box<Consent>>) -> Answered {
    match (answered, beside) {
        (Err(Halt { error, finding }), Some(consent)) => {
            let finding = finding.unwrap_or_else(|| Finding::failed(&error));
            Ok((State::Consent(*consent), finding))
        }
        (answered, _) => answered,
    }
}

/// The same after a poll: the user's no is meant for both.
pub(super) fn unless_denied(answered: Answered, beside: Option<Box<Consent>>) -> Answered {
    let is_denied =
        |halt: &Halt| halt.error.refusal().is_some_and(|it| &*it.code == "access_denied");
    match answered {
        Err(halt) if is_denied(&halt) => Err(halt),
        answered => or_beside(answered, beside),
    }
}

impl State {
    /// Asks for a code beside the page, if that is possible.
    pub(crate) fn asks_for_code(self, settings: &Settings) -> Self {
        let Self::Consent(mut consent) = self else { return self };
        match AskDevice::beside(&consent, settings) {
            Ok(Some(state)) => Part::new(state).map_or(Self::Consent(consent), Self::AskDevice),
            Ok(None) => Self::Consent(consent),
            // A key that the server does not take here may do for the code that comes back.
            Err(_) => {
                consent.tried.note(OnceOnly::DeviceCode);
                Self::Consent(consent)
            }
        }
    }

    /// It is that late now, for who waits for a user with another device.
    pub(super) fn device_waited(
        mut state: Part<Device, DeviceCode>,
        settings: &Settings,
        now: UnixTime,
    ) -> Result<Self, Error> {
        match state.waited(settings, now) {
            Ok(()) => Ok(Self::Device(state)),
            Err(error) => {
                state.into_inner().beside.map(|consent| Self::Consent(*consent)).ok_or(error)
            }
        }
    }
}
