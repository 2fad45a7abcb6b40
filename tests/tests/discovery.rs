//! Discovery with the manners of a good client: places out of reach, places that a challenge names in
//! vain, and issuers that differ by a slash.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use http::{Response, StatusCode};
use oauth_core::error::{PeerMisbehaved, Unreachable};
use oauth_core::flow::Settings;
use oauth_core::session::Turn;
use oauth_core::{Endpoint, Error, Finding, Policy, Secret, Tolerance, Tolerances, UrlDefect};
use oauth_tests::drive::{
    Event, Network, SERVER_URL, Stage, Tamper, User, Walk, play, play_later, settings, walk,
};
use oauth_tests::world::{
    Challenge, Damage, Fault, IssParameter, IssuerPath, Knobs, Legacy, MetadataForm,
    MetadataLocation, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Party, PrmLocation, PrmServers,
    RefreshTokens, What,
};

fn log_in(knobs: &Knobs) -> Walk {
    walk(knobs, &settings(), &Network::default())
}

fn log_in_through(knobs: &Knobs, tamper: Tamper) -> Walk {
    walk(knobs, &settings(), &Network { tamper: Some(tamper), ..Network::default() })
}

fn with_policy(policy: Policy) -> Settings {
    Settings::with_policy(SERVER_URL, policy).unwrap()
}

fn unreachable(walk: &Walk) -> Unreachable {
    let error = walk.error();
    assert!(error.is_retryable(), "{error}");
    let Error::Unreachable(unreachable) = error else { panic!("{error}") };
    unreachable
}

const HOUR: u64 = 3600;

/// Drives a new login to its page.
fn page(stage: &mut Stage) -> Event {
    stage.session_mut(0).access();
    assert_eq!(stage.run(0), Ok(Event::Login));
    stage.begin(0);
    stage.run(0).unwrap()
}

mod out_of_reach {
    use super::*;

    /// A reverse proxy that has no route says so with a status of its own, instead of 404.
    fn no_route<const STATUS: u16>(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        let is_metadata = matches!(endpoint, Endpoint::ResourceMetadata | Endpoint::ServerMetadata);
        if is_metadata && response.status() == StatusCode::NOT_FOUND {
            *response.status_mut() = StatusCode::from_u16(STATUS).unwrap();
        }
    }

    const PROXIES: [Tamper; 6] = [
        no_route::<500>,
        no_route::<502>,
        no_route::<503>,
        no_route::<504>,
        no_route::<429>,
        no_route::<408>,
    ];

    #[test]
    fn a_place_without_a_route_hides_no_other() {
        for (knobs, requests) in [
            (
                Knobs {
                    issuer_path: IssuerPath::Tenant,
                    metadata_location: MetadataLocation::OidcAppended,
                    ..Knobs::default()
                },
                7,
            ),
            (Knobs { metadata_location: MetadataLocation::OidcAppended, ..Knobs::default() }, 6),
            (
                Knobs {
                    challenge: Challenge::Bare,
                    prm_location: PrmLocation::Root,
                    ..Knobs::default()
                },
                6,
            ),
        ] {
            for proxy in PROXIES {
                let walk = log_in_through(&knobs, proxy);
                let _ = walk.grant();
                assert_eq!(walk.world.oauth_requests(), requests);
            }
        }
    }

    /// The place that a challenge names may be the one without a route.
    #[test]
    fn a_challenge_whose_place_has_no_route_hides_no_other() {
        for url in
            ["/elsewhere", "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"]
        {
            let knobs = Knobs {
                challenge_url: Some(url.into()),
                prm_location: PrmLocation::Root,
                ..Knobs::default()
            };
            for walk in [log_in_through(&knobs, no_route::<502>), log_in(&knobs)] {
                let _ = walk.grant();
                let places = walk.world.requests(What::ResourceMetadata);
                let mut paths: Vec<_> = places.iter().map(|it| &it.path).collect();
                paths.sort();
                paths.dedup();
                assert_eq!(paths.len(), places.len(), "no place is asked twice: {paths:?}");
            }
        }
    }

