//! The device authorization endpoint, and polls of the token endpoint: the user consents on another device, with a
//! code that they type there (RFC 8628).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address_policy::AddressPolicy;
use crate::error::{Error, PeerMisbehaved, Refusal};
use crate::form::Form;
use crate::http::{Endpoint, Request, Response};
use crate::json::{Defect, MemberNames, Members};
use crate::plain::is_plain;
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::{Seconds, UnixTime};
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::{HttpUrl, UrlDefect, shown};
use crate::wire::answer::refusal;
use crate::wire::authorization::inert;
use crate::wire::dialect::{Dialect, add_to};
use crate::wire::grant_types::GrantType;
use crate::wire::token::{NoToken, TokenData, TokenRequester, read_tokens};
use crate::wire::token_type::TokenType;
use crate::wire::{malformed, read_success};

mod page;

pub use page::DevicePage;

/// What a user is shown, so that they consent on another device, and what the tokens are got with when they have
/// (RFC 8628 §3.2).
///
/// # Security
///
/// Show the URL together with the code: a user who is shown a code alone can be led elsewhere with it. `Debug` shows
/// neither code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCode {
    pub(crate) device_code: Secret,
    user_code: Box<str>,
    verification_uri: HttpUrl,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification_uri_complete: Option<HttpUrl>,
    expires_at: UnixTime,
    /// In seconds.
    interval: u64,
    /// What had to be tolerated in the answer.
    #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
    pub(crate) tolerated: Tolerances,
}

impl DeviceCode {
    /// What the user types there. It prints as itself, and has at most 64 bytes.
    #[must_use]
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where they type it. As safe to open as an [`AuthorizationUrl`](crate::wire::AuthorizationUrl).
    #[must_use]
    pub fn verification_uri(&self) -> &HttpUrl {
        &self.verification_uri
    }

    /// The same with the code in it, if the server has such a URL: for a browser, or as a picture to be scanned.
    #[must_use]
    pub fn verification_uri_complete(&self) -> Option<&HttpUrl> {
        self.verification_uri_complete.as_ref()
    }

    /// Until when the codes are good.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// How long to wait before each poll (RFC 8628 §3.5).
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval)
    }

    /// The server finds the polls too frequent: from now on they are rarer.
    pub(crate) fn slow_down(&mut self) {
        self.interval = self.interval.saturating_add(SLOWER);
    }

    /// No answer came: the next polls are much rarer (RFC 8628 §3.5).
    pub(crate) fn back_off(&mut self) {
        self.interval = self.interval.saturating_mul(2);
    }
}

impl DeviceCode {
    /// What the user is shown.
    pub(crate) fn page(&self) -> DevicePage {
        DevicePage {
            verification_uri: self.verification_uri.clone(),
            verification_uri_complete: self.verification_uri_complete.clone(),
            user_code: self.user_code.clone(),
            expires_at: self.expires_at,
        }
    }
}

impl core::fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DeviceCode")
            .field("verification_uri", &self.verification_uri)
            .field("expires_at", &self.expires_at)
            .field("interval", &self.interval)
            .field("tolerated", &self.tolerated)
            .finish_non_exhaustive()
    }
}

/// Asks for codes (RFC 8628 §3.1). This is the authorization request of the grant: what a host adds to those is in it.
pub(crate) fn device_request(
    endpoint: &HttpUrl,
    requester: &TokenRequester<'_>,
    scopes: Option<&Scopes>,
) -> Request {
    let TokenRequester { client, resource, dialect, .. } = *requester;
    let form = Form::with_capacity(FORM_LENGTH + client.length())
        .pair_if("scope", scopes.map(Scopes::as_str))
        .pair_if("resource", Dialect::resource(dialect, resource));
    let form = add_to(form, dialect.iter().flat_map(|dialect| &dialect.authorization));
    Request::form(Endpoint::DeviceAuthorization, endpoint.clone(), client.add_to(form).into_body())
        .with_authorization(client.header())
}

