//! `Consent`: the user decides in a browser, and comes back (RFC 6749 §4.1, RFC 9207).
//!
//! ```text
//!  Browser ──┬─ a code, `state` and `iss` right ──▶ the code
//!     ▲      ├─ the server refuses ──▶ the refusal
//!     │      ├─ `iss` wrong, or anything else ──▶ an error
//!     └──────┴─ another `state`: not an answer to this login
//! ```

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entropy::RandomBytes;
use crate::error::{Error, Refusal};
use crate::flow::binding::Binding;
use crate::flow::errand::Errand;
use crate::flow::grant_kind::GrantKind;
use crate::flow::outcome::Once;
use crate::flow::settings::Settings;
use crate::flow::tried::{OnceOnly, Tried};
use crate::keys::DpopKey;
use crate::secret::SecretBuffer;
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::{
    AuthorizationCode, AuthorizationRequest, AuthorizationUrl, PushedRequest, Registration,
    RegistrationKind, ServerMetadata, Sought, authorization_url, pushed_url, read_redirect,
};

/// Waits for the redirect. Everything that the second leg needs is here, as it was recorded before the
/// user was sent away (RFC 9700 §4.4.2): nothing is looked up again when the redirect comes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) binding: Binding,
    /// How far redirect and token endpoint may stray.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(crate) tolerates: Tolerances,
    pub(crate) verifier: RandomBytes,
    pub(crate) state: RandomBytes,
    #[serde(default, skip_serializing_if = "Tried::is_nothing")]
    pub(crate) tried: Tried,
    #[serde(default, skip_serializing_if = "Sought::is_nobody")]
    pub(crate) sought: Sought,
    /// By what the server knows the request already (RFC 9126): for one visit. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pushed: Option<Box<PushedRequest>>,
}

/// What came back with the user.
pub(crate) enum CameBack {
    /// A code, which is this login's.
    Code(Consent, AuthorizationCode),
    /// The server's no.
    Refused(Consent, Refusal),
}

impl Consent {
    /// Sends the user off.
    pub(crate) fn new(
        errand: Errand,
        settings: &Settings,
        server: Arc<ServerMetadata>,
        client: Arc<Registration>,
    ) -> Self {
        let Errand { terms, verifier, state, tried, sought } = errand;
        let grant = GrantKind::AuthorizationCode;
        Self {
            binding: Binding::new(grant, terms, settings, server, client),
            tolerates: settings.policy.tolerates,
            verifier,
            state,
            tried,
            sought,
            pushed: None,
        }
    }

    /// Where a code for another device may be asked for beside it: once, and by a client that was registered for it if
    /// this one was registered at all.
    pub(crate) fn code_endpoint(&self, settings: &Settings) -> Option<&HttpUrl> {
        let Binding { server, client, .. } = &self.binding;
        let may_ask = client.kind != RegistrationKind::Dynamic || client.device_codes;
        settings.code_beside(server).filter(|_| may_ask && !self.tried.has(OnceOnly::DeviceCode))
    }

    pub(crate) fn url(&self) -> AuthorizationUrl {
        let server = &self.binding.server;
        self.ask(&self.shown_state(), |what| match &self.pushed {
            Some(pushed) => pushed_url(server, what, pushed),
            None => authorization_url(server, what),
        })
    }

    /// Until when the user has to be at that URL, if that matters.
    pub(crate) fn visit_by(&self) -> Option<UnixTime> {
        self.pushed.as_ref().map(|pushed| pushed.expires_at)
    }

    /// The request, with this `state`.
    pub(crate) fn ask<T>(
        &self,
        state: &RandomBytes,
        write: impl FnOnce(&AuthorizationRequest<'_>) -> T,
    ) -> T {
        let Binding { client, resource, requested, dialect, .. } = &self.binding;
        let jkt = self.binding.dpop_key().map(DpopKey::thumbprint);
        write(&AuthorizationRequest {
            client_id: client.client_id(),
            redirect_uri: client.redirect_uri(),
            resource,
            dialect: dialect.as_deref(),
            scopes: requested.as_ref(),
            sought: &self.sought,
            verifier: &self.verifier,
            dpop_jkt: jkt.as_deref(),
            state,
        })
    }

    /// The `state` of a request that is pushed: a digest of all that is in here, so that a login which is changed while
    /// it is stored does not fit its redirect any more. What it is known by then is not in it, nor what is asked beside it
    /// later.
    pub(crate) fn seal(&self) -> RandomBytes {
        let mut tried = self.tried.clone();
        tried.forget(OnceOnly::DeviceCode);
        let unpushed = Self { pushed: None, tried, ..self.clone() };
        // All keys are texts, so it always serializes.
        let all = SecretBuffer(serde_json::to_string(&unpushed).unwrap_or_default());
        RandomBytes::new(Sha256::digest(&all.0).into())
    }

    /// The `state` that the user takes along.
    fn shown_state(&self) -> Cow<'_, RandomBytes> {
        match self.pushed {
            Some(_) => Cow::Owned(self.seal()),
            None => Cow::Borrowed(&self.state),
        }
    }

    pub(crate) fn endpoint(&self) -> &HttpUrl {
        self.binding.server.authorization_endpoint()
    }

    pub(crate) fn read(&self, query: &str) -> Result<(AuthorizationCode, Tolerances), Error> {
        read_redirect(query, &self.shown_state(), &self.binding.server, self.tolerates)
    }

    /// What [`read`](Self::read) found is this login's.
    pub(crate) fn came_back(
        mut self,
        read: Result<(AuthorizationCode, Tolerances), Error>,
    ) -> Once<CameBack> {
        match read {
            Ok((code, tolerated)) => {
                let pushed = self.pushed.take().map_or(Tolerances::NONE, |it| it.tolerated);
                self.binding.tolerate(tolerated);
                self.binding.tolerate(pushed);
                Ok((CameBack::Code(self, code), Finding::CameBack))
            }
            Err(error) => {
                let finding = Finding::failed(&error);
                let Error::Refused(refusal) = error else { return Err(error.into()) };
                Ok((CameBack::Refused(self, refusal), finding))
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_usual(tolerates: &Tolerances) -> bool {
    *tolerates == Tolerances::default()
}
