//! Scripts: what an input makes servers and users say.
//!
//! The first line has the settings' letters, the second one a `WWW-Authenticate` value, and each other
//! line answers one request or redirect. What comes behind the last line is answered well.
//!
//! | line | answer |
//! |---|---|
//! | empty, `.` | the good one |
//! | `!` | none at all |
//! | `+{…}` | the good document, with these members instead (`null` takes one out) |
//! | `<17` | the first 17 bytes of the good one |
//! | `~a=b` | a form |
//! | `404 …` | this status; the rest as above, and also the value of `Retry-After` |
//! | `^n …` | with the nonce `n` for proofs; the rest as above |
//! | anything else | itself |
//!
//! In members of `+{…}` that are secrets of the server's, `$P` is what gives them away. For a redirect the line is the
//! query, `state=$S` in it the right state and `code=$C` a code. At a device's page, and in the browser, `!` is a user
//! who gives up. A line `@90` is for a wait alone, which then takes so many seconds longer than it has to.

use oauth_core::{Request, Response};
use serde_json::Value;

use crate::servers::good;

/// The lines of an input.
#[derive(Debug, Clone)]
pub struct Script<'a> {
    lines: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Script<'a> {
    /// A script whose head was taken already.
    pub fn new(lines: std::str::Lines<'a>) -> Self {
        Self { lines, number: 0 }
    }

    /// The next line; `None` behind the last one.
    pub fn line(&mut self) -> Option<&'a str> {
        self.lines.next()
    }

    /// How many seconds the host oversleeps, if the next line says so.
    pub(crate) fn late(&mut self) -> u64 {
        let late = self.lines.clone().next().and_then(|line| line.strip_prefix('@')?.parse().ok());
        if late.is_some() {
            self.lines.next();
        }
        late.unwrap_or(0)
    }

    /// What comes back for a request.
    pub fn answer(&mut self, line: &str, request: &Request, server: &str) -> Option<Response> {
        self.number += 1;
        let good = good(request, server, self.number);
        let (status, rest) = status(line);
        let (nonce, rest) = nonce(rest);
        if rest == "!" {
            return None;
        }
        let response = Response::new(status, body(rest, good));
        let response = match nonce {
            Some(nonce) => response.with_header("DPoP-Nonce", nonce),
            None => response,
        };
        Some(match rest.strip_prefix('~') {
            Some(_) => response.with_header("Content-Type", "application/x-www-form-urlencoded"),
            None => response.with_header("Retry-After", rest),
        })
    }
}

fn status(line: &str) -> (u16, &str) {
    match line.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(digits) => (digits.parse().unwrap_or(200), line[3..].trim_start_matches(' ')),
        None => (200, line),
    }
}

fn nonce(line: &str) -> (Option<&str>, &str) {
    match line.strip_prefix('^').map(|line| line.split_once(' ').unwrap_or((line, ""))) {
        Some((nonce, rest)) => (Some(nonce), rest),
        None => (None, line),
    }
}

fn body(line: &str, mut good: Value) -> Vec<u8> {
    if let Some(form) = line.strip_prefix('~') {
        return form.into();
    }
    if let Some(length) = line.strip_prefix('<').and_then(|length| length.parse::<usize>().ok()) {
        let mut text = good.to_string().into_bytes();
        text.truncate(length);
        return text;
    }
    match line.strip_prefix('+').and_then(|line| serde_json::from_str(line).ok()) {
        Some(changes) => {
            patch(&mut good, changes);
            plant(&mut good);
        }
        None if matches!(line, "" | ".") => {}
        None => return line.into(),
    }
    good.to_string().into_bytes()
}

/// Changes a document, as RFC 7396 has it.
pub(crate) fn patch(document: &mut Value, changes: Value) {
    match (document, changes) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    members.remove(&name);
                } else {
                    patch(members.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        (document, changes) => *document = changes,
    }
}

/// Gives away who shows what only the client and its user may see.
fn plant(document: &mut Value) {
    for name in ["device_code", "user_code", "request_uri"] {
        if let Some(Value::String(text)) = document.get_mut(name) {
            *text = text.replace("$P", "planted");
        }
    }
}

/// The query that a line stands for.
pub fn redirect(line: &str, state: &str, issuer: &str) -> String {
    if matches!(line, "" | ".") {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("code", crate::code()).append_pair("state", state);
        return query.append_pair("iss", issuer).finish();
    }
    let pairs = line.split('&').map(|pair| match pair {
        "state=$S" => format!("state={state}"),
        "code=$C" => format!("code={}", crate::code()),
        pair => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}
