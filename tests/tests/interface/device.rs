//! Logins on another device: the host shows a code, and says how late it is.

use oauth_interface::Function;
use oauth_tests::drive::{SERVER_URL, assert_sound};
use oauth_tests::world::{DeviceUser, Grant, Knobs, What};
use serde_json::{Value, json};

use crate::host::{Host, NOW};

pub(crate) fn settings() -> Value {
    json!({ "server_url": SERVER_URL, "grant": "device_code" })
}

pub(crate) fn knobs() -> Knobs {
    Knobs { device_user: DeviceUser::ApprovesAfter(12), ..Knobs::devices() }
}

fn host() -> Host {
    Host::new(&knobs())
}

/// Drives until there is such a turn.
fn stop_at(host: &mut Host, session: u32, name: &str) -> Value {
    host.call(Function::LogIn, session, json!({}), b"");
    loop {
        let turn = host.turn(session);
        if turn["turn"] == name {
            return turn;
        }
        host.answer(session);
    }
}

#[test]
fn a_host_shows_a_code_and_waits() {
    let mut host = host();
    let session = host.open(&settings());
    let turn = stop_at(&mut host, session, "device");
    let page = "https://auth.example.com/device";
    let expected = json!({
        "turn": "device", "url": page, "complete_url": format!("{page}?user_code=WDJB-0001"),
        "code": "WDJB-0001", "expires_at": NOW + 300, "moved_from": null,
    });
    assert_eq!(turn, expected);
    host.call(Function::Shown, session, json!({ "now": NOW }), b"");
    let waits = json!({ "turn": "wait", "until": NOW + 5 });
    assert_eq!(host.turn(session), waits);
    host.call(Function::Waited, session, json!({ "now": NOW + 4 }), b"");
    assert_eq!(host.turn(session), waits, "it is too early");
    assert_eq!(host.refused(Function::Shown, session, json!({ "now": NOW }), b""), "out_of_turn");
    assert_eq!(host.fetch(session), 200);
    assert_eq!(host.world.count(What::Token(Grant::Device)), 3);
    assert_sound(&host.world);
}

#[test]
fn a_user_gives_up() {
    for at in ["device", "wait"] {
        let mut host = host();
        let session = host.open(&settings());
        stop_at(&mut host, session, at);
        host.call(Function::Cancelled, session, json!({}), b"");
        while host.turn_or_code(session) != "cancelled" {
            host.answer(session);
        }
        assert_eq!(host.fetch(session), 200, "and wants it after all");
    }
}

/// A host that can show a code beside the page asks for one, and answers for whoever is back first.
#[test]
fn a_code_stands_beside_the_page() {
    for in_browser in [false, true] {
        let mut host = host();
        let settings = json!({ "server_url": SERVER_URL, "grant": "authorization_or_device_code" });
        let session = host.open(&settings);
        let offered = stop_at(&mut host, session, "browser");
        assert_eq!((&offered["offers_code"], offered.get("device")), (&json!(true), None));
        assert_eq!(
            host.refused(Function::Waited, session, json!({ "now": NOW }), b""),
            "out_of_turn"
        );
        host.call(Function::AskForCode, session, json!({ "now": NOW }), b"");
        while host.turn(session)["turn"] != "browser" {
            host.answer(session);
        }
        let turn = host.turn(session);
        let page = "https://auth.example.com/device";
        let device = json!({
            "url": page, "complete_url": format!("{page}?user_code=WDJB-0001"),
            "code": "WDJB-0001", "expires_at": NOW + 300,
        });
        assert_eq!((&turn["device"], &turn["until"]), (&device, &json!(NOW + 5)));
        assert_eq!((&turn["url"], turn.get("offers_code")), (&offered["url"], None));
        let again = host.refused(Function::AskForCode, session, json!({ "now": NOW }), b"");
        assert_eq!(again, "out_of_turn");
        host.call(Function::Waited, session, json!({ "now": NOW + 4 }), b"");
        assert_eq!(host.turn(session), turn, "it is too early");
        while !in_browser && host.world.count(What::Token(Grant::Device)) < 3 {
            match host.turn(session)["until"].as_u64() {
                Some(until) => {
                    host.world.advance(until - host.world.now);
                    host.call(Function::Waited, session, json!({ "now": until }), b"");
                }
                None => host.answer(session),
            }
        }
        assert_eq!(host.fetch(session), 200);
        let world = &host.world;
        let polls = if in_browser { 0 } else { 3 };
        assert_eq!(world.count(What::Token(Grant::Device)), polls);
        assert_eq!(world.count(What::Authorize), usize::from(in_browser));
        assert_sound(world);
    }
}
