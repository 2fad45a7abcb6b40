//! What a client is made of, and what makes it: an adapter's part of building.

use alloc::boxed::Box;
use alloc::sync::Arc;
use std::path::PathBuf;

use crate::client::event::Event;
use crate::client::gifts::Gifts;
use crate::client::headers::Headers;
use crate::client::limits::Limits;
use crate::client::storage::StorageError;
use crate::flow::Settings;
use crate::loopback::CallbackUrl;
use crate::session::Key;

/// A client that the builder makes: what differs between the adapters.
pub trait Adapter: Sized {
    /// The HTTP client, as a host gives it.
    type Http;
    /// The token store.
    type Storage;
    /// The user agent.
    type UserAgent;
    /// The adapter's error.
    type Error: From<crate::Error> + From<StorageError>;

    /// The file of the program, which names the application where the host does not; `None` if that is not known.
    fn executable() -> Option<PathBuf>;

    /// Whether this session can show a page to its user, as far as its environment says. Where it cannot, and nobody has
    /// said how tokens are got or by which user agent, a login is one on [another
    /// device](crate::client::Builder::or_device_code) as well.
    fn shows_pages() -> bool;

    /// Makes the client.
    ///
    /// # Errors
    ///
    /// Why it cannot be made.
    fn from_parts(parts: Parts<Self>) -> Result<Self, Self::Error>;
}

/// What a client is made of: checked settings, and what the host gave.
pub struct Parts<A: Adapter> {
    /// What was decided about the server.
    pub settings: Arc<Settings>,
    /// Whose tokens.
    pub profile: Box<str>,
    /// How long it may take.
    pub limits: Limits,
    /// Where the redirect is listened for.
    pub callback: CallbackUrl,
    /// What is added to every request.
    pub headers: Headers,
    /// The HTTP client, if it is the host's own.
    pub http: Option<A::Http>,
    /// The token store, if it is the host's own.
    pub storage: Option<A::Storage>,
    /// The user agent, if it is the host's own.
    pub user_agent: Option<A::UserAgent>,
    /// What only the host has.
    pub gifts: Gifts,
    /// Who is told what happens.
    pub watcher: Option<Arc<Watcher>>,
}

impl<A: Adapter> core::fmt::Debug for Parts<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Is told what happens, and whose grant it concerns.
pub type Watcher = dyn Fn(&Key, &Event<'_>) + Send + Sync;
