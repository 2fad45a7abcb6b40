//! How a store writes and reads what it keeps: plain, or sealed.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::seal::{
    Envelope, Seal, SealContext, SealError, SealSubject, Unreadable, Unsealed, is_sealed,
};
use crate::secret::SecretBuffer;
use crate::session::{Key, Record, RecordDefect};

/// How a store writes and reads what it keeps: plain, or sealed. By default plain.
///
/// Clones share the seal.
#[derive(Clone, Default)]
pub struct Sealing(Mode);

#[derive(Clone, Default)]
enum Mode {
    #[default]
    Plain,
    Sealed {
        seal: Arc<dyn Seal>,
        reads_plain: bool,
    },
}

impl Sealing {
    /// Writes plain bytes, and reads them. Sealed ones are an error, and are not damaged.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether it writes plain bytes.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.0, Mode::Plain)
    }

    /// Writes sealed bytes. Plain ones, which were there before, are read still, and are sealed at their next save.
    ///
    /// # Security
    ///
    /// As long as plain ones are read, who can write to the store can put one in the place of a sealed one. When all are
    /// sealed ([`is_current`](Self::is_current)), [`only`](Self::only) is the better choice.
    #[must_use]
    pub fn with(seal: impl Seal + 'static) -> Self {
        Self(Mode::Sealed { seal: Arc::new(seal), reads_plain: true })
    }

    /// Writes sealed bytes, and refuses plain ones ([`SealError::NotSealed`]).
    #[must_use]
    pub fn only(seal: impl Seal + 'static) -> Self {
        Self(Mode::Sealed { seal: Arc::new(seal), reads_plain: false })
    }

    /// Whether plain bytes are read.
    #[must_use]
    pub fn reads_plain(&self) -> bool {
        match &self.0 {
            Mode::Plain => true,
            Mode::Sealed { reads_plain, .. } => *reads_plain,
        }
    }

    /// The bytes to store for a record. `random` are 24 fresh random bytes; they are not used where nothing is
    /// sealed.
    ///
    /// # Errors
    ///
    /// Those of [`Seal::seal`].
    ///
    /// # Security
    ///
    /// Where nothing is sealed, the bytes are as secret as the tokens in them.
    pub fn record_to_bytes(
        &self,
        key: &Key,
        record: &Record,
        random: [u8; 24],
    ) -> Result<Vec<u8>, SealError> {
        let json = SecretBuffer(record.to_json());
        let subject = SealSubject::Record { key, generation: record.generation() };
        self.write(json.0.as_bytes(), subject, random)
    }

    /// Reads what [`record_to_bytes`](Self::record_to_bytes) gave for the same key, or the JSON of a record.
    ///
    /// `generation` is what the store itself says that it holds, in a column for instance: bytes of another generation
    /// are refused. A store that has only the bytes passes `None`; then an old copy of a record, put back where it
    /// was, is not noticed.
    ///
    /// # Errors
    ///
    /// [`Unreadable::Sealed`]: the record stays as it is. [`Unreadable::Record`]: it is newer, or damaged; that is a plain
    /// one of another generation, too.
    pub fn record_from_bytes(
        &self,
        key: &Key,
        stored: &[u8],
        generation: Option<u64>,
    ) -> Result<Record, Unreadable> {
        let generation = match generation {
            None if is_sealed(stored) => Some(Envelope::parse(stored)?.generation()),
            generation => generation,
        };
        let subject = SealSubject::Record { key, generation: generation.unwrap_or_default() };
        let record = Record::from_json(self.read(stored, subject)?.expose())?;
        if generation.is_some_and(|it| it != record.generation()) {
            return Err(RecordDefect::Damaged.into());
        }
        Ok(record)
    }

    /// The same for any bytes, such as a waiting login's. `random` are 24 fresh random bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Seal::seal`], and [`SealError::KeyId`] for a seal of the host's own whose key has no usable id.
    ///
    /// # Security
    ///
    /// Plain bytes must not begin as sealed ones do: text never does.
    pub fn write(
        &self,
        plain: &[u8],
        subject: SealSubject<'_>,
        random: [u8; 24],
    ) -> Result<Vec<u8>, SealError> {
        let Mode::Sealed { seal, .. } = &self.0 else { return Ok(plain.into()) };
        let key_id = seal.key_id();
        let context = SealContext::new(&key_id, subject)?;
        let body = seal.seal(plain, &context, random)?;
        let mut stored = context.header();
        stored.extend(body);
        Ok(stored)
    }

    /// Reads what [`write`](Self::write) gave for the same subject, or plain bytes.
    ///
    /// # Errors
    ///
    /// All of a [`SealError`]'s.
    pub fn read(&self, stored: &[u8], subject: SealSubject<'_>) -> Result<Unsealed, SealError> {
        if !is_sealed(stored) {
            return match &self.0 {
                Mode::Sealed { reads_plain: false, .. } => Err(SealError::NotSealed),
                _ => Ok(Vec::from(stored).into()),
            };
        }
        let envelope = Envelope::parse(stored)?;
        let key_id = envelope.key_id();
        let Mode::Sealed { seal, .. } = &self.0 else {
            return Err(SealError::NoSeal { key_id: key_id.into() });
        };
        let context = SealContext::new(key_id, subject)?;
        // No seal opens it, but one that leaves the context out would.
        if envelope.header != context.header() {
            return Err(SealError::Wrong { key_id: key_id.into() });
        }
        seal.open(envelope.body, &context)
    }

    /// Whether stored bytes are as they would be written now, sealed or not and with the same key. Others are read,
    /// and written anew at their next save, or by a tool that walks over all of them. What cannot be read is never
    /// current.
    #[must_use]
    pub fn is_current(&self, stored: &[u8]) -> bool {
        match &self.0 {
            Mode::Plain => !is_sealed(stored),
            Mode::Sealed { seal, .. } => {
                let key_id = Envelope::parse(stored).map(|it| Box::from(it.key_id()));
                key_id == Ok(seal.key_id())
            }
        }
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Mode::Plain => f.write_str("Plain"),
            Mode::Sealed { seal, reads_plain } => f
                .debug_struct("Sealed")
                .field("key_id", &seal.key_id())
                .field("reads_plain", reads_plain)
                .finish(),
        }
    }
}
