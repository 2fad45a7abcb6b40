//! What is stored of a session: everything that a restart needs, and nothing that could be derived.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::{Binding, Settings};
use crate::json::read_json;
use crate::keys::DpopKey;
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::session::record::history::History;
use crate::session::trouble::Trouble;
use crate::time::UnixTime;
use crate::wire::{BearerAuth, RegistrationKind, TokenData};

mod history;
mod past;

/// A stored grant: tokens, what they are bound to, and how often it was written.
///
/// It is self-sufficient: with it, a valid token costs no request and an expired one exactly one.
/// A record without tokens keeps the client's registration for the next login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: Format,
    pub(crate) generation: u64,
    /// When the tokens were issued.
    pub(crate) issued_at: UnixTime,
    /// Shared with the record that replaces this one when the tokens are refreshed.
    pub(crate) binding: Arc<Binding>,
    #[serde(rename = "past", default, skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<Arc<History>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    /// Shared with all who hold the record.
    pub(crate) tokens: Option<Arc<TokenData>>,
    /// Why the tokens could not be renewed, since they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// Why stored bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordDefect {
    /// They were written by a later version of this crate: keep them.
    #[error("the record has format {found}, this version reads {FORMAT}")]
    Format {
        /// The format's number.
        found: u32,
    },
    /// They cannot be read.
    #[error("the record is damaged")]
    Damaged,
}

impl Record {
    /// One that has no number before it is [saved](crate::session::transaction::Saving).
    pub(crate) fn new(
        issued_at: UnixTime,
        binding: Arc<Binding>,
        tokens: Option<TokenData>,
    ) -> Self {
        let (format, generation, history, trouble) = (Format, 0, None, None);
        let tokens = tokens.map(Arc::new);
        Self { format, generation, issued_at, binding, history, tokens, trouble }
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// A [`RecordDefect`] that says whether the bytes are damaged or merely newer.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RecordDefect> {
        #[derive(Deserialize)]
        struct Numbered {
            format: u32,
        }
        let text = core::str::from_utf8(bytes).map_err(|_| RecordDefect::Damaged)?;
        match read_json(text) {
            Ok(record @ Self { generation: 1..=MAX_GENERATION, .. }) => Ok(record),
            _ => match read_json(text) {
                Ok(Numbered { format: found }) if found != FORMAT => {
                    Err(RecordDefect::Format { found })
                }
                _ => Err(RecordDefect::Damaged),
            },
        }
    }

    /// The record as JSON.
    ///
    /// # Security
    ///
    /// The tokens and the client secret are in it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // All keys are texts, so it always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Grows each time the record is written, by more than one: a store replaces a record only by one that was
    /// made from the generation it holds. Never 0, and less than 2⁵³, so that it is a number everywhere.
    ///
    /// It is a count that does not repeat, also where a store loses what it has said it holds, or a record is
    /// deleted and made anew: its lower bits are drawn from what is written.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a program with these settings may have stored it. A client that the program brought itself
    /// has to be the same one; a client that the server registered may be anybody's, but not that of a
    /// program which brings a client id.
    ///
    /// For stores with records that do not say whose they are.
    #[must_use]
    pub fn may_be_of(&self, settings: &Settings) -> bool {
        let client = &self.binding.client;
        let own = settings.pre_registered.as_ref().map(|own| &*own.client_id);
        if !self.binding.grant.serves(settings.grant_kind()) {
            return false;
        }
        if !self.binding.grant.has_user() {
            return own.unwrap_or_default() == &*client.client_id;
        }
        match client.kind {
            RegistrationKind::PreRegistered => own == Some(&*client.client_id),
            RegistrationKind::MetadataDocument => {
                settings.metadata_url.as_ref() == Some(&client.client_id)
            }
            RegistrationKind::Dynamic => own.is_none(),
        }
    }

    /// Whether the tokens were bound to a key that nobody has any more: it is not had again by asking.
    pub(crate) fn is_key_gone(&self, settings: &Settings) -> bool {
        self.binding.dpop_key().is_some_and(|key| {
            let own = settings.dpop_key.as_deref().map(DpopKey::public_key);
            key.secret().is_none() && own != Some(key.public_key())
        })
    }

    /// The same where the host cannot read the key that is stored with the tokens: it is damaged, or of a form that only
    /// another program knows. The tokens are of no use then. To be given to
    /// [`LoadReply::loaded`](crate::session::LoadReply::loaded), and to no store.
    #[must_use]
    pub fn with_lost_key(mut self) -> Self {
        if let Some(possession) = &mut Arc::make_mut(&mut self.binding).possession {
            possession.key = possession.key.clone().without_secret();
        }
        self
    }

