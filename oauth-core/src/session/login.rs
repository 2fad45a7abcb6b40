//! A login inside a session: locked against others, recorded before the user is sent off, stored before
//! it is used; or handed out to be finished elsewhere.
//!
//! ```text
//!  Needed ─▶ Lock ─▶ Load ─┬─ somebody logged in ─▶ Ready, or a refresh
//!                          └▶ Prepare ─▶ Run: Http … ─▶ Browser ─▶ Http ─┬─ tokens ─▶ Keep
//!                                         │    ▲                         └─ none ───▶ (Save: it is known) ─▶ Failed
//!                                         └────┴─ Client, Claim, Save: who the client is is written down
//! ```

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::access::Access;
use crate::session::authorization::Snapshot;
use crate::session::cancel::Doubts;
use crate::session::machine::{Next, Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::turn::{Ask, Event};
use crate::time::UnixTime;

mod progress;
mod trust;

pub(crate) use progress::LoginProgress;
pub(crate) use trust::{PATIENCE, RegistrationTrust};

/// Where a login stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Login {
    /// It waits for the host's decision to log in.
    Needed(Need),
    /// For its lock.
    Lock(Need),
    /// A look under the lock.
    Load(Need),
    /// Where the user will come back to.
    Prepare(Need),
    /// The flow's next step.
    Run(Box<LoginProgress>),
    /// The client is written down, before the user is sent off.
    SaveClient(Box<Saving>, Box<LoginProgress>),
    /// The login has brought nothing, for the reason kept here: the client is doubted no more.
    SaveKnown(Box<Saving>, Box<Error>),
}

impl Login {
    pub(crate) fn ask(&mut self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Needed(_) => Ask::Login,
            Self::Lock(_) => Ask::Lock(Lock::Login),
            Self::Load(_) => Ask::Load,
            Self::Prepare(_) => Ask::Prepare,
            Self::Run(progress) => progress.ask()?,
            Self::SaveClient(..) | Self::SaveKnown(..) => Ask::Save,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        match (self, event) {
            // What comes of a login lives as long as it does.
            (Self::Needed(need), Event::Begun) => {
                Next::to(Self::Lock(Need { lasting: None, ..need }))
            }
            (Self::Lock(need), Event::Locked) => Next::to(Self::Load(need)),
            (Self::Load(need), Event::Loaded(record, now)) => {
                Next::To(session.looked_under_login_lock(need, record, now))
            }
            (Self::Prepare(need), Event::Prepared(redirect_uri, entropy, now)) => {
                Next::To(session.start_login(need, redirect_uri, entropy, now))
            }
            (Self::Run(mut progress), Event::Answered(answer, now)) => {
                progress.flow.answer(answer, now);
                session.timeline.append(progress.flow.take_timeline());
                Next::To(session.settle(progress, now))
            }
            (Self::Run(progress), Event::CameBack(now) | Event::Given(now)) => {
                Next::To(session.settle(progress, now))
            }
            // Who has given it a code knows the client.
            (Self::Run(progress), Event::NobodyCame) if progress.flow.device_page().is_some() => {
                Self::Run(progress).handle(Event::Cancelled, session)
            }
            (Self::Run(progress), Event::NobodyCame) => {
                session.doubt(progress.trust);
                Next::To(Lock::Login.release(Op::Failed(Box::new(Error::Cancelled))))
            }
            (Self::SaveClient(saving, progress), Event::Saved(now)) => {
                session.look(Some(saving.record), now);
                Next::to(Self::Run(progress))
            }
            // Somebody logs in without respecting the lock; ours goes on, and the last one wins.
            (Self::SaveClient(_, progress), Event::Conflict(_)) => Next::to(Self::Run(progress)),
            (Self::SaveKnown(saving, error), Event::Saved(now)) => {
                session.look(Some(saving.record), now);
                Next::To(Lock::Login.release(Op::Failed(error)))
            }
            (Self::SaveKnown(_, error), Event::Conflict(_) | Event::Failed(_)) => {
                Next::To(Lock::Login.release(Op::Failed(error)))
            }
            (Self::Lock(_), Event::Cancelled) => Next::to(Op::Failed(Box::new(Error::Cancelled))),
            (Self::Load(_) | Self::Prepare(_), Event::Cancelled) => {
                Next::To(session.take_back(Doubts::default()))
            }
            // What its user has brought is spent.
            (Self::Run(progress), Event::Cancelled) if !progress.flow.is_redeeming() => {
                let end = session.take_back(progress.doubts);
                let has_client_lock = progress.replaces.is_some();
                Next::To(if has_client_lock { Lock::Client.release(end) } else { end })
            }
            (login, _) => Next::stay(login),
        }
    }
}

impl Op {
    /// The need for a login, if that is what the host has to decide about.
    pub(crate) fn needed(&self) -> Option<&Need> {
        match self {
            Self::Login(Login::Needed(need)) => Some(need),
            _ => None,
        }
    }

    /// The same, to add what the server says.
    pub(crate) fn needed_mut(&mut self) -> Option<&mut Need> {
        match self {
            Self::Login(Login::Needed(need)) => Some(need),
            _ => None,
        }
    }

    /// The login whose flow waits for an answer or for its user.
    pub(crate) fn running(&self) -> Option<&LoginProgress> {
        match self {
            Self::Login(Login::Run(progress)) => Some(progress),
            _ => None,
        }
    }
}

impl Session {
    /// The store was read, under the login lock.
    fn looked_under_login_lock(
        &mut self,
        mut need: Need,
        record: Option<Record>,
        now: UnixTime,
    ) -> Op {
        let is_same_token = self.look_for(&mut need, record, now).is_same_token;
        // Somebody else's login may have been of another account.
        if need.options.is_some() {
            return Login::Prepare(need).into();
        }
        if self.is_usable(&need, now) {
            return Lock::Login.release(Op::Ready);
        }
        // Somebody has logged in, so long ago that their token has expired.
        if !is_same_token && self.can_refresh(&Need::default(), now) {
            match need.outrun() {
                Ok(need) => return Lock::Login.release(Access(Need { no_refresh: false, ..need })),
                Err(outrun) => need = outrun,
            }
        }
        Login::Prepare(need).into()
    }
}
