//! What is printed: `println!` and `eprintln!` panic where nobody reads any more.

use std::fmt::Display;
use std::io::{self, Write as _, stderr, stdout};

/// Text on standard output, with the end of its last line.
///
/// # Errors
///
/// Nobody reads it, or it cannot be kept.
pub(crate) fn say(text: impl Display) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{}", text.to_string().trim_end()).and_then(|()| out.flush())
}

/// The same on standard error. Whether anybody reads it changes nothing.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(stderr(), "{}", text.to_string().trim_end());
}
