//! One test for each error there is, reached as a host reaches it, and named after its variant. Each
//! looks at the evidence, at who has to act, and at what the advice names.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use core::time::Duration;

use http::Response;
use oauth_core::error::{Absence, Actor, PeerIncompatible, PeerMisbehaved, Refusal};
use oauth_core::flow::{AuthorizationOptions, Dpop, RedirectUri, Settings};
use oauth_core::loopback::CallbackUrl;
use oauth_core::session::{PendingLogin, Record, RecordDefect};
use oauth_core::wire::LoginHint;
use oauth_core::{
    BearerAuth, Defect, Endpoint, Error, MAX_BODY, OAuthClientProvider, Policy, Tolerance,
    UrlDefect,
};
use oauth_tests::drive::{Network, SERVER_URL, Stage, Tamper, User, Walk, play, settings, walk};
use oauth_tests::world::{
    AuthMethod, Challenge, CodeParameter, Consent, Damage, Fault, IssParameter, IssuerPath, Knobs,
    MetadataForm, MetadataLocation, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Par, PkceSupport,
    PrmLocation, PrmResource, PrmServers, Registration, RegistrationForm, ScopePolicy,
    StateParameter, TokenForm,
};
use serde_json::{Value, json};

/// The error of a login with nothing set up, in a world with these knobs.
fn error(knobs: &Knobs) -> Error {
    log_in(knobs, &settings(), &Network::default()).error()
}

fn error_with(knobs: &Knobs, settings: &Settings) -> Error {
    log_in(knobs, settings, &Network::default()).error()
}

/// The error of a login in a sound world whose answers somebody changes on the way.
fn error_through(tamper: Tamper) -> Error {
    let network = Network { tamper: Some(tamper), ..Network::default() };
    log_in(&Knobs::default(), &settings(), &network).error()
}

fn log_in(knobs: &Knobs, settings: &Settings, network: &Network) -> Walk {
    walk(knobs, settings, network)
}

/// Sets a member of the JSON answer of one endpoint.
fn set(response: &mut Response<Vec<u8>>, name: &str, value: Value) {
    let mut document: Value = serde_json::from_slice(response.body()).unwrap();
    document[name] = value;
    *response.body_mut() = document.to_string().into_bytes();
}

/// What holds for every error: it says who acts and what helps, in one sentence without a full stop, it
/// can be tried again if and only if nobody has to act, and it survives being written down.
fn assert_says(error: impl Into<Error>, actor: Actor, advice: &str) {
    let error = error.into();
    assert_eq!(error.actor(), actor, "{error}");
    assert!(error.advice().contains(advice), "{}", error.advice());
    assert_eq!(error.is_retryable(), actor == Actor::Nobody, "{error}");
    for text in [error.to_string(), error.advice().into()] {
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
        assert!(!text.starts_with(char::is_uppercase), "{text}");
        assert!(!text.contains("  ") && !text.contains('\n'), "{text}");
    }
    let json = serde_json::to_string(&error).unwrap();
    assert_eq!(serde_json::from_str::<Error>(&json).unwrap(), error);
}

/// A URL without what its query or fragment says.
fn shown(url: &str) -> Box<str> {
    let end = url.find(['?', '#']).map(|at| at + 1);
    end.map_or(url.into(), |end| format!("{}…", &url[..end]).into())
}

const ISSUER: &str = "https://auth.example.com";

mod peer_misbehaved {
    use super::*;

    #[test]
    fn issuer_mismatch() {
        for (issuer_path, metadata_form, expected, found) in [
            (IssuerPath::Root, MetadataForm::IssuerForeign, ISSUER, "https://honest.example.com"),
            (
                IssuerPath::Tenant,
                MetadataForm::IssuerWithSlash,
                "https://auth.example.com/tenant1",
                "https://auth.example.com/tenant1/",
            ),
        ] {
            let metadata_form = Damage::always(metadata_form);
            let error = error(&Knobs { issuer_path, metadata_form, ..Knobs::default() });
            let expected =
                PeerMisbehaved::IssuerMismatch { expected: expected.into(), found: found.into() };
            assert_eq!(error, expected.into());
            assert_says(error, Actor::ServerOperator, "issuer");
        }
    }

    #[test]
    fn foreign_resource() {
        for (prm_resource, found) in [
            (PrmResource::Foreign, "https://evil.example.com/mcp"),
            (PrmResource::PrefixSibling, "https://mcp.example.com/mc"),
        ] {
            let error = error(&Knobs { prm_resource, ..Knobs::default() });
            let expected = PeerMisbehaved::ForeignResource {
                expected: SERVER_URL.into(),
                found: found.into(),
            };
            assert_eq!(error, expected.into());
            assert_says(error, Actor::ServerOperator, "`resource`");
        }
    }

    #[test]
    fn state_mismatch() {
        let knobs = Knobs { state: StateParameter::Wrong, ..Knobs::default() };
        let walk = log_in(&knobs, &settings(), &Network::default());
        let error = walk.refused_redirects[0].clone();
        assert_eq!(error, PeerMisbehaved::StateMismatch.into());
        assert_says(error, Actor::User, "browser window");
    }

    #[test]
    fn wrong_iss() {
        let error = error(&Knobs { iss: IssParameter::Wrong, ..Knobs::default() });
        let expected = PeerMisbehaved::WrongIss {
            expected: ISSUER.into(),
            found: "https://auth2.example.com".into(),
        };
        assert_eq!(error, expected.into());
        assert_says(error, Actor::ServerOperator, "do not go on");
    }

    #[test]
    fn missing_iss() {
        let error = error(&Knobs { iss: IssParameter::Missing, ..Knobs::default() });
        let expected = PeerMisbehaved::MissingIss { expected: ISSUER.into() };
        assert_eq!(error, expected.into());
        assert_says(error, Actor::ServerOperator, "do not go on");
    }

