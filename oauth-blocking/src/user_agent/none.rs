//! No user agent: the login is handed to the host, which has a redirect URI of its own.

use std::time::Instant;

use oauth_core::flow::RedirectUri;
use oauth_core::wire::AuthorizationUrl;

use super::{UserAgent, UserAgentError, Visit, Visited, Waiting};

/// For web backends and gateways: the need for a login becomes an
/// [`AuthenticationError`](crate::AuthenticationError) with the `connect_url`, and the login is finished
/// wherever the redirect arrives.
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
    fn prepare(&self, _registered: Option<&str>) -> Result<Box<dyn Visit + '_>, UserAgentError> {
        Ok(Box::new(self.clone()))
    }
}

impl Visit for NoUserAgent {
    fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    fn visit(
        self: Box<Self>,
        _url: &AuthorizationUrl,
        _deadline: Instant,
        _waiting: &mut dyn FnMut(Waiting),
    ) -> Result<Visited, UserAgentError> {
        Ok(Visited::Elsewhere)
    }
}
