//! `Register`: the authorization server issues a client id (RFC 7591).
//!
//! ```text
//!  Http ──┬─ a usable client ──▶ the client
//!         └─ refused, unusable or unreachable ──▶ an error
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::PeerIncompatible;
use crate::flow::errand::Errand;
use crate::flow::outcome::Once;
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::settings::{Dpop, Settings};
use crate::http::{Request, Response};
use crate::scope::Scopes;
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::url::HttpUrl;
use crate::wire::{
    AuthMethod, Registration, RegistrationRequest, ServerMetadata, read_registration,
    register_request,
};

/// Waits for the answer of the registration endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Register {
    pub(crate) redirect_uri: RedirectUri,
    /// Without its registration endpoint.
    pub(crate) server: Arc<ServerMetadata>,
    pub(crate) endpoint: HttpUrl,
    pub(crate) method: AuthMethod,
    /// The scopes that the registration names. Most name none: that would bar a wider one later.
    pub(crate) scope: Option<Scopes>,
    /// The client that was refused in this login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instead_of: Option<Box<str>>,
    pub(crate) errand: Errand,
}

impl Register {
    pub(crate) fn request(&self, settings: &Settings) -> Request {
        let client = RegistrationRequest::new(
            &settings.client_name,
            settings.client_metadata.as_deref(),
            &self.redirect_uri.uri,
            self.method,
            self.scope.as_ref(),
        );
        let refreshes = !self.server.without_refresh;
        let client = if refreshes { client } else { client.without_refresh_tokens() };
        let codes = settings.registers_device_codes(&self.server);
        let client = if codes { client.with_device_codes() } else { client };
        let is_bound = settings.dpop == Dpop::Required;
        let client = if is_bound { client.with_bound_tokens_only() } else { client };
        register_request(&client, &self.endpoint, settings.initial_access_token.as_ref())
    }

    /// Whether a client that somebody else has registered does as well, where the user comes back to its
    /// redirect URI.
    pub(crate) fn is_served_by(
        &self,
        client: &Registration,
        settings: &Settings,
        now: UnixTime,
    ) -> bool {
        let suffices = match (&self.scope, &client.scope) {
            (Some(wanted), Some(named)) => named.includes(wanted),
            (Some(_), None) => false,
            (None, _) => client.covers(self.errand.terms.requested.as_ref()),
        };
        client.is_alive(now)
            && suffices
            && (client.device_codes || !settings.registers_device_codes(&self.server))
            && self.instead_of.as_deref() != Some(client.client_id())
            && settings.auth_method.is_none_or(|own| own == client.auth_method)
    }

    /// With that one nothing has to be registered.
    pub(crate) fn adopt(mut self, client: Arc<Registration>) -> Registered {
        self.errand.tried.asked = None;
        self.done(client)
    }

    /// Names the scopes of a client that this one replaces, too: a server that wanted them named wants that
    /// again.
    pub(crate) fn widened(mut self, client: &Registration) -> Result<Self, PeerIncompatible> {
        if client.scope.is_some()
            && let Some(wanted) = self.scope.as_ref().or(self.errand.terms.requested.as_ref())
        {
            self.scope = Some(client.scopes_with(wanted)?);
        }
        Ok(self)
    }

    pub(crate) fn answer(self, response: &Response, settings: &Settings) -> Once<Registered> {
        let Self { redirect_uri, server, endpoint, method, scope, .. } = &self;
        let tolerates = settings.policy.tolerates;
        let (client, misshapen) =
            read_registration(response, endpoint, server, &redirect_uri.uri, *method, tolerates)?;
        let client = Registration {
            scope: scope.clone(),
            port: redirect_uri.port,
            device_codes: settings.registers_device_codes(server),
            ..client
        };
        let finding = Finding::Registered { tolerated: client.tolerated, misshapen };
        Ok((self.done(client.into()), finding))
    }

    fn done(self, client: Arc<Registration>) -> Registered {
        let Self { mut server, endpoint, errand, .. } = self;
        Arc::make_mut(&mut server).registration_endpoint = Some(endpoint);
        Registered { server, client, errand }
    }
}

/// A client, and what its user is sent off with.
pub(crate) struct Registered {
    pub(crate) server: Arc<ServerMetadata>,
    pub(crate) client: Arc<Registration>,
    pub(crate) errand: Errand,
}