    #[test]
    fn repeated_parameter() {
        let twice = [
            Knobs { code: CodeParameter::Twice, ..Knobs::default() },
            Knobs { iss: IssParameter::Twice, ..Knobs::default() },
        ];
        for (knobs, name) in twice.iter().zip(["code", "iss"]) {
            let error = error(knobs);
            let expected = PeerMisbehaved::RepeatedParameter { name: name.into() };
            assert_eq!(error, expected.into());
            assert_says(error, Actor::ServerOperator, "log in again");
        }
    }

    #[test]
    fn no_answer() {
        for code in [CodeParameter::Missing, CodeParameter::WithError] {
            let error = error(&Knobs { code, ..Knobs::default() });
            assert_eq!(error, PeerMisbehaved::NoAnswer.into());
            assert_says(error, Actor::ServerOperator, "log in again");
        }
    }

    #[test]
    fn unsafe_url() {
        for (url, defect) in [
            ("http://auth.example.com", UrlDefect::Plaintext),
            ("ftp://auth.example.com", UrlDefect::Scheme),
            ("javascript:alert(1)", UrlDefect::Scheme),
            ("https://u@auth.example.com", UrlDefect::Credentials),
            ("https://auth.example.com?tenant=1", UrlDefect::Query),
            ("https://auth.example.com#x", UrlDefect::Fragment),
            ("auth.example.com", UrlDefect::Unparsable),
            ("", UrlDefect::Unparsable),
        ] {
            let error = error(&Knobs {
                prm_servers: PrmServers::Listed(vec![url.into()]),
                ..Knobs::default()
            });
            assert_unsafe(error, Endpoint::ServerMetadata, url, defect);
        }
    }

    #[test]
    fn unsafe_url_of_an_endpoint() {
        for (form, endpoint, url, defect) in [
            (
                MetadataForm::HttpTokenEndpoint,
                Endpoint::Token,
                "http://auth.example.com/token",
                UrlDefect::Plaintext,
            ),
            (
                MetadataForm::FragmentTokenEndpoint,
                Endpoint::Token,
                "https://auth.example.com/token#here",
                UrlDefect::Fragment,
            ),
            (
                MetadataForm::HttpAuthorizationEndpoint,
                Endpoint::Authorization,
                "http://auth.example.com/authorize",
                UrlDefect::Plaintext,
            ),
            (
                MetadataForm::ScriptAuthorizationEndpoint,
                Endpoint::Authorization,
                "javascript:alert(1)",
                UrlDefect::Scheme,
            ),
        ] {
            let error = error(&Knobs { metadata_form: Damage::always(form), ..Knobs::default() });
            assert_unsafe(error, endpoint, url, defect);
        }
        let error = error_through(|endpoint, response| {
            if endpoint == Endpoint::ServerMetadata {
                set(response, "registration_endpoint", json!("http://127.0.0.1/r"));
            }
        });
        let url = "http://127.0.0.1/r";
        assert_unsafe(error, Endpoint::Registration, url, UrlDefect::Plaintext);
    }

    fn assert_unsafe(error: Error, endpoint: Endpoint, url: &str, defect: UrlDefect) {
        let url = shown(&url.replace("//u@", "//…@"));
        let expected = PeerMisbehaved::UnsafeUrl { endpoint, url, defect };
        assert_eq!(error, expected.into());
        assert_says(error, Actor::ServerOperator, "https");
    }

    /// What a public server leads to is public, as far as its spelling says (RFC 9728 §7.7).
    #[test]
    fn unsafe_url_of_a_private_address() {
        let url = "https://169.254.169.254/latest/meta-data";
        let challenged = error(&Knobs { challenge_url: Some(url.into()), ..Knobs::default() });
        assert_private(challenged, Endpoint::ResourceMetadata, url);
        for url in ["https://localhost", "https://10.0.0.1:8443", "https://[fd00::1]/tenant"] {
            let prm_servers = PrmServers::Listed(vec![url.into()]);
            let listed = error(&Knobs { prm_servers, ..Knobs::default() });
            assert_private(listed, Endpoint::ServerMetadata, url);
        }
        let advertised: [(_, Tamper); 3] = [
            (Endpoint::Authorization, |endpoint, response| {
                if endpoint == Endpoint::ServerMetadata {
                    set(response, "authorization_endpoint", json!("https://127.0.0.1/"));
                }
            }),
            (Endpoint::Token, |endpoint, response| {
                if endpoint == Endpoint::ServerMetadata {
                    set(response, "token_endpoint", json!("https://127.0.0.1/"));
                }
            }),
            (Endpoint::Registration, |endpoint, response| {
                if endpoint == Endpoint::ServerMetadata {
                    set(response, "registration_endpoint", json!("https://127.0.0.1/"));
                }
            }),
        ];
        for (endpoint, tamper) in advertised {
            assert_private(error_through(tamper), endpoint, "https://127.0.0.1/");
        }
    }

    fn assert_private(error: Error, endpoint: Endpoint, url: &str) {
        let (url, defect) = (url.into(), UrlDefect::PrivateAddress);
        assert_eq!(error, PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into());
        assert_says(error, Actor::ServerOperator, "`private_host`");
    }

    #[test]
    fn private_address() {
        let address = core::net::IpAddr::from([10, 0, 0, 1]);
        for (endpoint, url) in [
            (
                Endpoint::ResourceMetadata,
                "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
            ),
            (
                Endpoint::ServerMetadata,
                "https://auth.example.com/.well-known/oauth-authorization-server",
            ),
            (Endpoint::Registration, "https://auth.example.com/register"),
            (Endpoint::Token, "https://auth.example.com/token"),
        ] {
            let forbidden = Some((endpoint, address));
            let network = Network { forbidden, ..Network::default() };
            let error = log_in(&Knobs::default(), &settings(), &network).error();
            let url = url.into();
            assert_eq!(error, PeerMisbehaved::PrivateAddress { endpoint, url, address }.into());
            assert_says(error, Actor::ServerOperator, "`private_host`");
        }
    }

