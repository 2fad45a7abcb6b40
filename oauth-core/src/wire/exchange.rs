//! Token exchange at an identity provider: what a user logged in with becomes an identity assertion grant, the
//! ID-JAG, for one authorization server (RFC 8693, draft-ietf-oauth-identity-assertion-authz-grant §4.3).
//!
//! Left out: exchange for access tokens, and everything about actors (RFC 8693 §4.1).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerMisbehaved, SignInRequired};
use crate::form::Form;
use crate::http::{Endpoint, Request, Response, clean_code};
use crate::json::{Members, Text};
use crate::plain::is_vschar;
use crate::scope::{Scopes, WrittenScopes};
use crate::secret::Secret;
use crate::time::{Seconds, UnixTime};
use crate::url::HttpUrl;
use crate::wire::answer::refusal;
use crate::wire::client_auth::Authentication;
use crate::wire::issuer::Issuer;
use crate::wire::machine_token::with_scopes;
use crate::wire::{malformed, read_success};

/// What a user logged in with at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectToken {
    /// The token.
    pub token: Secret,
    /// What kind of token it is.
    pub kind: SubjectTokenKind,
}

impl From<Secret> for SubjectToken {
    /// As an ID token, or as the JWT of a workload: which one it is, the grant says.
    fn from(token: Secret) -> Self {
        Self { token, kind: SubjectTokenKind::IdToken }
    }
}

impl From<String> for SubjectToken {
    fn from(token: String) -> Self {
        Secret::from(token).into()
    }
}

impl From<&str> for SubjectToken {
    fn from(token: &str) -> Self {
        Secret::from(token).into()
    }
}

/// Kinds of tokens that say who a user is (RFC 8693 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubjectTokenKind {
    /// An ID token of OpenID Connect.
    IdToken,
    /// A refresh token of the identity provider: it lives longer than an ID token.
    RefreshToken,
    /// A SAML 2.0 assertion, base64url-encoded (RFC 8693 §3).
    Saml2,
}

impl SubjectTokenKind {
    /// Its identifier as the request has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::RefreshToken => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::Saml2 => "urn:ietf:params:oauth:token-type:saml2",
        }
    }
}

/// Who asks the identity provider, and for what.
pub(crate) struct Exchange<'a> {
    /// The identity provider's token endpoint: the host names it, never an MCP server.
    pub(crate) endpoint: &'a HttpUrl,
    /// The client as the identity provider knows it, by which the user logged in.
    pub(crate) client: Authentication<'a>,
    /// Who is to redeem the grant: the authorization server of the MCP server.
    pub(crate) audience: &'a Issuer,
    pub(crate) resource: &'a str,
    pub(crate) scopes: Option<&'a Scopes>,
}

/// Asks for an ID-JAG. Audience and resource are sent byte for byte, and both always.
pub(crate) fn exchange_request(exchange: &Exchange<'_>, subject: &SubjectToken) -> Request {
    let Exchange { endpoint, client, audience, resource, scopes } = *exchange;
    let token = subject.token.expose();
    let form = Form::with_capacity(FORM_LENGTH + client.length() + token.len())
        .pair("grant_type", TOKEN_EXCHANGE)
        .pair("requested_token_type", ID_JAG)
        .pair("audience", audience.as_str())
        .pair("resource", resource)
        .pair("subject_token", token)
        .pair("subject_token_type", subject.kind.as_str());
    let form = client.add_to(with_scopes(form, scopes));
    Request::form(Endpoint::IdentityProvider, endpoint.clone(), form.into_body())
        .with_authorization(client.header())
}

/// An identity assertion grant: good for one token request at the authorization server that it is for. It is no
/// access token, and is never sent to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdJag {
    pub(crate) assertion: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<UnixTime>,
    /// The scopes that it is for; `None` means those that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Scopes>,
}

