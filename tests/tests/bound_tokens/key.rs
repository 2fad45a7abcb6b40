//! The key: made for a login, or the host's own; and what becomes of tokens whose key is gone.

use oauth_core::keys::{DpopKey, PublicJwk};
use oauth_core::session::{LoginReason, Turn};
use oauth_tests::drive::{Event, User};
use oauth_tests::world::Key;

use super::*;

/// The public half of a key that the host keeps.
fn own(number: u8) -> DpopKey {
    DpopKey::new(PublicJwk::parse(&Key::p256(number).jwk().to_string()).expect("a key"))
}

#[test]
fn the_hosts_own_key_is_used_and_only_its_public_half_is_stored() {
    let knobs = Knobs::bound();
    let stage = play(&knobs, &settings().dpop_key(own(1)), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.restart();
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), stage.gifts.keys), ([1, 1, 1], 0));
    assert_eq!(thumbprint(&stage), Some(own(1).thumbprint()));
    assert!(stage.store.written.iter().all(|it| !it.contains("\"secret\"")), "nothing private");
}

#[test]
fn a_key_of_the_host_that_is_gone_is_a_login_and_no_loop() {
    // The host has none any more, or another one.
    for now in [settings(), settings().dpop_key(own(2))] {
        let stage = play(&Knobs::bound(), &settings().dpop_key(own(1)), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            stage.forget_log();
            stage.restart_with(now.clone());
            stage.gifts.key = Key::p256(2);
            stage.user = User::Absent;
            assert!(stage.call(LIST).expect_err("nobody is there").code() == "login_required");
            stage.user = User::Consents;
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(asked(&stage), [1, 1, 0]);
    }
}

#[test]
fn a_key_that_is_stored_with_the_tokens_goes_on_when_the_host_brings_one() {
    let knobs = Knobs::bound();
    let stage = play_later(&knobs, &settings(), |stage| {
        let before = thumbprint(stage);
        stage.restart_with(settings().dpop_key(own(1)));
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(thumbprint(stage), before);
    });
    assert_eq!(asked(&stage), [0, 0, 1]);
}

#[test]
fn what_was_stolen_without_the_hosts_key_is_of_no_use() {
    let stage = play(&Knobs::bound(), &settings().dpop_key(own(1)), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let record = stage.record().expect("it is stored");
    let mut thief = Stage::new(&Knobs::bound(), &settings(), false);
    let key = thief.key();
    thief.store.put(&key, &record.to_json());
    thief.user = User::Absent;
    assert!(thief.call(LIST).expect_err("a login").code() == "login_required");
    assert_eq!(thief.world.token_requests(), 0);
}

#[test]
fn a_host_that_cannot_sign_a_refresh_keeps_the_grant() {
    let knobs = Knobs::bound();
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.advance(knobs.access_lifetime);
        stage.gifts.failures.push_back("the chip is asleep");
        let error = stage.call(LIST).expect_err("no signature");
        assert_eq!(error.code(), "no_signature", "{error}");
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [0, 0, 1]);
}

/// Breaks the key that is stored with the tokens.
pub(crate) fn damage_key(stage: &mut Stage) {
    let key = stage.session(0).key("");
    let record = stage.record().expect("tokens").to_json();
    let damaged = record.replacen("\"secret\":\"101\"", "\"secret\":\"1O1\"", 1);
    assert_ne!(damaged, record, "it is stored there");
    stage.store.put(&key, &damaged);
    stage.restart();
}

#[test]
fn a_stored_key_that_cannot_be_read_is_a_login_that_says_so() {
    let lifetime = Knobs::bound().access_lifetime;
    for waits in [0, lifetime] {
        let stage = play(&Knobs::bound(), &settings(), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            stage.forget_log();
            let before = thumbprint(stage);
            damage_key(stage);
            stage.world.advance(waits);
            assert_eq!(stage.run(0), Ok(Event::Login));
            let Ok(Turn::Login(reply)) = stage.session_mut(0).turn() else { panic!("no login") };
            assert_eq!(reply.reason(), LoginReason::KeyGone);
            assert_eq!(stage.call(LIST), Ok(200));
            assert_ne!(thumbprint(stage), before, "the login has made a new one");
            stage.world.advance(lifetime);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((asked(&stage), stage.gifts.keys), ([1, 1, 1], 2));
    }
}
