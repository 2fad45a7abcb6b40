//! What a store does with a seal, and what somebody does who can write to the store.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::flow::Settings;
use crate::seal::{
    Envelope, Seal, SealContext, SealError, SealSubject, Sealing, SealingKey, SealingKeys,
    Unreadable, Unsealed, is_sealed,
};
use crate::session::{Key, KeyKind, Record, RecordDefect};
use crate::time::UnixTime;

#[test]
fn a_record_comes_back_and_is_not_seen_in_what_is_stored() {
    let (key, record) = (key(), record());
    for sealing in [Sealing::none(), Sealing::with(keys(&["a"])), Sealing::only(keys(&["a"]))] {
        let stored = sealing.record_to_bytes(&key, &record, NONCE).unwrap();
        for generation in [None, Some(record.generation())] {
            let read = sealing.record_from_bytes(&key, &stored, generation);
            assert_eq!(read.as_ref(), Ok(&record));
        }
        assert!(sealing.is_current(&stored));
        let is_seen = String::from_utf8_lossy(&stored).contains("planted");
        assert_eq!(is_seen, !is_sealed(&stored));
    }
    let stored = Sealing::none().record_to_bytes(&key, &record, NONCE).unwrap();
    assert_eq!(stored, record.to_json().into_bytes(), "plain is what it was before");
}

#[test]
fn a_store_reads_key_and_generation_without_a_key() {
    let record = record();
    let stored = sealed(&keys(&["a"]), &record);
    let envelope = Envelope::parse(&stored).unwrap();
    assert_eq!((envelope.key_id(), envelope.generation()), ("a", record.generation()));
    assert_eq!(stored.len(), record.to_json().len() + 56 + "a".len());
}

#[test]
fn a_record_that_was_moved_does_not_open() {
    let (stored, record) = (sealed(&keys(&["a"]), &record()), record());
    let own = key();
    let moved = [
        Key { profile: "mallory".into(), ..own.clone() },
        Key { server_url: "https://mcp.example.com/mcp2".into(), ..own.clone() },
        Key { application: "other".into(), ..own.clone() },
        Key { kind: KeyKind::Machine, ..own.clone() },
        // Where one part ends.
        Key { application: "appa".into(), profile: "lice".into(), ..own.clone() },
    ];
    let sealing = Sealing::with(keys(&["a"]));
    assert_eq!(sealing.record_from_bytes(&own, &stored, None), Ok(record.clone()));
    for key in moved {
        for generation in [None, Some(record.generation())] {
            let read = sealing.record_from_bytes(&key, &stored, generation);
            assert_eq!(read, Err(wrong().into()), "{key:?}");
        }
    }
}

#[test]
fn old_bytes_do_not_open_under_a_new_generation() {
    let old = record();
    let new = old.clone().replacing(old.generation());
    let mut stored = sealed(&keys(&["a"]), &old);
    let sealing = Sealing::with(keys(&["a"]));
    let read = sealing.record_from_bytes(&key(), &stored, Some(new.generation()));
    assert_eq!(read, Err(wrong().into()));
    // The number in front is no way around it.
    stored[7..15].copy_from_slice(&new.generation().to_be_bytes());
    for generation in [None, Some(new.generation())] {
        let read = sealing.record_from_bytes(&key(), &stored, generation);
        assert_eq!(read, Err(wrong().into()));
    }
    let plain = old.to_json().into_bytes();
    let read = sealing.record_from_bytes(&key(), &plain, Some(new.generation()));
    assert_eq!(read, Err(Unreadable::Record(RecordDefect::Damaged)));
}

