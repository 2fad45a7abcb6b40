//! An error in full, for the person who has to act.

use core::fmt;

use crate::error::{Error, Refusal};
use crate::timeline::Timeline;

/// An [`Error`] in full, over several lines; made by [`Error::explain`].
///
/// ```text
/// error[no_s256]: authorization server "https://as.example" does not support PKCE with S256, or does not say so
///   who can help  whoever set this client up
///   what to do    if the server is known to support S256 without saying so, tolerate that with …
///
/// How it came to that:
///   1  401  MCP server  https://mcp.example/mcp
///             refused: a login is needed
/// ```
///
/// # Security
///
/// A server's own words are quoted, escaped and cut; they are still the server's, not advice.
#[derive(Debug, Clone, Copy)]
pub struct Explanation<'a> {
    error: &'a Error,
    timeline: &'a Timeline,
}

impl<'a> Explanation<'a> {
    pub(super) fn new(error: &'a Error, timeline: &'a Timeline) -> Self {
        Self { error, timeline }
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, timeline } = self;
        writeln!(f, "error[{}]: {error}", error.code())?;
        if let Some(Refusal { description, uri, .. }) = error.refusal() {
            for (what, words) in [("it says", description), ("it names", uri)] {
                if let Some(words) = words {
                    writeln!(f, "  {what:<12}  {}", Quoted(words))?;
                }
            }
        }
        writeln!(f, "  who can help  {}", error.actor())?;
        writeln!(f, "  what to do    {}", error.advice())?;
        if !timeline.is_empty() {
            write!(f, "\nHow it came to that:\n{timeline}")?;
        }
        Ok(())
    }
}

/// A server's words: in quotes, without control characters, and not too many.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, is_whole) = match self.0.char_indices().nth(MAX_WORDS) {
            Some((end, _)) => (&self.0[..end], false),
            None => (self.0, true),
        };
        write!(f, "{shown:?}{}", if is_whole { "" } else { " …" })
    }
}

/// How much of a server's words is shown, in characters.
const MAX_WORDS: usize = 300;

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::Endpoint;

    #[test]
    fn three_hundred_characters_are_shown_of_a_servers_words() {
        for (written, shown) in [(300, "\""), (301, "\" …")] {
            let words = "é".repeat(written);
            let text = Quoted(&words).to_string();
            assert_eq!(text, alloc::format!("\"{}{shown}", "é".repeat(300)));
        }
    }

    #[test]
    fn a_servers_words_are_quoted_escaped_and_cut() {
        let words = alloc::format!("\u{1b}[2Jrun \"rm\"\u{202e}{}", "x".repeat(1000));
        let error = Error::Refused(Refusal {
            endpoint: Endpoint::Token,
            code: "invalid_client".into(),
            description: Some(words.into()),
            uri: None,
        });
        let text = error.explain(&Timeline::default()).to_string();
        assert!(
            text.starts_with(
                "error[refused_token_invalid_client]: the token endpoint refused with"
            ),
            "{text}"
        );
        assert!(text.contains(r#""\u{1b}[2Jrun \"rm\"\u{202e}xxx"#), "{text}");
        assert!(text.contains("xxx\" …\n") && text.len() < 700, "{text}");
        assert!(text.contains("who can help") && text.contains("`client_id`"), "{text}");
    }
}
