#![forbid(unsafe_code)]
//! The OAuth client of MCP for synchronous programs.
//!
//! ```no_run
//! use oauth_blocking::{OAuth, ureq};
//!
//! let url = "https://mcp.example.com/mcp";
//! let oauth = OAuth::new(url)?.client_name("My editor").build()?;
//! let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
//! let mut answer = oauth.send(|| {
//!     ureq::http::Request::post(url)
//!         .header("content-type", "application/json")
//!         .header("accept", "application/json, text/event-stream")
//!         .body(call)
//! })?;
//! println!("{}", answer.body_mut().read_to_string()?);
//! # Ok::<(), oauth_blocking::Error>(())
//! ```
//!
//! The first call opens the user's browser; the tokens are stored, sent with every later call, renewed
//! before they run out, and widened when the server asks for more. Programs on tokio want
//! `oauth-tokio`; programs with an HTTP client of their own want `oauth-core`, which all of this is a
//! thin layer over.
//!
//! # Who does what
//!
//! ```text
//!   OAuth ──── drives ───▶ oauth_core::session::Session
//!     ├─ ureq::Agent       one for all requests of the login and of the application
//!     ├─ TokenStorage      files by default, locked against other processes
//!     ├─ UserAgent         the browser and a listener by default
//!     └─ Event             for who wants to watch
//! ```
//!
//! Whatever is not OAuth is the application's: the body and the header fields of a call, `initialize` and the
//! session id of MCP, reading a stream.
//!
//! # Features
//!
//! - `ureq`, on by default: [`OAuth`] itself. Without it there remain the stores, the user agents and
//!   [`adapter`], for other adapters.
//! - `tracing`, on by default: what happens, for a subscriber of the host's.
//!
//! # What is logged
//!
//! With the feature `tracing`, which is on by default, a subscriber of the host's hears what happens. The
//! target of everything is `oauth`, and the names in this table are stable; the sentences behind them are
//! not. A request whose token is at hand says nothing.
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
//! | `profile` | each span | whose tokens ([`OAuthBuilder::profile`](Builder::profile)) |
//! | `endpoint` | a step | who was asked: [`oauth_core::Endpoint::name`] |
//! | `url` | a step | where, without the query |
//! | `status` | a step | the answer's status, if there is one |
//! | `finding` | a step | what the answer was taken for: [`oauth_core::Finding::name`] |
//! | `code` | what went wrong | [`oauth_core::Error::code`] or [`ClientError::code`], `damaged_record` or `client_not_stored` |
//! | `error` | what went wrong here | why no answer came, or what the store says |
//! | `event` | what began or ended | [`Event::name`]; with the `code` of what failed |
//! | `reason` | a login that is needed or begins | [`LoginReason::name`] |
//! | `kept` | a damaged record | where it was kept |
//! | `again_in` | tokens that are not stored yet | in how many milliseconds that is tried again, if it is |
//!
//! Steps, those of the [`Timeline`], are told at `debug`, and at `warn` if they have a `code`. At `warn` is
//! also a work's end in an error that no step has told.
//!
//! # Security
//!
//! No secret is in any of that, nor a query: no token, code, verifier, `state` or client secret. The crates
//! beneath write to the log as well, through the crate `log`, and two of them write secrets. A host that
//! collects everything has to leave these out:
//!
//! - `ureq_proto` at `trace`: the heads that are sent and all that is received, byte for byte, tokens
//!   included. At `debug`, it and `ureq` show neither bodies nor credentials; `ureq` at `trace` shows
//!   queries, and the `Location` of a redirect.
//! - `webbrowser` at `debug`, on Windows, Apple's systems and Android: the command that opens the browser, and
//!   with it the page's URL and its `state`, which the list of processes shows for a moment on any system. A
//!   function of the host's own ([`LoopbackBrowser::open_with`]) does without.

pub mod adapter;
#[cfg(feature = "ureq")]
mod apart;
mod causes;
#[cfg(feature = "ureq")]
mod client;
mod clock;
mod config;
mod connect;
#[cfg(feature = "ureq")]
mod connector;
mod consent;
mod error;
mod event;
#[cfg(feature = "ureq")]
mod http;
mod locks;
#[cfg(feature = "ureq")]
mod login;
mod pauses;
#[cfg(feature = "ureq")]
mod resolver;
#[cfg(feature = "ureq")]
mod retry;
mod storage;
#[cfg(feature = "ureq")]
mod threads;
mod user_agent;

pub use adapter::{Adapter, AddressFilter, Builder, Forgotten, LoginHandle, LoginOptions};
#[cfg(feature = "ureq")]
pub use client::OAuth;
pub use config::{AuthConfig, ConfigError, OAuthConfig};
pub use connect::{ConnectRequired, TerminalPrompt};
pub use consent::{NeededConsent, RetryError};
pub use error::{AuthenticationError, ClientError, Explanation, NeedsConsent};
pub use event::{Event, Happened, OwnedEvent};
pub use oauth_core;
pub use oauth_core::Error as ProtocolError;
pub use oauth_core::flow::{Diagnosis, RedirectUri, WrittenSettings};
pub use oauth_core::loopback::{CallbackUrl, Outcome};
pub use oauth_core::session::{
    Fate, Forecast, GrantSummary, Key, KeyKind, Lock, LoggedOut, LoginPlace, LoginReason,
    PendingLogin, Record, Spend, Status,
};
pub use oauth_core::wire::{AuthorizationUrl, Prompt, PromptMode, ResourceMode, redirect_state};
pub use oauth_core::written::{Pairs, Seconds, UnknownMember};
pub use oauth_core::{
    AuthMethod, BearerAuth, ClientMetadata, Diagram, OAuthClientProvider, Plain, Policy, Secret,
    Timeline, TokenData, Tolerance, Tolerances, UnixTime, UnknownTolerance,
};
#[cfg(feature = "ureq")]
pub use resolver::FilteredResolver;
#[cfg(feature = "ureq")]
pub use retry::{Consent, needed_consent, with_oauth_retry, with_oauth_retry_if};
pub use storage::{
    FileTokenStorage, Guard, Insecurity, Loaded, MemoryTokenStorage, Migrated, Saved,
    SharedStorage, Spending, StorageError, StoredGrant, SystemError, TokenStorage,
};
#[cfg(feature = "ureq")]
pub use ureq;
pub use user_agent::{
    AboutToAuthorize, Browser, EndsVisit, FirstOf, LocalUser, LoopbackBrowser, NoUserAgent,
    PasteBack, Prepared, Returned, SharedUserAgent, Until, UserAgent, UserAgentError, Visit,
    Visitor, Waiting,
};

/// Why a call failed.
#[cfg(feature = "ureq")]
pub type Error = ClientError<ureq::Error>;

/// Settings of an [`OAuth`].
#[cfg(feature = "ureq")]
pub type OAuthBuilder = Builder<OAuth>;
