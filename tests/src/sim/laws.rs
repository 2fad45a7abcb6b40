//! Design invariants 1, 3 and 4, as questions about one request, one session, one write.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use oauth_core::UnixTime;
use oauth_core::session::{Key, Lock, Record, Turn};

use super::host::{Host, Task};
use super::{Ledger, Store};
use crate::world::World;

/// Invariant 1: every credential in a request belongs to where the request goes. Only the form of
/// tokens is used here, so that requests which never arrive are judged, too.
pub(super) fn stays_at_home(request: &Request<Vec<u8>>) -> Result<(), String> {
    let uri = request.uri();
    let place = format!(
        "{}://{}{}",
        uri.scheme_str().unwrap_or_default(),
        uri.authority().map_or("", |authority| authority.as_str()),
        uri.path()
    );
    let is_at = |home: &str, path: &str| place == format!("https://{home}.example.com{path}");
    let check = |text: &str, part: Part| {
        for (kind, home) in credentials(text) {
            let at_home = match (kind, part) {
                ("at", Part::Header) => place == "https://mcp.example.com/mcp",
                ("at", Part::Body) => is_at(home, "/revoke"),
                ("code", Part::Body) => is_at(home, "/token"),
                ("rt", Part::Body) | ("secret", Part::Body | Part::Header) => {
                    is_at(home, "/token")
                        || is_at(home, "/revoke")
                        || kind == "secret"
                            && (is_at(home, "/par") || is_at(home, "/device_authorization"))
                }
                _ => false,
            };
            if !at_home {
                return Err(format!("invariant 1: a credential {kind}-…-{home} goes to {place}"));
            }
        }
        Ok(())
    };
    check(uri.query().unwrap_or_default(), Part::Query)?;
    check(&String::from_utf8_lossy(request.body()), Part::Body)?;
    for value in request.headers().values() {
        let value = String::from_utf8_lossy(value.as_bytes());
        check(&value, Part::Header)?;
        let basic = value.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
        check(&String::from_utf8_lossy(&basic.unwrap_or_default()), Part::Header)?;
    }
    Ok(())
}

/// A quiet host takes no lock of a login and gets ready for no page, and whoever drives it asks nobody.
pub(super) fn asks_nobody(host: &mut Host) -> Result<(), String> {
    let asks = match host.session.turn() {
        Ok(
            Turn::Lock(Lock::Login | Lock::Client, _)
            | Turn::Prepare(_)
            | Turn::Browser(..)
            | Turn::Device(..)
            | Turn::Wait(..),
        ) => true,
        _ => matches!(&host.task, Task::Drive(drive) if drive.login),
    };
    if host.is_quiet && asks { Err("a quiet host asks for a person".into()) } else { Ok(()) }
}

/// What a quiet call was refused for is asked for by the next login.
pub(super) fn asks_for_what_was_missing(host: &Host, page: &str) -> Result<(), String> {
    if host.lacks_scope && !page.contains("write") {
        return Err(format!("{page} does not ask for what was missing"));
    }
    Ok(())
}

/// Whether the login of these tokens has asked for `mcp:write`.
pub(super) fn has_asked_for_more(record: &Record) -> bool {
    let requested = record.binding().requested().filter(|_| record.tokens().is_some());
    requested.is_some_and(|scopes| scopes.contains("mcp:write"))
}

/// Whether a request spends a refresh token.
pub(super) fn is_refresh(request: &Request<Vec<u8>>) -> bool {
    String::from_utf8_lossy(request.body()).contains("grant_type=refresh_token")
}

/// Where in a request something is.
#[derive(Clone, Copy)]
enum Part {
    Query,
    Header,
    Body,
}

/// Kind and home of each credential in a text.
pub(super) fn credentials(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter_map(|word| {
        let (kind, rest) = word.split_once('-')?;
        let (number, home) = rest.split_once('-')?;
        let known = matches!(kind, "at" | "rt" | "code" | "secret")
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(home, "auth" | "auth2" | "auth3");
        known.then_some((kind, home))
    })
}

/// Invariant 3: what a session holds was stored before, for the same profile, unless the store has failed.
pub(super) fn is_durable(host: &Host, store: &Store) -> Result<(), String> {
    match host.session.record().and_then(access_token) {
        Some(token) if !store.is_durable(&host.key, token) && !host.has_kept(token) => {
            Err(format!("invariant 3: {token} is at hand and not stored"))
        }
        _ => Ok(()),
    }
}

