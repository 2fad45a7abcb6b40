//! The authorization request and the redirect that answers it (RFC 6749 §4.1, RFC 9207).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::entropy::{ENCODED, RandomBytes};
use crate::error::{Error, PeerMisbehaved, Refusal};
use crate::form::{Form, Found, escape, pairs, select};
use crate::http::{Endpoint, clean_code};
use crate::scope::{OFFLINE_ACCESS, Scopes};
use crate::secret::Secret;
use crate::tolerance::Tolerances;
use crate::wire::dialect::{Dialect, PROMPT, Parameter, PromptMode, add_to};
use crate::wire::pkce::with_challenge;
use crate::wire::server_metadata::ServerMetadata;
use crate::wire::sought::{CONSENT, LOGIN_HINT, Sought};

/// The URL at which a person consents: always https, or http to a loopback host, so it can be handed
/// to a browser. Made only by a login.
///
/// # Security
///
/// Open it in the user's own browser (RFC 8252 §8.12), never through a shell. Some openers are one, or call one, also
/// in quotes (`wslview` runs PowerShell): so what means something to shells is escaped in it, but for `&`, `?` and `%`,
/// whatever the server's metadata says. `Debug` leaves the query out, because `state` is in it.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationUrl {
    text: String,
    /// Of the URL. What comes behind it is not in it.
    end: usize,
    /// Where `state` begins, in the URL or behind it.
    state: usize,
}

impl AuthorizationUrl {
    /// The whole URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text[..self.end]
    }

    /// The `state` that the redirect has to bring back: what a listener for it compares with. A pushed request's URL
    /// does not have it in it.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.text[self.state..self.state + ENCODED]
    }

    /// Whether a redirect's query answers this URL, whatever the answer is.
    ///
    /// A host that gets redirects of several logins, or asks a person to paste one, finds out here
    /// which to pass on.
    #[must_use]
    pub fn is_answered_by(&self, query: &str) -> bool {
        redirect_state(query)
            .is_some_and(|state| Secret::from(&*state) == Secret::from(self.state()))
    }
}

/// The `state` in a redirect's query: under it a host finds the login that the redirect belongs to.
/// `None` if there is none, or more than one: then it belongs to none.
///
/// ```
/// # use oauth_core::wire::redirect_state;
/// assert_eq!(redirect_state("code=c&state=s").as_deref(), Some("s"));
/// assert_eq!(redirect_state("code=c&state=s&state=t"), None);
/// ```
#[must_use]
pub fn redirect_state(query: &str) -> Option<Cow<'_, str>> {
    match select(query, ["state"]) {
        [Found::Once(state)] => Some(state),
        _ => None,
    }
}

impl fmt::Debug for AuthorizationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.as_str();
        let end = url.find('?').unwrap_or(url.len());
        write!(f, "AuthorizationUrl({:?})", &url[..end])
    }
}

/// What the user is asked to consent to.
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) dialect: Option<&'a Dialect>,
    pub(crate) scopes: Option<&'a Scopes>,
    pub(crate) sought: &'a Sought,
    pub(crate) verifier: &'a RandomBytes,
    /// The key that the code is bound to (RFC 9449 §10).
    pub(crate) dpop_jkt: Option<&'a str>,
    pub(crate) state: &'a RandomBytes,
}

/// The URL of an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2).
pub(crate) fn authorization_url(
    server: &ServerMetadata,
    what: &AuthorizationRequest<'_>,
) -> AuthorizationUrl {
    let form = Form::after_url(&what.endpoint(server), what.length());
    let text = what.add_to(form, server).into_text();
    let (end, state) = (text.len(), text.len() - ENCODED);
    AuthorizationUrl { text, end, state }
}

impl AuthorizationUrl {
    /// One that does not say its `state`, because the server knows it already.
    pub(super) fn without_state(url: String, state: &RandomBytes) -> Self {
        let end = url.len();
        let mut text = url;
        state.with_text(|state| text.push_str(state));
        Self { text, end, state: end }
    }
}

