//! From what was set to a client.

use std::num::NonZeroU16;
use std::sync::Arc;

use oauth_core::BearerAuth;
use oauth_core::error::Misuse;
use oauth_core::flow::Settings;
use oauth_core::loopback::CallbackUrl;

use super::Builder;
use crate::adapter::addresses::AddressFilter;
use crate::adapter::application;
use crate::adapter::headers::Headers;
use crate::adapter::parts::{Adapter, Parts};

impl<A: Adapter> Builder<A> {
    /// What the resolver of an HTTP client of the host's own has to ask, by what was set so far.
    ///
    /// # Errors
    ///
    /// [`Misuse::PrivateHost`] if what was to be allowed is no host.
    pub fn address_filter(&self) -> Result<AddressFilter, A::Error> {
        let settings = allow(self.settings.clone(), &self.private_hosts)?;
        Ok(AddressFilter::new(Arc::new(settings)))
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// A [`Misuse`](oauth_core::error::Misuse) that says which setting cannot be used; the store's error
    /// if there is no place for files.
    pub fn build(self) -> Result<A, A::Error> {
        let mut settings = allow(self.settings, &self.private_hosts)?;
        settings.check_server().map_err(oauth_core::Error::from)?;
        if let Some(name) = &self.client_name {
            settings = settings.client_name(name);
        }
        let application = self.application.or(self.client_name);
        settings = settings.application(&application.unwrap_or_else(application::of_executable));
        match (&self.client_id, self.client_secret) {
            (Some(id), secret) => settings = settings.client_id(id, secret)?,
            (None, Some(_)) => return Err(oauth_core::Error::from(Misuse::SecretWithoutId).into()),
            (None, None) => {}
        }
        if let Some(issuer) = &self.client_issuer {
            settings = settings.client_issuer(issuer);
        }
        if let Some(token) = &self.initial_access_token {
            let token = BearerAuth::new(token.expose()).map_err(oauth_core::Error::from)?;
            settings = settings.initial_access_token(token);
        }
        if let Some(url) = &self.client_metadata_url {
            settings = settings.client_metadata_url(url)?;
        }
        if let Some(scope) = &self.scope {
            settings = settings.scope(scope)?;
        }
        for (name, value) in &self.authorization_parameters {
            settings = settings.authorization_parameter(name, value)?;
        }
        for (name, value) in &self.token_parameters {
            settings = settings.token_parameter(name, value)?;
        }
        if let Some(provider) = &self.provider {
            settings = settings.provider(provider)?;
        }
        let agent = self.http_user_agent.as_deref();
        let headers = Headers::new(settings.server().url(), agent, &self.server_headers);
        A::from_parts(Parts {
            headers: headers.map_err(oauth_core::Error::from)?,
            settings: Arc::new(settings),
            profile: self.profile,
            limits: self.limits,
            callback: callback(self.callback_url.as_deref(), self.callback_port)?,
            http: self.http,
            storage: self.storage,
            user_agent: self.user_agent,
            watcher: self.watcher,
        })
    }
}

/// Where the redirect is listened for; two ports are one too many.
fn callback(url: Option<&str>, port: Option<u16>) -> Result<CallbackUrl, oauth_core::Error> {
    let callback = url.map_or_else(|| Ok(CallbackUrl::default()), CallbackUrl::parse)?;
    match (callback.port(), port.and_then(NonZeroU16::new)) {
        (Some(own), Some(port)) if own != port.get() => {
            let (url, port) = (callback.to_string().into(), port.get());
            Err(Misuse::CallbackPort { url, port }.into())
        }
        (_, Some(port)) => Ok(callback.at_port(port)),
        (_, None) => Ok(callback),
    }
}

fn allow(
    mut settings: Settings,
    private_hosts: &[Box<str>],
) -> Result<Settings, oauth_core::Error> {
    for host in private_hosts {
        settings = settings.private_host(host)?;
    }
    Ok(settings)
}
