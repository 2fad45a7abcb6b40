//! One login as a machine: find the resource's metadata, find the authorization server, get a client
//! id, send the user to consent, redeem the code.
//!
//! ```text
//!                                                              client or scope refused
//!                    ┌ next place ┐        ┌ next place ┐       ┌─────────────┬────────┐
//!                    ▼            │        ▼            │       ▼             │        │
//!  login ──────▶ FindResource ────┴──▶ FindServer ──────┴─┬─▶ Register ─┬─▶ Consent ─▶ Redeem ──▶ Done
//!    │                                                    │             │   Browser     Http
//!    │            Http                 Http               │     Http    │    ▲ │         ▲ │
//!    ├─ provider known: nothing to find ──────────────────┤             │    └─┘         └─┘
//!    └─ step-up: recorded server ─────────────────────────┴─────────────┘  another `state`  another method
//!                                       client id known ────────────────┘
//! ```
//!
//! | state | waits for | leaves when | RFC |
//! |---|---|---|---|
//! | `FindResource` | an answer of a place where resource metadata may lie | a document covers the server | 9728 |
//! | `FindServer` | an answer of a place where server metadata may lie | a document speaks for the issuer | 8414 |
//! | `Register` | the answer of the registration endpoint | there is a client id | 7591 |
//! | `Push`, before `Consent` where requests are pushed | the answer to what the user will be asked | there is a reference to it | 9126 |
//! | `Consent` | the redirect that brings the user back | `state` and `iss` are right | 6749 §4.1, 9207 |
//! | `AskDevice`, in the place of `Consent` or beside it | the answer to who wants a code for another device | there is one | 8628 §3.1 |
//! | `Device`, the same | time to pass, and the answer whether the user has consented there | they have, or a redirect came back | 8628 §3.4 |
//! | `Redeem` | the answer of the token endpoint | there are tokens | 6749 §4.1.3 |
//!
//! A state says what it found out, and names no other: which fact leads where stands in one file, `route`.
//!
//! # Three rules
//!
//! 1. **Asking changes nothing.** [`Flow::step`] says what to do next, as often as it is asked, with the
//!    same answer. What happened goes into the reply that the step carries, once.
//! 2. **The first error sticks.** A flow that failed says so again each time; a new login is a new flow.
//!    Only a redirect that belongs to another login is no answer at all: the flow goes on waiting.
//! 3. **It can be stored between any two steps.** A flow serializes, and goes on in another process as if
//!    nothing had happened. What is written is secret: the PKCE verifier is in it.
//!
//! # Driving it
//!
//! ```
//! # use oauth_core::{Entropy, Response, Request, UnixTime};
//! # use oauth_core::flow::{Flow, Grant, Login, RedirectUri, Settings, Step};
//! # use oauth_core::wire::AuthorizationUrl;
//! # fn now() -> UnixTime { UnixTime::from_secs(1_900_000_000) }
//! fn drive(
//!     mut flow: Flow,
//!     send: impl Fn(&Request) -> Response,
//!     visit: impl Fn(&AuthorizationUrl) -> String,
//! ) -> Result<Grant, oauth_core::Error> {
//!     loop {
//!         match flow.step()? {
//!             Step::Http { request, reply } => reply.response(&send(&request), now()),
//!             Step::Browser { url, reply } => reply.redirect(&visit(&url))?,
//!             Step::Key(reply) => reply.failed("no key is made here"),
//!             Step::Sign(_) | Step::Assertion(_) => unreachable!("there is no key"),
//!             Step::Device { reply, .. } => reply.cancelled(),
//!             Step::Wait { reply, .. } => reply.cancelled(),
//!             Step::Done(grant) => return Ok(grant.clone()),
//!         }
//!     }
//! }
//! # let settings = Settings::new("https://mcp.example.com/mcp").unwrap();
//! # let login = Login::new(settings.into(), RedirectUri::parse("http://127.0.0.1:1/cb").unwrap(),
//! #     Entropy::from_bytes([7; 64]), now());
//! # let sent = drive(Flow::login(login).unwrap(), |_| Response::new(503, vec![]), |_| String::new());
//! # assert!(sent.unwrap_err().is_retryable());
//! ```

mod bind_key;
mod binding;
mod device_reply;
mod diagnosis;
mod errand;
mod find_resource;
mod find_server;
mod grant_kind;
mod grants;
mod host_reply;
mod identity;
mod login;
mod login_plan;
mod machine;
mod no_answer;
mod nonce;
mod not_asked;
mod options;
mod outcome;
mod part;
mod place;
mod possession;
mod probe;
mod proof;
mod recourse;
mod redeem;
mod redirect_uri;
mod refresh;
mod register;
mod route;
mod settings;
mod state;
mod target;
mod tried;
mod wanted;

pub use binding::{Binding, Grant, KnownClient, ScopeSource};
pub use device_reply::{DeviceReply, WaitReply};
pub use diagnosis::Diagnosis;
pub use grant_kind::GrantKind;
pub use host_reply::{AssertionReply, KeyReply, SignReply};
pub use login::{Login, PreviousLogin};
pub use login_plan::LoginPlan;
pub use machine::{BrowserReply, Flow, HttpReply, Step};
pub use options::AuthorizationOptions;
pub use probe::{Probe, ProbeReply};
pub use proof::SigningKey;
pub use redirect_uri::RedirectUri;
pub use settings::{
    Dpop, IdentityProvider, Par, Settings, WrittenGrant, WrittenIdentityProvider, WrittenSettings,
};
pub use wanted::WantedAssertion;

pub(crate) use binding::Terms;
pub(crate) use grants::code::Consent;
pub(crate) use no_answer::NoAnswer;
pub(crate) use nonce::ServerNonce;
pub(crate) use not_asked::NotAsked;
pub(crate) use part::{Feature, Part, WithoutUser};
pub(crate) use possession::Possession;
pub(crate) use proof::{ForRequest, Proof};
pub(crate) use refresh::{read_refresh, refresh_request};