    #[test]
    fn what_tells_most_is_the_error_where_no_document_came() {
        let knobs = Knobs {
            metadata_damage: Damage::always(Fault::TooMany { retry_after: 9 }),
            metadata_location: MetadataLocation::OidcAppended,
            ..Knobs::default()
        };
        let walk = log_in_through(&knobs, no_route::<502>);
        let found = unreachable(&walk);
        assert_eq!(found.status, Some(429));
        assert_eq!(found.retry_after.map(|pause| pause.as_secs()), Some(9));
        assert_eq!(&*found.url, "https://auth.example.com/.well-known/openid-configuration");
        assert_eq!(walk.world.count(What::ServerMetadata), 2);
    }

    #[test]
    fn silence_at_every_place_is_told_of_the_first() {
        for (silent, place) in [
            (
                Endpoint::ResourceMetadata,
                "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
            ),
            (
                Endpoint::ServerMetadata,
                "https://auth.example.com/.well-known/oauth-authorization-server",
            ),
        ] {
            let network = Network { silent: Some(silent), ..Network::default() };
            let found = unreachable(&walk(&Knobs::default(), &settings(), &network));
            assert_eq!((found.status, &*found.url), (None, place));
        }
    }

    /// One place out of reach among those with nothing: the document may be there.
    #[test]
    fn it_is_never_told_as_no_oauth_here() {
        for legacy in [Legacy::Off, Legacy::Endpoints, Legacy::Metadata] {
            let opted_in = with_policy(Policy::default().tolerate(Tolerance::Legacy20250326));
            fn first_is_down(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
                if endpoint == Endpoint::ResourceMetadata && response.body().len() == DOWN {
                    *response.status_mut() = StatusCode::BAD_GATEWAY;
                }
            }
            const DOWN: usize = "no resource metadata here".len();
            let network = Network { tamper: Some(first_is_down), ..Network::default() };
            let knobs = match legacy {
                Legacy::Off => Knobs { prm_location: PrmLocation::Nowhere, ..Knobs::default() },
                legacy => Knobs::legacy(legacy),
            };
            let walk = walk(&knobs, &opted_in, &network);
            assert_eq!(unreachable(&walk).status, Some(502));
            assert_eq!(walk.world.oauth_requests(), 2, "{legacy:?}");
        }
    }

    fn first_down() -> Knobs {
        Knobs {
            prm_servers: PrmServers::Both,
            metadata_damage: Damage::always(Fault::Status(503)).only(Party::AuthServer),
            ..Knobs::default()
        }
    }

    #[test]
    fn the_next_server_is_asked_when_the_first_is_down() {
        let walk = log_in(&first_down());
        let issuer = walk.grant().binding.server().issuer().as_str();
        assert_eq!(issuer, walk.world.issuer2());
        assert_eq!(walk.world.count_at(Party::AuthServer), 2, "both of its places");
    }

    #[test]
    fn where_all_are_down_the_first_is_told() {
        let knobs = Knobs { metadata_damage: Damage::always(Fault::Status(503)), ..first_down() };
        let walk = log_in(&knobs);
        let found = unreachable(&walk);
        assert!(found.url.starts_with("https://auth.example.com/"), "{}", found.url);
        assert_eq!(walk.world.count(What::ServerMetadata), 4);
    }

    /// A client id that belongs to the first server, or may, is not taken elsewhere because that one is
    /// down today.
    #[test]
    fn a_server_that_a_client_id_belongs_to_is_waited_for() {
        let secret = || Some(Secret::from(PRE_CLIENT_SECRET));
        let client = || settings().client_id(PRE_CLIENT_ID, secret()).unwrap();
        for settings in [
            client(),
            client().client_issuer("https://auth.example.com"),
            client().client_issuer("https://auth.example.com/"),
        ] {
            let walk = walk(&first_down(), &settings, &Network::default());
            assert_eq!(unreachable(&walk).status, Some(503));
            assert_eq!(walk.world.count_at(Party::AuthServer2), 0);
        }
        // It is of no use at a server that it does not belong to.
        let foreign_down = Knobs {
            prm_servers: PrmServers::BothSecondFirst,
            metadata_damage: Damage::always(Fault::Status(503)).only(Party::AuthServer2),
            ..Knobs::default()
        };
        let settings = client().client_issuer("https://auth.example.com");
        let _ = walk(&foreign_down, &settings, &Network::default()).grant();
    }

