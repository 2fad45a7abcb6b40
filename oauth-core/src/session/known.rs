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

use crate::flow::{Flow, Settings};
use crate::session::authorization::Snapshot;
use crate::session::refused::RefusedBefore;
use crate::session::seldom::{NOTHING, Seldom};
use crate::session::shared::SharedClient;
use crate::session::trial::Trial;
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
    /// All that most sessions do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seldom: Option<Box<Seldom>>,
    #[serde(default, skip_serializing_if = "Timeline::is_empty")]
    pub(crate) timeline: Timeline,
    /// The client that the session has to do with in the store, if all profiles share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<Box<SharedClient>>,
}

impl Known {
    /// Nothing but the settings.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            held: Snapshot::new(settings),
            own_generation: 0,
            accepted: 0,
            own_login: None,
            seldom: None,
            timeline: Timeline::default(),
            shared: None,
        }
    }

    pub(crate) fn seldom(&self) -> &Seldom {
        self.seldom.as_deref().unwrap_or(&NOTHING)
    }

    pub(crate) fn seldom_mut(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    /// The same, for what only forgets.
    pub(crate) fn seldom_if_any(&mut self) -> Option<&mut Seldom> {
        self.seldom.as_deref_mut()
    }

    /// Where the MCP endpoint's URL redirects to.
    pub(crate) fn moved_to(&self) -> Option<&HttpUrl> {
        self.seldom().moved_to.as_ref()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.held.record.as_ref().map_or(0, |record| record.generation)
    }

    pub(crate) fn refused(&self) -> RefusedBefore {
        self.seldom().refused
    }

    pub(crate) fn refused_mut(&mut self) -> &mut RefusedBefore {
        &mut self.seldom_mut().refused
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
        let heard = self.seldom().nonce.as_deref();
        if let Some(nonce) = flow.nonce().filter(|it| heard != Some(it)) {
            self.seldom_mut().nonce = Some(Box::new(nonce.clone()));
        }
    }

    /// The MCP endpoint's URL redirects to this one, or to itself.
    pub(crate) fn note_move(&mut self, url: &HttpUrl) {
        let server = &self.held.settings.server;
        let moved = server.moved_to(url).is_some() && url != server.url();
        if moved || self.seldom.is_some() {
            self.seldom_mut().moved_to = moved.then(|| url.clone());
        }
    }
}
