//! The cases, in the order of the table.

mod bound;
mod challenges;
#[expect(dead_code, reason = "crowds are met beside other clients")]
mod clients;
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
    all.extend(of_handles());
    all.extend(documents());
    all.extend(heaps());
    all
}

/// What is there already.
fn at_rest() -> [Case; 5] {
    let header = NONE.instructions(125).allocations(0).bytes(0).ratio(1.3);
    [
        work("bearer for a request", hot_path::WORK, NONE.instructions(15).allocations(0)),
        work("header from a handle, tokio", handles::TOKIO, header),
        work("header from a handle, tokio, fixed token", handles::TOKIO_FIXED, header),
        work("header from a handle, blocking", handles::BLOCKING, header),
        work("proof for a request", bound::WORK, NONE.ratio(1.15)),
    ]
}

/// What servers are asked for.
fn exchanges() -> [Case; 8] {
    let flow = NONE.allocations(60).bytes(8 * 1024).ratio(1.5);
    let login = NONE.instructions(115_000).allocations(70);
    let in_http_types = NONE.instructions(135_000).allocations(100);
    let refresh = NONE.instructions(17_500).allocations(14);
    [
        work("login, flow alone", login::FLOW, flow),
        work("login, token of 120", login::SESSION, login),
        work("login, token of 900", login::LONG, login),
        work("login, token of 900, types of http", login::HTTP, in_http_types),
        work("refresh, token of 120", refresh::SHORT, refresh),
        work("refresh, token of 900", refresh::LONG, refresh),
        work("refresh, token of 900, store in memory", refresh::IN_MEMORY, refresh),
        work("refresh, token of 900, types of http", refresh::HTTP, NONE),
    ]
}

/// The same as users run it: all that is in the adapters but the sockets.
fn of_handles() -> [Case; 4] {
    let login = |work| Work { bare: login::HTTP.bare, ..work };
    let refresh = |work| Work { bare: refresh::HTTP.bare, ..work };
    [
        work("login through a handle, blocking", login(clients::LOGIN_ON_THREADS), NONE),
        work("login through a handle, tokio", login(clients::LOGIN_ON_TOKIO), NONE),
        work("refresh through a handle, blocking", refresh(clients::REFRESH_ON_THREADS), NONE),
        work("refresh through a handle, tokio", refresh(clients::REFRESH_ON_TOKIO), NONE),
    ]
}

/// What is read.
fn documents() -> [Case; 4] {
    let challenges = NONE.allocations(0).ratio(1.5);
    let metadata = NONE.allocations(20).ratio(1.5);
    [
        work("five challenges", challenges::TOKENIZED, challenges),
        work("… and all their parameters", challenges::WITH_PARAMS, NONE),
        work("… and the one that counts kept", challenges::SELECTED, NONE),
        work("server metadata of 3 KB", server_metadata::WORK, metadata),
    ]
}

/// What is held.
fn heaps() -> [Case; 9] {
    let texts = || texts_with_an_access_token_of(LONG_JWT);
    let more_texts = || texts_with_an_access_token_of(LONG_JWT) + handles::ID_TOKEN;
    let handle = NONE.allocations(12).bytes(2_000);
    let with_id_token = NONE.bytes(3_100);
    [
        kept(
            "heap of a login that waits, flow",
            kept::waiting_flows,
            kept::texts_of_a_waiting_login,
            NONE.allocations(6).bytes(600),
        ),
        kept(
            "heap of a login that waits, session",
            kept::waiting_sessions,
            kept::texts_of_a_waiting_login,
            NONE.allocations(10).bytes(900),
        ),
        kept(
            "heap of an idle session",
            || kept::idle_sessions(COUNT),
            || texts_with_an_access_token_of(JWT),
            NONE.ratio(1.25),
        ),
        kept(
            "heap of an idle handle, tokio",
            || handles::idle_in_tokio(COUNT, handles::tokens()),
            texts,
            handle,
        ),
        kept(
            "… with an id_token of 1,000",
            || handles::idle_in_tokio(COUNT, handles::tokens_with_id_token()),
            more_texts,
            with_id_token,
        ),
        kept(
            "… kept in Profiles",
            || handles::idle_in_profiles(COUNT, handles::tokens()),
            texts,
            NONE,
        ),
        kept(
            "heap of an idle handle, blocking",
            || handles::idle_in_blocking(COUNT, handles::tokens()),
            texts,
            handle,
        ),
        kept(
            "… blocking, with an id_token of 1,000",
            || handles::idle_in_blocking(COUNT, handles::tokens_with_id_token()),
            more_texts,
            with_id_token,
        ),
        kept(
            "heap of a session after 64 KB of lists",
            kept::sessions_with_lists,
            || kept::LISTS,
            NONE.ratio(2.0),
        ),
    ]
}

const NONE: Target = Target::NONE;

fn work(name: &'static str, work: Work, target: Target) -> Case {
    Case { name, kind: Kind::Work(work), target }
}

fn kept(name: &'static str, held: fn() -> Cost, texts: fn() -> usize, target: Target) -> Case {
    Case { name, kind: Kind::Kept(held, texts), target }
}

/// What the case with this name does, if it does something.
pub(crate) fn work_of(name: &str) -> Option<Work> {
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