    /// Nor is a grant: who is logged in at the first server stays with it.
    #[test]
    fn a_server_that_a_grant_belongs_to_is_waited_for() {
        let refresh_tokens = RefreshTokens::Never;
        let knobs = Knobs { prm_servers: PrmServers::Both, refresh_tokens, ..Knobs::default() };
        let _ = play_later(&knobs, &settings(), |stage| {
            stage.world.knobs.metadata_damage = first_down().metadata_damage;
            stage.world.now += 2 * HOUR;
            let error = stage.call("tools/list").unwrap_err();
            assert!(error.is_retryable(), "{error}");
            assert_eq!(stage.world.count_at(Party::AuthServer2), 0);
        });
    }
}

mod unusable_challenges {
    use super::*;

    #[test]
    fn what_is_no_url_is_noted_and_the_derived_places_are_asked() {
        for (url, defect) in [
            ("null", UrlDefect::Unparsable),
            ("undefined", UrlDefect::Unparsable),
            ("undefined/.well-known/oauth-protected-resource", UrlDefect::Unparsable),
            ("http://mcp.example.com/.well-known/x?key=planted", UrlDefect::Plaintext),
            ("http://10.0.0.7:8080/x", UrlDefect::Plaintext),
            ("ftp://mcp.example.com/x", UrlDefect::Scheme),
            ("https://u:planted@mcp.example.com/x", UrlDefect::Credentials),
            ("https://mcp.example.com/x#y", UrlDefect::Fragment),
        ] {
            let knobs = Knobs { challenge_url: Some(url.into()), ..Knobs::default() };
            let walk = log_in(&knobs);
            let _ = walk.grant();
            assert_eq!(walk.world.oauth_requests(), 5, "{url}");
            let _ = play(&knobs, &settings(), |stage| {
                assert_eq!(stage.call("tools/list"), Ok(200));
                let timeline = stage.session(0).timeline();
                let noted = &timeline.entries()[1];
                assert_eq!(noted.endpoint, Endpoint::ResourceMetadata);
                assert_eq!((noted.status, &noted.finding), (None, &Finding::Unusable { defect }));
                assert!(!timeline.to_string().contains("planted"), "{timeline}");
            });
        }
    }

    #[test]
    fn a_private_address_stays_forbidden() {
        for url in ["https://10.0.0.7/x", "https://localhost/x", "https://[fd00::1]/x"] {
            let walk = log_in(&Knobs { challenge_url: Some(url.into()), ..Knobs::default() });
            let (endpoint, defect) = (Endpoint::ResourceMetadata, UrlDefect::PrivateAddress);
            let url = url.into();
            assert_eq!(walk.error(), PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into());
            assert_eq!(walk.world.oauth_requests(), 0);
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let url = "x".repeat(4000);
        let knobs = Knobs { challenge_url: Some(url), ..Knobs::default() };
        let _ = play(&knobs, &settings(), |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
            let timeline = stage.session(0).timeline();
            assert!(timeline.entries().iter().all(|it| it.url.len() < 300), "{timeline}");
        });
    }
}

mod slashes {
    use super::*;

    fn tolerated(walk: &Walk) -> Tolerances {
        walk.grant().binding.tolerated()
    }

    fn of(tolerance: Tolerance) -> Tolerances {
        [tolerance].into_iter().collect()
    }

    /// The three ways in which the documents of real servers disagree.
    fn disagreeing() -> [Knobs; 3] {
        [
            Knobs { prm_servers: PrmServers::OneWithSlash, ..Knobs::default() },
            Knobs {
                metadata_form: Damage::always(MetadataForm::IssuerWithSlash),
                ..Knobs::default()
            },
            Knobs {
                issuer_path: IssuerPath::RootSlash,
                prm_servers: PrmServers::Listed(vec!["https://auth.example.com".into()]),
                ..Knobs::default()
            },
        ]
    }

    #[test]
    fn one_that_is_the_whole_path_is_tolerated_and_reported() {
        for knobs in disagreeing() {
            let walk = log_in(&knobs);
            assert_eq!(tolerated(&walk), of(Tolerance::RootIssuerSlash));
            for policy in [Policy::strict(), Policy::default().refuse(Tolerance::RootIssuerSlash)] {
                let refused = super::walk(&knobs, &with_policy(policy), &Network::default());
                assert_eq!(refused.error().code(), "issuer_mismatch");
                assert_eq!(refused.world.count(What::Register), 0);
            }
        }
    }

