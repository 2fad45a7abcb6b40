//! What happened, one line per event.

/// The lines, if they are recorded at all: a run that goes well needs none.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    recording: bool,
    lines: Vec<String>,
}

impl History {
    /// A history that keeps its lines, or one that costs nothing.
    #[must_use]
    pub(super) const fn new(recording: bool) -> Self {
        Self { recording, lines: Vec::new() }
    }

    /// Adds a line.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.recording {
            self.lines.push(line());
        }
    }

    /// All lines, in order.
    #[must_use]
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }
}
