//! Tokens that have to live for some time yet, with both adapters: what comes of a refresh for more, and that the token
//! at hand stays in use where nothing comes of it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::time::Duration;

use oauth_blocking::MemoryTokenStorage;
use oauth_core::{BearerAuth, Error as E};
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, Party, RefreshTokens, TokenForm};
use tokio_common::common::{self, HOUR, LIST, age, key, logins, refreshes, serve};

/// What is left of the token at hand.
const LEFT: Duration = Duration::from_secs(1_200);
const LESS: Duration = Duration::from_secs(900);
const MORE: Duration = Duration::from_secs(1_800);

/// A client of either kind, with a token that it can tell the age of.
enum Client {
    Threads(oauth_blocking::OAuth),
    Tasks(oauth_tokio::OAuth, tokio::runtime::Runtime),
}

impl Client {
    fn both(served: &Served, store: &MemoryTokenStorage) -> [Self; 2] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let tasks = tokio_common::client(served, store);
        [Self::Threads(common::client(served, store)), Self::Tasks(tasks, runtime)]
    }

    /// The token, or the code of the error and the core's, if it is one of those.
    fn token_for(&self, wanted: Duration) -> Result<String, (&'static str, Option<E>)> {
        let token = |token: BearerAuth| token.token().to_owned();
        match self {
            Self::Threads(oauth) => oauth.token_for(wanted).map(token).map_err(|error| {
                let code = error.code();
                match error {
                    oauth_blocking::Error::OAuth { error, .. } => (code, Some(error)),
                    _ => (code, None),
                }
            }),
            Self::Tasks(oauth, runtime) => {
                runtime.block_on(oauth.token_for(wanted)).map(token).map_err(|error| {
                    let code = error.code();
                    match error {
                        oauth_tokio::Error::OAuth { error, .. } => (code, Some(error)),
                        _ => (code, None),
                    }
                })
            }
        }
    }

    fn call(&self, served: &Served) -> u16 {
        match self {
            Self::Threads(oauth) => common::call(oauth, served, LIST).unwrap(),
            Self::Tasks(oauth, runtime) => {
                runtime.block_on(tokio_common::call(oauth, served, LIST)).unwrap()
            }
        }
    }
}

/// Runs a scenario with each adapter, in the middle of the life of a token.
fn later(knobs: &Knobs, scenario: impl Fn(&Client, &Served, &MemoryTokenStorage)) {
    for at in 0..2 {
        let served = serve(knobs.clone());
        let store = MemoryTokenStorage::new();
        let first = common::logged_in(&served, &store).token().unwrap();
        if knobs.token_form == Damage::none() {
            age(&store, &key(&served), LEFT);
        }
        let client = &Client::both(&served, &store)[at];
        assert_eq!(client.token_for(LESS).unwrap(), first.token());
        scenario(client, &served, &store);
        // Whoever wants less has it.
        client.token_for(LESS).unwrap();
        assert_eq!(client.call(&served), 200);
        assert_eq!(logins(&served), 0);
    }
}

