//! No user agent: the login is handed to the host, which has a redirect URI of its own.

use oauth_core::client::UserAgentError;
use oauth_core::flow::RedirectUri;

use super::{Prepared, UserAgent};

/// For web backends and gateways: the need for a login becomes an
/// [`AuthenticationError`](crate::AuthenticationError) with the `connect_url`, and the login is finished
/// wherever the redirect arrives: `OAuth::resume`, in this process or another.
///
/// Callers who wait at the same time get the same login; each call after that begins a new one, until one
/// is finished.
///
/// # Security
///
/// The URL may be passed on to somebody else, who would then connect *their* account to the profile. A host
/// that knows its users finishes a login only for the one to whom it showed the URL, by their session cookie
/// for instance; the example `gateway` of `oauth-tokio` does.
#[derive(Debug, Clone)]
pub struct NoUserAgent {
    redirect_uri: RedirectUri,
}

impl NoUserAgent {
    /// The user will come back to this URI, which the host serves.
    #[must_use]
    pub fn new(redirect_uri: RedirectUri) -> Self {
        Self { redirect_uri }
    }
}

impl UserAgent for NoUserAgent {
    fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        Ok(Prepared::elsewhere(self.redirect_uri.clone()))
    }
}
