//! A user agent that is a function: for tests, and for hosts that show pages in their own way.

use std::sync::Arc;

use oauth_core::client::UserAgentError;
use oauth_core::flow::RedirectUri;
use oauth_core::wire::AuthorizationUrl;

use super::{Prepared, UserAgent};

/// A function that takes the authorization URL and gives the redirect's query, or the reason why there
/// is none.
///
/// It is not told when the login is cancelled: whoever called goes on at once, and the function is left to its end on a
/// thread of its own. [`Prepared::new`] makes user agents that are told.
///
/// ```
/// # use oauth_blocking::{RedirectUri, UserAgentFn};
/// let redirect_uri = RedirectUri::parse("http://127.0.0.1:1/callback")?;
/// let user = UserAgentFn::new(redirect_uri, |url| Ok(format!("error=access_denied&state={}", url.state())));
/// # Ok::<(), oauth_core::Error>(())
/// ```
pub struct UserAgentFn<F> {
    redirect_uri: RedirectUri,
    visit: Arc<F>,
}

impl<F> UserAgentFn<F>
where
    F: Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync,
{
    /// A visitor who comes back to `redirect_uri`.
    pub fn new(redirect_uri: RedirectUri, visit: F) -> Self {
        Self { redirect_uri, visit: Arc::new(visit) }
    }
}

impl<F> std::fmt::Debug for UserAgentFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserAgentFn")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

impl<F> UserAgent for UserAgentFn<F>
where
    F: Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync + 'static,
{
    fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let visit = Arc::clone(&self.visit);
        Ok(Prepared::new(self.redirect_uri.clone(), move |url, _, _| visit(url).map(Into::into)))
    }
}
