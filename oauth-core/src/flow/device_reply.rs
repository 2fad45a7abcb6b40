//! What a host says while a user consents on another device: that the code was shown, and how late it is.

use crate::error::Error;
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::time::UnixTime;
use crate::wire::DevicePage;

/// Takes that the user was shown their code, once.
#[derive(Debug)]
#[must_use = "the flow waits until the code is shown"]
pub struct DeviceReply<'a> {
    pub(super) state: &'a mut Result<State, Error>,
}

impl DeviceReply<'_> {
    /// The code is shown, and stays so.
    pub fn shown(self, now: UnixTime) {
        if let Ok(state) = self.state {
            state.shown(now);
        }
    }

    /// The user or the host gave up.
    pub fn cancelled(self) {
        *self.state = Err(Error::Cancelled);
    }
}

/// Takes how late it is, once.
#[derive(Debug)]
#[must_use = "the flow waits for the time"]
pub struct WaitReply<'a> {
    pub(super) state: &'a mut Result<State, Error>,
    pub(super) settings: &'a Settings,
}

impl WaitReply<'_> {
    /// It is that late now. Too early, the next step is the same.
    pub fn waited(self, now: UnixTime) {
        State::waited(self.state, self.settings, now);
    }

    /// What the user is shown meanwhile: after a restart they may have to be shown it again.
    #[must_use]
    pub fn page(&self) -> Option<DevicePage> {
        self.state.as_ref().ok()?.device_page()
    }

    /// The user or the host gave up.
    pub fn cancelled(self) {
        *self.state = Err(Error::Cancelled);
    }
}
