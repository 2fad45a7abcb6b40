//! One login against the simulated world: where things are found, who the client is, what is asked
//! for, and what comes back. Each scenario also restarts before every step.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use core::time::Duration;

use http::Response;
use oauth_core::error::{PeerMisbehaved, Unreachable};
use oauth_core::flow::Settings;
use oauth_core::wire::{Provenance, RegistrationKind};
use oauth_core::{Endpoint, Error, OAuthClientProvider, Policy, Scopes, Tolerance, UnixTime};
use oauth_tests::drive::{CALLBACK, Network, SERVER_URL, Walk, settings, walk};
use oauth_tests::world::{
    AuthMethod, Challenge, CodeParameter, Consent, Damage, Fault, Grant, IssParameter, IssuerPath,
    Knobs, Legacy, MetadataForm, MetadataLocation, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Party,
    PkceSupport, PrmLocation, PrmResource, PrmServers, Registration, StateParameter, TokenForm,
    What, World,
};

/// A login with nothing set up, in a world with these knobs.
fn log_in(knobs: &Knobs) -> Walk {
    walk(knobs, &settings(), &Network::default())
}

fn log_in_with(knobs: &Knobs, settings: &Settings) -> Walk {
    walk(knobs, settings, &Network::default())
}

fn with_policy(policy: Policy) -> Settings {
    Settings::with_policy(SERVER_URL, policy).unwrap()
}

fn pre_registered() -> Settings {
    let secret = Some(PRE_CLIENT_SECRET.into());
    settings().client_id(PRE_CLIENT_ID, secret).unwrap()
}

const DOCUMENT_URL: &str = "https://app.example.com/client.json";

fn with_document() -> Settings {
    settings().client_metadata_url(DOCUMENT_URL).unwrap()
}

/// The scopes that the server says it granted.
fn granted(walk: &Walk) -> Option<&str> {
    walk.grant().tokens.scope.as_ref().map(Scopes::as_str)
}

#[test]
fn a_login_takes_five_requests() {
    let walk = log_in(&Knobs::default());
    let whats: Vec<_> = walk.world.log.iter().skip(1).map(|it| it.what.clone()).collect();
    assert_eq!(
        whats,
        [
            What::ResourceMetadata,
            What::ServerMetadata,
            What::Register,
            What::Authorize,
            What::Token(Grant::Code)
        ]
    );
}

#[test]
fn a_login_brings_all_that_the_server_gave() {
    let walk = log_in(&Knobs::default());
    let grant = walk.grant();
    assert_eq!(grant.tokens.access_token.token(), "at-1-auth");
    assert_eq!(grant.tokens.refresh_token.as_ref().unwrap().expose(), "rt-1-auth");
    assert_eq!(grant.tokens.expires_at, Some(UnixTime::from_secs(1_900_003_600)));
    assert_eq!(granted(&walk), Some("mcp:basic"));
    assert_eq!(grant.binding.resource(), SERVER_URL);
    assert_eq!(grant.binding.server().issuer().as_str(), "https://auth.example.com");
    assert_eq!(grant.binding.client().redirect_uri(), CALLBACK);
}

/// The column of OAuth requests is the least that the specification's order of places allows.
#[test]
fn resource_metadata_is_found_wherever_it_may_lie() {
    for (challenge, prm_location, requests) in [
        (Challenge::Full, PrmLocation::Path, 5),
        (Challenge::Full, PrmLocation::Root, 5),
        (Challenge::Full, PrmLocation::Custom, 5),
        (Challenge::AmongOthers, PrmLocation::Custom, 5),
        (Challenge::RepeatedUrl, PrmLocation::Path, 5),
        (Challenge::WithoutUrl, PrmLocation::Path, 5),
        (Challenge::WithoutUrl, PrmLocation::Root, 6),
        (Challenge::Bare, PrmLocation::Path, 5),
        (Challenge::Bare, PrmLocation::Root, 6),
    ] {
        let walk = log_in(&Knobs { challenge, prm_location, ..Knobs::default() });
        let _ = walk.grant();
        assert_eq!(walk.world.oauth_requests(), requests, "{challenge:?} {prm_location:?}");
    }
    // One that wants bound tokens, of a server that knows none, is read as well.
    let (challenge, prm_location) = (Challenge::Dpop, PrmLocation::Custom);
    let walk = log_in(&Knobs { challenge, prm_location, ..Knobs::default() });
    assert_eq!((walk.error().code(), walk.world.oauth_requests()), ("dpop_not_offered", 2));
}

