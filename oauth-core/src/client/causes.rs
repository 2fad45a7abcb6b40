//! An error and what is behind it, in one line.

use alloc::string::ToString as _;
use core::error::Error;
use core::fmt;

use crate::Plain;

/// An error, and the errors that it gives as its source, as far as those say more. HTTP clients say what they
/// were at, and leave to their sources why it failed.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        write!(f, "{}", Plain(&said))?;
        let mut next = self.0.source();
        for _ in 0..MAX_CAUSES {
            let Some(cause) = next else { break };
            let text = cause.to_string();
            if !said.ends_with(&text) {
                write!(f, ": {}", Plain(&text))?;
            }
            (said, next) = (text, cause.source());
        }
        Ok(())
    }
}

/// More than any HTTP client nests.
const MAX_CAUSES: usize = 8;

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    fn layers(texts: &[&'static str]) -> Layer {
        let (first, rest) = texts.split_first().unwrap_or((&"", &[]));
        Layer(first, (!rest.is_empty()).then(|| layers(rest).into()))
    }

    #[test]
    fn each_cause_is_said_once() {
        for (texts, shown) in [
            (
                &["sending failed", "connect", "refused (111)"][..],
                "sending failed: connect: refused (111)",
            ),
            (&["io: refused (111)", "refused (111)"], "io: refused (111)"),
            (&["a: b: c", "b: c", "c", "d"], "a: b: c: d"),
            (&["alone"], "alone"),
            (&["a\nb", "c\u{1b}[2J"], r"a\nb: c\u{1b}[2J"),
        ] {
            assert_eq!(Causes(&layers(texts)).to_string(), shown);
        }
        let many = Causes(&layers(&["a", "b"].repeat(50))).to_string();
        assert_eq!(many.matches(": ").count(), MAX_CAUSES);
    }
}
