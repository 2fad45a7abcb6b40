//! A login that was handed out, as the host stores it while the user consents.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entropy::RandomBytes;
use crate::flow::Consent;
use crate::secret::SecretBuffer;
use crate::session::progress::LoginProgress;
use crate::time::UnixTime;
use crate::url::HttpUrl;
use crate::wire::AuthorizationUrl;

/// A login that waits for its redirect, detached from the session that began it: it can be stored, and
/// finished by another process with [`Session::resume`](crate::session::Session::resume).
///
/// The `state` that the user takes along is a digest of all that is in here, so a login that was changed
/// while it was stored does not fit its redirect any more. Where the request was pushed (RFC 9126), the server had that
/// digest before the login was handed out: profile and expiry are not in it.
///
/// # Security
///
/// Serialized, it holds the PKCE verifier: keep it where tokens are kept. A copy is the same login: it
/// can be finished once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingLogin {
    profile: Box<str>,
    pub(crate) expires_at: UnixTime,
    /// How many logins in a row the server refused at once, before this one.
    #[serde(default, skip_serializing_if = "none")]
    pub(crate) in_vain: u8,
    /// Where the MCP endpoint's URL redirects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_to: Option<HttpUrl>,
    /// As it was begun, with a `state` that was never shown.
    pub(crate) consent: Consent,
}

impl PendingLogin {
    pub(crate) fn new(
        profile: &str,
        expires_at: UnixTime,
        progress: LoginProgress,
        moved_to: Option<HttpUrl>,
    ) -> Option<Self> {
        let in_vain = progress.in_vain;
        let consent = progress.flow.into_consent()?;
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

    /// Until when the user has to be at the [page](Self::connect_url). Later than that, begin another login.
    ///
    /// The same as [`expires_at`](Self::expires_at), but for a login whose request was pushed (RFC 9126 §2.2): then it is
    /// often within a minute, while what the user does there may take longer. The page of such a login may be visited
    /// once.
    #[must_use]
    pub fn visit_by(&self) -> UnixTime {
        let visit_by = self.consent.visit_by();
        visit_by.map_or(self.expires_at, |visit_by| visit_by.min(self.expires_at))
    }

    /// The URL that the user has to visit; its `state` tells which redirect belongs to this login.
    #[must_use]
    pub fn connect_url(&self) -> AuthorizationUrl {
        self.sealed().url()
    }

    /// With the `state` that the user takes along.
    pub(crate) fn sealed(&self) -> Consent {
        // The server has it already.
        if self.consent.visit_by().is_some() {
            return self.consent.clone();
        }
        // All keys are texts, so it always serializes.
        let all = SecretBuffer(serde_json::to_string(self).unwrap_or_default());
        let state = RandomBytes::new(Sha256::digest(&all.0).into());
        Consent { state, ..self.consent.clone() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it like that")]
fn none(count: &u8) -> bool {
    *count == 0
}
