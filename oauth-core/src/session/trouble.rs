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

use core::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::http::Response;
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
    pub(crate) at: UnixTime,
    /// Its status.
    pub(crate) status: u16,
    /// No request is made before.
    pub(crate) until: UnixTime,
}

/// An answer without tokens that may be another one later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    status: u16,
    /// How long the server asks to wait, if it asks for more than nothing.
    pub(crate) pause: Option<Duration>,
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
    pub(crate) fn after(
        before: Option<&Self>,
        failure: Failure,
        seed: &[u8],
        now: UnixTime,
    ) -> Self {
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
    pub(crate) fn pauses(&self, now: UnixTime) -> bool {
        self.at <= now && now < self.until
    }

    /// Whether a login is worth a page by now.
    pub(crate) fn is_worn_out(&self, now: UnixTime) -> bool {
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

/// Whether asking again would bring the same answer.
pub(crate) fn says_no(error: &Error) -> bool {
    match error {
        Error::Refused(refusal) => !refusal.is_for_now(),
        Error::Malformed(malformed) => matches!(malformed.status, 300..=499),
        _ => false,
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

#[cfg(test)]
mod tests;