    #[test]
    fn unsendable_token() {
        for form in [TokenForm::CrLf, TokenForm::Space] {
            let error = error(&Knobs { token_form: Damage::always(form), ..Knobs::default() });
            assert_eq!(error, PeerMisbehaved::UnsendableToken.into());
            assert_says(error, Actor::ServerOperator, "operator");
        }
    }

    #[test]
    fn not_tolerated() {
        let member = TokenForm::Member("expires_in", "\"soon\"");
        let knobs = Knobs { token_form: Damage::always(member), ..Knobs::default() };
        let policy = Policy::default().refuse(Tolerance::MisshapenMembers);
        let error = error_with(&knobs, &Settings::with_policy(SERVER_URL, policy).unwrap());
        assert_eq!(error.code(), "not_tolerated");
        assert!(error.to_string().contains("misshapen_members (expires_in)"), "{error}");
        assert_says(error, Actor::ServerOperator, "`Policy`");
    }
}

mod peer_incompatible {
    use super::*;

    #[test]
    fn no_resource_metadata() {
        let nowhere = Knobs { prm_location: PrmLocation::Nowhere, ..Knobs::default() };
        let error = error(&nowhere);
        let (server, found) = (SERVER_URL.into(), Absence::Nothing);
        assert_eq!(error, PeerIncompatible::NoResourceMetadata { server, found }.into());
        assert!(error.to_string().contains("publishes no resource metadata"), "{error}");
        assert_says(error.clone(), Actor::Developer, "`provider`");
        assert_says(error, Actor::Developer, "Legacy20250326");
    }

    #[test]
    fn no_resource_metadata_but_something_else() {
        let unusable = |defect| Absence::Unusable { defect };
        for (damage, found, actor, words) in [
            // A page for people.
            (Fault::Html, unusable(Defect::Html), Actor::Developer, "the body is HTML"),
            (
                Fault::Status(403),
                Absence::Refused { status: 403 },
                Actor::ServerOperator,
                "(status 403)",
            ),
        ] {
            let prm_damage = Damage::always(damage);
            let error = error(&Knobs { prm_damage, ..Knobs::default() });
            let server = SERVER_URL.into();
            assert_eq!(error, PeerIncompatible::NoResourceMetadata { server, found }.into());
            let said = error.to_string();
            assert!(said.contains(words) && !said.contains("publishes no"), "{said}");
            assert_says(error.clone(), actor, "operator");
            assert_says(error, actor, "`provider`");
        }
    }

    #[test]
    fn no_authorization_server() {
        for prm_servers in [PrmServers::Empty, PrmServers::Missing] {
            let error = error(&Knobs { prm_servers, ..Knobs::default() });
            let expected = PeerIncompatible::NoAuthorizationServer { resource: SERVER_URL.into() };
            assert_eq!(error, expected.into());
            assert_says(error, Actor::Developer, "`provider`");
        }
    }

    #[test]
    fn no_server_metadata() {
        let metadata_location = MetadataLocation::Nowhere;
        let error = error(&Knobs { metadata_location, ..Knobs::default() });
        let (issuer, found) = (ISSUER.into(), Absence::Nothing);
        assert_eq!(error, PeerIncompatible::NoServerMetadata { issuer, found }.into());
        assert!(error.to_string().contains("publishes no metadata"), "{error}");
        assert_says(error, Actor::Developer, "`provider`");
    }

    #[test]
    fn no_server_metadata_but_something_else() {
        let damage = |fault| Knobs { metadata_damage: Damage::always(fault), ..Knobs::default() };
        let form = |form| Knobs { metadata_form: Damage::always(form), ..Knobs::default() };
        let unusable = |defect| Absence::Unusable { defect };
        let missing = |name: &str| unusable(Defect::Missing { name: name.into() });
        let (developer, operator) = (Actor::Developer, Actor::ServerOperator);
        for (knobs, found, actor, words) in [
            (damage(Fault::Html), unusable(Defect::Html), developer, "the body is HTML"),
            (
                damage(Fault::Status(403)),
                Absence::Refused { status: 403 },
                operator,
                "(status 403)",
            ),
            (
                form(MetadataForm::NoTokenEndpoint),
                missing("token_endpoint"),
                operator,
                "`token_endpoint`",
            ),
            (form(MetadataForm::NoIssuer), missing("issuer"), operator, "`issuer`"),
        ] {
            let error = error(&knobs);
            let issuer = ISSUER.into();
            assert_eq!(error, PeerIncompatible::NoServerMetadata { issuer, found }.into());
            let said = error.to_string();
            assert!(said.contains(words) && !said.contains("publishes no"), "{said}");
            assert_says(error.clone(), actor, "operator");
            assert_says(error, actor, "`provider`");
        }
    }

    #[test]
    fn no_s256() {
        for (pkce, advertised, actor, advice) in [
            (PkceSupport::Absent, false, Actor::Developer, "`Tolerance::UnlistedS256`"),
            (PkceSupport::PlainOnly, true, Actor::ServerOperator, "operator"),
        ] {
            let error = error(&Knobs { pkce, ..Knobs::default() });
            let issuer = ISSUER.into();
            let expected = PeerIncompatible::NoS256 { issuer, advertised };
            assert_eq!(error, expected.into());
            assert_says(error, actor, advice);
        }
    }

    #[test]
    fn no_way_to_register() {
        for (registration, metadata_documents) in
            [(Registration::None, false), (Registration::CimdOnly, true)]
        {
            let error = error(&Knobs { registration, ..Knobs::default() });
            assert!(matches!(
                &error,
                Error::PeerIncompatible(PeerIncompatible::NoWayToRegister { issuer, metadata_documents: taken, .. })
                    if &**issuer == ISSUER && *taken == metadata_documents
            ));
            assert_says(error.clone(), Actor::Developer, "`client_id`");
            assert_says(error, Actor::Developer, "`client_metadata_url`");
        }
    }

