//! A whole login in memory, from the 401 to the tokens: of a flow, and of a session with all that it asks of its store.

use std::hint::black_box;
use std::sync::Arc;

use oauth_core::Entropy;
use oauth_core::flow::{Flow, Login, RedirectUri, Settings, Step};
use oauth_core::session::Session;
use oauth_core::wire::ResourceChallenge;

use super::login_by_hand::Documents;
use crate::bare::{look, send};
use crate::documents::{self, CHALLENGE, LONG_JWT, REFERENCE};
use crate::exchange::{Exchange, InCoreTypes, InHttpTypes, LOGIN};
use crate::measure::Work;
use crate::prepared::{Answers, NOW, beginning, settings};
use crate::turns;

pub(super) const FLOW: Work =
    Work { operations: 100, machine: flow, bare: |count| bare(count, REFERENCE) };

pub(super) const SESSION: Work = Work {
    operations: 100,
    machine: |count| session(count, REFERENCE),
    bare: |count| bare(count, REFERENCE),
};

pub(super) const LONG: Work = Work {
    operations: 100,
    machine: |count| session(count, LONG_JWT),
    bare: |count| bare(count, LONG_JWT),
};

pub(super) const HTTP: Work =
    Work { operations: 100, machine: in_http_types, bare: bare_in_http_types };

fn flow(prepared: usize) -> Box<dyn FnMut(usize)> {
    let settings = settings();
    let answers = Answers::with_access_token_of(REFERENCE);
    let mut starts: Vec<_> = (0..prepared).map(|_| beginning()).collect();
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        for (redirect_uri, entropy) in starts.drain(..count) {
            done.push(log_in(&settings, &answers, redirect_uri, entropy));
        }
    })
}

/// The flow holds the grant in the end.
fn log_in(
    settings: &Arc<Settings>,
    answers: &Answers,
    redirect_uri: RedirectUri,
    entropy: Entropy,
) -> Flow {
    let challenge = ResourceChallenge::select([CHALLENGE]).expect("it is a bearer challenge");
    let login = Login::new(Arc::clone(settings), redirect_uri, entropy, NOW).challenge(challenge);
    let mut flow = Flow::login(login).expect("the challenge can be used");
    loop {
        match flow.step().expect("the login goes on") {
            Step::Http { request, reply } => {
                black_box((request.url().as_str(), request.body()));
                reply.response(answers.to(&request), NOW);
            }
            Step::Browser { url, reply } => {
                black_box(url.as_str());
                reply.redirect(&answers.redirect).expect("the redirect answers this login");
            }
            Step::Sign(_) | Step::Assertion(_) | Step::Key(_) => panic!("a user logs in"),
            Step::Device { .. } | Step::Wait { .. } => panic!("there is a browser"),
            Step::Done(grant) => {
                black_box(grant);
                return flow;
            }
        }
    }
}

fn session(prepared: usize, access_token_bytes: usize) -> Box<dyn FnMut(usize)> {
    let answers = Answers::with_access_token_of(access_token_bytes);
    let mut starts: Vec<_> = (0..prepared).map(|_| beginning()).collect();
    let mut done = Vec::with_capacity(prepared);
    let settings = settings();
    Box::new(move |count| {
        for beginning in starts.drain(..count) {
            let exchange = InCoreTypes(&answers);
            done.push(log_in_session(&settings, beginning, &answers.redirect, exchange));
        }
    })
}

fn in_http_types(prepared: usize) -> Box<dyn FnMut(usize)> {
    let answers = Answers::with_access_token_of(LONG_JWT);
    let start = |_| (beginning(), InHttpTypes::new(&answers, &LOGIN));
    let mut starts: Vec<_> = (0..prepared).map(start).collect();
    let mut done = Vec::with_capacity(prepared);
    let settings = settings();
    Box::new(move |count| {
        for (beginning, exchange) in starts.drain(..count) {
            done.push(log_in_session(&settings, beginning, &answers.redirect, exchange));
        }
    })
}

fn log_in_session(
    settings: &Arc<Settings>,
    beginning: (RedirectUri, Entropy),
    redirect: &str,
    mut exchange: impl Exchange,
) -> Session {
    let mut session = Session::new(Arc::clone(settings));
    turns::log_in(&mut session, beginning, redirect, &mut exchange);
    session
}

fn bare(prepared: usize, access_token_bytes: usize) -> Box<dyn FnMut(usize)> {
    let documents = Documents::new(access_token_bytes);
    let mut redirect_uris: Vec<Box<str>> = vec![documents::REDIRECT_URI.into(); prepared];
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        for redirect_uri in redirect_uris.drain(..count) {
            done.push(black_box(documents.log_in(redirect_uri, look)));
        }
    })
}

/// What comes back is read where the HTTP client has it.
fn bare_in_http_types(prepared: usize) -> Box<dyn FnMut(usize)> {
    let documents = Documents::new(LONG_JWT);
    let mut redirect_uris: Vec<Box<str>> = vec![documents::REDIRECT_URI.into(); prepared];
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        for redirect_uri in redirect_uris.drain(..count) {
            done.push(black_box(documents.log_in(redirect_uri, send)));
        }
    })
}
