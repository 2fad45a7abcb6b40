//! A login that was handed out is finished: once, in time, unchanged.
//!
//! ```text
//!  suspend ─▶ PendingLogin ─ stored by the host, while the user consents ─▶ resume
//!                                                                            │
//!   finished before, or too late ◀── Load ◀── Lock(Login) ◀──────────────────┘
//!                                     └▶ Login: the redirect, if its `state` is right
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::Flow;
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::next::{Next, To};
use crate::session::pending::PendingLogin;
use crate::session::progress::LoginProgress;
use crate::session::record::Record;
use crate::session::transaction::Lock;
use crate::time::UnixTime;

/// Where it stands, before its flow goes on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Resume {
    /// It waits for the login lock.
    Lock(Box<PendingLogin>),
    /// A look under that lock at whether it was finished before.
    Load(Box<PendingLogin>),
}

impl Resume {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Lock(_) => Ask::Lock(Lock::Login),
            Self::Load(_) => Ask::Load,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Lock(pending), Event::Locked) => Next::Here(Self::Load(pending)),
            (Self::Load(pending), Event::Loaded(record, now)) => {
                known.look(record, now);
                Next::Away(known.take_up(&pending, now))
            }
            (resume, _) => Next::Stay(resume),
        }
    }
}

impl Known {
    /// Goes on with a login that was handed out, if it may.
    fn take_up(&self, pending: &PendingLogin, now: UnixTime) -> To {
        let consent = pending.sealed();
        let url = consent.url();
        let finished = self.held.record().and_then(Record::login);
        let expired_at = pending.expires_at;
        let over = if finished == Some(url.state()) {
            Error::LoginUsed
        } else if expired_at < now {
            Error::LoginExpired { expired_at }
        } else {
            let flow = Flow::resume(consent, Arc::clone(&self.held.settings));
            let in_vain = pending.in_vain;
            let progress = LoginProgress::handed_out(flow, in_vain, url.state());
            return To::Run(Box::new(progress));
        };
        Lock::Login.release(To::failed(over))
    }
}
