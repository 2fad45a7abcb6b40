//! The session itself, and what it asks for.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::Settings;
use crate::http::Request;
use crate::session::access::Want;
use crate::session::authorization::{Authorization, Snapshot};
use crate::session::cancel::Doubts;
use crate::session::login::Running;
use crate::session::logout::{Leaving, LoggedOut};
use crate::session::pending::PendingLogin;
use crate::session::record::{Key, Record};
use crate::session::reply::{
    BrowserReply, HttpReply, LoadReply, LockReply, LoginReply, PrepareReply, ReserveReply,
    SaveReply, UnlockReply,
};
use crate::session::saving::Saving;
use crate::session::shared::SharedClient;
use crate::session::trial::Trial;
use crate::session::unmet::Unmet;
use crate::time::UnixTime;
use crate::timeline::Timeline;
use crate::url::HttpUrl;
use crate::wire::AuthorizationUrl;

/// One user's authorization at one MCP server. See [the module](crate::session) for how to drive it.
///
/// Not `Clone`: two copies would spend one refresh token. Serialized, it is a secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Session {
    pub(crate) held: Snapshot,
    pub(crate) state: State,
    /// The generation that this session has brought itself, and not found in the store; 0 for none.
    pub(crate) brought: u64,
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
}

/// What the servers refused of what was known from before: the next login does without.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct RefusedBefore {
    /// It does not know the client of this generation any more.
    pub(crate) client: Option<u64>,
    /// Nobody came back from a login with the client of this generation.
    #[serde(default)]
    pub(crate) closed: Option<u64>,
    /// Nor does one of those that were used before.
    pub(crate) elsewhere: bool,
    /// It does not know all the scopes that were asked for before.
    pub(crate) scopes: bool,
    /// The MCP server refused the token of this generation, and never took it.
    #[serde(default)]
    pub(crate) token: Option<u64>,
    /// Tokens of the login of this time that it refused were refreshed.
    #[serde(default)]
    pub(crate) refreshed: Option<UnixTime>,
    /// The login of this time did not help a request: that others are taken does not undo its pause.
    #[serde(default)]
    pub(crate) in_vain: Option<UnixTime>,
    /// The token of this generation was refused when it was new, and is given until then.
    #[serde(default)]
    pub(crate) young: Option<(u64, UnixTime)>,
}

/// What the session waits for. `Want` says why it works at all.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum State {
    /// The first look into the store.
    Load(Want),
    /// The refresh lock.
    Lock(Want),
    /// The second look, under the lock.
    LoadLocked(Want),
    /// The proof that what a refresh brings can be kept.
    Reserve(Want),
    /// The answer to a refresh.
    Refresh(Want),
    /// A third look, after the refresh was refused for the reason kept here.
    LoadRefused(Want, Box<Error>),
    /// A look at what somebody else stored in the place of the record kept here.
    LoadConflict(Box<Saving>, Want),
    /// The same in the place of what a login has brought, under its lock.
    LoadOverLogin(Box<Saving>),
    /// A new attempt to write a record, after others wrote theirs again and again.
    Unsaved(Box<Saving>),
    /// Nothing: there is a token, which is not stored yet.
    Kept(Box<Saving>),
    /// The host's decision to log in.
    Login(Want),
    /// The login lock.
    LockLogin(Want),
    /// A look under the login lock.
    LoadLogin(Want),
    /// Where the user will come back to.
    Prepare(Want),
    /// The same once more, if it can be where the client that is kept here is registered.
    PrepareAgain(Box<Running>, Box<Record>),
    /// The login lock, to finish a login that was handed out.
    LockPending(Box<PendingLogin>),
    /// A look under the login lock at whether it was finished before.
    LoadPending(Box<PendingLogin>),
    /// The refresh lock, to log out.
    LockLogout(Box<Leaving>),
    /// A look under the lock at what there is to log out of.
    LoadLogout(Box<Leaving>),
    /// The answer to a revocation.
    Revoke(Box<Leaving>),
    /// Nothing: the user is logged out.
    LoggedOut(Box<LoggedOut>),
    /// The lock of the client that all profiles share, to register it.
    LockClient(Box<Running>),
    /// A look under that lock at whether it is registered.
    LoadClient(Box<Running>),
    /// A look at whose the client is that the host brings.
    LoadIssuer(Box<Running>),
    /// A look at what is known of the client that has just brought tokens.
    LoadDoubt,
    /// The same of a login that the host has cancelled, which takes back what is kept here.
    LoadCancelled(Doubts),
    /// The login's next step.
    Run(Box<Running>),
    /// A record on its way into the store.
    Save(Box<Saving>),
    /// The release of a lock, and what comes then.
    Unlock(Lock, Box<State>),
    /// Nothing: there is a token.
    Ready,
    /// Nothing: it could not be had.
    Failed(Box<Error>),
}

impl State {
    /// Whoever starts over has released its locks: what was to come after that is left.
    pub(crate) fn let_go(&mut self) {
        while let Self::Unlock(_, then) = self {
            *self = mem::replace(&mut **then, Self::Ready);
        }
    }

    /// Why the store is read for a token.
    pub(crate) fn reason_to_load(&mut self) -> Option<&mut Want> {
        match self {
            Self::Load(want)
            | Self::LoadLocked(want)
            | Self::LoadRefused(want, _)
            | Self::LoadLogin(want) => Some(want),
            _ => None,
        }
    }
}

