//! The session that the server has given, if it gives one (MCP 2025-11-25, Streamable HTTP, Session Management).

use std::sync::{Mutex, MutexGuard, PoisonError};

use oauth_tokio::reqwest::{RequestBuilder, Response, StatusCode};

use super::message::Message;

/// Which session it is, and how it was begun.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
    /// Held by who begins another one.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    opened: Opened,
    initialize: Option<Message>,
}

/// What requests say of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened {
    /// How many there were before.
    number: u64,
    id: Option<String>,
    protocol_version: Option<String>,
}

/// The right to say what the next session is.
pub(super) struct Opening<'a> {
    session: &'a Session,
    _held: tokio::sync::MutexGuard<'a, ()>,
}

impl Session {
    /// As it is now; for who begins one, none.
    pub(super) fn opened(&self, begins: bool) -> Opened {
        if begins { Opened::default() } else { self.lock().opened.clone() }
    }

    /// The host has begun one.
    pub(super) fn open(
        &self,
        initialize: Message,
        id: Option<String>,
        protocol_version: Option<String>,
    ) {
        let mut state = self.lock();
        state.initialize = Some(initialize);
        state.next(id, protocol_version);
    }

    /// What begins another one in the place of this; `None` if somebody else has, or nobody can.
    pub(super) async fn begin_again(&self, lost: &Opened) -> Option<(Opening<'_>, Message)> {
        let held = self.opening.lock().await;
        let state = self.lock();
        let initialize =
            state.initialize.as_ref().filter(|_| state.opened.number == lost.number)?;
        Some((Opening { session: self, _held: held }, initialize.of_our_own(state.opened.number)))
    }

    /// What an answer gives it as its name.
    pub(super) fn id_of(answer: &Response) -> Option<String> {
        answer.headers().get(ID)?.to_str().ok().map(str::to_owned)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self, id: Option<String>, protocol_version: Option<String>) {
        self.opened = Opened { number: self.opened.number + 1, id, protocol_version };
    }
}

impl Opening<'_> {
    pub(super) fn opened(self, id: Option<String>, protocol_version: Option<String>) {
        self.session.lock().next(id, protocol_version);
    }
}

impl Opened {
    pub(super) fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// Whether the server knows it no more.
    pub(super) fn is_lost(&self, answer: &Response) -> bool {
        self.has_id() && answer.status() == StatusCode::NOT_FOUND
    }

    /// A message may say itself which version it is of.
    pub(super) fn add_to(&self, request: RequestBuilder, version: Option<&str>) -> RequestBuilder {
        let version = version.or(self.protocol_version.as_deref());
        let fields = [(ID, self.id.as_deref()), ("mcp-protocol-version", version)];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        fields.fold(request, |request, (name, value)| request.header(name, value))
    }
}

const ID: &str = "mcp-session-id";
