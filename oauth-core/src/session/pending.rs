//! A login that was handed out, and how it is finished: once, in time, unchanged.
//!
//! ```text
//!  suspend ─▶ PendingLogin ─ stored by the host, while the user consents ─▶ resume
//!                                                                            │
//!   finished before, or too late ◀── Load ◀── Lock(Login) ◀──────────────────┘
//!                                     └▶ Browser: the redirect, if its `state` is right ─▶ Redeem
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entropy::RandomBytes;
use crate::error::{Error, Misuse};
use crate::flow::{Consent, Flow, Settings};
use crate::secret::SecretBuffer;
use crate::session::login::Running;
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::url::{HttpUrl, shown};
use crate::wire::AuthorizationUrl;

/// A login that waits for its redirect, detached from the session that began it: it can be stored, and
/// finished by another process with [`Session::resume`].
///
/// The `state` that the user takes along is a digest of all that is in here, so a login that was changed
/// while it was stored does not fit its redirect any more.
///
/// # Security
///
/// Serialized, it holds the PKCE verifier: keep it where tokens are kept. A copy is the same login: it
/// can be finished once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingLogin {
    profile: Box<str>,
    expires_at: UnixTime,
    /// How many logins in a row the server refused at once, before this one.
    #[serde(default, skip_serializing_if = "none")]
    in_vain: u8,
    /// Where the MCP endpoint's URL redirects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<HttpUrl>,
    /// As it was begun, with a `state` that was never shown.
    consent: Consent,
}

impl PendingLogin {
    pub(crate) fn new(
        profile: &str,
        expires_at: UnixTime,
        running: Running,
        moved_to: Option<HttpUrl>,
    ) -> Option<Self> {
        let in_vain = running.in_vain;
        let consent = running.flow.into_consent()?;
        Some(Self { profile: profile.into(), expires_at, in_vain, moved_to, consent })
    }

    /// Whose tokens the login brings.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// Until when it can be finished.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// The URL that the user has to visit; its `state` tells which redirect belongs to this login.
    #[must_use]
    pub fn connect_url(&self) -> AuthorizationUrl {
        self.sealed().url()
    }

    fn sealed(&self) -> Consent {
        // All keys are texts, so it always serializes.
        let all = SecretBuffer(serde_json::to_string(self).unwrap_or_default());
        let state = RandomBytes::new(Sha256::digest(&all.0).into());
        Consent { state, ..self.consent.clone() }
    }
}

impl Session {
    /// A session that finishes a login which another one handed out: its turns lead to the browser's
    /// turn, which takes the redirect.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignLogin`] if the login is to another server than the settings name,
    /// [`Misuse::ForeignProfile`] if it is for another profile: its tokens are somebody else's. The turns
    /// find out whether it was finished before ([`Error::LoginUsed`]) or comes too late
    /// ([`Error::LoginExpired`]).
    pub fn resume(
        settings: Arc<Settings>,
        profile: &str,
        pending: PendingLogin,
    ) -> Result<Self, Error> {
        if *pending.profile != *profile {
            let (expected, found) = (pending.profile, profile.into());
            return Err(Misuse::ForeignProfile { expected, found }.into());
        }
        let resource = &pending.consent.binding.resource;
        if !settings.server.is_reached_by(resource, pending.moved_to.as_ref()) {
            let (server, resource) = (settings.server.shown(), shown(resource));
            return Err(Misuse::ForeignLogin { server, resource }.into());
        }
        let mut session = Self::new(settings);
        session.moved_to.clone_from(&pending.moved_to);
        session.state = State::LockPending(Box::new(pending));
        Ok(session)
    }

    /// Goes on with a login that was handed out, if it may.
    pub(crate) fn take_up(&self, pending: PendingLogin, now: UnixTime) -> State {
        let consent = pending.sealed();
        let url = consent.url();
        let finished = self.held.record().and_then(Record::login);
        let expired_at = pending.expires_at;
        let over = if finished == Some(url.state()) {
            Error::LoginUsed
        } else if expired_at < now {
            Error::LoginExpired { expired_at }
        } else {
            let flow = Flow::resume(consent, Arc::clone(&self.held.settings));
            let in_vain = pending.in_vain;
            return State::Run(Box::new(Running::handed_out(flow, in_vain, url.state())));
        };
        Lock::Login.release(State::Failed(Box::new(over)))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it like that")]
fn none(count: &u8) -> bool {
    *count == 0
}
