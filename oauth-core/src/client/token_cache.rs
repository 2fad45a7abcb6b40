//! What the session holds, for those who need not wait for it: the hot path.

use http::HeaderValue;

use crate::session::{Authorization, Record, Snapshot};
use crate::{BearerAuth, UnixTime};

/// What the session held when it last had nothing to do.
pub(super) struct TokenCache {
    pub(super) snapshot: Snapshot,
    header: Option<HeaderValue>,
}

impl TokenCache {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let header = snapshot.token().map(|token| header_value(&token.to_auth()));
        // The first copy of a value allocates what all copies share: not at a request's expense.
        drop(header.clone());
        Self { snapshot, header }
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

/// A header value that is not shown. A token is made of visible ASCII, so it always is one.
pub(super) fn header_value(token: &BearerAuth) -> HeaderValue {
    let mut value = HeaderValue::from_str(token.header_value())
        .unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}
