//! `Consent`: the user decides in a browser, and comes back (RFC 6749 §4.1, RFC 9207).
//!
//! ```text
//!  Browser ──┬─ a code, `state` and `iss` right ──▶ Redeem
//!     ▲      ├─ a scope is refused, and the client can register anew ──▶ Register
//!     │      ├─ any other refusal, or `iss` wrong ──▶ an error
//!     └──────┴─ another `state`: not an answer to this login
//! ```

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::Error;
use crate::flow::binding::Binding;
use crate::flow::machine::{Answered, State};
use crate::flow::recourse::Tried;
use crate::flow::redeem::Redeem;
use crate::flow::settings::Settings;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::{
    AuthorizationCode, AuthorizationUrl, Consented, Sought, authorization_url, read_redirect,
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
}

impl Consent {
    pub(crate) fn url(&self) -> AuthorizationUrl {
        let Binding { server, client, resource, requested, dialect, .. } = &self.binding;
        let what = Consented {
            client_id: client.client_id(),
            redirect_uri: client.redirect_uri(),
            resource,
            dialect: dialect.as_deref(),
            scopes: requested.as_ref(),
            sought: &self.sought,
            verifier: &self.verifier,
            state: &self.state,
        };
        authorization_url(server, &what)
    }

    pub(crate) fn endpoint(&self) -> &HttpUrl {
        &self.binding.server.authorization_endpoint
    }

    pub(crate) fn read(&self, query: &str) -> Result<(AuthorizationCode, Tolerances), Error> {
        read_redirect(query, &self.state, &self.binding.server, self.tolerates)
    }

    /// What [`read`](Self::read) found is this login's.
    pub(crate) fn came_back(
        self,
        read: Result<(AuthorizationCode, Tolerances), Error>,
        settings: &Settings,
    ) -> Answered {
        match read {
            Ok((code, tolerated)) => {
                let Self { mut binding, tolerates, verifier, tried, sought, .. } = self;
                binding.server.tolerated.extend(tolerated);
                let redeem = Redeem { binding, tolerates, verifier, tried, sought, code };
                Ok((State::Redeem(redeem), Finding::CameBack))
            }
            Err(Error::Refused(refusal)) => self.refused(refusal, settings),
            Err(error) => Err(error.into()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_usual(tolerates: &Tolerances) -> bool {
    *tolerates == Tolerances::default()
}
