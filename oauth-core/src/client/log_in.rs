//! The driver's part that needs a user: from the decision to log in until there is a token.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use crate::client::drive::Driver;
use crate::client::error::{AuthenticationError, ClientError};
use crate::client::event::Event;
use crate::client::failures::Work;
use crate::client::host::Host;
use crate::client::lock::WAIT;
use crate::client::mode::AtLogin;
use crate::client::on_device::PIECE;
use crate::client::shared::{Client, tell};
use crate::client::trace;
use crate::client::user_agent::{AboutToAuthorize, Browser, UserAgentError, Waiting};
use crate::flow::{GrantKind, RedirectUri};
use crate::loopback::Outcome;
use crate::session::{BrowserReply, Lock, LoginReason, LoginReply, PrepareReply, Session, Turn};
use crate::wire::AuthorizationUrl;

impl<H: Host> Driver<'_, H> {
    /// Until there is a token. Then the user is shown what came of it.
    pub(super) async fn log_in(
        &mut self,
        session: &mut Session,
    ) -> Result<(), ClientError<H::Http>> {
        let _at_login = AtLogin::new(self.client);
        let begun = self.client.under_way.begin();
        self.cancellation = Some(Arc::clone(&begun.cancellation));
        let outcome = self.try_to_log_in(session).await;
        // Who has come back elsewhere leaves no page open.
        self.at_page = None;
        self.cancellation = None;
        if let Err(error @ ClientError::UserAgent(_)) = &outcome {
            self.take_back(session).await;
            if let Some(epoch) = begun.cancellation.epoch() {
                self.client.failures.note_at(epoch, Work::Login, error);
                self.is_noted = true;
            }
        }
        if let Some(returned) = self.returned.take() {
            returned.end(match &outcome {
                Ok(()) => Outcome::LoggedIn,
                Err(ClientError::OAuth { error, .. }) => error.into(),
                Err(_) => Outcome::Failed,
            });
        }
        if mem::take(&mut self.has_begun) {
            self.client.tell_end_of_login(&outcome, session);
        }
        outcome
    }

    async fn try_to_log_in(&mut self, session: &mut Session) -> Result<(), ClientError<H::Http>> {
        loop {
            self.ask_about_move(session.moved_issuer()).await?;
            match session.turn()? {
                Turn::Login(reply) => self.begin(reply).await?,
                Turn::Prepare(reply) => self.prepare(reply).await?,
                Turn::Browser(url, reply) => {
                    let outcome = self.visit(url, reply).await;
                    if matches!(outcome, Ok(true) | Err(ClientError::OAuth { .. })) {
                        trace::last_step(session.timeline(), None);
                    }
                    outcome?;
                }
                Turn::Device(page, reply) => self.show_code(page, reply).await?,
                Turn::Wait(until, reply) => self.wait_for_device(until, reply).await?,
                Turn::Ready(_) | Turn::LoggedOut(_) => return Ok(()),
                // Somebody else has logged in, so long ago that their token has expired.
                turn @ Turn::Lock(Lock::Refresh, _) => {
                    drop(turn);
                    self.refresh(session).await?;
                }
                turn => {
                    let worked = self.work(turn).await?;
                    self.tell(worked, session);
                }
            }
        }
    }

    /// Ends a login that nobody wants any more, if it is one: what it has written is taken back.
    async fn take_back(&mut self, session: &mut Session) {
        if !session.cancel_login() {
            return;
        }
        // Where the store fails, the client stays in doubt: another one may be registered.
        while let Ok(turn @ (Turn::Load(_) | Turn::Save(_) | Turn::Unlock(..))) = session.turn() {
            match self.work(turn).await {
                Ok(worked) => drop(self.tell(worked, session)),
                Err(_) => return,
            }
        }
    }

    /// Works at a wait or a request of the login, which ends if the host cancels it, or if all have left who waited
    /// for it. Boxed, because each layer around the work would be as large again.
    pub(super) async fn while_wanted<T: Send>(
        &mut self,
        work: Pin<Box<impl Future<Output = T> + Send>>,
    ) -> Result<T, UserAgentError> {
        let Some(cancellation) = &self.cancellation else { return Ok(work.await) };
        match self.client.host.while_awaited(cancellation.or(work)).await {
            Some(Some(done)) => Ok(done),
            Some(None) => Err(UserAgentError::Cancelled),
            None => Err(UserAgentError::Abandoned),
        }
    }

    async fn begin(&mut self, mut reply: LoginReply<'_>) -> Result<(), ClientError<H::Http>> {
        self.work = Work::Login;
        self.discovery = None;
        self.asked = reply.options().cloned();
        self.share_failure(Work::Login)?;
        if !mem::replace(&mut self.has_begun, true) {
            let reason = reply.reason();
            self.client.tell_need(&reason);
            self.client.tell(&Event::LoginBegun { reason: &reason });
            self.ask_to_begin(reason, reply.issuer().map(Into::into)).await?;
        }
        let deadline = self.client.deadline_after(self.at_most(self.client.discovery));
        if let Some(missing) = self.client.take_missing() {
            reply.ask_for(&missing);
        }
        // Only the server's refusal may say where its metadata is.
        if reply.lacks_challenge() {
            let probe = Box::pin(self.client.probe_within(self.client.left(deadline)));
            reply.probed(&self.while_wanted(probe).await?);
        } else if let Some(url) = self.client.moved() {
            reply.moved_to(&url);
        }
        self.left = self.client.left(deadline);
        reply.begin();
        Ok(())
    }

    /// Asks the user agent whether the login may begin.
    async fn ask_to_begin(
        &mut self,
        reason: LoginReason,
        issuer: Option<Box<str>>,
    ) -> Result<(), UserAgentError> {
        let client = self.client;
        let answer = client.host.about_to_authorize(client.about(reason, issuer));
        self.while_wanted(Box::pin(answer)).await?
    }

    /// Asks the user agent once more if the login leads to another authorization server than the last one.
    async fn ask_about_move(&mut self, moved: Option<LoginReason>) -> Result<(), UserAgentError> {
        let Some(LoginReason::Moved { from, to }) = moved else { return Ok(()) };
        if mem::replace(&mut self.has_asked_about_move, true) {
            return Ok(());
        }
        // What the user takes for an answer does not count for what comes after.
        self.left = self.left_of_discovery();
        let reason = LoginReason::Moved { from, to: to.clone() };
        self.ask_to_begin(reason, Some(to)).await?;
        self.discovery = Some(self.client.deadline_after(self.left));
        Ok(())
    }

    async fn prepare(&mut self, reply: PrepareReply<'_>) -> Result<(), ClientError<H::Http>> {
        if self.client.settings.grant_kind() == GrantKind::DeviceCode {
            return self.prepare_device(reply);
        }
        // A login that is asked once more gives its first port back.
        self.way = Way::Elsewhere;
        self.left = self.left_of_discovery();
        let registered = reply.registered_redirect_uri();
        let wait = self.wait().unwrap_or(WAIT);
        let way_back = Box::pin(self.client.way_back(registered, wait));
        let (redirect_uri, visit) = self.while_wanted(way_back).await??;
        // To wait for the login of somebody else, or for its port, did not count.
        self.discovery = Some(self.client.deadline_after(self.left));
        let entropy = self.client.entropy()?;
        reply.prepared(redirect_uri, entropy, self.client.now());
        self.way = visit.map_or(Way::Elsewhere, Way::Here);
        Ok(())
    }

    /// Waits for the user at the page, which is opened if it is not. Whether they came back: there may be something to
    /// do in between.
    async fn visit(
        &mut self,
        url: AuthorizationUrl,
        reply: BrowserReply<'_>,
    ) -> Result<bool, ClientError<H::Http>> {
        let client = self.client;
        let (mut page, reply) = match self.at_page.take() {
            Some(page) => (page, reply),
            None => match self.open(&url, reply).await? {
                Some(opened) => opened,
                None => return Ok(false),
            },
        };
        let limit = reply.poll_at().map(|until| until.since(client.now()).min(PIECE));
        let came_back = Box::pin(client.host.came_back(&mut page, limit));
        match self.while_wanted(came_back).await {
            Ok(None) => {
                self.at_page = Some(page);
                reply.waited(client.now());
                Ok(false)
            }
            Ok(Some(Ok(returned))) => {
                self.discovery = Some(client.deadline_after(self.left));
                client.tell(&Event::Redirected);
                let returned = self.returned.insert(returned);
                reply.redirect(returned.query().expose(), client.now())?;
                Ok(true)
            }
            // It says nothing about the page.
            Err(UserAgentError::Cancelled) => Err(UserAgentError::Cancelled.into()),
            Ok(Some(Err(error))) | Err(error) => {
                reply.cancelled();
                Err(error.into())
            }
        }
    }

    /// Sends the user to the page, and shows them the code that is beside it; nothing if a code is to be asked for first.
    async fn open<'r>(
        &mut self,
        url: &AuthorizationUrl,
        reply: BrowserReply<'r>,
    ) -> Result<Option<(H::AtPage, BrowserReply<'r>)>, ClientError<H::Http>> {
        let client = self.client;
        // What the user takes does not count for what comes after: another registration, perhaps.
        self.left = self.left_of_discovery();
        // The page of an earlier visit of the same login waits no longer, and its port is free.
        self.returned = None;
        if self.cancellation.as_ref().is_some_and(|it| it.epoch().is_some()) {
            return Err(UserAgentError::Cancelled.into());
        }
        // Who is handed the login has no place for a code.
        if !matches!(self.way, Way::Elsewhere) && reply.offers_code() {
            reply.ask_for_code(client.now());
            return Ok(None);
        }
        let visit = match mem::replace(&mut self.way, Way::Again) {
            Way::Here(visit) => visit,
            Way::Elsewhere => return Err(self.hand_out(reply)),
            Way::Again => {
                let place = Box::<str>::from(reply.redirect_uri().unwrap_or_default());
                let wait = self.wait().unwrap_or(WAIT);
                let way_back = Box::pin(client.way_back(Some(&place), wait));
                match self.while_wanted(way_back).await?? {
                    (redirect_uri, _) if redirect_uri.as_str() != &*place => {
                        reply.cancelled();
                        return Err(UserAgentError::PlaceTaken { redirect_uri: place }.into());
                    }
                    (_, None) => return Err(self.hand_out(reply)),
                    (_, Some(visit)) => visit,
                }
            }
        };
        let wait = self.show_beside(&reply).await?;
        let begun = client.instant();
        let deadline = begun.checked_add(wait).unwrap_or(begun + FOREVER);
        let (moved_from, unconfirmed_issuer) = (reply.moved_from(), reply.unconfirmed_issuer());
        client.tell(&Event::Opening { url, moved_from, unconfirmed_issuer });
        match client.host.open(visit, url, deadline, client.waiting_at(url)) {
            Ok(page) => Ok(Some((page, reply))),
            Err(error) => {
                reply.cancelled();
                Err(error.into())
            }
        }
    }

    /// Takes the login out of the session; whoever asked gets it.
    pub(super) fn hand_out(&self, reply: BrowserReply<'_>) -> ClientError<H::Http> {
        let moved_from = reply.moved_from().cloned();
        let unconfirmed_issuer = reply.unconfirmed_issuer().cloned();
        let expires_at = self.client.now() + self.wait().unwrap_or(HANDED_OUT);
        let Some(pending) = reply.suspend(&self.client.key.profile, expires_at) else {
            return crate::Error::LoginRequired.into();
        };
        let connect_url = pending.connect_url();
        self.client.tell(&Event::Opening {
            url: &connect_url,
            moved_from: moved_from.as_ref(),
            unconfirmed_issuer: unconfirmed_issuer.as_ref(),
        });
        ClientError::Authentication(Box::new(AuthenticationError { connect_url, pending }))
    }
}

