//! What a host does at one turn of a session.

use std::collections::BTreeSet;
use std::time::Duration;

use oauth_core::session::{BrowserReply, HttpReply, PendingLogin, Record, SaveReply};
use oauth_core::wire::AuthorizationUrl;
use oauth_core::{Error, Request, UnixTime};
use serde_json::Value;

use crate::script::patch;
use crate::{Rules, Script, redirect};

/// What the store holds when it is read: others may have written.
pub(crate) fn load(store: &mut Option<Record>, line: &str) {
    match (line, line.strip_prefix('+')) {
        ("-", _) => *store = None,
        (_, Some(changes)) => {
            let Some(record) = store else { return };
            let mut document: Value = serde_json::from_str(&record.to_json()).unwrap_or_default();
            patch(&mut document, serde_json::from_str(changes).unwrap_or_default());
            if let Ok(record) = Record::from_json(document.to_string().as_bytes()) {
                *store = Some(record);
            }
        }
        _ if line.starts_with('{') => *store = Record::from_json(line.as_bytes()).ok(),
        _ => {}
    }
}

pub(crate) fn save(
    store: &mut Option<Record>,
    tokens: &mut BTreeSet<String>,
    reply: SaveReply<'_>,
    line: &str,
    now: UnixTime,
) {
    let (record, stored) = (reply.record().clone(), store.as_ref().map_or(0, Record::generation));
    assert!(record.generation() > reply.expected(), "generations count up");
    if record.generation() < u64::MAX / 2 {
        assert_eq!(Record::from_json(record.to_json().as_bytes()).as_ref(), Ok(&record));
    }
    match line.strip_prefix('c').and_then(|line| line.parse::<u32>().ok()) {
        Some(other) => reply.conflict(other.into()),
        None if line == "-" => {}
        None if stored != reply.expected() => reply.conflict(stored),
        None => {
            tokens.extend(token(&record));
            *store = Some(record);
            reply.saved(now);
        }
    }
}

pub(crate) fn exchange(
    script: &mut Script<'_>,
    rules: &mut Rules,
    request: &Request,
    reply: HttpReply<'_>,
    (line, server, now): (&str, &str, UnixTime),
) {
    let response = script.answer(line, request, server);
    rules.answered(request, response.as_ref());
    match response {
        Some(response) => reply.response(&response, now),
        None => reply.unreachable(now),
    }
}

/// What the user does; the login if it was handed out.
pub(crate) fn visit(
    rules: &Rules,
    url: &AuthorizationUrl,
    reply: BrowserReply<'_>,
    line: &str,
    now: UnixTime,
) -> Option<PendingLogin> {
    match line {
        "!" => reply.cancelled(),
        "-" => return reply.suspend("somebody", now + Duration::from_secs(900)),
        _ => {
            let query = redirect(line, url.state(), rules.issuer());
            let is_ours = url.is_answered_by(&query);
            let said: Result<(), Error> = reply.redirect(&query, now);
            assert_eq!(said.is_ok(), is_ours, "{query}");
        }
    }
    None
}

pub(crate) fn token(record: &Record) -> Option<String> {
    Some(record.tokens()?.access_token.token().to_owned())
}
