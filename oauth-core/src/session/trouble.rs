//! A refresh that was answered, and brought no tokens: how long the server is left alone, and from when on a
//! login is worth a page.
//!
//! ```text
//!  refresh ─▶ answered, no tokens ─▶ Save (what is known of it) ─┬─ the token lives ─▶ used, no request in the pause
//!                                                                ├─ expired ─────────▶ Unreachable, no request in the pause
//!                                                                └─ for so long ─────▶ Login; a refresh after each pause
//! ```
//!
//! It stands in the record, so that all who share the store keep to it, and ends with the next tokens. The
//! refresh token is kept until a login has brought another one: the server may be mended meanwhile.
//!
//! An outage opens no pages. Only answers count that a server also gives which will never renew the grant; no
//! answer, 429, 502 to 504 and whatever says `Retry-After` never do.

use alloc::boxed::Box;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Unreachable};
use crate::http::{Endpoint, Response};
use crate::session::access::Access;
use crate::session::machine::{Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::refresh::{Refresh, says_no};
use crate::session::transaction::Saving;
use crate::time::UnixTime;

/// What is known of refreshes that were answered without tokens, since the last tokens came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trouble {
    /// The first answer that counts, if one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<UnixTime>,
    /// How many count.
    #[serde(default)]
    counted: u16,
    /// How many answers there were in all.
    answers: u16,
    /// The last one.
    at: UnixTime,
    /// Its status.
    status: u16,
    /// No request is made before.
    until: UnixTime,
}

/// An answer without tokens that may be another one later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    status: u16,
    /// How long the server asks to wait, if it asks for more than nothing.
    pause: Option<Duration>,
    counts: bool,
}

impl Failure {
    /// `None` if the answer would be the same again.
    pub(crate) fn of(response: &Response, error: &Error, now: UnixTime) -> Option<Self> {
        let (status, named) = (response.status(), response.retry_after(Some(now)));
        let counts = match error {
            Error::Refused(refusal) => &*refusal.code == "server_error",
            _ => matches!(status, 200..=299 | 500 | 501),
        };
        let counts = counts && named.is_none();
        // "At once", or a date that is over, is what servers say who mean nothing by it.
        let pause = named.filter(|pause| !pause.is_zero());
        (!says_no(error) || named.is_some()).then_some(Self { status, pause, counts })
    }
}

impl Trouble {
    /// What is known after one more answer. `seed` keeps those apart who would come back all at once.
    fn after(before: Option<&Self>, failure: Failure, seed: &[u8], now: UnixTime) -> Self {
        // What is later than now came by a clock that was set back since: nothing is counted up to it.
        let since = before.and_then(|before| before.since).map(|since| since.min(now));
        let since = since.or(failure.counts.then_some(now));
        let counted = before.map_or(0, |before| before.counted);
        let counted = counted.saturating_add(failure.counts.into());
        let answers = before.map_or(0, |before| before.answers).saturating_add(1);
        let pause = match failure.pause {
            Some(named) => named.min(LONGEST_NAMED),
            None => grown(answers, seed, now),
        };
        Self { since, counted, answers, at: now, status: failure.status, until: now + pause }
    }

    /// Whether the server is left alone. A clock that was set back since does not make that longer.
    fn pauses(&self, now: UnixTime) -> bool {
        self.at <= now && now < self.until
    }

    /// Whether a login is worth a page by now.
    fn is_worn_out(&self, now: UnixTime) -> bool {
        self.counted >= TRIES && self.since.is_some_and(|since| now.since(since) >= PATIENCE)
    }
}

/// A pause that is longer after each answer, by up to a quarter more than the one before it says.
fn grown(answers: u16, seed: &[u8], now: UnixTime) -> Duration {
    let steps = u32::from(answers.saturating_sub(1)).min(MAX_STEPS);
    let pause = (FIRST_PAUSE * STEP.pow(steps)).min(LONGEST_PAUSE);
    let time = now.as_secs().to_be_bytes();
    let digest = Sha256::new().chain_update(seed).chain_update(time).finalize();
    pause + pause * u32::from(digest[0]) / 1024
}

