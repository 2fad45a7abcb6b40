//! The driver's part of a login on another device: the user is shown a code, and the server is asked now and then whether
//! they have consented (RFC 8628).

use alloc::boxed::Box;
use core::time::Duration;

use crate::UnixTime;
use crate::client::drive::Driver;
use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::host::Host;
use crate::client::lock::WAIT;
use crate::client::user_agent::UserAgentError;
use crate::flow::RedirectUri;
use crate::session::{BrowserReply, DeviceReply, PrepareReply, WaitReply};
use crate::wire::DevicePage;

impl<H: Host> Driver<'_, H> {
    /// Nobody comes back, so nothing listens. Servers want a redirect URI registered all the same.
    pub(super) fn prepare_device(
        &self,
        reply: PrepareReply<'_>,
    ) -> Result<(), ClientError<H::Http>> {
        let redirect_uri = RedirectUri::parse(NOBODY_COMES_BACK)?;
        reply.prepared(redirect_uri, self.client.entropy()?, self.client.now());
        Ok(())
    }

    /// Shows the user their code.
    pub(super) async fn show_code(
        &mut self,
        page: DevicePage,
        reply: DeviceReply<'_>,
    ) -> Result<(), ClientError<H::Http>> {
        let client = self.client;
        let lifetime = page.expires_at.since(client.now()) + GRACE;
        let limit = self.wait().map_or(lifetime, |wait| wait.min(lifetime));
        self.device = Some(client.deadline_after(limit));
        client.tell(&Event::DeviceCode { page: &page, moved_from: reply.moved_from() });
        let shown = Box::pin(client.host.show_device(page, false));
        self.while_wanted(shown).await??;
        reply.shown(client.now());
        Ok(())
    }

    /// Shows the user the code that is beside a page, if there is one; how long they are waited for at both.
    pub(super) async fn show_beside(
        &mut self,
        reply: &BrowserReply<'_>,
    ) -> Result<Duration, ClientError<H::Http>> {
        let (client, wait) = (self.client, self.wait());
        let Some(page) = reply.device_page() else { return Ok(wait.unwrap_or(WAIT)) };
        client.tell(&Event::DeviceCode { page: &page, moved_from: reply.moved_from() });
        let lifetime = page.expires_at.since(client.now()) + GRACE;
        let shown = Box::pin(client.host.show_device(page, true));
        self.while_wanted(shown).await??;
        // Who is told that a code is good for so long may come that late.
        Ok(wait.unwrap_or(lifetime.max(WAIT)))
    }

    /// Sleeps in pieces, so that neither a clock that is set back nor a machine that was asleep makes it longer.
    pub(super) async fn wait_for_device(
        &mut self,
        until: UnixTime,
        reply: WaitReply<'_>,
    ) -> Result<(), ClientError<H::Http>> {
        let client = self.client;
        let left = self.device.map_or(PIECE, |deadline| client.left(deadline));
        if left.is_zero() {
            let waited = self.wait().unwrap_or_default();
            return Err(UserAgentError::TimedOut { waited }.into());
        }
        let pause = until.since(client.now()).min(PIECE).min(left);
        self.while_wanted(Box::pin(client.host.sleep(pause))).await?;
        reply.waited(client.now());
        Ok(())
    }
}

/// The way back of a login that has none. No other login uses it, so its client is taken for no other one's.
const NOBODY_COMES_BACK: &str = "http://127.0.0.1/device";

/// The longest sleep at once.
pub(super) const PIECE: Duration = Duration::from_secs(1);

/// How much longer than its code a login lasts, so that it ends because of that.
const GRACE: Duration = Duration::from_secs(5);
