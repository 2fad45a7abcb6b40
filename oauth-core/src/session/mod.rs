//! What to do now: use the token, refresh it, log in, ask for more, or give up; and the refresh as one
//! transaction over a store that others share.
//!
//! A [`Session`] stands between a host and one MCP server for one user. It is a machine like
//! [`Flow`](crate::flow::Flow), with turns for the store, so that threads, tasks, processes and machines
//! that share one get it right with the same code:
//!
//! ```text
//!  Access   Load ─┬─ fresh ─────────────────────────────────────────────────────────────▶ Ready
//!                 ├─ stale ─────────────────────────────────────────────────────────────▶ Refresh
//!                 └─ nothing to refresh ────────────────────────────────────────────────▶ Login
//!
//!  Refresh  Lock ─▶ Load ─┬─ somebody renewed it: theirs, no request ─▶ Unlock ─────────▶ Ready
//!                         └▶ Reserve ─▶ Http ─┬─ tokens ────────────────────────────────▶ Keep
//!                                             ├─ refused ─▶ Load ─┬─ newer: use it ─────▶ Ready
//!                                             │                   └─ the same ─▶ Keep ──▶ Login
//!                                             ├─ not now ─▶ Save (a pause for all) ─┐
//!                                             └─ unreachable: everything is kept ───┴───▶ Ready, while the old
//!                                                                                         token lives
//!  Login    Login ─▶ Lock ─▶ Load ─┬─ somebody logged in: theirs ─▶ Unlock ─────────────▶ Ready
//!                                  └▶ Prepare ─▶ Http … ─▶ Save ─▶ Browser ─▶ Http ─────▶ Keep
//!
//!  Keep     Save ─┬─ stored ─▶ Unlock ──────────────────────────────────────────────────▶ Ready
//!                 └─ others stored what is as good ─▶ Load ─▶ Unlock ───────────────────▶ Access
//! ```
//!
//! | operation | what it is for | leads to |
//! |---|---|---|
//! | `Access` | a look into the store | a token, `Refresh`, `Acquire` or `Login` |
//! | `Refresh` | one request with the refresh token, under the refresh lock | `Keep`; a token that lives; `Login` |
//! | `Acquire` | a token without a user, asked for under the refresh lock | `Keep`; a token that lives; an error |
//! | `Login` | a [`Flow`](crate::flow::Flow) under the login lock | `Keep` |
//! | `Client` | the client that all profiles share, for a login: looked for, or registered | `Login` |
//! | `Claim` | whose the client is that the host brings, for a login | `Login` |
//! | `Resume` | a login that was handed out, and comes back | `Login` |
//! | `Cancel` | what a login wrote down against its client is taken back | an error |
//! | `Keep` | tokens on their way into the store, or used without it | `Vouch` |
//! | `Vouch` | the client has brought tokens: nobody has to doubt it | a token |
//! | `Logout` | the tokens end at their server, then here | [`LoggedOut`] |
//!
//! One operation is under way at a time. Each has a file: it says what the operation waits for, and where an event
//! leads. An event that it does not wait for leads nowhere.
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
//!     send: impl Fn(Option<&Authorization<'_>>) -> Response,  // with `Authorization::attach`
//!     drive: impl Fn(&mut Session) -> Result<(), Error>,      // until `Turn::Ready`
//! ) -> Result<Response, Error> {
//!     let mut attempt = Attempt::new();
//!     loop {
//!         let authorization = session.authorization(now());
//!         attempt.sent_with(authorization.as_ref());
//!         let answer = send(authorization.as_ref());
//!         match session.answered(&mut attempt, answer.status(), &answer, now())? {
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
mod acquire;
mod answer;
mod attach;
mod authorization;
mod begin;
mod brought;
mod cancel;
mod claim;
mod client;
mod digest;
mod event;
mod forecast;
mod generation;
mod head;
mod held;
mod keep;
mod key;
mod known;
mod logged_out;
mod login;
mod logout;
mod machine;
mod need;
mod next;
mod op;
mod pending;
mod progress;
mod reason;
mod record;
mod refresh;
mod refused;
mod reply;
mod reserve;
mod rest;
mod resume;
mod seldom;
mod shared;
mod status;
mod transaction;
mod trial;
mod trouble;
mod turn;
mod unmet;
mod unstored;
mod vouch;

pub use answer::{Attempt, Verdict};
pub use attach::{Attach, DpopFields, ProofRequest};
pub use authorization::{Authorization, Snapshot};
pub use forecast::Forecast;
pub use head::Head;
pub use key::{Key, KeyId, KeyKind};
pub use logged_out::{LoggedOut, RevocationOutcome};
pub use machine::Session;
pub use pending::PendingLogin;
pub use reason::LoginReason;
pub use record::{Record, RecordDefect};
pub use reply::{
    AssertionReply, BrowserReply, DeviceReply, HttpReply, KeyReply, LoadReply, LockReply,
    LoginReply, PrepareReply, ReserveReply, SaveReply, SignReply, UnlockReply, WaitReply,
};
pub use reserve::Spend;
pub use status::{GrantSummary, LoginPlace, Status};
pub use transaction::Lock;
pub use turn::Turn;

#[cfg(test)]
mod tests;
