//! What is stored, who shares it, and how often it is looked at.

use core::time::Duration;

use super::Settings;

impl Settings {
    /// The host stores records of clients beside those of grants. All profiles of a store use one client for each
    /// issuer and redirect URI then, where a client has to be registered; where the listener takes [any
    /// port](crate::flow::RedirectUri::at_any_port), it is the one that was registered last. A client that comes
    /// with a secret, but without [`client_issuer`](Self::client_issuer), belongs to the first authorization server
    /// that issued tokens to it, whoever's they were; a login that has sent it somewhere and got none keeps it from
    /// other servers for five minutes. Unless set, each profile is on its own.
    ///
    /// Such a host has to look at the key of each turn
    /// ([`LoadReply::key`](crate::session::LoadReply::key)): some are about a client's record.
    #[must_use]
    pub fn client_records(mut self) -> Self {
        self.client_records = true;
        self
    }

    /// Each profile registers a client of its own, although the host stores [records of
    /// clients](Self::client_records).
    #[must_use]
    pub fn registration_for_each_profile(mut self) -> Self {
        self.registers_each_profile = true;
        self
    }

    /// How long a token in memory is used without a look into the store. Another process that shares it may have
    /// logged out meanwhile, or logged in to another account; this one finds out after so much time at most. A look
    /// is one load and takes no lock; one that fails counts, and the token is used as long as it lives. Unless set, a
    /// token is used until it is due for a refresh.
    ///
    /// Less than a second is a look for each request.
    #[must_use]
    pub fn store_check_interval(mut self, interval: Duration) -> Self {
        self.store_check_interval = Some(interval);
        self
    }
}
