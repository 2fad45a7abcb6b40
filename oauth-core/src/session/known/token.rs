//! Whether the token that is held will do, and what is done where it will.

use crate::error::Error;
use crate::session::held::ELSEWHERE;
use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::next::To;
use crate::session::record::Record;
use crate::time::UnixTime;

impl Known {
    /// Whether the token is handed out without a thought.
    pub(crate) fn is_usable(&self, need: &Need, now: UnixTime) -> bool {
        now < self.held.fresh_until && self.will_do(need, now)
    }

    /// Whether the token has not expired, and was not refused.
    pub(crate) fn is_alive(&self, need: &Need, now: UnixTime) -> bool {
        self.held.refused.is_none()
            && self.held.record.as_ref().is_some_and(|record| {
                need.refused != Some(record.generation) && record.is_alive(now)
            })
    }

    /// Whether there is a token that is too old, whoever refuses it.
    pub(crate) fn has_expired(&self, now: UnixTime) -> bool {
        let record = self.held.record.as_ref();
        record.is_some_and(|record| record.tokens().is_some() && !record.is_unexpired(now))
    }

    /// Whether the token is alive, and lives for as long as it should, or as any other would.
    pub(crate) fn will_do(&self, need: &Need, now: UnixTime) -> bool {
        let lasts = |record: &Record| {
            let wanted = need.lasting.unwrap_or_default();
            record.lives_for(wanted, now).is_ok() || record.is_new(now)
        };
        self.is_alive(need, now) && self.held.record.as_ref().is_some_and(lasts)
    }

    /// Whether there is a living token to go on with where the store fails. Whoever asked for a login wants no such.
    pub(crate) fn can_spare(&self, need: &Need, now: UnixTime) -> bool {
        !need.asked_for && self.is_alive(need, now)
    }

    pub(crate) fn can_refresh(&self, need: &Need, now: UnixTime) -> bool {
        !need.no_refresh
            && !self.is_client_refused()
            && !self.was_refreshed_in_vain(need, now)
            && !self.held.is_refresh_in_vain(now)
            && self.held.record.as_ref().is_some_and(|record| record.can_refresh(now))
    }

    /// Uses the living token for some seconds, if it would need a thought, also if a look into the store is due.
    pub(crate) fn spare(&mut self, now: UnixTime) {
        self.held.looked_at = now;
        self.linger(now);
    }

    /// Uses the living token for some seconds, if it would need a thought.
    pub(crate) fn linger(&mut self, now: UnixTime) {
        if self.held.fresh_until <= now {
            self.postpone(now + ELSEWHERE);
        }
    }

    /// Uses the old token until then, or until it expires: a server in trouble is not asked each time. That is never
    /// sooner than it would be refreshed anyway.
    pub(crate) fn postpone(&mut self, until: UnixTime) {
        self.held.postpone(until.max(self.held.fresh_until));
    }

    /// What cannot be refreshed is used to its end.
    pub(crate) fn unrefreshable(&mut self, need: Need, now: UnixTime) -> To {
        if self.is_alive(&need, now) {
            self.postpone(UnixTime::from_secs(u64::MAX));
            To::Ready
        } else {
            self.need_login(need, now)
        }
    }

    /// Others were faster once more.
    pub(crate) fn start_over(&mut self, need: Need, now: UnixTime) -> To {
        match need.outrun() {
            Ok(need) => To::Access(need),
            Err(need) if self.is_alive(&need, now) => {
                self.spare(now);
                To::Ready
            }
            Err(_) => To::failed(Error::Contended),
        }
    }
}