    #[test]
    fn registration_closed() {
        for status in [403, 404, 405, 422] {
            let registration_damage = Damage::times(Fault::Status(status), 1);
            let error = error(&Knobs { registration_damage, ..Knobs::default() });
            let expected = PeerIncompatible::RegistrationClosed { issuer: ISSUER.into(), status };
            assert_eq!(error, expected.into());
            assert_says(error.clone(), Actor::Developer, "`client_id`");
            assert_says(error, Actor::Developer, "`client_metadata_url`");
        }
    }

    #[test]
    fn foreign_client() {
        let settings = settings()
            .client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into()))
            .unwrap()
            .client_issuer("https://other.example.com");
        let error = error_with(&Knobs::default(), &settings);
        let expected = PeerIncompatible::ForeignClient {
            expected: "https://other.example.com".into(),
            found: ISSUER.into(),
        };
        assert_eq!(error, expected.into());
        assert_says(error, Actor::Developer, "`client_issuer`");
    }

    #[test]
    fn unconfirmed_issuer() {
        let own = Settings::with_policy(SERVER_URL, Policy::strict()).unwrap();
        let own = own.client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap();
        let error = error_with(&Knobs::default(), &own);
        assert_eq!(error, PeerIncompatible::UnconfirmedIssuer { issuer: ISSUER.into() }.into());
        assert_says(error, Actor::Developer, "`client_issuer`");
    }

    #[test]
    fn redirect_uri_not_registered() {
        let error = error(&Knobs {
            registration_form: Damage::always(RegistrationForm::OtherRedirectUris),
            ..Knobs::default()
        });
        let expected = PeerIncompatible::RedirectUriNotRegistered {
            redirect_uri: "http://127.0.0.1:49152/callback".into(),
        };
        assert_eq!(error, expected.into());
        assert_says(error.clone(), Actor::Developer, "`callback_port`");
        assert_says(error, Actor::Developer, "`client_id`");
    }

    #[test]
    fn no_secret_method() {
        let settings = settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap();
        let token_auth_methods = Some(vec![AuthMethod::None]);
        let error = error_with(&Knobs { token_auth_methods, ..Knobs::default() }, &settings);
        let expected = PeerIncompatible::NoSecretMethod { issuer: ISSUER.into() };
        assert_eq!(error, expected.into());
        assert!(!error.advice().contains("set a `client_secret`"), "it is set");
        assert_says(error, Actor::Developer, "leave `client_secret` out");
    }

    #[test]
    fn no_client_authentication() {
        for (knobs, settings) in [
            (Knobs { token_auth_methods: Some(vec![]), ..Knobs::default() }, settings()),
            (
                Knobs {
                    registration_form: Damage::always(RegistrationForm::OddMethod),
                    ..Knobs::default()
                },
                settings(),
            ),
        ] {
            let error = error_with(&knobs, &settings);
            let expected = PeerIncompatible::NoClientAuthentication { issuer: ISSUER.into() };
            assert_eq!(error, expected.into());
            assert_says(error, Actor::Developer, "`client_secret`");
        }
    }

    #[test]
    fn client_refused() {
        let own = settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap();
        for form in [refuse("invalid_client"), TokenForm::ErrorWith200("bad_client_secret".into())]
        {
            let knobs = Knobs { token_form: Damage::always(form), ..Knobs::default() };
            let error = error_with(&knobs, &own);
            assert_eq!(error.code(), "client_refused");
            assert!(error.to_string().ends_with("by client_secret_basic, client_secret_post"));
            assert_says(error, Actor::Developer, "`client_secret`");
        }
    }

    #[test]
    fn registered_client_refused() {
        for form in [refuse("invalid_client"), TokenForm::ErrorWith200("invalid_client".into())] {
            let error = error(&Knobs { token_form: Damage::always(form), ..Knobs::default() });
            assert_eq!(error.code(), "registered_client_refused");
            assert!(error.to_string().ends_with("by none, client_secret_post"), "{error}");
            let refusal = error.refusal().unwrap();
            assert_eq!(refusal.description.as_deref(), Some("As the test says"));
            assert_says(error, Actor::Developer, "register a client by hand");
        }
    }

    fn refuse(code: &str) -> TokenForm {
        TokenForm::Refuse(code.into())
    }

    #[test]
    fn token_type() {
        let error =
            error(&Knobs { token_form: Damage::always(TokenForm::MacType), ..Knobs::default() });
        let expected = PeerIncompatible::TokenType { found: "mac".into() };
        assert_eq!(error, expected.into());
        assert_says(error, Actor::Maintainer, "not supported");
        let dpop = TokenForm::Member("token_type", "\"DPoP\"");
        let dpop = self::error(&Knobs { token_form: Damage::always(dpop), ..Knobs::default() });
        assert_eq!(dpop, PeerIncompatible::TokenType { found: "DPoP".into() }.into());
        assert_says(dpop, Actor::Maintainer, "bound to a key");
    }

    #[test]
    fn no_bearer_header() {
        let prm_bearer_methods = Some(vec!["query".into()]);
        let error = error(&Knobs { prm_bearer_methods, ..Knobs::default() });
        let expected = PeerIncompatible::NoBearerHeader { resource: SERVER_URL.into() };
        assert_eq!(error, expected.into());
        assert_says(error, Actor::Maintainer, "not supported");
    }

    #[test]
    fn dpop_required() {
        let error = error(&Knobs { prm_dpop_required: true, ..Knobs::default() });
        let (resource, issuer) = (SERVER_URL.into(), ISSUER.into());
        assert_eq!(error, PeerIncompatible::DpopNotOffered { resource, issuer }.into());
        assert_says(error, Actor::ServerOperator, "DPoP");
        let knobs = Knobs { prm_dpop_required: true, ..Knobs::default() };
        let error = error_with(&knobs, &settings().dpop(Dpop::Off));
        let expected = PeerIncompatible::DpopRequired { resource: SERVER_URL.into() };
        assert_eq!(error, expected.into());
        assert!(error.to_string().contains("DPoP"));
        assert_says(error, Actor::Developer, "`dpop`");
    }

    #[test]
    fn pushed_requests_required() {
        let error = error_through(|endpoint, response| {
            if endpoint == Endpoint::ServerMetadata {
                set(response, "require_pushed_authorization_requests", json!(true));
            }
        });
        let expected = PeerIncompatible::PushedRequestsRequired { issuer: ISSUER.into() };
        assert_eq!(error, Error::from(expected.clone()));
        assert_says(error, Actor::Developer, "has to name where");
        let knobs = Knobs { par: Par::Required, ..Knobs::default() };
        let error = error_with(&knobs, &settings().par(oauth_core::flow::Par::Never));
        assert_eq!(error, expected.into());
        assert_says(error, Actor::Developer, "`par`");
    }

    #[test]
    fn still_refused() {
        let knobs = Knobs { scopes: ScopePolicy::EverMore, ..Knobs::default() };
        let stage = play(&knobs, &settings(), |stage| {
            assert!(stage.call("tools/list").is_err());
        });
        let error = stage.calls[0].clone().unwrap_err();
        let expected = PeerIncompatible::StillRefused {
            authorizations: 3,
            refreshes: 0,
            error: Some("insufficient_scope".into()),
        };
        assert_eq!(error, expected.into());
        assert_says(error, Actor::Developer, "permission");
    }

    #[test]
    fn bearer_refused() {
        for (lines, code) in [
            (&["Basic realm=\"x\"", "Bearer error=\"invalid_token\""][..], Some("invalid_token")),
            (&["Bearer"], None),
            (&[], None),
        ] {
            let error = PeerIncompatible::bearer_refused(lines.iter().copied());
            assert_eq!(error, PeerIncompatible::BearerRefused { error: code.map(Into::into) });
            assert_says(Error::from(error), Actor::Developer, "another token");
        }
    }

    #[test]
    fn scopes_do_not_fit() {
        // With the scope that is missing, they are three bytes more than may be.
        let own: String = (0..510).map(|number| format!("{number:07} ")).collect();
        let own = settings().scope(&format!("{own}mcp:basic")).unwrap();
        let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
        let stage = play(&knobs, &own, |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
            assert!(stage.call("tools/call").is_err(), "{:?}", stage.calls);
        });
        let error = stage.calls[1].clone().unwrap_err();
        assert_eq!(error, PeerIncompatible::ScopesDoNotFit { limit: 4096 }.into());
        assert_says(error, Actor::Developer, "`scope`");
        assert_eq!(stage.logins(), 1, "none with a part of the scopes");
    }

    #[test]
    fn login_in_vain() {
        let stage = play(&Knobs::default(), &settings(), |stage| {
            stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
            assert!(stage.call("tools/list").is_err());
        });
        let error = stage.calls[0].clone().unwrap_err();
        // Two seconds have passed: the token was new.
        let until = stage.now() + Duration::from_secs(58);
        let expected = PeerIncompatible::LoginInVain { logins: 1, until, error: None };
        assert_eq!(error, expected.into());
        assert!(error.to_string().ends_with("no other is begun before 2030-03-17T17:47:40Z"));
        assert_says(error, Actor::ServerOperator, "call `login`");
    }
}

