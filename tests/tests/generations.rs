//! The numbers of records: where a store forgets, none comes twice. Each scenario also restarts before
//! every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_tests::drive::{Event, Stage, play, settings};
use oauth_tests::world::{Knobs, Rotation, ScopePolicy};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// Two hosts that have the same token, and whose locks keep nobody out; the refresh token stays.
fn two_hosts(scenario: impl Fn(&mut Stage, usize)) -> Stage {
    let knobs = Knobs { rotation: Rotation::Keep, ..Knobs::default() };
    play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.store.lockless = true;
        scenario(stage, second);
    })
}

/// The first host has refreshed, and is about to save what came of it.
fn refresh_up_to_the_save(stage: &mut Stage) {
    let before = stage.refreshes();
    stage.session_mut(0).renew();
    while stage.refreshes() == before {
        assert_eq!(stage.step(0), Ok(Event::Progress));
    }
}

/// Power was cut after the store had said that the record is durable, and the disk had lied.
#[test]
fn who_works_on_a_write_that_was_lost_replaces_nothing() {
    two_hosts(|stage, second| {
        let before = stage.record().unwrap().to_json();
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
        let lost = stage.record().unwrap().generation();
        refresh_up_to_the_save(stage);
        let key = stage.key();
        stage.store.put(&key, &before);
        // Not the same record as the one that was lost: the clock has gone on.
        stage.world.advance(1);
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        let newer = stage.record();
        assert_ne!(newer.as_ref().unwrap().generation(), lost);
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.record(), newer);
        assert_eq!(stage.session(0).record(), newer.as_ref());
    });
}

/// Within one second, so that the time does not tell them apart.
#[test]
fn who_works_on_a_record_that_was_deleted_and_made_anew_replaces_nothing() {
    two_hosts(|stage, second| {
        refresh_up_to_the_save(stage);
        let key = stage.key();
        stage.store.delete(&key);
        stage.world.knobs.scopes = ScopePolicy::Basic;
        stage.session_mut(second).log_in();
        assert_eq!(stage.obtain(second), Ok(()));
        let newer = stage.record();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.record(), newer);
    });
}

/// Also for hosts whose numbers are floating point.
#[test]
fn numbers_grow_and_stay_below_the_largest_that_is_exact_everywhere() {
    for time in [0, 1, 1_900_000_000, 1 << 40, u64::MAX - 2 * HOUR] {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        stage.world.now = time;
        let mut last = 0;
        for _ in 0..50 {
            stage.session_mut(0).renew();
            assert_eq!(stage.call(LIST), Ok(200), "{time}");
            let generation = stage.record().unwrap().generation();
            assert!(last < generation && generation < 1 << 53, "{time}: {generation}");
            last = generation;
            stage.world.revoke_access_tokens();
        }
    }
}
