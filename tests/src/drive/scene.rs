//! Scenarios: who acts in them, and how they are run.

use oauth_core::flow::Settings;
use oauth_core::session::{Lock, LoggedOut};

use super::assert_sound;
use super::stage::Stage;
use crate::world::Knobs;

/// Runs a scenario without and with restarts.
///
/// # Panics
///
/// The runs differ, or a rule was broken.
pub fn play(knobs: &Knobs, settings: &Settings, scenario: impl Fn(&mut Stage)) -> Stage {
    let run = |restart| {
        let mut stage = Stage::new(knobs, settings, restart);
        scenario(&mut stage);
        stage
    };
    let (stage, restarted) = (run(false), run(true));
    assert_eq!(
        format!("{:?}", restarted.world.log),
        format!("{:?}", stage.world.log),
        "the requests of a session that restarts before each turn"
    );
    assert_eq!(restarted.calls, stage.calls);
    assert_eq!(restarted.store.written, stage.store.written);
    assert_eq!(restarted.refused_redirects, stage.refused_redirects);
    assert_sound(&stage.world);
    assert_eq!(stage.store.held_by(0), [], "locks left behind");
    stage
}

/// The same after a first login, which takes five requests that are not counted.
///
/// # Panics
///
/// As [`play`], or the login fails.
pub fn play_later(knobs: &Knobs, settings: &Settings, scenario: impl Fn(&mut Stage)) -> Stage {
    play(knobs, settings, |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.forget_log();
        scenario(stage);
    })
}

/// What a person does who is sent to a login page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// Goes there, and decides as the world's knob says.
    Consents,
    /// Goes there after redirects with these queries have come in.
    ConsentsAfter(Vec<String>),
    /// Goes there when it is that late. Until then they may consent on another device.
    ReturnsAt(u64),
    /// Closes the window.
    GivesUp,
    /// Does nothing: the driver stops at the page.
    Waits,
    /// Cannot be asked: the driver stops before a login begins.
    Absent,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is more to do.
    Progress,
    /// Another host has the lock.
    Blocked(Lock),
    /// The store failed, and the session needs it.
    Broken,
    /// A login is needed.
    Login,
    /// The page is open.
    Page,
    /// There is a token.
    Ready,
    /// The user is logged out.
    LoggedOut(LoggedOut),
}
