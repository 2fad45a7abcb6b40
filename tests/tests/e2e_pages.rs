//! The page that the browser shows in the end says what really happened, with both adapters.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_blocking::adapter::PAGE_LIMIT;
use oauth_blocking::{
    AuthorizationUrl, MemoryTokenStorage, OAuth, Prepared, RedirectUri, Returned, UserAgent,
    UserAgentError,
};
use oauth_core::loopback::Outcome;
use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Damage, Fault, IssParameter, Knobs, TokenForm};
use oauth_tokio::Blocking;
use tokio_common::common::{
    self, Brittle, ELSEWHERE, PATIENCE, Pages, assert_sound, redirect, serve,
};

/// What is served, and what the page says.
fn cases() -> Vec<(Knobs, &'static str)> {
    let knobs = Knobs::default;
    let refuse = |code: &str| Damage::always(TokenForm::Refuse(code.into()));
    vec![
        (knobs(), "<h1>You are logged in</h1>"),
        (Knobs { consent: Consent::Deny, ..knobs() }, "It was declined."),
        (
            Knobs { consent: Consent::ServerError, ..knobs() },
            "The authorization server refused it.",
        ),
        (Knobs { iss: IssParameter::Wrong, ..knobs() }, "was changed on its way. It was not used."),
        (
            Knobs { iss: IssParameter::Missing, ..knobs() },
            "was changed on its way. It was not used.",
        ),
        (Knobs { token_form: refuse("invalid_grant"), ..knobs() }, "server refused it."),
        (Knobs { token_damage: Damage::always(Fault::Html), ..knobs() }, "answer cannot be used."),
        (Knobs { token_damage: Damage::always(Fault::Status(503)), ..knobs() }, "did not answer."),
    ]
}

fn assert_page(pages: &Pages, says: &str, succeeded: bool) {
    let page = pages.last();
    assert!(page.contains(says), "{says}: {page}");
    assert_eq!(page.contains("<h1>The login did not succeed</h1>"), !succeeded, "{page}");
}

/// A page of the host's own, or one that is too long.
fn own_page(outcome: Outcome) -> String {
    let says = format!("<!doctype html><title>My editor</title><h1>My editor: {outcome:?}</h1>");
    if outcome == Outcome::Refused { says.repeat(1000) } else { says }
}

/// What a page of the host's own says, and that it has our script behind it.
fn assert_own_page(pages: &Pages, says: &str) {
    let page = pages.last();
    assert!(page.contains(says) && page.contains("<script>history.replaceState"), "{says}: {page}");
}

