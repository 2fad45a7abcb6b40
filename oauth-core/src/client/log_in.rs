//! A login that is under way: from the decision to log in until there is a token, or none can be had.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use crate::UnixTime;
use crate::client::at_login::AtLogin;
use crate::client::deadline::{Countdown, Deadline};
use crate::client::error::{AuthenticationError, ClientError};
use crate::client::event::Event;
use crate::client::failures::Epoch;
use crate::client::host::{Host, Runtime as _, Users as _};
use crate::client::limits::{PIECE, WAIT};
use crate::client::shared::{Client, Failure, Outcome, PageOf, VisitOf, tell};
use crate::client::trace::{Span, Work};
use crate::client::under_way::Begun;
use crate::client::user_agent::{AboutToAuthorize, Browser, Returned, UserAgentError, Waiting};
use crate::flow::{AuthorizationOptions, GrantKind, RedirectUri};
use crate::loopback;
use crate::session::{BrowserReply, LoginReason, LoginReply, PrepareReply, Session};
use crate::wire::AuthorizationUrl;

/// A login, as far as it concerns its user and those who wait for it. The session knows the rest.
pub(super) struct LoginUnderWay<'a, H: Host> {
    pub(super) client: &'a Client<H>,
    /// How the host ends it.
    begun: Begun<'a>,
    _at_login: AtLogin<'a, H>,
    /// What happens in it is said here.
    pub(super) span: Span,
    /// Until when it has to be over, if the caller says so.
    until: Option<Deadline>,
    /// What it was asked for in particular, once its beginning was told.
    asked: Option<AuthorizationOptions>,
    /// What it may still take until there is a page. What a person takes, or somebody else's login, does not count.
    pub(super) discovery: Countdown,
    pub(super) way: Way<VisitOf<H>>,
    /// Where the user is, if there is something to do meanwhile.
    pub(super) at_page: Option<PageOf<H>>,
    /// When a user with another device is asked about next, and when that time is over by the clock that cannot be set.
    pub(super) poll: Option<(UnixTime, Deadline)>,
    /// Who came back, and looks at a page.
    returned: Option<Returned>,
    /// Whether the user agent knows that it leads to another authorization server.
    has_asked_about_move: bool,
}

/// How a login sends its user off.
pub(super) enum Way<V> {
    /// Whoever it is handed out to does.
    Elsewhere,
    /// By this visit.
    Here(V),
    /// It did. If its client was refused it does so once more, to the same place of return.
    Again,
    /// On another device, where they are waited for until then.
    OnDevice(Deadline),
}

impl<'a, H: Host> LoginUnderWay<'a, H> {
    /// One that begins, and can be cancelled from now on.
    pub(super) fn begin_for(client: &'a Client<H>, until: Option<Deadline>) -> Self {
        Self {
            client,
            _at_login: AtLogin::new(client),
            begun: client.under_way.begin(),
            span: client.span(Work::Login),
            until,
            asked: None,
            discovery: Countdown::Stopped(client.limits.discovery),
            way: Way::Elsewhere,
            at_page: None,
            poll: None,
            returned: None,
            has_asked_about_move: false,
        }
    }

    /// It is over: whoever came back is shown what came of it, and those who watch are told. What it was asked for, if
    /// it came to that.
    pub(super) fn end<T>(
        mut self,
        outcome: &Outcome<T, H>,
        session: &Session,
    ) -> Option<AuthorizationOptions> {
        // Who has come back elsewhere leaves no page open.
        self.at_page = None;
        if let Some(returned) = self.returned.take() {
            returned.end(match outcome {
                Ok(_) => loopback::Outcome::LoggedIn,
                Err(ClientError::OAuth { error, .. }) => error.into(),
                Err(_) => loopback::Outcome::Failed,
            });
        }
        if self.asked.is_some() {
            self.client.tell_end_of_login(outcome, session);
        }
        self.asked.take()
    }

    /// When the host has cancelled it.
    pub(super) fn cancelled_at(&self) -> Option<Epoch> {
        self.begun.cancellation.epoch()
    }

