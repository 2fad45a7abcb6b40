//! What can go wrong, sorted by who has to act.
//!
//! | variant | who acts | what helps |
//! |---|---|---|
//! | [`PeerMisbehaved`](Error::PeerMisbehaved) | the server's operator | nothing on this side: going on would be unsafe |
//! | [`PeerIncompatible`](Error::PeerIncompatible) | the developer or the user | a setting, which [`advice`](Error::advice) names |
//! | [`Refused`](Error::Refused) | depends on the code | the server's own words are in the [`Refusal`] |
//! | [`Malformed`](Error::Malformed) | the server's operator | the answer cannot be read |
//! | [`Unreachable`](Error::Unreachable) | nobody, or the developer | try again later, or what its [`Obstacle`] wants |
//! | [`Unavailable`](Error::Unavailable) | the developer | see why there is no signature or assertion |
//! | [`Cancelled`](Error::Cancelled), [`LoginRequired`](Error::LoginRequired), [`ScopeRequired`](Error::ScopeRequired) | the user | log in |
//! | [`SignInRequired`](Error::SignInRequired) | the user | sign in at the identity provider again |
//! | [`LoginExpired`](Error::LoginExpired), [`LoginUsed`](Error::LoginUsed), [`LoginNotWaiting`](Error::LoginNotWaiting) | the user | call again |
//! | [`Contended`](Error::Contended) | nobody | try again |
//! | [`TokenTooShort`](Error::TokenTooShort) | the developer | ask for a shorter time |
//! | [`Misuse`](Error::Misuse) | the developer | read what was passed in |
//!
//! Evidence is data in the variants, prose is in `Display` and [`advice`](Error::advice). Text that a
//! server wrote stays data: it is never part of our messages, because it may be written to mislead.

mod absence;
mod answer;
mod explanation;
mod incompatible;
mod misbehaved;
mod misuse;
mod outcome;
mod refusal_code;
mod sign_in;
mod silence;
mod unavailable;

pub use absence::Absence;
pub use answer::{Malformed, Refusal, Unreachable};
pub use explanation::Explanation;
pub use incompatible::PeerIncompatible;
pub use misbehaved::PeerMisbehaved;
pub use misuse::Misuse;
pub use outcome::{Actor, Error};
pub use sign_in::SignInRequired;
pub use silence::{Obstacle, Silence};
pub use unavailable::{HostGift, Unavailable};

#[cfg(test)]
mod tests;
