//! What is measured, and by whom.

use crate::crowd::{self, Crowd, TASKS};
use crate::lines::grouped;
use crate::measure::{Cost, Work, heap, instructions_by_machine};
use crate::programs::{self, Program};
use crate::table::{Column, Row, Unit};
use crate::{clients, handles, login, oauth2, refresh, rmcp};

use Column::{Blocking, ByHand, Core, OAuth2, Rmcp, Tokio};

/// Something that is done.
struct Done {
    name: &'static str,
    by: Vec<(Column, Work)>,
}

fn done() -> [Done; 4] {
    let by_hand = |work: Work| Work { machine: work.bare, ..work };
    [
        Done {
            name: "login, from the 401 to the header",
            by: vec![
                (Core, login::HTTP),
                (Blocking, clients::LOGIN_ON_THREADS),
                (Tokio, clients::LOGIN_ON_TOKIO),
                (Rmcp, rmcp::LOGIN),
                (ByHand, by_hand(login::HTTP)),
            ],
        },
        Done {
            name: "login, endpoints and client known",
            by: vec![
                (Blocking, clients::EXCHANGE_ON_THREADS),
                (Tokio, clients::EXCHANGE_ON_TOKIO),
                (Rmcp, rmcp::EXCHANGE),
                (OAuth2, oauth2::EXCHANGE),
            ],
        },
        Done {
            name: "refresh, store in memory",
            by: vec![
                (Core, refresh::HTTP),
                (Blocking, clients::REFRESH_ON_THREADS),
                (Tokio, clients::REFRESH_ON_TOKIO),
                (Rmcp, rmcp::REFRESH),
                (OAuth2, oauth2::REFRESH),
                (ByHand, by_hand(refresh::HTTP)),
            ],
        },
        Done {
            name: "header from a handle",
            by: vec![
                (Blocking, handles::BLOCKING),
                (Tokio, handles::TOKIO),
                (Rmcp, rmcp::HEADER),
                (ByHand, by_hand(handles::TOKIO)),
            ],
        },
    ]
}

/// Who does what, under one name.
fn works() -> Vec<(String, Work)> {
    let named = |done: Done| {
        done.by.into_iter().map(move |(by, work)| (format!("{}: {}", done.name, by.name()), work))
    };
    done().into_iter().flat_map(named).collect()
}

/// The work with this name.
pub(crate) fn work_of(name: &str) -> Option<Work> {
    works().into_iter().find(|(other, _)| other == name).map(|(_, work)| work)
}

/// Does everything once that needs no other program, to see that it works.
pub(crate) fn once() {
    for (_, work) in works() {
        (work.machine)(1)(1);
    }
    for held in [handles_on_tokio, rmcp::idle, oauth2::idle] {
        assert!(held(1).bytes > 0);
    }
    let crowds = [crowd::ours(), crowd::rmcp_client(), crowd::rmcp_manager()];
    assert!(crowds.iter().all(|crowd| crowd.requests > 0));
}

/// All rows.
///
/// # Errors
///
/// What could not be counted or built.
pub(crate) fn rows() -> Result<Vec<Row>, String> {
    let mut rows = efforts()?;
    rows.extend(crowds());
    rows.push(memory());
    rows.extend(crates()?);
    rows.extend(sizes()?);
    Ok(rows)
}

/// Those of them that are counted at once, and alike everywhere.
///
/// # Errors
///
/// That cargo does not say what is compiled.
pub(crate) fn cheap_rows() -> Result<Vec<Row>, String> {
    let mut rows = crowds();
    rows.extend(crates()?);
    Ok(rows)
}

fn efforts() -> Result<Vec<Row>, String> {
    let works = works();
    let named: Vec<_> = works.iter().map(|(name, work)| (name.as_str(), *work)).collect();
    let mut counted = instructions_by_machine(&named).into_iter();
    let row = |done: Done| {
        let mut row = Row::new(done.name, Unit::Effort);
        for (by, work) in done.by {
            let instructions = counted.next().flatten();
            let instructions = instructions.ok_or("without valgrind nobody counts instructions")?;
            let allocations = heap(work.machine, work.operations).allocations.unwrap_or(0);
            row.set(by, [instructions, allocations]);
        }
        Ok(row)
    };
    done().into_iter().map(row).collect()
}

fn crowds() -> Vec<Row> {
    let counts = |crowd: Crowd| [crowd.requests as u64, crowd.failed as u64];
    let mut crowds = Row::new(&format!("{} tasks at expiry", grouped(TASKS as u64)), Unit::Crowd);
    crowds.set(Tokio, counts(crowd::ours()));
    crowds.set(Rmcp, counts(crowd::rmcp_client()));
    let mut apart = Row::new("… sharing the manager itself", Unit::Crowd);
    apart.set(Rmcp, counts(crowd::rmcp_manager()));
    vec![crowds, apart]
}

fn memory() -> Row {
    let mut row = Row::new("idle handle, token of 900 bytes", Unit::Memory);
    let held = |cost: Cost| [cost.bytes, cost.allocations.unwrap_or(0)];
    row.set(Blocking, held(handles::idle_in_blocking(HANDLES, handles::tokens())));
    row.set(Tokio, held(handles_on_tokio(HANDLES)));
    row.set(Rmcp, held(rmcp::idle(HANDLES)));
    row.set(OAuth2, held(oauth2::idle(HANDLES)));
    row
}

fn handles_on_tokio(count: usize) -> Cost {
    handles::idle_in_tokio(count, handles::tokens())
}

fn crates() -> Result<Vec<Row>, String> {
    let mut rows = of_programs("crates", Unit::Crates, |program| programs::crates(program, false))?;
    let mut alone = Row::new("crates, no HTTP client", Unit::Crates);
    programs::crates_alone()?.into_iter().for_each(|(by, count)| alone.set_one(by, count));
    rows.push(alone);
    let usual = |program: &Program| programs::crates(program, true);
    rows.extend(of_programs("crates with default features", Unit::Crates, usual)?);
    Ok(rows)
}

fn sizes() -> Result<Vec<Row>, String> {
    of_programs("program that logs in", Unit::Bytes, programs::size)
}

/// A row for each HTTP client.
fn of_programs(
    what: &'static str,
    unit: Unit,
    count: impl Fn(&Program) -> Result<u64, String>,
) -> Result<Vec<Row>, String> {
    let row = |(http, programs): (&str, &[(Column, Program)])| {
        let mut row = Row::new(&format!("{what}, {http}"), unit);
        for (by, program) in programs {
            row.set_one(*by, count(program)?);
        }
        Ok(row)
    };
    programs::BY_HTTP_CLIENT.into_iter().map(row).collect()
}

/// As many as a gateway has.
const HANDLES: usize = 1_000;
