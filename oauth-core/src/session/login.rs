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
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::next::{Next, To};
use crate::session::progress::{Doubts, LoginProgress};
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::time::UnixTime;

mod settle;
mod trust;

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

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            // What comes of a login lives as long as it does.
            (Self::Needed(need), Event::Begun) => {
                Next::Here(Self::Lock(Need { lasting: None, ..need }))
            }
            (Self::Lock(need), Event::Locked) => Next::Here(Self::Load(need)),
            (Self::Load(need), Event::Loaded(record, now)) => {
                known.looked_under_login_lock(need, record, now)
            }
            (Self::Prepare(need), Event::Prepared(redirect_uri, entropy, now)) => {
                known.start_login(need, redirect_uri, entropy, now)
            }
            (Self::Run(mut progress), Event::Answered(answer, now)) => {
                progress.flow.noting_in(&mut known.timeline, |flow| flow.answer(answer, now));
                known.settle(progress, now)
            }
            (Self::Run(progress), Event::CameBack(now) | Event::Given(now)) => {
                known.settle(progress, now)
            }
            // Who has given it a code knows the client.
            (Self::Run(progress), Event::NobodyCame) if progress.flow.device_page().is_some() => {
                Self::Run(progress).handle(Event::Cancelled, known)
            }
            (Self::Run(progress), Event::NobodyCame) => {
                known.doubt(progress.trust);
                Next::Away(Lock::Login.release(To::failed(Error::Cancelled)))
            }
            (Self::SaveClient(saving, progress), Event::Saved(now)) => {
                known.look(Some(saving.record), now);
                Next::Here(Self::Run(progress))
            }
            // Somebody logs in without respecting the lock; ours goes on, and the last one wins.
            (Self::SaveClient(_, progress), Event::Conflict(_)) => Next::Here(Self::Run(progress)),
            (Self::SaveKnown(saving, error), Event::Saved(now)) => {
                known.look(Some(saving.record), now);
                Next::Away(Lock::Login.release(To::Failed(error)))
            }
            (Self::SaveKnown(_, error), Event::Conflict(_) | Event::Failed(_)) => {
                Next::Away(Lock::Login.release(To::Failed(error)))
            }
            (Self::Lock(_), Event::Cancelled) => Next::Away(To::failed(Error::Cancelled)),
            (Self::Load(_) | Self::Prepare(_), Event::Cancelled) => {
                Next::Away(To::TakeBack(Doubts::default()))
            }
            // What its user has brought is spent.
            (Self::Run(progress), Event::Cancelled) if !progress.flow.is_redeeming() => {
                let end = To::TakeBack(progress.doubts);
                let has_client_lock = progress.replaces.is_some();
                Next::Away(if has_client_lock { Lock::Client.release(end) } else { end })
            }
            (login, _) => Next::Stay(login),
        }
    }
}

impl Known {
    /// The store was read, under the login lock.
    fn looked_under_login_lock(
        &mut self,
        mut need: Need,
        record: Option<Record>,
        now: UnixTime,
    ) -> Next<Login> {
        let is_same_token = self.look_for(&mut need, record, now).is_same_token;
        // Somebody else's login may have been of another account.
        if need.options.is_some() {
            return Next::Here(Login::Prepare(need));
        }
        if self.is_usable(&need, now) {
            return Lock::Login.release(To::Ready).into();
        }
        // Somebody has logged in, so long ago that their token has expired.
        if !is_same_token && self.can_refresh(&Need::default(), now) {
            match need.outrun() {
                Ok(need) => {
                    let need = Need { no_refresh: false, ..need };
                    return Lock::Login.release(To::Access(need)).into();
                }
                Err(outrun) => need = outrun,
            }
        }
        Next::Here(Login::Prepare(need))
    }
}
