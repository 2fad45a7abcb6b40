//! What stands in front of sealed bytes, in the clear: a store reads it without a key.

use alloc::vec::Vec;

use crate::seal::SealError;

/// Whether stored bytes are sealed, and not plain: the first one says it.
#[must_use]
pub fn is_sealed(stored: &[u8]) -> bool {
    stored.first() == Some(&MAGIC[0])
}

/// What sealed bytes say of themselves, for stores and tools. It is the word of whoever wrote the bytes, and proven only
/// when they [open](crate::seal::Sealing::read).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    key_id: &'a str,
    generation: u64,
    pub(super) header: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads what stands before the sealed bytes.
    ///
    /// # Errors
    ///
    /// [`SealError::NotSealed`] if the bytes are plain, [`SealError::Newer`] if a later version has sealed them, and
    /// [`SealError::Malformed`].
    pub fn parse(stored: &'a [u8]) -> Result<Self, SealError> {
        if !is_sealed(stored) {
            return Err(SealError::NotSealed);
        }
        Self::read(stored)?.ok_or(SealError::Malformed)
    }

    /// The id of the key that seals the bytes.
    #[must_use]
    pub fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// The [generation](crate::session::Record::generation) of the record; 0 for a waiting login.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// `None` if it is cut off or damaged.
    fn read(stored: &'a [u8]) -> Result<Option<Self>, SealError> {
        let Some((format, rest)) = stored.strip_prefix(&MAGIC).and_then(<[u8]>::split_first) else {
            return Ok(None);
        };
        if *format > FORMAT {
            return Err(SealError::Newer { format: *format });
        }
        // The purpose is compared with what is expected, and needs no reading.
        let Some((_purpose, rest)) = rest.split_first().filter(|_| *format == FORMAT) else {
            return Ok(None);
        };
        let Some((generation, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let Some((length, rest)) = rest.split_first() else { return Ok(None) };
        let Some((key_id, body)) = rest.split_at_checked(usize::from(*length)) else {
            return Ok(None);
        };
        let key_id = core::str::from_utf8(key_id).ok().and_then(|id| checked_id(id).ok());
        Ok(key_id.map(|key_id| Self {
            key_id,
            generation: u64::from_be_bytes(*generation),
            header: &stored[..stored.len() - body.len()],
            body,
        }))
    }
}

/// What stands before sealed bytes.
pub(super) fn header(purpose: u8, generation: u64, key_id: &str) -> Vec<u8> {
    let mut header = Vec::with_capacity(MAGIC.len() + 11 + key_id.len());
    header.extend(MAGIC);
    header.extend([FORMAT, purpose]);
    header.extend(generation.to_be_bytes());
    // A checked id is not longer than that.
    header.push(u8::try_from(key_id.len()).unwrap_or(u8::MAX));
    header.extend(key_id.as_bytes());
    header
}

/// An id of visible characters, so that it can be shown wherever it comes from, and not longer than its length can say.
///
/// # Errors
///
/// [`SealError::KeyId`].
pub(super) fn checked_id(id: &str) -> Result<&str, SealError> {
    let is_sound = matches!(id.len(), 1..=MAX_ID) && id.bytes().all(|it| it.is_ascii_graphic());
    if is_sound { Ok(id) } else { Err(SealError::KeyId) }
}

/// A byte that begins no text in UTF-8, and a word for who looks into a file.
const MAGIC: [u8; 5] = *b"\x97seal";

/// The number of this format.
const FORMAT: u8 = 1;

/// In bytes. The names of keys in the services of large providers are shorter.
const MAX_ID: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_it_was_written() {
        for id in ["k", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd", &"x".repeat(255)] {
            let mut stored = header(1, u64::MAX - 7, id);
            let length = stored.len();
            stored.extend(b"body");
            let read = Envelope::parse(&stored);
            let Ok(envelope) = read else { panic!("{read:?}") };
            assert_eq!((envelope.key_id(), envelope.generation()), (id, u64::MAX - 7));
            assert_eq!((envelope.header.len(), envelope.body), (length, &b"body"[..]));
            for cut in 1..length {
                assert_eq!(Envelope::parse(&stored[..cut]), Err(SealError::Malformed), "{cut}");
            }
        }
    }

    #[test]
    fn an_id_that_does_not_show_is_refused() {
        for id in ["", " ", "a b", "a\n", "ä", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(checked_id(id), Err(SealError::KeyId), "{id:?}");
        }
        let mut stored = header(1, 1, "kk");
        for byte in [b' ', b'\n', 0x1b, 0x80, 0xff] {
            *stored.last_mut().unwrap_or(&mut 0) = byte;
            assert_eq!(Envelope::parse(&stored), Err(SealError::Malformed), "{byte}");
        }
        let nameless = header(1, 1, "");
        assert_eq!(Envelope::parse(&nameless), Err(SealError::Malformed));
    }

    #[test]
    fn later_formats_are_told_from_damage() {
        let mut stored = header(1, 1, "k");
        stored[MAGIC.len()] = 2;
        assert_eq!(Envelope::parse(&stored), Err(SealError::Newer { format: 2 }));
        assert_eq!(Envelope::parse(&stored[..6]), Err(SealError::Newer { format: 2 }));
        stored[MAGIC.len()] = 0;
        assert_eq!(Envelope::parse(&stored), Err(SealError::Malformed));
    }

    #[test]
    fn no_text_is_taken_for_sealed_bytes() {
        for plain in ["", "{", " {", "\n{\"format\":1}", "null", "seal", "\u{feff}{}", "\u{97}seal"]
        {
            assert!(!is_sealed(plain.as_bytes()), "{plain}");
            assert_eq!(Envelope::parse(plain.as_bytes()), Err(SealError::NotSealed), "{plain}");
        }
        assert!(core::str::from_utf8(&MAGIC[..1]).is_err());
    }
}
