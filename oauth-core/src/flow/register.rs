//! `Register`: the authorization server issues a client id (RFC 7591).
//!
//! ```text
//!  Http ──┬─ a usable client ──▶ Consent
//!         └─ refused, unusable or unreachable ──▶ an error
//! ```

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::flow::errand::Errand;
use crate::flow::machine::{Answered, State};
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::settings::Settings;
use crate::http::{Request, Response};
use crate::scope::Scopes;
use crate::timeline::Finding;
use crate::url::HttpUrl;
use crate::wire::{
    AuthMethod, Registration, RegistrationRequest, ServerMetadata, register_request, registered,
};

/// Waits for the answer of the registration endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Register {
    pub(crate) redirect_uri: RedirectUri,
    /// Without its registration endpoint, and boxed: all logins are as large as the largest state.
    pub(crate) server: Box<ServerMetadata>,
    pub(crate) endpoint: HttpUrl,
    pub(crate) method: AuthMethod,
    /// The scopes that the registration names. Most name none: that would bar a wider one later.
    pub(crate) scope: Option<Scopes>,
    pub(crate) errand: Errand,
}

impl Register {
    pub(crate) fn request(&self, settings: &Settings) -> Request {
        let client = RegistrationRequest::new(
            &settings.client_name,
            settings.client_metadata.as_deref(),
            &self.redirect_uri.0,
            self.method,
            self.scope.as_ref(),
        );
        let refreshes = !self.server.without_refresh;
        let client = if refreshes { client } else { client.without_refresh_tokens() };
        register_request(&client, &self.endpoint, settings.initial_access_token.as_ref())
    }

    pub(crate) fn answer(self, response: &Response, settings: &Settings) -> Answered {
        let Self { redirect_uri, server, endpoint, method, scope, errand } = self;
        let tolerates = settings.policy.tolerates;
        let (client, misshapen) =
            registered(response, &endpoint, &server, &redirect_uri.0, method, tolerates)?;
        let client = Registration { scope, ..client };
        let finding = Finding::Registered { tolerated: client.tolerated, misshapen };
        let server = ServerMetadata { registration_endpoint: Some(endpoint), ..*server };
        Ok((State::Consent(errand.consent(settings, server, client)), finding))
    }
}
