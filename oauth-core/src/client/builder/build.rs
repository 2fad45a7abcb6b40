//! From what was set to a client.

use alloc::string::ToString as _;
use alloc::sync::Arc;
use core::num::NonZeroU16;

use crate::client::addresses::AddressFilter;
use crate::client::application;
use crate::client::builder::Builder;
use crate::client::config::OAuthConfig;
use crate::client::headers::Headers;
use crate::client::limits::{Limits, TIME_LIMIT};
use crate::client::parts::{Adapter, Parts};
use crate::error::Misuse;
use crate::flow::{WrittenGrant, WrittenSettings};
use crate::loopback::CallbackUrl;
use crate::written::Seconds;

impl<A: Adapter> Builder<A> {
    /// What the resolver of an HTTP client of the host's own has to ask, by what was set so far.
    ///
    /// # Errors
    ///
    /// [`Misuse::PrivateHost`] if what was to be allowed is no host.
    pub fn address_filter(&self) -> Result<AddressFilter, A::Error> {
        let private_hosts = self.config.settings.private_hosts.clone();
        let written = WrittenSettings { private_hosts, ..WrittenSettings::default() };
        let settings = written.settings(&self.server_url, self.policy)?;
        Ok(AddressFilter::new(Arc::new(settings)))
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// A [`Misuse`](crate::error::Misuse) that says which setting cannot be used; the store's error
    /// if there is no place for files.
    pub fn build(self) -> Result<A, A::Error> {
        let OAuthConfig {
            settings: mut written,
            profile,
            callback_port,
            callback_url,
            wait,
            discovery_limit,
            request_limit,
            http_user_agent,
            server_headers,
        } = self.config;
        if let Some(misuse) = self.two_grants {
            return Err(crate::Error::from(misuse).into());
        }
        let name = written.application.or_else(|| written.client_name.clone());
        let executable = || A::executable().map(|path| application::of_path(&path));
        written.application = Some(name.or_else(executable).unwrap_or_default());
        if written.grant.is_none() && self.user_agent.is_none() && !A::shows_pages() {
            written.grant = Some(WrittenGrant::AuthorizationOrDeviceCode);
        }
        let settings = written.settings(&self.server_url, self.policy)?.client_records();
        settings.check_server().map_err(crate::Error::from)?;
        let unless_set = Limits::default();
        let limits = Limits {
            wait: wait.map(|Seconds(wait)| wait),
            discovery: discovery_limit.map_or(unless_set.discovery, |Seconds(limit)| limit),
            request: request_limit
                .map_or(unless_set.request, |Seconds(limit)| limit.min(TIME_LIMIT)),
        };
        let agent = http_user_agent.as_deref();
        let headers = Headers::new(settings.server().url(), agent, &server_headers);
        A::from_parts(Parts {
            headers: headers.map_err(crate::Error::from)?,
            settings: Arc::new(settings),
            profile: profile.unwrap_or_default(),
            limits,
            callback: callback(callback_url.as_deref(), callback_port)?,
            http: self.http,
            storage: self.storage,
            user_agent: self.user_agent,
            gifts: self.gifts,
            watcher: self.watcher,
        })
    }
}

/// Where the redirect is listened for; two ports are one too many.
fn callback(url: Option<&str>, port: Option<u16>) -> Result<CallbackUrl, crate::Error> {
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
