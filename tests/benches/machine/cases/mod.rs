//! The cases, in the order of the table.

mod bound;
mod challenges;
pub(crate) mod growth;
pub(crate) mod handles;
mod hot_path;
pub(crate) mod kept;
mod login;
mod login_by_hand;
mod refresh;
mod server_metadata;

use self::kept::{COUNT, texts_with_an_access_token_of};
use crate::counts::Counts;
use crate::documents::{JWT, LONG_JWT};
use crate::measure::{Cost, Meter, Work, heap, instructions_by_machine};
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
    let mut all = Vec::new();
    all.extend(at_rest());
    all.extend(exchanges());
    all.extend(documents());
    all.extend(heaps());
    all
}

/// What is there already.
fn at_rest() -> Vec<Case> {
    vec![
        Case {
            name: "bearer for a request",
            kind: Kind::Work(hot_path::WORK),
            target: Target { instructions: Some(15), allocations: Some(0), ..Target::default() },
        },
        Case {
            name: "header from a handle, tokio",
            kind: Kind::Work(handles::TOKIO),
            target: Target {
                instructions: Some(125),
                allocations: Some(0),
                bytes: Some(0),
                ratio: Some(1.3),
            },
        },
        Case {
            name: "header from a handle, tokio, fixed token",
            kind: Kind::Work(handles::TOKIO_FIXED),
            target: Target {
                instructions: Some(125),
                allocations: Some(0),
                bytes: Some(0),
                ratio: Some(1.3),
            },
        },
        Case {
            name: "header from a handle, blocking",
            kind: Kind::Work(handles::BLOCKING),
            target: Target {
                instructions: Some(125),
                allocations: Some(0),
                bytes: Some(0),
                ratio: Some(1.3),
            },
        },
        Case {
            name: "proof for a request",
            kind: Kind::Work(bound::WORK),
            target: Target { ratio: Some(1.15), ..Target::default() },
        },
    ]
}

/// What servers are asked for.
fn exchanges() -> Vec<Case> {
    vec![
        Case {
            name: "login, flow alone",
            kind: Kind::Work(login::FLOW),
            target: Target {
                allocations: Some(60),
                bytes: Some(8 * 1024),
                ratio: Some(1.5),
                ..Target::default()
            },
        },
        Case {
            name: "login, token of 120",
            kind: Kind::Work(login::SESSION),
            target: Target {
                instructions: Some(115_000),
                allocations: Some(70),
                ..Target::default()
            },
        },
        Case {
            name: "login, token of 900",
            kind: Kind::Work(login::LONG),
            target: Target {
                instructions: Some(115_000),
                allocations: Some(70),
                ..Target::default()
            },
        },
        Case {
            name: "login, token of 900, types of http",
            kind: Kind::Work(login::HTTP),
            target: Target {
                instructions: Some(135_000),
                allocations: Some(100),
                ..Target::default()
            },
        },
        Case {
            name: "refresh, token of 120",
            kind: Kind::Work(refresh::SHORT),
            target: Target {
                instructions: Some(17_500),
                allocations: Some(14),
                ..Target::default()
            },
        },
        Case {
            name: "refresh, token of 900",
            kind: Kind::Work(refresh::LONG),
            target: Target {
                instructions: Some(17_500),
                allocations: Some(14),
                ..Target::default()
            },
        },
        Case {
            name: "refresh, token of 900, types of http",
            kind: Kind::Work(refresh::HTTP),
            target: Target::default(),
        },
    ]
}

/// What is read.
fn documents() -> Vec<Case> {
    vec![
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
            name: "server metadata of 3 KB",
            kind: Kind::Work(server_metadata::WORK),
            target: Target { allocations: Some(20), ratio: Some(1.5), ..Target::default() },
        },
    ]
}

