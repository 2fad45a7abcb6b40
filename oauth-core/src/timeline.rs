//! What happened on the way to a token: each answer, what it was taken for, what was decided.
//!
//! A timeline is evidence for people. It is bounded, and there is nothing secret in it: URLs without
//! their queries, statuses, and words of our own.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Silence;
use crate::http::Endpoint;
use crate::plain::Plain;
use crate::url::{HttpUrl, shown};

mod diagram;
mod finding;

pub use diagram::Diagram;
pub use finding::{Finding, Remedy, Retry};

/// The steps of a login, a refresh, or all that one request of the application caused; oldest first.
///
/// `Display` prints it as a table for people, and [`diagram`](Self::diagram) as a picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(Vec<Entry>);

/// One step: who was asked, what came, and what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// What was asked.
    pub endpoint: Endpoint,
    /// Where, without the query.
    pub url: Arc<str>,
    /// The answer's status; `None` when no answer came, or for a redirect in the browser.
    pub status: Option<u16>,
    /// What it was taken for, and what that led to.
    pub finding: Finding,
    /// Why no answer came, if that is so and the host could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

impl Timeline {
    /// The steps, oldest first. Of a very long timeline the oldest ones are left out.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The same as a picture.
    #[must_use]
    pub fn diagram(&self) -> Diagram<'_> {
        Diagram(self)
    }

    /// Puts what happened after this behind it.
    pub fn append(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
        } else {
            later.0.into_iter().for_each(|entry| self.push(entry));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        // Who waits long for a user would push out all that was before.
        if entry.finding == Finding::Pending && self.0.last() == Some(&entry) {
            return;
        }
        if self.0.len() == MAX_ENTRIES {
            self.0.remove(0);
        }
        self.0.push(entry);
    }
}

impl Entry {
    pub(crate) fn new(
        endpoint: Endpoint,
        url: &HttpUrl,
        status: Option<u16>,
        finding: Finding,
    ) -> Self {
        Self { endpoint, url: url.to_show(), status, finding, silence: None }
    }

    pub(crate) fn unanswered(self, silence: Option<Silence>) -> Self {
        Self { silence: silence.filter(|silence| *silence != Silence::default()), ..self }
    }

    /// About what a server wrote where a URL has to stand.
    pub(crate) fn of_text(endpoint: Endpoint, text: &str, finding: Finding) -> Self {
        let text = shown(text);
        let end = text.find('?').unwrap_or(text.len());
        let url = text[..end].chars().take(MAX_TEXT).collect::<String>().into();
        Self { endpoint, url, status: None, finding, silence: None }
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, entry) in (1..).zip(&self.0) {
            writeln!(f, "{number:3}  {entry}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status}  ")?,
            None => f.write_str("  -  ")?,
        }
        write!(f, "{}  {}\n            {}", self.endpoint, Plain(&self.url), self.finding)?;
        let Some(silence) = &self.silence else { return Ok(()) };
        if let Some(obstacle) = silence.obstacle() {
            write!(f, "\n            {obstacle}")?;
        }
        match silence.words() {
            "" => Ok(()),
            words => write!(f, "\n            {words:?}"),
        }
    }
}

/// How much is kept of a text that is no URL, in characters.
const MAX_TEXT: usize = 200;

/// How many steps are kept: more than any request can cause, unless everything is looked for everywhere.
const MAX_ENTRIES: usize = 32;

#[cfg(test)]
mod tests;
