//! Whether the requests of logins are pushed (RFC 9126).

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::error::PeerIncompatible;
use crate::flow::grant_kind::GrantKind;
use crate::url::HttpUrl;
use crate::wire::{ServerMetadata, Wanted};

/// When a login's request is pushed to the authorization server, so that the browser shows no more than a reference to
/// it (RFC 9126).
///
/// A request that was to be pushed and is refused is never shown in the browser instead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Par {
    /// Where the authorization server takes no other requests.
    #[default]
    IfRequired,
    /// Where the authorization server can do it.
    IfOffered,
    /// Never. A server that takes no other requests cannot be used.
    Never,
}

impl Par {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Settings {
    /// When a login's request is pushed. Unless this is set, where the authorization server requires it.
    ///
    /// # Security
    ///
    /// A client's secret is sent with such a request, before any page names the server to the user. Where the
    /// authorization server is on another host than the MCP server, [`client_issuer`](Self::client_issuer) has to say
    /// that it is the right one: without that, such a login fails.
    #[must_use]
    pub fn par(mut self, par: Par) -> Self {
        self.par = par;
        self
    }

    /// Where the request of a login to that server is pushed to, if it is.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::PushedRequestsRequired`] if it has to be, and may not.
    pub(crate) fn push_endpoint<'a>(
        &self,
        server: &'a ServerMetadata,
    ) -> Result<Option<&'a HttpUrl>, PeerIncompatible> {
        let asks_in_browser = self.grant_kind() == GrantKind::AuthorizationCode;
        let pushed = server.pushed_requests().filter(|_| asks_in_browser);
        let Some(pushed) = pushed else { return Ok(None) };
        match self.par {
            Par::Never => server.check_unpushed().map(|()| None),
            Par::IfRequired if !pushed.required => Ok(None),
            Par::IfRequired | Par::IfOffered => Ok(Some(&pushed.endpoint)),
        }
    }

    /// Which offers of a server are taken, beyond what it insists on.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            pushed_requests: self.par == Par::IfOffered,
            device_codes: self.wants_device_codes(),
            ..Wanted::default()
        }
    }
}
