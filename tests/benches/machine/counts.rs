//! The table that the guard compares with: a text of one line a row.

use std::fmt;

use crate::lines::{aligned, grouped};

/// What one row costs, without the bare work beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) name: String,
    /// None of what is only held.
    pub(crate) instructions: Option<u64>,
    pub(crate) allocations: Option<u64>,
    pub(crate) bytes: u64,
}

impl Counts {
    fn parse(line: &str) -> Option<Self> {
        let (rest, bytes) = last(line)?;
        let (rest, allocations) = last(rest)?;
        let (name, instructions) = last(rest)?;
        Some(Self { name: name.into(), instructions, allocations, bytes: bytes? })
    }
}

/// The number at the end of a line, and what is before it.
fn last(line: &str) -> Option<(&str, Option<u64>)> {
    let (rest, word) = line.trim_end().rsplit_once(' ')?;
    let number = if word == NONE { None } else { Some(word.replace(',', "").parse().ok()?) };
    Some((rest.trim_end(), number))
}

/// All rows, and by what they were made.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) compiled_by: String,
    pub(crate) rows: Vec<Counts>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiled_by = lines.next().unwrap_or_default().to_owned();
        let row = |line: &str| Counts::parse(line).ok_or(format!("no row: {line}"));
        Ok(Self { compiled_by, rows: lines.map(row).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |count: Option<u64>| count.map_or(NONE.into(), grouped);
        let cells = |row: &Counts| {
            let Counts { name, instructions, allocations, bytes } = row;
            [name.clone(), number(*instructions), number(*allocations), grouped(*bytes)]
        };
        let lines: Vec<_> = self.rows.iter().map(cells).collect();
        write!(f, "{HEAD}{}\n{}", self.compiled_by, aligned(&lines, |column| column == 0))
    }
}

const HEAD: &str = "\
# What each row of `cargo bench -p oauth-costs` costs: instructions (none of what is only held), allocations, bytes.
# Made by `tests/benches/guard --update`, compared by `tests/benches/guard`. First, by what it was compiled:
";

const NONE: &str = "–";