impl Record {
    /// The same tokens, and what is known of the trouble in renewing them.
    pub(crate) fn troubled(&self, failure: Failure, now: UnixTime) -> Self {
        let refresh_token = self.tokens.as_ref().and_then(|it| it.refresh_token.as_ref());
        let seed = refresh_token.map_or(&[][..], |token| token.expose().as_bytes());
        let trouble = Trouble::after(self.trouble.as_deref(), failure, seed, now);
        let mut troubled = self.clone();
        troubled.trouble = Some(Box::new(trouble));
        troubled
    }
}

impl Session {
    fn trouble(&self) -> Option<&Trouble> {
        self.held.record.as_ref()?.trouble.as_deref()
    }

    /// The refresh was answered without tokens: that is written down first.
    pub(crate) fn write_trouble(
        &self,
        need: Need,
        error: Error,
        failure: Failure,
        now: UnixTime,
    ) -> Op {
        let Some(record) = &self.held.record else { return Op::Failed(Box::new(error)) };
        let expected = record.generation;
        let troubled = record.troubled(failure, now).on_trial(self.trial_after());
        let error = match error {
            // Also a date, which takes a clock to be read.
            Error::Unreachable(unreachable) => {
                Unreachable { retry_after: failure.pause, ..unreachable }.into()
            }
            error => error,
        };
        Refresh::SaveTrouble(Saving::new(troubled, expected), need, Box::new(error)).into()
    }

    /// Whether the server is left alone, although there is something to refresh with.
    pub(crate) fn is_paused(&self, need: &Need, now: UnixTime) -> bool {
        self.can_refresh(need, now) && self.trouble().is_some_and(|trouble| trouble.pauses(now))
    }

    /// What there is meanwhile.
    pub(crate) fn paused(&mut self, need: Need, now: UnixTime) -> Op {
        let Some(record) = &self.held.record else { return Access(need).into() };
        let Some(trouble) = &record.trouble else { return Access(need).into() };
        let lives = self.is_alive(&need, now);
        if self.will_do(&need, now) {
            let until = trouble.until;
            self.postpone(until);
            Op::Ready
        } else if !lives && trouble.is_worn_out(now) {
            self.need_login(Need { no_refresh: true, ..need }, now)
        } else {
            let error = Unreachable {
                endpoint: Endpoint::Token,
                url: record.binding.server.token_endpoint().as_str().into(),
                status: Some(trouble.status),
                retry_after: Some(trouble.until.since(now)),
                obstacle: None,
            };
            Op::Failed(Box::new(error.into()))
        }
    }

    /// Until when a living token is used after a refresh that failed.
    pub(crate) fn end_of_pause(&self, now: UnixTime) -> UnixTime {
        let trouble = self.trouble().filter(|trouble| trouble.at == now);
        trouble.map_or(now + UNANSWERED, |trouble| trouble.until)
    }

    /// Whether the grant could not be renewed for so long that a login is worth a page.
    pub(crate) fn is_worn_out(&self, now: UnixTime) -> bool {
        self.trouble().is_some_and(|trouble| trouble.is_worn_out(now))
    }

    /// The same access token has another number than this one by now: what is known of it stays known.
    pub(crate) fn renumber(&mut self, before: u64) {
        let after = self.generation();
        for known in [&mut self.accepted, &mut self.own_generation] {
            if *known == before {
                *known = after;
            }
        }
        let Some(refused) = self.refused.as_deref_mut() else { return };
        for known in [&mut refused.client, &mut refused.closed, &mut refused.token] {
            if *known == Some(before) {
                *known = Some(after);
            }
        }
        if let Some((known, _)) = &mut refused.young
            && *known == before
        {
            *known = after;
        }
    }
}

/// After so many answers that count, and so long after the first of them, a login is worth a page.
const TRIES: u16 = 4;

/// The time that belongs to [`TRIES`].
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// The pause after the first answer without tokens, if it names none.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// How much longer each pause is than the one before.
const STEP: u32 = 3;

/// After so many steps a pause is the longest one.
const MAX_STEPS: u32 = 5;

/// As long as a login is worth a page after.
const LONGEST_PAUSE: Duration = PATIENCE;

/// More than that is not waited, whatever a server asks for: it may be mended in an hour.
const LONGEST_NAMED: Duration = Duration::from_secs(60 * 60);

/// How long a refresh that was not answered is not tried again while the old token lives.
const UNANSWERED: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