mod refused {
    use super::*;

    fn refusal(error: Error) -> Refusal {
        match error {
            Error::Refused(refusal) => refusal,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn refused_by_the_user() {
        let refusal = refusal(error(&Knobs { consent: Consent::Deny, ..Knobs::default() }));
        assert!(refusal.is_denied_by_user());
        assert_eq!(refusal.endpoint, Endpoint::Authorization);
        assert_eq!(&*refusal.code, "access_denied");
        let words = refusal.description.as_deref();
        assert_eq!(words, Some("The user said <b>no</b>"));
        assert!(!refusal.to_string().contains("<b>"), "the server's words");
        assert_says(refusal, Actor::User, "declined");
    }

    /// Nobody has declined: the description says what is missing.
    #[test]
    fn refused_for_a_scope_that_the_user_may_not_have() {
        let words = "Missing required Scopes: mcp:write";
        let json = serde_json::json!({
            "endpoint": "Authorization", "code": "access_denied", "description": words, "uri": null,
        });
        let refusal: Refusal = serde_json::from_value(json).unwrap();
        assert!(!refusal.is_denied_by_user());
        assert!(!Error::from(refusal.clone()).advice().contains("declined"));
        assert_says(refusal, Actor::Developer, "`scope`");
    }

    /// Every endpoint and every registered code has a name of its own, and no other.
    #[test]
    fn codes_name_the_endpoint_and_what_is_registered() {
        for (code, expected) in [
            ("invalid_scope", "refused_authorization_invalid_scope"),
            ("login_required", "refused_authorization_login_required"),
            ("x_of_their_own", "refused_authorization_other"),
        ] {
            let consent = Consent::Error(code.into());
            assert_eq!(error(&Knobs { consent, ..Knobs::default() }).code(), expected);
        }
        let token_form = Damage::always(TokenForm::Refuse("invalid_grant".into()));
        let error = error(&Knobs { token_form, ..Knobs::default() });
        assert_eq!(error.code(), "refused_token_invalid_grant");
    }

    #[test]
    fn refused_by_the_authorization_endpoint() {
        for (code, actor, advice) in [
            ("login_required", Actor::User, "log in again"),
            ("invalid_scope", Actor::Developer, "`scope`"),
            ("invalid_target", Actor::Developer, "resource"),
            ("unauthorized_client", Actor::Developer, "`client_id`"),
            ("x_of_their_own", Actor::Developer, "`description`"),
        ] {
            let refusal =
                refusal(error(&Knobs { consent: Consent::Error(code.into()), ..Knobs::default() }));
            assert_eq!(refusal.endpoint, Endpoint::Authorization);
            assert_eq!(&*refusal.code, code);
            assert_says(refusal, actor, advice);
        }
    }

    #[test]
    fn refused_for_now() {
        for code in ["server_error", "temporarily_unavailable"] {
            let refusal =
                refusal(error(&Knobs { consent: Consent::Error(code.into()), ..Knobs::default() }));
            assert_says(refusal, Actor::Nobody, "try again later");
        }
    }

    #[test]
    fn refused_by_the_registration_endpoint() {
        for (form, code, advice) in [
            (RegistrationForm::RefuseRedirectUri, "invalid_redirect_uri", "`callback_port`"),
            (RegistrationForm::RefuseMetadata, "invalid_client_metadata", "`client_id`"),
            // It wants an initial access token.
            (RegistrationForm::Unauthorized, "invalid_token", "`client_metadata_url`"),
        ] {
            let refusal = refusal(error(&Knobs {
                registration_form: Damage::always(form),
                ..Knobs::default()
            }));
            assert_eq!(refusal.endpoint, Endpoint::Registration);
            assert_eq!(&*refusal.code, code);
            assert_says(refusal, Actor::Developer, advice);
        }
    }

    #[test]
    fn refused_by_the_token_endpoint() {
        let public = settings().client_id(PRE_CLIENT_ID, None).unwrap();
        for (code, actor, advice) in [
            ("invalid_grant", Actor::User, "log in again"),
            ("invalid_client", Actor::Developer, "`client_secret`"),
        ] {
            for form in [TokenForm::Refuse(code.into()), TokenForm::ErrorWith200(code.into())] {
                let knobs = Knobs {
                    token_form: Damage::always(form),
                    pre_method: AuthMethod::None,
                    ..Knobs::default()
                };
                let refusal = refusal(error_with(&knobs, &public));
                assert_eq!(refusal.endpoint, Endpoint::Token);
                assert_eq!(refusal.description.as_deref(), Some("As the test says"));
                assert_eq!(&*refusal.code, code);
                assert_says(refusal, actor, advice);
            }
        }
    }
}

mod malformed {
    use super::*;

    fn assert_malformed(error: Error, endpoint: Endpoint, status: u16, defect: &Defect) {
        let Error::Malformed(malformed) = &error else { panic!("{error}") };
        assert_eq!(malformed.endpoint, endpoint);
        assert_eq!(malformed.status, status);
        assert_eq!(&malformed.defect, defect);
        assert!(malformed.url.starts_with(ISSUER));
        assert_says(error, Actor::ServerOperator, "operator");
    }

    fn assert_defect(fault: &Fault, status: u16, defect: &Defect) {
        let damage = || Damage::always(fault.clone());
        let token = error(&Knobs { token_damage: damage(), ..Knobs::default() });
        assert_malformed(token, Endpoint::Token, status, defect);
        if (400..500).contains(&status) {
            // At the registration endpoint that is a "no", in whatever words.
            return;
        }
        let registration = error(&Knobs { registration_damage: damage(), ..Knobs::default() });
        let status = if *fault == Fault::Huge { 201 } else { status };
        assert_malformed(registration, Endpoint::Registration, status, defect);
    }

    fn not_json(column: usize) -> Defect {
        Defect::NotJson { line: 1, column }
    }

    #[test]
    fn not_json_at_all() {
        assert_defect(&Fault::BrokenJson, 200, &not_json(11));
        assert_defect(&Fault::Status(404), 404, &not_json(1));
    }

    #[test]
    fn not_json_of_the_right_kind() {
        let error =
            error(&Knobs { token_damage: Damage::always(Fault::NotAnObject), ..Knobs::default() });
        assert!(
            matches!(&error, Error::Malformed(it) if matches!(it.defect, Defect::NotJson { .. }))
        );
    }

    #[test]
    fn html() {
        assert_defect(&Fault::Html, 200, &Defect::Html);
    }

    #[test]
    fn redirect() {
        let fault =
            Fault::Redirect { status: 307, location: "https://auth2.example.com/token".into() };
        assert_defect(&fault, 307, &Defect::Redirect);
    }

    #[test]
    fn empty() {
        assert_defect(&Fault::Empty, 200, &Defect::Empty);
    }

    #[test]
    fn too_large() {
        let defect = Defect::TooLarge { limit: MAX_BODY };
        assert_defect(&Fault::Huge, 200, &defect);
    }

    #[test]
    fn missing() {
        let missing = |name: &str| Defect::Missing { name: name.into() };
        for form in [TokenForm::NoAccessToken, TokenForm::EmptyAccessToken] {
            let error = error(&Knobs { token_form: Damage::always(form), ..Knobs::default() });
            assert_malformed(error, Endpoint::Token, 200, &missing("access_token"));
        }
        for (form, name) in [
            (RegistrationForm::NoClientId, "client_id"),
            (RegistrationForm::EmptyClientId, "client_id"),
            (RegistrationForm::NoSecret, "client_secret"),
        ] {
            let error =
                error(&Knobs { registration_form: Damage::always(form), ..Knobs::default() });
            assert_malformed(error, Endpoint::Registration, 201, &missing(name));
        }
    }

    #[test]
    fn unusable() {
        let error = provided("issuer", "https://auth.example.com?x").unwrap_err();
        let Error::Misuse(oauth_core::error::Misuse::Provider { defect }) = error else {
            panic!("{error}")
        };
        let name = "issuer".into();
        assert_eq!(defect, Defect::Unusable { name });
    }
}

mod unreachable {
    use super::*;

    fn assert_unreachable(error: Error, status: Option<u16>, retry_after: Option<u64>) {
        let Error::Unreachable(unreachable) = &error else { panic!("{error}") };
        assert_eq!(unreachable.endpoint, Endpoint::Token);
        assert_eq!(&*unreachable.url, "https://auth.example.com/token");
        assert_eq!(unreachable.status, status);
        assert_eq!(unreachable.retry_after, retry_after.map(Duration::from_secs));
        assert_says(error, Actor::Nobody, "later");
    }

    #[test]
    fn without_an_answer() {
        for network in [
            Network { silent: Some(Endpoint::Token), ..Network::default() },
            Network { lossy: Some(Endpoint::Token), ..Network::default() },
        ] {
            let error = log_in(&Knobs::default(), &settings(), &network).error();
            assert_unreachable(error, None, None);
        }
    }

    #[test]
    fn with_an_answer_that_says_not_now() {
        for (fault, status, retry_after) in [
            (Fault::Unavailable { retry_after: 9 }, 503, Some(9)),
            (Fault::TooMany { retry_after: 9 }, 429, Some(9)),
            (Fault::Status(408), 408, None),
            (Fault::Status(500), 500, None),
            (Fault::Status(599), 599, None),
        ] {
            let error = error(&Knobs { token_damage: Damage::always(fault), ..Knobs::default() });
            assert_unreachable(error, Some(status), retry_after);
        }
    }
}

/// The error of a first call in a sound world.
fn call_error(scenario: impl Fn(&mut Stage)) -> Error {
    let stage = play(&Knobs::default(), &settings(), |stage| {
        scenario(stage);
        assert!(stage.call("tools/list").is_err());
    });
    stage.calls[0].clone().unwrap_err()
}

#[test]
fn cancelled() {
    let error = call_error(|stage| stage.user = User::GivesUp);
    assert_eq!(error, Error::Cancelled);
    assert_says(error, Actor::User, "log in again");
}

#[test]
fn login_required() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.user = User::Waits;
    let _ = stage.run(0);
    stage.begin(0);
    let _ = stage.run(0);
    let _ = stage.suspend(0);
    let error = stage.run(0).unwrap_err();
    assert_eq!(error, Error::LoginRequired);
    assert_says(error, Actor::User, "log in");
}

/// The error of a login that was handed out, and comes back after `wait` seconds for the second time.
fn resumed(wait: u64, finished: bool) -> (PendingLogin, Error) {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.user = User::Waits;
    let _ = stage.run(0);
    stage.begin(0);
    let _ = stage.run(0);
    let pending = stage.suspend(0);
    assert_eq!(stage.run(0), Err(Error::LoginRequired));
    stage.user = User::Consents;
    if finished {
        let other = stage.resume(pending.clone()).unwrap();
        assert_eq!(stage.obtain(other), Ok(()));
    }
    stage.world.advance(wait);
    let other = stage.resume(pending.clone()).unwrap();
    (pending, stage.obtain(other).unwrap_err())
}

#[test]
fn login_expired() {
    let (pending, error) = resumed(901, false);
    assert_eq!(error, Error::LoginExpired { expired_at: pending.expires_at() });
    assert_says(error, Actor::User, "new connect URL");
}

#[test]
fn login_used() {
    let (_, error) = resumed(0, true);
    assert_eq!(error, Error::LoginUsed);
    assert_says(error, Actor::User, "call again");
}

#[test]
fn token_too_short() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call("tools/list"), Ok(200));
    let (now, wanted) = (stage.now(), Duration::from_secs(7_200));
    let error = stage.session_mut(0).lives_for(wanted, now).unwrap_err();
    let lives_for = Duration::from_secs(3_600);
    assert_eq!(error, Error::TokenTooShort { lives_for, wanted });
    assert!(error.to_string().contains("3600"), "{error}");
    assert_says(error, Actor::Developer, "shorter");
}

