//! What a session knows, whichever of its operations is under way: the token that it holds, what was refused of it, and
//! what is to be asked for.
//!
//! | what | where |
//! |---|---|
//! | what the store holds, taken over | `look` |
//! | whether the token will do, and what is done where it will | `token` |
//! | a server that was in trouble, or that renews nothing | `pauses` |
//! | a token that is refused for good | `marks` |
//! | logins that the MCP server refuses | `trials` |
//! | what it asked for, and no login was begun for | `unmet` |

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::flow::{Flow, ServerNonce, Settings};
use crate::session::authorization::Snapshot;
use crate::session::refused::RefusedBefore;
use crate::session::rest::Rest;
use crate::session::shared::SharedClient;
use crate::session::trial::Trial;
use crate::session::unmet::Unmet;
use crate::time::UnixTime;
use crate::timeline::Timeline;
use crate::url::HttpUrl;

mod look;
mod marks;
mod pauses;
mod token;
pub(crate) mod trials;
mod unmet;

/// What a session knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) held: Snapshot,
    /// The generation that this session has brought itself, and not found in the store; 0 for none.
    pub(crate) own_generation: u64,
    /// The generation of which the server has taken the token; 0 for none.
    #[serde(default)]
    pub(crate) accepted: u64,
    /// This session's own last login, until it sees that the server takes a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) own_login: Option<Trial>,
    /// Where the MCP endpoint's URL redirects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_to: Option<HttpUrl>,
    /// Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<Box<RefusedBefore>>,
    /// What the server asked for, and no login was begun for. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unmet: Option<Box<Unmet>>,
    #[serde(default, skip_serializing_if = "Timeline::is_empty")]
    pub(crate) timeline: Timeline,
    /// The client that the session has to do with in the store, if all profiles share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<Box<SharedClient>>,
    /// Until when a server wants to be left alone that was asked for a token without a user, and what it said. Boxed,
    /// because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rest: Option<Box<Rest>>,
    /// What the authorization server wants to see in the next proof. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<Box<ServerNonce>>,
}

impl Known {
    /// Nothing but the settings.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            held: Snapshot::new(settings),
            own_generation: 0,
            accepted: 0,
            own_login: None,
            moved_to: None,
            refused: None,
            unmet: None,
            timeline: Timeline::default(),
            shared: None,
            rest: None,
            nonce: None,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.held.record.as_ref().map_or(0, |record| record.generation)
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

    /// What a flow has heard from the authorization server is good for the next request, too.
    pub(crate) fn hear(&mut self, flow: &Flow) {
        if let Some(nonce) = flow.nonce().filter(|it| self.nonce.as_deref() != Some(it)) {
            self.nonce = Some(Box::new(nonce.clone()));
        }
    }

    /// The MCP endpoint's URL redirects to this one, or to itself.
    pub(crate) fn note_move(&mut self, url: &HttpUrl) {
        let server = &self.held.settings.server;
        let moved = server.moved_to(url).is_some() && url != server.url();
        self.moved_to = moved.then(|| url.clone());
    }
}
