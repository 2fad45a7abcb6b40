//! A user with another device, as a host sets that up.

use super::Settings;
use super::grant::{GrantSetting, UserGrant};
use crate::flow::grant_kind::GrantKind;
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
    #[must_use]
    pub fn device_code(mut self) -> Self {
        self.grant = GrantSetting::User(UserGrant::DeviceCode);
        self
    }

    /// Whether a client that registers at this server says that it asks for device codes. Those that do not list the
    /// grant may refuse who names it.
    pub(crate) fn registers_device_codes(&self, server: &ServerMetadata) -> bool {
        self.grant_kind() == GrantKind::DeviceCode && server.lists(GrantType::DeviceCode)
    }
}
