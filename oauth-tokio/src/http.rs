//! The HTTP client, for as many servers and users as there are.

/// An HTTP client that follows no redirects: a token stays with the server that it is for.
///
/// Clones share connections. A host with many users makes one and gives it to all
/// ([`OAuthBuilder::agent`](crate::OAuthBuilder::agent)); it belongs to the runtime on which it is used.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// A client with the host's proxy, certificates and time limits.
    ///
    /// # Errors
    ///
    /// Why the TLS backend or the resolver cannot be set up.
    pub fn new(builder: reqwest::ClientBuilder) -> Result<Self, reqwest::Error> {
        builder.redirect(reqwest::redirect::Policy::none()).build().map(Self)
    }
}

impl std::ops::Deref for HttpClient {
    type Target = reqwest::Client;

    fn deref(&self) -> &reqwest::Client {
        &self.0
    }
}