    /// Works at a wait or a request of the login, which ends if the host cancels it, or if all have left who waited
    /// for it. Boxed, because each layer around the work would be as large again.
    pub(super) async fn while_wanted<T: Send>(
        &mut self,
        work: Pin<Box<impl Future<Output = T> + Send>>,
    ) -> Result<T, UserAgentError> {
        match self.client.host.runtime().while_awaited(self.begun.cancellation.or(work)).await {
            Some(Some(done)) => Ok(done),
            Some(None) => Err(UserAgentError::Cancelled),
            None => Err(UserAgentError::Abandoned),
        }
    }

    /// The session may log in.
    pub(super) async fn begin(&mut self, mut reply: LoginReply<'_>) -> Outcome<(), H> {
        let asked = reply.options().cloned().unwrap_or_default();
        if self.asked.replace(asked).is_none() {
            let reason = reply.reason();
            self.client.tell_need(&reason);
            self.client.tell(&Event::LoginBegun { reason: &reason });
            self.ask_to_begin(reason, reply.issuer().map(Into::into)).await?;
        }
        let limit = self.client.at_most(self.client.limits.discovery, self.until);
        let deadline = self.client.deadline_after(limit);
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
        self.discovery = Countdown::Stopped(self.client.left(deadline));
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
        let answer = client.host.users().about_to_authorize(client.about(reason, issuer));
        self.while_wanted(Box::pin(answer)).await?
    }

    /// Asks the user agent once more if the login leads to another authorization server than the last one.
    pub(super) async fn ask_about_move(
        &mut self,
        moved: Option<LoginReason>,
    ) -> Result<(), UserAgentError> {
        let Some(LoginReason::Moved { from, to }) = moved else { return Ok(()) };
        if mem::replace(&mut self.has_asked_about_move, true) {
            return Ok(());
        }
        // What the user takes for an answer does not count for what comes after.
        self.discovery.stop(self.client.instant());
        let reason = LoginReason::Moved { from, to: to.clone() };
        self.ask_to_begin(reason, Some(to)).await?;
        self.discovery.run(self.client.instant());
        Ok(())
    }

    /// Finds where the user will come back to.
    pub(super) async fn prepare(&mut self, reply: PrepareReply<'_>) -> Outcome<(), H> {
        if self.client.settings.grant_kind() == GrantKind::DeviceCode {
            return self.prepare_device(reply);
        }
        // A login that is asked once more gives its first port back.
        self.way = Way::Elsewhere;
        self.discovery.stop(self.client.instant());
        let registered = reply.registered_redirect_uri();
        let wait = self.wait().unwrap_or(WAIT);
        let way_back = Box::pin(self.client.way_back(registered, wait));
        let (redirect_uri, visit) = self.while_wanted(way_back).await??;
        // To wait for the login of somebody else, or for its port, did not count.
        self.discovery.run(self.client.instant());
        let entropy = self.client.entropy()?;
        reply.prepared(redirect_uri, entropy, self.client.now());
        self.way = visit.map_or(Way::Elsewhere, Way::Here);
        Ok(())
    }

