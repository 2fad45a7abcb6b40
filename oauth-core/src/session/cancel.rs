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
use crate::session::login::Running;
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::session::saving::{AfterSave, save};

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
        let (has_lock, has_client_lock, running) = match &self.state {
            State::LockLogin(_) => (false, false, None),
            State::LoadLogin(_) | State::Prepare(_) => (true, false, None),
            State::LockClient(running) => (true, false, Some(running)),
            State::LoadClient(running) | State::PrepareAgain(running, _) => {
                (true, true, Some(running))
            }
            State::LoadIssuer(running) | State::Run(running) if running.flow.is_redeeming() => {
                return false;
            }
            State::LoadIssuer(running) | State::Run(running) => {
                (true, running.replaces.is_some(), Some(running))
            }
            _ => return false,
        };
        let doubts = running.map_or_else(Doubts::default, |running| running.doubts);
        let then = match has_lock {
            true => self.take_back(doubts),
            false => State::Failed(Box::new(Error::Cancelled)),
        };
        self.state = if has_client_lock { Lock::Client.release(then) } else { then };
        true
    }

    /// Takes back what a login has written, under its lock, and ends it.
    fn take_back(&self, doubts: Doubts) -> State {
        match doubts.shared {
            true => State::LoadCancelled(doubts),
            false => self.take_back_own(doubts),
        }
    }

    /// The same where nothing is left to do about the client that all profiles share.
    pub(crate) fn take_back_own(&self, doubts: Doubts) -> State {
        let record = self.held.record.as_ref().filter(|it| doubts.own && it.is_doubted());
        let cancelled = Box::new(Error::Cancelled);
        match record {
            Some(record) => {
                save(record.vouched(), self.generation(), AfterSave::Declined(cancelled))
            }
            None => Lock::Login.release(State::Failed(cancelled)),
        }
    }

    /// The client that all profiles share was read.
    pub(crate) fn cancelled_loaded(&self, stored: Option<Record>, doubts: Doubts) -> State {
        match stored.filter(Record::is_doubted) {
            Some(shared) => save(shared.vouched(), shared.generation, AfterSave::Cancelled(doubts)),
            None => self.take_back_own(doubts),
        }
    }

    /// Nobody came back. A server that has forgotten its client shows a page about that and sends nobody
    /// back, whatever the page was for, so the next login registers one. Tokens that come through the client
    /// before that end the doubt: they make another generation.
    pub(crate) fn nobody_came_back(&mut self) {
        if let State::Run(running) = &self.state {
            self.doubt(running.client);
        }
        // What is left of it is of no use.
        drop(self.give_up(Error::Cancelled));
    }

    /// Takes the login out of the session, to be finished elsewhere or not at all.
    pub(crate) fn give_up(&mut self, why: Error) -> Option<Running> {
        match mem::replace(&mut self.state, State::Failed(Box::new(why))) {
            State::Run(running) => {
                let failed = mem::replace(&mut self.state, State::Ready);
                self.state = Lock::Login.release(failed);
                Some(*running)
            }
            state => {
                self.state = state;
                None
            }
        }
    }
}
