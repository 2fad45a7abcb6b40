//! The suite on trial: stores that are sound pass, and each clause is broken by a store that breaks it.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::thread;

use crate::client::storage::{MemoryTokenStorage, SharedStorage, Split, StorageError, nonblocking};
use crate::client::storage_contract::tests::blocking::Hasty;
use crate::client::storage_contract::tests::fault::Fault;
use crate::client::storage_contract::tests::store::{Shared, Store, turns};
use crate::client::storage_contract::{
    CLAUSES, Call, Checked, Stage, Verdict, check, check_clause, sample, side_by_side,
};
use crate::session::{Key, Lock};

mod blocking;
mod fault;
mod leases;
mod list;
mod logins;
mod records;
mod store;

/// A store whose calls take their turns, with a fault or none, in a world where time passes at a word.
struct Tried(Arc<Shared>);

impl Tried {
    fn with(fault: Fault) -> Self {
        Self(Arc::new(Shared::new(fault)))
    }
}

impl Stage for Tried {
    type Store = Store;

    async fn open(&self) -> Result<Store, StorageError> {
        self.0.opened();
        Ok(Store::new(&self.0))
    }

    async fn sleep(&self, _: Duration) {
        turns(20).await;
    }

    async fn pass(&self, _: &Key, _: Lock, time: Duration) -> bool {
        self.0.pass(time);
        true
    }

    async fn restart(&self) -> bool {
        self.0.restarted();
        true
    }

    async fn put(&self, key: &Key, json: &[u8]) -> bool {
        self.0.put(key, json);
        true
    }
}

/// A store that can do nothing but what it has to.
struct Bare<S>(S);

impl<S: nonblocking::TokenStorage + Clone> Stage for Bare<S> {
    type Store = S;

    async fn open(&self) -> Result<S, StorageError> {
        Ok(self.0.clone())
    }

    async fn sleep(&self, time: Duration) {
        thread::sleep(time.min(Duration::from_millis(1)));
    }

    async fn at_once(&self, calls: Vec<Call<'_>>) {
        thread::scope(|scope| {
            for call in calls {
                scope.spawn(|| ready(call));
            }
        });
    }
}

#[test]
fn a_sound_store_keeps_all_clauses() {
    let report = ready(check(&Tried::with(Fault::None)));
    assert!(report.is_kept(), "{report}");
    assert_eq!(report.not_checked().count(), 0, "{report}");
    assert_eq!(report.all().len(), CLAUSES.len());
}

#[test]
fn stores_in_memory_are_sound_as_far_as_can_be_seen() {
    let memory = || SharedStorage::from(MemoryTokenStorage::new());
    for report in [
        ready(check(&Bare(memory()))),
        ready(check(&Bare(Split { records: memory(), leases: memory() }))),
        ready(check(&Bare(SharedStorage::from(Split {
            records: MemoryTokenStorage::new(),
            leases: MemoryTokenStorage::new(),
        })))),
    ] {
        assert!(report.is_kept(), "{report}");
        assert_eq!(
            names(report.not_checked()),
            [
                "a_lease_lasts",
                "a_lease_ends",
                "an_extended_lease_begins_anew",
                "a_lost_lease_cannot_be_extended",
                "a_lost_lease_frees_nothing",
                "a_lost_lease_reserves_nothing",
                "a_reserved_lease_begins_anew",
                "what_is_damaged_is_set_aside",
                "what_is_newer_is_left_alone",
                "a_store_that_was_killed_holds_everything",
                "a_store_that_was_killed_keeps_logins",
            ]
        );
    }
}

#[test]
fn each_fault_breaks_its_clause() {
    let mut broken = BTreeSet::new();
    for (fault, clause) in Fault::ALL {
        let checked = ready(check_clause(&Tried::with(*fault), clause));
        let verdict = checked.map(|it| it.verdict);
        assert!(
            matches!(verdict, Some(Verdict::Broken { .. })),
            "{fault:?}: {clause}: {verdict:?}"
        );
        broken.insert(*clause);
    }
    let all: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name).collect();
    let unbroken: Vec<_> = all.difference(&broken).collect();
    assert!(unbroken.is_empty(), "no fault breaks {unbroken:?}");
}

