//! The end of the login that is under way because the host does not want it any more.
//!
//! ```text
//!  cancel_login ─▶ the wait or request of the login ends ─▶ what it wrote is taken back ─▶ Cancelled, for all who wait
//!                  └─ the code is being redeemed ─────────▶ that is finished ────────────▶ a token, for all who wait
//! ```

use alloc::sync::{Arc, Weak};
use core::fmt;

use crate::client::host::Host;
use crate::client::shared::Client;

/// Cancels the logins of one client, from wherever it is kept: a window, a menu, a signal. It does not keep the client
/// alive.
#[derive(Clone)]
pub struct LoginHandle(Weak<dyn CancelsLogins>);

impl LoginHandle {
    pub(super) fn new<H: Host>(client: &Arc<Client<H>>) -> Self {
        let client = Arc::downgrade(client);
        Self(client)
    }

    /// As `cancel_login` of the client. False also if that is gone.
    pub fn cancel(&self) -> bool {
        self.0.upgrade().is_some_and(|client| client.cancel_login())
    }
}

impl fmt::Debug for LoginHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginHandle")
    }
}

/// A client of any adapter.
trait CancelsLogins: Send + Sync {
    fn cancel_login(&self) -> bool;
}

impl<H: Host> CancelsLogins for Client<H> {
    fn cancel_login(&self) -> bool {
        Self::cancel_login(self)
    }
}

impl<H: Host> Client<H> {
    /// Ends the login that is under way here, for all who wait for it; whether there is one.
    pub fn cancel_login(&self) -> bool {
        // Whoever asks for a login from now on is not told of this end.
        self.under_way.cancel(|| self.failures.next())
    }

    /// The same for those who must not keep the client.
    pub fn login_handle(self: &Arc<Self>) -> LoginHandle {
        LoginHandle::new(self)
    }
}
