//! A whole refresh in memory: all turns of the transaction, with a store that hands over what it has.

use std::hint::black_box;

use oauth_core::BearerAuth;
use oauth_core::session::{Record, Session, Turn};

use crate::bare::{Tokens, pair};
use crate::documents::{self, REFERENCE};
use crate::measure::Work;
use crate::prepared::{Answers, LATER, idle, settings};

pub(super) const WORK: Work = Work { operations: 100, machine, bare };

fn machine(prepared: usize) -> Box<dyn FnMut(usize)> {
    let settings = settings();
    let answers = Answers::with_access_token_of(REFERENCE);
    let stored = answers.record(settings.clone()).to_json();
    // Each has texts of its own, as when a store is read.
    let record = || Record::from_json(stored.as_bytes()).expect("the record is one");
    let mut expired: Vec<_> = (0..prepared)
        .map(|_| (idle(&settings, record()), [Some(record()), Some(record())]))
        .collect();
    let mut at = 0;
    Box::new(move |count| {
        for (session, stored) in &mut expired[at..at + count] {
            refresh(session, stored, &answers);
        }
        at += count;
    })
}

/// The store is looked into twice.
fn refresh(session: &mut Session, stored: &mut [Option<Record>; 2], answers: &Answers) {
    let mut stored = stored.iter_mut();
    assert!(session.authorization(LATER).is_none());
    session.access();
    loop {
        match session.turn().expect("the refresh goes on") {
            Turn::Load(reply) => {
                let record = stored.next().expect("the store is looked into twice");
                reply.loaded(record.take(), LATER);
            }
            Turn::Lock(_, reply) => reply.locked(),
            Turn::Reserve(reply) => reply.reserved(),
            Turn::Http(request, reply) => {
                black_box((request.url().as_str(), request.body()));
                reply.response(answers.to(&request), LATER);
            }
            Turn::Save(reply) => {
                black_box(reply.record());
                reply.saved(LATER);
            }
            Turn::Unlock(_, reply) => reply.unlocked(),
            Turn::Ready(authorization) => {
                black_box(authorization.bearer().map(BearerAuth::header_value));
                return;
            }
            Turn::Sign(_)
            | Turn::Assertion(_)
            | Turn::Key(_)
            | Turn::Login(_)
            | Turn::Prepare(_)
            | Turn::Browser(..)
            | Turn::Device(..)
            | Turn::Wait(..)
            | Turn::LoggedOut(_) => {
                panic!("no user is needed")
            }
        }
    }
}

/// What a refresh needs.
struct Held {
    token_endpoint: Box<str>,
    client_id: Box<str>,
    resource: Box<str>,
    tokens: Tokens,
}

fn bare(prepared: usize) -> Box<dyn FnMut(usize)> {
    let answer = documents::tokens(REFERENCE).into_bytes();
    let mut expired: Vec<_> = (0..prepared)
        .map(|_| Held {
            token_endpoint: "https://auth.example.com/oauth2/v1/token".into(),
            client_id: "0oa1b2c3d4e5f6g7h8i9".into(),
            resource: documents::SERVER.into(),
            tokens: Tokens::read(&answer, 1_900_000_000),
        })
        .collect();
    let mut at = 0;
    Box::new(move |count| {
        for held in &mut expired[at..at + count] {
            held.refresh(&answer, LATER.as_secs());
        }
        at += count;
    })
}

impl Held {
    fn refresh(&mut self, answer: &[u8], now: u64) {
        assert!(self.tokens.expires_at < now);
        let mut body = String::with_capacity(256);
        body.push_str("grant_type=refresh_token");
        pair(&mut body, "&refresh_token=", &self.tokens.refresh_token);
        pair(&mut body, "&resource=", &self.resource);
        pair(&mut body, "&client_id=", &self.client_id);
        black_box((&self.token_endpoint, body));
        self.tokens = Tokens::read(answer, now);
        black_box((&self.tokens.header_value, &self.tokens.scope));
    }
}
