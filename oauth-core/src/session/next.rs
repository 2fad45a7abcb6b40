//! Where the operations of a session lead to. They name each other nowhere: this is all that one knows of the next.

use alloc::boxed::Box;

use crate::error::Error;
use crate::session::logged_out::LoggedOut;
use crate::session::need::Need;
use crate::session::progress::{Doubts, LoginProgress};
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::unstored::{AfterKeep, Unstored};
use crate::time::UnixTime;

/// Where an event leads that happened to an operation.
pub(crate) enum Next<S> {
    /// To another state of the same operation.
    Here(S),
    /// To another operation, or to an end.
    Away(To),
    /// Nowhere: the operation does not wait for it, or cannot go on with it.
    Stay(S),
}

impl<S> From<To> for Next<S> {
    fn from(to: To) -> Self {
        Self::Away(to)
    }
}

/// The ways into operations, and the ends.
pub(crate) enum To {
    /// There is a token.
    Ready,
    /// It could not be had.
    Failed(Box<Error>),
    /// The user is logged out.
    LoggedOut(Box<LoggedOut>),
    /// A look into the store.
    Access(Need),
    /// A refresh, from its lock on.
    Refresh(Need),
    /// That the token is refused is written down, under the refresh lock: then a login is needed.
    Mark(Box<Saving>, Need),
    /// A login is needed; or a token, of a client that has no user.
    Login(Need),
    /// The next step of a login under way.
    Run(Box<LoginProgress>),
    /// A look at where a login stands.
    Settle(Box<LoginProgress>, UnixTime),
    /// A login has brought nothing, for the reason kept here: that its client is doubted no more is written down.
    Clear(Box<Saving>, Box<Error>),
    /// A login is about to register a client that all profiles share.
    Register(Box<LoginProgress>),
    /// The client that all profiles share is written down, under its lock: then a login goes on.
    Share(Box<Saving>, Box<LoginProgress>),
    /// A login has to know whose its client is.
    Claim(Box<LoginProgress>),
    /// A login is given up, and what it has written down against its client is taken back.
    TakeBack(Doubts),
    /// Tokens, or their end, on their way into the store.
    Keep(Box<Unstored>),
    /// Tokens are used without the store: the next access tries to store them.
    Kept(Box<Unstored>),
    /// Tokens could not be stored, since others stored theirs again and again: the next access tries once more.
    Unsaved(Box<Unstored>),
    /// The client of the tokens is doubted no more, if it was.
    Vouch,
    /// Tokens of somebody who has logged out elsewhere end at their server: then a token is needed as before.
    Disown(Box<Record>, Need),
    /// The lock is released, and then that; there is a token if it is nothing.
    Unlock(Lock, Option<Box<To>>),
}

impl To {
    /// It could not be had for this reason.
    pub(crate) fn failed(error: impl Into<Error>) -> Self {
        Self::Failed(Box::new(error.into()))
    }

    /// A record with tokens is stored over that of this generation; 0 for none.
    pub(crate) fn keep(record: Record, expected: u64, then: AfterKeep) -> Self {
        Self::Keep(Box::new(Unstored::new(Saving::new(record, expected), then)))
    }
}

impl Lock {
    /// Releases the lock, and then goes there.
    pub(crate) fn release(self, then: To) -> To {
        To::Unlock(self, (!matches!(then, To::Ready)).then(|| Box::new(then)))
    }
}
