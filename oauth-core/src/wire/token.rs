//! The token endpoint: a code or a refresh token goes there, tokens come back (RFC 6749 §4.1.3, §5, §6).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::form::{self, Form};
use crate::http::{Endpoint, Request, Response};
use crate::json::{self, Defect, OtherMembers, Text};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::HttpUrl;
use crate::wire::answer::refusal;
use crate::wire::bearer::BearerAuth;
use crate::wire::client_auth::{add_to_form, authorization};
use crate::wire::dialect::{Dialect, add_to};
use crate::wire::registration::Registration;
use crate::wire::server_metadata::ServerMetadata;
use crate::wire::token_answer::TokenAnswer;
use crate::wire::{AuthorizationCode, accepted, malformed};

/// Tokens as they were issued, with the time at which they expire instead of a duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenData {
    /// What the resource wants to see.
    pub access_token: BearerAuth,
    /// Always bearer so far.
    #[serde(default)]
    pub token_type: TokenType,
    /// When the access token expires; `None` if the server does not say: then it is used until refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
    /// What the next tokens are got with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// The scopes that were granted; `None` means those that were asked for (RFC 6749 §5.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scopes>,
    /// What had to be tolerated in the answer.
    #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
    pub tolerated: Tolerances,
    /// Everything else that came, an `id_token` for instance. Unchecked.
    #[serde(flatten, skip_serializing_if = "OtherMembers::is_empty")]
    pub other: OtherMembers,
}

impl TokenData {
    /// Whether the access token is good for `margin` more.
    #[must_use]
    pub fn lives(&self, now: UnixTime, margin: Duration) -> bool {
        self.expires_at.is_none_or(|at| now + margin < at)
    }
}

/// How an access token is presented. Only bearer tokens are known so far (RFC 6750); the name is not
/// case-sensitive (RFC 6749 §5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenType {
    /// Whoever holds the token may use it.
    #[default]
    Bearer,
}

impl Serialize for TokenType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("Bearer")
    }
}

impl<'de> Deserialize<'de> for TokenType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(deserializer)?;
        if name.eq_ignore_ascii_case("bearer") {
            Ok(Self::Bearer)
        } else {
            Err(de::Error::custom("unknown token type"))
        }
    }
}

/// Who is asked for tokens, by whom, and for what: what each token request says.
pub(crate) struct TokenParties<'a> {
    pub(crate) server: &'a ServerMetadata,
    pub(crate) client: &'a Registration,
    pub(crate) resource: &'a str,
    pub(crate) dialect: Option<&'a Dialect>,
}

/// Redeems a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
pub(crate) fn code_request(
    parties: &TokenParties<'_>,
    code: &AuthorizationCode,
    verifier: &RandomBytes,
) -> Request {
    let form = Form::with_capacity(FORM_LENGTH)
        .pair("grant_type", "authorization_code")
        .pair("code", code.0.expose())
        .pair("redirect_uri", &parties.client.redirect_uri);
    parties.request(verifier.with_text(|text| form.pair("code_verifier", text)))
}

/// Redeems a refresh token (RFC 6749 §6). No scope: that means the same scopes, and a wider one is
/// not to be had this way.
pub(crate) fn refresh_request(parties: &TokenParties<'_>, refresh_token: &Secret) -> Request {
    let form = Form::with_capacity(FORM_LENGTH)
        .pair("grant_type", "refresh_token")
        .pair("refresh_token", refresh_token.expose());
    parties.request(form)
}

impl TokenParties<'_> {
    /// Every token request names the resource (RFC 8707 §2.2) and the client, in one way only.
    fn request(&self, form: Form) -> Request {
        let Self { server, client, resource, dialect } = self;
        let (method, id, secret) = (client.auth_method, &*client.client_id, client.secret());
        let form = form.pair_if("resource", Dialect::resource(*dialect, resource));
        let form = add_to(form, dialect.map_or(&[][..], |dialect| &dialect.token));
        let form = add_to_form(form, method, id, secret);
        Request::form(Endpoint::Token, server.token_endpoint.clone(), form.into_body())
            .with_authorization(authorization(method, id, secret))
    }
}

/// Reads the tokens of an answer, as far from the specification as is tolerated.
///
/// # Errors
///
/// The server's refusal, also when it comes with a status of success; an answer that cannot be read, or
/// [`PeerMisbehaved::NotTolerated`]; [`PeerIncompatible::TokenType`] for a type that cannot be used
/// (RFC 6749 §7.1).
pub(crate) fn issued(
    response: &Response,
    endpoint: &HttpUrl,
    requested: Option<&Scopes>,
    tolerates: Tolerances,
    now: UnixTime,
) -> Result<TokenData, Error> {
    let body = accepted(response, Endpoint::Token, endpoint)?;
    let from_form = form_to_json(response, body);
    let body = from_form.as_deref().unwrap_or(body);
    let defect = |defect| malformed(response, Endpoint::Token, endpoint, defect);
    let mut answer: TokenAnswer<'_> = json::read(body).map_err(defect)?;
    let nested = answer.take_nested();
    let nested = nested.as_ref().and_then(|nested| TokenAnswer::deserialize(nested).ok());
    let nested = nested.filter(|nested| nested.access_token.is_some());
    let is_nested = nested.is_some();
    if let Some(nested) = nested {
        // What stands beside it may be about another token.
        answer = nested.with_others_of(answer);
    }
    let mut tolerated = answer.tolerated(requested);
    if is_nested {
        tolerated.insert(Tolerance::NestedToken);
    }
    if from_form.is_some() {
        // All members of a form are texts.
        tolerated.remove(Tolerance::TextualLifetime);
        tolerated.insert(Tolerance::FormEncodedTokens);
    }
    let (is_bearer, scope) = (answer.is_bearer(), answer.scopes(requested));
    let Some(token) = json::non_empty(answer.access_token) else {
        return Err(match refusal(body, Endpoint::Token) {
            Ok(Some(refusal)) => refusal.into(),
            _ => defect(Defect::missing("access_token")),
        });
    };
    if let Some(tolerance) = tolerated.first_beyond(tolerates) {
        return Err(PeerMisbehaved::NotTolerated { endpoint: Endpoint::Token, tolerance }.into());
    }
    if !is_bearer {
        let found = answer.token_type.as_deref().unwrap_or_default();
        let found = crate::http::clean_code(found).into();
        return Err(PeerIncompatible::TokenType { found }.into());
    }
    Ok(TokenData {
        access_token: BearerAuth::new(&token)?,
        token_type: TokenType::Bearer,
        expires_at: answer.expires_in.map(|seconds| now + Duration::from_secs(seconds.number)),
        refresh_token: json::non_empty(answer.refresh_token).map(|text| Secret::from(&*text)),
        scope,
        tolerated,
        other: answer.other,
    })
}

/// A form-encoded answer as JSON (GitHub sends one to who does not ask for JSON, some proxies always).
fn form_to_json(response: &Response, body: &[u8]) -> Option<Vec<u8>> {
    let is_form = |value: &str| value.trim_start().starts_with(FORM_TYPE);
    let text =
        core::str::from_utf8(body).ok().filter(|_| response.header("content-type").any(is_form))?;
    serde_json::to_vec(&form::pairs(text).collect::<BTreeMap<_, _>>()).ok()
}

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Room for the usual form, so that its secrets are not copied while it grows.
const FORM_LENGTH: usize = 512;

#[cfg(test)]
mod tests;
