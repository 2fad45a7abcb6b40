//! What a record knows of earlier logins: where else the client is known, whether it is doubted, whether the
//! MCP server refuses what they have brought, and whether the user has left.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::flow::{Binding, KnownClient};
use crate::policy::ServerUrl;
use crate::session::digest::digest;
use crate::session::record::Record;
use crate::session::record::history::History;
use crate::session::trial::Trial;
use crate::session::trouble::{Failure, Trouble};
use crate::time::UnixTime;
use crate::url::HttpUrl;
use crate::wire::{RegistrationKind, TokenData};

impl Record {
    /// With what the record knew that this one replaces, and the `state` of the login that brought the
    /// tokens if it was handed out.
    pub(crate) fn after(mut self, before: Option<&Self>, login: Option<Box<str>>) -> Self {
        let server = &self.binding.server;
        let mut elsewhere = Vec::new();
        if let Some(before) = before {
            let Binding { server: last, client, .. } = &*before.binding;
            let is_elsewhere = !server.is_of(last.issuer.as_str());
            if client.kind == RegistrationKind::Dynamic && is_elsewhere {
                let (issuer, client) = (last.issuer.clone(), Arc::clone(client));
                elsewhere.push(KnownClient { issuer, client });
            }
            elsewhere.extend_from_slice(before.elsewhere());
        }
        elsewhere.retain(|known| !server.is_of(known.issuer.as_str()));
        elsewhere.truncate(MAX_ELSEWHERE);
        // Until a login brings tokens; not because one was begun.
        let has_left = self.tokens.is_none() && before.is_some_and(Self::has_left);
        let history = History { login, elsewhere, has_left, ..History::default() };
        self.history = (history != History::default()).then(|| Arc::new(history));
        self
    }

    /// What a logout leaves.
    pub(crate) fn left(mut self) -> Self {
        Arc::make_mut(self.history.get_or_insert_default()).has_left = true;
        self
    }

    /// Whether the user has logged out, and not in again since.
    pub(crate) fn has_left(&self) -> bool {
        self.tokens.is_none() && self.history.as_ref().is_some_and(|history| history.has_left)
    }

    /// As the first of its login.
    pub(crate) fn of_login(self) -> Self {
        // It is made here alone, and copied from then on: it need not be the same on other machines.
        let lineage = self.tokens.as_ref().map(|it| (digest(&it.access_token) >> 32) as u32);
        self.with_history(|history| history.lineage = lineage)
    }

    /// Whether it is what became of a record of a login, by refreshes or by the end of its grant.
    pub(crate) fn comes_from(&self, login: &Self) -> bool {
        let lineage = |record: &Self| record.history.as_ref().and_then(|history| history.lineage);
        self.tokens.is_some() && lineage(self).is_some() && lineage(self) == lineage(login)
    }

    /// With new tokens of the same grant.
    pub(crate) fn renewed(&self, now: UnixTime, tokens: TokenData) -> Self {
        let mut renewed = Self::new(now, Arc::clone(&self.binding), Some(tokens));
        renewed.history.clone_from(&self.history);
        // The server knows the client, and has refused no new token.
        renewed.undoubted().refused(None)
    }

    /// With the same access token, and another refresh token.
    pub(crate) fn rotated(&self, tokens: TokenData) -> Self {
        self.renewed(self.issued_at, tokens).refused(self.refused_at())
    }

    /// As one whose access token the MCP server had refused by then, so that no refresh helped.
    pub(crate) fn refused(self, at: Option<UnixTime>) -> Self {
        if self.refused_at() == at {
            return self;
        }
        self.with_history(|history| history.refused_at = at)
    }

    /// When the MCP server had refused the access token, and no refresh helped: it is not handed out any more. New
    /// tokens end that, those of a login or of a later refresh.
    #[must_use]
    pub fn refused_at(&self) -> Option<UnixTime> {
        self.history.as_ref()?.refused_at
    }

    fn with_history(mut self, change: impl FnOnce(&mut History)) -> Self {
        let mut history = self.history.take().unwrap_or_default();
        change(Arc::make_mut(&mut history));
        self.history = (*history != History::default()).then_some(history);
        self
    }

    /// From a login at a server whose URL redirects to this one.
    pub(crate) fn moved_to(mut self, url: Option<HttpUrl>) -> Self {
        if url.is_some() {
            Arc::make_mut(self.history.get_or_insert_default()).moved_to = url;
        }
        self
    }

