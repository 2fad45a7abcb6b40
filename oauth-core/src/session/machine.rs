//! The session itself: what it holds, and which of its operations is under way.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::{ServerNonce, Settings};
use crate::session::access::Access;
use crate::session::acquire::{Acquire, Rest};
use crate::session::authorization::{Authorization, Snapshot};
use crate::session::cancel::Cancel;
use crate::session::claim::Claim;
use crate::session::client::Client;
use crate::session::keep::Keep;
use crate::session::login::Login;
use crate::session::logout::Logout;
use crate::session::record::{Key, KeyKind, Record};
use crate::session::refresh::Refresh;
use crate::session::refused::RefusedBefore;
use crate::session::resume::Resume;
use crate::session::shared::SharedClient;
use crate::session::transaction::{Lock, Saving};
use crate::session::trial::Trial;
use crate::session::turn::{Ask, Event};
use crate::session::unmet::Unmet;
use crate::session::vouch::Vouch;
use crate::time::UnixTime;
use crate::timeline::Timeline;
use crate::url::HttpUrl;

/// One user's authorization at one MCP server. See [the module](crate::session) for how to drive it.
///
/// Not `Clone`: two copies would spend one refresh token. Serialized, it is a secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Session {
    pub(crate) held: Snapshot,
    pub(crate) op: Op,
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

/// The operation that is under way. Each has a file, which says what it waits for and where an event leads.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) enum Op {
    /// A look into the store.
    Access(Access),
    /// A token without a user, asked for again and again.
    Acquire(Acquire),
    /// One request with the refresh token.
    Refresh(Refresh),
    /// Tokens on their way into the store.
    Keep(Keep),
    /// A login, from the need for it to its tokens.
    Login(Login),
    /// A login that looks for the client of all profiles, or registers it.
    Client(Client),
    /// A login that looks whose the client is that the host brings.
    Claim(Claim),
    /// After tokens: their client is doubted no more.
    Vouch(Vouch),
    /// A login that was given up, and takes back what it wrote.
    Cancel(Cancel),
    /// A login that was handed out, and comes back.
    Resume(Resume),
    /// The end of the tokens.
    Logout(Logout),
    /// The release of a lock, and what comes then.
    Unlock(Lock, Box<Op>),
    /// None: there is a token.
    #[default]
    Ready,
    /// None: it could not be had.
    Failed(Box<Error>),
}

/// Where an event leads.
pub(crate) enum Next {
    /// There.
    To(Op),
    /// Nowhere: the operation does not wait for it, or cannot go on with it.
    Stay(Op),
}

impl Next {
    /// There.
    pub(crate) fn to(op: impl Into<Op>) -> Self {
        Self::To(op.into())
    }

    /// Nowhere from there.
    pub(crate) fn stay(op: impl Into<Op>) -> Self {
        Self::Stay(op.into())
    }
}

/// Hands what the session is asked, and what happens to it, to the operation that is under way. An operation that is
/// not listed does not compile.
macro_rules! operations {
    ($($name:ident)*) => {
        $(impl From<$name> for Op {
            fn from(operation: $name) -> Self {
                Self::$name(operation)
            }
        })*

        impl Op {
            /// What it waits for.
            pub(crate) fn ask(&mut self, held: &Snapshot) -> Result<Ask, Error> {
                Ok(match self {
                    $(Self::$name(operation) => return operation.ask(held),)*
                    Self::Unlock(lock, _) => Ask::Unlock(*lock),
                    Self::Ready => Ask::Ready,
                    Self::Failed(error) => return Err((**error).clone()),
                })
            }

            /// Where an event leads.
            fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
                match (self, event) {
                    $((Self::$name(operation), event) => operation.handle(event, session),)*
                    (Self::Unlock(_, then), Event::Unlocked) => Next::To(*then),
                    (op, _) => Next::Stay(op),
                }
            }
        }
    };
}

operations!(Access Acquire Refresh Keep Login Client Claim Vouch Cancel Resume Logout);

impl Op {
    /// Whoever starts over has released its locks: what was to come after that is left.
    pub(crate) fn let_go(&mut self) {
        while let Self::Unlock(_, then) = self {
            *self = mem::take(&mut **then);
        }
    }

    /// Where a login would be needed, a token is asked for: whoever has set up a grant without a user is sent to no
    /// page, wherever the need comes from.
    fn without_user(self) -> Self {
        match self {
            Self::Login(Login::Needed(need)) => Acquire::Lock(need).into(),
            Self::Unlock(lock, then) => Self::Unlock(lock, Box::new(then.without_user())),
            op => op,
        }
    }

    /// The record on its way into the store.
    pub(crate) fn saving(&self) -> Option<&Saving> {
        match self {
            Self::Keep(keep) => keep.saving(),
            Self::Refresh(Refresh::SaveTrouble(saving, ..) | Refresh::SaveRefused(saving, _))
            | Self::Login(Login::SaveClient(saving, _) | Login::SaveKnown(saving, _))
            | Self::Client(Client::Save(saving, _))
            | Self::Claim(Claim::Save(saving, _))
            | Self::Vouch(Vouch::Save(saving))
            | Self::Cancel(Cancel::Save(saving, _))
            | Self::Logout(Logout::Save(saving, _)) => Some(saving),
            _ => None,
        }
    }

    /// Whether tokens are lost if the store fails.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self, Self::Keep(keep) if keep.is_spent())
    }

    /// Whether nothing is under way, and there is a token.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self, Self::Ready | Self::Keep(Keep::Kept(_)))
    }
}

impl Session {
    /// A session that knows nothing yet: its first turn looks into the store.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let fixed = settings.bearer.is_some();
        let op = if fixed { Op::Ready } else { Access::default().into() };
        let held = Snapshot::new(settings);
        Self {
            held,
            op,
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

    /// Goes where the event leads. False if that is nowhere.
    pub(crate) fn handle(&mut self, event: Event<'_>) -> bool {
        let (op, is_led) = match mem::take(&mut self.op).handle(event, self) {
            Next::To(op) => (op, true),
            Next::Stay(op) => (op, false),
        };
        self.op = match self.held.settings.machine_grant() {
            Some(_) => op.without_user(),
            None => op,
        };
        is_led
    }

    /// The token for now, if there is one in memory that needs no thought: the hot path, which neither
    /// allocates nor locks. `None` means that [`access`](Self::access) and its turns come first.
    #[must_use]
    #[inline]
    pub fn authorization(&self, now: UnixTime) -> Option<Authorization<'_>> {
        self.held.authorization(now)
    }

    /// What happened since [`access`](Self::access) or [`renew`](Self::renew), or since the first refusal
    /// of one request of the application: with an error, it is the whole story.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Takes it out, so that a session that is done takes less memory.
    pub fn take_timeline(&mut self) -> Timeline {
        mem::take(&mut self.timeline)
    }

    /// What is stored of this session, as far as it is known.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.held.record()
    }

    /// What the session was made with; to make another session of it, too.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.held.settings
    }

    /// What the session holds now, to be shared with those who must not wait for it: while one thread or
    /// task refreshes or logs in, the others go on with this.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.held.clone()
    }

    /// The key of the session's record in a store.
    #[must_use]
    pub fn key(&self, profile: &str) -> Key {
        let settings @ Settings { application, server, .. } = &*self.held.settings;
        let has_user = settings.grant_kind().has_user();
        let kind = if has_user { KeyKind::Grant } else { KeyKind::Machine };
        Key { kind, ..Key::grant(application, profile, server.as_str()) }
    }
}
