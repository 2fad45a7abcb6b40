use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::http::Endpoint;
use crate::json::{Defect, MemberNames};
use crate::keys::KeyDefect;
use crate::scope::Scopes;
use crate::signing_algorithm::SigningAlgorithm;
use crate::time::UnixTime;
use crate::tolerance::Tolerance;
use crate::url::UrlDefect;

fn text() -> Box<str> {
    "x".into()
}

fn refusal() -> Refusal {
    Refusal { endpoint: Endpoint::Token, code: text(), description: None, uri: None }
}

fn misbehaved() -> Vec<(PeerMisbehaved, &'static str)> {
    use PeerMisbehaved as It;
    let endpoint = Endpoint::Token;
    let (expected, found) = (text, text);
    Vec::from([
        (It::IssuerMismatch { expected: expected(), found: found() }, "issuer_mismatch"),
        (It::ForeignResource { expected: expected(), found: found() }, "foreign_resource"),
        (It::StateMismatch, "state_mismatch"),
        (It::WrongIss { expected: expected(), found: found() }, "wrong_iss"),
        (It::MissingIss { expected: expected() }, "missing_iss"),
        (It::RepeatedParameter { name: text() }, "repeated_parameter"),
        (It::NoAnswer, "no_answer"),
        (It::UnsafeUrl { endpoint, url: text(), defect: UrlDefect::Scheme }, "unsafe_url"),
        (
            It::PrivateAddress { endpoint, url: text(), address: [127, 0, 0, 1].into() },
            "private_address",
        ),
        (It::UnsendableToken, "unsendable_token"),
        (
            It::ForeignIdJag { claim: text(), expected: expected(), found: found() },
            "foreign_id_jag",
        ),
        (It::NotAnIdJag { member: text(), found: found() }, "not_an_id_jag"),
        (
            It::NotTolerated {
                endpoint,
                tolerance: Tolerance::MisshapenMembers,
                misshapen: MemberNames::default(),
            },
            "not_tolerated",
        ),
    ])
}

fn incompatible() -> Vec<(PeerIncompatible, &'static str)> {
    use PeerIncompatible as It;
    let issuer = text;
    Vec::from([
        (
            It::NoResourceMetadata { server: text(), found: Absence::Nothing },
            "no_resource_metadata",
        ),
        (It::NoAuthorizationServer { resource: text() }, "no_authorization_server"),
        (It::NoLoginAskedFor { server: text(), status: 200 }, "no_login_asked_for"),
        (It::Redirected { server: text(), status: 302, to: text() }, "redirected"),
        (It::NoServerMetadata { issuer: issuer(), found: Absence::Nothing }, "no_server_metadata"),
        (It::NoS256 { issuer: issuer(), advertised: true }, "no_s256"),
        (It::NoWayToRegister { issuer: issuer(), metadata_documents: true }, "no_way_to_register"),
        (It::RegistrationClosed { issuer: issuer(), status: 403 }, "registration_closed"),
        (It::ForeignClient { expected: text(), found: text() }, "foreign_client"),
        (It::UnconfirmedIssuer { issuer: issuer() }, "unconfirmed_issuer"),
        (It::RedirectUriNotRegistered { redirect_uri: text() }, "redirect_uri_not_registered"),
        (It::NoSecretMethod { issuer: issuer() }, "no_secret_method"),
        (It::NoClientAuthentication { issuer: issuer() }, "no_client_authentication"),
        (It::GrantNotListed { issuer: issuer(), grant: text() }, "grant_not_listed"),
        (
            It::NoSigningAlgorithm {
                issuer: issuer(),
                listed: SigningAlgorithm::Rs256.into(),
                able: SigningAlgorithm::Es256.into(),
            },
            "no_signing_algorithm",
        ),
        (
            It::NoDpopAlgorithm {
                server: text(),
                listed: SigningAlgorithm::Rs256.into(),
                able: SigningAlgorithm::Es256.into(),
            },
            "no_dpop_algorithm",
        ),
        (
            It::ClientRefused { issuer: issuer(), tried: text(), refusal: refusal().into() },
            "client_refused",
        ),
        (
            It::RegisteredClientRefused {
                issuer: issuer(),
                tried: text(),
                refusal: refusal().into(),
            },
            "registered_client_refused",
        ),
        (It::TokenType { found: text() }, "token_type"),
        (It::DpopRequired { resource: text() }, "dpop_required"),
        (It::DpopNotOffered { resource: text(), issuer: issuer() }, "dpop_not_offered"),
        (It::TokenNotBound { resource: text() }, "token_not_bound"),
        (
            It::ClocksDiffer { here: UnixTime::from_secs(1), server: UnixTime::from_secs(999) },
            "clocks_differ",
        ),
        (It::ProofRefused { error: text() }, "proof_refused"),
        (It::NoBearerHeader { resource: text() }, "no_bearer_header"),
        (It::PushedRequestsRequired { issuer: issuer() }, "pushed_requests_required"),
        (It::ScopesDoNotFit { limit: 4096 }, "scopes_do_not_fit"),
        (It::BearerRefused { error: None }, "bearer_refused"),
        (It::StillRefused { authorizations: 3, refreshes: 1, error: None }, "still_refused"),
        (
            It::LoginInVain { logins: 1, until: UnixTime::from_secs(60), error: None },
            "login_in_vain",
        ),
    ])
}