fn too_short<T: std::fmt::Debug>(outcome: Result<T, (&'static str, Option<E>)>) -> Duration {
    match outcome.unwrap_err() {
        ("token_too_short", Some(E::TokenTooShort { lives_for, .. })) => lives_for,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_refreshed_for_more_time() {
    later(&Knobs::default(), |client, served, _| {
        let token = client.token_for(MORE).unwrap();
        assert_eq!(client.token_for(MORE).unwrap(), token);
        assert!(too_short(client.token_for(Duration::from_secs(2 * HOUR))) > MORE);
        assert_eq!(refreshes(served), 1);
    });
}

#[test]
fn a_refresh_for_more_time_that_is_refused_leaves_the_token_in_use() {
    later(&Knobs::default(), |client, served, _| {
        let refuse = TokenForm::Refuse("invalid_grant".into());
        served.world().knobs.token_form = Damage::times(refuse, 1);
        let before = client.token_for(LESS).unwrap();
        for _ in 0..2 {
            assert!(too_short(client.token_for(MORE)) <= LEFT);
        }
        assert_eq!(client.token_for(LESS).unwrap(), before);
        assert_eq!(refreshes(served), 1, "it is not asked for again");
    });
}

/// The refresh token may be good yet, and is kept.
#[test]
fn a_refresh_for_more_time_that_is_refused_for_another_reason_is_made_once() {
    for code in ["unauthorized_client", "invalid_client", "other"] {
        later(&Knobs::default(), |client, served, _| {
            served.world().knobs.token_form = Damage::always(TokenForm::Refuse(code.into()));
            let before = client.token_for(LESS).unwrap();
            assert!(too_short(client.token_for(MORE)) <= LEFT, "{code}");
            assert_eq!(client.token_for(LESS).unwrap(), before, "{code}");
            assert_eq!(refreshes(served), 1, "{code}");
        });
    }
}

#[test]
fn a_refresh_for_more_time_that_is_postponed_is_not_made_again_at_once() {
    later(&Knobs::default(), |client, served, _| {
        let fault = Fault::Unavailable { retry_after: 90 };
        served.world().knobs.token_damage = Damage::times(fault, 1);
        let before = client.token_for(LESS).unwrap();
        for _ in 0..2 {
            assert_eq!(client.token_for(MORE).unwrap_err().0, "unreachable");
            assert_eq!(client.token_for(LESS).unwrap(), before);
        }
        assert_eq!(refreshes(served), 1, "the server is left alone");
    });
}

#[test]
fn a_refresh_for_more_time_at_a_server_that_is_gone_can_be_tried_again() {
    later(&Knobs::default(), |client, served, store| {
        served.unplug(Party::AuthServer);
        let before = client.token_for(LESS).unwrap();
        assert_eq!(client.token_for(MORE).unwrap_err().0, "unreachable");
        assert_eq!(client.token_for(LESS).unwrap(), before);
        served.plug(Party::AuthServer);
        common::end_pause(store, &key(served));
        assert_ne!(client.token_for(MORE).unwrap(), before);
        assert_eq!(refreshes(served), 1);
    });
}

#[test]
fn a_token_that_cannot_be_refreshed_says_how_long_it_lives() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    later(&knobs, |client, served, _| {
        assert!(too_short(client.token_for(MORE)) <= LEFT);
        assert_eq!(served.world().oauth_requests(), 0);
    });
}

#[test]
fn a_token_whose_expiry_is_unknown_will_do() {
    let knobs = Knobs { token_form: Damage::always(TokenForm::NoExpiresIn), ..Knobs::default() };
    later(&knobs, |client, served, _| {
        client.token_for(Duration::MAX).unwrap();
        assert_eq!(served.world().oauth_requests(), 0);
    });
}

#[test]
fn a_token_that_is_fixed_will_do() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let fixed = || BearerAuth::new("fixed").unwrap();
    let threads = common::builder(&served, &store).bearer(fixed()).build().unwrap();
    assert_eq!(threads.token_for(Duration::MAX).unwrap(), fixed());
    let tasks = tokio_common::builder(&served, &store).bearer(fixed()).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(tasks.token_for(Duration::MAX)).unwrap(), fixed());
    assert_eq!(served.world().log.len(), 0);
}

/// Without a token at all an interactive client asks its user, once, and a quiet one says so.
#[test]
fn no_token_at_all_leads_to_a_login_where_one_may_begin() {
    for at in 0..2 {
        let served = serve(Knobs::default());
        let store = MemoryTokenStorage::new();
        let quiet = match &Client::both(&served, &store)[at] {
            Client::Threads(oauth) => oauth.quiet().token_for(LESS).unwrap_err().code(),
            Client::Tasks(oauth, runtime) => {
                runtime.block_on(oauth.quiet().token_for(LESS)).unwrap_err().code()
            }
        };
        assert_eq!((quiet, served.world().oauth_requests()), ("login_required", 0));
        let client = &Client::both(&served, &store)[at];
        let token = client.token_for(LESS).unwrap();
        assert_eq!(client.token_for(MORE).unwrap(), token);
        assert_eq!(logins(&served), 1);
    }
}
