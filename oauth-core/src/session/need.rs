//! Why a session works: what is wrong with the token that it has.

use alloc::boxed::Box;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::flow::{AuthorizationOptions, NotAsked};
use crate::http::clean_code;
use crate::scope::Scopes;
use crate::wire::{ResourceChallenge, Scheme};

/// Why the session works: what is wrong with the token it has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Need {
    /// The server refused the token of this generation, whatever its expiry says.
    pub(crate) refused: Option<u64>,
    /// A refresh would not help: a scope is missing, or one was tried.
    pub(crate) no_refresh: bool,
    /// How long the token should live yet. One that lives shorter is refreshed if it can be, and is used if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lasting: Option<Duration>,
    /// Somebody asked for a login.
    #[serde(default)]
    pub(crate) asked_for: bool,
    /// What they want of it. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) options: Option<Box<AuthorizationOptions>>,
    /// The server was asked already, and may have said nothing.
    pub(crate) was_answered: bool,
    /// What the server said.
    pub(crate) challenge: Option<Box<ResourceChallenge>>,
    /// What it answered instead of asking for a login, if it was asked.
    #[serde(default)]
    pub(crate) not_asked: Option<Box<NotAsked>>,
    /// How often others were faster.
    pub(crate) lost_races: u8,
}

impl Need {
    /// Whether the server wants more scopes than the token has, which is good for other requests (MCP 2026-07-28,
    /// Step-Up Authorization Flow). Whoever has to know asks here.
    pub(crate) fn is_step_up(&self) -> bool {
        self.challenge.as_ref().is_some_and(|it| it.is_insufficient_scope())
    }

    /// The scopes that it wants then, if it names any.
    pub(crate) fn missing(&self) -> Option<&Scopes> {
        self.challenge.as_ref().filter(|_| self.is_step_up())?.scope.as_ref()
    }

    /// Whether the server has refused the token, and not for want of a scope.
    pub(crate) fn is_refusal(&self) -> bool {
        self.was_answered && !self.asked_for && !self.is_step_up()
    }

    /// Whether the server has refused the token of this generation itself.
    pub(crate) fn refuses(&self, generation: u64) -> bool {
        self.is_refusal() && self.refused == Some(generation)
    }

    /// Whether the server takes only tokens that are bound to a key.
    pub(crate) fn wants_key(&self) -> bool {
        self.challenge.as_ref().is_some_and(|it| it.scheme == Scheme::Dpop)
    }

    /// The error code of the challenge, to be shown.
    pub(crate) fn code(&self) -> Option<Box<str>> {
        Some(clean_code(self.challenge.as_ref()?.error.as_ref()?).into())
    }

    /// The same once more, because others were faster.
    ///
    /// # Errors
    ///
    /// The need as it was, after they were so too often.
    pub(crate) fn outrun(self) -> Result<Self, Self> {
        if self.lost_races >= MAX_LOST_RACES {
            return Err(self);
        }
        Ok(Self { lost_races: self.lost_races + 1, ..self })
    }
}

/// How often a session starts over because others changed the store meanwhile.
pub(crate) const MAX_LOST_RACES: u8 = 3;

/// How often it stores tokens again that nobody can get a second time, before it gives the lock away without. A program
/// that writes without the lock is faster some times, but not so many.
pub(crate) const MAX_LOST_SAVES: u8 = 16;
