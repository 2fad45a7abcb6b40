//! What sealed bytes are bound to.

use alloc::vec::Vec;

use crate::seal::SealError;
use crate::seal::envelope::{checked_id, header};
use crate::session::{Key, KeyKind};

/// What is sealed, and for which place: where it is opened has to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealSubject<'a> {
    /// A [`Record`](crate::session::Record).
    Record {
        /// What it is stored under.
        key: &'a Key,
        /// Its [generation](crate::session::Record::generation).
        generation: u64,
    },
    /// A login that was handed out ([`PendingLogin`](crate::session::PendingLogin)). Whose it is says the login
    /// itself.
    Login {
        /// The program that hands it out.
        application: &'a str,
        /// What it is stored under, such as a digest of its `state`.
        id: &'a [u8],
    },
}

impl SealSubject<'_> {
    /// The number in the header. None is ever given to something else.
    fn purpose(&self) -> u8 {
        match self {
            Self::Record { .. } => 1,
            Self::Login { .. } => 2,
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Record { generation, .. } => *generation,
            Self::Login { .. } => 0,
        }
    }
}

/// What a [`Seal`](crate::seal::Seal) binds bytes to: what they are, for which place, and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    key_id: &'a str,
    subject: SealSubject<'a>,
}

impl<'a> SealContext<'a> {
    /// That of this subject, with the key of this id.
    ///
    /// # Errors
    ///
    /// [`SealError::KeyId`] for an id that cannot be one.
    pub fn new(key_id: &'a str, subject: SealSubject<'a>) -> Result<Self, SealError> {
        Ok(Self { key_id: checked_id(key_id)?, subject })
    }

    /// The id of the key to seal or to open with.
    #[must_use]
    pub fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// What is sealed, and for which place.
    #[must_use]
    pub fn subject(&self) -> SealSubject<'a> {
        self.subject
    }

    /// All of it as bytes, for an algorithm that takes associated data: no two contexts have the same.
    #[must_use]
    pub fn associated_data(&self) -> Vec<u8> {
        let mut data = self.header();
        match self.subject {
            SealSubject::Record { key, .. } => {
                let Key { kind, application, profile, server_url } = key;
                for part in [&**application, profile, server_url, word(*kind)] {
                    push(&mut data, part.as_bytes());
                }
            }
            SealSubject::Login { application, id } => {
                push(&mut data, application.as_bytes());
                push(&mut data, id);
            }
        }
        data
    }

    /// What stands before the sealed bytes.
    pub(super) fn header(&self) -> Vec<u8> {
        header(self.subject.purpose(), self.subject.generation(), self.key_id)
    }
}

/// The length says where a part ends, so that nothing can go from one to the next.
fn push(data: &mut Vec<u8>, part: &[u8]) {
    data.extend((part.len() as u64).to_be_bytes());
    data.extend(part);
}

/// Never changed: what was sealed would not open.
fn word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Grant => "grant",
        KeyKind::Machine => "machine",
        KeyKind::Client => "client",
        KeyKind::ClientIssuer => "client_issuer",
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn record(kind: KeyKind, [application, profile, server_url]: [&str; 3]) -> Vec<u8> {
        let key = Key { kind, ..Key::grant(application, profile, server_url) };
        of("k", SealSubject::Record { key: &key, generation: 1 })
    }

    fn of(key_id: &str, subject: SealSubject<'_>) -> Vec<u8> {
        SealContext::new(key_id, subject).map(|it| it.associated_data()).unwrap_or_default()
    }

    #[test]
    fn no_two_contexts_have_the_same_bytes() {
        let key = Key::grant("k", "ab", "c");
        let mut all = Vec::from([
            of("k", SealSubject::Record { key: &key, generation: 1 }),
            of("k", SealSubject::Record { key: &key, generation: 2 }),
            of("kk", SealSubject::Record { key: &key, generation: 1 }),
            of("k", SealSubject::Login { application: "ab", id: b"c" }),
            of("k", SealSubject::Login { application: "a", id: b"bc" }),
            of("k", SealSubject::Login { application: "", id: b"abc" }),
        ]);
        for parts in
            [["a", "b", "c"], ["ab", "", "c"], ["", "ab", "c"], ["", "a", "bc"], ["", "", "abc"]]
        {
            for kind in [KeyKind::Grant, KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer] {
                all.push(record(kind, parts));
            }
        }
        // A part that looks like the length of the next.
        all.push(record(KeyKind::Grant, ["a\0\0\0\0\0\0\0\u{1}b", "", ""]));
        all.push(record(KeyKind::Grant, ["a", "b", ""]));
        assert!(all.iter().all(|it| !it.is_empty()));
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{at}");
            // Nor does one begin like another: nothing can be appended to it.
            assert!(
                all[..at].iter().all(|it| !it.starts_with(one) && !one.starts_with(it)),
                "{at}"
            );
        }
    }

    #[test]
    fn a_context_shows_no_query_of_a_url() {
        let key = Key::grant("app", "alice", "https://mcp.example.com/mcp?token=planted");
        let context = SealContext::new("k", SealSubject::Record { key: &key, generation: 1 });
        let shown = format!("{context:?}");
        assert!(shown.contains("alice") && !shown.contains("planted"), "{shown}");
    }
}