/// A token that is known to be refused is not handed out: known because a call was refused for which nothing else
/// helped, or because somebody has written it down and it was read since.
pub(super) fn is_not_refused(host: &Host) -> Result<(), String> {
    match (host.session.record().and_then(access_token), host.refused.as_deref()) {
        (Some(token), Some(refused)) if token == refused => {
            Err(format!("{token} is handed out, and known to be refused"))
        }
        _ => Ok(()),
    }
}

/// What others have stored is seen in time: no token is sent for longer that is not stored any more.
pub(super) fn is_in_time(token: &str, gone_since: Option<u64>, look: &Look) -> Result<(), String> {
    let Some((gone, interval)) = gone_since.zip(look.interval) else { return Ok(()) };
    if look.decided_at < gone.max(look.blind_at) + interval {
        return Ok(());
    }
    Err(format!(
        "looks: {token} is sent, and has been gone from the store for {interval} s or more"
    ))
}

/// When a host looked into the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// For how many seconds it uses its token without a look; `None`: to the token's end.
    pub(super) interval: Option<u64>,
    /// When it decided to use the token that it has: at the look that showed it, or later without one.
    pub(super) decided_at: u64,
    /// When it was last unable to see what is stored, or to tell how long ago it had looked.
    pub(super) blind_at: u64,
}

impl Look {
    /// Of a host that has not looked yet.
    pub(super) const fn every(interval: Option<u64>) -> Self {
        Self { interval, decided_at: 0, blind_at: 0 }
    }
}

/// Invariant 4: a record is replaced by a newer one of its grant, or by another grant that is stored for
/// the first time. A refresh token gets lost otherwise only if it was refused, or if the user wants that;
/// and what the user has logged out of does not come back.
pub(super) fn loses_nothing(
    old: Option<&Record>,
    new: &Record,
    view: &View<'_>,
) -> Result<(), String> {
    if let Some(is) = access_token(new)
        && view.store.left(view.key).iter().any(|left| view.world.are_related(left, is))
    {
        return Err(format!("invariant 4: a logout is undone by {}", label(Some(new))));
    }
    let Some(before) = old.and_then(Record::tokens).filter(|_| !view.leaves) else {
        return Ok(());
    };
    let gone = |what: &str| Err(format!("invariant 4: {what} is replaced by {}", label(Some(new))));
    let refresh_token = before.refresh_token.as_ref().map(|token| token.expose());
    let refused = |token| view.ledger.is_refused(token);
    let Some(after) = new.tokens() else {
        return match refresh_token {
            Some(token) if !refused(token) => gone(token),
            _ if view.clocks && before.is_valid_for(view.now, Duration::ZERO) => {
                gone("a living access token")
            }
            _ => Ok(()),
        };
    };
    let (was, is) = (before.access_token.token(), after.access_token.token());
    if !view.world.are_related(was, is) {
        return if view.store.remembers(view.key, is) { gone(was) } else { Ok(()) };
    }
    match (refresh_token, &after.refresh_token) {
        _ if number(is) < number(was) => gone(was),
        (Some(old), Some(new)) if number(new.expose()) < number(old) => gone(old),
        (Some(old), None) if !refused(old) => gone(old),
        _ => Ok(()),
    }
}

/// What a write is judged by.
pub(super) struct View<'a> {
    pub(super) world: &'a World,
    pub(super) store: &'a Store,
    pub(super) ledger: &'a Ledger,
    pub(super) key: &'a Key,
    /// Whether it is a logout.
    pub(super) leaves: bool,
    /// Whether clocks do not jump.
    pub(super) clocks: bool,
    /// The time as the writer has it.
    pub(super) now: UnixTime,
}

/// A record's access token.
pub(super) fn access_token(record: &Record) -> Option<&str> {
    Some(record.tokens()?.access_token.token())
}

/// When a token was issued: the servers count.
fn number(token: &str) -> u64 {
    token.split('-').nth(1).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// A record in a few words.
#[must_use]
pub(super) fn label(record: Option<&Record>) -> String {
    let Some(record) = record else {
        return "nothing".into();
    };
    let Some(tokens) = record.tokens() else {
        return format!("#{} without tokens", record.generation());
    };
    let refresh_token = tokens.refresh_token.as_ref().map_or("-", |token| token.expose());
    let access_token = tokens.access_token.token();
    let expires_at = tokens.expires_at.map_or(0, UnixTime::as_secs);
    format!("#{} {access_token} until {expires_at} {refresh_token}", record.generation())
}

/// More than any token is refreshed early.
pub(super) const MARGIN: Duration = Duration::from_secs(61);
