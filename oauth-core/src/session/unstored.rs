//! What the store does not know of tokens, and what that is worth.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::authorization::Snapshot;
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::time::UnixTime;

/// What the store does not know of tokens: that they were issued, or have ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Unstored {
    pub(crate) saving: Saving,
    pub(crate) then: AfterKeep,
    /// What the session held before it used these tokens, if it did that before they were stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<HeldBefore>>,
}

/// What a session held before it used tokens that were not stored: what the store may still hold.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeldBefore {
    pub(crate) record: Option<Record>,
}

/// What is done once tokens are stored, and where to start over if somebody else stored some.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum AfterKeep {
    /// Refreshed tokens: use them.
    Refreshed(Need),
    /// A new refresh token that came without an access token, for the reason kept here: go on with the old
    /// one while it lives.
    Rotated(Need, Box<Error>),
    /// Tokens of any kind that were to be stored earlier, and perhaps were: what others stored since
    /// is newer.
    Late(Need),
    /// The grant has ended, which is written down: use what lives, else log in.
    Ended(Need),
    /// Tokens of a login: use them. Nobody else's tokens are better, so they replace what is there, unless it is what
    /// became of them: they were stored when that seemed to fail.
    LoggedIn { tries: u8 },
}

impl AfterKeep {
    /// Whether tokens are lost if the record is not stored.
    pub(crate) fn is_spent(&self) -> bool {
        !matches!(self, Self::Ended(_))
    }

    /// How often others were faster.
    pub(crate) fn lost_races(&mut self) -> &mut u8 {
        match self {
            Self::LoggedIn { tries } => tries,
            Self::Refreshed(need)
            | Self::Rotated(need, _)
            | Self::Late(need)
            | Self::Ended(need) => &mut need.lost_races,
        }
    }

    /// Which lock is held, if the host has not released it long ago.
    pub(crate) fn lock(&self) -> Option<Lock> {
        match self {
            Self::Refreshed(_) | Self::Rotated(..) | Self::Ended(_) => Some(Lock::Refresh),
            Self::LoggedIn { .. } => Some(Lock::Login),
            Self::Late(_) => None,
        }
    }
}

impl Unstored {
    /// What is on its way into the store, and was not used before.
    pub(crate) fn new(saving: Saving, then: AfterKeep) -> Self {
        Self { saving, then, before: None }
    }

    pub(crate) fn is_login(&self) -> bool {
        matches!(self.then, AfterKeep::LoggedIn { .. })
    }

    /// Whether the tokens can be used although they are not stored.
    pub(crate) fn serves(&self, held: &Snapshot, now: UnixTime) -> bool {
        let is_good = match &self.then {
            AfterKeep::Refreshed(_) | AfterKeep::LoggedIn { .. } => true,
            // The access token is the old one.
            AfterKeep::Rotated(need, _) => need.refused.is_none() && held.refused.is_none(),
            AfterKeep::Late(need) => {
                !need.asked_for && need.refused != Some(self.saving.record.generation)
            }
            AfterKeep::Ended(_) => false,
        };
        is_good && self.saving.record.is_alive(now)
    }

    /// The same over another record than was expected.
    pub(crate) fn over(self, stored: u64) -> Box<Self> {
        let Self { saving, mut then, before } = self;
        let generation = saving.record.generation;
        let saving = saving.over(stored);
        // Used before it was stored, and refused, it stays refused under its new number.
        if let AfterKeep::Late(need) = &mut then
            && need.refused == Some(generation)
        {
            need.refused = Some(saving.record.generation);
        }
        Box::new(Self { saving, then, before })
    }

    pub(crate) fn late(mut self: Box<Self>, need: Need) -> Box<Self> {
        let generation = self.saving.record.generation;
        self.then = match self.then {
            AfterKeep::Ended(_) => AfterKeep::Ended(need),
            // What was refused before it was stored is refused for whoever asks next as well.
            AfterKeep::Late(before)
                if before.refuses(generation) && !need.was_answered && !need.asked_for =>
            {
                AfterKeep::Late(before)
            }
            _ => AfterKeep::Late(need),
        };
        self
    }

    /// Whether what somebody else stored is worth less than this: because it has no tokens, or those of a login that
    /// was replaced, or the refresh token that was rotated away by now. A logout is worth more. Nothing is worth more
    /// than a login, except what became of its own tokens.
    pub(crate) fn is_better_than(
        &self,
        stored: &Record,
        held: Option<&Record>,
        now: UnixTime,
    ) -> bool {
        let record = &self.saving.record;
        if self.is_login() {
            return !stored.comes_from(record);
        }
        let before = self.before.as_ref().map_or(held, |before| before.record.as_ref());
        let spent = before.and_then(Record::refresh_token);
        let has_spent =
            spent.is_some() && spent == stored.refresh_token() && spent != record.refresh_token();
        // Whoever spent it as well, and was refused, has written that the grant has ended.
        let was_ended = stored.refresh_token().is_none()
            && stored.access_token() == before.and_then(Record::access_token)
            && record.refresh_token().is_some();
        // Or has refreshed the grant that this login was to replace.
        let was_replaced =
            before.is_some_and(|before| stored.comes_from(before) && !record.comes_from(before));
        // Without a user the token is all there is: the one that it is to replace is worth less, and so is a dead one.
        let is_new = matches!(self.then, AfterKeep::Refreshed(_));
        let is_of_machine = is_new && !record.binding.grant.has_user();
        let was_dead = is_of_machine
            && (!stored.is_alive(now)
                || stored.access_token() == before.and_then(Record::access_token));
        self.then.is_spent()
            && !stored.has_left()
            && (stored.tokens.is_none() || has_spent || was_ended || was_replaced || was_dead)
    }
}
