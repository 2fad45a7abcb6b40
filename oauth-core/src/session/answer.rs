//! What a refusal of the MCP server leads to (RFC 6750 §3.1, MCP 2026-07-28 Step-Up Authorization Flow).
//!
//! | status | and | leads to |
//! |---|---|---|
//! | 401 | a proof that lacks the server's nonce, or is refused | the request again, with another proof, once |
//! | 401 | another token is there by now | the request again |
//! | 401 | a token that was issued just now, which no answer has accepted yet | a moment's wait, then the request again |
//! | 401 | a refresh token, not tried for this request | a refresh where the token came from, then the request again |
//! | 401 | the token of a login that was just made, refreshed if it can be | an error, and no login before a pause that grows |
//! | 401 | otherwise | metadata read anew, a login, then the request again |
//! | 403 | `insufficient_scope`, and a scope that was not asked for | a login for the union, then the request again |
//! | any | | the application's own answer |
//!
//! Each request has a budget ([`Attempt`]); when it is spent there is an error.

use alloc::boxed::Box;
use core::mem;
use core::time::Duration;

use crate::error::{Error, PeerIncompatible};
use crate::http::Endpoint;
use crate::session::authorization::Authorization;
use crate::session::head::{Head, ProofDefect};
use crate::session::known::trials::{MAX_REMEDIES, MOMENT};
use crate::session::machine::Session;
use crate::session::need::Need;
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding, Remedy};
use crate::wire::{BearerAuth, ResourceChallenge};

/// One request of the application, over all the times it is sent.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    sent: Option<u64>,
    refreshes: u8,
    authorizations: u8,
    retries: u8,
    has_waited: bool,
    /// Whether its story has begun.
    is_told: bool,
    /// Whether the token that it was sent with is bound to a key.
    is_bound: bool,
    /// Whether the last answer wanted a nonce.
    wanted_nonce: bool,
    /// Whether a proof was refused.
    was_proof_refused: bool,
}

impl Attempt {
    /// A request that was not sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The request goes out with this token, or with none.
    pub fn sent_with(&mut self, authorization: Option<&Authorization<'_>>) {
        self.sent = authorization.map(|authorization| authorization.generation);
        self.is_bound = authorization.is_some_and(|it| it.dpop_key().is_some());
    }

    /// The request went out with this token, which a session with this record handed out at some time.
    pub fn sent_token(&mut self, record: Option<&Record>, token: &BearerAuth) {
        let current = record
            .filter(|it| it.tokens().is_some_and(|own| own.access_token.token() == token.token()));
        self.is_bound = token.is_bound();
        // One that is not held any more is older than what is.
        self.sent = Some(current.map_or(0, |record| record.generation));
    }

    /// Whether that token is bound to a key: then every answer counts.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.is_bound
    }

    /// Which token the request was sent with, as [`Record::generation`] counts; `None` if without.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        self.sent
    }

    /// Whether an answer says only that the proof lacked the nonce which came with it, and not twice in a row: then the
    /// request can go out once more, and nothing else is to be done.
    #[cfg(feature = "client")]
    pub(crate) fn lacks_nonce(&mut self, status: u16, head: &Head<'_>) -> bool {
        let is_it = || matches!(head.proof_defect(), Some(ProofDefect::Nonce(Some(_))));
        let lacks_it = status == 401 && self.is_bound && is_it();
        lacks_it && !mem::replace(&mut self.wanted_nonce, true)
    }

    /// `is_own` is whether the session has brought the refused token itself, and it lives.
    fn is_spent(&self, need: &Need, has_user: bool, is_own: bool) -> bool {
        let is_worn = self.refreshes + self.authorizations >= MAX_REMEDIES;
        // Without a user, nobody decides otherwise the next time. Somebody else's token, found in the store instead of a
        // new one, is no decision.
        let is_decided = is_own && !has_user;
        let tried = if need.is_step_up() { self.authorizations } else { self.refreshes };
        is_worn || is_decided && tried > 0
    }
}

/// What to do with an answer of the MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is the application's, untouched.
    Deliver,
    /// Drive [`Session::turn`] until it is ready, then send the request again.
    Retry,
    /// Wait that long, hold nothing meanwhile that others wait for, then send the request again with the token
    /// that there is by then. What others made of the session meanwhile is not this request's: unless the
    /// turn is ready, [`access`](Session::access) comes first.
    ///
    /// The token was issued just now: a server may have to hear of it first, or its clock is late.
    Wait(Duration),
}

impl PeerIncompatible {
    /// What an answer means that came with these `WWW-Authenticate` values to a request with a fixed token: for hosts
    /// that cannot hand out the answer itself.
    #[must_use]
    pub fn bearer_refused<'a>(challenges: impl IntoIterator<Item = &'a str>) -> Self {
        let challenge = ResourceChallenge::select(challenges).map(Box::new);
        Self::BearerRefused { error: Need { challenge, ..Need::default() }.code() }
    }
}