/// How a login sends its user off.
pub(super) enum Way<V> {
    /// Whoever it is handed out to does.
    Elsewhere,
    /// By this visit.
    Here(V),
    /// It did. If its client was refused it does so once more, to the same place of return.
    Again,
}

impl<H: Host> Client<H> {
    /// What the user agent is told before a login begins.
    fn about(&self, reason: LoginReason, issuer: Option<Box<str>>) -> AboutToAuthorize {
        let Self { key, settings, .. } = self;
        let server = settings.server().url().without_query().into();
        let (profile, client_name) = (key.profile.clone(), settings.shown_name().into());
        AboutToAuthorize { reason, server, profile, issuer, client_name }
    }

    /// Tells how the wait at a page goes, and at once if the user has to open it.
    fn waiting_at(&self, url: &AuthorizationUrl) -> Arc<dyn Fn(Waiting) + Send + Sync> {
        let (watcher, key, url) = (self.watcher.clone(), self.key.clone(), url.clone());
        let is_said = AtomicBool::new(false);
        Arc::new(move |waiting| {
            let no_browser = waiting.browser == Browser::NotOpened;
            if no_browser && !is_said.swap(true, Ordering::Relaxed) {
                tell(watcher.as_deref(), &key, &Event::NoBrowser { url: &url });
            }
            tell(watcher.as_deref(), &key, &Event::Waiting(waiting));
        })
    }

    /// Gets ready for a login. A port that another login has is waited for.
    async fn way_back(
        &self,
        registered: Option<&str>,
        wait: Duration,
    ) -> Result<(RedirectUri, Option<H::Visit>), UserAgentError> {
        let begun = self.instant();
        let mut is_told = false;
        loop {
            let port = match self.host.prepare(registered).await {
                Err(UserAgentError::PortBusy { port, .. }) => port,
                other => return other,
            };
            if !is_told {
                self.tell(&Event::PortBusy { port });
                is_told = true;
            }
            let waited = self.since(begun);
            if waited >= wait {
                return Err(UserAgentError::PortBusy { port, waited });
            }
            self.host.sleep(BETWEEN_PORTS).await;
        }
    }
}

/// The same for a login that was handed out: the user has to be told of it first.
const HANDED_OUT: Duration = Duration::from_secs(15 * 60);

/// How often is looked whether another login has given its port back. Whoever has it is asked each time.
const BETWEEN_PORTS: Duration = Duration::from_millis(200);

/// A wait without an end that can be counted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
