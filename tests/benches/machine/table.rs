//! The table: one row for each case, what was reached, and what was missed.

use crate::lines::{aligned, grouped};
use crate::measure::{Cost, Meter};

/// One measured case.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) machine: Cost,
    pub(crate) bare: Cost,
    pub(crate) target: Target,
}

/// What is to be reached; what is not named is only shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    instructions: Option<u64>,
    allocations: Option<u64>,
    bytes: Option<u64>,
    ratio: Option<f64>,
}

impl Target {
    pub(crate) const NONE: Self =
        Self { instructions: None, allocations: None, bytes: None, ratio: None };

    /// At most so many; of no concern where they cannot be counted.
    pub(crate) const fn instructions(self, most: u64) -> Self {
        Self { instructions: Some(most), ..self }
    }

    pub(crate) const fn allocations(self, most: u64) -> Self {
        Self { allocations: Some(most), ..self }
    }

    pub(crate) const fn bytes(self, most: u64) -> Self {
        Self { bytes: Some(most), ..self }
    }

    /// At most so many times the bare work: its instructions, or what it holds.
    pub(crate) const fn ratio(self, most: f64) -> Self {
        Self { ratio: Some(most), ..self }
    }
}

impl Row {
    /// How many times the bare work.
    fn ratio(&self) -> f64 {
        match (self.machine.effort, self.bare.effort) {
            (Some(machine), Some(bare)) => machine as f64 / bare.max(1) as f64,
            _ => self.machine.bytes as f64 / self.bare.bytes as f64,
        }
    }

    fn cells(&self, meter: Meter) -> [String; 10] {
        let Self { machine, bare, .. } = self;
        let effort = |cost: &Cost| cost.effort.map_or("–".into(), |effort| meter.shown(effort));
        let count = |count: Option<u64>| count.map_or("–".into(), grouped);
        [
            self.name.into(),
            effort(machine),
            effort(bare),
            format!("{:.2}", self.ratio()),
            count(machine.allocations),
            count(bare.allocations),
            grouped(machine.bytes),
            grouped(bare.bytes),
            self.target.to_string(),
            self.verdict(meter),
        ]
    }

    fn verdict(&self, meter: Meter) -> String {
        let Target { instructions, allocations, bytes, ratio } = self.target;
        let instructions = instructions.filter(|_| meter == Meter::Instructions);
        if [instructions, allocations, bytes].iter().all(Option::is_none) && ratio.is_none() {
            return String::new();
        }
        let too_many = |limit: Option<u64>, found| limit.is_some_and(|limit| found > limit);
        let missed = [
            ("instructions", too_many(instructions, self.machine.effort.unwrap_or(0))),
            ("allocations", too_many(allocations, self.machine.allocations.unwrap_or(0))),
            ("bytes", too_many(bytes, self.machine.bytes)),
            ("ratio", ratio.is_some_and(|limit| self.ratio() > limit)),
        ];
        let names: Vec<_> =
            missed.iter().filter(|(_, is_missed)| *is_missed).map(|(name, _)| *name).collect();
        if names.is_empty() { "reached".into() } else { format!("MISSED: {}", names.join(", ")) }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            self.instructions.map(|limit| format!("{} instructions", grouped(limit))),
            self.allocations.map(|limit| format!("{limit} allocations")),
            self.bytes.map(|limit| format!("{} bytes", grouped(limit))),
            self.ratio.map(|limit| format!("{limit} ×")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

impl Meter {
    fn unit(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Time => "nanoseconds",
        }
    }

    fn shown(self, effort: u64) -> String {
        match self {
            Self::Instructions => grouped(effort),
            Self::Time => format!("{}.{}", grouped(effort / 1000), effort % 1000 / 100),
        }
    }
}

/// All rows, aligned.
pub(crate) fn table(meter: Meter, rows: &[Row]) -> String {
    let head = [
        "each",
        meter.unit(),
        "bare",
        "ratio",
        "allocations",
        "bare",
        "bytes",
        "bare",
        "target, at most",
        "",
    ];
    let mut lines = vec![head.map(String::from)];
    lines.extend(rows.iter().map(|row| row.cells(meter)));
    let mut text = String::new();
    if meter == Meter::Time {
        text.push_str("valgrind is not there to count instructions: these are times\n");
    }
    text.push_str(&aligned(&lines, |column| matches!(column, 0 | 8 | 9)));
    text
}
