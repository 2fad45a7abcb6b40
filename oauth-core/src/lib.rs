#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
#![doc = include_str!("../README.md")]
//!
//! # The layers
//!
//! ```text
//!   client     what adapters share: which token a request gets, who waits for whom (feature `client`)
//!   seal       what stores keep, encrypted (feature `seal`)
//!   session    what to do now: use, refresh, log in, ask for more, give up; over a shared store
//!   flow       one login: find resource → find server → register → consent → redeem
//!   wire       per endpoint: what is asked, how the answer is read; no state
//!   base       errors, secrets, URLs, addresses, scopes, HTTP as data, time, entropy
//!   loopback   the bytes of a listener for the redirect, without its socket
//! ```
//!
//! A layer uses only those below it. A [`session`] is what a host embeds; a [`flow`] is for who wants
//! one login and nothing else; [`wire`] is for who wants to read one document. The layer `client` is for who brings
//! another HTTP client or runtime, and wants all that the adapters have.
//!
//! # What it does not do
//!
//! Tokens that are bound to a certificate (mTLS), and the verification of ID tokens.
//!
//! # Features
//!
//! - `device-code`, `client-credentials` and `assertions` (workload identity, and enterprise-managed authorization) are on
//!   by default, and `client` needs them. Each is a grant beside that of a code. A host that has to be small leaves out
//!   what it does not need: then the functions of [`flow::Settings`] that set it up do not exist, and where it is
//!   written down or restored, the error is [`error::Misuse::LeftOut`].
//! - `es256`, `eddsa`: [`keys::SoftwareKey`] for P-256 and Ed25519. Without them a host signs with what it has.
//! - `getrandom`: `Entropy::from_os`. Without it, a host passes in 64 random bytes for each login.
//! - `http`: conversions from and to the types of the `http` crate, which needs std.
//! - `seal`: `oauth_core::seal`, which encrypts what a store keeps.
//! - `client`: what adapters share, over std. It has no clock either: the time is the adapter's.
//! - `storage-contract`: `oauth_core::client::storage_contract`, for the tests of who brings a token store.
//! - `tracing`: the same, and what it does is told to a subscriber of the host's.

extern crate alloc;
#[cfg(any(test, feature = "client"))]
extern crate std;

mod address;
mod address_policy;
mod auth_method;
#[cfg(feature = "client")]
pub mod client;
mod entropy;
pub mod error;
pub mod flow;
mod form;
mod http;
mod http_date;
#[cfg(feature = "http")]
mod interop;
mod json;
pub mod keys;
pub mod loopback;
mod plain;
mod policy;
mod profile;
mod redirect;
mod scope;
#[cfg(any(feature = "client", feature = "seal"))]
pub mod seal;
mod secret;
pub mod session;
mod signing_algorithm;
mod time;
mod timeline;
mod tolerance;
mod url;
pub mod wire;
pub mod written;

pub use address::{is_localhost, is_loopback, is_public};
pub use address_policy::AddressPolicy;
pub use entropy::Entropy;
pub use error::Error;
pub use http::{Endpoint, MAX_BODY, Method, Request, Response};
pub use json::{Defect, MemberNames, OtherMembers, Unreadable, read_json};
pub use plain::Plain;
pub use policy::{Policy, ServerUrl};
pub use redirect::Redirect;
pub use scope::{ScopeDefect, Scopes};
pub use secret::Secret;
pub use signing_algorithm::{SigningAlgorithm, SigningAlgorithms};
pub use time::UnixTime;
pub use timeline::{Diagram, Entry, Finding, Remedy, Retry, Timeline};
pub use tolerance::{Tolerance, Tolerances, UnknownTolerance};
pub use url::{HttpAllowance, HttpUrl, UrlDefect};
pub use wire::{
    AuthMethod, BearerAuth, ClientMetadata, ClientRegistrationResponse, OAuthClientProvider,
    ProtectedResourceMetadata, ServerOAuthMetadata, TokenData,
};