    /// Waits for the user at the page, which is opened if it is not, for `limit` at most. Whether they came back: there
    /// may be something to do in between.
    pub(super) async fn visit(
        &mut self,
        url: AuthorizationUrl,
        reply: BrowserReply<'_>,
        limit: Option<Duration>,
    ) -> Outcome<bool, H> {
        let client = self.client;
        let (mut page, reply) = match self.at_page.take() {
            Some(page) => (page, reply),
            None => match self.open(&url, reply).await? {
                Some(opened) => opened,
                None => return Ok(false),
            },
        };
        let poll = reply.poll_at().map(|until| until.since(client.now()).min(PIECE));
        let limit = poll.into_iter().chain(limit).min();
        let came_back = Box::pin(client.host.users().came_back(&mut page, limit));
        match self.while_wanted(came_back).await {
            Ok(None) => {
                self.at_page = Some(page);
                reply.waited(client.now());
                Ok(false)
            }
            Ok(Some(Ok(returned))) => {
                self.discovery.run(client.instant());
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
    ) -> Outcome<Option<(PageOf<H>, BrowserReply<'r>)>, H> {
        let client = self.client;
        // What the user takes does not count for what comes after: another registration, perhaps.
        self.discovery.stop(self.client.instant());
        // The page of an earlier visit of the same login waits no longer, and its port is free.
        self.returned = None;
        if self.cancelled_at().is_some() {
            return Err(UserAgentError::Cancelled.into());
        }
        // Who is handed the login has no place for a code.
        if !matches!(self.way, Way::Elsewhere | Way::OnDevice(_)) && reply.offers_code() {
            reply.ask_for_code(client.now());
            return Ok(None);
        }
        let visit = match mem::replace(&mut self.way, Way::Again) {
            Way::Here(visit) => visit,
            Way::Elsewhere | Way::OnDevice(_) => {
                return Err(self.client.hand_out(reply, self.wait()));
            }
            Way::Again => {
                let place = Box::<str>::from(reply.redirect_uri().unwrap_or_default());
                let wait = self.wait().unwrap_or(WAIT);
                let way_back = Box::pin(self.client.way_back(Some(&place), wait));
                match self.while_wanted(way_back).await?? {
                    (redirect_uri, _) if redirect_uri.as_str() != &*place => {
                        reply.cancelled();
                        return Err(UserAgentError::PlaceTaken { redirect_uri: place }.into());
                    }
                    (_, None) => return Err(self.client.hand_out(reply, self.wait())),
                    (_, Some(visit)) => visit,
                }
            }
        };
        let wait = self.show_beside(&reply).await?;
        let begun = client.instant();
        let deadline = begun.checked_add(wait).unwrap_or(begun + FOREVER);
        let (moved_from, unconfirmed_issuer) = (reply.moved_from(), reply.unconfirmed_issuer());
        client.tell(&Event::Opening { url, moved_from, unconfirmed_issuer });
        match client.host.users().open(visit, url, deadline, client.waiting_at(url)) {
            Ok(page) => Ok(Some((page, reply))),
            Err(error) => {
                reply.cancelled();
                Err(error.into())
            }
        }
    }

    /// How long it waits for a person, or for what somebody else's login has; `None` if nobody has said.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.client.wait(self.until)
    }
}

impl<H: Host> Client<H> {
    /// Takes the login out of the session; whoever asked gets it, and has that long for it.
    pub(super) fn hand_out(&self, reply: BrowserReply<'_>, wait: Option<Duration>) -> Failure<H> {
        let moved_from = reply.moved_from().cloned();
        let unconfirmed_issuer = reply.unconfirmed_issuer().cloned();
        let expires_at = self.now() + wait.unwrap_or(HANDED_OUT);
        let Some(pending) = reply.suspend(&self.key.profile, expires_at) else {
            return crate::Error::LoginRequired.into();
        };
        let connect_url = pending.connect_url();
        self.tell(&Event::Opening {
            url: &connect_url,
            moved_from: moved_from.as_ref(),
            unconfirmed_issuer: unconfirmed_issuer.as_ref(),
        });
        ClientError::Authentication(Box::new(AuthenticationError { connect_url, pending }))
    }

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
    ) -> Result<(RedirectUri, Option<VisitOf<H>>), UserAgentError> {
        let begun = self.instant();
        let mut is_told = false;
        loop {
            let port = match self.host.users().prepare(registered).await {
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
            self.host.runtime().sleep(BETWEEN_PORTS).await;
        }
    }
}

/// The same for a login that was handed out: the user has to be told of it first.
const HANDED_OUT: Duration = Duration::from_secs(15 * 60);

/// How often is looked whether another login has given its port back. Whoever has it is asked each time.
const BETWEEN_PORTS: Duration = Duration::from_millis(200);

/// A wait without an end that can be counted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
