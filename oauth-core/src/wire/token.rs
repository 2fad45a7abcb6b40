//! The token endpoint: a code or a refresh token goes there, tokens come back (RFC 6749 §4.1.3, §5, §6).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::form::Form;
use crate::http::{Endpoint, Request, Response, clean_code};
use crate::json::{MemberNames, OtherMembers};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::HttpUrl;
use crate::wire::answer::{form_as_json, refusal};
use crate::wire::bearer::BearerAuth;
use crate::wire::client_auth::Authentication;
use crate::wire::dialect::{Dialect, add_to};
use crate::wire::grant_types::GrantType;
use crate::wire::jws::SignedJwt;
use crate::wire::registration::Registration;
use crate::wire::server_metadata::ServerMetadata;
use crate::wire::token_answer::TokenAnswer;
use crate::wire::token_type::TokenType;
use crate::wire::{AuthorizationCode, malformed, read_success};

/// Tokens as they were issued, with the time at which they expire instead of a duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenData {
    /// What the resource wants to see.
    pub access_token: BearerAuth,
    /// How it is presented. One that was asked for with a proof may be a bearer token all the same (RFC 9449 §5).
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
    /// Which members of the answer are meant, where [`Tolerance::MisshapenMembers`] is among them.
    #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
    pub misshapen: MemberNames,
    /// Everything else that came, an `id_token` for instance. Unchecked.
    #[serde(flatten, skip_serializing_if = "OtherMembers::is_empty")]
    pub other: OtherMembers,
}

impl TokenData {
    /// Whether all that had to be tolerated in the answer is tolerated.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::NotTolerated`].
    pub(crate) fn check(&self, tolerates: Tolerances) -> Result<(), PeerMisbehaved> {
        PeerMisbehaved::check(Endpoint::Token, self.tolerated, &self.misshapen, tolerates)
    }

    /// Whether the access token is bound to a key, where it has to be.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::TokenNotBound`]: the server took the proof, and did not bind the token to its key.
    pub(crate) fn check_type(&self, resource: &str) -> Result<(), PeerIncompatible> {
        match self.token_type {
            TokenType::Dpop => Ok(()),
            TokenType::Bearer => Err(PeerIncompatible::TokenNotBound { resource: resource.into() }),
        }
    }

    /// What the answer was that brought them.
    pub(crate) fn finding(&self, now: UnixTime) -> Finding {
        Finding::Tokens {
            lacks: None,
            lifetime: self.expires_at.map(|at| at.since(now).as_secs()),
            refresh_token: self.refresh_token.is_some(),
            tolerated: self.tolerated,
            misshapen: self.misshapen.clone(),
        }
    }

    /// Whether the access token is good for `margin` more.
    #[must_use]
    pub fn is_valid_for(&self, now: UnixTime, margin: Duration) -> bool {
        self.expires_at.is_none_or(|at| now + margin < at)
    }
}

/// An answer without an access token that can be used.
#[derive(Debug)]
pub(crate) struct NoToken {
    pub(crate) error: Error,
    /// What came all the same: the one that was spent may be good for nothing by now.
    pub(crate) refresh_token: Option<Secret>,
}

impl From<Error> for NoToken {
    fn from(error: Error) -> Self {
        Self { error, refresh_token: None }
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
    requester: &TokenRequester<'_>,
    redirect_uri: &str,
    code: &AuthorizationCode,
    verifier: &RandomBytes,
) -> Request {
    let form = requester
        .form("authorization_code", 0)
        .pair("code", code.0.expose())
        .pair("redirect_uri", redirect_uri);
    requester.request(verifier.with_text(|text| form.pair("code_verifier", text)))
}

/// Redeems a refresh token (RFC 6749 §6). No scope: that means the same scopes, and a wider one is
/// not to be had this way.
pub(crate) fn refresh_request(requester: &TokenRequester<'_>, refresh_token: &Secret) -> Request {
    let form = requester
        .form(GrantType::RefreshToken.as_str(), 0)
        .pair("refresh_token", refresh_token.expose());
    requester.request(form)
}

impl TokenParties<'_> {
    /// The same as a requester, with the assertion that was signed for this request if the client has a key.
    pub(crate) fn requester<'a>(&'a self, assertion: Option<&'a SignedJwt>) -> TokenRequester<'a> {
        let Self { server, client, resource, dialect } = self;
        let registered = Authentication::from(*client);
        let client = registered.or_signed(assertion, &client.client_id, *dialect);
        TokenRequester { endpoint: &server.token_endpoint, client, resource, dialect: *dialect }
    }
}

