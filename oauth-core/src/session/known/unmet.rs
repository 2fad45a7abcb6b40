//! What the MCP server asked for, and no login was begun for.

use crate::scope::Scopes;
use crate::session::known::Known;
use crate::session::need::Need;
use crate::wire::ResourceChallenge;

impl Known {
    /// A need for a login is left: what the server asked for is kept.
    pub(crate) fn keep_unmet(&mut self, need: &Need) {
        let Some(challenge) = need.challenge.clone() else { return };
        let unmet = self.seldom_mut().unmet.get_or_insert_default();
        match need.missing() {
            // Where its metadata is, is known of who has a token: and the server may move before the login.
            Some(missing) => unmet.miss(missing),
            None => unmet.challenge = Some(challenge),
        }
    }

    /// There are other tokens: what was said about the old ones is over, and what they were asked for with is
    /// there.
    pub(crate) fn meet(&mut self) {
        let Some(unmet) = self.seldom.as_mut().and_then(|it| it.unmet.as_mut()) else { return };
        let requested = self.held.record.as_ref().and_then(|it| it.binding.requested.as_ref());
        unmet.challenge = None;
        unmet.missing.take_if(|it| requested.is_some_and(|requested| requested.includes(it)));
        if unmet.missing.is_none() {
            self.forget_unmet();
        }
    }

    /// The user has refused what a login asked for, or the authorization server has: it is asked for again when
    /// the MCP server wants it again.
    pub(crate) fn forget_unmet_scopes(&mut self) {
        let Some(seldom) = self.seldom_if_any() else { return };
        seldom.unmet.take_if(|unmet| {
            unmet.missing = None;
            unmet.challenge.is_none()
        });
    }

    /// A login has asked for all of it, or whoever comes next may be somebody else.
    pub(crate) fn forget_unmet(&mut self) {
        if let Some(seldom) = self.seldom_if_any() {
            seldom.unmet = None;
        }
    }

    /// What the server said when a login was needed before, unless it has been asked since.
    pub(crate) fn unmet_challenge(&self) -> Option<&ResourceChallenge> {
        self.seldom().unmet.as_ref()?.challenge.as_deref()
    }

    /// What a login asks for beside what it is for.
    pub(crate) fn unmet_scopes(&self) -> Option<&Scopes> {
        self.seldom().unmet.as_ref()?.missing.as_ref()
    }
}
