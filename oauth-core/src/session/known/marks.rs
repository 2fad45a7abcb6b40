//! A token that is refused for good: that is known at once, and written down for all who share the store.

use crate::session::known::Known;
use crate::session::next::To;
use crate::session::transaction::{Lock, Saving};
use crate::time::UnixTime;

impl Known {
    /// If a login is needed because the token was refused, it is handed out no more.
    pub(crate) fn learn_end(&mut self, to: &To, now: UnixTime) {
        let To::Login(need) = to else { return };
        if need.refuses(self.generation()) && self.held.refused_at().is_none() {
            self.held.refused = Some(now);
            self.held.fresh_until = UnixTime::from_secs(0);
        }
    }

    /// What comes next, after what there is to write of the token: under the lock, which is not held yet.
    pub(crate) fn lock_to_mark(&mut self, to: To, now: UnixTime) -> To {
        self.learn_end(&to, now);
        match to {
            To::Login(need) if self.held.is_mark_due() => To::Refresh(need),
            to => to,
        }
    }

    /// The same where the lock is held: it is released before what comes next.
    pub(crate) fn mark_and_unlock(&mut self, to: To, now: UnixTime) -> To {
        self.learn_end(&to, now);
        match (to, &self.held.record) {
            (To::Login(need), Some(record)) if self.held.is_mark_due() => {
                let marked = record.clone().on_trial(self.trial_after()).refused(self.held.refused);
                To::Mark(Saving::boxed(marked, record.generation), need)
            }
            (to, _) => Lock::Refresh.release(to),
        }
    }
}