    /// As one of this grant: tokens that were got by another, or without a user for another client, are nobody's.
    pub(crate) fn for_grant(mut self, settings: &Settings) -> Self {
        let Binding { grant, .. } = *self.binding;
        if self.is_key_gone(settings) {
            (self.tokens, self.trouble) = (None, None);
        }
        let serves = grant.serves(settings.grant_kind());
        if !serves || !grant.has_user() && !self.may_be_of(settings) {
            (self.tokens, self.trouble) = (None, None);
        }
        self
    }

    /// What the tokens are bound to.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The tokens, if the login was completed and has not ended.
    #[must_use]
    pub fn tokens(&self) -> Option<&TokenData> {
        self.tokens.as_deref()
    }

    /// The scopes that the tokens have: those granted, or those asked for if the server does not say
    /// (RFC 6749 §5.1).
    #[must_use]
    pub fn scopes(&self) -> Option<&Scopes> {
        self.tokens.as_ref()?.scope.as_ref().or(self.binding.requested.as_ref())
    }

    /// Until when the access token is used without a thought. A token that can be refreshed is renewed
    /// a little before it expires, a short-lived one closer to its end.
    pub(crate) fn fresh_until(&self) -> UnixTime {
        let Some(tokens) = self.tokens.as_ref().filter(|_| self.refused_at().is_none()) else {
            return UnixTime::from_secs(0);
        };
        let Some(expires_at) = self.expires_at() else {
            return UnixTime::from_secs(u64::MAX);
        };
        if tokens.refresh_token.is_none() && self.binding.grant.has_user() {
            return expires_at;
        }
        let lifetime = expires_at.since(self.issued_at);
        let margin = EARLY.min(lifetime / 5);
        UnixTime::from_secs(expires_at.as_secs().saturating_sub(margin.as_secs()))
    }

    /// When the access token expires; `None` if it is used until it is refused. So is one that was issued
    /// expired: nobody issues tokens that are good for nothing, and the next would be the same.
    pub(crate) fn expires_at(&self) -> Option<UnixTime> {
        self.tokens.as_ref()?.expires_at.filter(|at| *at > self.issued_at)
    }

    /// Whether the access token lives at least that long. One whose expiry is unknown does.
    ///
    /// # Errors
    ///
    /// [`Error::TokenTooShort`], with how long it lives.
    pub fn lives_for(&self, wanted: Duration, now: UnixTime) -> Result<(), Error> {
        let lives_for = self.expires_at().map(|at| at.since(now));
        match lives_for.filter(|lives_for| *lives_for < wanted) {
            Some(lives_for) => Err(Error::TokenTooShort { lives_for, wanted }),
            None => Ok(()),
        }
    }

    /// Whether the tokens were issued less than a minute ago: others would live no longer.
    #[must_use]
    pub fn is_new(&self, now: UnixTime) -> bool {
        now.since(self.issued_at) < NEW
    }

    /// Whether there is an access token that has not expired, whoever refuses it.
    pub(crate) fn is_unexpired(&self, now: UnixTime) -> bool {
        self.tokens.is_some() && self.expires_at().is_none_or(|at| now < at)
    }

    /// Whether there is an access token that has not expired, and that the MCP server is not known to refuse.
    pub(crate) fn is_alive(&self, now: UnixTime) -> bool {
        self.is_unexpired(now) && self.refused_at().is_none()
    }

    pub(crate) fn access_token(&self) -> Option<&BearerAuth> {
        Some(&self.tokens.as_ref()?.access_token)
    }

    pub(crate) fn refresh_token(&self) -> Option<&Secret> {
        self.tokens.as_ref()?.refresh_token.as_ref()
    }

    /// Whether there is something to refresh with that the server may still take.
    #[must_use]
    pub fn can_refresh(&self, now: UnixTime) -> bool {
        self.binding.client.is_alive(now) && self.refresh_token().is_some()
    }
}

/// Far more than a record is ever written, and far from where counting ends.
const MAX_GENERATION: u64 = u64::MAX / 2;

/// The number that stands in every record.
const FORMAT: u32 = 1;

/// What every record is in that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
struct Format;

impl From<Format> for u32 {
    fn from(_: Format) -> Self {
        FORMAT
    }
}

impl TryFrom<u32> for Format {
    type Error = RecordDefect;

    fn try_from(found: u32) -> Result<Self, RecordDefect> {
        if found == FORMAT { Ok(Self) } else { Err(RecordDefect::Format { found }) }
    }
}

/// How old a token is at most that is not renewed for a longer life.
const NEW: Duration = Duration::from_secs(60);

/// How long before its end a token is renewed, at most.
const EARLY: Duration = Duration::from_secs(60);
