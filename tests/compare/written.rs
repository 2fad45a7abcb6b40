//! Where the table and the picture stand.

use std::fs;
use std::process::Command;

use crate::picture::picture;
use crate::table::{Row, Versions, table};

/// Prints the table, and writes it with the picture.
///
/// # Errors
///
/// Which file cannot be read or written, or has no place for it.
pub(crate) fn write(rows: &[Row]) -> Result<(), String> {
    let table = table(rows, &versions()?);
    println!("{table}");
    write_file(TABLE, &table)?;
    write_file(PICTURE, &picture(rows))?;
    let readme = read(README)?;
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(|| missing(BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| missing(END))?;
    // What has to be known to read it stands beside the whole table.
    let rows = table.split("\n\n").next().unwrap_or_default();
    write_file(README, &format!("{before}{BEGIN}\n{rows}\n{END}{after}"))
}

/// Draws the picture of the table that was written.
///
/// # Errors
///
/// That there is none.
pub(crate) fn draw() -> Result<(), String> {
    let rows: Vec<_> = read(TABLE)?.lines().filter_map(Row::of_line).collect();
    write_file(PICTURE, &picture(&rows))
}

/// Compares these rows with those that were written.
///
/// # Errors
///
/// What is different.
pub(crate) fn check(rows: &[Row]) -> Result<(), String> {
    let table = read(TABLE)?;
    let lines = rows.iter().map(Row::line);
    let other: Vec<_> = lines.filter(|line| !table.lines().any(|it| it == line)).collect();
    if other.is_empty() {
        println!("{} rows are as {TABLE} has them", rows.len());
        return Ok(());
    }
    Err(format!("{TABLE} has something else:\n{}", other.join("\n")))
}

fn versions() -> Result<Versions, String> {
    let lock = read(LOCK)?;
    let rustc = Command::new("rustc").arg("--version").output().map_err(|it| it.to_string())?;
    let compiler = String::from_utf8_lossy(&rustc.stdout).trim().to_owned();
    Ok(Versions { rmcp: locked(&lock, "rmcp")?, oauth2: locked(&lock, "oauth2")?, compiler })
}

/// The version of this crate.
fn locked(lock: &str, name: &str) -> Result<String, String> {
    let begin = format!("name = \"{name}\"\nversion = \"");
    let rest = lock.split_once(&begin).map(|(_, rest)| rest);
    let version = rest.and_then(|rest| rest.split('"').next());
    version.map(str::to_owned).ok_or_else(|| format!("{LOCK} has no {name}"))
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

fn write_file(path: &str, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{path}: {error}"))
}

fn missing(marker: &str) -> String {
    format!("{README} has no {marker}")
}

const BEGIN: &str = "<!-- tests/compare -->";

const END: &str = "<!-- /tests/compare -->";

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/table.md");

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compare.svg");

const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
