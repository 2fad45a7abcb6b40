//! Metadata of the authorization server: what is taken from it (RFC 8414, OpenID Connect Discovery 1.0).
//!
//! Not read: `signed_metadata`, and everything about grants that this crate does not use.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Misuse, PeerIncompatible, PeerMisbehaved};
use crate::form;
use crate::http::Endpoint;
use crate::json::{Defect, Gather, MemberNames, Members, OnlyTrue, Text};
use crate::policy::Policy;
use crate::profile::Profile;
use crate::reach::Reach;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::{HttpUrl, Plaintext, UrlDefect, shown};
use crate::wire::ServerOAuthMetadata;
use crate::wire::client_auth::AuthMethods;
use crate::wire::issuer::Issuer;
use crate::wire::parameters::is_forbidden_in_endpoint;

/// Where an authorization server's endpoints are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provenance {
    /// From its metadata.
    Discovered,
    /// From the host, so nothing was asked.
    Provided,
    /// From what is known of the provider, which publishes no metadata.
    Known,
    /// From nowhere: they are the default paths of the 2025-03-26 specification, which the host
    /// opted into ([`Tolerance::Legacy20250326`]).
    Legacy,
}

/// What is known of an authorization server, checked: made only from metadata whose issuer is the
/// expected one and whose endpoints may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMetadata {
    pub(crate) issuer: Issuer,
    /// As it was named before it spoke for itself, where that is another spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) named: Option<Issuer>,
    pub(crate) authorization_endpoint: HttpUrl,
    pub(crate) token_endpoint: HttpUrl,
    pub(crate) registration_endpoint: Option<HttpUrl>,
    /// Why there is none although the server names one: who has a client id does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unusable_registration: Option<Box<PeerMisbehaved>>,
    pub(crate) revocation_endpoint: Option<HttpUrl>,
    pub(crate) provenance: Provenance,
    /// `None` where the server lists none.
    pub(crate) auth_methods: Option<AuthMethods>,
    /// Redirects carry `iss` (RFC 9207 §3).
    pub(crate) promises_iss: bool,
    /// A client id may be the URL of a document.
    pub(crate) metadata_documents: bool,
    /// `offline_access` may be asked for.
    pub(crate) offline_access: bool,
    /// It lists its grants, and refreshing is not among them.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) without_refresh: bool,
    /// What had to be tolerated to find it.
    #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
    pub(crate) tolerated: Tolerances,
}

impl ServerMetadata {
    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Where codes and refresh tokens are redeemed.
    #[must_use]
    pub fn token_endpoint(&self) -> &HttpUrl {
        &self.token_endpoint
    }

    /// Where tokens are revoked (RFC 7009), if the server does that.
    #[must_use]
    pub fn revocation_endpoint(&self) -> Option<&HttpUrl> {
        self.revocation_endpoint.as_ref()
    }

    /// Where this is known from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// Whether this is the server of that name, in one of the spellings that it is known by.
    pub(crate) fn is_of(&self, issuer: &str) -> bool {
        self.issuer.is_same(issuer) || self.named.as_ref().is_some_and(|it| it.as_str() == issuer)
    }

