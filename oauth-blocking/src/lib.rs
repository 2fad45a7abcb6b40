#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
//!
//! Here are its sockets, threads, files, browser and clock.
//!
//! # Who does what
//!
//! ```text
//!   OAuth ──── is a ─────▶ oauth_core::client::Client, which drives a Session
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
//! - `ureq`, on by default: [`OAuth`] itself. Without it there remain the store in files, the user agents and
//!   [`adapter`], for other adapters.
//! - `tracing`, on by default: what happens, for a subscriber of the host's.
//! - `metrics`: counters and durations for a recorder of the host's ([their
//!   names](oauth_core::client#what-is-counted)).
//! - `seal`: records that are encrypted in their files, with a key of the host's.
//! - `keyring`: the same with a key in the system's keyring (the module `keyring`). On Linux it costs some sixty crates.
//!
//! # What is logged
//!
//! With the feature `tracing`, which is on by default, a subscriber of the host's hears what happens:
//! [`oauth_core::client`] has the names, which are stable.
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
mod apart;
#[cfg(feature = "ureq")]
mod client;
mod clock;
#[cfg(feature = "ureq")]
mod connector;
#[cfg(feature = "ureq")]
mod host;
#[cfg(feature = "ureq")]
mod http;
#[cfg(feature = "keyring")]
pub mod keyring;
mod locks;
#[cfg(feature = "ureq")]
mod login;
#[cfg(feature = "ureq")]
mod parts;
#[cfg(feature = "ureq")]
mod profiles;
mod ready;
#[cfg(feature = "ureq")]
mod resolver;
#[cfg(feature = "ureq")]
mod retry;
mod sources;
mod storage;
mod terminal;
mod threads;
mod user_agent;
mod users;

#[cfg(feature = "ureq")]
pub use client::OAuth;
#[cfg(feature = "ureq")]
pub use connector::{filtered_agent, filtered_agent_by};
#[cfg(feature = "keyring")]
#[doc(inline)]
pub use keyring::{AtRest, Keyring, KeyringAccess, KeyringItem, KeyringMode};
pub use oauth_core;
pub use oauth_core::Error as ProtocolError;
#[doc(inline)]
pub use oauth_core::client::{
    AboutToAuthorize, Adapter, AddressFilter, AssertionSource, AuthConfig, AuthenticationError,
    Browser, Builder, ClientError, ConfigError, ConnectRequired, Cursor, Event, Explanation,
    Forgotten, GrantPage, GrantQuery, Happened, Insecurity, Lease, Leases, Loaded, LockPauses,
    LoginHandle, LoginId, LoginOptions, MemoryTokenStorage, Migrated, NeededConsent, NeedsConsent,
    OAuthConfig, OwnedEvent, PrivateKey, Records, RetryError, Returned, SharedStorage, Spending,
    Split, StorageError, StoreFailure, StoredGrant, SystemError, TokenStorage, UserAgentError,
    Waiting, WaitingLogin, Written,
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
#[cfg(feature = "ureq")]
pub use profiles::Profiles;
#[cfg(feature = "ureq")]
pub use retry::{Consent, needed_consent, with_oauth_retry, with_oauth_retry_if};
pub use sources::{TokenFile, TokenVariable};
pub use storage::FileTokenStorage;
pub use terminal::TerminalPrompt;
#[cfg(feature = "ureq")]
pub use ureq;
pub use user_agent::{
    EndsVisit, FirstOf, LocalUser, LoopbackBrowser, NoUserAgent, PasteBack, Prepared,
    SharedUserAgent, Until, UserAgent, UserAgentFn, Visit,
};

/// Why a call failed.
#[cfg(feature = "ureq")]
pub type Error = ClientError<ureq::Error>;

/// What became of all grants of a profile.
#[cfg(feature = "ureq")]
pub type OffBoarded = oauth_core::client::OffBoarded<ureq::Error>;

/// Settings of an [`OAuth`].
#[cfg(feature = "ureq")]
pub type OAuthBuilder = Builder<OAuth>;
