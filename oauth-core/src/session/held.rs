//! What a session holds, and what that is good for.

use alloc::sync::Arc;
use core::mem;
use core::time::Duration;

use crate::session::access::access_token;
use crate::session::authorization::Snapshot;
use crate::session::machine::{Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::refused::RefusedBefore;
use crate::time::UnixTime;
use crate::wire::ClientSecret;

impl Snapshot {
    /// What was held before comes back.
    fn adopt(&mut self, record: Option<Record>, now: UnixTime) -> Option<Record> {
        self.looked_at = now;
        // One that was put under the wrong key would send a token where it does not belong.
        let record = record.filter(|record| record.is_for(&self.settings.server));
        let is_of_no_use = |it: &Record| it.tokens.is_some() && it.is_key_gone(&self.settings);
        self.lacks_key = record.as_ref().is_some_and(is_of_no_use);
        let record = record.map(|record| self.with_own_secret(record).for_grant(&self.settings));
        // What is known of a token stays known, whatever could be written, and whoever has written over it.
        let same = |own: &Record, new: &Record| {
            own.issued_at == new.issued_at && access_token(Some(own)) == access_token(Some(new))
        };
        self.refused.take_if(
            |_| !matches!((&self.record, &record), (Some(own), Some(new)) if same(own, new)),
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
            let client = &mut Arc::make_mut(&mut record.binding).client;
            client.client_secret = Some(ClientSecret::for_ever(secret.clone()));
        }
        if let (Some(_), Some(method)) = (own, self.settings.auth_method)
            && record.binding.client.auth_method != method
        {
            Arc::make_mut(&mut record.binding).client.auth_method = method;
        }
        record
    }

    fn postpone(&mut self, until: UnixTime) {
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

/// What a look into the store has changed.
pub(crate) struct Look {
    /// What was held before.
    pub(crate) before: Option<Record>,
    pub(crate) is_same_token: bool,
}

impl Look {
    pub(crate) fn generation_before(&self) -> u64 {
        self.before.as_ref().map_or(0, |record| record.generation)
    }

    /// The token that was refused stays refused under the number that somebody else gave it.
    pub(crate) fn renumber(&self, need: &mut Need, generation: u64) {
        if self.is_same_token && need.refused == Some(self.generation_before()) {
            need.refused = Some(generation);
        }
    }
}

impl Session {
    /// Takes what the store holds: it knows better than the memory, also that there is nothing. What was held before
    /// comes back.
    pub(crate) fn adopt(&mut self, record: Option<Record>, now: UnixTime) -> Option<Record> {
        let before = self.held.adopt(record, now);
        self.meet_after(before.as_ref());
        before
    }

    /// The same, and what is known of a token stays known if it has another number by now.
    pub(crate) fn look(&mut self, record: Option<Record>, now: UnixTime) -> Look {
        let is_same_token = self.is_same_token(record.as_ref());
        let look = Look { before: self.adopt(record, now), is_same_token };
        if is_same_token {
            self.renumber(look.generation_before());
        }
        look
    }

    /// The same for a token that is needed.
    pub(crate) fn look_for(
        &mut self,
        need: &mut Need,
        record: Option<Record>,
        now: UnixTime,
    ) -> Look {
        let look = self.look(record, now);
        look.renumber(need, self.generation());
        look
    }

    /// Something else is held than before.
    pub(crate) fn meet_after(&mut self, before: Option<&Record>) {
        let token = access_token(self.held.record.as_ref());
        if token.is_some() && token != access_token(before) {
            self.meet();
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.held.record.as_ref().map_or(0, |record| record.generation)
    }

    /// Whether the access token is the one that is held, whatever else was written since.
    pub(crate) fn is_same_token(&self, record: Option<&Record>) -> bool {
        let held = access_token(self.held.record.as_ref());
        held.is_some() && held == access_token(record)
    }

    pub(crate) fn refused(&self) -> RefusedBefore {
        self.refused.as_deref().copied().unwrap_or_default()
    }

    pub(crate) fn refused_mut(&mut self) -> &mut RefusedBefore {
        self.refused.get_or_insert_default()
    }

    /// The authorization server does not know the client of this record any more.
    pub(crate) fn refuse_client(&mut self) {
        self.refused_mut().client = Some(self.generation());
    }

    pub(crate) fn is_client_refused(&self) -> bool {
        self.refused().client == Some(self.generation())
    }

    /// Whether nobody came back from the last login with the client of this record.
    pub(crate) fn is_client_in_doubt(&self, now: UnixTime) -> bool {
        self.refused().closed == Some(self.generation())
            || self.held.record.as_ref().is_some_and(|record| record.is_doubtful(now))
    }

    /// Whether the token is handed out without a thought.
    pub(crate) fn is_usable(&self, need: &Need, now: UnixTime) -> bool {
        now < self.held.fresh_until && self.will_do(need, now)
    }

    /// Whether the token has not expired, and was not refused.
    pub(crate) fn is_alive(&self, need: &Need, now: UnixTime) -> bool {
        self.held.refused.is_none()
            && self.held.record.as_ref().is_some_and(|record| {
                need.refused != Some(record.generation) && record.is_alive(now)
            })
    }

    pub(crate) fn can_refresh(&self, need: &Need, now: UnixTime) -> bool {
        !need.no_refresh
            && !self.is_client_refused()
            && !self.was_refreshed_in_vain(need, now)
            && !self.held.is_refresh_in_vain(now)
            && self.held.record.as_ref().is_some_and(|record| record.can_refresh(now))
    }

    /// Uses the living token for some seconds, if it would need a thought, also if a look into the store is due.
    pub(crate) fn spare(&mut self, now: UnixTime) {
        self.held.looked_at = now;
        self.linger(now);
    }

    /// Uses the living token for some seconds, if it would need a thought.
    pub(crate) fn linger(&mut self, now: UnixTime) {
        if self.held.fresh_until <= now {
            self.postpone(now + ELSEWHERE);
        }
    }

    /// What cannot be refreshed is used to its end.
    pub(crate) fn unrefreshable(&mut self, need: Need, now: UnixTime) -> Op {
        if self.is_alive(&need, now) {
            self.postpone(UnixTime::from_secs(u64::MAX));
            Op::Ready
        } else {
            self.need_login(need, now)
        }
    }

    /// Uses the old token until then, or until it expires: a server in trouble is not asked each time. That is never
    /// sooner than it would be refreshed anyway.
    pub(crate) fn postpone(&mut self, until: UnixTime) {
        self.held.postpone(until.max(self.held.fresh_until));
    }
}

/// How long a living token is used before it is looked at what a refresh elsewhere has brought, or whether the
/// store answers again.
const ELSEWHERE: Duration = Duration::from_secs(5);