#[test]
fn contended() {
    let error = call_error(|stage| stage.store.contested = true);
    assert_eq!(error, Error::Contended);
    assert_says(error, Actor::Nobody, "locks");
}

mod misuse {
    use super::*;
    use oauth_core::error::Misuse;

    #[test]
    fn method_needs_secret() {
        let public = settings().client_id(PRE_CLIENT_ID, None).unwrap();
        let basic = public.token_endpoint_auth_method(oauth_core::AuthMethod::ClientSecretBasic);
        let error = error_with(&Knobs::default(), &basic);
        let method = "client_secret_basic".into();
        assert_misuse::<()>(Err(error), Misuse::MethodNeedsSecret { method }, "`client_secret`");
    }

    fn assert_misuse<T: core::fmt::Debug>(
        result: Result<T, impl Into<Error>>,
        expected: Misuse,
        advice: &str,
    ) {
        let error = result.map_err(Into::into).unwrap_err();
        assert_eq!(error, expected.into());
        assert_says(error, Actor::Developer, advice);
    }

    #[test]
    fn server_url() {
        for (url, defect) in [
            ("mcp.example.com", UrlDefect::Unparsable),
            ("https://mcp.example.com/a b", UrlDefect::Unparsable),
            ("ws://mcp.example.com", UrlDefect::Scheme),
            ("http://mcp.example.com/mcp", UrlDefect::Plaintext),
            ("https://user@mcp.example.com/mcp", UrlDefect::Credentials),
            ("https://mcp.example.com/mcp#x", UrlDefect::Fragment),
        ] {
            let url_shown = shown(&url.replace("//user@", "//…@"));
            let expected = Misuse::ServerUrl { url: url_shown, defect };
            assert_misuse(Settings::new(url), expected, "https://mcp.example.com/mcp");
        }
    }

