//! What the store holds, taken over: it knows better than the memory.

use crate::session::authorization::Snapshot;
use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::seldom::Seldom;
use crate::time::UnixTime;

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

impl Known {
    /// Takes what the store holds: it knows better than the memory, also that there is nothing. What was held before
    /// comes back.
    pub(crate) fn adopt(&mut self, record: Option<Record>, now: UnixTime) -> Option<Record> {
        let Snapshot { settings, .. } = &self.held;
        let is_of_no_use = |it: &Record| {
            it.is_for(&settings.server) && it.tokens.is_some() && it.is_key_gone(settings)
        };
        let lacks_key = record.as_ref().is_some_and(is_of_no_use);
        if lacks_key || self.seldom().lacks_key {
            self.seldom_mut().lacks_key = lacks_key;
        }
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
        if self.seldom().unmet.is_none() {
            return;
        }
        let token = self.held.record.as_ref().and_then(Record::access_token);
        if token.is_some() && token != before.and_then(Record::access_token) {
            self.meet();
        }
    }

    /// Whether the access token is the one that is held, whatever else was written since.
    pub(crate) fn is_same_token(&self, record: Option<&Record>) -> bool {
        let (Some(held), Some(record)) = (&self.held.record, record) else { return false };
        let (held_token, token) = (held.access_token(), record.access_token());
        // A number stands for one record, and to compare secrets takes longer.
        let is_same = || held.generation == record.generation || held_token == token;
        held_token.is_some() && token.is_some() && is_same()
    }

    /// The same access token has another number than this one by now: what is known of it stays known.
    pub(crate) fn renumber(&mut self, before: u64) {
        let after = self.generation();
        for known in [&mut self.accepted, &mut self.own_generation] {
            if *known == before {
                *known = after;
            }
        }
        let Some(Seldom { refused, .. }) = self.seldom_if_any() else { return };
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

    /// The token that was refused stays refused under its new number.
    pub(crate) fn renumbered(&self, mut need: Need) -> Need {
        need.refused = need.refused.map(|_| self.generation());
        need
    }
}