    /// Whether the tokens are for this server.
    pub(crate) fn is_for(&self, server: &ServerUrl) -> bool {
        server.is_reached_by(&self.binding.resource, self.moved())
    }

    /// Whether a request to this URL of the server's origin may carry the token. One that is for where the
    /// server's URL redirects to is for nothing else: another path may be somebody else's.
    #[must_use]
    pub fn may_go_to(&self, server: &ServerUrl, url: &str) -> bool {
        let resource = &self.binding.resource;
        let is_for = |url: &str| server.at(url).is_some_and(|there| there.is_part_of(resource));
        let slashed = || alloc::format!("{}/", url.trim_end_matches('/'));
        // Before each call: almost no server has moved.
        self.moved().is_none() || server.is_part_of(resource) || is_for(url) || is_for(&slashed())
    }

    pub(crate) fn moved(&self) -> Option<&HttpUrl> {
        self.history.as_ref()?.moved_to.as_ref()
    }

    /// With this trial of its login.
    pub(crate) fn on_trial(self, trial: Option<Trial>) -> Self {
        if self.trial() == trial {
            return self;
        }
        self.with_history(|history| history.trial = trial)
    }

    /// The login that brought the tokens, while nobody has written down that the server took one.
    pub(crate) fn trial(&self) -> Option<Trial> {
        self.history.as_ref()?.trial
    }

    /// Before a login with a client of an earlier one, which has until then to bring tokens.
    pub(crate) fn doubted(mut self, from: Option<UnixTime>) -> Self {
        if from.is_some() {
            Arc::make_mut(self.history.get_or_insert_default()).doubt_from = from;
        }
        self
    }

    /// The same as a record of its own; `None` if it is written down already.
    pub(crate) fn doubting(&self, from: UnixTime) -> Option<Self> {
        (!self.is_doubted()).then(|| self.clone().doubted(Some(from)))
    }

    /// Whether a login with the client was begun, and none was finished since.
    pub(crate) fn is_doubted(&self) -> bool {
        self.history.as_ref().is_some_and(|history| history.doubt_from.is_some())
    }

    /// The record of a client that has brought tokens again.
    pub(crate) fn vouched(&self) -> Self {
        self.clone().undoubted()
    }

    fn undoubted(self) -> Self {
        if !self.is_doubted() {
            return self;
        }
        self.with_history(|history| history.doubt_from = None)
    }

    /// Whether a login with the client was begun long ago, and none was finished since.
    pub(crate) fn is_doubtful(&self, now: UnixTime) -> bool {
        let doubt_from = self.history.as_ref().and_then(|history| history.doubt_from);
        doubt_from.is_some_and(|from| from <= now)
    }

    /// Whether it was written when a login was begun with a client of the host's, and no login has brought
    /// tokens.
    pub(crate) fn is_of_login(&self) -> bool {
        let is_brought = self.binding.client.kind == RegistrationKind::PreRegistered;
        is_brought && self.tokens.is_none() && self.is_doubted()
    }

    /// The same, once that login cannot bring any more: it says nothing about whose the client is.
    pub(crate) fn is_of_login_in_vain(&self, now: UnixTime) -> bool {
        self.is_of_login() && self.is_doubtful(now)
    }

    /// The same tokens, and what is known of the trouble in renewing them.
    pub(crate) fn troubled(&self, failure: Failure, now: UnixTime) -> Self {
        let refresh_token = self.refresh_token();
        let seed = refresh_token.map_or(&[][..], |token| token.expose().as_bytes());
        let trouble = Trouble::after(self.trouble.as_deref(), failure, seed, now);
        let mut troubled = self.clone();
        troubled.trouble = Some(Box::new(trouble));
        troubled
    }

    /// What the client is to authorization servers that were used before.
    pub(crate) fn elsewhere(&self) -> &[KnownClient] {
        self.history.as_ref().map_or(&[], |history| &history.elsewhere)
    }

    /// The `state` of the login that brought the tokens, if it was handed out.
    pub(crate) fn login(&self) -> Option<&str> {
        self.history.as_ref()?.login.as_deref()
    }
}

/// How many authorization servers of earlier logins are remembered.
const MAX_ELSEWHERE: usize = 3;
