//! The host that blocks: sockets by ureq.

use oauth_core::client::{Host, Runtime as _, SharedStorage};
use oauth_core::session::Session;

use crate::clock::OperatingSystem;
use crate::http::Http;
use crate::threads::Threads;
use crate::user_agent::SharedUserAgent;

/// Most methods of its parts do their work, and then their futures are ready. What a login waits for parks the thread.
pub(crate) struct UreqHost {
    http: Http,
    storage: SharedStorage,
    user_agent: SharedUserAgent,
    threads: Threads,
}

impl UreqHost {
    pub(crate) fn new(
        session: Session,
        http: Http,
        storage: SharedStorage,
        user_agent: SharedUserAgent,
    ) -> Self {
        Self { http, storage, user_agent, threads: Threads::new(session) }
    }
}

impl Host for UreqHost {
    type Http = Http;
    type Store = SharedStorage;
    type Users = SharedUserAgent;
    type Runtime = Threads;
    type System = OperatingSystem;

    fn http(&self) -> &Http {
        &self.http
    }

    fn store(&self) -> &SharedStorage {
        &self.storage
    }

    fn users(&self) -> &SharedUserAgent {
        &self.user_agent
    }

    fn runtime(&self) -> &Threads {
        &self.threads
    }

    fn system(&self) -> &OperatingSystem {
        &OperatingSystem
    }

    fn with_session(&self, session: Session) -> Self {
        let Self { http, storage, user_agent, threads } = self;
        let threads = threads.with_session(session);
        Self {
            http: http.clone(),
            storage: storage.clone(),
            user_agent: user_agent.clone(),
            threads,
        }
    }
}
