//! A login's part on another device: the user is shown a code, and the server is asked now and then whether
//! they have consented (RFC 8628).

use alloc::boxed::Box;
use core::time::Duration;

use crate::UnixTime;
use crate::client::event::Event;
use crate::client::host::{Host, Runtime as _, Users as _};
use crate::client::limits::{PIECE, WAIT};
use crate::client::log_in::{LoginUnderWay, Way};
use crate::client::shared::Outcome;
use crate::client::user_agent::UserAgentError;
use crate::flow::RedirectUri;
use crate::session::{BrowserReply, DeviceReply, PrepareReply, WaitReply};
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
        let shown = Box::pin(client.host.users().show_device(page, false));
        self.while_wanted(shown).await??;
        reply.shown(client.now());
        Ok(())
    }

    /// Shows the user the code that is beside a page, if there is one; how long they are waited for at both.
    pub(super) async fn show_beside(&mut self, reply: &BrowserReply<'_>) -> Outcome<Duration, H> {
        let (client, wait) = (self.client, self.wait());
        let Some(page) = reply.device_page() else { return Ok(wait.unwrap_or(WAIT)) };
        client.tell(&Event::DeviceCode { page: &page, moved_from: reply.moved_from() });
        let lifetime = page.expires_at.since(client.now()) + GRACE;
        let shown = Box::pin(client.host.users().show_device(page, true));
        self.while_wanted(shown).await??;
        // Who is told that a code is good for so long may come that late.
        Ok(wait.unwrap_or(lifetime.max(WAIT)))
    }

    /// Sleeps in pieces, so that neither a clock that is set back nor a machine that was asleep makes it longer; and
    /// never less than it has to be.
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
        let now = client.now();
        let due = match self.poll {
            Some((of, due)) if of == until => due,
            _ => client.deadline_after(until.since(now)),
        };
        self.poll = Some((until, due));
        let pause = piece(until.since(now), client.left(due)).min(left);
        self.while_wanted(Box::pin(client.host.runtime().sleep(pause))).await?;
        let now = client.now();
        // Otherwise the same is asked for once more.
        if piece(until.since(now), client.left(due)).is_zero() || now < until {
            reply.waited(now);
        }
        Ok(())
    }
}

/// How long to sleep at once, when so much is left by a clock that knows whole seconds only, and so much by one that
/// cannot be set. The first may say that all of them are over when most of the last one is yet to come; a server would
/// be asked too soon.
fn piece(by_seconds: Duration, exactly: Duration) -> Duration {
    match by_seconds.is_zero() {
        false => by_seconds.min(PIECE),
        true if exactly < PIECE => exactly,
        // The machine was asleep, or the clock was set.
        true => Duration::ZERO,
    }
}

/// The way back of a login that has none. No other login uses it, so its client is taken for no other one's.
const NOBODY_COMES_BACK: &str = "http://127.0.0.1/device";

/// How much longer than its code a login lasts, so that it ends because of that.
const GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a clock that shows whole seconds, at each millisecond of one, by a sleep that takes longer than it should.
    #[test]
    fn a_poll_is_never_sooner_than_the_server_wants() {
        for late in [0, 1, 50, 300] {
            for begun in 0..1000 {
                let second = |time: u64| Duration::from_secs(time / 1000);
                let (until, due) = (second(begun) + INTERVAL, begun + 5000);
                let mut time = begun;
                loop {
                    let exactly = Duration::from_millis(due.saturating_sub(time));
                    let pause = piece(until.saturating_sub(second(time)), exactly);
                    if pause.is_zero() {
                        break;
                    }
                    time += pause.as_millis() as u64 + late;
                }
                assert!((due..due + PIECE.as_millis() as u64 + 5 * late).contains(&time));
            }
        }
    }

    /// By the seconds the time is over; the other clock stood still meanwhile.
    #[test]
    fn a_machine_that_was_asleep_polls_at_once() {
        assert_eq!(piece(Duration::ZERO, INTERVAL), Duration::ZERO);
        assert_eq!(piece(INTERVAL, Duration::ZERO), PIECE);
    }

    const INTERVAL: Duration = Duration::from_secs(5);
}
