//! Keys that a client signs with: what a host shows of its own, and keys that are kept in memory.
//!
//! ```
//! # #[cfg(feature = "es256")] {
//! use oauth_core::SigningAlgorithm;
//! use oauth_core::keys::{Signer, SoftwareKey};
//!
//! let key = SoftwareKey::es256(&[7; 32])?; // your random bytes here
//! println!("register this: {}", key.public_jwk_set());
//! let signature = key.sign(SigningAlgorithm::Es256, b"what is to be signed")?;
//! assert_eq!(signature.len(), 64);
//! # }
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! A machine never sees a key. It hands out what is to be signed ([`Unsigned`](crate::wire::Unsigned)), so a
//! key may as well be in a key service, a security module or a browser: such a host needs nothing from here
//! but [`PublicJwk`].
//!
//! # Features
//!
//! `es256` and `eddsa` bring [`SoftwareKey`] for P-256 and Ed25519. A host with a cryptographic library of its
//! own leaves them off, and implements [`Signer`].

mod defect;
mod dpop;
#[cfg(any(feature = "es256", feature = "eddsa"))]
mod pair;
#[cfg(any(feature = "es256", feature = "eddsa"))]
mod pem;
mod public_jwk;
mod signer;
#[cfg(any(feature = "es256", feature = "eddsa"))]
mod software;

pub use defect::KeyDefect;
pub use dpop::DpopKey;
pub use public_jwk::PublicJwk;
pub use signer::{Signer, SigningFailure};
#[cfg(any(feature = "es256", feature = "eddsa"))]
pub use software::SoftwareKey;
