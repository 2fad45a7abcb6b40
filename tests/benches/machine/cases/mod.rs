//! The cases, in the order of the table.

mod bound;
mod challenges;
mod hot_path;
mod kept;
mod login;
mod refresh;
mod server_metadata;

use crate::measure::{Cost, Meter, Work};
use crate::table::{Row, Target};

/// One row of the table.
pub(crate) struct Case {
    name: &'static str,
    kind: Kind,
    target: Target,
}

enum Kind {
    /// Something that is done.
    Work(Work),
    /// Something that is held, and the bytes of its own texts.
    Kept(fn() -> Cost, fn() -> usize),
}

pub(crate) fn all() -> Vec<Case> {
    vec![
        Case {
            name: "bearer for a request",
            kind: Kind::Work(hot_path::WORK),
            target: Target { allocations: Some(0), ratio: Some(1.3), ..Target::default() },
        },
        Case {
            name: "proof for a request",
            kind: Kind::Work(bound::WORK),
            target: Target { ratio: Some(1.15), ..Target::default() },
        },
        Case {
            name: "login",
            kind: Kind::Work(login::WORK),
            target: Target { allocations: Some(60), bytes: Some(8 * 1024), ratio: Some(1.5) },
        },
        Case {
            name: "refresh",
            kind: Kind::Work(refresh::WORK),
            target: Target { allocations: Some(8), bytes: Some(2 * 1024), ratio: Some(1.3) },
        },
        Case {
            name: "five challenges",
            kind: Kind::Work(challenges::TOKENIZED),
            target: Target { allocations: Some(0), ratio: Some(1.5), ..Target::default() },
        },
        Case {
            name: "… and all their parameters",
            kind: Kind::Work(challenges::WITH_PARAMS),
            target: Target::default(),
        },
        Case {
            name: "… and the one that counts kept",
            kind: Kind::Work(challenges::SELECTED),
            target: Target::default(),
        },
        Case {
            name: "server metadata",
            kind: Kind::Work(server_metadata::WORK),
            target: Target { allocations: Some(20), ratio: Some(1.5), ..Target::default() },
        },
        Case {
            name: "heap of a pending login",
            kind: Kind::Kept(kept::pending_logins, kept::texts_of_a_pending_login),
            target: Target { bytes: Some(600), ..Target::default() },
        },
        Case {
            name: "heap of an idle session",
            kind: Kind::Kept(kept::idle_sessions, kept::texts_of_an_idle_session),
            target: Target { ratio: Some(1.25), ..Target::default() },
        },
    ]
}

/// What the case with this name does, if it does something.
pub(crate) fn work(name: &str) -> Option<Work> {
    match all().into_iter().find(|case| case.name == name)?.kind {
        Kind::Work(work) => Some(work),
        Kind::Kept(..) => None,
    }
}

impl Case {
    pub(crate) fn measure(&self, meter: Meter) -> Row {
        let [machine, bare] = match &self.kind {
            Kind::Work(work) => meter.measure(self.name, *work),
            Kind::Kept(held, texts) => [held(), texts_alone(texts())],
        };
        Row { name: self.name, machine, bare, target: self.target }
    }

    /// Does it once, to see that it works.
    pub(crate) fn once(&self) {
        match &self.kind {
            Kind::Work(work) => {
                for side in [work.machine, work.bare] {
                    side(1)(1);
                }
            }
            Kind::Kept(held, texts) => assert!(held().bytes as usize >= texts(), "{}", self.name),
        }
    }
}

fn texts_alone(bytes: usize) -> Cost {
    Cost { effort: None, allocations: None, bytes: bytes as u64 }
}