/// Reads the answer to [`device_request`]; with the members that are not as they should be.
///
/// # Errors
///
/// The server's refusal, an answer that cannot be read, [`PeerMisbehaved::UnsafeUrl`] for a place where no user must be
/// sent, or [`PeerMisbehaved::NotTolerated`].
pub(crate) fn read_device_code(
    response: &Response,
    endpoint: &HttpUrl,
    address_policy: AddressPolicy<'_>,
    tolerates: Tolerances,
    now: UnixTime,
) -> Result<(DeviceCode, MemberNames), Error> {
    let body = read_success(response, Endpoint::DeviceAuthorization, endpoint)?;
    let defect = |defect| match refusal(body, Endpoint::DeviceAuthorization) {
        Ok(refusal) => refusal.into(),
        Err(_) => malformed(response, Endpoint::DeviceAuthorization, endpoint, defect),
    };
    let mut members = Members::of(body).map_err(defect)?;
    let mut text = |name, fits: fn(&str) -> bool| {
        let text = members.required_text(name).map_err(defect)?;
        if fits(&text) { Ok(text) } else { Err(defect(Defect::unusable(name))) }
    };
    let device_code = text("device_code", |text| text.len() <= MAX_DEVICE_CODE)?;
    let user_code = text("user_code", is_user_code)?;
    let page = text("verification_uri", |_| true)?;
    let verification_uri = page_for_user(&page, address_policy).map_err(|defect| {
        let endpoint = Endpoint::Authorization;
        PeerMisbehaved::UnsafeUrl { endpoint, url: shown(&page), defect }
    })?;
    let complete = members.text("verification_uri_complete");
    let complete = complete.map(|text| page_for_user(&text, address_policy));
    if let Some(Err(_)) = complete {
        members.note("verification_uri_complete");
    }
    let (lifetime, is_text) = positive(&mut members, "expires_in");
    let missing = match members.is_misshapen("expires_in") {
        true => Defect::unusable("expires_in"),
        false => Defect::missing("expires_in"),
    };
    let lifetime = lifetime.ok_or_else(|| defect(missing))?;
    let (interval, _) = positive(&mut members, "interval");
    let misshapen = members.into_misshapen();
    let mut tolerated = misshapen.tolerance();
    tolerated.extend(is_text.then_some(Tolerance::TextualLifetime).into_iter().collect());
    PeerMisbehaved::check(Endpoint::DeviceAuthorization, tolerated, &misshapen, tolerates)?;
    let code = DeviceCode {
        device_code: Secret::from(&*device_code),
        user_code: (*user_code).into(),
        verification_uri,
        verification_uri_complete: complete.and_then(Result::ok),
        expires_at: now + Duration::from_secs(lifetime),
        interval: interval.unwrap_or(USUAL_INTERVAL),
        tolerated,
    };
    Ok((code, misshapen))
}

/// A number of seconds of which none would make no sense: such a one counts as left out, and is noted. With whether it
/// was written as a text.
fn positive(members: &mut Members<'_>, name: &'static str) -> (Option<u64>, bool) {
    let seconds = members.optional::<Seconds>(name);
    let is_text = seconds.as_ref().is_some_and(|seconds| seconds.is_text);
    let number = seconds.map(|seconds| seconds.number);
    if number == Some(0) {
        members.note(name);
    }
    (number.filter(|number| *number > 0), is_text)
}

/// It is read and typed by a person: nothing in it may hide or pose as something else.
fn is_user_code(text: &str) -> bool {
    text.len() <= MAX_USER_CODE && is_plain(text) && text.contains(|char: char| char != ' ')
}

/// A URL that a browser may be sent to, by the rules for authorization endpoints.
fn page_for_user(text: &str, address_policy: AddressPolicy<'_>) -> Result<HttpUrl, UrlDefect> {
    let url = address_policy.parse(text)?;
    match inert(url.as_str().into()) {
        Cow::Borrowed(_) => Ok(url),
        Cow::Owned(text) => address_policy.parse(&text),
    }
}

/// Asks whether the user has consented (RFC 8628 §3.4).
pub(crate) fn poll_request(requester: &TokenRequester<'_>, device_code: &Secret) -> Request {
    let code = device_code.expose();
    let form = requester.form(GrantType::DeviceCode.as_str(), code.len());
    requester.request(form.pair("device_code", code))
}

/// What a poll came to (RFC 8628 §3.5).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// The user has consented.
    Tokens(Box<TokenData>),
    /// They have not yet.
    Pending,
    /// Nor that, and the polls come too often: see [`DeviceCode::slow_down`].
    SlowDown,
    /// They have said no.
    Denied(Refusal),
    /// The codes are good no more.
    Expired(Refusal),
}

/// Reads the answer to [`poll_request`]. What a person decided, or left undecided, is said to come from the device
/// authorization endpoint: the token endpoint only reports it.
///
/// # Errors
///
/// As for any token request. A code that is refused otherwise is spent.
pub(crate) fn read_poll(
    response: &Response,
    endpoint: &HttpUrl,
    requested: Option<&Scopes>,
    asked: TokenType,
    now: UnixTime,
) -> Result<Polled, NoToken> {
    let none = match read_tokens(response, endpoint, requested, asked, now) {
        Ok(tokens) => return Ok(Polled::Tokens(tokens.into())),
        Err(none) => none,
    };
    let Error::Refused(refusal) = &none.error else { return Err(none) };
    let of_user = || Refusal { endpoint: Endpoint::DeviceAuthorization, ..refusal.clone() };
    match &*refusal.code {
        "authorization_pending" => Ok(Polled::Pending),
        "slow_down" => Ok(Polled::SlowDown),
        "access_denied" => Ok(Polled::Denied(of_user())),
        "expired_token" => Ok(Polled::Expired(of_user())),
        _ => Err(none),
    }
}

/// In bytes; honest ones have a few dozen.
const MAX_DEVICE_CODE: usize = 8 * 1024;

/// In bytes: more is not typed.
const MAX_USER_CODE: usize = 64;

/// In seconds, where the server does not say it (RFC 8628 §3.2).
const USUAL_INTERVAL: u64 = 5;

/// In seconds, for each time that the server asks for it (RFC 8628 §3.5).
const SLOWER: u64 = 5;

/// Room for the usual form, so that its secrets are not copied while it grows.
const FORM_LENGTH: usize = 512;

#[cfg(test)]
mod tests;
