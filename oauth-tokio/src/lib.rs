#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
//!
//! Settings, errors and events are those of [`oauth_core::client`], as in `oauth-blocking`. The store in files and the browser
//! are the same as there: they run on threads beside the runtime ([`Blocking`]).
//!
//! **Where to begin**: the chapters of the [`guide`] say for whom each of them is.
//!
//! # What differs from the blocking client
//!
//! - A token that is about to run out is renewed aside: nobody waits while the old one lives. Only the first call
//!   of a client gives it two seconds, because a program that makes one call and ends would end in the middle.
//! - A refresh that has begun goes on to its durable end when its caller is dropped, and so does a login
//!   whose user came back; [`OAuth::shutdown`] waits for it. A program calls that before its runtime ends: a
//!   refresh that is cut off can cost the login, where a server ends the grant of who sends a refresh token twice.
//! - A login that still waits, for its user, for another process or for a port, goes on as long as any
//!   caller waits for it. When the last one is dropped, its page and its port are closed. A host that
//!   limits how long a call may take, and wants the page to stay, asks for the login in a task of its own:
//!   `tokio::spawn(async move { oauth.authenticate().await })`.
//! - [`OAuth::send`] hands out the HTTP client, because reqwest sets redirects per client.
//! - [`TokenStorage`] and [`UserAgent`] are async here; [`Blocking`] makes them from blocking ones
//!   ([`BlockingTokenStorage`], [`BlockingUserAgent`]).
//!   `Blocking::new(FileTokenStorage::new("My editor")?)` is a store that can be asked for its grants.
//! - Hosts with many users make one [`HttpClient`] for all, and have the client of each user from [`Profiles`].
//!
//! # Features
//!
//! - `rustls`, on by default: TLS. Without it, a host brings its own with reqwest's features.
//! - `rmcp`: an [`OAuth`] as the HTTP client of the official MCP SDK (`OAuth::transport`, and the module
//!   `rmcp`).
//! - `metrics`: counters and durations for a recorder of the host's ([their
//!   names](oauth_core::client#what-is-counted)).
//! - `seal`: records that are encrypted where they are stored, with a key of the host's.
//! - `keyring`: the same for files, with a key in the system's keyring (`Blocking::sealed_by`).
//! - `postgres`: a store in PostgreSQL, for hosts on several machines (the module `postgres`).
//! - `redis`: a store in Redis or Valkey, for the same (the module `redis`).
//!
//! # What is logged
//!
//! What [the layer that adapters share](oauth_core::client#what-is-logged) logs. A span goes with
//! its work when that is finished after its caller was dropped. Of the crates beneath, only `webbrowser`
//! writes something secret, at `debug` (not on Linux and BSD), and reqwest if its
//! [`connection_verbose`](reqwest::ClientBuilder::connection_verbose) is turned on: all that is sent and
//! received, at `trace`.

pub mod adapter;
mod client;
mod events;
#[cfg(any(doc, doctest))]
pub mod guide;
mod host;
mod http;
mod login;
#[cfg(feature = "postgres")]
pub mod postgres;
mod profiles;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod remote;
mod resolver;
mod retry;
#[cfg(feature = "rmcp")]
pub mod rmcp;
mod sealed;
mod sending;
mod storage;
mod tasks;
mod turns;
mod user_agent;
mod users;

pub use client::OAuth;
pub use events::{Events, Missed};
pub use http::HttpClient;
#[cfg(feature = "keyring")]
#[doc(inline)]
pub use oauth_blocking::{
    AtRest, Keyring, KeyringAccess, KeyringItem, KeyringMode, keyring::SystemKeyring,
};
#[doc(inline)]
pub use oauth_blocking::{
    EndsVisit, FileTokenStorage, LocalUser, LoopbackBrowser, NoUserAgent, PasteBack,
    Prepared as BlockingPrepared, TerminalPrompt, TokenFile, TokenVariable, Until,
    UserAgent as BlockingUserAgent, UserAgentFn,
};
pub use oauth_core;
pub use oauth_core::Error as ProtocolError;
#[doc(inline)]
pub use oauth_core::client::{
    AboutToAuthorize, AddressFilter, AssertionSource, AuthConfig, AuthenticationError, Browser,
    Builder, ConfigError, ConnectRequired, Cursor, Event, Explanation, Forgotten, GrantPage,
    GrantQuery, Happened, Insecurity, Lease, Loaded, LockPauses, LoginHandle, LoginId,
    LoginOptions, MemoryTokenStorage, Migrated, NeededConsent, NeedsConsent, OAuthConfig,
    OwnedEvent, PrivateKey, RetryError, Returned, Spending, Split, StorageError, StoreFailure,
    StoredGrant, SystemError, TokenStorage as BlockingTokenStorage, UserAgentError, Waiting,
    WaitingLogin, Written,
};
pub use oauth_core::flow::{
    Diagnosis, Dpop, GrantKind, Par, RedirectUri, WantedAssertion, WrittenGrant,
    WrittenIdentityProvider, WrittenSettings,
};
#[cfg(any(feature = "es256", feature = "eddsa"))]
pub use oauth_core::keys::SoftwareKey;
pub use oauth_core::keys::{DpopKey, PublicJwk};
pub use oauth_core::loopback::{CallbackUrl, Outcome};
pub use oauth_core::session::{
    Forecast, GrantSummary, Key, KeyKind, Lock, LoggedOut, LoginPlace, LoginReason, PendingLogin,
    Record, RevocationOutcome, Spend, Status,
};
pub use oauth_core::wire::{
    AuthorizationUrl, DevicePage, Prompt, PromptMode, ResourceMode, redirect_state,
};
pub use oauth_core::written::{Pairs, Seconds, UnknownMember};
pub use oauth_core::{
    AuthMethod, BearerAuth, ClientMetadata, Diagram, OAuthClientProvider, Plain, Policy, Secret,
    Timeline, TokenData, Tolerance, Tolerances, UnixTime, UnknownTolerance,
};
pub use profiles::Profiles;
pub use reqwest;
pub use resolver::FilteredResolver;
pub use retry::{Consent, needed_consent, with_oauth_retry, with_oauth_retry_if};
pub use storage::{Blocking, Leases, Records, SharedStorage, TokenStorage};
pub use user_agent::{FirstOf, Prepared, SharedUserAgent, UserAgent};

/// Why a call failed.
pub type Error = oauth_core::client::ClientError<reqwest::Error>;

/// What became of all grants of a profile.
pub type OffBoarded = oauth_core::client::OffBoarded<reqwest::Error>;

/// Settings of an [`OAuth`].
pub type OAuthBuilder = Builder<OAuth>;
