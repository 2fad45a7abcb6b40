//! What the session holds, for those who need not wait for it: the hot path.

use alloc::sync::Arc;
use core::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderValue;
use http::header::InvalidHeaderValue;

use crate::session::{Authorization, Record, Snapshot};
use crate::wire::TokenData;
use crate::{BearerAuth, UnixTime};

/// What the session held when it last had nothing to do.
pub(super) struct TokenCache {
    pub(super) snapshot: Snapshot,
    header: Option<HeaderValue>,
    /// When that needs no thought; never for a token that is bound to a key.
    at_hand: Range<SystemTime>,
}

impl TokenCache {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let header = header_of(&snapshot);
        Self::with(snapshot, header)
    }

    /// What is held after this.
    pub(super) fn next(&self, snapshot: Snapshot) -> Self {
        let is_same = match (tokens_of(&self.snapshot), tokens_of(&snapshot)) {
            (Some(before), Some(tokens)) => Arc::ptr_eq(before, tokens),
            _ => false,
        };
        let header = self.header.as_ref().filter(|_| is_same && snapshot.token().is_some());
        let header = header.cloned().or_else(|| header_of(&snapshot));
        Self::with(snapshot, header)
    }

    fn with(snapshot: Snapshot, header: Option<HeaderValue>) -> Self {
        let is_bearer = snapshot.token().is_some_and(|token| token.bearer().is_some());
        let Range { start, end } = snapshot.at_hand();
        let end = if is_bearer { end } else { start };
        Self { snapshot, header, at_hand: start.into()..end.into() }
    }

    /// The header field of a bearer token, if that needs no thought.
    #[inline]
    pub(super) fn bearer(&self, now: SystemTime) -> Option<&HeaderValue> {
        self.header.as_ref().filter(|_| self.at_hand.contains(&now))
    }

    /// The number of the record; 0 without.
    pub(super) fn generation(&self) -> u64 {
        self.snapshot.record().map_or(0, Record::generation)
    }

    /// The token and its header field, if they need no thought.
    pub(super) fn fresh(&self, now: UnixTime) -> Option<(Authorization<'_>, &HeaderValue)> {
        self.snapshot.authorization(now).zip(self.header.as_ref())
    }

    /// The same as long as the token has not expired.
    pub(super) fn living(&self, now: UnixTime) -> Option<(Authorization<'_>, &HeaderValue)> {
        self.snapshot.living_authorization(now).zip(self.header.as_ref())
    }
}

fn tokens_of(snapshot: &Snapshot) -> Option<&Arc<TokenData>> {
    snapshot.record()?.tokens.as_ref()
}

fn header_of(snapshot: &Snapshot) -> Option<HeaderValue> {
    let token = snapshot.token()?;
    let tokens = tokens_of(snapshot).filter(|_| token.bearer().is_some());
    let header = match tokens {
        Some(tokens) => {
            let text = Bytes::from_owner(FieldOf(Arc::clone(tokens)));
            sensitive(HeaderValue::from_maybe_shared(text))
        }
        None => header_value(&token.to_auth()),
    };
    // The first copy of some values allocates what all copies share: not at a request's expense.
    drop(header.clone());
    Some(header)
}

/// A header value that is not shown. A token is made of visible ASCII, so it always is one.
pub(super) fn header_value(token: &BearerAuth) -> HeaderValue {
    sensitive(HeaderValue::from_str(token.header_value()))
}

fn sensitive(value: Result<HeaderValue, InvalidHeaderValue>) -> HeaderValue {
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// The field of a bearer token, which is the record's own text: so a token is in memory once, whoever shows it.
struct FieldOf(Arc<TokenData>);

impl AsRef<[u8]> for FieldOf {
    fn as_ref(&self) -> &[u8] {
        self.0.access_token.header_value().as_bytes()
    }
}
