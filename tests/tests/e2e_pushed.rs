//! Requests that are pushed (RFC 9126), over sockets, with both adapters: the browser shows a reference, and nobody is
//! sent to a page without one.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use oauth_blocking::{MemoryTokenStorage, Par as Wish};
use oauth_tests::world::{Damage, Knobs, Par, ParForm, What};
use tokio_common::common::{self, assert_sound, serve};

/// Logs in with threads, and with tasks; what each login came to, and how often something was pushed and shown.
fn log_in(knobs: &Knobs, par: Wish) -> [(Option<String>, usize, usize); 2] {
    [false, true].map(|on_tasks| {
        let (served, store) = (serve(knobs.clone()), MemoryTokenStorage::new());
        let error = if on_tasks {
            let oauth = tokio_common::builder(&served, &store).par(par).build().unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(oauth.login()).err().map(|error| error.to_string())
        } else {
            let oauth = common::builder(&served, &store).par(par).build().unwrap();
            oauth.login().err().map(|error| error.to_string())
        };
        assert_sound(&served);
        let world = served.world();
        (error, world.count(What::Push), world.count(What::Authorize))
    })
}

#[test]
fn the_browser_shows_a_reference_where_it_has_to_or_the_host_wants_it() {
    let required = Knobs { par: Par::Required, ..Knobs::default() };
    let offered = Knobs { par: Par::Offered, ..Knobs::default() };
    for (knobs, par, pushes) in [
        (&required, Wish::IfRequired, 1),
        (&offered, Wish::IfRequired, 0),
        (&offered, Wish::IfOffered, 1),
    ] {
        let one = (None, pushes, 1);
        assert_eq!(log_in(knobs, par), [one.clone(), one], "{par:?}");
    }
}

#[test]
fn a_request_that_is_refused_is_shown_to_nobody() {
    let par_form = Damage::always(ParForm::Refuse("invalid_request".into()));
    let knobs = Knobs { par: Par::Offered, par_form, ..Knobs::default() };
    for (error, pushes, pages) in log_in(&knobs, Wish::IfOffered) {
        assert!(error.unwrap().contains("invalid_request"));
        assert_eq!((pushes, pages), (1, 0));
    }
}
