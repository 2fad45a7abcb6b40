//! Keys of the host, with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03).
//!
//! Its nonces are long enough to be drawn at random by many machines under one key. Those of AES-GCM and of plain
//! ChaCha20-Poly1305 (RFC 8439 §4) are not: two that meet give away what they encrypt.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use zeroize::Zeroizing;

use crate::seal::envelope::checked_id;
use crate::seal::{Seal, SealContext, SealError, Unsealed};

/// A key to seal with: 32 bytes, which are overwritten when it is dropped, and an id, which is no secret.
///
/// # Security
///
/// It belongs elsewhere than what it seals: in a keyring, a secrets manager, or the environment of the process.
#[derive(Clone)]
pub struct SealingKey {
    id: Box<str>,
    bytes: Zeroizing<[u8; 32]>,
}

impl SealingKey {
    /// The key of these bytes under this id, which says which key opens what it has sealed. Another key has another
    /// id, for ever.
    ///
    /// # Errors
    ///
    /// [`SealError::KeyId`] for an id that is empty, longer than 255 bytes, or not of visible characters of ASCII.
    ///
    /// # Security
    ///
    /// The bytes must come from a cryptographically secure source. A password is no key.
    pub fn new(id: &str, bytes: &[u8; 32]) -> Result<Self, SealError> {
        Ok(Self { id: checked_id(id)?.into(), bytes: Zeroizing::new(*bytes) })
    }

    /// What it is called.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }

    /// `None` if it does not open.
    fn open(&self, sealed: &[u8], associated_data: &[u8]) -> Option<Unsealed> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>()?;
        let mut bytes = Zeroizing::new(Vec::from(ciphertext));
        let buffer = bytes.as_mut_slice().into();
        self.cipher()
            .decrypt_inout_detached(nonce.into(), associated_data, buffer, tag.into())
            .ok()?;
        Some(core::mem::take(&mut *bytes).into())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys of a host: one that writes, and any number that read.
#[derive(Debug, Clone)]
pub struct SealingKeys {
    /// The first one writes.
    keys: Vec<SealingKey>,
}

impl SealingKeys {
    /// Writes and reads with this key.
    #[must_use]
    pub fn new(key: SealingKey) -> Self {
        Self { keys: Vec::from([key]) }
    }

    /// Reads with this key as well: what it has sealed is sealed with the one that writes at its next save.
    #[must_use]
    pub fn and_reading(mut self, key: SealingKey) -> Self {
        self.keys.push(key);
        self
    }

    /// All of one id: a host may have given two the same by mistake.
    fn of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a SealingKey> {
        self.keys.iter().filter(move |key| *key.id == *id)
    }
}

impl Seal for SealingKeys {
    fn key_id(&self) -> Box<str> {
        self.keys.first().map(|key| key.id.clone()).unwrap_or_default()
    }

    /// # Security
    ///
    /// `random` must be fresh and unpredictable each time: two records with the same under one key give away both, and
    /// let others forge.
    fn seal(
        &self,
        plain: &[u8],
        context: &SealContext<'_>,
        random: [u8; 24],
    ) -> Result<Vec<u8>, SealError> {
        let id = context.key_id();
        let unknown = || SealError::UnknownKey { key_id: id.into() };
        let cipher = self.of(id).next().ok_or_else(unknown)?.cipher();
        // As long as all of it: bytes that are not encrypted yet are left behind nowhere.
        let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
        sealed.extend(random);
        sealed.extend(plain);
        let buffer = (&mut sealed[NONCE..]).into();
        let tag = cipher
            .encrypt_inout_detached(&random.into(), &context.associated_data(), buffer)
            .map_err(|_| SealError::Other("it is too long for one seal".into()))?;
        sealed.extend(tag);
        Ok(sealed)
    }

    fn open(&self, sealed: &[u8], context: &SealContext<'_>) -> Result<Unsealed, SealError> {
        let key_id = context.key_id();
        let data = context.associated_data();
        let mut keys = self.of(key_id).peekable();
        if keys.peek().is_none() {
            return Err(SealError::UnknownKey { key_id: key_id.into() });
        }
        let opened = keys.find_map(|key| key.open(sealed, &data));
        opened.ok_or_else(|| SealError::Wrong { key_id: key_id.into() })
    }
}

/// In bytes.
const NONCE: usize = 24;

/// In bytes.
const TAG: usize = 16;
