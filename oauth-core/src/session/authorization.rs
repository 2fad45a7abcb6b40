//! The token that is held, and what is attached to a request with it: the hot path.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::{Misuse, PeerMisbehaved};
use crate::flow::{Possession, Settings};
use crate::keys::DpopKey;
use crate::policy::ServerUrl;
use crate::session::attach::{Attach, ProofRequest};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::{BearerAuth, DpopNonce, TokenType};

/// What a session holds at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    pub(crate) settings: Arc<Settings>,
    pub(crate) record: Option<Record>,
    /// Until when the token is handed out without a thought.
    pub(crate) fresh_until: UnixTime,
    /// When the store was looked at; 0 if it was not.
    #[serde(default = "never")]
    pub(crate) looked_at: UnixTime,
    /// When the MCP server had refused the token that is held, so that no refresh helped: known here, and perhaps
    /// not stored yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<UnixTime>,
    /// What the MCP server wants to see in the next proof. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<Box<DpopNonce>>,
}

fn never() -> UnixTime {
    UnixTime::from_secs(0)
}

impl Snapshot {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let until = if settings.bearer.is_some() { u64::MAX } else { 0 };
        let fresh_until = UnixTime::from_secs(until);
        let looked_at = never();
        Self { settings, record: None, fresh_until, looked_at, refused: None, nonce: None }
    }

    /// The token, if it needs no thought; `None` means that the session has work to do.
    #[must_use]
    #[inline]
    pub fn authorization(&self, now: UnixTime) -> Option<Authorization<'_>> {
        if self.at_hand().contains(&now) { self.token() } else { None }
    }

    /// When the token that is held needs no thought.
    #[inline]
    pub(crate) fn at_hand(&self) -> Range<UnixTime> {
        match self.settings.store_check_interval.filter(|_| self.record.is_some()) {
            None => never()..self.fresh_until,
            Some(interval) => self.looked_at..self.fresh_until.min(self.looked_at + interval),
        }
    }

    /// Whether the store was not looked at for as long as
    /// [`Settings::store_check_interval`](crate::flow::Settings::store_check_interval) says: the token may be no longer
    /// what is stored. A clock that was set back makes that no longer.
    #[must_use]
    #[inline]
    pub fn is_look_due(&self, now: UnixTime) -> bool {
        let interval = self.settings.store_check_interval.filter(|_| self.record.is_some());
        interval.is_some_and(|interval| now < self.looked_at || now >= self.looked_at + interval)
    }

    /// The token, as long as it has not expired, and is not [known to be refused](Record::refused_at): for those who
    /// would otherwise wait while somebody else renews it.
    #[must_use]
    pub fn living_authorization(&self, now: UnixTime) -> Option<Authorization<'_>> {
        let lives = self.record.as_ref().is_none_or(|record| record.is_alive(now));
        if lives && self.refused.is_none() { self.token() } else { None }
    }

    /// Why the token is not handed out although it is there.
    pub(crate) fn check(&self) -> Result<(), PeerMisbehaved> {
        let tokens = self.record.as_ref().and_then(Record::tokens);
        tokens.map_or(Ok(()), |tokens| tokens.check(self.settings.policy.tolerates))
    }

    /// What is stored, as far as it is known.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The token, whether or not it has expired or was refused: for those who keep it in a form of their own. `None` also
    /// if the policy does not tolerate what it needed.
    #[must_use]
    #[inline]
    pub fn token(&self) -> Option<Authorization<'_>> {
        let (auth, possession, generation) = match &self.record {
            Some(record) => {
                let tokens = record.tokens.as_ref()?;
                let tolerates = self.settings.policy.tolerates;
                if !tokens.tolerated.are_within(tolerates) {
                    return None;
                }
                let possession = match tokens.token_type {
                    TokenType::Bearer => None,
                    TokenType::Dpop => Some(record.binding.possession.as_deref()?),
                };
                (&tokens.access_token, possession, record.generation)
            }
            None => (self.settings.bearer.as_ref()?, None, 0),
        };
        let nonce = self.nonce.as_deref();
        Some(Authorization { auth, possession, nonce, generation, server: &self.settings.server })
    }
}

/// A token to send, borrowed from the session.
#[derive(Debug, Clone, Copy)]
pub struct Authorization<'a> {
    auth: &'a BearerAuth,
    /// The key, if the token is bound to one.
    possession: Option<&'a Possession>,
    nonce: Option<&'a DpopNonce>,
    pub(crate) generation: u64,
    server: &'a ServerUrl,
}

impl<'a> Authorization<'a> {
    /// What goes with a request: its method in upper case and its URL, both as they are sent.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`] if the URL has another origin than the MCP server: the token is not
    /// for it. Nor may a redirect that leaves the origin be followed with it.
    pub fn attach<'r>(&self, method: &'r str, url: &'r str) -> Result<Attach<'r>, Misuse>
    where
        'a: 'r,
    {
        self.server.check_request(url)?;
        Ok(match self.possession {
            None => Attach::Bearer(self.auth.header_value()),
            Some(possession) => {
                let (token, nonce) = (self.auth, self.nonce);
                Attach::Dpop(ProofRequest { token, possession, nonce, method, url })
            }
        })
    }

    /// The bearer token itself, for hosts that attach it in their own way. `None` if the token is bound to a key: it is
    /// never sent without a proof.
    ///
    /// # Security
    ///
    /// It may go to the MCP server only.
    #[must_use]
    pub fn bearer(&self) -> Option<&'a BearerAuth> {
        self.possession.is_none().then_some(self.auth)
    }

    /// The token with the scheme that it is sent with.
    #[must_use]
    pub fn to_auth(&self) -> BearerAuth {
        match self.possession {
            None => self.auth.clone(),
            Some(_) => self.auth.bound(),
        }
    }

    #[cfg(feature = "client")]
    pub(crate) fn possession(&self) -> Option<&'a Possession> {
        self.possession
    }

    /// The key that the token is bound to, if it is to one.
    #[must_use]
    pub fn dpop_key(&self) -> Option<&'a DpopKey> {
        self.possession.map(|possession| &possession.key)
    }
}
