//! The driver's part that needs a user: from the decision to log in until there is a token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::Entropy;
use oauth_core::session::{BrowserReply, Lock, LoginReply, PrepareReply, Session, Turn};
use oauth_core::wire::AuthorizationUrl;

use super::client::Client;
use super::drive::{Driver, now};
use super::failures::Work;
use super::host::Host;
use super::trace;
use crate::error::{AuthenticationError, ClientError};
use crate::event::Event;
use crate::storage::Guard;
use crate::user_agent::UserAgentError;

impl<H: Host> Driver<'_, H> {
    /// Until there is a token.
    pub(super) async fn log_in(
        &mut self,
        session: &mut Session,
    ) -> Result<(), ClientError<H::Http>> {
        loop {
            match session.turn()? {
                Turn::Login(reply) => self.begin(reply).await?,
                Turn::Prepare(reply) => self.prepare(reply).await?,
                Turn::Browser(url, reply) => {
                    let outcome = self.visit(url, reply).await;
                    if matches!(outcome, Ok(()) | Err(ClientError::OAuth { .. })) {
                        trace::last_step(session.timeline(), None);
                    }
                    outcome?;
                }
                Turn::Ready(_) | Turn::LoggedOut(_) => return Ok(()),
                turn => {
                    let exchange = self.work(turn).await?;
                    self.client.tell_of(exchange, session);
                }
            }
        }
    }

    async fn begin(&mut self, mut reply: LoginReply<'_>) -> Result<(), ClientError<H::Http>> {
        self.work = Work::Login;
        if let Some(failure) = self.client.failures.since(self.since, Work::Login) {
            return Err(failure);
        }
        // Only the server's refusal may say where its metadata is. What goes wrong here goes wrong
        // again, with a better error, where the metadata is asked for.
        if reply.lacks_challenge()
            && let Some(asked) = self.client.host.ask(&self.client.key.server_url).await
            && asked.status == 401
        {
            reply.challenge(asked.challenges.iter().map(String::as_str));
        }
        reply.begin();
        Ok(())
    }

    async fn prepare(&mut self, reply: PrepareReply<'_>) -> Result<(), ClientError<H::Http>> {
        let (redirect_uri, visit) =
            self.client.host.prepare(reply.registered_redirect_uri()).await?;
        let entropy = Entropy::from_os().map_err(|_| ClientError::NoEntropy)?;
        reply.prepared(redirect_uri, entropy, now());
        self.visit = visit;
        Ok(())
    }

    async fn visit(
        &mut self,
        url: AuthorizationUrl,
        reply: BrowserReply<'_>,
    ) -> Result<(), ClientError<H::Http>> {
        let Some(visit) = self.visit.take() else { return Err(self.hand_out(reply)) };
        let begun = Instant::now();
        let wait = self.client.wait.unwrap_or(WAIT);
        let deadline = begun.checked_add(wait).unwrap_or(begun + FOREVER);
        let moved_from = reply.moved_from();
        self.client.tell(&Event::Opening { url: &url, moved_from });
        let watcher = self.client.watcher.clone();
        let waiting = Arc::new(move |waiting| {
            if let Some(watcher) = &watcher {
                watcher(&Event::Waiting(waiting));
            }
        });
        match self.client.host.visit(visit, &url, deadline, waiting).await {
            Ok(query) => {
                self.client.tell(&Event::Redirected);
                reply.redirect(query.expose(), now())?;
                Ok(())
            }
            Err(error) => {
                reply.cancelled();
                Err(error.into())
            }
        }
    }

    /// Takes the login out of the session; whoever asked gets it.
    fn hand_out(&self, reply: BrowserReply<'_>) -> ClientError<H::Http> {
        let moved_from = reply.moved_from().cloned();
        let expires_at = now() + self.client.wait.unwrap_or(HANDED_OUT);
        let Some(pending) = reply.suspend(&self.client.key.profile, expires_at) else {
            return oauth_core::Error::LoginRequired.into();
        };
        let connect_url = pending.connect_url();
        self.client.tell(&Event::Opening { url: &connect_url, moved_from: moved_from.as_ref() });
        ClientError::Authentication(Box::new(AuthenticationError { connect_url, pending }))
    }
}

impl<H: Host> Client<H> {
    /// Waits until nobody else logs in, as long as for a user, and says so.
    pub(super) async fn lock_login(&self) -> Result<Guard, ClientError<H::Http>> {
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            if let Some(guard) = self.host.try_lock(&self.key, Lock::Login).await? {
                return Ok(guard);
            }
            if !is_told {
                self.tell(&Event::LoginElsewhere);
                is_told = true;
            }
            let waited = begun.elapsed();
            if waited >= self.wait.unwrap_or(WAIT) {
                return Err(UserAgentError::Elsewhere { waited }.into());
            }
            self.host.sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// How long a login waits for its user unless set.
const WAIT: Duration = Duration::from_secs(5 * 60);

/// The same for a login that was handed out: the user has to be told of it first.
const HANDED_OUT: Duration = Duration::from_secs(15 * 60);

/// How often is looked whether another process has finished its login.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A wait without an end that can be counted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