/// Which lock of a [`Key`]. They are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lock {
    /// Held for the length of one token request and one save.
    Refresh,
    /// Held while a person looks at a page: minutes.
    Login,
    /// The lock of a [client's key](crate::session::KeyKind::Client): held for the length of one registration
    /// and one save, while the login lock is held as well.
    Client,
}

impl Lock {
    /// Releases the lock, and then is there.
    pub(crate) fn release(self, then: State) -> State {
        State::Unlock(self, Box::new(then))
    }
}

/// What to do next. Exhaustive on purpose: a driver has to handle all of it.
#[derive(Debug)]
pub enum Turn<'a> {
    /// Read the record from the store.
    Load(LoadReply<'a>),
    /// Take a lock that others who share the store respect. Wait for it if need be.
    Lock(Lock, LockReply<'a>),
    /// See that the refresh lock is still held, and that what a refresh brings can be stored.
    Reserve(ReserveReply<'a>),
    /// Write a record, if the store still holds the generation it replaces.
    Save(SaveReply<'a>),
    /// Release the lock, if it is still held: a host that stopped in between may have done so.
    Unlock(Lock, UnlockReply<'a>),
    /// Send the request.
    Http(Request, HttpReply<'a>),
    /// A login is needed. Begin one, or stop here.
    Login(LoginReply<'a>),
    /// A login begins. Listen for the redirect, and say where. With
    /// [`RedirectUri::at_any_port`](crate::flow::RedirectUri::at_any_port), a login may ask once more.
    Prepare(PrepareReply<'a>),
    /// Send the user to the URL.
    Browser(AuthorizationUrl, BrowserReply<'a>),
    /// There is a token.
    Ready(Authorization<'a>),
    /// The user is logged out.
    LoggedOut(LoggedOut),
}

impl Session {
    /// A session that knows nothing yet: its first turn looks into the store.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let fixed = settings.bearer.is_some();
        let state = if fixed { State::Ready } else { State::Load(Want::default()) };
        let held = Snapshot::new(settings);
        Self {
            held,
            state,
            brought: 0,
            accepted: 0,
            own_login: None,
            moved_to: None,
            refused: None,
            unmet: None,
            timeline: Timeline::default(),
            shared: None,
        }
    }

    /// The token for now, if there is one in memory that needs no thought: the hot path, which neither
    /// allocates nor locks. `None` means that [`access`](Self::access) and its turns come first.
    #[must_use]
    #[inline]
    pub fn authorization(&self, now: UnixTime) -> Option<Authorization<'_>> {
        self.held.authorization(now)
    }

    /// Says what to do next. Asking changes nothing.
    ///
    /// # Errors
    ///
    /// Why there is no token. The session stays usable: [`access`](Self::access) starts over.
    ///
    /// With [`PeerMisbehaved::NotTolerated`](crate::error::PeerMisbehaved::NotTolerated) there is one, and it
    /// is stored, but the policy refuses what it needed. Each access says so until the token is renewed, or
    /// the policy tolerates it.
    pub fn turn(&mut self) -> Result<Turn<'_>, Error> {
        Ok(match &mut self.state {
            State::Load(_)
            | State::LoadConflict(..)
            | State::LoadOverLogin(_)
            | State::LoadLocked(_)
            | State::LoadRefused(..)
            | State::LoadLogin(_)
            | State::LoadPending(_)
            | State::LoadClient(_)
            | State::LoadIssuer(_)
            | State::LoadDoubt
            | State::LoadCancelled(_)
            | State::LoadLogout(_) => Turn::Load(LoadReply { session: self }),
            State::Lock(_) | State::LockLogout(_) => {
                Turn::Lock(Lock::Refresh, LockReply { session: self })
            }
            State::LockLogin(_) | State::LockPending(_) => {
                Turn::Lock(Lock::Login, LockReply { session: self })
            }
            State::LockClient(_) => Turn::Lock(Lock::Client, LockReply { session: self }),
            State::Reserve(_) => Turn::Reserve(ReserveReply { session: self }),
            State::Unlock(lock, _) => Turn::Unlock(*lock, UnlockReply { session: self }),
            State::Save(_) => Turn::Save(SaveReply { session: self }),
            State::Login(_) => Turn::Login(LoginReply { session: self }),
            State::Prepare(_) | State::PrepareAgain(..) => {
                Turn::Prepare(PrepareReply { session: self })
            }
            State::Refresh(_) => {
                let request = self.refresh_request().ok_or(Error::LoginRequired)?;
                Turn::Http(request, HttpReply { session: self })
            }
            State::Revoke(leaving) => {
                let request = leaving.request(self.held.record.as_ref());
                Turn::Http(request.ok_or(Error::LoginRequired)?, HttpReply { session: self })
            }
            State::LoggedOut(outcome) => Turn::LoggedOut((**outcome).clone()),
            State::Run(running) => match running.next()? {
                crate::session::login::Next::Http(request) => {
                    Turn::Http(request, HttpReply { session: self })
                }
                crate::session::login::Next::Browser(url) => {
                    Turn::Browser(url, BrowserReply { session: self })
                }
            },
            State::Ready | State::Kept(_) => {
                self.held.check()?;
                return self.held.token().map(Turn::Ready).ok_or(Error::LoginRequired);
            }
            State::Unsaved(_) => return Err(Error::Contended),
            State::Failed(error) => return Err((**error).clone()),
        })
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
        let Settings { application, server, .. } = &*self.held.settings;
        Key::grant(application, profile, server.as_str())
    }
}
