//! `Register`: the authorization server issues a client id (RFC 7591).
//!
//! ```text
//!  Http ──┬─ a usable client ──▶ Consent
//!         └─ refused, unusable or unreachable ──▶ an error
//! ```

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::flow::client::consent;
use crate::flow::login::Login;
use crate::flow::machine::Answered;
use crate::http::{Request, Response};
use crate::scope::Scopes;
use crate::timeline::Finding;
use crate::url::HttpUrl;
use crate::wire::{AuthMethod, ClientMetadata, ServerMetadata, register_request, registered};

/// Waits for the answer of the registration endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Register {
    pub(crate) login: Login,
    /// Without its registration endpoint, and boxed: all logins are as large as the largest state.
    pub(crate) server: Box<ServerMetadata>,
    pub(crate) endpoint: HttpUrl,
    pub(crate) method: AuthMethod,
    pub(crate) resource: Box<str>,
    pub(crate) requested: Option<Scopes>,
}

impl Register {
    pub(crate) fn request(&self) -> Request {
        let Login { settings, redirect_uri, .. } = &self.login;
        let uri = settings.client_uri.as_deref();
        let client = ClientMetadata::new(&settings.client_name, uri, &redirect_uri.0, self.method);
        register_request(&client, &self.endpoint)
    }

    pub(crate) fn answer(self, response: &Response) -> Answered {
        let Self { login, server, endpoint, method, resource, requested } = self;
        let (redirect_uri, tolerates) = (&login.redirect_uri.0, login.settings.policy.tolerates);
        let (client, misshapen) =
            registered(response, &endpoint, &server, redirect_uri, method, tolerates)?;
        let finding = Finding::Registered { tolerated: client.tolerated, misshapen };
        let server = ServerMetadata { registration_endpoint: Some(endpoint), ..*server };
        Ok((consent(login, server, client, resource, requested), finding))
    }
}
