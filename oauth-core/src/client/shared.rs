//! The client that all adapters share.

use alloc::sync::Arc;
use core::ops::DerefMut;
use core::sync::atomic::{AtomicBool, AtomicU64};
use core::time::Duration;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use crate::client::bindings::Bindings;
use crate::client::deadline::Deadline;
use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::failures::Failures;
use crate::client::gifts::{Gifts, Signers};
use crate::client::host::{Host, HttpSender, Runtime, Users};
use crate::client::limits::{Limits, REFRESH};
use crate::client::login_options::Ended;
use crate::client::metrics;
use crate::client::parts::Watcher;
use crate::client::system::System as _;
use crate::client::token_cache::TokenCache;
use crate::client::told::Told;
use crate::client::trace::{self, Span, Work};
use crate::client::under_way::UnderWay;
use crate::flow::Settings;
use crate::session::{Key, Record, Session, Snapshot, Turn};
use crate::wire::DpopNonce;
use crate::{BearerAuth, Entropy, HttpUrl, Scopes, UnixTime};

/// Everything that a client of one server and one user decides; its [`Host`] does it.
pub struct Client<H: Host> {
    pub(super) host: H,
    pub(super) key: Key,
    pub(super) limits: Limits,
    pub(super) watcher: Option<Arc<Watcher>>,
    pub(super) gifts: Gifts,
    pub(super) told: Told,
    pub(super) failures: Failures<HttpError<H>>,
    pub(super) settings: Arc<Settings>,
    pub(super) shown: RwLock<TokenCache>,
    /// What the MCP server wants to see in the next proof.
    pub(super) nonce: RwLock<Option<Arc<DpopNonce>>>,
    pub(super) signers: Signers,
    /// Shared by all profiles.
    pub(super) bindings: Arc<Bindings>,
    /// Where the MCP endpoint's URL redirects to. It may send each user elsewhere, so no other profile knows it.
    pub(super) moved: RwLock<Option<Arc<HttpUrl>>>,
    /// The logins that ended here.
    pub(super) logins: Ended,
    /// The token that the server has taken, as the session knows, by its generation.
    pub(super) taken: AtomicU64,
    /// Whether whoever has the session waits for a person.
    pub(super) at_login: AtomicBool,
    /// The login that can be cancelled.
    pub(super) under_way: UnderWay,
    /// What was missing from calls beside a login.
    pub(super) missing: Mutex<Option<Scopes>>,
    /// Whether what an earlier version stored was looked for.
    pub(super) has_migrated: AtomicBool,
}

/// The error of a host's HTTP client.
pub(super) type HttpError<H> = <<H as Host>::Http as HttpSender>::Error;

/// Why a call of a host fails.
pub(super) type Failure<H> = ClientError<HttpError<H>>;

pub(super) type Outcome<T, H> = Result<T, Failure<H>>;

/// The session of a host, in the hands of whoever has it.
pub(super) type SessionOf<H> = <<H as Host>::Runtime as Runtime>::Session;

/// How a host sends a user to a page.
pub(super) type VisitOf<H> = <<H as Host>::Users as Users>::Visit;

pub(super) type PageOf<H> = <<H as Host>::Users as Users>::AtPage;

impl<H: Host> Client<H> {
    /// A client whose session the host holds.
    pub fn new(
        settings: &Arc<Settings>,
        profile: &str,
        limits: Limits,
        watcher: Option<Arc<Watcher>>,
        gifts: Gifts,
        host: impl FnOnce(Session) -> H,
    ) -> Self {
        let session = Session::new(Arc::clone(settings));
        let (key, shown) = (session.key(profile), TokenCache::new(session.snapshot()));
        Self {
            host: host(session),
            key,
            limits,
            watcher,
            gifts,
            told: Told::default(),
            failures: Failures::new(),
            settings: Arc::clone(settings),
            shown: RwLock::new(shown),
            nonce: RwLock::default(),
            signers: Signers::default(),
            bindings: Arc::default(),
            moved: RwLock::default(),
            logins: Ended::default(),
            taken: AtomicU64::new(0),
            at_login: AtomicBool::new(false),
            under_way: UnderWay::default(),
            missing: Mutex::default(),
            has_migrated: AtomicBool::new(false),
        }
    }