#[test]
fn server_metadata_is_found_wherever_it_may_lie() {
    use IssuerPath::{Root, RootSlash, Tenant, TenantSlash};
    use MetadataLocation::{OidcAppended, OidcInserted, Rfc8414};
    for (issuer_path, metadata_location, requests) in [
        (Root, Rfc8414, 5),
        (Root, OidcAppended, 6),
        (RootSlash, Rfc8414, 5),
        (RootSlash, OidcAppended, 6),
        (Tenant, Rfc8414, 5),
        (Tenant, OidcInserted, 6),
        (Tenant, OidcAppended, 7),
        (TenantSlash, Rfc8414, 5),
        (TenantSlash, OidcInserted, 6),
        (TenantSlash, OidcAppended, 7),
    ] {
        let walk = log_in(&Knobs { issuer_path, metadata_location, ..Knobs::default() });
        let issuer = walk.grant().binding.server().issuer().as_str();
        assert_eq!(issuer, walk.world.issuer(), "byte for byte");
        assert_eq!(walk.world.oauth_requests(), requests, "{issuer_path:?} {metadata_location:?}");
    }
}

#[test]
fn the_resource_goes_out_as_the_document_has_it() {
    for (prm_location, prm_resource, resource) in [
        (PrmLocation::Path, PrmResource::Exact, SERVER_URL),
        (PrmLocation::Root, PrmResource::Origin, "https://mcp.example.com"),
        (PrmLocation::Path, PrmResource::TrailingSlash, "https://mcp.example.com/mcp/"),
    ] {
        let walk = log_in(&Knobs { prm_location, prm_resource, ..Knobs::default() });
        assert_eq!(walk.grant().binding.resource(), resource);
        for what in [What::Authorize, What::Token(Grant::Code)] {
            let sent = walk.world.requests(what)[0].parameter("resource").unwrap();
            assert_eq!(sent, resource);
        }
    }
}

#[test]
fn a_page_in_place_of_a_document_means_that_there_is_none() {
    for fault in [
        Fault::Html,
        Fault::BrokenJson,
        Fault::NotAnObject,
        Fault::Empty,
        Fault::Status(404),
        Fault::Status(403),
        Fault::Truncated,
        Fault::Huge,
        Fault::Redirect { status: 302, location: "https://auth.example.com/login".into() },
    ] {
        // The first of two authorization servers is damaged, so the second is asked.
        let walk = log_in(&Knobs {
            prm_servers: PrmServers::Both,
            metadata_damage: Damage::always(fault.clone()).only(Party::AuthServer),
            ..Knobs::default()
        });
        let issuer = walk.grant().binding.server().issuer().as_str();
        assert_eq!(issuer, walk.world.issuer2(), "{fault:?}");
    }
}

#[test]
fn a_document_of_another_content_type_is_read() {
    let walk = log_in(&Knobs {
        prm_damage: Damage::always(Fault::TextPlain),
        metadata_damage: Damage::always(Fault::TextPlain),
        registration_damage: Damage::always(Fault::TextPlain),
        token_damage: Damage::always(Fault::TextPlain),
        ..Knobs::default()
    });
    assert_eq!(walk.world.oauth_requests(), 5);
}

