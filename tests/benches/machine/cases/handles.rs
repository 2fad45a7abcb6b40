//! The handles of both adapters: the value of the `Authorization` field from a handle that is at rest, and what it holds.
//!
//! The same work by hand is a lock for reading, the clock, a comparison, and a copy of the value.
//!
//! Handles are those of as many users of one application, as a gateway has them. What they hold is counted: the grant as
//! it came from the store, the value of the field, the session, locks, and what the runtime keeps of each. What all of
//! them share is not, since it is made before: settings, the HTTP client with its connections, the store, the watcher.
//! In rows with `Profiles` there is also that one's own list.

use std::hint::black_box;

use http::HeaderValue;
use oauth_blocking::ureq;
use tokio::runtime::{Builder, Runtime};

use crate::documents::{self, LONG_JWT, SERVER};
use crate::held::Held;
use crate::measure::{Cost, Side, Work, held};
use crate::one_record::OneRecord;
use crate::users::elsewhere;

/// The field's value from a handle of `oauth-tokio`, after a login.
pub(super) const TOKIO: Work = work(|_| asks(tokio_handle(), oauth_tokio::OAuth::authorization));

/// The same with a token that the host brought.
pub(super) const TOKIO_FIXED: Work = work(|_| asks(fixed(), oauth_tokio::OAuth::authorization));

/// The same from a handle of `oauth-blocking`, after a login.
pub(super) const BLOCKING: Work =
    work(|_| asks(blocking_handle(), oauth_blocking::OAuth::authorization));

const fn work(machine: Side) -> Work {
    Work { operations: 100_000, machine, bare: |_| asks(Held::new(), Held::authorization) }
}

fn asks<T: 'static>(handle: T, ask: fn(&T) -> Option<HeaderValue>) -> Box<dyn FnMut(usize)> {
    assert!(ask(&handle).is_some());
    Box::new(move |count| {
        for _ in 0..count {
            black_box(ask(black_box(&handle)));
        }
    })
}

fn tokio_handle() -> oauth_tokio::OAuth {
    let handle = tokio_server(tokens());
    runtime().block_on(handle.token()).expect("the stored token lives");
    handle
}

fn blocking_handle() -> oauth_blocking::OAuth {
    let handle = blocking_server(tokens());
    handle.token().expect("the stored token lives");
    handle
}

fn fixed() -> oauth_tokio::OAuth {
    let token = oauth_tokio::BearerAuth::new(&"aB3_".repeat(LONG_JWT / 4)).expect("it is a token");
    let builder = oauth_tokio::OAuth::new(SERVER).expect("it is a URL").application("bench");
    builder.bearer(token).build().expect("the settings fit together")
}

/// Handles of `oauth-tokio`.
pub(crate) fn idle_in_tokio(count: usize, tokens: String) -> Cost {
    let (server, runtime) = (tokio_server(tokens), runtime());
    let of = |number: usize| {
        let handle = server.for_profile(&user(number));
        runtime.block_on(handle.token()).expect("the stored token lives");
        handle
    };
    all(count, of)
}

/// The same, kept in `Profiles`.
pub(super) fn idle_in_profiles(count: usize, tokens: String) -> Cost {
    let (server, runtime) = (tokio_server(tokens), runtime());
    let users = oauth_tokio::Profiles::new(server.clone()).at_most(count + 1);
    let of = |number: usize| {
        let handle = users.of(&server, &user(number));
        runtime.block_on(handle.token()).expect("the stored token lives");
        handle
    };
    all(count, of)
}

/// Handles of `oauth-blocking`.
pub(super) fn idle_in_blocking(count: usize, tokens: String) -> Cost {
    let server = blocking_server(tokens);
    let of = |number: usize| {
        let handle = server.for_profile(&user(number));
        handle.token().expect("the stored token lives");
        handle
    };
    all(count, of)
}

/// What all share has been made when the first one is there.
fn all<T>(count: usize, of: impl Fn(usize) -> T) -> Cost {
    let first = of(count);
    let cost = held(count, |count| {
        let mut all = Vec::with_capacity(count);
        all.extend((0..count).map(of));
        all
    });
    drop(first);
    cost
}

fn tokio_server(tokens: String) -> oauth_tokio::OAuth {
    let builder = oauth_tokio::OAuth::new(SERVER).expect("it is a URL").application("bench");
    let builder =
        builder.token_storage(oauth_tokio::SharedStorage::new(OneRecord::after_login(tokens)));
    let builder = builder.user_agent(oauth_tokio::NoUserAgent::new(elsewhere()));
    builder.build().expect("the settings fit together")
}

fn blocking_server(tokens: String) -> oauth_blocking::OAuth {
    let builder = oauth_blocking::OAuth::new(SERVER).expect("it is a URL").application("bench");
    let builder = builder.token_storage(OneRecord::after_login(tokens));
    let builder = builder.user_agent(oauth_blocking::NoUserAgent::new(elsewhere()));
    let http = ureq::Agent::new_with_defaults();
    builder.http_client(http).build().expect("the settings fit together")
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("there are sockets on this machine")
}

/// All names are of one length.
fn user(number: usize) -> String {
    format!("user-{number:07}")
}

/// A token answer as many servers give it.
pub(crate) fn tokens() -> String {
    documents::tokens(LONG_JWT)
}

/// The same from a server that says as well who the user is.
pub(super) fn tokens_with_id_token() -> String {
    documents::tokens_with(LONG_JWT, "id_token", &documents::id_token(ID_TOKEN))
}

pub(super) const ID_TOKEN: usize = 1_000;
