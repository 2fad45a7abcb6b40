//! What adapters share: which token a request gets, what an answer leads to, who waits for whom. For those who bring
//! another HTTP client or runtime.
//!
//! ```text
//!   OAuth (an adapter's) ── Builder ── Parts
//!     └─ Client ─────────── which token a request gets, what an answer leads to, who waits for whom
//!          ├─ Driver        does what the session's turns ask for
//!          │    └─ session::Session
//!          ├─ AddressFilter where requests may go, for the adapter's resolver
//!          ├─ Failures      what fails for one who waits fails for all who wait
//!          └─ Host          the adapter's own parts
//!               ├─ HttpSender  sockets
//!               ├─ Store       files or a database
//!               ├─ Users       browser and listener
//!               ├─ Runtime     tasks or threads, and who has the session
//!               └─ System      the time, and randomness
//! ```
//!
//! Files stand on each other, and none needs one that needs it: what a client keeps (`failures`, `told`, `under_way` …) below
//! the client (`shared`), single steps on that (`exchange`, `lock`, `keep`, `sign` …), a login (`log_in`) and the driver
//! (`driver`, `step`, `drive`) on them, and above all what a caller asks for (`acquire`, `token`, `refusal`, `resume` …).
//!
//! All of it is written once, in the async form, and does no I/O: that is the [`Host`]'s. A blocking adapter's futures
//! are ready at once, and it waits for the others with its thread parked.
//!
//! Beside the client there is what adapters and their hosts speak of: the [`TokenStorage`] and its errors, what a user
//! agent is told and says, an [`Event`], a configuration ([`AuthConfig`]), a [`ClientError`].
//!
//! # What is logged
//!
//! With the feature `tracing`, a subscriber of the host's hears what happens. The target of everything is `oauth`, and
//! the names in these tables are stable; the sentences behind them are not. A request whose token is at hand says
//! nothing.
//!
//! | span (level `info`) | from | to |
//! |---|---|---|
//! | `oauth.access` | a token is not at hand, or was refused | there is one, or none can be had |
//! | `oauth.refresh`, in the former | the lock is waited for | the lock is released |
//! | `oauth.login`, in the former | a login is decided on | there is a token, or none can be had |
//! | `oauth.resume` | a login that was handed out is to be finished | its tokens are stored, or there are none |
//! | `oauth.logout` | the user is to be logged out | they are, or cannot be |
//! | `oauth.diagnose` | a look ahead is over | what was found out is said |
//!
//! | field | of | what it is |
//! |---|---|---|
//! | `server` | each span | the MCP server's URL, without its query |
//! | `profile` | each span | whose tokens ([`Builder::profile`]) |
//! | `endpoint` | a step | who was asked: [`Endpoint::name`](crate::Endpoint::name) |
//! | `url` | a step | where, without the query |
//! | `status` | a step | the answer's status, if there is one |
//! | `finding` | a step | what the answer was taken for: [`Finding::name`](crate::Finding::name) |
//! | `code` | what went wrong | [`Error::code`](crate::Error::code) or [`ClientError::code`], `damaged_record` or `client_not_stored` |
//! | `error` | what went wrong here | why no answer came, or what the store says |
//! | `event` | what began or ended | [`Event::name`]; with the `code` of what failed |
//! | `reason` | a login that is needed or begins | [`LoginReason::name`](crate::session::LoginReason::name) |
//! | `kept` | a damaged record | where it was kept |
//! | `again_in` | tokens that are not stored yet | in how many milliseconds that is tried again, if it is |
//!
//! Steps, those of the [`Timeline`](crate::Timeline), are told at `debug`, and at `warn` if they have a `code`. At
//! `warn` is also a work's end in an error that no step has told.
//!
//! # What is counted
//!
//! With the feature `metrics`, a recorder of the crate [`metrics`](https://docs.rs/metrics) that the host has installed
//! gets these; the names and labels are stable. Durations are histograms, in seconds. What concerns one user or one
//! server is no label, since there may be any number of those: events say it.
//!
//! | metric | labels | what it is |
//! |---|---|---|
//! | `mcp_oauth_refreshes_total` | `outcome`: `refreshed`, `postponed` (the old token lives), `refused` (a login is needed), `failed` | refreshes that this process has tried |
//! | `mcp_oauth_adopted_tokens_total` | | tokens found in the store that another process has brought |
//! | `mcp_oauth_refused_tokens_total` | `status` | tokens that the MCP server refused |
//! | `mcp_oauth_logins_total` | `outcome`: `finished`, `handed_out`, `cancelled`, `failed` | how logins ended here; one that was handed out is `finished` where it is resumed |
//! | `mcp_oauth_requests_total` | `endpoint` ([`Endpoint::name`](crate::Endpoint::name)), `status` (`none` without an answer) | requests of logins, refreshes and revocations |
//! | `mcp_oauth_request_seconds` | `endpoint` | how long they took |
//! | `mcp_oauth_lock_wait_seconds` | `lock`: `refresh`, `login`, `client`; `outcome`: `taken`, `timed_out` | waits for a lock that somebody else held |
//! | `mcp_oauth_store_seconds` | `call`: the method of the store | how long a call of the token store took |
//! | `mcp_oauth_store_errors_total` | `call`, `retryable`: `true`, `false` | calls of the token store that failed |
//!
//! # Security
//!
//! No secret is in any of that, nor a query: no token, code, verifier, `state` or client secret.

