//! What each row costs is in a table of this folder, so that no change costs unseen.
//!
//! Allocations and bytes are compared exactly. Instructions are the compiler's too: within 3 % where the same one made
//! the table, within 15 % where another version did, which is said. A table of another target compares nothing.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use crate::cases;
use crate::counts::{Counts, Table};
use crate::measure::Meter;

/// Compares this machine's counts with the table's, and says what differs.
pub(crate) fn compare() -> ExitCode {
    notices_what_differs();
    match compared() {
        Ok(done) => {
            println!("costs are as in the table: {done}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the table anew.
pub(crate) fn update() -> ExitCode {
    let made = counts().and_then(|rows| {
        let table = Table { compiled_by: COMPILED_BY.into(), rows };
        fs::write(PATH, table.to_string()).map_err(|error| format!("{PATH}: {error}"))
    });
    match made {
        Ok(()) => {
            println!("made {PATH}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("NOT MADE: {wrong}");
            ExitCode::FAILURE
        }
    }
}

/// What was compared, or what is wrong.
fn compared() -> Result<String, String> {
    let not_compared = |error: String| format!("NOT COMPARED: {error}");
    let text =
        fs::read_to_string(PATH).map_err(|error| not_compared(format!("{PATH}: {error}")))?;
    let expected = Table::parse(&text).map_err(not_compared)?;
    let made_by = &expected.compiled_by;
    let percent = percent(made_by, COMPILED_BY).ok_or_else(|| {
        not_compared(format!("the table is of {made_by}, and this was compiled by {COMPILED_BY}"))
    })?;
    let differences = differences(&expected.rows, &counts().map_err(not_compared)?, percent);
    let mut done = format!(
        "{} rows, instructions within {percent} %, allocations and bytes exactly",
        expected.rows.len()
    );
    if percent != SAME_COMPILER {
        let more = format!(
            "; {percent} % instead of {SAME_COMPILER} %, since the table was made by {made_by}, and this was compiled \
             by {COMPILED_BY}: make it anew on a commit whose costs are known ({UPDATE})"
        );
        done.push_str(&more);
    }
    if differences.is_empty() {
        return Ok(done);
    }
    Err(format!(
        "costs differ from those in {PATH} ({done}):\n  {}\nIf that is meant: {UPDATE}, and say in the commit why.",
        differences.join("\n  ")
    ))
}

fn counts() -> Result<Vec<Counts>, String> {
    match Meter::for_this_machine() {
        Meter::Instructions => cases::counts(),
        Meter::Time => Err("without valgrind nobody counts instructions: install it".into()),
    }
}

/// By how much instructions may differ, if the tables can be compared at all.
fn percent(expected: &str, found: &str) -> Option<u64> {
    let target = |text: &str| text.rsplit(' ').next().map(str::to_owned);
    if expected == found {
        Some(SAME_COMPILER)
    } else if target(expected) == target(found) {
        Some(ANOTHER_COMPILER)
    } else {
        None
    }
}

/// What differs, one line each: rows whose costs do, that are missing, or that are new.
fn differences(expected: &[Counts], found: &[Counts], percent: u64) -> Vec<String> {
    let mut all = Vec::new();
    for row in expected {
        match found.iter().find(|other| other.name == row.name) {
            Some(other) => all.extend(difference(row, other, percent)),
            None => all.push(format!("{}: in the table, and no row any more", row.name)),
        }
    }
    let is_new = |row: &&Counts| expected.iter().all(|other| other.name != row.name);
    all.extend(found.iter().filter(is_new).map(|row| format!("{}: not in the table", row.name)));
    all
}

fn difference(expected: &Counts, found: &Counts, percent: u64) -> Option<String> {
    let mut text = String::new();
    let mut differs = |what, expected: Option<u64>, found: Option<u64>| {
        let shown = |count: Option<u64>| count.map_or("none".into(), crate::lines::grouped);
        let change = match (expected, found) {
            (Some(expected @ 1..), Some(found)) => {
                format!(" ({:+.1} %)", (found as f64 / expected as f64 - 1.0) * 100.0)
            }
            _ => String::new(),
        };
        let written = write!(text, "; {what} {} → {}{change}", shown(expected), shown(found));
        written.expect("a text can always be written to");
    };
    if !is_within(expected.instructions, found.instructions, percent) {
        differs("instructions", expected.instructions, found.instructions);
    }
    if expected.allocations != found.allocations {
        differs("allocations", expected.allocations, found.allocations);
    }
    if expected.bytes != found.bytes {
        differs("bytes", Some(expected.bytes), Some(found.bytes));
    }
    text.strip_prefix("; ").map(|text| format!("{}: {text}", expected.name))
}

/// Also what costs less has to be in the table: it could be lost again unseen.
fn is_within(expected: Option<u64>, found: Option<u64>, percent: u64) -> bool {
    match (expected, found) {
        (Some(expected), Some(found)) => expected.abs_diff(found) * 100 <= expected * percent,
        (expected, found) => expected == found,
    }
}

/// A guard that notices nothing would be green.
fn notices_what_differs() {
    let row = |instructions, allocations, bytes| Counts {
        name: "a row".into(),
        instructions: Some(instructions),
        allocations: Some(allocations),
        bytes,
    };
    let (table, other) = ([row(1_000, 7, 64)], Counts { name: "other".into(), ..row(1, 1, 1) });
    let count = |found: &[Counts]| differences(&table, found, SAME_COMPILER).len();
    for same in [row(1_000, 7, 64), row(1_030, 7, 64), row(970, 7, 64)] {
        assert_eq!(count(&[same]), 0);
    }
    for wrong in [row(1_031, 7, 64), row(969, 7, 64), row(1_000, 8, 64), row(1_000, 7, 63)] {
        assert_eq!(count(&[wrong]), 1);
    }
    assert_eq!(count(&[Counts { instructions: None, ..row(0, 7, 64) }]), 1, "it was not counted");
    assert_eq!(count(&[]), 1, "a row is missing");
    assert_eq!(count(&[row(1_000, 7, 64), other]), 1, "a row is new");
    let [here, later, elsewhere] = ["rustc 1, x86", "rustc 2, x86", "rustc 1, arm"];
    assert_eq!(percent(here, here), Some(SAME_COMPILER));
    assert_eq!(percent(here, later), Some(ANOTHER_COMPILER));
    assert_eq!(percent(here, elsewhere), None);
}

/// Percent.
const SAME_COMPILER: u64 = 3;
const ANOTHER_COMPILER: u64 = 15;

const COMPILED_BY: &str = env!("COMPILED_BY");

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.txt");

const UPDATE: &str = "tests/benches/guard --update";