fn misuses() -> Vec<(Misuse, &'static str)> {
    use Misuse as It;
    Vec::from([
        (It::ServerUrl { url: text(), defect: UrlDefect::Scheme }, "server_url"),
        (It::ClientMetadataUrl { url: text() }, "client_metadata_url"),
        (It::RedirectUri { url: text() }, "redirect_uri"),
        (It::SecretWithoutId, "secret_without_id"),
        (It::MethodNeedsSecret { method: text() }, "method_needs_secret"),
        (It::LeftOut { feature: text() }, "left_out"),
        (It::NoMachineGrant, "no_machine_grant"),
        (It::WithoutUser, "without_user"),
        (It::TwoGrants { one: text(), other: text() }, "two_grants"),
        (It::MethodNeedsKey, "method_needs_key"),
        (It::NoClient, "no_client"),
        (It::NoCredential, "no_credential"),
        (
            It::IdentityProvider { url: text(), defect: UrlDefect::PrivateAddress },
            "identity_provider",
        ),
        (It::Signature { algorithm: SigningAlgorithm::Es256, bytes: 71 }, "signature"),
        (KeyDefect::Sec1.into(), "signing_key"),
        (It::TokenCharacters, "token_characters"),
        (It::EmptyClientId, "empty_client_id"),
        (It::ClientIdCharacters { id: text() }, "client_id_characters"),
        (It::ClientSecretCharacters, "client_secret_characters"),
        (It::ScopeCharacters { scope: text() }, "scope_characters"),
        (It::TooManyScopes { limit: 4096 }, "too_many_scopes"),
        (It::Provider { defect: Defect::Empty }, "provider"),
        (It::ReservedParameter { name: text() }, "reserved_parameter"),
        (It::PrivateHost { host: text() }, "private_host"),
        (It::ForeignLogin { server: text(), resource: text() }, "foreign_login"),
        (It::ForeignProfile { expected: text(), found: text() }, "foreign_profile"),
        (It::ForeignRequest { url: text() }, "foreign_request"),
    ])
}

const SECOND: Duration = Duration::from_secs(1);

fn others() -> Vec<(Error, &'static str)> {
    let (endpoint, refusal) = (Endpoint::Token, refusal());
    let sign_in =
        SignInRequired { max_age: Some(SECOND), acr_values: None, refusal: refusal.clone().into() };
    let malformed = Malformed { endpoint, url: text(), status: 200, defect: Defect::Html };
    let retry_after = Some(Duration::from_secs(7));
    let unreachable =
        Unreachable { endpoint, url: text(), status: Some(503), retry_after, obstacle: None };
    Vec::from([
        (refusal.into(), "refused_token_other"),
        (malformed.into(), "malformed"),
        (unreachable.into(), "unreachable"),
        (Error::Cancelled, "cancelled"),
        (Error::LoginRequired, "login_required"),
        (Error::ScopeRequired { missing: Scopes::default() }, "scope_required"),
        (sign_in.into(), "sign_in_required"),
        (Error::LoginExpired { expired_at: UnixTime::from_secs(1) }, "login_expired"),
        (Error::LoginUsed, "login_used"),
        (Error::LoginNotWaiting, "login_not_waiting"),
        (Error::Contended, "contended"),
        (Error::TokenTooShort { lives_for: SECOND, wanted: 2 * SECOND }, "token_too_short"),
    ])
}

/// Programs look at them, so none may ever change, and no two may be the same.
#[test]
fn codes_are_the_same_for_ever() {
    let mut all = others();
    all.extend(misbehaved().into_iter().map(|(error, code)| (error.into(), code)));
    all.extend(incompatible().into_iter().map(|(error, code)| (error.into(), code)));
    all.extend(misuses().into_iter().map(|(error, code)| (error.into(), code)));
    for (error, code) in &all {
        assert_eq!(error.code(), *code);
        assert!(!error.advice().is_empty());
    }
    let codes: BTreeSet<_> = all.iter().map(|(_, code)| *code).collect();
    assert_eq!(codes.len(), all.len());
}