    /// Whether both are one server, whatever became of its endpoints.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_of(other.issuer.as_str())
            || other.named.as_ref().is_some_and(|it| self.is_of(it.as_str()))
    }

    /// Whether the `iss` of a redirect is this server's, and what has to be tolerated for that: the two
    /// spellings that documents used are its own, and any other slash is the host's to allow by name.
    pub(crate) fn sends_iss(&self, iss: &str, tolerates: Tolerances) -> Option<Tolerances> {
        let slash = Tolerance::IssuerSlash;
        let named = self.named.as_ref().map(Issuer::as_str);
        if iss == self.issuer.as_str() || Some(iss) == named {
            Some(Tolerances::NONE)
        } else if tolerates.contains(slash) && self.issuer.differs_by_slash(iss) {
            Some([slash].into_iter().collect())
        } else {
            None
        }
    }

    /// Reads a document without believing it yet.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if there is no such document here, so that the next place may be tried.
    pub(crate) fn read(body: &[u8]) -> Result<Document<'_>, Defect> {
        let mut members = Members::of(body)?;
        Ok(Document {
            issuer: members.required_text("issuer")?,
            authorization_endpoint: members.required_text("authorization_endpoint")?,
            token_endpoint: members.required_text("token_endpoint")?,
            registration_endpoint: members.text("registration_endpoint"),
            revocation_endpoint: members.text("revocation_endpoint"),
            s256: members.list("code_challenge_methods_supported"),
            auth_methods: members.list("token_endpoint_auth_methods_supported"),
            offline_access: members.list("scopes_supported"),
            grants: members.list("grant_types_supported"),
            promises_iss: members.only_true("authorization_response_iss_parameter_supported"),
            metadata_documents: members.only_true("client_id_metadata_document_supported"),
            wants_pushed_requests: members.only_true("require_pushed_authorization_requests"),
            misshapen: members.into_misshapen(),
        })
    }

    /// Takes a document that speaks for `expected`; with the members that are not as they should be.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::IssuerMismatch`] (RFC 8414 §3.3), [`PeerMisbehaved::UnsafeUrl`],
    /// [`PeerMisbehaved::NotTolerated`], or a [`PeerIncompatible`] that says what is not supported.
    pub(crate) fn check(
        document: &Document<'_>,
        expected: &Issuer,
        reach: Reach<'_>,
        policy: &Policy,
    ) -> Result<(Self, MemberNames), Error> {
        let speaks_for = &*document.issuer;
        let Some((speaker, mut tolerated)) = expected.speaker(speaks_for, policy) else {
            let (expected, found) = (expected.as_str().into(), speaks_for.into());
            return Err(PeerMisbehaved::IssuerMismatch { expected, found }.into());
        };
        let mut misshapen = document.misshapen.clone();
        let issuer = || speaker.as_str().into();
        match &document.s256 {
            Some(S256(true)) => {}
            Some(_) => {
                return Err(PeerIncompatible::NoS256 { issuer: issuer(), advertised: true }.into());
            }
            None => match s256_of(&speaker, policy) {
                Some(tolerance) => tolerated.insert(tolerance),
                None => {
                    let no_s256 = PeerIncompatible::NoS256 { issuer: issuer(), advertised: false };
                    return Err(no_s256.into());
                }
            },
        }
        if document.wants_pushed_requests.0 {
            return Err(PeerIncompatible::PushedRequestsRequired { issuer: issuer() }.into());
        }
        let endpoint = |endpoint, text: &str| {
            reach.parse(text).map_err(|defect| PeerMisbehaved::UnsafeUrl {
                endpoint,
                url: shown(text),
                defect,
            })
        };
        let authorization_endpoint =
            endpoint(Endpoint::Authorization, &document.authorization_endpoint)?;
        let query = authorization_endpoint.query().trim_start_matches('?');
        if form::pairs(query).any(|(name, _)| is_forbidden_in_endpoint(&name)) {
            let (endpoint, defect) = (Endpoint::Authorization, UrlDefect::Parameter);
            let url = shown(authorization_endpoint.as_str());
            return Err(PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into());
        }
        let registration_endpoint = document.registration_endpoint.as_deref();
        let registration_endpoint =
            registration_endpoint.map(|text| endpoint(Endpoint::Registration, text));
        let (registration_endpoint, unusable_registration) = match registration_endpoint {
            Some(Err(why)) => (None, Some(Box::new(why))),
            other => (other.and_then(Result::ok), None),
        };
        let token_endpoint = endpoint(Endpoint::Token, &document.token_endpoint)?;
        // A login works without it, so what is wrong with it is no reason to refuse one.
        let revocation_endpoint =
            document.revocation_endpoint.as_deref().map(|text| reach.parse(text));
        if unusable_registration.is_some() {
            misshapen.insert("registration_endpoint");
        }
        if let Some(Err(_)) = revocation_endpoint {
            misshapen.insert("revocation_endpoint");
        }
        tolerated.extend(misshapen.tolerance());
        let (endpoint, tolerates) = (Endpoint::ServerMetadata, policy.tolerates);
        PeerMisbehaved::check(endpoint, misshapen.tolerance(), &misshapen, tolerates)?;
        let server = Self {
            named: (*expected != speaker).then(|| expected.clone()),
            issuer: speaker,
            authorization_endpoint,
            token_endpoint,
            registration_endpoint,
            unusable_registration,
            revocation_endpoint: revocation_endpoint.and_then(Result::ok),
            provenance: Provenance::Discovered,
            auth_methods: document.auth_methods,
            promises_iss: document.promises_iss.0,
            metadata_documents: document.metadata_documents.0,
            offline_access: document.offline_access.as_ref().is_some_and(|list| list.0),
            without_refresh: document.grants.as_ref().is_some_and(|it| it.others && !it.refresh),
            tolerated,
        };
        Ok((server, misshapen))
    }

    /// Takes what the host says of the server, by the same checks as a document from the network.
    ///
    /// # Errors
    ///
    /// As for a document from the network; [`Misuse::Provider`] if a member is missing.
    pub(crate) fn provided(
        metadata: &ServerOAuthMetadata,
        reach: Reach<'_>,
        policy: &Policy,
    ) -> Result<Self, Error> {
        let unusable = |defect| Error::from(Misuse::Provider { defect });
        // Texts alone always serialize.
        let body = serde_json::to_vec(metadata).unwrap_or_default();
        let document = Self::read(&body).map_err(unusable)?;
        let issuer = Issuer::parse(&metadata.issuer, reach)
            .map_err(|_| unusable(Defect::unusable("issuer")))?;
        let (checked, _) = Self::check(&document, &issuer, reach, policy)?;
        Ok(Self { provenance: Provenance::Provided, ..checked })
    }

    /// What is known of a provider that publishes nothing.
    pub(crate) fn known(issuer: &Issuer) -> Option<Self> {
        let endpoints = Profile::of(issuer.as_str())?.endpoints.as_ref()?;
        let parse = |url| HttpUrl::parse(url, Plaintext::Forbidden).ok();
        Some(Self {
            issuer: issuer.clone(),
            named: None,
            authorization_endpoint: parse(endpoints.authorization)?,
            token_endpoint: parse(endpoints.token)?,
            registration_endpoint: None,
            revocation_endpoint: None,
            unusable_registration: None,
            without_refresh: false,
            provenance: Provenance::Known,
            auth_methods: Some(AuthMethods::IN_BODY),
            promises_iss: false,
            metadata_documents: false,
            offline_access: false,
            tolerated: [Tolerance::ProviderProfile].into_iter().collect(),
        })
    }

    /// The default endpoints of the 2025-03-26 specification at the MCP server's origin.
    pub(crate) fn legacy(issuer: Issuer, origin: &HttpUrl) -> Self {
        Self {
            issuer,
            named: None,
            authorization_endpoint: origin.with_path("/authorize"),
            token_endpoint: origin.with_path("/token"),
            registration_endpoint: Some(origin.with_path("/register")),
            unusable_registration: None,
            revocation_endpoint: None,
            provenance: Provenance::Legacy,
            auth_methods: None,
            promises_iss: false,
            metadata_documents: false,
            offline_access: false,
            without_refresh: false,
            tolerated: [Tolerance::Legacy20250326].into_iter().collect(),
        }
    }
}