/// A server in trouble is not one without OAuth; another place of the document may not be in trouble.
#[test]
fn trouble_during_a_login_is_retryable_and_goes_no_further() {
    let down = || Damage::always(Fault::Unavailable { retry_after: 7 });
    let knobs = [
        Knobs { prm_damage: down(), ..Knobs::default() },
        Knobs { metadata_damage: down(), ..Knobs::default() },
        Knobs { registration_damage: down(), ..Knobs::default() },
        Knobs { token_damage: down(), ..Knobs::default() },
    ];
    let endpoints = [
        (Endpoint::ResourceMetadata, 2),
        (Endpoint::ServerMetadata, 3),
        (Endpoint::Registration, 3),
        (Endpoint::Token, 5),
    ];
    for (knobs, (endpoint, requests)) in knobs.iter().zip(endpoints) {
        let walk = log_in(knobs);
        let Error::Unreachable(unreachable) = walk.error() else { panic!("{endpoint}") };
        assert_eq!(unreachable.endpoint, endpoint);
        assert_eq!(unreachable.status, Some(503));
        assert_eq!(unreachable.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(walk.world.oauth_requests(), requests, "{endpoint}");
    }
}

#[test]
fn silence_during_a_login_is_retryable_and_goes_no_further() {
    for (silent, requests) in [
        (Endpoint::ResourceMetadata, 0),
        (Endpoint::ServerMetadata, 1),
        (Endpoint::Registration, 2),
        (Endpoint::Token, 4),
    ] {
        let network = Network { silent: Some(silent), ..Network::default() };
        let walk = walk(&Knobs::default(), &settings(), &network);
        let error = walk.error();
        assert!(error.is_retryable(), "{error}");
        assert!(
            matches!(&error, Error::Unreachable(Unreachable { endpoint, status: None, .. }) if *endpoint == silent)
        );
        assert_eq!(walk.world.oauth_requests(), requests, "{silent}");
    }
}

#[test]
fn a_client_becomes_known_in_the_order_of_the_specification() {
    use Registration::{CimdAndDcr, CimdOnly, Dcr};
    let both = || pre_registered().client_metadata_url(DOCUMENT_URL).unwrap();
    for (registration, settings, kind) in [
        (Dcr, settings(), RegistrationKind::Dynamic),
        (Dcr, with_document(), RegistrationKind::Dynamic),
        (CimdAndDcr, settings(), RegistrationKind::Dynamic),
        (CimdAndDcr, with_document(), RegistrationKind::MetadataDocument),
        (CimdOnly, with_document(), RegistrationKind::MetadataDocument),
        (CimdAndDcr, both(), RegistrationKind::PreRegistered),
        (Dcr, pre_registered(), RegistrationKind::PreRegistered),
        (Registration::None, pre_registered(), RegistrationKind::PreRegistered),
    ] {
        let walk = log_in_with(&Knobs { registration, ..Knobs::default() }, &settings);
        assert_eq!(walk.grant().binding.client().kind(), kind, "{registration:?}");
        let registrations = usize::from(kind == RegistrationKind::Dynamic);
        assert_eq!(walk.world.count(What::Register), registrations);
    }
}

#[test]
fn a_dynamic_client_authenticates_as_the_server_lists() {
    use AuthMethod::{Basic, None as Public, Post};
    use oauth_core::wire::AuthMethod as Chosen;
    for (listed, chosen) in [
        (Some(vec![Public]), Chosen::None),
        (Some(vec![Public, Basic, Post]), Chosen::None),
        (Some(vec![Basic]), Chosen::ClientSecretBasic),
        (Some(vec![Post]), Chosen::ClientSecretPost),
        (Some(vec![Post, Basic]), Chosen::ClientSecretPost),
        (Some(vec![Basic, Post]), Chosen::ClientSecretPost),
        (None, Chosen::None),
    ] {
        for awkward_secret in [false, true] {
            let walk = log_in(&Knobs {
                token_auth_methods: listed.clone(),
                awkward_secret,
                ..Knobs::default()
            });
            assert_eq!(walk.grant().binding.client().auth_method(), chosen);
        }
    }
}

/// What the registration says counts, whatever was asked for (RFC 7591 §3.2.1).
#[test]
fn a_dynamic_client_authenticates_as_it_was_registered() {
    use oauth_core::wire::AuthMethod as Chosen;
    for (assigned, chosen) in [
        (AuthMethod::None, Chosen::None),
        (AuthMethod::Basic, Chosen::ClientSecretBasic),
        (AuthMethod::Post, Chosen::ClientSecretPost),
    ] {
        let walk = log_in(&Knobs {
            assigned_method: Some(assigned),
            awkward_secret: true,
            ..Knobs::default()
        });
        assert_eq!(walk.grant().binding.client().auth_method(), chosen);
    }
}

#[test]
fn a_pre_registered_client_authenticates_as_the_server_lists() {
    use AuthMethod::{Basic, Post};
    for (listed, pre_method) in [
        (Some(vec![Basic]), Basic),
        (Some(vec![Post]), Post),
        (Some(vec![AuthMethod::None, Post]), Post),
        // RFC 8414 §2: Basic where nothing is listed.
        (None, Basic),
    ] {
        let walk = log_in_with(
            &Knobs { token_auth_methods: listed, pre_method, ..Knobs::default() },
            &pre_registered(),
        );
        assert_eq!(walk.world.oauth_requests(), 4);
    }
}

#[test]
fn a_pre_registered_client_without_a_secret_is_public() {
    let settings = settings().client_id(PRE_CLIENT_ID, None).unwrap();
    let walk = log_in_with(&Knobs { pre_method: AuthMethod::None, ..Knobs::default() }, &settings);
    assert_eq!(walk.world.oauth_requests(), 4);
}

#[test]
fn a_registration_may_deviate_within_reason() {
    use oauth_tests::world::RegistrationForm::{NoMethod, Status200};
    for form in [Status200, NoMethod] {
        let walk = log_in(&Knobs {
            registration_form: Damage::always(form),
            token_auth_methods: Some(vec![AuthMethod::Basic]),
            ..Knobs::default()
        });
        assert_eq!(walk.world.oauth_requests(), 5, "{form:?}");
    }
}

/// MCP 2026-07-28, Scope Selection Strategy.
#[test]
fn scopes_come_from_the_settings_else_the_challenge_else_the_resource_else_nowhere() {
    let listed = || Some(vec!["mcp:basic".to_owned(), "mcp:write".to_owned()]);
    let own = settings().scope("mcp:write  mcp:basic mcp:write").unwrap();
    for (settings, challenge_scope, prm_scopes, asked) in [
        (&own, Some("mcp:basic"), listed(), Some("mcp:write mcp:basic")),
        (&own, None, None, Some("mcp:write mcp:basic")),
        (&settings(), Some("mcp:basic"), listed(), Some("mcp:basic")),
        (&settings(), None, listed(), Some("mcp:basic mcp:write")),
        (&settings(), None, Some(vec![]), None),
        (&settings(), None, None, None),
    ] {
        let walk = log_in_with(
            &Knobs {
                challenge_scope: challenge_scope.map(Into::into),
                prm_scopes,
                ..Knobs::default()
            },
            settings,
        );
        let _ = walk.grant();
        assert_eq!(walk.world.scopes_asked(), [asked]);
    }
}

#[test]
fn offline_access_is_asked_for_where_it_is_offered_and_other_scopes_are() {
    for (offline_access, challenge_scope, asked, prompt) in [
        (true, Some("mcp:basic"), Some("mcp:basic offline_access"), Some("consent")),
        (false, Some("mcp:basic"), Some("mcp:basic"), None),
        (true, None, None, None),
    ] {
        let walk = log_in(&Knobs {
            offline_access,
            challenge_scope: challenge_scope.map(Into::into),
            prm_scopes: None,
            ..Knobs::default()
        });
        let _ = walk.grant();
        assert_eq!(walk.world.scopes_asked(), [asked]);
        let sent = walk.world.requests(What::Authorize)[0].parameter("prompt");
        assert_eq!(sent, prompt);
    }
}

#[test]
fn granted_scopes_are_those_that_the_server_names() {
    for (consent, token_form, expected) in [
        (Consent::Grant, Damage::none(), Some("mcp:basic")),
        (Consent::GrantLess("mcp:less".into()), Damage::none(), Some("mcp:less")),
        (Consent::Grant, Damage::always(TokenForm::NoScope), None),
        (Consent::Grant, Damage::always(TokenForm::Narrower("mcp:less".into())), Some("mcp:less")),
    ] {
        let walk = log_in(&Knobs { consent, token_form, ..Knobs::default() });
        assert_eq!(granted(&walk), expected);
    }
}

/// RFC 9207 §2.4, in four rows: promised or not, there or not.
#[test]
fn the_issuer_in_the_redirect_has_to_be_right_and_there_if_promised() {
    use IssParameter::{Missing, Right, WithSlash, Wrong};
    let expected = || Box::from("https://auth.example.com");
    let wrong =
        |found: &str| Some(PeerMisbehaved::WrongIss { expected: expected(), found: found.into() });
    let missing = || Some(PeerMisbehaved::MissingIss { expected: expected() });
    for (iss_advertised, iss, error) in [
        (true, Right, None),
        (true, Missing, missing()),
        (false, Right, None),
        (false, Missing, None),
        (true, Wrong, wrong("https://auth2.example.com")),
        (false, Wrong, wrong("https://auth2.example.com")),
        (true, WithSlash, wrong("https://auth.example.com/")),
        (false, WithSlash, wrong("https://auth.example.com/")),
    ] {
        let walk = log_in(&Knobs { iss_advertised, iss, ..Knobs::default() });
        assert_eq!(
            walk.result.as_ref().err(),
            error.clone().map(Error::from).as_ref(),
            "{iss_advertised} {iss:?}"
        );
        let redeemed = usize::from(error.is_none());
        assert_eq!(walk.world.count(What::Token(Grant::Code)), redeemed);
    }
}

#[test]
fn the_issuer_counts_in_refusals_too() {
    let walk =
        log_in(&Knobs { iss: IssParameter::Wrong, consent: Consent::Deny, ..Knobs::default() });
    assert!(matches!(walk.error(), Error::PeerMisbehaved(PeerMisbehaved::WrongIss { .. })));
}

#[test]
fn a_promise_of_iss_is_the_literal_true() {
    let walk = log_in(&Knobs {
        metadata_form: Damage::always(MetadataForm::IssPromisedAsText),
        iss: IssParameter::Missing,
        ..Knobs::default()
    });
    let _ = walk.grant();
}

#[test]
fn a_redirect_without_the_right_state_is_not_an_answer() {
    for state in [StateParameter::Wrong, StateParameter::Missing, StateParameter::Twice] {
        let walk = log_in(&Knobs { state, ..Knobs::default() });
        let mismatch = Error::from(PeerMisbehaved::StateMismatch);
        assert_eq!(walk.refused_redirects, [mismatch.clone(), mismatch]);
        assert_eq!(walk.error(), Error::Cancelled);
        assert_eq!(walk.world.token_requests(), 0, "{state:?}");
    }
}

#[test]
fn an_ambiguous_redirect_redeems_nothing() {
    for code in [CodeParameter::Twice, CodeParameter::Missing, CodeParameter::WithError] {
        let walk = log_in(&Knobs { code, ..Knobs::default() });
        assert!(matches!(walk.error(), Error::PeerMisbehaved(_)), "{code:?}");
        assert_eq!(walk.world.token_requests(), 0);
    }
}

#[test]
fn the_query_of_the_authorization_endpoint_is_kept() {
    let walk = log_in(&Knobs { authorize_query: true, ..Knobs::default() });
    let sent = walk.world.requests(What::Authorize)[0].parameter("policy");
    assert_eq!(sent, Some("p1"));
}

#[test]
fn a_server_that_lists_more_than_s256_gets_s256() {
    let walk = log_in(&Knobs { pkce: PkceSupport::Both, ..Knobs::default() });
    let _ = walk.grant();
}

#[test]
fn s256_may_be_assumed_where_nothing_is_listed() {
    for (pkce, succeeds) in [(PkceSupport::Absent, true), (PkceSupport::PlainOnly, false)] {
        let policy = Policy::default().tolerate(Tolerance::UnlistedS256);
        let walk = log_in_with(&Knobs { pkce, ..Knobs::default() }, &with_policy(policy));
        assert_eq!(walk.result.is_ok(), succeeds, "{pkce:?}");
    }
}

#[test]
fn the_strict_policy_wants_the_resource_byte_for_byte() {
    for (prm_location, prm_resource, succeeds) in [
        (PrmLocation::Path, PrmResource::Exact, true),
        (PrmLocation::Root, PrmResource::Origin, false),
        (PrmLocation::Path, PrmResource::TrailingSlash, false),
    ] {
        let walk = log_in_with(
            &Knobs { prm_location, prm_resource, ..Knobs::default() },
            &with_policy(Policy::strict()),
        );
        assert_eq!(walk.result.is_ok(), succeeds, "{prm_resource:?}");
    }
}

#[test]
fn token_answers_of_the_real_world_are_read() {
    let expires = |seconds: u64| Some(UnixTime::from_secs(1_900_000_000 + seconds));
    for (form, expires_at) in [
        (TokenForm::ExpiresInText, expires(3600)),
        (TokenForm::NoExpiresIn, None),
        (TokenForm::ExpiresInZero, expires(0)),
        (TokenForm::ExpiresInNegative, expires(0)),
        (TokenForm::LowerCaseType, expires(3600)),
        (TokenForm::NoType, expires(3600)),
    ] {
        let walk = log_in(&Knobs { token_form: Damage::always(form.clone()), ..Knobs::default() });
        assert_eq!(
            walk.result.as_ref().map(|grant| grant.tokens.expires_at),
            Ok(expires_at),
            "{form:?}"
        );
    }
}

#[test]
fn a_form_encoded_token_answer_is_read() {
    let walk =
        log_in(&Knobs { token_form: Damage::always(TokenForm::FormEncoded), ..Knobs::default() });
    assert_eq!(granted(&walk), Some("mcp:basic"));
}

#[test]
fn a_list_of_scopes_in_a_token_answer_is_read() {
    fn as_list(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        if endpoint == Endpoint::Token {
            let text = String::from_utf8_lossy(response.body());
            let text = text.replace("\"mcp:basic\"", "[\"mcp:basic\",\"mcp:write\"]");
            *response.body_mut() = text.into_bytes();
        }
    }
    let network = Network { tamper: Some(as_list), ..Network::default() };
    let walk = walk(&Knobs::default(), &settings(), &network);
    assert_eq!(granted(&walk), Some("mcp:basic mcp:write"));
}

#[test]
fn servers_of_2025_03_26_work_if_the_host_opts_in() {
    let opted_in = with_policy(Policy::default().tolerate(Tolerance::Legacy20250326));
    for (legacy, provenance, requests) in
        [(Legacy::Endpoints, Provenance::Legacy, 7), (Legacy::Metadata, Provenance::Discovered, 6)]
    {
        let walk = log_in_with(&Knobs::legacy(legacy), &opted_in);
        assert_eq!(walk.grant().binding.server().provenance(), provenance);
        assert_eq!(walk.world.oauth_requests(), requests, "{legacy:?}");
    }
}

#[test]
fn servers_of_2025_03_26_get_nothing_unless_the_host_opts_in() {
    for legacy in [Legacy::Endpoints, Legacy::Metadata] {
        let walk = log_in(&Knobs::legacy(legacy));
        assert!(walk.result.is_err());
        assert_eq!(walk.world.oauth_requests(), 2, "the two places of RFC 9728");
    }
}

/// Endpoints are guessed only where there is nothing for certain: behind a firewall there may be any document.
#[test]
fn a_server_that_refuses_to_say_is_no_server_of_2025_03_26() {
    let opted_in = with_policy(Policy::default().tolerate(Tolerance::Legacy20250326));
    let knobs = Knobs::legacy(Legacy::Endpoints);
    type Tampered = fn(Endpoint, &mut Response<Vec<u8>>);
    let resource: Tampered = |endpoint, response| {
        if endpoint == Endpoint::ResourceMetadata {
            *response.status_mut() = http::StatusCode::FORBIDDEN;
        }
    };
    let server: Tampered = |endpoint, response| {
        if endpoint == Endpoint::ServerMetadata {
            *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        }
    };
    for (tamper, code, words, requests) in [
        (resource, "no_resource_metadata", "(status 403)", 2),
        (server, "no_server_metadata", "(status 401)", 4),
    ] {
        let network = Network { tamper: Some(tamper), ..Network::default() };
        let walk = walk(&knobs, &opted_in, &network);
        assert_eq!((walk.error().code(), walk.world.oauth_requests()), (code, requests));
        assert!(walk.error().to_string().contains(words), "{}", walk.error());
    }
    // What a web application answers with wherever it has nothing.
    let page: Tampered = |endpoint, response| {
        if matches!(endpoint, Endpoint::ResourceMetadata | Endpoint::ServerMetadata) {
            *response = Response::new("<!doctype html><title>404</title>".into());
        }
    };
    let network = Network { tamper: Some(page), ..Network::default() };
    let walk = walk(&knobs, &opted_in, &network);
    assert_eq!(walk.grant().binding.server().provenance(), Provenance::Legacy);
}

#[test]
fn a_modern_server_in_trouble_is_no_server_of_2025_03_26() {
    let opted_in = with_policy(Policy::default().tolerate(Tolerance::Legacy20250326));
    for fault in [Fault::Status(500), Fault::TooMany { retry_after: 1 }] {
        let walk = log_in_with(
            &Knobs {
                prm_damage: Damage::always(fault),
                challenge: Challenge::Bare,
                ..Knobs::default()
            },
            &opted_in,
        );
        assert!(walk.error().is_retryable());
        assert_eq!(walk.world.oauth_requests(), 2);
    }
}

/// The opt-in is for servers without metadata, not for finding another way around it.
#[test]
fn the_opt_in_changes_nothing_for_a_server_with_metadata() {
    let opted_in = with_policy(Policy::default().tolerate(Tolerance::Legacy20250326));
    let walk = log_in_with(
        &Knobs { metadata_location: MetadataLocation::Nowhere, ..Knobs::default() },
        &opted_in,
    );
    assert!(walk.result.is_err());
    assert_eq!(walk.world.count_at(Party::McpServer), 2);
}

#[test]
fn of_a_provider_only_the_resource_is_discovered_or_nothing_at_all() {
    let provider: OAuthClientProvider = serde_json::from_value(provider()).unwrap();
    let known = settings().provider(&provider).unwrap();
    // The resource has a name of its own, and scopes, and the challenge says nothing.
    let own = Knobs {
        challenge: Challenge::Bare,
        challenge_scope: None,
        prm_location: PrmLocation::Root,
        prm_resource: PrmResource::Origin,
        ..Knobs::default()
    };
    let walk = log_in_with(&own, &known);
    assert_eq!(walk.grant().binding.server().provenance(), Provenance::Provided);
    assert_eq!(walk.grant().binding.resource(), "https://mcp.example.com");
    assert_eq!(walk.world.scopes_asked(), [Some("mcp:basic mcp:write")]);
    assert_eq!(walk.world.oauth_requests(), 5, "two places, no server metadata");
    let walk = log_in_with(&Knobs::default(), &known);
    assert_eq!(walk.world.oauth_requests(), 4);
    let walk = log_in_with(&Knobs::default(), &known.without_discovery());
    assert_eq!(walk.grant().binding.resource(), SERVER_URL);
    assert_eq!(walk.world.oauth_requests(), 3);
}

/// What is not there, out of reach or about something else is not needed.
#[test]
fn a_login_at_a_provider_goes_on_with_what_is_known() {
    let provider: OAuthClientProvider = serde_json::from_value(provider()).unwrap();
    let known = || settings().provider(&provider).unwrap();
    for knobs in [
        Knobs { prm_location: PrmLocation::Nowhere, ..Knobs::default() },
        Knobs { prm_damage: Damage::always(Fault::Status(503)), ..Knobs::default() },
        Knobs { prm_damage: Damage::always(Fault::Html), ..Knobs::default() },
        Knobs { prm_servers: PrmServers::Empty, ..Knobs::default() },
        Knobs { prm_servers: PrmServers::Second, ..Knobs::default() },
        Knobs { challenge_url: Some("null".into()), ..Knobs::default() },
    ] {
        let walk = log_in_with(&knobs, &known());
        let binding = &walk.grant().binding;
        assert_eq!(binding.server().issuer().as_str(), "https://auth.example.com");
        assert_eq!(binding.resource(), SERVER_URL, "{knobs:?}");
        assert_eq!(walk.world.count(What::ServerMetadata), 0);
    }
    let network = Network { silent: Some(Endpoint::ResourceMetadata), ..Network::default() };
    let _ = walk(&Knobs::default(), &known(), &network).grant();
}

/// RFC 9728 §3.3: what is about another resource is not used, and the tokens are for this one.
#[test]
fn metadata_of_another_resource_changes_nothing_at_a_provider() {
    fn foreign(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        if endpoint == Endpoint::ResourceMetadata && response.status() == http::StatusCode::OK {
            *response.body_mut() =
                br#"{"resource":"https://evil.example.com/mcp","scopes_supported":["evil"]}"#
                    .to_vec();
        }
    }
    let provider: OAuthClientProvider = serde_json::from_value(provider()).unwrap();
    let known = settings().provider(&provider).unwrap();
    let network = Network { tamper: Some(foreign), ..Network::default() };
    let knobs = Knobs { challenge_scope: None, ..Knobs::default() };
    let walk = walk(&knobs, &known, &network);
    assert_eq!(walk.grant().binding.resource(), SERVER_URL);
    assert_eq!(walk.world.scopes_asked(), [None]);
}

fn provider() -> serde_json::Value {
    serde_json::json!({
        "id": "example",
        "display_name": "Example",
        "metadata": {
            "issuer": "https://auth.example.com",
            "authorization_endpoint": "https://auth.example.com/authorize",
            "token_endpoint": "https://auth.example.com/token",
            "registration_endpoint": "https://auth.example.com/register",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
        },
    })
}

#[test]
fn of_several_servers_the_first_is_taken() {
    for (prm_servers, issuer) in [
        (PrmServers::Both, "https://auth.example.com"),
        (PrmServers::BothSecondFirst, "https://auth2.example.com"),
    ] {
        let walk = log_in(&Knobs { prm_servers, ..Knobs::default() });
        assert_eq!(walk.grant().binding.server().issuer().as_str(), issuer);
        assert_eq!(walk.world.oauth_requests(), 5);
    }
}

#[test]
fn the_second_server_is_asked_when_the_first_has_no_metadata() {
    let walk = log_in(&Knobs {
        prm_servers: PrmServers::BothSecondFirst,
        metadata_damage: Damage::always(Fault::Status(404)).only(Party::AuthServer2),
        ..Knobs::default()
    });
    let issuer = walk.grant().binding.server().issuer().as_str();
    assert_eq!(issuer, walk.world.issuer());
}

/// RFC 6749 §3.2: what comes back behind a redirect is another endpoint's word.
#[test]
fn no_redirect_is_followed() {
    fn elsewhere(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        if endpoint == Endpoint::Token {
            *response.status_mut() = http::StatusCode::TEMPORARY_REDIRECT;
            let location = http::HeaderValue::from_static("https://evil.example.com/token");
            response.headers_mut().insert("location", location);
        }
    }
    let network = Network { tamper: Some(elsewhere), ..Network::default() };
    let walk = walk(&Knobs::default(), &settings(), &network);
    assert!(matches!(walk.error(), Error::Malformed(_)));
    assert_eq!(walk.world.count_at(Party::Elsewhere), 0);
}

/// Whatever a server does, a client that stops has done nothing wrong, and has not gone on.
#[test]
fn a_login_that_fails_at_discovery_asks_nobody_for_consent() {
    for knobs in [
        Knobs { prm_resource: PrmResource::Foreign, ..Knobs::default() },
        Knobs { prm_resource: PrmResource::PrefixSibling, ..Knobs::default() },
        Knobs { prm_resource: PrmResource::Missing, ..Knobs::default() },
        Knobs {
            issuer_path: IssuerPath::Tenant,
            prm_servers: PrmServers::OneWithSlash,
            ..Knobs::default()
        },
        Knobs { metadata_form: Damage::always(MetadataForm::IssuerForeign), ..Knobs::default() },
        Knobs { metadata_form: Damage::always(MetadataForm::NoIssuer), ..Knobs::default() },
        Knobs {
            metadata_form: Damage::always(MetadataForm::ScriptAuthorizationEndpoint),
            ..Knobs::default()
        },
        Knobs { challenge_url: Some("https://10.0.0.7/metadata".into()), ..Knobs::default() },
    ] {
        let World { log, .. } = {
            let walk = log_in(&knobs);
            assert!(walk.result.is_err(), "{knobs:?}");
            walk.world
        };
        let gone_on =
            |what: &What| matches!(what, What::Register | What::Authorize | What::Token(_));
        assert!(!log.iter().any(|it| gone_on(&it.what)), "{knobs:?}");
    }
}