fn own_cases() -> [(Knobs, &'static str); 3] {
    let knobs = Knobs::default;
    [
        (knobs(), "<h1>My editor: LoggedIn</h1>"),
        (Knobs { consent: Consent::Deny, ..knobs() }, "<h1>My editor: Declined</h1>"),
        (Knobs { consent: Consent::ServerError, ..knobs() }, "<h1>The login did not succeed</h1>"),
    ]
}

#[test]
fn the_host_may_show_a_page_of_its_own() {
    for (knobs, says) in own_cases() {
        let (served, pages) = (serve(knobs), Pages::default());
        let builder = common::builder(&served, &MemoryTokenStorage::new());
        let oauth = builder.user_agent(pages.browser().page(own_page)).build().unwrap();
        drop(oauth.authenticate());
        assert_own_page(&pages, says);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_may_show_a_page_of_its_own_on_tokio() {
    for (knobs, says) in own_cases() {
        let (served, pages) = (serve(knobs), Pages::default());
        let builder = tokio_common::builder(&served, &MemoryTokenStorage::new());
        let oauth = builder.user_agent(pages.browser().page(own_page)).build().unwrap();
        drop(oauth.authenticate().await);
        tokio::task::spawn_blocking(move || assert_own_page(&pages, says)).await.unwrap();
    }
}

fn blocking(served: &Served, pages: &Pages) -> OAuth {
    OAuth::new(&served.server_url())
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(pages.browser())
        .wait(PATIENCE)
        .build()
        .unwrap()
}

fn on_tokio(served: &Served, pages: &Pages) -> oauth_tokio::OAuth {
    let builder = tokio_common::builder(served, &MemoryTokenStorage::new());
    builder.user_agent(pages.browser()).build().unwrap()
}

#[test]
fn the_page_says_what_really_happened() {
    for (knobs, says) in cases() {
        let (served, pages) = (serve(knobs), Pages::default());
        let outcome = blocking(&served, &pages).authenticate();
        assert_page(&pages, says, outcome.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_really_happened_on_tokio() {
    for (knobs, says) in cases() {
        let (served, pages) = (serve(knobs), Pages::default());
        let outcome = on_tokio(&served, &pages).authenticate().await;
        let seen = pages.clone();
        let succeeded = outcome.is_ok();
        tokio::task::spawn_blocking(move || assert_page(&seen, says, succeeded)).await.unwrap();
    }
}

/// The tokens came, are in memory only, and are used.
#[test]
fn the_page_says_that_it_worked_although_the_store_fails() {
    for adapter in 0..2 {
        let (served, shown, store) =
            (serve(Knobs::default()), Shown::default(), Brittle::default());
        let no_save = store.no_save.clone();
        served.rewrite(move |request, _| {
            no_save.fetch_or(request.uri().path() == "/token", Ordering::SeqCst);
        });
        let url = served.server_url();
        if adapter == 0 {
            let builder = OAuth::new(&url).unwrap().token_storage(store);
            let oauth = builder.user_agent(shown.clone()).build().unwrap();
            oauth.authenticate().unwrap();
        } else {
            let builder =
                oauth_tokio::OAuth::new(&url).unwrap().token_storage(Blocking::new(store));
            let oauth = builder.user_agent(shown.clone()).build().unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(oauth.authenticate()).unwrap();
        }
        assert_eq!(*shown.0.lock().unwrap(), [Outcome::LoggedIn]);
        assert_eq!(served.world().token_requests(), 1);
    }
}

/// A user whose page shows how the login ends, however long that takes: a real one would say after a while
/// that the application goes on.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<Outcome>>>);

impl Shown {
    fn comes_back(&self, url: &AuthorizationUrl) -> Returned {
        let shown = self.clone();
        Returned::showing(redirect(url).into(), move |outcome| {
            shown.0.lock().unwrap().push(outcome);
        })
    }
}

impl UserAgent for Shown {
    fn prepare(&self, _: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (user, redirect_uri) = (self.clone(), RedirectUri::parse(ELSEWHERE)?);
        Ok(Prepared::with_page(redirect_uri, move |url, _, _| Ok(user.comes_back(url))))
    }
}

impl oauth_tokio::UserAgent for Shown {
    async fn prepare(&self, _: Option<&str>) -> Result<oauth_tokio::Prepared, UserAgentError> {
        let (user, redirect_uri) = (self.clone(), RedirectUri::parse(ELSEWHERE)?);
        Ok(oauth_tokio::Prepared::with_page(redirect_uri, async move |url, _, _| {
            Ok(user.comes_back(&url))
        }))
    }
}

/// As a program on the command line is built: the runtime ends with the login.
#[test]
fn the_page_is_written_though_the_runtime_ends() {
    let (served, pages) = (serve(Knobs::default()), Pages::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { on_tokio(&served, &pages).authenticate().await.unwrap() });
    drop(runtime);
    assert_page(&pages, "<h1>You are logged in</h1>", true);
}

#[test]
fn a_page_that_has_to_wait_says_that_the_application_goes_on() {
    let served = serve(Knobs::default());
    served.delay_tokens(PAGE_LIMIT + Duration::from_secs(2));
    let pages = [Pages::default(), Pages::default()];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| blocking(&served, &pages[0]).authenticate().unwrap());
        scope.spawn(|| {
            runtime.block_on(async { on_tokio(&served, &pages[1]).authenticate().await.unwrap() })
        });
        for pages in &pages {
            assert!(pages.last().contains("The application goes on with the login"));
        }
        let world = served.world();
        assert_eq!(world.token_requests(), 2, "they have begun, and are not over");
    });
    assert_sound(&served);
}
