//! What to do now: use the token, refresh it, log in, ask for more, or give up; and the refresh as one
//! transaction over a store that others share.
//!
//! A [`Session`] stands between a host and one MCP server for one user. It is a machine like
//! [`Flow`](crate::flow::Flow), with turns for the store, so that threads, tasks, processes and machines
//! that share one get it right with the same code:
//!
//! ```text
//!   Ready ◀─ fresh? ─ Load ─▶ stale ─▶ Lock ─▶ Load again ─▶ somebody renewed it? theirs, no request
//!     ▲                 │                          └▶ Reserve ─▶ Http (refresh) ─▶ Save ─▶ Unlock ─▶ Ready
//!     │                 │                               ├ refused ─▶ Load again: newer? use it : Login
//!     │                 │                               ├ not now ─▶ Save (a pause for all); old token while it lives
//!     │                 │                               └ unreachable ─▶ keep everything; old token while it lives
//!     │                 └─ nothing to refresh ─▶ Login ─▶ Lock ─▶ Load again ─▶ somebody logged in? theirs
//!     │                                                               └▶ Prepare ─▶ Http … ─▶ Save ─┐
//!     └──── Unlock ◀─ Save ◀─ Http (redeem) ◀─ Browser ◀────────────────────────────────────────────┘
//! ```
//!
//! # Four rules
//!
//! 1. **The refresh token is spent only under the lock, after a second look, and where what it brings can
//!    be kept.** Whoever lost the race adopts what the winner stored, and asks nobody.
//! 2. **New tokens are stored before they are used, or before anything else is done.** Where the store fails, and
//!    goes on failing while the host tries again, a token that lives is used all the same; each access saves
//!    first, a few seconds apart, and no refresh token is spent before that has succeeded.
//! 3. **Nothing transient ends a grant.** Only a refusal by the server that issued it does. An access token that the
//!    MCP server refuses, and that no refresh replaces, is handed out to nobody any more
//!    ([`Record::refused_at`]).
//! 4. **No lock is held while a request of the application is under way**, and the refresh lock never
//!    while a person looks at a page: a login has a lock of its own.
//!
//! # Driving it
//!
//! [`Session::turn`] says what to do, as often as it is asked, until it is [`Turn::Ready`]. A host that
//! cannot show a page stops at [`Turn::Login`], where nothing is locked and nothing begun. A host whose
//! store fails says so with the reply's `failed`, which goes on with a living token, old or new. If there is
//! none it stops, releases its locks, and starts over with [`Session::access`], also if its process ended in
//! between and the session was restored.
//!
//! # A request of the application
//!
//! It is sent with the token that is at hand, or with none, and the session judges the answer:
//!
//! ```
//! # use oauth_core::session::{Attempt, Authorization, Session, Verdict};
//! # use oauth_core::{Error, Response, UnixTime};
//! # fn now() -> UnixTime { UnixTime::from_secs(1_900_000_000) }
//! # fn sleep(_: core::time::Duration) {}
//! fn call(
//!     session: &mut Session,
//!     send: impl Fn(Option<&Authorization<'_>>) -> Response,  // with `Authorization::headers`
//!     drive: impl Fn(&mut Session) -> Result<(), Error>,      // until `Turn::Ready`
//! ) -> Result<Response, Error> {
//!     let mut attempt = Attempt::new();
//!     loop {
//!         let authorization = session.authorization(now());
//!         attempt.sent_with(authorization.as_ref());
//!         let answer = send(authorization.as_ref());
//!         let challenges = answer.header("www-authenticate");
//!         match session.answered(&mut attempt, answer.status(), challenges, now())? {
//!             Verdict::Deliver => return Ok(answer),
//!             Verdict::Retry => drive(session)?,
//!             Verdict::Wait(pause) => sleep(pause),           // the same token again, holding no lock
//!         }
//!     }
//! }
//! ```
//!
//! A session that was just made has not looked into its store: a host that drives it before the first
//! request, up to [`Turn::Ready`] or [`Turn::Login`], spares a refusal where there is a token. At `Login` it
//! sends without one: a login that knows what the server said to that asks for the scopes that the server
//! wants, and not for all that it has.

mod access;
mod answer;
mod authorization;
mod brought;
mod cancel;
mod forecast;
mod generation;
mod held;
mod kept;
mod lasting;
mod login;
mod logout;
mod machine;
mod past;
mod pending;
mod reason;
mod record;
mod refresh;
mod refused;
mod reply;
mod reserve;
mod saving;
mod shared;
mod status;
mod trial;
mod trouble;
mod unmet;

pub use answer::{Attempt, Verdict};
pub use authorization::{Authorization, Snapshot};
pub use forecast::Forecast;
pub use logout::{Fate, LoggedOut};
pub use machine::{Lock, Session, Turn};
pub use pending::PendingLogin;
pub use reason::LoginReason;
pub use record::{Key, KeyKind, Record, RecordDefect};
pub use reply::{
    BrowserReply, HttpReply, LoadReply, LockReply, LoginReply, PrepareReply, ReserveReply,
    SaveReply, UnlockReply,
};
pub use reserve::Spend;
pub use status::{GrantSummary, LoginPlace, Status};
