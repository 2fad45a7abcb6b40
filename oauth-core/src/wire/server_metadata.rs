//! Metadata of the authorization server: what is taken from it (RFC 8414, OpenID Connect Discovery 1.0).
//!
//! Not read: `signed_metadata`, and everything about grants that this crate does not use. For grants without a
//! user, what a document says about logins is not read either.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::address_policy::AddressPolicy;
use crate::error::{Error, Misuse, PeerIncompatible, PeerMisbehaved};
use crate::http::Endpoint;
use crate::json::{Defect, MemberNames};
use crate::policy::Policy;
use crate::profile::Profile;
use crate::signing_algorithm::SigningAlgorithms;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::{HttpAllowance, HttpUrl};
use crate::wire::ServerOAuthMetadata;
use crate::wire::client_auth::AuthMethods;
use crate::wire::grant_types::{GrantType, GrantTypes};
use crate::wire::issuer::Issuer;

mod document;
mod offers;

pub(crate) use document::{Document, Purpose};
use document::{Grants, checked};
pub(crate) use offers::Wanted;
use offers::{Offers, PushedRequests};

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
    pub(crate) named: Option<Box<Issuer>>,
    /// `None` where it was read for a grant that needs none: then it serves for no login in a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_endpoint: Option<HttpUrl>,
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
    /// `None` where it offers nothing of that kind, or nobody wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offers: Option<Box<Offers>>,
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

    /// Where a person consents. What was read for a grant that needs none has no such place; no login in a browser is
    /// begun with it, and at the token endpoint none would get far.
    pub(crate) fn authorization_endpoint(&self) -> &HttpUrl {
        self.authorization_endpoint.as_ref().unwrap_or(&self.token_endpoint)
    }

    /// Whether the grant may be asked for: the server lists it, or none.
    pub(crate) fn may_grant(&self, grant: GrantType) -> bool {
        self.grants().is_none_or(|listed| listed.contains(grant))
    }

    /// Whether the server lists the grant.
    pub(crate) fn lists(&self, grant: GrantType) -> bool {
        self.grants().is_some_and(|listed| listed.contains(grant))
    }

    /// `None` where the server lists none: then what it does shows when it is asked.
    fn grants(&self) -> Option<GrantTypes> {
        self.offers.as_ref()?.grants
    }

    /// What client assertions may be signed with; `None` where the server lists none.
    pub(crate) fn signing_algorithms(&self) -> Option<SigningAlgorithms> {
        self.offers.as_ref()?.signing_algorithms
    }

    /// Where tokens are revoked (RFC 7009), if the server does that.
    #[must_use]
    pub fn revocation_endpoint(&self) -> Option<&HttpUrl> {
        self.revocation_endpoint.as_ref()
    }

    /// What proofs may be signed with (RFC 9449 §5.1). `None` if the server does not say that it knows DPoP, or nobody
    /// wants to know.
    #[must_use]
    pub fn dpop_algorithms(&self) -> Option<SigningAlgorithms> {
        self.offers.as_ref()?.dpop_algorithms
    }

    /// Where requests of logins are pushed to (RFC 9126), if that is possible.
    pub(crate) fn pushed_requests(&self) -> Option<&PushedRequests> {
        self.offers.as_ref()?.pushed_requests.as_ref()
    }

    /// Where codes for other devices are got (RFC 8628), if the server gives any, and somebody wants one.
    pub(crate) fn device_endpoint(&self) -> Option<&HttpUrl> {
        self.offers.as_ref()?.device_endpoint.as_ref()
    }

    /// Whether a login works without its request being pushed.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::PushedRequestsRequired`].
    pub(crate) fn check_unpushed(&self) -> Result<(), PeerIncompatible> {
        if self.pushed_requests().is_some_and(|it| it.required) {
            let issuer = self.issuer.as_str().into();
            return Err(PeerIncompatible::PushedRequestsRequired { issuer });
        }
        Ok(())
    }

    /// Forgets the offers that nobody takes: they would be stored with each grant.
    pub(crate) fn keep(&mut self, wanted: Wanted) {
        self.offers = self.offers.take().and_then(|offers| offers.kept(wanted).boxed());
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
        let named = self.named.as_deref().map(Issuer::as_str);
        if iss == self.issuer.as_str() || Some(iss) == named {
            Some(Tolerances::NONE)
        } else if tolerates.contains(slash) && self.issuer.differs_by_slash(iss) {
            Some([slash].into_iter().collect())
        } else {
            None
        }
    }

    /// Reads a document for this purpose, without believing it yet. Grants without a user need no authorization
    /// endpoint (RFC 8414 §2), and what a document says about logins is not looked at; logins on another device need
    /// none either, and everything else that a login does.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if there is no such document here, so that the next place may be tried.
    pub(crate) fn read(body: &[u8], purpose: Purpose) -> Result<Document<'_>, Defect> {
        Document::read(body, purpose)
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
        wanted: Wanted,
        address_policy: AddressPolicy<'_>,
        policy: &Policy,
    ) -> Result<(Self, MemberNames), Error> {
        let speaks_for = &*document.issuer;
        let Some((speaker, mut tolerated)) = expected.speaker(speaks_for, policy) else {
            let (expected, found) = (expected.as_str().into(), speaks_for.into());
            return Err(PeerMisbehaved::IssuerMismatch { expected, found }.into());
        };
        let mut misshapen = document.misshapen.clone();
        let browser = document.login.as_ref().and_then(|login| login.browser.as_ref());
        let authorization_endpoint = match browser {
            Some(browser) => {
                let (endpoint, tolerance) = browser.check(&speaker, address_policy, policy)?;
                tolerated.extend(tolerance.into_iter().collect::<Tolerances>());
                Some(endpoint)
            }
            None => None,
        };
        let endpoint = |endpoint, text: &str| checked(endpoint, text, address_policy);
        let login = document.login.as_ref();
        let has_more = document.purpose != Purpose::Login;
        let registration_endpoint = login.and_then(|it| it.registration_endpoint.as_deref());
        let registration_endpoint =
            registration_endpoint.map(|text| endpoint(Endpoint::Registration, text));
        let (registration_endpoint, unusable_registration) = match registration_endpoint {
            Some(Err(why)) => (None, Some(Box::new(why))),
            other => (other.and_then(Result::ok), None),
        };
        let token_endpoint = endpoint(Endpoint::Token, &document.token_endpoint)?;
        // A login works without it, so what is wrong with it is no reason to refuse one.
        let revocation_endpoint =
            document.revocation_endpoint.as_deref().map(|text| address_policy.parse(text));
        if unusable_registration.is_some() {
            misshapen.insert("registration_endpoint");
        }
        let offers = match login {
            Some(login) => login.offers(wanted, &speaker, address_policy, &mut misshapen)?,
            None => Offers::default(),
        };
        let offers = Offers {
            dpop_algorithms: document.dpop_algorithms.filter(|_| wanted.dpop),
            // A login in a browser alone needs neither, and what is stored of it is as small as it was.
            signing_algorithms: document.signing_algorithms.filter(|_| has_more),
            // A list of none says nothing.
            grants: document.grants.as_ref().filter(|it| it.any && has_more).map(|it| it.known),
            ..offers
        };
        if let Some(Err(_)) = revocation_endpoint {
            misshapen.insert("revocation_endpoint");
        }
        tolerated.extend(misshapen.tolerance());
        let (endpoint, tolerates) = (Endpoint::ServerMetadata, policy.tolerates);
        PeerMisbehaved::check(endpoint, misshapen.tolerance(), &misshapen, tolerates)?;
        let server = Self {
            named: (*expected != speaker).then(|| Box::new(expected.clone())),
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
            without_refresh: document.grants.as_ref().is_some_and(Grants::is_without_refresh),
            offers: offers.boxed(),
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
        purpose: Purpose,
        address_policy: AddressPolicy<'_>,
        policy: &Policy,
    ) -> Result<Self, Error> {
        let unusable = |defect| Error::from(Misuse::Provider { defect });
        // Texts alone always serialize.
        let body = serde_json::to_vec(metadata).unwrap_or_default();
        let document = Document::read(&body, purpose).map_err(unusable)?;
        let issuer = Issuer::parse(&metadata.issuer, address_policy)
            .map_err(|_| unusable(Defect::unusable("issuer")))?;
        let (checked, _) = Self::check(&document, &issuer, Wanted::ALL, address_policy, policy)?;
        Ok(Self { provenance: Provenance::Provided, ..checked })
    }

    /// What is known of a provider that publishes nothing.
    pub(crate) fn known(issuer: &Issuer) -> Option<Self> {
        let endpoints = Profile::of(issuer.as_str())?.endpoints.as_ref()?;
        let parse = |url| HttpUrl::parse(url, HttpAllowance::Forbidden).ok();
        Some(Self {
            issuer: issuer.clone(),
            named: None,
            authorization_endpoint: Some(parse(endpoints.authorization)?),
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
            offers: None,
            tolerated: [Tolerance::ProviderProfile].into_iter().collect(),
        })
    }

    /// The default endpoints of the 2025-03-26 specification at the MCP server's origin.
    pub(crate) fn legacy(issuer: Issuer, origin: &HttpUrl) -> Self {
        Self {
            issuer,
            named: None,
            authorization_endpoint: Some(origin.with_path("/authorize")),
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
            offers: None,
            tolerated: [Tolerance::Legacy20250326].into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
