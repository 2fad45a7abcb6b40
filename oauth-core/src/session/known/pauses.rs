//! What comes of a refresh that brought no tokens: how long the server is left alone, and what there is meanwhile.

use core::time::Duration;

use crate::error::{Error, Unreachable};
use crate::http::Endpoint;
use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::next::To;
use crate::session::trouble::{Trouble, says_no};
use crate::time::UnixTime;

impl Known {
    fn trouble(&self) -> Option<&Trouble> {
        self.held.record.as_ref()?.trouble.as_deref()
    }

    /// Whether the server is left alone, although there is something to refresh with.
    pub(crate) fn is_paused(&self, need: &Need, now: UnixTime) -> bool {
        self.can_refresh(need, now) && self.trouble().is_some_and(|trouble| trouble.pauses(now))
    }

    /// What there is meanwhile.
    pub(crate) fn paused(&mut self, need: Need, now: UnixTime) -> To {
        let Some(record) = &self.held.record else { return To::Access(need) };
        let Some(trouble) = &record.trouble else { return To::Access(need) };
        let lives = self.is_alive(&need, now);
        if self.will_do(&need, now) {
            let until = trouble.until;
            self.postpone(until);
            To::Ready
        } else if !lives && trouble.is_worn_out(now) {
            self.need_login(Need { no_refresh: true, ..need }, now)
        } else {
            let error = Unreachable {
                endpoint: Endpoint::Token,
                url: record.binding.server.token_endpoint().as_str().into(),
                status: Some(trouble.status),
                retry_after: Some(trouble.until.since(now)),
                obstacle: None,
            };
            To::failed(error)
        }
    }

    /// Until when a living token is used after a refresh that failed.
    pub(crate) fn end_of_pause(&self, now: UnixTime) -> UnixTime {
        let trouble = self.trouble().filter(|trouble| trouble.at == now);
        trouble.map_or(now + UNANSWERED, |trouble| trouble.until)
    }

    /// Whether the grant could not be renewed for so long that a login is worth a page.
    pub(crate) fn is_worn_out(&self, now: UnixTime) -> bool {
        self.trouble().is_some_and(|trouble| trouble.is_worn_out(now))
    }

    /// There are no new tokens, which is written down or could not be, and the grant is as good as before.
    pub(crate) fn go_on(&mut self, need: Need, error: Error, now: UnixTime) -> To {
        let is_final = says_no(&error) && !self.is_about_proof(&error);
        let lives = self.is_alive(&need, now);
        let to = if self.will_do(&need, now) || lives && is_final {
            self.postpone(self.end_of_pause(now));
            To::Ready
        } else if !lives && (is_final || self.is_worn_out(now)) {
            // This endpoint will not do, but a login may find another. The grant is kept until then.
            self.need_login(Need { no_refresh: true, ..need }, now)
        } else {
            To::failed(error)
        };
        self.mark_and_unlock(to, now)
    }

    /// Whether only the proof of the key was refused: that says nothing about the grant, and a login would need the
    /// same proofs.
    fn is_about_proof(&self, error: &Error) -> bool {
        let record = self.held.record.as_ref();
        record.is_some_and(|record| record.binding.possession.is_some())
            && error.refusal().is_some_and(|it| it.wants_dpop_nonce() || it.is_invalid_dpop_proof())
    }
}

/// How long a refresh that was not answered is not tried again while the old token lives.
const UNANSWERED: Duration = Duration::from_secs(30);
