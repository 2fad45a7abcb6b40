//! A login's part on another device: the user is shown a code, and the server is asked now and then whether
//! they have consented (RFC 8628).

use alloc::boxed::Box;
use core::time::Duration;

use crate::UnixTime;
use crate::client::event::Event;
use crate::client::host::{Host, Runtime as _, Users as _};
use crate::client::log_in::{LoginUnderWay, Way};
use crate::client::shared::Outcome;
use crate::client::user_agent::UserAgentError;
use crate::flow::RedirectUri;
use crate::session::{DeviceReply, PrepareReply, WaitReply};
use crate::wire::DevicePage;

impl<H: Host> LoginUnderWay<'_, H> {
    /// Nobody comes back, so nothing listens. Servers want a redirect URI registered all the same.
    pub(super) fn prepare_device(&self, reply: PrepareReply<'_>) -> Outcome<(), H> {
        let redirect_uri = RedirectUri::parse(NOBODY_COMES_BACK)?;
        reply.prepared(redirect_uri, self.client.entropy()?, self.client.now());
        Ok(())
    }

    /// Shows the user their code.
    pub(super) async fn show_code(
        &mut self,
        page: DevicePage,
        reply: DeviceReply<'_>,
    ) -> Outcome<(), H> {
        let client = self.client;
        let lifetime = page.expires_at.since(client.now()) + GRACE;
        let limit = self.wait().map_or(lifetime, |wait| wait.min(lifetime));
        self.way = Way::OnDevice(client.deadline_after(limit));
        client.tell(&Event::DeviceCode { page: &page, moved_from: reply.moved_from() });
        let shown = Box::pin(client.host.users().show_device(page));
        self.while_wanted(shown).await??;
        reply.shown(client.now());
        Ok(())
    }

    /// Sleeps in pieces, so that neither a clock that is set back nor a machine that was asleep makes it longer.
    pub(super) async fn wait_for_device(
        &mut self,
        until: UnixTime,
        reply: WaitReply<'_>,
    ) -> Outcome<(), H> {
        let client = self.client;
        let left = match self.way {
            Way::OnDevice(deadline) => client.left(deadline),
            Way::Elsewhere | Way::Here(_) | Way::Again => PIECE,
        };
        if left.is_zero() {
            let waited = self.wait().unwrap_or_default();
            return Err(UserAgentError::TimedOut { waited }.into());
        }
        let pause = until.since(client.now()).min(PIECE).min(left);
        self.while_wanted(Box::pin(client.host.runtime().sleep(pause))).await?;
        reply.waited(client.now());
        Ok(())
    }
}

/// The way back of a login that has none. No other login uses it, so its client is taken for no other one's.
const NOBODY_COMES_BACK: &str = "http://127.0.0.1/device";

/// The longest sleep at once.
const PIECE: Duration = Duration::from_secs(1);

/// How much longer than its code a login lasts, so that it ends because of that.
const GRACE: Duration = Duration::from_secs(5);
