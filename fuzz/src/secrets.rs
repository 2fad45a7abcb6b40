//! Secrets that are recognized wherever they turn up.

use std::fmt::{Debug, Display};

use oauth_core::Entropy;
use serde_json::Value;
use url::Url;

/// A piece of every secret that the simulated servers and the settings have; of the PKCE verifier; and
/// of each `state`. No input may contain one: what a server itself says may be shown.
const SECRETS: [&str; 3] = ["planted", "dnZ2dnZ2dnZ2", "c3Nzc3Nzc3Nz"];

/// The code of every good redirect.
pub const fn code() -> &'static str {
    "planted-code"
}

/// The randomness of a login: `v` 32 times for the verifier, `s` 31 times and the number for `state`.
pub fn entropy(login: u8) -> Entropy {
    let mut bytes = [b'v'; 64];
    bytes[32..].fill(b's');
    bytes[63] = login;
    Entropy::from_bytes(bytes)
}

/// Whether a secret is in the text.
pub fn has_secret(text: &str) -> bool {
    SECRETS.iter().any(|secret| text.contains(secret))
}

/// Whether an input spells a secret in any way that is decoded, or cleaned, somewhere: it is no test then.
pub fn spells_secret(input: &str) -> bool {
    let is_spelled = |text: &str| {
        let letters: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).collect();
        has_secret(&String::from_utf8_lossy(&letters))
    };
    if is_spelled(input) {
        return true;
    }
    let mut text = input.replace("\\u00", "%");
    // Decoding may also take a letter away, and what it leaves may be decoded again.
    for _ in 0..4 {
        if !text.contains('%') {
            return false;
        }
        let before = std::mem::take(&mut text);
        text = percent_decode(before.as_bytes());
        if is_spelled(&before) || is_spelled(&text) {
            return true;
        }
    }
    false
}

/// `+` stays: it is taken out with all that is no letter.
fn percent_decode(bytes: &[u8]) -> String {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16).map(|it| it as u8);
    let (mut decoded, mut at) = (Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let escaped = digit(at + 1).zip(digit(at + 2)).filter(|_| byte == b'%');
        decoded.push(escaped.map_or(byte, |(high, low)| 16 * high + low));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Panics if an error shows a secret.
///
/// # Panics
///
/// See above.
pub fn assert_secretive(error: &(impl Debug + Display)) {
    let shown = format!("{error:?} {error:#?} {error}");
    assert!(!has_secret(&shown), "a secret is shown: {shown}");
}

/// The URL with `planted` for `$P`, if that is a password in it and nothing else: then it must not be shown,
/// whatever else is wrong with the URL.
pub fn with_password(url: &str) -> Option<String> {
    if url.matches("$P").count() != 1 {
        return None;
    }
    let url = url.replace("$P", "planted");
    let password_is_there = Url::parse(&url).is_ok_and(|url| {
        url.password().is_some_and(|it| it.contains("planted"))
            && !url.path().contains("planted")
            && !url.query().unwrap_or("").contains("planted")
            && !url.fragment().unwrap_or("").contains("planted")
            && !url.host_str().unwrap_or("").contains("planted")
    });
    password_is_there.then_some(url)
}

/// The members of a script's line, each endpoint with its password as [`with_password`] has it.
pub fn with_passwords(line: &str) -> String {
    let document = line.strip_prefix('+').and_then(|line| serde_json::from_str(line).ok());
    let Some(Value::Object(mut members)) = document else { return line.into() };
    for (name, value) in &mut members {
        let is_url = name.ends_with("_endpoint") || name.starts_with("verification_uri");
        if let Some(url) = value.as_str().filter(|_| is_url).and_then(with_password) {
            *value = url.into();
        }
    }
    format!("+{}", Value::Object(members))
}
