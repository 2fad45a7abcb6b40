#![forbid(unsafe_code)]
//! The OAuth client of MCP for synchronous programs.
//!
//! ```no_run
//! use oauth_blocking::{OAuth, ureq};
//!
//! let oauth = OAuth::new("https://mcp.example.com/mcp")?.client_name("My editor").build()?;
//! let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
//! let mut answer = oauth.send(|| ureq::http::Request::post("https://mcp.example.com/mcp").body(call))?;
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

pub mod adapter;
#[cfg(feature = "ureq")]
mod client;
mod config;
mod connect;
mod error;
mod event;
#[cfg(feature = "ureq")]
mod resolver;
#[cfg(feature = "ureq")]
mod retry;
mod storage;
#[cfg(feature = "ureq")]
mod threads;
mod user_agent;

pub use adapter::{Adapter, AddressFilter, Builder};
#[cfg(feature = "ureq")]
pub use client::OAuth;
pub use config::{AuthConfig, OAuthConfig};
pub use connect::{ConnectRequired, TerminalPrompt};
pub use error::{AuthenticationError, ClientError, Explanation, NeedsConsent};
pub use event::Event;
pub use oauth_core;
pub use oauth_core::flow::{Diagnosis, RedirectUri};
pub use oauth_core::session::{Fate, Key, Lock, LoggedOut, PendingLogin, Record};
pub use oauth_core::wire::AuthorizationUrl;
pub use oauth_core::wire::ResourceMode;
pub use oauth_core::{
    BearerAuth, OAuthClientProvider, Policy, Timeline, TokenData, Tolerance, Tolerances,
};
#[cfg(feature = "ureq")]
pub use resolver::FilteredResolver;
#[cfg(feature = "ureq")]
pub use retry::{Consent, with_oauth_retry};
pub use storage::{
    FileTokenStorage, Guard, Loaded, MemoryTokenStorage, Saved, SharedStorage, StorageError,
    StoredGrant, TokenStorage,
};
#[cfg(feature = "ureq")]
pub use ureq;
pub use user_agent::{
    LoopbackBrowser, NoUserAgent, PasteBack, Prepared, SharedUserAgent, UserAgent, UserAgentError,
    Visit, Visitor, Waiting,
};

/// Why a call failed.
#[cfg(feature = "ureq")]
pub type Error = ClientError<ureq::Error>;

/// Settings of an [`OAuth`].
#[cfg(feature = "ureq")]
pub type OAuthBuilder = Builder<OAuth>;
