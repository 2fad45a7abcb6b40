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

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::next::{Next, To};
use crate::session::progress::Doubts;
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};

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
    /// Begins with the client that all profiles share, if the login has written something against that.
    pub(crate) fn of(doubts: Doubts, known: &Known) -> Next<Self> {
        match doubts.shared {
            true => Next::Here(Self::Load(doubts)),
            false => known.take_back(doubts).into(),
        }
    }

    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Load(_) => Ask::Load,
            Self::Save(..) => Ask::Save,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Load(doubts), Event::Loaded(stored, _)) => {
                match stored.filter(Record::is_doubted) {
                    Some(it) => {
                        Next::Here(Self::Save(Saving::boxed(it.vouched(), it.generation), doubts))
                    }
                    None => known.take_back(doubts).into(),
                }
            }
            (Self::Save(_, doubts), Event::Saved(_) | Event::Conflict(_)) => {
                Next::Away(known.take_back(doubts))
            }
            (Self::Load(doubts) | Self::Save(_, doubts), Event::Failed(_)) => {
                Next::Away(known.take_back(doubts))
            }
            (cancel, _) => Next::Stay(cancel),
        }
    }
}

impl Known {
    /// Takes back what a login has written against its client in the record of the grant, under its lock, and ends it.
    fn take_back(&self, doubts: Doubts) -> To {
        let record = self.held.record.as_ref().filter(|it| doubts.own && it.is_doubted());
        let cancelled = Box::new(Error::Cancelled);
        match record {
            Some(record) => {
                let saving = Saving::boxed(record.vouched(), self.generation());
                To::Clear(saving, cancelled)
            }
            None => Lock::Login.release(To::Failed(cancelled)),
        }
    }
}
