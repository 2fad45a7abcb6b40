//! That a call failed for want of a user's consent, found in errors of any type.

use alloc::boxed::Box;
use core::error::Error;
use std::io;

use crate::client::connect::ConnectRequired;
use crate::client::error::{AuthenticationError, ClientError, NeedsConsent};
use crate::error::Error as ProtocolError;

/// A user has to consent before a call can succeed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NeededConsent {
    connect_url: Option<Box<str>>,
}

impl NeededConsent {
    /// A login will do.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The user has to visit this page.
    #[must_use]
    pub fn at(connect_url: &str) -> Self {
        Self { connect_url: Some(connect_url.into()) }
    }

    /// What an error says of itself.
    #[must_use]
    pub fn of(error: &impl NeedsConsent) -> Option<Self> {
        error.needs_consent().then(|| Self { connect_url: error.connect_url().map(Into::into) })
    }

    /// The page to visit, if one was named.
    #[must_use]
    pub fn connect_url(&self) -> Option<&str> {
        self.connect_url.as_deref()
    }

    /// What an error of any type says, or one of those behind it: an error of an adapter with this HTTP client, an
    /// [`AuthenticationError`], a [`ConnectRequired`], or the need for a login itself.
    #[must_use]
    pub fn behind<H: Error + 'static>(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(needed) = Self::of_one::<H>(error) {
                return Some(needed);
            }
            // An I/O error does not give what it wraps as its source.
            let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
            next = wrapped.map(|error| error as _).or_else(|| error.source());
        }
        None
    }

    fn of_one<H: Error + 'static>(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<ClientError<H>>() {
            Self::of(error)
        } else if let Some(error) = error.downcast_ref::<AuthenticationError>() {
            Self::of(error)
        } else if let Some(error) = error.downcast_ref::<ConnectRequired>() {
            Self::of(error)
        } else {
            let error = error.downcast_ref::<ProtocolError>()?;
            error.needs_login().then(Self::new)
        }
    }
}

/// Why a call that was to be run again after consent failed; `C` is the adapter's error.
#[derive(Debug, thiserror::Error)]
pub enum RetryError<E, C: Error + 'static> {
    /// The call's own: no consent helps against it, or it failed once more.
    #[error("{0}")]
    Call(E),
    /// The user did not consent.
    #[error("the user did not consent: {0}")]
    Consent(#[source] C),
}

impl<E: From<C>, C: Error> RetryError<E, C> {
    /// The same as an error of the call, where that can be why nobody consented.
    pub fn into_call(self) -> E {
        match self {
            Self::Call(error) => error,
            Self::Consent(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::Scopes;

    type Failed = ClientError<io::Error>;

    fn found(error: impl Error + 'static) -> Option<NeededConsent> {
        NeededConsent::behind::<io::Error>(&error)
    }

    fn gateway() -> ConnectRequired {
        let body = br#"{"connect_url": "https://gateway.example.com/c"}"#;
        ConnectRequired::from_body(body).unwrap_or_else(|| panic!("a page"))
    }

    /// An error that shows what is behind it.
    #[derive(Debug, thiserror::Error)]
    #[error("the host's own")]
    struct Behind(#[source] Box<dyn Error + Send + Sync>);

    #[test]
    fn a_need_is_found_wherever_it_stands() {
        let page = Some(NeededConsent::at("https://gateway.example.com/c"));
        assert_eq!(found(gateway()), page);
        assert_eq!(found(Behind(gateway().into())), page);
        assert_eq!(found(io::Error::other(gateway())), page);
        assert_eq!(found(Behind(io::Error::other(Behind(gateway().into())).into())), page);
        let login = Some(NeededConsent::new());
        assert_eq!(found(ProtocolError::LoginRequired), login);
        assert_eq!(found(ProtocolError::ScopeRequired { missing: Scopes::default() }), login);
        assert_eq!(found(Failed::from(ProtocolError::LoginRequired)), login);
        assert_eq!(found(Behind(Failed::from(ProtocolError::LoginRequired).into())), login);
    }

    #[test]
    fn what_no_consent_helps_against_is_none() {
        assert_eq!(found(ProtocolError::Contended), None);
        assert_eq!(found(Failed::from(ProtocolError::Contended)), None);
        assert_eq!(found(Failed::Http(io::Error::other("LoginRequired"))), None);
        assert_eq!(found(Behind("a login is needed".into())), None);
    }

    #[test]
    fn an_error_of_the_call_can_be_why_nobody_consented() {
        let refused = || RetryError::<Box<dyn Error>, _>::Consent(Failed::NoEntropy);
        assert!(refused().into_call().is::<Failed>());
        assert!(refused().to_string().starts_with("the user did not consent: "));
        let own = RetryError::<Failed, Failed>::Call(Failed::NoEntropy);
        assert!(matches!(own.into_call(), Failed::NoEntropy));
    }
}