    /// A client for another profile that shares settings, store and sockets with this one.
    #[must_use]
    pub fn for_profile(&self, profile: &str) -> Self {
        let (settings, watcher, gifts) = (&self.settings, self.watcher.clone(), self.gifts.clone());
        let host = |session| self.host.with_session(session);
        let client = Self::new(settings, profile, self.limits, watcher, gifts, host);
        Self { bindings: Arc::clone(&self.bindings), ..client }
    }

    /// What the adapter brought.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// What the record is stored under.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What another profile's record at the same server is stored under.
    pub(super) fn key_of(&self, profile: &str) -> Key {
        Key { profile: profile.into(), ..self.key.clone() }
    }

    /// What is stored, as far as it is known here.
    pub fn record(&self) -> Option<Record> {
        self.shown().snapshot.record().cloned()
    }

    /// Tells the watcher, if there is one, and `tracing`.
    pub fn tell(&self, event: &Event<'_>) {
        tell(self.watcher.as_deref(), &self.key, event);
    }

    /// Whether there is a fixed token, which a refusal does not change.
    pub fn has_bearer(&self) -> bool {
        self.settings.has_bearer()
    }

    /// What is shown once the session knows this.
    pub(super) fn seen(&self, snapshot: Snapshot) -> TokenCache {
        self.shown().next(snapshot)
    }

    /// Shows what the session knows to those who need not wait for it.
    pub(super) fn show(&self, shown: TokenCache) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// Shows what one of two sessions knows, unless the other knows what came later.
    pub(super) fn show_unless_older(&self, shown: TokenCache) {
        let mut current = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation() <= shown.generation() {
            *current = shown;
        }
    }

    pub(super) fn shown(&self) -> RwLockReadGuard<'_, TokenCache> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long somebody else's refresh is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.limits.wait.unwrap_or(REFRESH).min(REFRESH)
    }

    /// That long, or until then, if that comes first.
    pub(super) fn at_most(&self, limit: Duration, until: Option<Deadline>) -> Duration {
        until.map_or(limit, |until| self.left(until).min(limit))
    }

    /// How long a person is waited for by a caller who has until then; `None` if nobody has said.
    pub(super) fn wait(&self, until: Option<Deadline>) -> Option<Duration> {
        until.map(|until| self.left(until)).or(self.limits.wait)
    }

    /// Where a piece of work is said.
    pub(super) fn span(&self, work: Work) -> Span {
        Span::of(work, self.settings.server(), &self.key)
    }

    /// What was missing from calls beside a login: it has to be asked for by the next one.
    pub(super) fn take_missing(&self) -> Option<Scopes> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The time, and chance.
impl<H: Host> Client<H> {
    pub(super) fn now(&self) -> UnixTime {
        self.host.system().now().into()
    }

    pub(super) fn instant(&self) -> Instant {
        self.host.system().instant()
    }

    /// Randomness for one login.
    pub(super) fn entropy(&self) -> Outcome<Entropy, H> {
        self.host.system().entropy().ok_or(ClientError::NoEntropy)
    }

    pub(super) fn chance(&self) -> u32 {
        self.host.system().chance()
    }

    /// How long it is since then.
    pub(super) fn since(&self, begun: Instant) -> Duration {
        self.instant().saturating_duration_since(begun)
    }

    /// That long from now on.
    pub(super) fn deadline_after(&self, limit: Duration) -> Deadline {
        Deadline::after(limit, self.instant())
    }

    /// How much of it is left.
    pub(super) fn left(&self, deadline: Deadline) -> Duration {
        deadline.left(self.instant())
    }
}

impl<H: Host> core::fmt::Debug for Client<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Tells a watcher, if there is one, and `tracing`.
pub(super) fn tell(watcher: Option<&Watcher>, key: &Key, event: &Event<'_>) {
    trace::event(event);
    metrics::event(event);
    if let Some(watcher) = watcher {
        watcher(key, event);
    }
}

pub(super) fn bearer(mut session: impl DerefMut<Target = Session>) -> Option<BearerAuth> {
    match session.turn() {
        Ok(Turn::Ready(token)) => Some(token.to_auth()),
        _ => None,
    }
}
