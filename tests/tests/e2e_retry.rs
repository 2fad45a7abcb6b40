//! A call that lacks a login is run again after it, and only then.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::cell::{Cell, RefCell};

use common::{assert_sound, client, handed_out, headless, logins, serve};
use oauth_blocking::{
    ConnectRequired, Consent, Error, MemoryTokenStorage, NeededConsent, NeedsConsent, RetryError,
    TerminalPrompt, needed_consent, with_oauth_retry, with_oauth_retry_if,
};
use oauth_core::error::PeerMisbehaved;
use oauth_tests::world::Knobs;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The error of a host's own call.
#[derive(Debug)]
enum HostError {
    Auth(Error),
    NotConnected(&'static str),
    Other,
}

impl From<Error> for HostError {
    fn from(error: Error) -> Self {
        Self::Auth(error)
    }
}

impl NeedsConsent for HostError {
    fn needs_consent(&self) -> bool {
        match self {
            Self::Auth(error) => error.needs_consent(),
            Self::NotConnected(_) => true,
            Self::Other => false,
        }
    }

    fn connect_url(&self) -> Option<&str> {
        match self {
            Self::NotConnected(url) => Some(url),
            _ => None,
        }
    }
}

/// A user who is asked for consent, and says this.
struct Asked {
    urls: RefCell<Vec<Option<String>>>,
    consents: bool,
}

impl Asked {
    fn who(consents: bool) -> Self {
        Self { urls: RefCell::default(), consents }
    }
}

impl Consent for Asked {
    fn consent(&self, connect_url: Option<&str>) -> Result<(), Error> {
        self.urls.borrow_mut().push(connect_url.map(str::to_owned));
        match self.consents {
            true => Ok(()),
            false => Err(oauth_core::Error::Cancelled.into()),
        }
    }
}

#[test]
fn a_call_that_lacks_a_login_is_run_again_after_it() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let calls = Cell::new(0);
    let token = with_oauth_retry(&oauth, || {
        calls.set(calls.get() + 1);
        oauth.token()
    });
    assert_eq!(token.unwrap(), oauth.token().unwrap());
    assert_eq!(calls.get(), 2);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_call_that_is_run_again_is_given_the_page_that_it_named() {
    let user = Asked::who(true);
    let calls = Cell::new(0);
    let result = with_oauth_retry(&user, || {
        calls.set(calls.get() + 1);
        match calls.get() {
            1 => Err(HostError::NotConnected("https://gateway.example.com/connect")),
            _ => Ok(calls.get()),
        }
    });
    assert_eq!(result.unwrap(), 2);
    let urls = user.urls.into_inner();
    assert_eq!(urls, [Some("https://gateway.example.com/connect".to_owned())]);
}

#[test]
fn a_second_failure_is_returned() {
    let user = Asked::who(true);
    let calls = Cell::new(0);
    let result: Result<(), _> = with_oauth_retry(&user, || {
        calls.set(calls.get() + 1);
        Err(HostError::NotConnected("https://gateway.example.com/connect"))
    });
    assert!(matches!(result, Err(HostError::NotConnected(_))));
    assert_eq!((calls.get(), user.urls.borrow().len()), (2, 1));
}

#[test]
fn a_failure_that_no_consent_helps_against_is_returned_at_once() {
    let user = Asked::who(true);
    let calls = Cell::new(0);
    let result: Result<(), _> = with_oauth_retry(&user, || {
        calls.set(calls.get() + 1);
        Err(HostError::Other)
    });
    assert!(matches!(result, Err(HostError::Other)));
    assert_eq!((calls.get(), user.urls.borrow().len()), (1, 0));
}

#[test]
fn a_refused_consent_is_returned_without_another_run() {
    let user = Asked::who(false);
    let calls = Cell::new(0);
    let result: Result<(), _> = with_oauth_retry(&user, || {
        calls.set(calls.get() + 1);
        Err(HostError::NotConnected("https://gateway.example.com/connect"))
    });
    let cancelled = matches!(
        result,
        Err(HostError::Auth(Error::OAuth { error: oauth_core::Error::Cancelled, .. }))
    );
    assert!(cancelled);
    assert_eq!(calls.get(), 1);
}

/// Errors that know nothing of logins: the closure finds out.
#[test]
fn a_call_with_an_error_of_any_type_is_run_again_after_a_login() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let calls = Cell::new(0);
    let token = with_oauth_retry_if(
        &oauth,
        |error: &AnyError| needed_consent(&**error),
        || {
            calls.set(calls.get() + 1);
            Ok::<_, AnyError>(oauth.token()?)
        },
    );
    assert_eq!(token.unwrap(), oauth.token().unwrap());
    assert_eq!((calls.get(), logins(&served)), (2, 1));
    assert_sound(&served);
}

#[test]
fn a_gateways_own_error_is_enough_for_a_retry() {
    let refusal = || {
        let body = br#"{"detail": {"connect_url": "https://gateway.example.com/connect"}}"#;
        ConnectRequired::from_body(body).unwrap()
    };
    for consents in [true, false] {
        let user = Asked::who(consents);
        let failed: Result<(), _> =
            with_oauth_retry_if(&user, NeededConsent::of, || Err(refusal()));
        match failed.unwrap_err() {
            RetryError::Call(error) => assert!(consents && error == refusal()),
            RetryError::Consent(error) => assert!(!consents, "{error}"),
        }
        let urls = user.urls.into_inner();
        assert_eq!(urls, [Some("https://gateway.example.com/connect".to_owned())]);
    }
    let (user, other) = (Asked::who(true), || Err(AnyError::from("something else")));
    let failed: Result<(), _> =
        with_oauth_retry_if(&user, |error: &AnyError| needed_consent(&**error), other);
    assert_eq!(failed.unwrap_err().to_string(), "something else");
    assert_eq!(user.urls.borrow().len(), 0);
}

#[test]
fn a_connect_url_is_what_a_headless_client_answers_a_retry_with() {
    let served = serve(Knobs::default());
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let error = handed_out(with_oauth_retry(&oauth, || oauth.token()));
    assert_eq!(NeedsConsent::connect_url(&error), Some(error.connect_url.as_str()));
    assert!(error.connect_url.as_str().starts_with(&served.world().issuer()));
}

#[test]
fn a_prompt_opens_no_page_that_must_not_be_opened() {
    for url in ["javascript:alert(1)", "file:///etc/passwd", "http://example.com/", "--help"] {
        match TerminalPrompt.consent(Some(url)).unwrap_err() {
            Error::OAuth {
                error:
                    oauth_core::Error::PeerMisbehaved(PeerMisbehaved::UnsafeUrl { url: named, .. }),
                ..
            } => assert_eq!(&*named, url),
            error => panic!("{error:?}"),
        }
    }
    let error = TerminalPrompt.consent(None).unwrap_err();
    assert!(matches!(error, Error::OAuth { error: oauth_core::Error::LoginRequired, .. }));
}
