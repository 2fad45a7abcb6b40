//! What a host answers to a turn. Each reply can be given once; one that is dropped changes nothing.

#[cfg(feature = "client")]
use alloc::borrow::Cow;
use core::net::IpAddr;

use crate::error::Silence;
use crate::flow::NoAnswer;
use crate::http::Response;
use crate::session::authorization::Snapshot;
use crate::session::event::Event;
use crate::session::key::Key;
use crate::session::machine::Session;
use crate::session::op::Op;
use crate::session::record::Record;
use crate::session::transaction::Saving;
use crate::time::UnixTime;

mod device;
mod host;
mod person;

macro_rules! reply {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "the session waits for the answer"]
        pub struct $name<'a> {
            pub(crate) session: &'a mut Session,
        }
    };
}

reply! {
    /// Takes what the store holds.
    LoadReply
}
reply! {
    /// Takes that the lock is held.
    LockReply
}
reply! {
    /// Holds what is about to be spent, and takes whether what comes of it can be kept. The refresh lock is held.
    ReserveReply
}
reply! {
    /// Holds the record to write, and takes how that went.
    SaveReply
}
reply! {
    /// Takes that the lock is released.
    UnlockReply
}
reply! {
    /// Takes the answer to a request.
    HttpReply
}
reply! {
    /// Takes a signature.
    SignReply
}
reply! {
    /// Takes an assertion.
    AssertionReply
}
reply! {
    /// Takes a key that tokens will be bound to.
    KeyReply
}
reply! {
    /// Takes the decision to log in. Dropped, it leaves the need for a login as it is.
    LoginReply
}
reply! {
    /// Takes where the user will come back to.
    PrepareReply
}
reply! {
    /// Takes the redirect that brings the user back.
    BrowserReply
}
reply! {
    /// Takes that the user was shown their code for another device.
    DeviceReply
}
reply! {
    /// Takes how late it is.
    WaitReply
}

macro_rules! about_a_record {
    ($($name:ident)*) => {
        $(impl $name<'_> {
            /// Which record this is about. With [`Settings::client_records`] it may be the client's, and
            /// not that of the profile's grant.
            ///
            /// [`Settings::client_records`]: crate::flow::Settings::client_records
            #[must_use]
            pub fn key(&self, profile: &str) -> Key {
                self.session.key_of_turn(profile)
            }

            /// The same for who has the key of the profile's record.
            #[cfg(feature = "client")]
            pub(crate) fn key_or<'k>(&self, own: &'k Key) -> Cow<'k, Key> {
                self.session.key_of_client().map_or(Cow::Borrowed(own), Cow::Owned)
            }
        })*
    };
}

about_a_record!(LoadReply LockReply ReserveReply SaveReply UnlockReply);

impl LoadReply<'_> {
    /// The store holds this record under the turn's key, or none.
    pub fn loaded(self, record: Option<Record>, now: UnixTime) {
        self.session.handle(Event::Loaded(record, now));
    }

    /// Whether it is read to log out. What is taken back needs no proof of a key: such a record is given as it is, also
    /// if that [cannot be read](Record::with_lost_key).
    #[must_use]
    pub fn is_of_logout(&self) -> bool {
        matches!(self.session.op, Op::Logout(_))
    }

    /// Whether tokens are lost if the store is not read: a refresh token was spent for them, and somebody else
    /// has written meanwhile, which is looked at before they are stored. A host that keeps the lock and
    /// tries again keeps its user logged in, as with [`SaveReply::is_spent`].
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.session.op.is_spent()
    }

    /// The store cannot be read. True if that does not matter: the token still lives, and is used for some
    /// seconds more before the store is looked at again; or this was about the client of tokens that are stored
    /// already. The same with tokens that [are spent for](Self::is_spent), which are stored later then. Otherwise
    /// the host stops with the store's error.
    #[must_use = "false means that the host stops"]
    pub fn failed(self, now: UnixTime) -> bool {
        self.session.handle(Event::Failed(now))
    }
}

