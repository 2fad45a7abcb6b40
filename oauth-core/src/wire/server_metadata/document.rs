//! The members of the metadata that the machine acts on, before they are believed.

use crate::address_policy::AddressPolicy;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::form;
use crate::http::Endpoint;
use crate::json::{Defect, Gather, MemberNames, Members, OnlyTrue, Text};
use crate::policy::Policy;
use crate::profile::Profile;
use crate::scope::OFFLINE_ACCESS;
use crate::signing_algorithm::SigningAlgorithms;
use crate::tolerance::Tolerance;
use crate::url::{HttpUrl, UrlDefect, shown};
use crate::wire::client_auth::AuthMethods;
use crate::wire::grant_types::{GrantType, GrantTypes};
use crate::wire::issuer::Issuer;
use crate::wire::parameters::is_forbidden_in_endpoint;
use crate::wire::server_metadata::offers::{Offers, PushedRequests, Wanted};

/// What a document is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Login,
    Device,
    /// A login with a browser, or on another device.
    Either,
    WithoutUser,
}

/// The members that the machine acts on.
pub(crate) struct Document<'a> {
    pub(super) purpose: Purpose,
    pub(super) issuer: Text<'a>,
    pub(super) token_endpoint: Text<'a>,
    pub(super) revocation_endpoint: Option<Text<'a>>,
    /// `None` if it is not read for one.
    pub(super) login: Option<ForLogin<'a>>,
    pub(super) auth_methods: Option<AuthMethods>,
    pub(super) signing_algorithms: Option<SigningAlgorithms>,
    pub(super) dpop_algorithms: Option<SigningAlgorithms>,
    pub(super) offline_access: Option<OfflineAccess>,
    pub(super) grants: Option<Grants>,
    pub(super) promises_iss: OnlyTrue,
    pub(super) metadata_documents: OnlyTrue,
    pub(super) misshapen: MemberNames,
}

/// What only logins need.
pub(super) struct ForLogin<'a> {
    /// `None` if the user consents on another device.
    pub(super) browser: Option<ForBrowser<'a>>,
    pub(super) registration_endpoint: Option<Text<'a>>,
    device_endpoint: Option<Text<'a>>,
}

/// What only logins in a browser need.
pub(super) struct ForBrowser<'a> {
    authorization_endpoint: Text<'a>,
    s256: Option<S256>,
    push_endpoint: Option<Text<'a>>,
    wants_pushed_requests: OnlyTrue,
}

impl<'a> Document<'a> {
    pub(super) fn read(body: &'a [u8], purpose: Purpose) -> Result<Self, Defect> {
        let mut members = Members::of(body)?;
        Ok(Self {
            purpose,
            issuer: members.required_text("issuer")?,
            login: match purpose {
                Purpose::Login | Purpose::Either => {
                    let browser = ForBrowser::of(&mut members)?;
                    Some(ForLogin::of(&mut members, Some(browser)))
                }
                Purpose::Device => Some(ForLogin::of(&mut members, None)),
                Purpose::WithoutUser => None,
            },
            token_endpoint: members.required_text("token_endpoint")?,
            revocation_endpoint: members.text("revocation_endpoint"),
            auth_methods: members.list("token_endpoint_auth_methods_supported"),
            signing_algorithms: members.list("token_endpoint_auth_signing_alg_values_supported"),
            dpop_algorithms: members.list("dpop_signing_alg_values_supported"),
            offline_access: members.list("scopes_supported"),
            grants: members.list("grant_types_supported"),
            promises_iss: members.only_true("authorization_response_iss_parameter_supported"),
            metadata_documents: members.only_true("client_id_metadata_document_supported"),
            misshapen: members.into_misshapen(),
        })
    }
}

impl<'a> ForLogin<'a> {
    fn of(members: &mut Members<'a>, browser: Option<ForBrowser<'a>>) -> Self {
        Self {
            browser,
            registration_endpoint: members.text("registration_endpoint"),
            device_endpoint: members.text("device_authorization_endpoint"),
        }
    }
}

impl<'a> ForBrowser<'a> {
    fn of(members: &mut Members<'a>) -> Result<Self, Defect> {
        Ok(Self {
            authorization_endpoint: members.required_text("authorization_endpoint")?,
            s256: members.list("code_challenge_methods_supported"),
            push_endpoint: members.text("pushed_authorization_request_endpoint"),
            wants_pushed_requests: members.only_true("require_pushed_authorization_requests"),
        })
    }

