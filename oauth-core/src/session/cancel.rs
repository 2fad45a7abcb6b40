//! A login that comes to no page's end: because nobody came back, or because the host does not want it any more.
//!
//! ```text
//!  nobody came back ─▶ the client is doubted: its page may have been about a client that is not known
//!  the host cancels ─▶ (Load ─▶ Save: the shared client) ─▶ (Save: the grant) ─▶ Unlock ─▶ Cancelled
//! ```
//!
//! The host's wish says nothing about the client. So what the login wrote down against it is taken back, and the next
//! one registers nothing that is registered already.

use alloc::boxed::Box;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::authorization::Snapshot;
use crate::session::login::{Login, LoginProgress};
use crate::session::machine::{Next, Op, Session};
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::turn::{Ask, Event};

/// Where a login stands that is ended, and that has written something down against the client of all profiles. The
/// login lock is held.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Cancel {
    /// A look at what is known of the client.
    Load(Doubts),
    /// It is doubted no more.
    Save(Box<Saving>, Doubts),
}

impl Cancel {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Load(_) => Ask::Load,
            Self::Save(..) => Ask::Save,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        match (self, event) {
            (Self::Load(doubts), Event::Loaded(stored, _)) => {
                let op = match stored.filter(Record::is_doubted) {
                    Some(it) => Self::Save(Saving::new(it.vouched(), it.generation), doubts).into(),
                    None => session.take_back_own(doubts),
                };
                Next::To(op)
            }
            (Self::Save(_, doubts), Event::Saved(_) | Event::Conflict(_)) => {
                Next::To(session.take_back_own(doubts))
            }
            (Self::Load(doubts) | Self::Save(_, doubts), Event::Failed(_)) => {
                Next::To(session.take_back_own(doubts))
            }
            (cancel, _) => Next::stay(cancel),
        }
    }
}

/// What a login has written down against the client that it uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doubts {
    /// In the record of the grant.
    pub(crate) own: bool,
    /// In that of the client which all profiles share.
    pub(crate) shared: bool,
}

impl Doubts {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Session {
    /// Ends the login under way, at whichever of its turns: the host does not want it any more. True if that is
    /// possible. The turns that follow release its locks, take back what it has written against the client it used,
    /// and end with [`Error::Cancelled`]; a request that was sent for it is left, and its answer is of no use.
    ///
    /// It is no sign that the client is unknown to the server, as [`BrowserReply::cancelled`] is: the next login
    /// uses the same one.
    ///
    /// False if there is none to be ended: none was [begun](crate::session::LoginReply::begin), or its user has come
    /// back, and the code that they brought is spent, or the tokens for it stored. Nor can it be ended while a
    /// record of it is written: answer that turn first.
    ///
    /// [`BrowserReply::cancelled`]: crate::session::BrowserReply::cancelled
    pub fn cancel_login(&mut self) -> bool {
        self.handle(Event::Cancelled)
    }

    /// Takes back what a login has written, under its lock, and ends it.
    pub(crate) fn take_back(&self, doubts: Doubts) -> Op {
        match doubts.shared {
            true => Cancel::Load(doubts).into(),
            false => self.take_back_own(doubts),
        }
    }

    /// The same where nothing is left to do about the client that all profiles share.
    fn take_back_own(&self, doubts: Doubts) -> Op {
        let record = self.held.record.as_ref().filter(|it| doubts.own && it.is_doubted());
        let cancelled = Box::new(Error::Cancelled);
        match record {
            Some(record) => {
                let saving = Saving::new(record.vouched(), self.generation());
                Login::SaveKnown(saving, cancelled).into()
            }
            None => Lock::Login.release(Op::Failed(cancelled)),
        }
    }

    /// Takes the login out of the session, to be finished elsewhere.
    pub(crate) fn hand_out(&mut self) -> Option<LoginProgress> {
        match mem::take(&mut self.op) {
            Op::Login(Login::Run(progress)) => {
                let left = Op::Failed(Box::new(Error::LoginRequired));
                self.op = Lock::Login.release(left);
                Some(*progress)
            }
            op => {
                self.op = op;
                None
            }
        }
    }
}