impl LockReply<'_> {
    /// Somebody else holds the lock. True if that does not matter: the token still lives, and is used for some
    /// seconds more before the store is looked at again, so there is nothing to wait for. Otherwise
    /// the session still waits for the lock.
    pub fn held_elsewhere(&mut self, now: UnixTime) -> bool {
        self.session.handle(Event::HeldElsewhere(now))
    }

    /// The store cannot tell, which counts as neither held nor free. True if that does not matter: the token
    /// still lives, and is used for some seconds more before the store is looked at again. Otherwise
    /// the host stops with the store's error.
    #[must_use = "false means that the host stops"]
    pub fn failed(self, now: UnixTime) -> bool {
        self.session.handle(Event::Failed(now))
    }

    /// The lock is held.
    pub fn locked(self) {
        self.session.handle(Event::Locked);
    }
}

impl SaveReply<'_> {
    /// The record to write.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.saving().record
    }

    /// The generation that the store must hold for it to be replaced; 0 if it must hold none.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.saving().expected
    }

    /// Whether tokens are lost if the record is not stored: a refresh token or a user's login was spent for
    /// them, or they could not be stored earlier. A host that keeps the lock and tries again keeps its user
    /// logged in, and sends nobody to a page for what is there already.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.session.op.is_spent()
    }

    /// What the session would hold if it [could not be stored](Self::failed) now: for those who must not wait while
    /// the host tries again. `None` if its tokens are good for nothing without the store.
    #[must_use]
    pub fn would_keep(&self, now: UnixTime) -> Option<Snapshot> {
        match &self.session.op {
            Op::Keep(keep) => keep.would_hold(&self.session.known.held, now),
            _ => None,
        }
    }

    /// The record is stored, durably.
    pub fn saved(self, now: UnixTime) {
        self.session.handle(Event::Saved(now));
    }

    /// The store failed. True if the session goes on: what was to be written is only good to know, or it brings a
    /// token that lives. That is used for some seconds, until the next access tries to store it; it is lost if the
    /// session ends before, so a host tries again for a while first if the record [is spent](Self::is_spent).
    /// Otherwise the host stops with the store's error.
    #[must_use = "false means that the host stops"]
    pub fn failed(self, now: UnixTime) -> bool {
        self.session.handle(Event::Failed(now))
    }

    /// The store holds another generation, which is this one (0 for none), and was not changed.
    pub fn conflict(self, stored: u64) {
        self.session.handle(Event::Conflict(stored));
    }

    fn saving(&self) -> &Saving {
        match self.session.op.saving() {
            Some(saving) => saving,
            None => unreachable!("the reply was made for a session that saves"),
        }
    }
}

impl UnlockReply<'_> {
    /// The lock is released.
    pub fn unlocked(self) {
        self.session.handle(Event::Unlocked);
    }
}

impl HttpReply<'_> {
    /// The server answered, with whatever status. What the answer was taken for is the last entry of
    /// [`Session::timeline`] then.
    ///
    /// Tokens are as old as `now`: where the answer brings some, a host says when it has sent the request. They may have
    /// expired by the time they are read, where the process was stopped in between.
    pub fn response(self, response: &Response, now: UnixTime) {
        self.answered(Ok(response), now);
    }

    /// No answer came, and nobody knows why.
    pub fn unreachable(self, now: UnixTime) {
        self.unanswered(Silence::default(), now);
    }

    /// No answer came: the name does not resolve, the connection broke, time ran out. An
    /// [`Obstacle`](crate::error::Obstacle) will do.
    pub fn unanswered(self, why: impl Into<Silence>, now: UnixTime) {
        self.answered(Err(NoAnswer::Unreachable(why.into())), now);
    }

    /// The request was not sent, because it would have gone to this address: [`AddressPolicy::permits`] says no.
    /// Nothing that is stored is lost.
    ///
    /// [`AddressPolicy::permits`]: crate::AddressPolicy::permits
    pub fn forbidden(self, address: IpAddr, now: UnixTime) {
        self.answered(Err(NoAnswer::Forbidden(address)), now);
    }

    /// The request was not sent, because the lock under which it spends a refresh token was lost, or ends too soon: the
    /// process was stopped meanwhile. The session looks again what there is.
    pub fn lost(self, now: UnixTime) {
        self.session.handle(Event::Lost(now));
    }

    fn answered(self, response: Result<&Response, NoAnswer>, now: UnixTime) {
        self.session.handle(Event::Answered(response, now));
    }
}