    #[test]
    fn one_behind_a_path_is_tolerated_by_name_only() {
        let knobs = Knobs {
            issuer_path: IssuerPath::Tenant,
            prm_servers: PrmServers::OneWithSlash,
            ..Knobs::default()
        };
        assert_eq!(log_in(&knobs).error().code(), "issuer_mismatch");
        let policy = Policy::default().tolerate(Tolerance::IssuerSlash);
        let walk = walk(&knobs, &with_policy(policy), &Network::default());
        assert_eq!(tolerated(&walk), of(Tolerance::IssuerSlash));
    }

    #[test]
    fn a_redirect_may_name_either_spelling_of_the_documents() {
        let [named_with, speaks_with, named_without] = disagreeing();
        for (knobs, iss) in [
            (&named_with, IssParameter::Right),
            (&named_with, IssParameter::WithSlash),
            (&speaks_with, IssParameter::Right),
            (&speaks_with, IssParameter::WithSlash),
            (&named_without, IssParameter::Right),
            (&named_without, IssParameter::WithoutSlash),
        ] {
            let walk = log_in(&Knobs { iss, ..knobs.clone() });
            assert_eq!(tolerated(&walk), of(Tolerance::RootIssuerSlash), "{iss:?}");
        }
        let twice = log_in(&Knobs { iss: IssParameter::WithSlash, ..named_without });
        assert_eq!(twice.error().code(), "wrong_iss", "two slashes are in no document");
    }

    /// The official suite wants `iss` with a slash refused where the documents have none.
    #[test]
    fn a_redirect_may_name_no_other_where_the_documents_agree() {
        let root = Knobs { issuer_path: IssuerPath::RootSlash, ..Knobs::default() };
        let tenant = Knobs { issuer_path: IssuerPath::Tenant, ..Knobs::default() };
        for (knobs, iss) in [
            (Knobs::default(), IssParameter::WithSlash),
            (tenant, IssParameter::WithSlash),
            (root, IssParameter::WithoutSlash),
        ] {
            let knobs = Knobs { iss, ..knobs };
            let refused = log_in(&knobs);
            assert_eq!(refused.error().code(), "wrong_iss");
            assert_eq!(refused.world.token_requests(), 0);
            // Unless the host says that they are one.
            let policy = Policy::default().tolerate(Tolerance::IssuerSlash);
            let walk = walk(&knobs, &with_policy(policy), &Network::default());
            assert_eq!(tolerated(&walk), of(Tolerance::IssuerSlash));
        }
    }

    #[test]
    fn another_spelling_is_no_other_server() {
        for knobs in disagreeing() {
            let secret = || Some(Secret::from(PRE_CLIENT_SECRET));
            let client = settings().client_id(PRE_CLIENT_ID, secret()).unwrap();
            for issuer in ["https://auth.example.com", "https://auth.example.com/"] {
                let settings = client.clone().client_issuer(issuer);
                let _ = walk(&knobs, &settings, &Network::default()).grant();
            }
            // The first login finds the documents at one, the second one apart by a slash.
            let refresh_tokens = RefreshTokens::Never;
            let agreed =
                Knobs { issuer_path: knobs.issuer_path, refresh_tokens, ..Knobs::default() };
            let _ = play_later(&agreed, &settings(), |stage| {
                stage.world.knobs.prm_servers = knobs.prm_servers.clone();
                stage.world.knobs.metadata_form = knobs.metadata_form.clone();
                stage.world.now += 2 * HOUR;
                stage.user = User::Waits;
                assert_eq!(page(stage), Event::Page);
                assert_eq!(stage.world.count(What::Register), 0, "the client is the same");
                let Ok(Turn::Browser(_, reply)) = stage.session_mut(0).turn() else { panic!() };
                assert_eq!(reply.moved_from(), None, "nobody is told of a move");
                stage.user = User::Consents;
                assert_eq!(stage.obtain(0), Ok(()));
                assert_eq!(stage.call("tools/list"), Ok(200));
            });
        }
    }
}