    #[test]
    fn server_url_of_a_private_address() {
        let (url, defect) = ("https://10.0.0.1/mcp", UrlDefect::PrivateAddress);
        let policy = Policy::default().only_public_addresses();
        let private = Settings::with_policy(url, policy).unwrap();
        let expected = Misuse::ServerUrl { url: url.into(), defect };
        let error = log_in(&Knobs::default(), &private, &Network::default()).error();
        assert_misuse(Err::<(), _>(error), expected, "`private_host`");
    }

    #[test]
    fn private_host() {
        let host = "https://auth.corp.example";
        let expected = Misuse::PrivateHost { host: host.into() };
        assert_misuse(settings().private_host(host), expected, "auth.corp.example");
    }

    #[test]
    fn client_metadata_url() {
        let url = "https://app.example.com";
        let expected = Misuse::ClientMetadataUrl { url: url.into() };
        assert_misuse(settings().client_metadata_url(url), expected, "document");
    }

    #[test]
    fn redirect_uri() {
        let url = "myapp://callback";
        let expected = Misuse::RedirectUri { url: url.into() };
        assert_misuse(RedirectUri::parse(url), expected, "http://127.0.0.1");
    }

    #[test]
    fn callback_url() {
        let url = "http://127.0.0.2:8765/callback";
        let expected = Misuse::CallbackUrl { url: url.into() };
        assert_misuse(CallbackUrl::parse(url), expected, "http://localhost:8765/callback");
    }