/// What makes a server pass that does not say which PKCE methods it supports.
fn s256_of(issuer: &Issuer, policy: &Policy) -> Option<Tolerance> {
    let known = Tolerance::KnownS256;
    let is_known = Profile::of(issuer.as_str()).is_some_and(|profile| profile.s256);
    let candidates = [is_known.then_some(known)];
    let candidates = candidates.into_iter().flatten().chain([Tolerance::UnlistedS256]);
    candidates.into_iter().find(|tolerance| policy.tolerates.contains(*tolerance))
}

/// The members that the machine acts on.
pub(crate) struct Document<'a> {
    issuer: Text<'a>,
    authorization_endpoint: Text<'a>,
    token_endpoint: Text<'a>,
    registration_endpoint: Option<Text<'a>>,
    revocation_endpoint: Option<Text<'a>>,
    s256: Option<S256>,
    auth_methods: Option<AuthMethods>,
    offline_access: Option<OfflineAccess>,
    grants: Option<Grants>,
    promises_iss: OnlyTrue,
    metadata_documents: OnlyTrue,
    wants_pushed_requests: OnlyTrue,
    misshapen: MemberNames,
}

/// Of the PKCE methods only S256 is asked for.
#[derive(Default)]
struct S256(bool);

impl Gather for S256 {
    fn gather(&mut self, text: &str) {
        self.0 |= text == "S256";
    }
}

/// Of the server's scopes only this one is asked for; which others it has is not our business, the
/// resource says what it needs.
#[derive(Default)]
struct OfflineAccess(bool);

impl Gather for OfflineAccess {
    fn gather(&mut self, text: &str) {
        // As one text they are separated by spaces.
        self.0 |= text.split(' ').any(|scope| scope == "offline_access");
    }
}

/// Of the grants only this one may be missing.
#[derive(Default)]
struct Grants {
    refresh: bool,
    others: bool,
}

impl Gather for Grants {
    fn gather(&mut self, text: &str) {
        if text == "refresh_token" {
            self.refresh = true;
        } else {
            self.others = true;
        }
    }
}

#[cfg(test)]
mod tests;
