//! One registered client for all profiles of a store: who registers it, who doubts it, who replaces it. Each
//! scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::flow::Settings;
use oauth_core::loopback::CallbackUrl;
use oauth_core::session::{Key, KeyKind, Turn};
use oauth_tests::drive::{Callback, Event, Stage, User, play, settings};
use oauth_tests::world::{
    Damage, Fault, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, PrmServers, RegisteredScopes,
    ScopePolicy, What,
};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";
const HOUR: u64 = 3600;

/// Longer than a login may take.
const LONG: u64 = 600;

const PROFILES: [&str; 4] = ["ann", "bo", "cy", "di"];

fn sharing() -> Settings {
    settings().client_records()
}

/// A host for each profile.
fn profiles(stage: &mut Stage) {
    stage.profiles = PROFILES.into();
    for _ in 1..PROFILES.len() {
        stage.add_host();
    }
}

fn registrations(stage: &Stage) -> usize {
    stage.world.count(What::Register)
}

fn all_call(stage: &mut Stage) {
    for (host, profile) in PROFILES.iter().enumerate() {
        assert_eq!(stage.call_from(host, LIST), Ok(200), "{profile}");
    }
}

/// The client that a profile's grant was issued to.
fn client(stage: &Stage, host: usize) -> String {
    let key = stage.session(host).key(PROFILES[host]);
    stage.store.load(&key).unwrap().binding().client().client_id().into()
}

/// Where its user came back to.
fn port(stage: &Stage, host: usize) -> u16 {
    let key = stage.session(host).key(PROFILES[host]);
    let record = stage.store.load(&key).unwrap();
    CallbackUrl::default().port_of(record.binding().client().redirect_uri()).unwrap()
}

/// All profiles log in, twice: once in all, or once each where they do not share a client.
fn register_once(callback: &Callback) {
    for (settings, expected) in
        [(sharing(), 1), (sharing().registration_for_each_profile(), 4), (settings(), 4)]
    {
        let stage = play(&Knobs::default(), &settings, |stage| {
            profiles(stage);
            stage.callback = callback.clone();
            all_call(stage);
            stage.world.advance(HOUR);
            all_call(stage);
        });
        assert_eq!((registrations(&stage), stage.logins()), (expected, 4));
    }
}

#[test]
fn profiles_of_one_store_register_once() {
    register_once(&Callback::Registered);
}

/// Whoever comes while another one registers waits, and takes what that brings.
#[test]
fn profiles_that_log_in_at_once_register_once() {
    let stage = play(&Knobs::default(), &sharing(), |stage| {
        profiles(stage);
        let (mut ready, mut was_blocked) = ([false; PROFILES.len()], false);
        while ready.contains(&false) {
            for (host, is_ready) in ready.iter_mut().enumerate() {
                match stage.step(host).unwrap() {
                    Event::Login => stage.begin(host),
                    Event::Ready => *is_ready = true,
                    Event::Blocked(_) => was_blocked = true,
                    _ => {}
                }
            }
        }
        assert!(was_blocked);
    });
    assert_eq!((registrations(&stage), stage.logins()), (1, 4));
}

/// A listener on any port takes the one that the client of the others is registered with.
#[test]
fn profiles_whose_listener_takes_any_port_register_once() {
    register_once(&Callback::any_port());
}

/// And if that is taken, it gets a client of its own, which the next ones use.
#[test]
fn a_port_that_is_taken_registers_anew_in_the_place_of_the_last() {
    let stage = play(&Knobs::default(), &sharing(), |stage| {
        profiles(stage);
        stage.callback = Callback::any_port();
        assert_eq!(stage.call_from(0, LIST), Ok(200));
        let records = stage.store.count();
        stage.callback = Callback::AnyPort { taken: vec![port(stage, 0)], others: 100 };
        assert_eq!(stage.call_from(1, LIST), Ok(200));
        assert_eq!(stage.store.count(), records + 1, "a grant, and no client more");
        assert_ne!(port(stage, 1), port(stage, 0));
        stage.callback = Callback::any_port();
        assert_eq!(stage.call_from(2, LIST), Ok(200));
        assert_eq!((client(stage, 2), port(stage, 2)), (client(stage, 1), port(stage, 1)));
        // Each refreshes with the client of its grant.
        stage.world.advance(HOUR);
        for host in 0..3 {
            assert_eq!(stage.call_from(host, LIST), Ok(200));
        }
        // The first one's own port is free again, and its client is still registered there.
        stage.session_mut(0).log_in();
        stage.obtain(0).unwrap();
    });
    assert_eq!((registrations(&stage), stage.logins()), (2, 4));
}