/// What is held.
fn heaps() -> Vec<Case> {
    vec![
        Case {
            name: "heap of a login that waits, flow",
            kind: Kind::Kept(kept::waiting_flows, kept::texts_of_a_waiting_login),
            target: Target { allocations: Some(6), bytes: Some(600), ..Target::default() },
        },
        Case {
            name: "heap of a login that waits, session",
            kind: Kind::Kept(kept::waiting_sessions, kept::texts_of_a_waiting_login),
            target: Target { allocations: Some(10), bytes: Some(900), ..Target::default() },
        },
        Case {
            name: "heap of an idle session",
            kind: Kind::Kept(|| kept::idle_sessions(COUNT), || texts_with_an_access_token_of(JWT)),
            target: Target { ratio: Some(1.25), ..Target::default() },
        },
        Case {
            name: "heap of an idle handle, tokio",
            kind: Kind::Kept(
                || handles::idle_in_tokio(COUNT, handles::tokens()),
                || texts_with_an_access_token_of(LONG_JWT),
            ),
            target: Target { allocations: Some(12), bytes: Some(2_000), ..Target::default() },
        },
        Case {
            name: "… with an id_token of 1,000",
            kind: Kind::Kept(
                || handles::idle_in_tokio(COUNT, handles::tokens_with_id_token()),
                || texts_with_an_access_token_of(LONG_JWT) + handles::ID_TOKEN,
            ),
            target: Target { bytes: Some(3_100), ..Target::default() },
        },
        Case {
            name: "… kept in Profiles",
            kind: Kind::Kept(
                || handles::idle_in_profiles(COUNT, handles::tokens()),
                || texts_with_an_access_token_of(LONG_JWT),
            ),
            target: Target::default(),
        },
        Case {
            name: "heap of an idle handle, blocking",
            kind: Kind::Kept(
                || handles::idle_in_blocking(COUNT, handles::tokens()),
                || texts_with_an_access_token_of(LONG_JWT),
            ),
            target: Target { allocations: Some(12), bytes: Some(2_000), ..Target::default() },
        },
        Case {
            name: "… blocking, with an id_token of 1,000",
            kind: Kind::Kept(
                || handles::idle_in_blocking(COUNT, handles::tokens_with_id_token()),
                || texts_with_an_access_token_of(LONG_JWT) + handles::ID_TOKEN,
            ),
            target: Target { bytes: Some(3_100), ..Target::default() },
        },
        Case {
            name: "heap of a session after 64 KB of lists",
            kind: Kind::Kept(kept::sessions_with_lists, || kept::LISTS),
            target: Target { ratio: Some(2.0), ..Target::default() },
        },
    ]
}

/// What the case with this name does, if it does something.
pub(crate) fn work(name: &str) -> Option<Work> {
    match all().into_iter().find(|case| case.name == name).map(|case| case.kind) {
        Some(Kind::Work(work)) => Some(work),
        Some(Kind::Kept(..)) => None,
        None => growth::work(name),
    }
}

/// All cases, measured on both sides.
pub(crate) fn rows(meter: Meter) -> Vec<Row> {
    let all = all();
    let mut efforts = meter.efforts(&works(&all)).into_iter();
    let row = |case: &Case| {
        let Case { name, target, .. } = *case;
        let [machine, bare] = match &case.kind {
            Kind::Work(work) => {
                let sides = [work.machine, work.bare].map(|side| heap(side, work.operations));
                let mut efforts = efforts.next().unwrap_or_default().into_iter();
                sides.map(|cost| Cost { effort: efforts.next().flatten(), ..cost })
            }
            Kind::Kept(held, texts) => [held(), texts_alone(texts())],
        };
        Row { name, machine, bare, target }
    };
    all.iter().map(row).collect()
}

/// What all cases cost, for the guard.
///
/// # Errors
///
/// Which of them valgrind did not count.
pub(crate) fn counts() -> Result<Vec<Counts>, String> {
    let all = all();
    let mut counted = instructions_by_machine(&works(&all)).into_iter();
    let counts = |case: &Case| {
        let (cost, instructions) = match &case.kind {
            Kind::Work(work) => {
                let instructions = counted.next().flatten();
                instructions.ok_or_else(|| format!("valgrind did not count \"{}\"", case.name))?;
                (heap(work.machine, work.operations), instructions)
            }
            Kind::Kept(held, _) => (held(), None),
        };
        let Cost { allocations, bytes, .. } = cost;
        Ok(Counts { name: case.name.into(), instructions, allocations, bytes })
    };
    all.iter().map(counts).collect()
}

/// The cases that do something, under their names.
fn works(cases: &[Case]) -> Vec<(&'static str, Work)> {
    let work = |case: &Case| match case.kind {
        Kind::Work(work) => Some((case.name, work)),
        Kind::Kept(..) => None,
    };
    cases.iter().filter_map(work).collect()
}

impl Case {
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
