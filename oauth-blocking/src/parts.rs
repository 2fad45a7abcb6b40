//! How a builder's parts become a client.

use std::path::PathBuf;
use std::sync::Arc;

use oauth_core::client::{Adapter, AddressFilter, Client, Mode, Parts, SharedStorage};

use crate::Error;
use crate::client::OAuth;
use crate::clock::OperatingSystem;
use crate::connector;
use crate::host::UreqHost;
use crate::http::Http;
use crate::storage::FileTokenStorage;
use crate::threads::Threads;
use crate::user_agent::{LocalUser, SharedUserAgent, shows_pages};

impl Adapter for OAuth {
    type Http = ureq::Agent;
    type Storage = SharedStorage;
    type UserAgent = SharedUserAgent;
    type Error = Error;

    fn executable() -> Option<PathBuf> {
        std::env::current_exe().ok()
    }

    fn shows_pages() -> bool {
        shows_pages()
    }

    fn from_parts(parts: Parts<Self>) -> Result<Self, Error> {
        let storage = match parts.storage {
            Some(storage) => storage,
            None => FileTokenStorage::new(parts.settings.application_name())?.into(),
        };
        let user_agent = parts.user_agent.unwrap_or_else(|| LocalUser::new(parts.callback).into());
        let filter = || AddressFilter::new(Arc::clone(&parts.settings));
        let agent = parts.http.unwrap_or_else(|| connector::agent(filter()));
        let http = Http::new(agent, parts.headers);
        let host = |session| UreqHost {
            http,
            store: storage,
            users: user_agent,
            runtime: Threads::new(session),
            system: OperatingSystem,
        };
        let client = Client::new(
            &parts.settings,
            &parts.profile,
            parts.limits,
            parts.watcher,
            parts.gifts,
            host,
        );
        Ok(Self { client: Arc::new(client), mode: Mode::Interactive })
    }
}
