//! What a session holds, and what that is good for.

use alloc::sync::Arc;
use core::mem;
use core::time::Duration;

use crate::session::authorization::Snapshot;
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::ClientSecret;

impl Snapshot {
    /// What was held before comes back.
    pub(crate) fn adopt(&mut self, record: Option<Record>, now: UnixTime) -> Option<Record> {
        self.looked_at = now;
        // One that was put under the wrong key would send a token where it does not belong.
        let record = record.filter(|record| record.is_for(&self.settings.server));
        let record = record.map(|record| self.with_own_secret(record).for_grant(&self.settings));
        // What is known of a token stays known, also by what was read: whatever could be written, whoever has written
        // over it, and if the store has lost it since or shows an old record.
        let same = |own: &Record, new: &Record| {
            own.issued_at == new.issued_at && own.access_token() == new.access_token()
        };
        self.refused = self.refused_at().filter(
            |_| matches!((&self.record, &record), (Some(own), Some(new)) if same(own, new)),
        );
        // The same tokens again do not undo a pause in refreshing them.
        let same = |own: &Record, new: &Record| {
            (own.generation, own.issued_at) == (new.generation, new.issued_at)
        };
        if !matches!((&self.record, &record), (Some(own), Some(new)) if same(own, new)) {
            let known = record.as_ref().filter(|_| self.refused.is_none());
            self.fresh_until = known.map_or(UnixTime::from_secs(0), Record::fresh_until);
        }
        mem::replace(&mut self.record, record)
    }

    /// A host that changed the secret of its client, or how it authenticates, means the new one.
    fn with_own_secret(&self, mut record: Record) -> Record {
        let own = self.settings.pre_registered.as_ref();
        if let Some(own) = own.filter(|own| own.client_id == record.binding.client.client_id)
            && let Some(secret) = &own.client_secret
            && record.binding.client.secret() != Some(secret)
        {
            let client = Arc::make_mut(&mut Arc::make_mut(&mut record.binding).client);
            client.client_secret = Some(ClientSecret::for_ever(secret.clone()));
        }
        if let (Some(_), Some(method)) = (own, self.settings.auth_method)
            && record.binding.client.auth_method != method
        {
            let client = Arc::make_mut(&mut Arc::make_mut(&mut record.binding).client);
            client.auth_method = method;
        }
        record
    }

    pub(crate) fn postpone(&mut self, until: UnixTime) {
        let end = self.record.as_ref().and_then(Record::expires_at);
        self.fresh_until = end.map_or(until, |end| end.min(until));
    }

    /// With tokens that the store does not have. They are used for some seconds, and then stored if that is possible.
    pub(crate) fn keeping(mut self, record: Record, now: UnixTime) -> Self {
        drop(self.adopt(Some(record), now));
        self.postpone(now + ELSEWHERE);
        self
    }
}

/// How long a living token is used before it is looked at what a refresh elsewhere has brought, or whether the
/// store answers again.
pub(crate) const ELSEWHERE: Duration = Duration::from_secs(5);