#[test]
fn a_login_is_no_record_and_no_other_login() {
    let sealing = Sealing::only(keys(&["a"]));
    let own = SealSubject::Login { application: "app", id: b"digest" };
    let stored = sealing.write(b"{}", own, NONCE).unwrap();
    assert_eq!(sealing.read(&stored, own).unwrap().expose(), b"{}");
    assert_eq!(Envelope::parse(&stored).unwrap().generation(), 0);
    let key = Key::grant("app", "", "");
    for other in [
        SealSubject::Login { application: "app", id: b"digest2" },
        SealSubject::Login { application: "other", id: b"digest" },
        SealSubject::Record { key: &key, generation: 0 },
    ] {
        assert_eq!(sealing.read(&stored, other), Err(wrong()), "{other:?}");
    }
}

#[test]
fn another_key_of_the_same_id_does_not_open() {
    let stored = sealed(&keys(&["a"]), &record());
    let other = SealingKey::new("a", &[0xee; 32]).unwrap();
    let read = |keys| Sealing::with(keys).record_from_bytes(&key(), &stored, None);
    assert_eq!(read(SealingKeys::new(other.clone())), Err(wrong().into()));
    // Two of one id: whichever opens.
    let both = SealingKeys::new(other).and_reading(sealing_key("a"));
    assert_eq!(read(both), Ok(record()));
}

#[test]
fn the_old_key_reads_and_the_new_one_writes() {
    let stored = sealed(&keys(&["old"]), &record());
    let sealing = Sealing::with(keys(&["new", "old"]));
    assert_eq!(sealing.record_from_bytes(&key(), &stored, None), Ok(record()));
    assert!(!sealing.is_current(&stored));

    let anew = sealing.record_to_bytes(&key(), &record(), NONCE).unwrap();
    assert!(sealing.is_current(&anew));
    let read = Sealing::with(keys(&["new"])).record_from_bytes(&key(), &anew, None);
    assert_eq!(read, Ok(record()));
    let read = Sealing::with(keys(&["old"])).record_from_bytes(&key(), &anew, None);
    assert_eq!(read, Err(SealError::UnknownKey { key_id: "new".into() }.into()));
}

#[test]
fn without_a_seal_a_sealed_record_is_not_damaged() {
    let stored = sealed(&keys(&["a"]), &record());
    let read = Sealing::none().record_from_bytes(&key(), &stored, None);
    assert_eq!(read, Err(SealError::NoSeal { key_id: "a".into() }.into()));
    assert!(!Sealing::none().is_current(&stored));
}

#[test]
fn a_plain_record_is_read_until_it_is_refused() {
    let plain = record().to_json().into_bytes();
    let sealing = Sealing::with(keys(&["a"]));
    assert_eq!(sealing.record_from_bytes(&key(), &plain, None), Ok(record()));
    assert!(!sealing.is_current(&plain), "its next save seals it");
    let read = Sealing::only(keys(&["a"])).record_from_bytes(&key(), &plain, None);
    assert_eq!(read, Err(SealError::NotSealed.into()));
}