mod acquire;
mod addresses;
mod application;
mod at_login;
mod attach;
mod bindings;
mod builder;
mod call;
mod cancel;
mod causes;
mod config;
mod connect;
mod consent;
mod deadline;
mod diagnose;
mod drive;
mod driver;
mod error;
mod event;
mod exchange;
mod failures;
mod fields;
mod forget;
mod gifts;
mod headers;
mod host;
mod host_parts;
mod keep;
mod lasting;
mod limits;
mod lock;
mod log_in;
mod log_out;
mod login_options;
mod message;
#[cfg_attr(not(feature = "metrics"), path = "metrics_off.rs")]
mod metrics;
mod migrate;
mod mode;
mod moved;
mod obstacle;
mod off_board;
mod on_device;
mod parts;
mod pauses;
mod profiles;
mod refusal;
mod resume;
mod shared;
mod sign;
mod standing;
mod step;
mod storage;
#[cfg(feature = "storage-contract")]
pub mod storage_contract;
mod store;
mod system;
mod take;
mod tell;
mod token;
mod token_cache;
mod told;
#[cfg_attr(not(feature = "tracing"), path = "trace_off.rs")]
mod trace;
mod under_way;
mod user_agent;
mod wanted;

pub use addresses::{AddressFilter, PrivateAddress};
pub use builder::Builder;
pub use call::Call;
pub use cancel::LoginHandle;
pub use config::{AuthConfig, ConfigError, OAuthConfig};
pub use connect::ConnectRequired;
pub use consent::{NeededConsent, RetryError};
pub use error::{AuthenticationError, ClientError, Explanation, NeedsConsent};
pub use event::{Event, Happened, OwnedEvent};
pub use fields::Fields;
pub use forget::Forgotten;
pub use gifts::{AssertionSource, Gift, Gifts, PrivateKey};
pub use headers::Headers;
pub use host::{Host, HttpSender, Runtime, Users};
pub use host_parts::HostParts;
pub use limits::{Limits, TIME_LIMIT, last_chance};
pub use login_options::LoginOptions;
pub use message::{challenges, location, response};
#[cfg(feature = "metrics")]
pub use metrics::describe_metrics;
pub use mode::Mode;
pub use obstacle::{Obstructed, Unanswered};
pub use off_board::{EndedGrant, OffBoarded};
pub use parts::{Adapter, Parts, Watcher};
pub use pauses::Pauses;
pub use profiles::Profiles;
pub use refusal::Recovery;
pub use shared::Client;
pub use storage::{
    Cursor, GrantPage, GrantQuery, Insecurity, LEASE_LENGTH, Lease, Leases, Loaded, LockPauses,
    LoginId, MemoryTokenStorage, Migrated, Records, SharedStorage, Spending, Split, StorageError,
    StoreFailure, StoredGrant, SystemError, TokenStorage, WaitingLogin, Written, nonblocking,
};
pub use system::System;
pub use user_agent::{AboutToAuthorize, Browser, Returned, UserAgentError, Waiting};