    #[test]
    fn client_id_characters() {
        let error = settings().client_id("my\u{202e}client", None).unwrap_err();
        assert!(!error.to_string().contains('\u{202e}'), "{error}");
        assert_eq!(error.code(), "client_id_characters");
        assert_says(error, Actor::Developer, "line end");
    }

    #[test]
    fn client_secret_characters() {
        let error = settings().client_id("mine", Some("planted\n".into())).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted"));
        assert_eq!(error.code(), "client_secret_characters");
        assert_says(error, Actor::Developer, "line end");
        assert!(settings().client_id("mine", Some("sécret".into())).is_ok());
    }

    #[test]
    fn empty_client_id() {
        let result = settings().client_id("", None);
        assert_misuse(result, Misuse::EmptyClientId, "leave the client id out");
    }

    /// It says who somebody is, and is shown nowhere.
    #[test]
    fn login_hint() {
        let result = AuthorizationOptions::new().login_hint("planted\n");
        assert!(!format!("{result:?}").contains("planted"));
        let expected = Misuse::LoginHint { limit: LoginHint::MAX_LENGTH };
        assert_misuse(result, expected, "e-mail address");
    }

    #[test]
    fn provider() {
        for name in ["issuer", "authorization_endpoint", "token_endpoint"] {
            let defect = Defect::Missing { name: name.into() };
            let advice = format!("`{name}`");
            assert_misuse(provided(name, ""), Misuse::Provider { defect }, &advice);
        }
    }

    #[test]
    fn foreign_login() {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        stage.user = User::Waits;
        let _ = stage.run(0);
        stage.begin(0);
        let _ = stage.run(0);
        let pending = stage.suspend(0);
        stage.restart_with(Settings::new("https://other.example.com/mcp").unwrap());
        let expected = Misuse::ForeignLogin {
            server: "https://other.example.com/mcp".into(),
            resource: SERVER_URL.into(),
        };
        assert_misuse(stage.resume(pending), expected, "session of its own");
    }

    #[test]
    fn foreign_request() {
        let settings = settings().bearer(BearerAuth::new("key").unwrap());
        let stage = Stage::new(&Knobs::default(), &settings, false);
        let authorization = stage.session(0).authorization(stage.now()).unwrap();
        let url = "https://other.example.com/mcp";
        let result = authorization.attach("POST", url).map(|_| ());
        let expected = Misuse::ForeignRequest { url: url.into() };
        assert_misuse(result, expected, "session of its own");
    }
}

/// Settings with a provider that has one member changed.
fn provided(name: &str, value: &str) -> Result<Settings, Error> {
    let mut provider = json!({
        "id": "example",
        "display_name": "Example",
        "metadata": {
            "issuer": "https://auth.example.com",
            "authorization_endpoint": "https://auth.example.com/authorize",
            "token_endpoint": "https://auth.example.com/token",
            "code_challenge_methods_supported": ["S256"],
        },
    });
    provider["metadata"][name] = json!(value);
    let provider: OAuthClientProvider = serde_json::from_value(provider).unwrap();
    settings().provider(&provider)
}

#[test]
fn a_provider_is_held_to_the_rules_for_everybody() {
    let error = provided("token_endpoint", "http://auth.example.com/token").unwrap_err();
    assert!(matches!(error, Error::PeerMisbehaved(PeerMisbehaved::UnsafeUrl { .. })));
}

mod record_defect {
    use super::*;

    #[test]
    fn format() {
        let newer = br#"{"format":2,"all":"different"}"#;
        let defect = Record::from_json(newer).unwrap_err();
        assert_eq!(defect, RecordDefect::Format { found: 2 });
        assert!(defect.to_string().contains("format 2"));
    }

    #[test]
    fn damaged() {
        for bytes in [&b""[..], b"{", b"{}", b"null", b"{\"format\":1}", b"\xFF"] {
            let defect = Record::from_json(bytes).unwrap_err();
            assert_eq!(defect, RecordDefect::Damaged);
        }
    }
}

/// Whatever the challenge, the error is about what comes next.
#[test]
fn an_error_does_not_depend_on_where_the_challenge_pointed() {
    for challenge in [Challenge::Full, Challenge::WithoutUrl, Challenge::Bare] {
        let error = error(&Knobs { challenge, pkce: PkceSupport::Absent, ..Knobs::default() });
        assert!(matches!(error, Error::PeerIncompatible(PeerIncompatible::NoS256 { .. })));
    }
}