impl IdJag {
    /// Whether it is what it was asked for, as far as that can be seen; with a key, by its thumbprint, whether it is
    /// bound to another one. Nothing is verified: the server that it is
    /// for does that. What is not there, or encrypted, counts as right.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::ForeignIdJag`]: another server could use it, or another client is to.
    pub(crate) fn check(
        &self,
        issuer: &Issuer,
        client_id: &str,
        key: Option<&str>,
    ) -> Result<(), PeerMisbehaved> {
        let claims = self.assertion.expose().split('.').nth(1).unwrap_or_default();
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
        let Ok(mut claims) = Members::of(&claims) else { return Ok(()) };
        let audiences: Vec<Box<str>> = claims.list("aud").unwrap_or_default();
        let foreign = |claim: &str, expected: &str, found: &str| PeerMisbehaved::ForeignIdJag {
            claim: claim.into(),
            expected: expected.into(),
            found: found.into(),
        };
        if let Some(first) = audiences.first()
            && !audiences.iter().any(|audience| issuer.is_same(audience))
        {
            return Err(foreign("aud", issuer.as_str(), first));
        }
        if let Some(found) = claims.text("client_id")
            && *found != *client_id
        {
            return Err(foreign("client_id", client_id, &found));
        }
        let bound_to = claims.json("cnf").and_then(|cnf| Members::of(cnf.as_bytes()).ok());
        match (bound_to.and_then(|mut cnf| cnf.text("jkt")), key) {
            (Some(found), Some(key)) if *found != *key => Err(foreign("cnf.jkt", key, &found)),
            _ => Ok(()),
        }
    }
}

/// Reads the answer to [`exchange_request`]. The name of the member is `access_token` whatever is in it, so
/// its type is looked at first (RFC 8693 §2.2.1).
///
/// # Errors
///
/// [`SignInRequired`], another refusal of the identity provider, an answer that cannot be read, or
/// [`PeerMisbehaved::NotAnIdJag`].
pub(crate) fn read_id_jag(
    response: &Response,
    endpoint: &HttpUrl,
    now: UnixTime,
) -> Result<IdJag, Error> {
    let body = read_success(response, Endpoint::IdentityProvider, endpoint)
        .map_err(|error| sign_in(error, response))?;
    let defect = |defect| match refusal(body, Endpoint::IdentityProvider) {
        Ok(refusal) => sign_in(refusal.into(), response),
        Err(_) => malformed(response, Endpoint::IdentityProvider, endpoint, defect),
    };
    let mut members = Members::of(body).map_err(defect)?;
    let issued = members.required_text("issued_token_type").map_err(defect)?;
    if *issued != *ID_JAG {
        return Err(not_an_id_jag("issued_token_type", &issued));
    }
    let token_type = members.required_text("token_type").map_err(defect)?;
    if !token_type.eq_ignore_ascii_case(NOT_APPLICABLE) {
        return Err(not_an_id_jag("token_type", &token_type));
    }
    let assertion = members.required_text("access_token").map_err(defect)?;
    let lifetime = members.optional::<Seconds>("expires_in");
    let scope = members.optional::<WrittenScopes>("scope").map(|written| written.scopes);
    Ok(IdJag {
        assertion: Secret::from(&*assertion),
        expires_at: lifetime.map(|seconds| now + Duration::from_secs(seconds.number)),
        scope: scope.filter(|scopes| !scopes.is_empty()),
    })
}

fn not_an_id_jag(member: &str, found: &str) -> Error {
    PeerMisbehaved::NotAnIdJag { member: member.into(), found: clean_code(found).into() }.into()
}

/// A refusal that a new single sign-on mends says what kind of one (RFC 9470 §3).
fn sign_in(error: Error, response: &Response) -> Error {
    let refusal = match error {
        Error::Refused(refusal) if &*refusal.code == SIGN_IN_AGAIN => refusal,
        error => return error,
    };
    let (mut max_age, mut acr_values) = (None, None);
    if let Ok(mut members) = Members::of(response.body()) {
        max_age = members.optional::<Seconds>("max_age");
        acr_values = members.text("acr_values");
    }
    let fits = |text: &Text<'_>| text.len() <= MAX_ACR_VALUES && is_vschar(text);
    SignInRequired {
        max_age: max_age.map(|seconds| Duration::from_secs(seconds.number)),
        acr_values: acr_values.filter(fits).map(|text| Box::from(&*text)),
        refusal: refusal.into(),
    }
    .into()
}

/// RFC 9470 §3.
const SIGN_IN_AGAIN: &str = "insufficient_user_authentication";

/// In bytes; honest ones are a few names.
const MAX_ACR_VALUES: usize = 512;

/// RFC 8693 §2.1.
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// draft-ietf-oauth-identity-assertion-authz-grant §4.3.
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

/// The type of a token that is presented to nobody as one (RFC 8693 §2.2.1).
const NOT_APPLICABLE: &str = "N_A";

/// Room for the usual form without its tokens, so that they are not copied while it grows.
const FORM_LENGTH: usize = 768;

#[cfg(test)]
mod tests;