#[test]
fn what_opens_and_is_newer_is_told_from_what_is_damaged() {
    let sealing = Sealing::with(keys(&["a"]));
    let (key, generation) = (key(), 7);
    let subject = SealSubject::Record { key: &key, generation };
    for (json, defect) in [
        (r#"{"format":2}"#.into(), RecordDefect::Format { found: 2 }),
        ("{}".into(), RecordDefect::Damaged),
        // Another generation within than without.
        (record().to_json(), RecordDefect::Damaged),
    ] {
        let stored = sealing.write(json.as_bytes(), subject, NONCE).unwrap();
        let read = sealing.record_from_bytes(&key, &stored, None);
        assert_eq!(read, Err(Unreadable::Record(defect)));
    }
    let mut stored = sealed(&keys(&["a"]), &record());
    stored[5] = 9;
    let read = sealing.record_from_bytes(&key, &stored, None);
    assert_eq!(read, Err(SealError::Newer { format: 9 }.into()));
    assert!(!sealing.is_current(&stored));
}

#[test]
fn what_is_cut_off_or_changed_anywhere_does_not_open() {
    let generation = record().generation();
    let stored = sealed(&keys(&["a"]), &record());
    for sealing in [
        Sealing::none(),
        Sealing::with(keys(&["a"])),
        Sealing::only(keys(&["a"])),
        Sealing::with(keys(&["`", "a"])),
    ] {
        let assert_refused = |bytes: &[u8], at: usize| {
            for generation in [None, Some(generation)] {
                let read = sealing.record_from_bytes(&key(), bytes, generation);
                assert!(read.is_err(), "{sealing:?}, {at}: {read:?}");
            }
            let _ = sealing.is_current(bytes);
        };
        for at in 0..stored.len() {
            assert_refused(&stored[..at], at);
            for bit in [0x01, 0x80] {
                let mut changed = stored.clone();
                changed[at] ^= bit;
                assert_refused(&changed, at);
            }
        }
        assert_refused(&[&stored[..], &[0]].concat(), stored.len());
    }
}

/// Written by another implementation (libsodium's), so that neither the format nor its meaning changes by accident.
#[test]
fn what_was_sealed_once_always_opens() {
    let bytes: [u8; 32] = core::array::from_fn(|at| u8::try_from(at).unwrap());
    let nonce: [u8; 24] = core::array::from_fn(|at| 100 + u8::try_from(at).unwrap());
    let sealing = Sealing::only(SealingKeys::new(SealingKey::new("2027-01", &bytes).unwrap()));
    let key = key();
    for (subject, hex) in [
        (
            SealSubject::Record { key: &key, generation: 0x11_2233_4455 },
            "977365616c0101000000112233445507323032372d3031\
             6465666768696a6b6c6d6e6f707172737475767778797a7b\
             075189dc9e40fde7e312a70edb72d2471775b13fe39a9e61d1437a7e40",
        ),
        (
            SealSubject::Login { application: "app", id: b"\x00\xff" },
            "977365616c0102000000000000000007323032372d3031\
             6465666768696a6b6c6d6e6f707172737475767778797a7b\
             075189dc9e40fde7e312a70edb794bf8b0fc18a698d8e77206c15870b0",
        ),
    ] {
        let plain = br#"{"planted":1}"#;
        assert_eq!(sealing.read(&unhex(hex), subject).unwrap().expose(), plain);
        assert_eq!(sealing.write(plain, subject, nonce), Ok(unhex(hex)));
    }
}

#[test]
fn nothing_shows_a_key_or_what_was_sealed() {
    let key = SealingKey::new("name", b"planted-planted-planted-planted!").unwrap();
    let keys = SealingKeys::new(key.clone());
    let sealing = Sealing::with(keys.clone());
    let unsealed = Unsealed::from(Vec::from(*b"planted"));
    let shown = format!("{key:?} {key:#?} {keys:?} {sealing:?} {sealing:#?} {unsealed:?}");
    assert!(shown.contains("name"), "{shown}");
    // As a list of numbers, too.
    for planted in ["planted", "112, 108", "112,\n"] {
        assert!(!shown.contains(planted), "{shown}");
    }
}

/// One that seals nothing, and knows one key.
struct OfTheHost(&'static str);

impl Seal for OfTheHost {
    fn key_id(&self) -> Box<str> {
        self.0.into()
    }

    fn seal(
        &self,
        plain: &[u8],
        context: &SealContext<'_>,
        _: [u8; 24],
    ) -> Result<Vec<u8>, SealError> {
        assert_eq!(context.key_id(), self.0);
        Ok(plain.into())
    }

    fn open(&self, sealed: &[u8], context: &SealContext<'_>) -> Result<Unsealed, SealError> {
        match context.key_id() {
            "down" => Err(SealError::Unavailable("no route to the key service".into())),
            "mine" => Ok(Vec::from(sealed).into()),
            other => Err(SealError::UnknownKey { key_id: other.into() }),
        }
    }
}

#[test]
fn a_seal_of_the_hosts_own_is_told_from_plain_bytes_and_from_other_keys() {
    let sealing = Sealing::only(OfTheHost("mine"));
    let stored = sealing.record_to_bytes(&key(), &record(), NONCE).unwrap();
    assert_eq!(Envelope::parse(&stored).map(|it| it.key_id()), Ok("mine"));
    assert_eq!(sealing.record_from_bytes(&key(), &stored, None), Ok(record()));
    let read = sealing.record_from_bytes(&key(), &stored, Some(1));
    let error = SealError::Wrong { key_id: "mine".into() };
    assert_eq!(read, Err(error.into()), "also where the seal looks at nothing");
    let login = SealSubject::Login { application: "app", id: b"" };
    assert!(sealing.read(&stored, login).is_err());

    let stored = sealed(&keys(&["a"]), &record());
    let read = sealing.record_from_bytes(&key(), &stored, None);
    assert_eq!(read, Err(SealError::UnknownKey { key_id: "a".into() }.into()));
    for unusable in ["", "two words"] {
        let written = Sealing::with(OfTheHost(unusable)).write(b"{}", login, NONCE);
        assert_eq!(written, Err(SealError::KeyId));
    }
}

#[test]
fn only_a_key_that_cannot_be_asked_for_is_asked_for_again() {
    let stored = sealed(&keys(&["down"]), &record());
    let read = Sealing::with(OfTheHost("mine")).record_from_bytes(&key(), &stored, None);
    let Err(Unreadable::Sealed(down)) = read else { panic!("{read:?}") };
    assert!(down.is_retryable());
    let key_id = || Box::from("a");
    let others = [
        SealError::NoSeal { key_id: key_id() },
        SealError::UnknownKey { key_id: key_id() },
        SealError::Wrong { key_id: key_id() },
        SealError::Malformed,
        SealError::Newer { format: 2 },
        SealError::NotSealed,
        SealError::KeyId,
        SealError::Other("access denied".into()),
    ];
    for error in others.iter().chain([&down]) {
        assert_eq!(error.is_retryable(), *error == down);
        for text in [error.to_string(), error.advice().into()] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
        }
    }
}

fn keys(ids: &[&str]) -> SealingKeys {
    let mut keys = ids.iter().map(|id| sealing_key(id));
    let first = SealingKeys::new(keys.next().unwrap());
    keys.fold(first, SealingKeys::and_reading)
}

/// Another one for each id.
fn sealing_key(id: &str) -> SealingKey {
    let mut bytes = [7; 32];
    bytes[..id.len()].copy_from_slice(id.as_bytes());
    SealingKey::new(id, &bytes).unwrap()
}

fn sealed(keys: &SealingKeys, record: &Record) -> Vec<u8> {
    Sealing::with(keys.clone()).record_to_bytes(&key(), record, NONCE).unwrap()
}

fn wrong() -> SealError {
    SealError::Wrong { key_id: "a".into() }
}

fn key() -> Key {
    Key::grant("app", "alice", "https://mcp.example.com/mcp")
}

fn record() -> Record {
    let settings = Settings::new("https://mcp.example.com/mcp").unwrap();
    let issuer = r#"{
        "issuer": "https://as.example.com", "code_challenge_methods_supported": ["S256"],
        "authorization_endpoint": "https://as.example.com/authorize",
        "token_endpoint": "https://as.example.com/token"}"#;
    let issuer = serde_json::from_str(issuer).unwrap();
    let client = serde_json::from_str(r#"{"client_id": "client-1"}"#).unwrap();
    let tokens = r#"{"access_token": "planted", "refresh_token": "planted-too"}"#;
    let tokens = serde_json::from_str(tokens).unwrap();
    let now = UnixTime::from_secs(1_900_000_000);
    Record::brought(&settings, &issuer, &client, tokens, now).unwrap()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |it: &[u8]| u8::from_str_radix(core::str::from_utf8(it).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

const NONCE: [u8; 24] = [9; 24];