    /// Where a person consents, and what has to be tolerated for that.
    pub(super) fn check(
        &self,
        speaker: &Issuer,
        address_policy: AddressPolicy<'_>,
        policy: &Policy,
    ) -> Result<(HttpUrl, Option<Tolerance>), Error> {
        let issuer = || speaker.as_str().into();
        let no_s256 = |advertised| PeerIncompatible::NoS256 { issuer: issuer(), advertised };
        let tolerance = match &self.s256 {
            Some(S256(true)) => None,
            Some(_) => return Err(no_s256(true).into()),
            None => Some(s256_of(speaker, policy).ok_or_else(|| no_s256(false))?),
        };
        let url = checked(Endpoint::Authorization, &self.authorization_endpoint, address_policy)?;
        let query = url.query().trim_start_matches('?');
        if form::pairs(query).any(|(name, _)| is_forbidden_in_endpoint(&name)) {
            let (endpoint, defect) = (Endpoint::Authorization, UrlDefect::Parameter);
            let url = shown(url.as_str());
            return Err(PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into());
        }
        Ok((url, tolerance))
    }

    /// Where requests are pushed to. What is wrong with that matters only where they have to be, and is noted else.
    fn pushed_requests(
        &self,
        wanted: Wanted,
        speaker: &Issuer,
        address_policy: AddressPolicy<'_>,
        misshapen: &mut MemberNames,
    ) -> Result<Option<PushedRequests>, Error> {
        let required = self.wants_pushed_requests.0;
        let endpoint = self.push_endpoint.as_deref().filter(|_| required || wanted.pushed_requests);
        match endpoint.map(|text| checked(Endpoint::PushedAuthorization, text, address_policy)) {
            Some(Ok(endpoint)) => Ok(Some(PushedRequests { endpoint, required })),
            Some(Err(unsafe_url)) if required => Err(unsafe_url.into()),
            None if required => {
                let issuer = speaker.as_str().into();
                Err(PeerIncompatible::PushedRequestsRequired { issuer }.into())
            }
            Some(Err(_)) => {
                misshapen.insert("pushed_authorization_request_endpoint");
                Ok(None)
            }
            None => Ok(None),
        }
    }
}

impl ForLogin<'_> {
    /// Where codes for other devices are got. What is wrong with that is noted.
    fn device_endpoint(
        &self,
        address_policy: AddressPolicy<'_>,
        misshapen: &mut MemberNames,
    ) -> Option<HttpUrl> {
        let endpoint = address_policy.parse(self.device_endpoint.as_deref()?);
        if endpoint.is_err() {
            misshapen.insert("device_authorization_endpoint");
        }
        endpoint.ok()
    }

    /// What it offers beyond the usual.
    pub(super) fn offers(
        &self,
        wanted: Wanted,
        speaker: &Issuer,
        address_policy: AddressPolicy<'_>,
        misshapen: &mut MemberNames,
    ) -> Result<Offers, Error> {
        Ok(Offers {
            pushed_requests: match &self.browser {
                Some(browser) => {
                    browser.pushed_requests(wanted, speaker, address_policy, misshapen)?
                }
                None => None,
            },
            device_endpoint: match wanted.device_codes {
                true => self.device_endpoint(address_policy, misshapen),
                false => None,
            },
            ..Offers::default()
        })
    }
}

/// An endpoint that a document names, if it may be used.
pub(super) fn checked(
    endpoint: Endpoint,
    text: &str,
    address_policy: AddressPolicy<'_>,
) -> Result<HttpUrl, PeerMisbehaved> {
    address_policy.parse(text).map_err(|defect| PeerMisbehaved::UnsafeUrl {
        endpoint,
        url: shown(text),
        defect,
    })
}

/// What makes a server pass that does not say which PKCE methods it supports.
fn s256_of(issuer: &Issuer, policy: &Policy) -> Option<Tolerance> {
    let known = Tolerance::KnownS256;
    let is_known = Profile::of(issuer.as_str()).is_some_and(|profile| profile.s256);
    let candidates = [is_known.then_some(known)];
    let candidates = candidates.into_iter().flatten().chain([Tolerance::UnlistedS256]);
    candidates.into_iter().find(|tolerance| policy.tolerates.contains(*tolerance))
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
pub(super) struct OfflineAccess(pub(super) bool);

impl Gather for OfflineAccess {
    fn gather(&mut self, text: &str) {
        // As one text they are separated by spaces.
        let is_long = text.len() >= OFFLINE_ACCESS.len();
        self.0 |= is_long && text.split(' ').any(|scope| scope == OFFLINE_ACCESS);
    }
}

/// The grants that a server lists.
#[derive(Default)]
pub(super) struct Grants {
    pub(super) known: GrantTypes,
    /// Of any name.
    pub(super) any: bool,
}

impl Grants {
    /// It lists some, and refreshing is not among them.
    pub(super) fn is_without_refresh(&self) -> bool {
        self.any && !self.known.contains(GrantType::RefreshToken)
    }
}

impl Gather for Grants {
    fn gather(&mut self, text: &str) {
        self.any = true;
        self.known.gather(text);
    }
}
