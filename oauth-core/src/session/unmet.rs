//! What the MCP server asked for, and no login was begun for: the next login does.
//!
//! ```text
//!  refused ─▶ Login ─┬─ a login ─▶ tokens ──────────────────────▶ nothing is left of it
//!                    └─ the host begins none ─▶ kept ─▶ … ─▶ a login, which asks for it, too
//! ```
//!
//! It belongs to one session, and is serialized with it. That the token at hand still lives, is refreshed or
//! used for what it is good for changes nothing; a login of somebody else that has asked for the scopes does.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::scope::Scopes;
use crate::session::machine::Session;
use crate::session::reply::LoginReply;
use crate::wire::ResourceChallenge;

/// What no login was begun for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unmet {
    /// What the server said last when it wanted another token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<Box<ResourceChallenge>>,
    /// What it said was missing from a token that was good otherwise: of all such refusals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Scopes>,
}

impl LoginReply<'_> {
    /// Asks for these scopes, too: another session for the same user was refused for want of them.
    pub fn ask_for(&mut self, missing: &Scopes) {
        self.session.unmet.get_or_insert_default().miss(missing);
    }
}

impl Unmet {
    fn miss(&mut self, missing: &Scopes) {
        self.missing.get_or_insert_default().add_or_replace(missing);
    }
}

impl Session {
    /// A need for a login is left: what the server asked for is kept.
    pub(crate) fn keep_unmet(&mut self) {
        let Some(need) = self.op.needed() else { return };
        let Some(challenge) = need.challenge.clone() else { return };
        let unmet = self.unmet.get_or_insert_default();
        match need.missing() {
            // Where its metadata is, is known of who has a token: and the server may move before the login.
            Some(missing) => unmet.miss(missing),
            None => unmet.challenge = Some(challenge),
        }
    }

    /// There are other tokens: what was said about the old ones is over, and what they were asked for with is
    /// there.
    pub(crate) fn meet(&mut self) {
        let Some(unmet) = &mut self.unmet else { return };
        unmet.challenge = None;
        let requested = self.held.record.as_ref().and_then(|it| it.binding.requested.as_ref());
        unmet.missing.take_if(|it| requested.is_some_and(|requested| requested.includes(it)));
        self.unmet.take_if(|unmet| unmet.missing.is_none());
    }

    /// The user has refused what a login asked for, or the authorization server has: it is asked for again when
    /// the MCP server wants it again.
    pub(crate) fn forget_unmet_scopes(&mut self) {
        self.unmet.take_if(|unmet| {
            unmet.missing = None;
            unmet.challenge.is_none()
        });
    }

    /// What the server said when a login was needed before, unless it has been asked since.
    pub(crate) fn unmet_challenge(&self) -> Option<&ResourceChallenge> {
        self.unmet.as_ref()?.challenge.as_deref()
    }

    /// What a login asks for beside what it is for.
    pub(crate) fn unmet_scopes(&self) -> Option<&Scopes> {
        self.unmet.as_ref()?.missing.as_ref()
    }
}
