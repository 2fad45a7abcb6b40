//! How the authorization stands, for hosts that show it: what is stored, and what is known here.

use crate::client::host::Host;
use crate::client::shared::{Client, Outcome};
use crate::client::storage::Loaded;
use crate::session::{Lock, LoginPlace, Status};

impl<H: Host> Client<H> {
    /// How it stands, without any request: one look into the store, which takes no lock and waits for nobody.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn status(&self) -> Outcome<Status, H> {
        if self.settings.has_bearer() {
            return Ok(Status::of(&self.settings, None, self.now()));
        }
        let is_here = self.is_at_login();
        let record = match self.store().load(&self.key).await? {
            Loaded::Record(record) => Some(*record),
            Loaded::Nothing | Loaded::Damaged { .. } => None,
        };
        let mut status = Status::of(&self.settings, record.as_ref(), self.now());
        if self.told.was_refused(record.as_ref()) {
            status = status.refused();
        }
        if self.told.was_asked() {
            status = status.asked_for();
        }
        if is_here {
            return Ok(status.under_way(LoginPlace::Here));
        }
        let is_elsewhere = self.store().is_held(&self.key, Lock::Login).await?;
        Ok(if is_elsewhere { status.under_way(LoginPlace::Elsewhere) } else { status })
    }
}
