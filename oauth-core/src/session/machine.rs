//! The session itself: what it knows, and which of its operations is under way.

use alloc::sync::Arc;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::flow::Settings;
use crate::session::access::Access;
use crate::session::authorization::{Authorization, Snapshot};
use crate::session::event::Event;
use crate::session::key::{Key, KeyKind};
use crate::session::known::Known;
use crate::session::op::Op;
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::timeline::Timeline;

/// One user's authorization at one MCP server. See [the module](crate::session) for how to drive it.
///
/// Not `Clone`: two copies would spend one refresh token. Serialized, it is a secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Session {
    pub(crate) known: Known,
    pub(crate) op: Op,
}

impl Session {
    /// A session that knows nothing yet: its first turn looks into the store.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let fixed = settings.bearer.is_some();
        let op = if fixed { Op::Ready } else { Access::default().into() };
        Self { known: Known::new(settings), op }
    }

    /// Goes where the event leads. False if that is nowhere.
    pub(crate) fn handle(&mut self, event: Event<'_>) -> bool {
        let (op, is_led) = mem::take(&mut self.op).handle(event, &mut self.known);
        self.op = op;
        is_led
    }

    /// The token for now, if there is one in memory that needs no thought: the hot path, which neither
    /// allocates nor locks. `None` means that [`access`](Self::access) and its turns come first.
    #[must_use]
    #[inline]
    pub fn authorization(&self, now: UnixTime) -> Option<Authorization<'_>> {
        self.known.held.authorization(now)
    }

    /// What happened since [`access`](Self::access) or [`renew`](Self::renew), or since the first refusal
    /// of one request of the application: with an error, it is the whole story.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.known.timeline
    }

    /// Takes it out, so that a session that is done takes less memory.
    pub fn take_timeline(&mut self) -> Timeline {
        mem::take(&mut self.known.timeline)
    }

    /// What is stored of this session, as far as it is known.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.known.held.record()
    }

    /// What the session was made with; to make another session of it, too.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.known.held.settings
    }

    /// What the session holds now, to be shared with those who must not wait for it: while one thread or
    /// task refreshes or logs in, the others go on with this.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.known.held.clone()
    }

    /// The key of the session's record in a store.
    #[must_use]
    pub fn key(&self, profile: &str) -> Key {
        let settings @ Settings { application, server, .. } = &**self.settings();
        let has_user = settings.grant_kind().has_user();
        let kind = if has_user { KeyKind::Grant } else { KeyKind::Machine };
        Key { kind, ..Key::grant(application, profile, server.as_str()) }
    }

    /// Which record a turn is about.
    pub(crate) fn key_of_turn(&self, profile: &str) -> Key {
        self.key_of_client().unwrap_or_else(|| self.key(profile))
    }

    /// The same if it is the client's.
    pub(crate) fn key_of_client(&self) -> Option<Key> {
        let client = self.known.shared.as_deref().filter(|_| self.op.is_about_client())?;
        Some(client.key(self.settings()))
    }
}
