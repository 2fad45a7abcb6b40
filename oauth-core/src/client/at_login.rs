//! Whether whoever has the session waits for a person.

use core::sync::atomic::Ordering;

use crate::client::host::{Host, Runtime as _};
use crate::client::shared::Client;

impl<H: Host> Client<H> {
    /// Whether whoever has the session waits for a person.
    pub fn is_at_login(&self) -> bool {
        self.at_login.load(Ordering::Relaxed)
    }

    fn set_at_login(&self, is_at_login: bool) {
        self.at_login.store(is_at_login, Ordering::Relaxed);
        self.host.runtime().set_at_login(is_at_login);
    }
}

/// Says that whoever has the session waits for a person, until it is dropped.
pub(super) struct AtLogin<'a, H: Host>(&'a Client<H>);

impl<'a, H: Host> AtLogin<'a, H> {
    pub(super) fn new(client: &'a Client<H>) -> Self {
        client.set_at_login(true);
        Self(client)
    }
}

impl<H: Host> Drop for AtLogin<'_, H> {
    fn drop(&mut self) {
        self.0.set_at_login(false);
    }
}