/// Who asks which token endpoint, and for which resource: what each token request says, whatever it redeems.
pub(crate) struct TokenRequester<'a> {
    pub(crate) endpoint: &'a HttpUrl,
    pub(crate) client: Authentication<'a>,
    pub(crate) resource: &'a str,
    pub(crate) dialect: Option<&'a Dialect>,
}

impl TokenRequester<'_> {
    /// A form that begins with the grant, with room for that many bytes more than usual.
    pub(super) fn form(&self, grant: &str, more: usize) -> Form {
        let length = FORM_LENGTH + self.client.length() + more;
        Form::with_capacity(length).pair("grant_type", grant)
    }

    /// Every token request names the resource (RFC 8707 §2.2) and the client, in one way only.
    pub(super) fn request(&self, form: Form) -> Request {
        let Self { endpoint, client, resource, dialect } = *self;
        let form = form.pair_if("resource", Dialect::resource(dialect, resource));
        let form = add_to(form, dialect.iter().flat_map(|dialect| &dialect.token));
        Request::form(Endpoint::Token, endpoint.clone(), client.add_to(form).into_body())
            .with_authorization(client.header())
    }
}

/// Reads the tokens of an answer. What had to be tolerated is for the caller to judge: by then there are
/// tokens that must not be lost ([`TokenData::check`]). The same holds for bearer tokens where bound ones were asked
/// for ([`TokenData::check_type`]).
///
/// `asked` is [`TokenType::Dpop`] if a proof was sent: without one, a bound token is bound to nobody knows what.
///
/// # Errors
///
/// The server's refusal, also when it comes with a status of success; an answer that cannot be read;
/// [`PeerIncompatible::TokenType`] for a type that cannot be used (RFC 6749 §7.1).
pub(crate) fn read_tokens(
    response: &Response,
    endpoint: &HttpUrl,
    requested: Option<&Scopes>,
    asked: TokenType,
    now: UnixTime,
) -> Result<TokenData, NoToken> {
    let body = read_success(response, Endpoint::Token, endpoint)?;
    let from_form = form_as_json(response);
    let body = from_form.as_ref().map_or(body, |json| json.0.as_bytes());
    let defect = |defect| malformed(response, Endpoint::Token, endpoint, defect);
    let mut answer = TokenAnswer::read(body).map_err(defect)?;
    let mut tolerated = answer.tolerated(requested);
    if from_form.is_some() {
        // All members of a form are texts.
        tolerated.remove(Tolerance::TextualLifetime);
        tolerated.insert(Tolerance::FormEncodedTokens);
    }
    let scope = answer.scopes(requested);
    let token_type = answer.presented().filter(|it| *it == TokenType::Bearer || *it == asked);
    let access_token = match (&answer.access_token, token_type) {
        (Ok(_), None) => {
            let found = clean_code(answer.token_type()).into();
            Err(PeerIncompatible::TokenType { found }.into())
        }
        (Ok(token), Some(token_type)) => {
            // The server has given it, and not the host.
            let unsendable = |_| PeerMisbehaved::UnsendableToken.into();
            BearerAuth::new(token).map(|token| (token, token_type)).map_err(unsendable)
        }
        (Err(missing), _) => Err(match refusal(body, Endpoint::Token) {
            Ok(refusal) => refusal.into(),
            Err(_) => defect(missing.clone()),
        }),
    };
    let refresh_token = answer.refresh_token.map(|text| Secret::from(&*text));
    let (access_token, token_type) = match access_token {
        Ok(usable) => usable,
        Err(error) => return Err(NoToken { error, refresh_token }),
    };
    Ok(TokenData {
        access_token,
        token_type,
        expires_at: answer.expires_in.map(|seconds| now + Duration::from_secs(seconds.number)),
        refresh_token,
        scope,
        tolerated,
        misshapen: answer.misshapen,
        other: answer.other,
    })
}

/// Room for the usual form, so that its secrets are not copied while it grows.
const FORM_LENGTH: usize = 512;

#[cfg(test)]
mod tests;
