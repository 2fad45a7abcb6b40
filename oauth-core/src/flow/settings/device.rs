//! A user with another device, as a host sets that up.

use super::Settings;
use super::grant::{GrantSetting, UserGrant};
use crate::url::HttpUrl;
use crate::wire::{GrantType, ServerMetadata};

impl Settings {
    /// The user consents on another device (RFC 8628): they are shown a URL and a code, and no redirect comes back. For
    /// machines without a browser, and without a way back from one: over SSH, in a container, on an appliance.
    ///
    /// A [provider](Self::provider) is set after this.
    ///
    /// # Security
    ///
    /// A code can be passed on: whoever is talked into typing one grants access to somebody else's device. Nothing ties
    /// the user's browser to this machine here, as the redirect of a login does (RFC 8628 §5.4): prefer that where it is
    /// possible.
    #[cfg(feature = "device-code")]
    #[must_use]
    pub fn device_code(mut self) -> Self {
        self.grant = GrantSetting::User(UserGrant::Device);
        self
    }

    /// A user logs in with a browser, and where the server offers it with another device as well
    /// ([`device_code`](Self::device_code)): they may do the one or the other, and what comes back first counts. What
    /// does not work on another device leaves the login to the browser.
    ///
    /// A host has to ask for the code, when it has a place to show it: at the turn that sends the user to a page
    /// ([`BrowserReply::ask_for_code`](crate::session::BrowserReply::ask_for_code)). Else the login is one with a
    /// browser alone.
    #[cfg(feature = "device-code")]
    #[must_use]
    pub fn or_device_code(mut self) -> Self {
        self.grant = GrantSetting::User(UserGrant::Either);
        self
    }

    /// Whether the user may go both ways.
    pub(crate) fn goes_either_way(&self) -> bool {
        self.grant == GrantSetting::User(UserGrant::Either)
    }

    /// Whether device codes are of any use.
    pub(super) fn wants_device_codes(&self) -> bool {
        self.goes_either_way() || self.grant == GrantSetting::User(UserGrant::Device)
    }

    /// Where codes are asked for beside a login with a browser. Who has another way does not ask a server that lists its
    /// grants, and not this one.
    pub(crate) fn code_beside<'a>(&self, server: &'a ServerMetadata) -> Option<&'a HttpUrl> {
        let may_ask = self.goes_either_way() && server.may_grant(GrantType::DeviceCode);
        server.device_endpoint().filter(|_| may_ask)
    }

    /// Whether a client that registers at this server says that it asks for device codes. Those that do not list the
    /// grant may refuse who names it.
    pub(crate) fn registers_device_codes(&self, server: &ServerMetadata) -> bool {
        let is_listed = server.lists(GrantType::DeviceCode) && server.device_endpoint().is_some();
        self.wants_device_codes() && is_listed
    }
}