/// A host with one port, or none, is asked once where its users come back to.
#[test]
fn a_place_that_cannot_vary_has_a_client_of_its_own() {
    let stage = play(&Knobs::default(), &sharing(), |stage| {
        profiles(stage);
        for (host, place) in ["http://127.0.0.1:8080/callback", "http://127.0.0.1:8081/callback"]
            .into_iter()
            .cycle()
            .take(PROFILES.len())
            .enumerate()
        {
            stage.callback = Callback::At(place);
            assert_eq!(stage.call_from(host, LIST), Ok(200));
        }
    });
    assert_eq!(registrations(&stage), 2);
}

#[test]
fn two_programs_register_one_each() {
    let stage = play(&Knobs::default(), &sharing().application("editor"), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.restart_with(sharing().application("terminal"));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(registrations(&stage), 2);
}

/// The server may have forgotten the client and shown a page about that; or somebody closed it.
#[test]
fn a_closed_page_registers_anew_only_if_nothing_came_through_the_client_since() {
    #[derive(Debug)]
    enum Since {
        Nothing,
        Refresh,
        Login,
    }
    for (since, restarts, expected) in [
        (Since::Nothing, false, 2),
        (Since::Nothing, true, 2),
        (Since::Refresh, false, 1),
        (Since::Refresh, true, 1),
        (Since::Login, false, 1),
        (Since::Login, true, 1),
    ] {
        let stage = play(&Knobs::default(), &sharing(), |stage| {
            profiles(stage);
            assert_eq!(stage.call_from(1, LIST), Ok(200));
            stage.user = User::GivesUp;
            assert_eq!(stage.call_from(0, LIST), Err(Error::Cancelled));
            stage.user = User::Consents;
            match since {
                Since::Nothing => {}
                Since::Refresh => {
                    stage.world.advance(HOUR);
                    assert_eq!(stage.call_from(1, LIST), Ok(200));
                }
                Since::Login => assert_eq!(stage.call_from(2, LIST), Ok(200)),
            }
            if restarts {
                stage.restart();
                stage.world.advance(LONG);
            }
            assert_eq!(stage.call(LIST), Ok(200));
            // It is replaced for all who have none, and nobody's grant is touched.
            assert_eq!(stage.call_from(3, LIST), Ok(200));
            stage.world.advance(HOUR);
            assert_eq!(stage.call_from(1, LIST), Ok(200));
            assert_eq!(client(stage, 3), client(stage, 0));
        });
        assert_eq!(registrations(&stage), expected, "{since:?}, restarted: {restarts}");
        assert_eq!(client(&stage, 0) == client(&stage, 1), expected == 1);
    }
}

/// A closed page of long ago, with no sign of life since, is enough for the next profile.
#[test]
fn a_client_that_was_waited_for_in_vain_is_replaced_by_whoever_comes_next() {
    let stage = play(&Knobs::default(), &sharing(), |stage| {
        profiles(stage);
        assert_eq!(stage.call_from(1, LIST), Ok(200));
        stage.user = User::GivesUp;
        assert_eq!(stage.call_from(0, LIST), Err(Error::Cancelled));
        stage.user = User::Consents;
        stage.world.advance(LONG);
        assert_eq!(stage.call_from(2, LIST), Ok(200));
        assert_eq!(stage.call_from(3, LIST), Ok(200));
    });
    assert_eq!(registrations(&stage), 2);
    assert_eq!(client(&stage, 3), client(&stage, 2));
}

#[test]
fn a_client_that_is_refused_is_replaced_once_for_all() {
    let stage = play(&Knobs::default(), &sharing(), |stage| {
        profiles(stage);
        all_call(stage);
        stage.world.forget_clients();
        stage.world.advance(HOUR);
        all_call(stage);
    });
    assert_eq!(registrations(&stage), 2);
    assert!((1..4).all(|host| client(&stage, host) == client(&stage, 0)));
}

/// The server binds clients to the scopes that they registered.
#[test]
fn a_wider_scope_registers_the_union_once_for_all() {
    let knobs = Knobs {
        scopes: ScopePolicy::StepUp,
        registered_scopes: RegisteredScopes::Named,
        ..Knobs::default()
    };
    let stage = play(&knobs, &sharing(), |stage| {
        profiles(stage);
        assert_eq!(stage.call(LIST), Ok(200));
        let narrow = registrations(stage);
        assert_eq!(stage.call(CALL), Ok(200), "a step-up");
        let wide = registrations(stage);
        assert_eq!(wide, narrow + 1);
        for host in 1..PROFILES.len() {
            assert_eq!(stage.call_from(host, LIST), Ok(200));
            assert_eq!(stage.call_from(host, CALL), Ok(200));
        }
        assert_eq!(registrations(stage), wide);
    });
    assert!((1..4).all(|host| client(&stage, host) == client(&stage, 0)));
}

/// A login that was handed out brings a grant of the client that it was begun with.
#[test]
fn a_login_that_was_handed_out_shares_the_client() {
    let stage = play(&Knobs::default(), &sharing(), |stage| {
        stage.user = User::Waits;
        for _ in 0..2 {
            stage.restart();
            stage.session_mut(0).log_in();
            assert_eq!(stage.run(0), Ok(Event::Login));
            stage.begin(0);
            assert_eq!(stage.run(0), Ok(Event::Page));
            let pending = stage.suspend(0);
            assert_eq!(stage.run(0), Err(Error::LoginRequired));
            stage.user = User::Consents;
            let host = stage.resume(pending).unwrap();
            assert_eq!(stage.run(host), Ok(Event::Ready));
            stage.user = User::Waits;
        }
    });
    assert_eq!(registrations(&stage), 1);
}

fn pre_registered() -> Settings {
    settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap()
}

/// One profile logs in, and then the MCP server sends another one elsewhere: the code of its error.
fn sent_elsewhere_as_another(stage: &mut Stage) -> Option<&'static str> {
    profiles(stage);
    // A login that came to nothing says nothing about the server.
    stage.user = User::GivesUp;
    assert_eq!(stage.call_from(2, LIST), Err(Error::Cancelled));
    stage.user = User::Consents;
    assert_eq!(stage.call(LIST), Ok(200));
    assert_eq!(stage.call_from(1, LIST), Ok(200));
    stage.forget_log();
    stage.world.knobs.prm_servers = PrmServers::Second;
    stage.call_from(3, LIST).err().map(|error| error.code())
}

