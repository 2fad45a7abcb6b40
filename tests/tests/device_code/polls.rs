//! The user takes their time: when and how often the server is asked.

use oauth_core::session::Session;
use oauth_tests::drive::{Event, play};
use oauth_tests::world::{Damage, Fault, TokenForm};

use super::*;

#[test]
fn a_user_consents_on_another_device() {
    let stage = play(&consents_after(20), &on_device(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    // After 5, 10, 15 and 20 seconds.
    assert_eq!(asked(&stage), (1, 4));
    let [page] = &*stage.pages else { panic!("{:?}", stage.pages) };
    assert_eq!(&*page.user_code, "WDJB-0001");
    assert_eq!(page.verification_uri.as_str(), "https://auth.example.com/device");
    let words = page.to_string();
    assert!(words.contains("https://auth.example.com/device") && words.contains("WDJB-0001"));
    let record = stage.record().expect("a record");
    assert_eq!(record.binding().grant(), GrantKind::DeviceCode);
    assert!(stage.refresh_token().is_some());
    let words = stage.session(0).timeline().to_string();
    assert_eq!(words.matches("asking again later").count(), 1, "{words}");
}

#[test]
fn the_code_says_how_often() {
    for (interval, polls) in [(None, 8), (Some(1), 40), (Some(30), 2), (Some(60), 1)] {
        let knobs = Knobs { device_interval: interval, ..consents_after(40) };
        let stage = play(&knobs, &on_device(), |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!(asked(&stage), (1, polls), "{interval:?}");
    }
}

/// The world blames whoever comes sooner than it has said.
#[test]
fn a_server_that_is_asked_too_often_is_asked_less_from_then_on() {
    let token_form = Damage::times(TokenForm::Refuse("slow_down".into()), 2);
    let stage = play(&Knobs { token_form, ..consents_after(40) }, &on_device(), |stage| {
        let begun = stage.now().as_secs();
        assert_eq!(stage.call("tools/list"), Ok(200));
        // After 5, 15, 30 and 45 seconds.
        assert_eq!(stage.now().as_secs() - begun, 45);
    });
    assert_eq!(asked(&stage), (1, 4));
}

#[test]
fn answers_that_are_lost_double_the_time_between_two_polls() {
    for fault in [Fault::Status(503), Fault::TooMany { retry_after: 3 }] {
        let token_damage = Damage::times(fault, 2);
        let stage = play(&Knobs { token_damage, ..consents_after(1) }, &on_device(), |stage| {
            let begun = stage.now().as_secs();
            assert_eq!(stage.call("tools/list"), Ok(200));
            // After 5, 15 and 35 seconds.
            assert_eq!(stage.now().as_secs() - begun, 35);
        });
        assert_eq!(asked(&stage), (1, 3));
    }
    let token_damage = Damage::times(Fault::TooMany { retry_after: 100 }, 1);
    let stage = play(&Knobs { token_damage, ..consents_after(1) }, &on_device(), |stage| {
        let begun = stage.now().as_secs();
        assert_eq!(stage.call("tools/list"), Ok(200));
        assert_eq!(stage.now().as_secs() - begun, 105);
    });
    assert_eq!(asked(&stage), (1, 2));
}

#[test]
fn a_network_that_is_gone_is_waited_for_until_the_code_is_of_no_use() {
    let knobs = consents_after(1);
    let stage = play(&knobs, &on_device(), |stage| {
        stage.network.silent = Some(oauth_core::Endpoint::Token);
        let begun = stage.now().as_secs();
        let error = stage.call("tools/list").expect_err("nobody answers");
        assert_eq!(error.code(), "login_expired");
        assert_eq!(stage.now().as_secs() - begun, knobs.device_lifetime);
    });
    assert_eq!(asked(&stage), (1, 0));
}

/// It is in the machine, which is a secret itself, and nowhere else.
#[test]
fn what_tokens_are_got_with_is_shown_to_nobody() {
    let mut stage = Stage::new(&consents_after(12), &on_device(), false);
    stage.session_mut(0).log_in();
    assert_eq!(stage.run(0), Ok(Event::Login));
    stage.begin(0);
    let mut is_held = false;
    while stage.step(0) != Ok(Event::Ready) {
        let session = stage.session(0);
        is_held |= kept(session).contains("dc-1-");
        let texts = [format!("{session:?}"), session.timeline().to_string()];
        for text in
            texts.into_iter().chain(stage.pages.iter().map(|page| format!("{page:?} {page}")))
        {
            assert!(!text.contains("dc-1-"), "{text}");
        }
    }
    assert!(is_held);
    assert!(!kept(stage.session(0)).contains("dc-1-"), "it is spent");
    assert!(stage.store.written.iter().all(|record| !record.contains("dc-1-")));
}

fn kept(session: &Session) -> String {
    serde_json::to_string(session).expect("a session can be stored")
}
