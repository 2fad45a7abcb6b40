//! A whole refresh in memory: all turns of the transaction, with a store that hands over what it has.

use std::hint::black_box;

use oauth_core::Endpoint;
use oauth_core::session::{Record, Session};

use crate::bare::{Body, Tokens, look, pair, send};
use crate::documents::{self, LONG_JWT, REFERENCE};
use crate::exchange::{InCoreTypes, InHttpTypes};
use crate::measure::Work;
use crate::prepared::{Answers, LATER, idle, settings};
use crate::turns;

pub(super) const SHORT: Work = Work {
    operations: 100,
    machine: |count| machine(count, REFERENCE, expired),
    bare: |count| bare(count, REFERENCE, look),
};

pub(super) const LONG: Work = Work {
    operations: 100,
    machine: |count| machine(count, LONG_JWT, expired),
    bare: |count| bare(count, LONG_JWT, look),
};

pub(super) const IN_MEMORY: Work = Work {
    operations: 100,
    machine: |count| machine(count, LONG_JWT, expired_in_memory),
    bare: |count| bare(count, LONG_JWT, look),
};

pub(super) const HTTP: Work =
    Work { operations: 100, machine: in_http_types, bare: |count| bare(count, LONG_JWT, send) };

fn machine(
    prepared: usize,
    access_token_bytes: usize,
    expired: fn(&Answers, usize) -> Vec<Expired>,
) -> Box<dyn FnMut(usize)> {
    let answers = Answers::with_access_token_of(access_token_bytes);
    let mut expired = expired(&answers, prepared);
    let mut at = 0;
    Box::new(move |count| {
        for (session, stored) in &mut expired[at..at + count] {
            turns::refresh(session, stored, &mut InCoreTypes(&answers));
        }
        at += count;
    })
}

fn in_http_types(prepared: usize) -> Box<dyn FnMut(usize)> {
    let answers = Answers::with_access_token_of(LONG_JWT);
    let answered = |expired| (expired, InHttpTypes::new(&answers, &[Endpoint::Token]));
    let mut expired: Vec<_> = expired(&answers, prepared).into_iter().map(answered).collect();
    let mut at = 0;
    Box::new(move |count| {
        for ((session, stored), exchange) in &mut expired[at..at + count] {
            turns::refresh(session, stored, exchange);
        }
        at += count;
    })
}

/// A session, and what its store holds at each of two looks.
type Expired = (Session, [Option<Record>; 2]);

/// Each has texts of its own, as when a store is read.
fn expired(answers: &Answers, count: usize) -> Vec<Expired> {
    let settings = settings();
    let stored = answers.record(settings.clone()).to_json();
    let record = || Record::from_json(stored.as_bytes()).expect("the record is one");
    let one = |_| (idle(&settings, record()), [Some(record()), Some(record())]);
    (0..count).map(one).collect()
}

/// Each hands out what its session has, as a store in memory does.
fn expired_in_memory(answers: &Answers, count: usize) -> Vec<Expired> {
    let mut all = expired(answers, count);
    for (session, stored) in &mut all {
        stored.fill_with(|| session.record().cloned());
    }
    all
}

/// What a refresh needs.
struct Held {
    token_endpoint: Box<str>,
    client_id: Box<str>,
    resource: Box<str>,
    tokens: Tokens,
}

fn bare(
    prepared: usize,
    access_token_bytes: usize,
    ask: fn(&str, Option<Body>),
) -> Box<dyn FnMut(usize)> {
    let answer = documents::tokens(access_token_bytes).into_bytes();
    let mut expired: Vec<_> = (0..prepared)
        .map(|_| Held {
            token_endpoint: "https://auth.example.com/oauth2/v1/token".into(),
            client_id: documents::CLIENT_ID.into(),
            resource: documents::SERVER.into(),
            tokens: Tokens::read(&answer, 1_900_000_000),
        })
        .collect();
    let mut at = 0;
    Box::new(move |count| {
        for held in &mut expired[at..at + count] {
            held.refresh(&answer, LATER.as_secs(), ask);
        }
        at += count;
    })
}

impl Held {
    fn refresh(&mut self, answer: &[u8], now: u64, ask: fn(&str, Option<Body>)) {
        assert!(self.tokens.expires_at < now);
        let mut body = String::with_capacity(256);
        body.push_str("grant_type=refresh_token");
        pair(&mut body, "&refresh_token=", &self.tokens.refresh_token);
        pair(&mut body, "&resource=", &self.resource);
        pair(&mut body, "&client_id=", &self.client_id);
        ask(&self.token_endpoint, Some(Body::Form(body)));
        self.tokens = Tokens::read(answer, now);
        black_box((&self.tokens.header_value, &self.tokens.scope));
    }
}
