//! What an operation waits for, and what can happen to it.

use crate::entropy::Entropy;
use crate::error::Error;
use crate::flow::{NoAnswer, RedirectUri};
use crate::http::{Request, Response};
use crate::session::logged_out::LoggedOut;
use crate::session::record::Record;
use crate::session::transaction::Lock;
use crate::time::UnixTime;
use crate::wire::{AuthorizationUrl, DevicePage};

/// A turn without its reply: what an operation waits for.
pub(crate) enum Ask {
    Load,
    Lock(Lock),
    Reserve,
    Save,
    Unlock(Lock),
    Http(Request),
    Sign,
    Assertion,
    Key,
    Login,
    Prepare,
    Browser(AuthorizationUrl),
    Device(DevicePage),
    Wait(UnixTime),
    Ready,
    LoggedOut(LoggedOut),
}

/// What happened: what a reply takes, or the host's wish.
pub(crate) enum Event<'a> {
    /// The store holds this record, or none.
    Loaded(Option<Record>, UnixTime),
    /// The lock is held.
    Locked,
    /// Somebody else holds it.
    HeldElsewhere(UnixTime),
    /// The refresh token can be spent.
    Reserved,
    /// It cannot: the lock is not held any more.
    Lost(UnixTime),
    /// The record is stored.
    Saved(UnixTime),
    /// It is not: the store holds this other generation, 0 for none.
    Conflict(u64),
    /// The store cannot be read, locked or written.
    Failed(UnixTime),
    /// The lock is released.
    Unlocked,
    /// The request was answered, or not.
    Answered(Result<&'a Response, NoAnswer>, UnixTime),
    /// The host has signed, brought an assertion or a key, shown a code or waited.
    Given(UnixTime),
    /// It could not, for the reason kept here.
    Withheld(Error, UnixTime),
    /// The host logs in.
    Begun,
    /// This is where the user will come back to.
    Prepared(RedirectUri, Entropy, UnixTime),
    /// The user is back, with a redirect of this login.
    CameBack(UnixTime),
    /// Nobody came back, and nobody waits any more.
    NobodyCame,
    /// The host does not want the login any more.
    Cancelled,
}
