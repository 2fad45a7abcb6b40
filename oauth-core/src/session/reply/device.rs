//! The replies while a user consents on another device.

use crate::session::event::Event;
use crate::session::login::Login;
use crate::session::machine::Session;
use crate::session::op::Op;
use crate::session::reply::{BrowserReply, DeviceReply, WaitReply};
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

/// A page, and another device beside it.
impl BrowserReply<'_> {
    /// Whether the user may consent on another device instead
    /// ([`Settings::or_device_code`](crate::flow::Settings::or_device_code)), once there is a code.
    #[must_use]
    pub fn offers_code(&self) -> bool {
        self.session.op.running().is_some_and(|progress| progress.flow.offers_code())
    }

    /// Asks for a code, to be shown beside the page, before that is opened. The turns that follow lead back to this page,
    /// with a [code](Self::device_page), or without one if there is none to be had: then it is not offered again.
    pub fn ask_for_code(self, now: UnixTime) {
        if let Op::Login(Login::Run(progress)) = &mut self.session.op {
            progress.flow.ask_for_code();
        }
        self.session.handle(Event::Given(now));
    }

    /// What to show beside the page: where to go on another device, and with which code.
    #[must_use]
    pub fn device_page(&self) -> Option<DevicePage> {
        self.session.device_page()
    }

    /// When the server is to be asked whether the user has consented there, if there is a code. Until then the user may
    /// come back with a redirect; and after that, as the turns lead back to this page. The page stays the same, unless
    /// a redirect came to nothing.
    #[must_use]
    pub fn poll_at(&self) -> Option<UnixTime> {
        self.session.op.running()?.flow.waits_until()
    }

    /// Nobody came back, and it is that late now. Too early, the next turn is the same.
    pub fn waited(self, now: UnixTime) {
        if let Op::Login(Login::Run(progress)) = &mut self.session.op {
            progress.flow.waited(now);
        }
        self.session.handle(Event::Given(now));
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
