//! The operation that every other begins with: a look into the store, from a need for a token to a token, a
//! refresh, or a need for a login.
//!
//! ```text
//!  Load ─┬─ a token that will do ───────▶ Ready
//!        ├─ one that can be refreshed ──▶ Refresh
//!        ├─ one that is known to fail ──▶ Refresh, to write that down
//!        └─ none, or a login is wanted ─▶ Login
//! ```

use alloc::boxed::Box;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::AuthorizationOptions;
use crate::session::acquire::Acquire;
use crate::session::authorization::Snapshot;
use crate::session::login::Login;
use crate::session::machine::{Next, Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::refresh::Refresh;
use crate::session::turn::{Ask, Event};
use crate::time::UnixTime;
use crate::wire::BearerAuth;

/// The first look into the store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Access(pub(crate) Need);

impl Access {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(Ask::Load)
    }

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        let Self(need) = self;
        match event {
            Event::Loaded(record, now) => Next::To(session.looked(need, record, now)),
            Event::Failed(now) if session.can_spare(&need, now) => {
                session.spare(now);
                Next::To(Op::Ready)
            }
            _ => Next::stay(Self(need)),
        }
    }
}

impl Session {
    /// Starts over: the next turns find a token, whatever it takes. Tokens that could not be saved are
    /// saved first; a login under way is dropped, and a lock that is still held is the host's to release.
    pub fn access(&mut self) {
        self.timeline.clear();
        self.start(Need::default());
    }

    /// The same, but the token that the session holds does not count: it is refreshed, or replaced
    /// through a login.
    pub fn renew(&mut self) {
        self.timeline.clear();
        let refused = self.held.record.as_ref().map(|record| record.generation);
        self.start(Need { refused, ..Need::default() });
    }

    /// The same, but only a login will do, whatever is stored: a user wants another account, or to try again
    /// what was refused ([`PeerIncompatible::LoginInVain`]). What others store while it waits for their
    /// login will do as well.
    ///
    /// [`PeerIncompatible::LoginInVain`]: crate::error::PeerIncompatible::LoginInVain
    pub fn log_in(&mut self) {
        self.timeline.clear();
        self.start(Need { asked_for: true, no_refresh: true, ..Need::default() });
    }

    /// The same as the host wants it: with a prompt, with a hint who logs in, with other scopes. With
    /// [nothing in particular](AuthorizationOptions::is_empty) it is [`log_in`](Self::log_in); otherwise what others
    /// store while it waits for their login will not do, because that may be of another account.
    ///
    /// The tokens that are stored stay until the new ones are there, and are not revoked then. The options are used up
    /// by this login: however it ends, the next one is without.
    pub fn log_in_with(&mut self, options: AuthorizationOptions) {
        self.timeline.clear();
        let options = (!options.is_empty()).then(|| Box::new(options));
        self.start(Need { asked_for: true, no_refresh: true, options, ..Need::default() });
    }

    /// Drops what is under way and starts over, with what is spent but not stored: nothing is more urgent.
    pub(crate) fn start(&mut self, need: Need) {
        self.op.let_go();
        self.keep_unmet();
        if self.held.settings.bearer.is_some() {
            return;
        }
        self.op = match mem::take(&mut self.op) {
            Op::Keep(keep) => keep.late(need).into(),
            _ => Access(need).into(),
        };
    }

    /// The store was read, for the first time and without a lock.
    fn looked(&mut self, mut need: Need, record: Option<Record>, now: UnixTime) -> Op {
        self.look_for(&mut need, record, now);
        if need.asked_for {
            let refused = self.held.record.as_ref().map(|record| record.generation);
            return Login::Needed(Need { refused, ..need }).into();
        }
        if self.is_usable(&need, now) {
            Op::Ready
        } else if self.held.settings.machine_grant().is_some() {
            Acquire::Lock(need).into()
        } else if self.is_paused(&need, now) {
            let op = self.paused(need, now);
            self.lock_to_mark(op, now)
        } else if self.can_refresh(&need, now) {
            Refresh::Lock(need).into()
        } else {
            let op = self.unrefreshable(need, now);
            self.lock_to_mark(op, now)
        }
    }

    /// Whether there is a living token to go on with where the store fails. Whoever asked for a login wants no such.
    pub(crate) fn can_spare(&self, need: &Need, now: UnixTime) -> bool {
        !need.asked_for && self.is_alive(need, now)
    }
}

pub(crate) fn access_token(record: Option<&Record>) -> Option<&BearerAuth> {
    Some(&record?.tokens.as_ref()?.access_token)
}
