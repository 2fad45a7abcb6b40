//! How a request gets its token: at once if there is one that lives, and what is done aside for it.

use std::sync::{Arc, PoisonError};

use oauth_core::BearerAuth;
use oauth_core::session::{Attempt, Authorization, Session, Snapshot, Turn, Verdict};
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard};
use tokio::task::JoinHandle;

use crate::Error;
use crate::client::{OAuth, now};
use crate::drive::{Driver, Login, sensitive};

impl OAuth {
    /// Puts the token on a request, if there is one.
    pub(crate) async fn attach(
        &self,
        request: &mut reqwest::Request,
        attempt: &mut Attempt,
    ) -> Result<(), Error> {
        if let Some(token) = self.authorize(request.url().as_str(), attempt).await? {
            let value = sensitive("authorization", token.header_value());
            request.headers_mut().insert("authorization", value);
        }
        Ok(())
    }

    /// The token for a request to this URL: a fresh one; one that lives, while it is renewed aside; else
    /// what can be had without a user; else none, and the server says what it wants.
    pub(crate) async fn authorize(
        &self,
        url: &str,
        attempt: &mut Attempt,
    ) -> Result<Option<BearerAuth>, Error> {
        self.inner.server.check_request(url).map_err(oauth_core::Error::from)?;
        let (snapshot, now) = (self.snapshot(), now());
        if let Some(fresh) = snapshot.authorization(now) {
            return Ok(Some(sent(attempt, &fresh)));
        }
        if let Some(living) = snapshot.living_authorization(now) {
            self.renew_aside();
            return Ok(Some(sent(attempt, &living)));
        }
        let mut session = self.lock().await;
        if session.authorization(now).is_none() && !session.needs_login(now) {
            // What lives in the store, or came while this waited, need not be waited for.
            let mut found = session.snapshot();
            if found.living_authorization(now).is_none() {
                session.access();
                Driver::new(&self.inner).look(&mut session).await?;
                found = session.snapshot();
            }
            if let Some(living) = found.living_authorization(now) {
                self.inner.show(found.clone());
                drop(session);
                self.renew_aside();
                return Ok(Some(sent(attempt, &living)));
            }
            session = self.drive(session, Login::Never).await?.0;
        }
        match session.turn() {
            Ok(Turn::Ready(authorization)) => Ok(Some(sent(attempt, &authorization))),
            _ => {
                attempt.sent_with(None);
                Ok(None)
            }
        }
    }

    /// Judges an answer of the MCP server and does what it asks for; the verdict says whether the request
    /// is sent again.
    #[cfg(feature = "rmcp")]
    pub(crate) async fn remedy(
        &self,
        attempt: &mut Attempt,
        status: u16,
        challenges: &[String],
    ) -> Result<Verdict, Error> {
        let Some(session) = self.judge(attempt, status, challenges).await? else {
            return Ok(Verdict::Deliver);
        };
        self.make_good(session).await?;
        Ok(Verdict::Retry)
    }

    /// The session, if it has to get another token before the request is sent again.
    pub(crate) async fn judge(
        &self,
        attempt: &mut Attempt,
        status: u16,
        challenges: &[String],
    ) -> Result<Option<OwnedMutexGuard<Session>>, Error> {
        let mut session = self.lock().await;
        let challenges = challenges.iter().map(String::as_str);
        match session.answered(attempt, status, challenges, now())? {
            Verdict::Deliver => Ok(None),
            Verdict::Retry => Ok(Some(session)),
        }
    }

    /// Gets that token.
    pub(crate) async fn make_good(&self, session: OwnedMutexGuard<Session>) -> Result<(), Error> {
        match self.drive(session, Login::Allowed).await?.1 {
            Some(_) => Ok(()),
            None => Err(oauth_core::Error::LoginRequired.into()),
        }
    }

    /// Renews the token while nobody waits, unless somebody does already, or the host shuts down.
    pub(crate) fn renew_aside(&self) {
        let Ok(running) = Arc::clone(&self.inner.running).try_read_owned() else { return };
        let Ok(mut session) = Arc::clone(&self.inner.session).try_lock_owned() else { return };
        // It may have been done just before.
        if session.authorization(now()).is_none() {
            session.access();
            // If it fails there is a pause, and the token that lives is used meanwhile.
            drop(spawn(running, Arc::clone(&self.inner).drive(session, Login::Never)));
        }
    }

    /// Drives the session until it has a token, or needs a login and may not begin one, and shows the
    /// others what it has. What has begun goes on if the caller is dropped.
    pub(crate) async fn drive(
        &self,
        mut session: OwnedMutexGuard<Session>,
        login: Login,
    ) -> Result<(OwnedMutexGuard<Session>, Option<BearerAuth>), Error> {
        if let Ok(Turn::Ready(authorization)) = session.turn() {
            let token = authorization.bearer().clone();
            return Ok((session, Some(token)));
        }
        self.to_its_end(Arc::clone(&self.inner).drive(session, login)).await
    }

    /// Runs work as a task of its own, which a dropped caller does not stop.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let running = Arc::clone(&self.inner.running).read_owned().await;
        match spawn(running, work).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.inner.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn lock(&self) -> OwnedMutexGuard<Session> {
        Arc::clone(&self.inner.session).lock_owned().await
    }
}

/// Runs work as a task that a shutdown waits for.
fn spawn<T: Send + 'static>(
    running: OwnedRwLockReadGuard<()>,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(async move {
        let result = work.await;
        drop(running);
        result
    })
}

fn sent(attempt: &mut Attempt, authorization: &Authorization<'_>) -> BearerAuth {
    attempt.sent_with(Some(authorization));
    authorization.bearer().clone()
}
