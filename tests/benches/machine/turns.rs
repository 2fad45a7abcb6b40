//! A host of a session that does for each turn the least: stores that have at once what they are asked for, locks that
//! are free, a user who is there.

use std::hint::black_box;

use oauth_core::flow::RedirectUri;
use oauth_core::session::{Record, Session, Turn};
use oauth_core::{BearerAuth, Entropy};

use crate::documents;
use crate::exchange::Exchange;
use crate::prepared::{LATER, NOW, dpop_key};

/// A whole login, with an empty store.
pub(crate) fn log_in(
    session: &mut Session,
    beginning: (RedirectUri, Entropy),
    redirect: &str,
    exchange: &mut impl Exchange,
) {
    go_on(session, Some(beginning), Some(redirect), exchange);
}

/// A login with an empty store, until its user has to be sent to the page.
pub(crate) fn begin_login(
    session: &mut Session,
    beginning: (RedirectUri, Entropy),
    exchange: &mut impl Exchange,
) {
    go_on(session, Some(beginning), None, exchange);
}

/// Ends with a token, or at the page if nobody comes back from there.
fn go_on(
    session: &mut Session,
    mut beginning: Option<(RedirectUri, Entropy)>,
    mut redirect: Option<&str>,
    exchange: &mut impl Exchange,
) {
    loop {
        match session.turn().expect("the login goes on") {
            Turn::Load(reply) => reply.loaded(None, NOW),
            Turn::Lock(_, reply) => reply.locked(),
            Turn::Unlock(_, reply) => reply.unlocked(),
            Turn::Save(reply) => {
                black_box(reply.record());
                reply.saved(NOW);
            }
            Turn::Login(mut reply) => {
                reply.challenge([documents::CHALLENGE]);
                reply.begin();
            }
            Turn::Prepare(reply) => {
                let (redirect_uri, entropy) = beginning.take().expect("it begins once");
                reply.prepared(redirect_uri, entropy, NOW);
            }
            Turn::Key(reply) => reply.given(dpop_key(), NOW),
            Turn::Sign(reply) => {
                let unsigned = reply.unsigned([7; 16], NOW).expect("there is a proof to sign");
                reply.signed(&unsigned, &[7; 64], NOW).expect("it is as long as a signature");
            }
            Turn::Http(request, reply) => exchange.answer(request, reply, NOW),
            Turn::Browser(url, reply) => {
                let Some(query) = redirect.take() else { return };
                black_box(url.as_str());
                reply.redirect(query, NOW).expect("the redirect answers this login");
            }
            Turn::Ready(authorization) => {
                black_box(authorization.bearer().map(BearerAuth::header_value));
                return;
            }
            _ => panic!("a login with a browser needs nothing else"),
        }
    }
}

/// A whole refresh of a token that has expired. The store is looked into twice.
pub(crate) fn refresh(
    session: &mut Session,
    stored: &mut [Option<Record>; 2],
    exchange: &mut impl Exchange,
) {
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
            Turn::Http(request, reply) => exchange.answer(request, reply, LATER),
            Turn::Save(reply) => {
                black_box(reply.record());
                reply.saved(LATER);
            }
            Turn::Unlock(_, reply) => reply.unlocked(),
            Turn::Ready(authorization) => {
                black_box(authorization.bearer().map(BearerAuth::header_value));
                return;
            }
            _ => panic!("no user is needed"),
        }
    }
}