#[test]
fn a_store_that_blocks_is_seen_to_look_before_it_writes() {
    let stage = Bare(SharedStorage::from(Hasty::default()));
    for clause in [
        "one_of_many_first_saves_is_done",
        "one_of_many_saves_is_done",
        "one_of_many_changes_is_done",
        "one_of_many_takes_a_lock",
    ] {
        let verdict = ready(check_clause(&stage, clause)).map(|it| it.verdict);
        assert!(matches!(verdict, Some(Verdict::Broken { .. })), "{clause}: {verdict:?}");
    }
}

/// A host may hand it to tasks of its runtime.
#[test]
fn a_check_can_be_sent_to_another_thread() {
    let stage = Tried::with(Fault::None);
    let checking: Call<'_> = Box::pin(async { drop(check(&stage).await) });
    drop(checking);
}

#[test]
fn a_store_that_says_nothing_of_what_is_held_is_not_checked() {
    let report = ready(check(&Tried::with(Fault::HeldIsNeverSaid)));
    assert!(report.is_kept(), "{report}");
    assert_eq!(names(report.not_checked()), ["held_is_said_of_what_is_held"]);
}

#[test]
fn a_store_that_keeps_no_logins_is_not_checked() {
    let report = ready(check(&Tried::with(Fault::KeepsNoLogins)));
    assert!(report.is_kept(), "{report}");
    assert_eq!(
        names(report.not_checked()),
        [
            "a_login_is_taken_once",
            "one_of_many_takes_a_login",
            "logins_are_told_apart",
            "a_login_ends",
            "a_store_that_was_killed_keeps_logins",
        ]
    );
}

/// The text has all that is in one, so that a later version that reads it otherwise is noticed here.
#[test]
fn a_login_is_written_as_it_is_in_the_sample() {
    let login = sample::login("PROFILE").expect("well-formed");
    assert_eq!(sample::written(&login), sample::LOGIN);
    assert_eq!(login.expires_at().as_secs(), sample::LOGIN_ENDS);
    assert!(login.connect_url().as_str().starts_with("https://as.example.com/authorize?"));
}

#[test]
fn a_store_that_fails_breaks_every_clause_and_says_why() {
    let report = ready(check(&Tried::with(Fault::Fails)));
    assert_eq!(report.broken().count(), CLAUSES.len(), "{report}");
    let text = alloc::format!("{report}");
    assert!(text.contains("failed: the token store failed: no more"), "{text}");
}

#[test]
fn a_clause_is_tried_alone() {
    let stage = Tried::with(Fault::None);
    for clause in CLAUSES {
        let checked = ready(check_clause(&stage, clause.name)).map(|it| it.verdict);
        assert_eq!(checked, Some(Verdict::Kept), "{}", clause.name);
    }
    assert_eq!(ready(check_clause(&stage, "no_such_clause")), None);
}

#[test]
fn clauses_have_names_of_their_own_and_say_a_sentence() {
    let all: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name).collect();
    assert_eq!(all.len(), CLAUSES.len());
    assert!(CLAUSES.iter().all(|clause| clause.says.ends_with('.')));
}

#[test]
fn calls_are_polled_side_by_side() {
    let order = std::sync::Mutex::new(Vec::new());
    let calls = [1, 2, 3].map(|number| -> Call<'_> {
        let order = &order;
        Box::pin(async move {
            for _ in 0..2 {
                order.lock().expect("nobody has panicked").push(number);
                turns(1).await;
            }
        })
    });
    ready(side_by_side(calls.into()));
    assert_eq!(order.into_inner().expect("nobody has panicked"), [1, 2, 3, 1, 2, 3]);
}

fn names<'r>(checked: impl Iterator<Item = &'r Checked>) -> Vec<&'static str> {
    checked.map(|it| it.clause.name).collect()
}

/// Polls a future until it is done. Nobody is woken here: all of them go on by themselves.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}
