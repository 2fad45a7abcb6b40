//! The host on tokio: sockets by reqwest.

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::client::{Host, Runtime as _};
use oauth_core::session::Session;

use crate::events::Readers;
use crate::http::Http;
use crate::storage::SharedStorage;
use crate::tasks::Tasks;
use crate::user_agent::SharedUserAgent;

pub(crate) struct ReqwestHost {
    http: Http,
    storage: SharedStorage,
    user_agent: SharedUserAgent,
    tasks: Tasks,
    readers: Readers,
}

impl ReqwestHost {
    pub(crate) fn new(
        session: Session,
        http: Http,
        storage: SharedStorage,
        user_agent: SharedUserAgent,
        readers: Readers,
    ) -> Self {
        Self { http, storage, user_agent, tasks: Tasks::new(session), readers }
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }
}

impl Host for ReqwestHost {
    type Http = Http;
    type Store = SharedStorage;
    type Users = SharedUserAgent;
    type Runtime = Tasks;
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

    fn runtime(&self) -> &Tasks {
        &self.tasks
    }

    fn system(&self) -> &OperatingSystem {
        &OperatingSystem
    }

    fn with_session(&self, session: Session) -> Self {
        let Self { http, storage, user_agent, tasks, readers } = self;
        Self {
            http: http.clone(),
            storage: storage.clone(),
            user_agent: user_agent.clone(),
            tasks: tasks.with_session(session),
            readers: readers.clone(),
        }
    }
}