impl AuthorizationRequest<'_> {
    /// Where the user is sent, without what the request says itself.
    pub(super) fn endpoint<'a>(&self, server: &'a ServerMetadata) -> Cow<'a, str> {
        let names_resource = Dialect::resource(self.dialect, self.resource).is_some();
        let is_said = |name: &str| self.sought.says(name) || self.said(name).is_some();
        inert(without(server.authorization_endpoint().as_str(), |name| match name {
            "resource" => names_resource,
            "scope" => self.scopes.is_some(),
            name => is_said(name),
        }))
    }

    /// Adds all that the request says: in its URL, or in the body that is pushed. `state` is the last of it.
    pub(super) fn add_to(&self, form: Form, server: &ServerMetadata) -> Form {
        let scopes = self.scopes.map(Scopes::as_str);
        // Without it a server may ignore `offline_access` (OpenID Connect Core §11). What the server itself
        // prescribes stays.
        let wants_prompt = self.scopes.is_some_and(|scopes| scopes.contains(OFFLINE_ACCESS))
            && self.dialect.and_then(|dialect| dialect.prompt) != Some(PromptMode::Omit);
        let query = server.authorization_endpoint().query().trim_start_matches('?');
        let prescribed = pairs(query).find(|(name, _)| name == PROMPT).map(|(_, value)| value);
        let otherwise = self.said(PROMPT).map(|it| &*it.value).or(prescribed.as_deref());
        let consent = (wants_prompt && otherwise.is_none()).then_some(CONSENT);
        let own = self.sought.prompt(otherwise.or(consent));
        let form = form
            .pair("response_type", "code")
            .pair("client_id", self.client_id)
            .pair("redirect_uri", self.redirect_uri)
            .pair("code_challenge_method", "S256")
            .pair_if("resource", Dialect::resource(self.dialect, self.resource))
            .pair_if("scope", scopes)
            .pair_if(PROMPT, own.as_deref().or(consent))
            .pair_if(LOGIN_HINT, self.sought.login_hint())
            .pair_if("dpop_jkt", self.dpop_jkt);
        let form = add_to(form, self.more().iter().filter(|it| !self.sought.says(&it.name)));
        let form =
            with_challenge(self.verifier, |challenge| form.pair("code_challenge", challenge));
        self.state.with_text(|state| form.pair("state", state))
    }

    /// Room for all of it: a growing buffer costs more than a few bytes too many.
    pub(super) fn length(&self) -> usize {
        let login_hint = self.sought.login_hint().map_or(0, str::len);
        let scopes = self.scopes.map_or(0, |scopes| scopes.as_str().len());
        let jkt = self.dpop_jkt.map_or(0, str::len);
        let texts = [self.client_id, self.redirect_uri, self.resource].map(str::len);
        FIXED_LENGTH + 2 * (texts.iter().sum::<usize>() + login_hint + scopes + jkt)
    }

    /// What the host adds, or is known to be needed.
    fn more(&self) -> &[Parameter] {
        self.dialect.map_or(&[], |dialect| &dialect.authorization)
    }

    fn said(&self, name: &str) -> Option<&Parameter> {
        self.more().iter().find(|parameter| &*parameter.name == name)
    }
}

/// An endpoint's URL without those parameters of its query that the request says itself: none may be
/// there twice (RFC 6749 §3.1). The others stay as they are written.
fn without(url: &str, is_said: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let Some((endpoint, query)) = url.split_once('?') else { return url.into() };
    let is_kept = |part: &&str| !pairs(part).any(|(name, _)| is_said(&name));
    if query.split('&').all(|part| is_kept(&part)) {
        return url.into();
    }
    let mut text = String::from(endpoint);
    for (at, part) in query.split('&').filter(is_kept).enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(part);
    }
    text.into()
}

/// The same URL for whoever receives it, and no code for a program between: nothing but what URLs cannot do without is
/// there as it is (RFC 3986 §2.1). The host has no such characters.
pub(super) fn inert(url: Cow<'_, str>) -> Cow<'_, str> {
    let is_inert = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?&=+,@%[]".contains(&byte);
    if url.bytes().all(is_inert) {
        return url;
    }
    let mut text = String::with_capacity(url.len() + 16);
    for byte in url.bytes() {
        match is_inert(byte) {
            true => text.push(byte.into()),
            false => escape(byte, &mut text),
        }
    }
    text.into()
}

/// A code that came in a redirect whose `state` and `iss` were right.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AuthorizationCode(pub(crate) Secret);

/// Reads the query of a redirect: `state` first, then `iss`, and only then what it says
/// (RFC 9207 §2.4: an error may come from somebody else, too). With the code comes what was tolerated.
///
/// # Errors
///
/// [`PeerMisbehaved::StateMismatch`] if it answers another request, and nothing in it counts; otherwise
/// why the login ends.
pub(crate) fn read_redirect(
    query: &str,
    state: &RandomBytes,
    server: &ServerMetadata,
    tolerates: Tolerances,
) -> Result<(AuthorizationCode, Tolerances), Error> {
    let [found, iss, code, error, description, uri] = select(query, PARAMETERS);
    match found {
        Found::Once(found) if state.is_written_as(&found) => {}
        _ => return Err(PeerMisbehaved::StateMismatch.into()),
    }
    let expected = || Box::from(server.issuer.as_str());
    let tolerated = match once(iss, "iss")? {
        Some(iss) => server.sends_iss(&iss, tolerates).ok_or_else(|| PeerMisbehaved::WrongIss {
            expected: expected(),
            found: (*iss).into(),
        })?,
        None if server.promises_iss => {
            return Err(PeerMisbehaved::MissingIss { expected: expected() }.into());
        }
        None => Tolerances::NONE,
    };
    match (once(code, "code")?, once(error, "error")?) {
        (Some(code), None) => Ok((AuthorizationCode(Secret::from(&*code)), tolerated)),
        (None, Some(code)) => Err(Refusal {
            endpoint: Endpoint::Authorization,
            code: clean_code(&code).into(),
            description: once(description, "error_description")?.map(Into::into),
            uri: once(uri, "error_uri")?.map(Into::into),
        }
        .into()),
        _ => Err(PeerMisbehaved::NoAnswer.into()),
    }
}

/// An empty parameter counts as left out (RFC 6749 §3.1).
fn once<'a>(found: Found<'a>, name: &str) -> Result<Option<Cow<'a, str>>, PeerMisbehaved> {
    match found {
        Found::Once(value) if !value.is_empty() => Ok(Some(value)),
        Found::Once(_) | Found::Absent => Ok(None),
        Found::Repeated => Err(PeerMisbehaved::RepeatedParameter { name: name.into() }),
    }
}

/// What a redirect may say (RFC 6749 §4.1.2, RFC 9207 §2).
const PARAMETERS: [&str; 6] = ["state", "iss", "code", "error", "error_description", "error_uri"];

/// The parameters' names, the challenge and `state` together.
const FIXED_LENGTH: usize = 256;

#[cfg(test)]
mod tests;
