//! The replies while a user consents on another device.

use crate::session::event::Event;
use crate::session::login::Login;
use crate::session::machine::Session;
use crate::session::op::Op;
use crate::session::reply::{DeviceReply, WaitReply};
use crate::time::UnixTime;
use crate::wire::{DevicePage, Issuer};

impl DeviceReply<'_> {
    /// The issuer of the tokens that are stored, if the code is another one's: as for
    /// [`BrowserReply::moved_from`](crate::session::BrowserReply::moved_from).
    #[must_use]
    pub fn moved_from(&self) -> Option<&Issuer> {
        self.session.op.running()?.moved_from.as_ref()
    }

    /// The code is shown, and stays so.
    pub fn shown(self, now: UnixTime) {
        if let Op::Login(Login::Run(progress)) = &mut self.session.op {
            progress.flow.shown(now);
        }
        self.session.handle(Event::Given(now));
    }

    /// The user or the host gave up. It is no sign that the client is unknown: the server has given it a code.
    pub fn cancelled(self) {
        self.session.handle(Event::Cancelled);
    }
}

impl WaitReply<'_> {
    /// It is that late now. Too early, the next turn is the same; so a host may sleep in pieces, and look in between
    /// whether anybody still wants the login.
    pub fn waited(self, now: UnixTime) {
        if let Op::Login(Login::Run(progress)) = &mut self.session.op {
            progress.flow.waited(now);
        }
        self.session.handle(Event::Given(now));
    }

    /// What the user is shown meanwhile: after a restart they may have to be shown it again.
    #[must_use]
    pub fn page(&self) -> Option<DevicePage> {
        self.session.device_page()
    }

    /// The user or the host gave up.
    pub fn cancelled(self) {
        self.session.handle(Event::Cancelled);
    }
}

impl Session {
    /// What a user is shown who consents on another device, while a login waits for that.
    #[must_use]
    pub fn device_page(&self) -> Option<DevicePage> {
        self.op.running()?.flow.device_page()
    }
}
