//! URLs that are in the parser's form already, recognized without a parse.
//!
//! Nearly every URL of nearly every server is one, and a parse costs as much as the rest of an answer. A property
//! test holds this against the parser.

use super::HttpAllowance;

/// A URL that the WHATWG parser would give back unchanged, but for the slash of a path that is left out.
#[derive(Clone, Copy)]
pub(crate) struct Canonical<'a> {
    pub(crate) host: &'a str,
    pub(crate) has_port: bool,
    /// Without a query; empty, or it starts with a slash.
    pub(crate) path: &'a str,
}

impl<'a> Canonical<'a> {
    /// `None` for all that needs a closer look.
    pub(crate) fn of(text: &'a str, plaintext: HttpAllowance) -> Option<Self> {
        let (rest, default_port) = match (text.strip_prefix("https://"), plaintext) {
            (Some(rest), _) => (rest, "443"),
            (None, HttpAllowance::Loopback) => (text.strip_prefix("http://")?, "80"),
            (None, HttpAllowance::Forbidden) => return None,
        };
        let host = match rest.starts_with(LOOPBACK) {
            true => LOOPBACK.len(),
            false => name_length(rest)?,
        };
        let (host, rest) = rest.split_at_checked(host)?;
        let (port, path) = match rest.strip_prefix(':') {
            Some(rest) => {
                rest.split_at_checked(bytes_in(rest, DIGIT)).map(|(a, b)| (Some(a), b))?
            }
            None => (None, rest),
        };
        let is_host = default_port == "443" || host == LOOPBACK || host == "localhost";
        let is_port = |port: &str| {
            port != default_port && !port.starts_with('0') && port.parse::<u16>().is_ok()
        };
        (is_host && port.is_none_or(is_port) && is_path(path)).then_some(Self {
            host,
            has_port: port.is_some(),
            path,
        })
    }
}

/// How long the name of a host is that the text begins with. A last label that starts with a digit may be an odd
/// spelling of an IPv4 address, and one that starts with `xn--` has to be decoded to be checked: both are the parser's.
fn name_length(text: &str) -> Option<usize> {
    let mut length = 0;
    loop {
        let rest = text.get(length..)?;
        let label = rest.get(..bytes_in(rest, LABEL))?;
        if label.is_empty() || label.get(2..4) == Some("--") {
            return None;
        }
        length += label.len();
        if rest.as_bytes().get(label.len()) != Some(&b'.') {
            return (!label.starts_with(|first: char| first.is_ascii_digit())).then_some(length);
        }
        length += 1;
    }
}

/// No dot segments, no escapes, no query or fragment.
fn is_path(path: &str) -> bool {
    let plain = bytes_in(path, PLAIN);
    let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    let has_dots = || path.as_bytes().split(|byte| *byte == b'/').any(is_dots);
    let is_whole = plain == path.len();
    path.is_empty()
        || path.starts_with('/')
            && (is_whole || bytes_in(path, PLAIN | DOT) == path.len() && !has_dots())
}

/// How many bytes of that class the text begins with.
fn bytes_in(text: &str, class: u8) -> usize {
    text.bytes().position(|byte| CLASSES[usize::from(byte)] & class == 0).unwrap_or(text.len())
}

const LOOPBACK: &str = "127.0.0.1";

const LABEL: u8 = 1;
const DIGIT: u8 = 2;
const PLAIN: u8 = 4;
const DOT: u8 = 8;

/// In which of those classes each byte is.
const CLASSES: [u8; 256] = {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < all.len() {
        all[byte] = match byte as u8 {
            b'0'..=b'9' => LABEL | DIGIT | PLAIN,
            b'a'..=b'z' | b'-' => LABEL | PLAIN,
            b'A'..=b'Z' | b'_' | b'~' | b'/' => PLAIN,
            b'.' => DOT,
            _ => 0,
        };
        byte += 1;
    }
    all
};
