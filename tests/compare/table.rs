//! The table, in Markdown.

use crate::lines::grouped;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Column {
    Core,
    Blocking,
    Tokio,
    Rmcp,
    OAuth2,
    ByHand,
}

pub(crate) const COLUMNS: usize = 6;

impl Column {
    pub(crate) const ALL: [Self; COLUMNS] =
        [Self::Core, Self::Blocking, Self::Tokio, Self::Rmcp, Self::OAuth2, Self::ByHand];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "oauth-core",
            Self::Blocking => "oauth-blocking",
            Self::Tokio => "oauth-tokio",
            Self::Rmcp => "rmcp",
            Self::OAuth2 => "oauth2",
            Self::ByHand => "by hand",
        }
    }
}

/// What the numbers of a row are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    /// Instructions, and allocations.
    Effort,
    /// Token requests, and tasks without a token.
    Crowd,
    /// Bytes, and blocks.
    Memory,
    Crates,
    Bytes,
}

impl Unit {
    const ALL: [Self; 5] = [Self::Effort, Self::Crowd, Self::Memory, Self::Crates, Self::Bytes];

    /// The number that a cell shows.
    fn number(self, shown: &str) -> Option<u64> {
        match self {
            Self::Bytes => shown.parse::<f64>().ok().map(|megabytes| (megabytes * 1e6) as u64),
            _ => shown.replace(',', "").parse().ok(),
        }
    }

    fn names(self) -> &'static str {
        match self {
            Self::Effort => "instructions / allocations",
            Self::Crowd => "token requests / tasks that failed",
            Self::Memory => "heap bytes / blocks",
            Self::Crates => "crates compiled",
            Self::Bytes => "MB, stripped",
        }
    }
}

/// One thing that is measured.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    cells: [Option<[u64; 2]>; COLUMNS],
}

impl Row {
    pub(crate) fn new(name: &str, unit: Unit) -> Self {
        Self { name: name.into(), unit, cells: [None; COLUMNS] }
    }

    pub(crate) fn set(&mut self, column: Column, numbers: [u64; 2]) {
        self.cells[column as usize] = Some(numbers);
    }

    pub(crate) fn set_one(&mut self, column: Column, number: u64) {
        self.set(column, [number, 0]);
    }

    /// The row with this line.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let (name, unit) = (cells.next()?, cells.next()?);
        let unit = Unit::ALL.into_iter().find(|it| it.names() == unit)?;
        let mut row = Self::new(name, unit);
        for (column, cell) in Column::ALL.into_iter().zip(cells) {
            if let Some(number) = unit.number(cell.split(" / ").next()?) {
                row.set_one(column, number);
            }
        }
        Some(row)
    }

    /// What counts most of those who were measured.
    pub(crate) fn first_numbers(&self) -> Vec<(Column, u64)> {
        let number = |column: Column| Some((column, self.cells[column as usize]?[0]));
        Column::ALL.into_iter().filter_map(number).collect()
    }

    /// The line of the table.
    pub(crate) fn line(&self) -> String {
        let cells = self.cells.map(|cell| cell.map_or("–".into(), |numbers| self.cell(numbers)));
        format!("| {} | {} | {} |", self.name, self.unit.names(), cells.join(" | "))
    }

    fn cell(&self, [first, second]: [u64; 2]) -> String {
        match self.unit {
            Unit::Crates => grouped(first),
            Unit::Bytes => format!("{:.2}", first as f64 / 1e6),
            Unit::Effort | Unit::Crowd | Unit::Memory => {
                format!("{} / {}", grouped(first), grouped(second))
            }
        }
    }
}

/// All of it, with what has to be known to read it.
pub(crate) fn table(rows: &[Row], versions: &Versions) -> String {
    let heads = Column::ALL.map(|column| versions.head(column));
    let mut lines = vec![format!("| | | {} |", heads.join(" | "))];
    lines.push(format!("|---|---|{}", "---:|".repeat(COLUMNS)));
    lines.extend(rows.iter().map(Row::line));
    lines.push(String::new());
    lines.extend(NOTES.iter().map(|note| format!("- {note}")));
    lines.push(format!("- Counted with {}.", versions.compiler));
    lines.join("\n") + "\n"
}

/// Of what was measured.
pub(crate) struct Versions {
    pub(crate) rmcp: String,
    pub(crate) oauth2: String,
    pub(crate) compiler: String,
}

impl Versions {
    fn head(&self, column: Column) -> String {
        match column {
            Column::Rmcp => format!("`rmcp` {}, `auth`", self.rmcp),
            Column::OAuth2 => format!("`oauth2` {}", self.oauth2),
            Column::ByHand => column.name().into(),
            Column::Core => "`oauth-core`, `Session`".into(),
            Column::Blocking | Column::Tokio => format!("`{}`", column.name()),
        }
    }
}

const NOTES: [&str; 7] = [
    "Less is better in each row; – is what a crate does not do or what was not measured. The servers are in the same process, \
     so no HTTP client is counted, but the types of `http` are, which each of them gives to its client.",
    "A login has discovery, registration, PKCE, the code and the tokens, for `rmcp` and here; the tokens are in a store in memory \
     in the end. `oauth2` finds no endpoints, registers nothing and keeps no tokens, which is why it is only in the row where \
     both are known; what a host writes around it is not counted.",
    "`oauth-tokio` refreshes in a task that outlives its caller; `rmcp` does so in the caller's.",
    "By hand: the same requests, answers read into a struct, nothing checked that need not be; the header is a lock, \
     the clock, and a copy of the value.",
    "Refresh tokens are good once in the crowd. `AuthClient`, which `rmcp`'s own transport uses, has a lock around everything, \
     so all wait for one refresh; its `AuthorizedHttpClient` shares the manager without one. `oauth2` has nothing that tasks share.",
    "A handle: of `oauth-tokio` and `oauth-blocking`, another user's of one application, what all share not counted; of `rmcp`, an \
     `AuthClient` after its login, with the server's document; of `oauth2`, client, tokens and header in an `RwLock`.",
    "Programs have the least features with which they log in over TLS. They print a URL, read what comes back, and keep the \
     token in memory. `oauth2` is told the endpoints, and with it reqwest is an older one, whose TLS is another.",
];
