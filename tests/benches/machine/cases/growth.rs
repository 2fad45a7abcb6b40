//! How cost grows: with what is held, with what else is in the store, and with the size of what servers say.

use std::hint::black_box;

use oauth_core::client::{Lease, Leases as _, Loaded, MemoryTokenStorage, Records as _};
use oauth_core::client::{TokenStorage as _, Written};
use oauth_core::session::{Key, Record, Session, Turn};

use crate::documents::{self, LONG_JWT, REFERENCE, SERVER};
use crate::exchange::{Exchange as _, InCoreTypes};
use crate::measure::{Side, Work};
use crate::prepared::{Answers, LATER, idle, settings, start};
use crate::turns;

/// One thing at several sizes: the size, and the name under which it is measured.
pub(crate) type Sizes = &'static [(usize, &'static str, Work)];

/// A refresh through a store in memory that holds so many grants.
pub(crate) const GRANTS: Sizes = &[
    (1, "refresh among 1 grants", few(refresh_among::<1>)),
    (10, "refresh among 10 grants", few(refresh_among::<10>)),
    (100, "refresh among 100 grants", few(refresh_among::<100>)),
    (1_000, "refresh among 1,000 grants", few(refresh_among::<1_000>)),
    (10_000, "refresh among 10,000 grants", few(refresh_among::<10_000>)),
];

/// A server document of so many bytes.
pub(crate) const SERVER_DOCUMENTS: Sizes = &[
    (1_024, "server document of 1 KB", few(server_document::<1_024>)),
    (3_072, "server document of 3 KB", few(server_document::<3_072>)),
    (10_240, "server document of 10 KB", few(server_document::<10_240>)),
    (30_720, "server document of 30 KB", few(server_document::<30_720>)),
    (65_536, "server document of 64 KB", few(server_document::<65_536>)),
];

/// A refresh whose answer has a token of about so many bytes.
pub(crate) const TOKEN_ANSWERS: Sizes = &[
    (1_024, "token answer of 1 KB", few(token_answer::<1_024>)),
    (3_072, "token answer of 3 KB", few(token_answer::<3_072>)),
    (10_240, "token answer of 10 KB", few(token_answer::<10_240>)),
    (30_720, "token answer of 30 KB", few(token_answer::<30_720>)),
    (65_536, "token answer of 64 KB", few(token_answer::<65_536>)),
];

pub(super) fn work(name: &str) -> Option<Work> {
    let all = [GRANTS, SERVER_DOCUMENTS, TOKEN_ANSWERS];
    all.into_iter().flatten().find(|(_, other, _)| *other == name).map(|(_, _, work)| *work)
}

/// Nothing is compared with work by hand here.
const fn few(machine: Side) -> Work {
    Work { operations: 10, machine, bare: machine }
}

fn server_document<const BYTES: usize>(prepared: usize) -> Box<dyn FnMut(usize)> {
    let (settings, usual) = (settings(), Answers::with_access_token_of(REFERENCE));
    let document = documents::server_of(BYTES);
    assert!(document.len().abs_diff(BYTES) < 64, "{} bytes", document.len());
    let answers = Answers::with_documents(document, documents::tokens(REFERENCE));
    let mut waiting: Vec<_> = (0..prepared).map(|_| start(&settings)).collect();
    waiting.iter_mut().for_each(|flow| usual.answer_once(flow));
    let mut at = 0;
    Box::new(move |count| {
        for flow in &mut waiting[at..at + count] {
            answers.answer_once(flow);
        }
        at += count;
    })
}

fn token_answer<const BYTES: usize>(prepared: usize) -> Box<dyn FnMut(usize)> {
    let usual = Answers::with_access_token_of(LONG_JWT);
    let besides = documents::tokens(0).len();
    let answers = Answers::with_access_token_of(BYTES - besides);
    let settings = settings();
    let stored = usual.record(settings.clone()).to_json();
    let record = || Record::from_json(stored.as_bytes()).expect("the record is one");
    let one = |_| (idle(&settings, record()), [Some(record()), Some(record())]);
    let mut expired: Vec<_> = (0..prepared).map(one).collect();
    let mut at = 0;
    Box::new(move |count| {
        for (session, stored) in &mut expired[at..at + count] {
            turns::refresh(session, stored, &mut InCoreTypes(&answers));
        }
        at += count;
    })
}

fn refresh_among<const GRANTS: usize>(prepared: usize) -> Box<dyn FnMut(usize)> {
    let answers = Answers::with_access_token_of(LONG_JWT);
    let settings = settings();
    let stored = answers.record(settings.clone()).to_json();
    let record = || Record::from_json(stored.as_bytes()).expect("the record is one");
    let key = |user: usize| Key::grant("bench", &format!("user-{user:07}"), SERVER);
    // A grant is refreshed once: where there are fewer than operations, there are more stores.
    let full = |_| {
        let store = MemoryTokenStorage::new();
        for user in 0..GRANTS {
            let saved = store.save(&key(user), &record(), 0).expect("the store works");
            assert_eq!(saved, Written::Done);
        }
        store
    };
    let stores: Vec<_> = (0..prepared.div_ceil(GRANTS)).map(full).collect();
    let one = |at: usize| (at / GRANTS, key(at % GRANTS), idle(&settings, record()));
    let mut expired: Vec<_> = (0..prepared).map(one).collect();
    let mut at = 0;
    Box::new(move |count| {
        for (store, key, session) in &mut expired[at..at + count] {
            refresh_in(session, &stores[*store], key, &answers);
        }
        at += count;
    })
}

/// A refresh with all that it asks of its store.
fn refresh_in(session: &mut Session, store: &MemoryTokenStorage, key: &Key, answers: &Answers) {
    let mut held: Option<Lease> = None;
    session.access();
    loop {
        match session.turn().expect("the refresh goes on") {
            Turn::Load(reply) => match store.load(key).expect("the store works") {
                Loaded::Record(record) => reply.loaded(Some(*record), LATER),
                _ => panic!("the grant is stored"),
            },
            Turn::Lock(lock, reply) => {
                held = store.try_lock(key, lock).expect("the store works");
                reply.locked();
            }
            Turn::Reserve(reply) => {
                let lease = held.as_mut().expect("the lock is free");
                let reserved = store.reserve(key, lease, reply.spend()).expect("the store works");
                assert!(reserved);
                reply.reserved();
            }
            Turn::Http(request, reply) => {
                InCoreTypes(answers).answer(request, reply, LATER);
            }
            Turn::Save(reply) => {
                let saved = store.save(key, reply.record(), reply.expected());
                assert_eq!(saved.expect("the store works"), Written::Done);
                reply.saved(LATER);
            }
            Turn::Unlock(_, reply) => {
                store.release(key, held.take().expect("the lock is held"));
                reply.unlocked();
            }
            Turn::Ready(authorization) => {
                black_box(authorization.to_auth());
                return;
            }
            _ => panic!("no user is needed"),
        }
    }
}