impl Session {
    /// Judges an answer of the MCP server: its status and its header fields, of whatever request.
    ///
    /// A host whose token is not [bound to a key](Authorization::dpop_key) may leave out answers other than 401 and 403,
    /// but should tell of one that is a success for each token ([`Attempt::generation`]): that the server took it is why
    /// a login is made again at once when it is refused later. With a key every answer counts: each may say what the
    /// server wants to see in the next proof. A success says nothing about a request that the same login did not help.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::StillRefused`] when all that may be done for one request was done;
    /// [`PeerIncompatible::ProofRefused`] or [`PeerIncompatible::ClocksDiffer`] when it does not take proofs. The turns say
    /// [`PeerIncompatible::LoginInVain`] while another login would be one too many.
    pub fn answered<'a>(
        &mut self,
        attempt: &mut Attempt,
        status: u16,
        head: impl Into<Head<'a>>,
        now: UnixTime,
    ) -> Result<Verdict, Error> {
        let head = head.into();
        if attempt.is_bound
            && let Some(nonce) = head.nonce()
        {
            // The newest counts, whatever it came with (RFC 9449 §8.2).
            self.known.held.nonce = Some(nonce.into());
        }
        if !matches!(status, 401 | 403) || self.known.held.settings.bearer.is_some() {
            self.known.learn_status(attempt.sent, status);
            return Ok(Verdict::Deliver);
        }
        let refused = attempt.sent;
        let challenge = head.challenge(attempt.is_bound).map(Box::new);
        let need = Need { refused, challenge, was_answered: true, ..Need::default() };
        if status == 403 && !need.is_step_up() {
            return Ok(Verdict::Deliver);
        }
        if !mem::replace(&mut attempt.is_told, true) {
            self.known.timeline.clear();
        }
        if let Some(defect) = head.proof_defect().filter(|_| attempt.is_bound && status == 401) {
            return self.prove_again(attempt, defect, &need, head.check_clocks(now));
        }
        attempt.wanted_nonce = false;
        if self.known.generation() != refused.unwrap_or(0) && self.known.is_alive(&need, now) {
            // Somebody has a newer token by now; but not for ever.
            attempt.retries = attempt.retries.saturating_add(1);
            if attempt.retries <= MAX_REMEDIES {
                self.note(status, &need, Remedy::OtherToken);
                if !self.op.is_ready() {
                    self.start(need);
                }
                return Ok(Verdict::Retry);
            }
        }
        if status == 403 && !self.known.asks_for_more(&need) {
            return Ok(Verdict::Deliver);
        }
        if !need.is_step_up() && !attempt.has_waited && self.known.is_too_young(refused, now) {
            attempt.has_waited = true;
            self.note(status, &need, Remedy::Wait);
            return Ok(Verdict::Wait(MOMENT));
        }
        let has_logged_in = attempt.authorizations > 0;
        let has_user = self.known.held.settings.grant_kind().has_user();
        let is_own = refused == Some(self.known.own_generation)
            // It may have been on its way for longer than it lives, which says nothing about the next one.
            && !self.known.has_expired(now);
        if attempt.is_spent(&need, has_user, is_own) {
            self.known.learn_refusal(refused, has_logged_in, true);
            self.note(status, &need, Remedy::GiveUp);
            let Attempt { refreshes, authorizations, .. } = *attempt;
            let error = need.code();
            return Err(PeerIncompatible::StillRefused { authorizations, refreshes, error }.into());
        }
        // Before the request went out without a token, what is held was refreshed in vain.
        let in_vain = self.op.needed().is_some_and(|before| before.no_refresh);
        let before = in_vain && refused.is_none() && self.known.can_refresh(&Need::default(), now);
        // A token of somebody else, found in the store instead, may be refreshed in its turn.
        let tried = if attempt.refreshes == 0 { before } else { is_own };
        // A server that takes only tokens which are bound to a key would refuse another one that is not.
        let wants_key = !attempt.is_bound && need.wants_key();
        let may_help = status == 401 && !tried && !wants_key;
        let is_last = !(may_help && self.known.can_refresh(&need, now));
        self.known.learn_refusal(refused, has_logged_in, is_last);
        self.known.learn_status(refused, status);
        if may_help && (!has_user || self.known.can_refresh(&need, now)) || wants_key && !has_user {
            attempt.refreshes += 1;
            self.note(status, &need, Remedy::Refresh);
        } else {
            attempt.authorizations += 1;
            self.note(
                status,
                &need,
                if need.is_step_up() { Remedy::WiderLogin } else { Remedy::Login },
            );
        }
        // With nothing to refresh here, there may be something in the store by now.
        self.start(Need { no_refresh: !may_help, ..need });
        Ok(Verdict::Retry)
    }

    /// The proof was not taken, which says nothing about the token: the request goes out once more with another one.
    /// That is no remedy of the budget's.
    fn prove_again(
        &mut self,
        attempt: &mut Attempt,
        defect: ProofDefect,
        need: &Need,
        clocks: Result<(), PeerIncompatible>,
    ) -> Result<Verdict, Error> {
        let (was_tried, remedy) = match defect {
            ProofDefect::Nonce(Some(_)) => (&mut attempt.wanted_nonce, Remedy::Nonce),
            ProofDefect::Nonce(None) | ProofDefect::Refused => {
                (&mut attempt.was_proof_refused, Remedy::Proof)
            }
        };
        if mem::replace(was_tried, true) {
            self.note(401, need, Remedy::GiveUp);
            clocks?;
            let error = need.code().unwrap_or_default();
            return Err(PeerIncompatible::ProofRefused { error }.into());
        }
        self.note(401, need, remedy);
        if !self.op.is_ready() {
            self.start(Need::default());
        }
        Ok(Verdict::Retry)
    }

    fn note(&mut self, status: u16, need: &Need, remedy: Remedy) {
        let url = self.known.held.settings.server.url();
        let misshapen = need.challenge.as_ref().map(|challenge| challenge.misshapen.clone());
        let finding = Finding::Refused { remedy, misshapen: misshapen.unwrap_or_default() };
        self.known.timeline.push(Entry::new(Endpoint::Resource, url, Some(status), finding));
    }
}
