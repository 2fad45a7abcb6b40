//! A deterministic simulation: hosts with a session each, a store and the servers under one scheduler,
//! which decides by a seed who gets on and what goes wrong.
//!
//! ```text
//!   batch ── seed ──▶ plan (hosts, profiles, knobs, faults) ◀── dice
//!                      │
//!                      ▼                        strike: crash · restart · sleep · clock · servers change
//!   run (scheduler) ── one host or one request gets on, time passes ──▶ heal: no more faults, all get on
//!     │
//!     ├─ drive ─ turn ─┬─▶ store    load · lock · reserve · save · unlock, each of which may fail, be late or be old
//!     │                └─▶ machine  a key signs · a source brings an assertion · both fail, stall, bring what is old
//!     ├─ person ─────────▶ page     consents · declines · closes it · takes long · hands it out
//!     ├─ extended ───────▶ keys     proofs · nonces    device  codes · polls    push  references
//!     └─ network ────────▶ World    lost · late · twice · 5xx · 429 · an answer without a token
//!                │
//!                ▼
//!   laws (invariants 1, 3, 4; looks) · ledger (invariant 2) ── broken ──▶ history, one line per event
//! ```
//!
//! The session is the real one. Between any two of its turns everybody else may act, and a request is
//! sent, arrives and is answered at three different times. What is asserted, after every turn:
//!
//! 1. a credential goes only where it belongs, also in requests that get lost;
//! 2. a generation is refreshed once, under the lock, after a second look that showed nothing fresh, and with room
//!    for what comes of it, unless the history has a fault that excuses this one spend (`ledger`);
//! 3. a session holds no token that was not stored before;
//! 4. a write replaces nothing that is newer, and loses no refresh token that was not refused;
//! 5. a drive ends;
//! 6. a refresh token is not spent while a pause is written down that its server asked for;
//! 7. a token that lives and will do is used, whatever fails at the store before anything is spent, and is at hand
//!    without a look while it is fresh;
//! 8. while the MCP server takes no token, a call opens no page within a minute of a login of the same session;
//! 9. a token that is not stored any more is sent for as long as the host lets go by without a look into the
//!    store, and no longer, unless a look failed, showed an old record, or the host's clock jumped;
//! 10. a quiet host never takes the lock of a login nor gets ready for a page, and the next login of a session
//!     that was refused for want of a scope asks for it, unless its user has said no;
//! 11. a token that a session knows to be refused is not handed out: its own call was refused with it and nothing
//!     else helped, or somebody has written that down and the session has read it.
//!
//! In the end, with no more faults and nobody to log in, everybody gets a token if the store has anything
//! that the servers take, at once if it lives. What is stored and spent has to be excused. A server that refuses
//! every refresh in words of its own leads to a need for a login. With people, everybody gets a token. A session that is restored before each of its
//! turns has the same history (invariant 8).
//!
//! What a host owes its session is kept, too: whoever dropped a turn starts over with
//! [`Session::access`](oauth_core::session::Session::access), also after a restart, and so does who may have sent a
//! request that is good once.
//!
//! A seed has three runs: one of users, one of clients without a user, for whom more holds than this (`machine`), and one
//! of users on machines that share a store over a network (`leases`). Some runs have more than bearer tokens and a browser: tokens that are bound to a key, users with
//! another device, requests that are pushed (`extended`). What came about in a batch is counted ([`Seen`]), since laws
//! about what never does say nothing.

mod batch;
mod dice;
mod drive;
mod extended;
mod fault;
mod heal;
mod history;
mod host;
mod laws;
mod leases;
mod ledger;
mod machine;
mod network;
mod person;
mod plan;
mod run;
mod seen;
mod store;
mod strike;
mod turn;

pub use batch::{Run, broken, run, run_all, run_all_twice};
pub use plan::Cast;
pub use seen::{Seen, Sight};

use dice::Dice;
use extended::Extended;
use fault::{Fault, Menu};
use leases::Apart;
use ledger::Ledger;
use machine::Machine;
use plan::Plan;
use run::Simulation;
use store::Store;
