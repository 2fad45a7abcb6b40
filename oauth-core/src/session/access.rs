//! The operation that every other begins with: a look into the store, from a need for a token to a token, a
//! refresh, or a need for a login.
//!
//! ```text
//!  Load ─┬─ a token that will do ───────▶ Ready
//!        ├─ one that can be refreshed ──▶ Refresh
//!        ├─ one that is known to fail ──▶ Refresh, to write that down
//!        └─ none, or a login is wanted ─▶ Login
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::next::{Next, To};
use crate::session::record::Record;
use crate::time::UnixTime;

/// The first look into the store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Access(pub(crate) Need);

impl Access {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(Ask::Load)
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        let Self(need) = self;
        match event {
            Event::Loaded(record, now) => Next::Away(known.looked(need, record, now)),
            Event::Failed(now) if known.can_spare(&need, now) => {
                known.spare(now);
                Next::Away(To::Ready)
            }
            _ => Next::Stay(Self(need)),
        }
    }
}

impl Known {
    /// The store was read, for the first time and without a lock.
    fn looked(&mut self, mut need: Need, record: Option<Record>, now: UnixTime) -> To {
        self.look_for(&mut need, record, now);
        if need.asked_for {
            let refused = self.held.record.as_ref().map(|record| record.generation);
            return To::Login(Need { refused, ..need });
        }
        if self.is_usable(&need, now) {
            To::Ready
        } else if self.held.settings.machine_grant().is_some() {
            To::Login(need)
        } else if self.is_paused(&need, now) {
            let to = self.paused(need, now);
            self.lock_to_mark(to, now)
        } else if self.can_refresh(&need, now) {
            To::Refresh(need)
        } else {
            let to = self.unrefreshable(need, now);
            self.lock_to_mark(to, now)
        }
    }
}
