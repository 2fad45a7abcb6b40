//! Other people's text where people read it, and the characters that values of the protocol may have.

use core::fmt::{self, Write as _};

/// A text that somebody else wrote, such as an issuer or a client id, for a terminal, a log or a message:
/// what does not print as itself is escaped, so that it cannot pose as something else. That is what
/// control characters, line ends, marks that turn the direction of writing and characters without width do.
///
/// All that this crate prints of a server's words goes through it, or is quoted by the same rule.
///
/// ```
/// # use oauth_core::Plain;
/// assert_eq!(Plain("https://as.example").to_string(), "https://as.example");
/// assert_eq!(Plain("a\n\u{202e}b\u{9b}").to_string(), r"a\n\u{202e}b\u{9b}");
/// ```
///
/// # Security
///
/// It is still the server's word, and no HTML: escape that where it is shown in a page.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            if is_plain_char(char) {
                f.write_char(char)?;
            } else {
                write!(f, "{}", char.escape_debug())?;
            }
        }
        Ok(())
    }
}

/// Whether all of it prints as itself.
pub(crate) fn is_plain(text: &str) -> bool {
    text.chars().all(is_plain_char)
}

/// As the standard library's `Debug` for texts decides it.
pub(crate) fn is_plain_char(char: char) -> bool {
    matches!(char, ' '..='~') || char.escape_debug().len() == 1
}

/// Whether it has only characters that client ids may have: `VSCHAR = %x20-7E` (RFC 6749 appendix A.1).
pub(crate) fn is_vschar(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn what_does_not_print_as_itself_is_escaped() {
        for (text, shown) in [
            ("https://as.example/\"q\"'\\", "https://as.example/\"q\"'\\"),
            ("Größe 中文", "Größe 中文"),
            ("\u{1b}[2J\u{7}\0\u{9b}", r"\u{1b}[2J\u{7}\0\u{9b}"),
            ("a\r\nb\u{2028}c\u{85}", r"a\r\nb\u{2028}c\u{85}"),
            ("\u{202e}a\u{2066}b\u{200f}", r"\u{202e}a\u{2066}b\u{200f}"),
            ("a\u{200b}b\u{feff}\u{ad}", r"a\u{200b}b\u{feff}\u{ad}"),
        ] {
            assert_eq!(Plain(text).to_string(), shown);
            assert_eq!(is_plain(text), text == shown, "{text:?}");
        }
    }

    #[test]
    fn client_ids_are_visible_ascii() {
        assert!(is_vschar("a B~!\"\\") && is_vschar(""));
        for text in ["a\n", "\u{7f}", "ä", "\u{9b}", "\t"] {
            assert!(!is_vschar(text), "{text:?}");
        }
    }
}
