//! Bytes at rest, encrypted: a hook below the typed record, and a seal with keys of the host.
//!
//! ```
//! # #[cfg(feature = "seal")] {
//! use oauth_core::seal::{SealSubject, Sealing, SealingKey, SealingKeys};
//! use oauth_core::session::Key;
//!
//! let new = SealingKey::new("2027", &[7; 32])?; // 32 random bytes, kept elsewhere than the records
//! let old = SealingKey::new("2026", &[6; 32])?;
//! let sealing = Sealing::with(SealingKeys::new(new).and_reading(old));
//!
//! let key = Key::grant("app", "alice", "https://mcp.example.com/mcp");
//! let subject = SealSubject::Record { key: &key, generation: 1 };
//! let stored = sealing.write(b"{}", subject, [9; 24])?; // 24 fresh random bytes
//! assert_eq!(sealing.read(&stored, subject)?.expose(), b"{}");
//!
//! let other = Key::grant("app", "mallory", "https://mcp.example.com/mcp");
//! let moved = SealSubject::Record { key: &other, generation: 1 };
//! assert!(sealing.read(&stored, moved).is_err());
//! # }
//! # Ok::<(), oauth_core::seal::SealError>(())
//! ```
//!
//! A store asks a [`Sealing`] for the bytes that it keeps, and hands them back to it. What seals is a
//! [`Seal`]: `SealingKeys` (feature `seal`), which is XChaCha20-Poly1305, or the host's own over a key service.
//!
//! # What it protects, and what not
//!
//! Who has a backup, a disk or a dump of the database, and not the key, reads no tokens in it. Who can also write to
//! the store can move no record to another user, server, application or kind, nor bring an old one back under
//! a new generation: sealed bytes are bound to all of these. **It does not protect from somebody who runs code as the
//! user**: whoever can ask for the key has what it opens. Nor does it hide how long a record is, nor whose it is: what a
//! store finds it by is in the clear.
//!
//! What is left to who can write: to delete a record; to put back an old one together with its old generation, where
//! nothing but the store knows which was the last; and to put a plain one in its place, as long as
//! [plain ones are read](Sealing::with).
//!
//! # Changing keys
//!
//! A key has an id, which stands before what it sealed. One key writes, any number read. A record is sealed with
//! the new key at its next save; a tool that walks over the others asks [`Sealing::is_current`]. When none is left,
//! the old key can go. A missing key is an error that names it: the record stays, and nobody is asked to log in.
//!
//! # The format
//!
//! ```text
//!  bytes    what
//!  5        97 73 65 61 6c: no text in UTF-8, thus no JSON, begins like this
//!  1        the format, 1. A later one may change all that follows
//!  1        what it is: 1 a record, 2 a waiting login
//!  8        its generation, big endian; 0 for a login
//!  1        the length of the key's id
//!  1–255    the key's id
//!  the rest what the seal has made. Here: 24 bytes nonce, the ciphertext, 16 bytes tag
//! ```
//!
//! Sealed bytes are thus 56 bytes and the key's id longer than plain ones. The associated data are all bytes before the
//! rest, and then for a record its application, profile, server URL and kind, for a login its application and id;
//! each with its length in front, in 8 bytes.

mod context;
mod envelope;
mod error;
mod hook;
mod keyring;
#[cfg(feature = "seal")]
mod keys;
mod sealing;
mod unsealed;

pub use context::{SealContext, SealSubject};
pub use envelope::{Envelope, is_sealed};
pub use error::{SealError, Unreadable};
pub use hook::Seal;
pub use keyring::KeyringError;
#[cfg(feature = "seal")]
pub use keys::{SealingKey, SealingKeys};
pub use sealing::Sealing;
pub use unsealed::Unsealed;

#[cfg(all(test, feature = "seal"))]
mod tests;
