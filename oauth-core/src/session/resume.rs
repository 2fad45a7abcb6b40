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

use crate::error::{Error, Misuse};
use crate::flow::{Flow, Settings};
use crate::session::authorization::Snapshot;
use crate::session::login::{Login, LoginProgress};
use crate::session::machine::{Next, Op, Session};
use crate::session::pending::PendingLogin;
use crate::session::record::Record;
use crate::session::transaction::Lock;
use crate::session::turn::{Ask, Event};
use crate::time::UnixTime;
use crate::url::shown;

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

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        match (self, event) {
            (Self::Lock(pending), Event::Locked) => Next::to(Self::Load(pending)),
            (Self::Load(pending), Event::Loaded(record, now)) => {
                session.look(record, now);
                Next::To(session.take_up(&pending, now))
            }
            (resume, _) => Next::stay(resume),
        }
    }
}

impl Session {
    /// A session that finishes a login which another one handed out: its turns lead to the browser's
    /// turn, which takes the redirect.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignLogin`] if the login is to another server than the settings name,
    /// [`Misuse::ForeignProfile`] if it is for another profile: its tokens are somebody else's;
    /// [`Misuse::WithoutUser`] if the settings get tokens without a user. The turns
    /// find out whether it was finished before ([`Error::LoginUsed`]) or comes too late
    /// ([`Error::LoginExpired`]).
    pub fn resume(
        settings: Arc<Settings>,
        profile: &str,
        pending: PendingLogin,
    ) -> Result<Self, Error> {
        if settings.machine_grant().is_some() {
            return Err(Misuse::WithoutUser.into());
        }
        if pending.profile() != profile {
            let (expected, found) = (pending.profile().into(), profile.into());
            return Err(Misuse::ForeignProfile { expected, found }.into());
        }
        let resource = &pending.consent.binding.resource;
        if !settings.server.is_reached_by(resource, pending.moved_to.as_ref()) {
            let (server, resource) = (settings.server.shown(), shown(resource));
            return Err(Misuse::ForeignLogin { server, resource }.into());
        }
        let mut session = Self::new(settings);
        session.moved_to.clone_from(&pending.moved_to);
        session.op = Resume::Lock(Box::new(pending)).into();
        Ok(session)
    }

    /// Goes on with a login that was handed out, if it may.
    fn take_up(&self, pending: &PendingLogin, now: UnixTime) -> Op {
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
            return Login::Run(Box::new(progress)).into();
        };
        Lock::Login.release(Op::Failed(Box::new(over)))
    }
}