/// A client id with a secret, and nobody says whose it is: the MCP server cannot say it for each profile anew.
#[test]
fn a_secret_belongs_to_the_first_server_that_issued_tokens_for_all_profiles() {
    let own = pre_registered().client_records();
    for own in [own.clone(), own.registration_for_each_profile()] {
        let stage = play(&Knobs::default(), &own, |stage| {
            assert_eq!(sent_elsewhere_as_another(stage), Some("foreign_client"));
        });
        assert_eq!((stage.logins(), stage.world.token_requests()), (0, 0));
        let key = Key { kind: KeyKind::ClientIssuer, ..Key::grant("", PRE_CLIENT_ID, "") };
        let kept = stage.store.load(&key).unwrap().to_json();
        assert!(!kept.contains(PRE_CLIENT_SECRET), "it is the host's to keep");
    }
}

/// What the authorization server of an attacker sends back, who has no need to know the client.
fn lured(stage: &mut Stage, host: usize) {
    let now = stage.now();
    let Ok(Turn::Browser(url, reply)) = stage.session_mut(host).turn() else {
        panic!("no page is open")
    };
    let iss = "https%3A%2F%2Fauth2.example.com";
    reply.redirect(&format!("code=any&state={}&iss={iss}", url.state()), now).unwrap();
}

