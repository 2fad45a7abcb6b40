//! A timeline as a picture, for a bug report.

use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::http::Endpoint;
use crate::plain::is_plain_char;
use crate::timeline::{Entry, Finding, Timeline};
use crate::url::{HttpAllowance, HttpUrl};

/// A [`Timeline`] as a sequence diagram in the language of Mermaid, which code hosts draw in a block of Markdown:
/// `Display` writes the diagram, without the block's fence. Made by [`Timeline::diagram`].
///
/// ```text
/// sequenceDiagram
///     participant C as This client
///     participant S1 as https#58;//mcp.example.com
///     C->>S1: MCP server /mcp
///     S1-->>C: 401 refused#58; a login is needed
/// ```
///
/// # Security
///
/// What a server wrote cannot leave the line and the place where it is shown, in the diagram or in the Markdown around
/// it: all but letters, digits and a few signs is written as a number, or as a question mark. Secrets are in no timeline; hosts and paths
/// are.
#[derive(Debug, Clone, Copy)]
pub struct Diagram<'a>(pub(super) &'a Timeline);

impl fmt::Display for Diagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<_> = self.0.entries().iter().map(|entry| (entry, url(entry))).collect();
        let mut servers = Vec::new();
        for (_, url) in &entries {
            if let Some(url) = url
                && !servers.contains(&url.origin())
            {
                servers.push(url.origin());
            }
        }
        f.write_str("sequenceDiagram\n    participant C as This client\n")?;
        for (number, origin) in (1..).zip(&servers) {
            write!(f, "    participant S{number} as ")?;
            shown(f, MAX_URL, format_args!("{origin}"))?;
            f.write_str("\n")?;
        }
        for (entry, url) in &entries {
            let server = url.as_ref().and_then(|url| {
                Some((servers.iter().position(|it| *it == url.origin())? + 1, url.path()))
            });
            step(f, entry, server)?;
        }
        Ok(())
    }
}

/// Where a request went. What is no URL that may be used was asked by nobody.
fn url(entry: &Entry) -> Option<HttpUrl> {
    let is_of_a_request =
        !matches!(entry.finding, Finding::Unusable { .. } | Finding::Profile { .. });
    HttpUrl::parse(&entry.url, HttpAllowance::Loopback).ok().filter(|_| is_of_a_request)
}

fn step(f: &mut fmt::Formatter<'_>, entry: &Entry, server: Option<(usize, &str)>) -> fmt::Result {
    let Entry { endpoint, finding, status, .. } = entry;
    let Some((server, path)) = server else {
        write!(f, "    Note over C: {endpoint} ")?;
        shown(f, MAX_URL, format_args!("{}", entry.url))?;
        return told(f, format_args!(", {finding}"));
    };
    let in_browser = *endpoint == Endpoint::Authorization;
    let arrow = if status.is_some() || in_browser { "->>" } else { "-x" };
    write!(f, "    C{arrow}S{server}: {endpoint} ")?;
    shown(f, MAX_URL, format_args!("{path}"))?;
    f.write_str(if in_browser { " in the browser\n" } else { "\n" })?;
    match status {
        Some(status) => write!(f, "    S{server}-->>C: {status}")?,
        None if in_browser => write!(f, "    S{server}-->>C:")?,
        None => write!(f, "    Note over C,S{server}:")?,
    }
    match &entry.silence {
        None => told(f, format_args!(" {finding}")),
        Some(silence) => match silence.obstacle() {
            None => told(f, format_args!(" {finding} ({})", silence.words())),
            Some(obstacle) => told(f, format_args!(" {finding}, {obstacle} ({})", silence.words())),
        },
    }
}

/// The end of a line.
fn told(f: &mut fmt::Formatter<'_>, words: fmt::Arguments<'_>) -> fmt::Result {
    shown(f, MAX_WORDS, words)?;
    f.write_str("\n")
}

/// Writes what may be a server's text, as much as there is room for.
fn shown(f: &mut fmt::Formatter<'_>, room: usize, text: fmt::Arguments<'_>) -> fmt::Result {
    Label { to: f, room }.write_fmt(text)
}

struct Label<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    /// How many more characters there is room for.
    room: usize,
}

impl fmt::Write for Label<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if self.room == 0 {
                return Ok(());
            }
            self.room -= 1;
            match char {
                _ if self.room == 0 => self.to.write_str("...")?,
                // Nothing of this means anything to Mermaid or to Markdown within a line.
                ' ' | '.' | '/' | '-' | '_' | ',' | '(' | ')' => self.to.write_char(char)?,
                _ if char.is_alphanumeric() && is_plain_char(char) => self.to.write_char(char)?,
                '!'..='~' => write!(self.to, "#{};", u32::from(char))?,
                _ => self.to.write_str("#63;")?,
            }
        }
        Ok(())
    }
}

/// How much is shown of a URL, in characters.
const MAX_URL: usize = 120;

/// And of what was found out: so much that the longest timeline is one that Mermaid draws, which are 50,000.
const MAX_WORDS: usize = 150;

#[cfg(test)]
mod tests;