/// Both have looked before anybody has written whose the secret is.
#[test]
fn two_first_logins_send_the_secret_to_one_server() {
    for takes_turns in [false, true] {
        let stage = play(&Knobs::default(), &pre_registered().client_records(), |stage| {
            profiles(stage);
            stage.user = User::Waits;
            for (host, servers) in [(0, PrmServers::One), (1, PrmServers::Second)] {
                stage.world.knobs.prm_servers = servers;
                stage.session_mut(host).access();
                assert_eq!(stage.run(host), Ok(Event::Login));
                stage.begin(host);
                assert_eq!(stage.run(host), Ok(Event::Page));
            }
            stage.user = User::Consents;
            stage.step(0).unwrap();
            lured(stage, 1);
            let mut ends = [None, None];
            if !takes_turns {
                ends[0] = Some(stage.run(0));
            }
            while ends.contains(&None) {
                for (host, end) in ends.iter_mut().enumerate().filter(|(_, end)| end.is_none()) {
                    *end = match stage.step(host) {
                        Ok(Event::Progress) => None,
                        ended => Some(ended),
                    };
                }
            }
            let [first, second] = ends.map(Option::unwrap);
            assert_eq!(first, Ok(Event::Ready));
            assert_eq!(second.map_err(|error| error.code()), Err("foreign_client"));
        });
        assert_eq!(stage.world.token_requests(), 1);
    }
}

/// A server that does not answer keeps the client from no other for longer than a login may take.
#[test]
fn a_login_that_brought_no_tokens_does_not_make_the_secret_its_servers() {
    play(&Knobs::default(), &pre_registered().client_records(), |stage| {
        profiles(stage);
        let elsewhere = |stage: &mut Stage, host| {
            stage.world.knobs.prm_servers = PrmServers::Second;
            stage.user = User::GivesUp;
            let code = stage.call_from(host, LIST).unwrap_err().code();
            stage.world.knobs.prm_servers = PrmServers::One;
            stage.user = User::Consents;
            code
        };
        stage.world.knobs.token_damage = Damage::times(Fault::Status(503), 1);
        assert_eq!(stage.call_from(0, LIST).unwrap_err().code(), "unreachable");
        for host in [0, 1] {
            assert_eq!(elsewhere(stage, host), "foreign_client");
        }
        stage.world.advance(LONG);
        for host in [0, 1] {
            assert_eq!(elsewhere(stage, host), "cancelled", "its page was shown");
        }
        // Tokens make it the server's for good.
        stage.world.advance(LONG);
        assert_eq!(stage.call_from(2, LIST), Ok(200));
        stage.world.advance(LONG);
        for host in [0, 3] {
            assert_eq!(elsewhere(stage, host), "foreign_client");
        }
    });
}

/// Whoever finishes it has not looked before.
#[test]
fn a_login_that_was_handed_out_says_where_the_secret_goes_as_well() {
    play(&Knobs::default(), &pre_registered().client_records(), |stage| {
        stage.user = User::Waits;
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        assert_eq!(stage.run(0), Ok(Event::Page));
        let pending = stage.suspend(0);
        assert_eq!(stage.run(0), Err(Error::LoginRequired));
        stage.user = User::Consents;
        stage.world.knobs.token_damage = Damage::times(Fault::Status(503), 1);
        let host = stage.resume(pending).unwrap();
        assert_eq!(stage.run(host).unwrap_err().code(), "unreachable");
        stage.profiles = vec!["", "", "bo"];
        let other = stage.add_host();
        stage.world.knobs.prm_servers = PrmServers::Second;
        assert_eq!(stage.call_from(other, LIST).unwrap_err().code(), "foreign_client");
    });
}

/// Without records of clients each profile finds out on its own, which the settings warn of.
#[test]
fn without_records_of_clients_each_profile_has_its_own_first_login() {
    let mut stage = Stage::new(&Knobs::default(), &pre_registered(), false);
    sent_elsewhere_as_another(&mut stage);
    assert_eq!(stage.logins(), 1);
}
