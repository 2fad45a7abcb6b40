//! How a host begins something with a session, and how it leaves what is under way.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;
use core::time::Duration;

use crate::error::{Error, Misuse};
use crate::flow::{AuthorizationOptions, Settings};
use crate::session::access::Access;
use crate::session::event::Event;
use crate::session::logged_out::LoggedOut;
use crate::session::login::Login;
use crate::session::logout::Logout;
use crate::session::machine::Session;
use crate::session::need::Need;
use crate::session::op::Op;
use crate::session::pending::PendingLogin;
use crate::session::progress::LoginProgress;
use crate::session::resume::Resume;
use crate::session::transaction::Lock;
use crate::time::UnixTime;
use crate::url::shown;

impl Session {
    /// Starts over: the next turns find a token, whatever it takes. Tokens that could not be saved are
    /// saved first; a login under way is dropped, and a lock that is still held is the host's to release.
    pub fn access(&mut self) {
        self.known.timeline.clear();
        self.start(Need::default());
    }

    /// The same as [`access`](Self::access), but a token that does not live at least that long is refreshed. The turns
    /// end as ever, and [`lives_for`](Self::lives_for) says what has come of it:
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use oauth_core::session::Session;
    /// # use oauth_core::{Error, UnixTime};
    /// # fn now() -> UnixTime { UnixTime::from_secs(1_900_000_000) }
    /// fn token_for(
    ///     session: &mut Session,
    ///     wanted: Duration,
    ///     drive: impl Fn(&mut Session) -> Result<(), Error>, // until `Turn::Ready` or `Turn::Login`
    /// ) -> Result<(), Error> {
    ///     session.access_for(wanted);
    ///     drive(session)?;
    ///     session.lives_for(wanted, now())
    /// }
    /// ```
    ///
    /// A token that was issued less than a minute ago is not refreshed: the next would live as long. Who has to wait
    /// for somebody else's refresh takes what that brings. If the refresh comes to nothing, the token at hand stays in
    /// use while it lives: nobody logs in for more time.
    pub fn access_for(&mut self, wanted: Duration) {
        self.known.timeline.clear();
        self.start(Need { lasting: Some(wanted), ..Need::default() });
    }

    /// Whether the token that the session holds lives at least that long. A fixed token does, and so does one whose
    /// expiry is unknown.
    ///
    /// # Errors
    ///
    /// [`Error::TokenTooShort`] if it lives shorter; [`Error::LoginRequired`] if there is no token.
    pub fn lives_for(&self, wanted: Duration, now: UnixTime) -> Result<(), Error> {
        if self.known.held.settings.bearer.is_some() {
            return Ok(());
        }
        let record =
            self.known.held.record.as_ref().filter(|_| self.known.is_alive(&Need::default(), now));
        record.ok_or(Error::LoginRequired)?.lives_for(wanted, now)
    }

    /// The same, but the token that the session holds does not count: it is refreshed, or replaced
    /// through a login.
    pub fn renew(&mut self) {
        self.known.timeline.clear();
        let refused = self.known.held.record.as_ref().map(|record| record.generation);
        self.start(Need { refused, ..Need::default() });
    }

    /// The same, but only a login will do, whatever is stored: a user wants another account, or to try again
    /// what was refused ([`PeerIncompatible::LoginInVain`]). What others store while it waits for their
    /// login will do as well.
    ///
    /// [`PeerIncompatible::LoginInVain`]: crate::error::PeerIncompatible::LoginInVain
    pub fn log_in(&mut self) {
        self.known.timeline.clear();
        self.start(Need { asked_for: true, no_refresh: true, ..Need::default() });
    }

    /// The same as the host wants it: with a prompt, with a hint who logs in, with other scopes. With
    /// [nothing in particular](AuthorizationOptions::is_empty) it is [`log_in`](Self::log_in); otherwise what others
    /// store while it waits for their login will not do, because that may be of another account.
    ///
    /// The tokens that are stored stay until the new ones are there, and are not revoked then. The options are used up
    /// by this login: however it ends, the next one is without.
    pub fn log_in_with(&mut self, options: AuthorizationOptions) {
        self.known.timeline.clear();
        let options = (!options.is_empty()).then(|| Box::new(options));
        self.start(Need { asked_for: true, no_refresh: true, options, ..Need::default() });
    }

    /// A session that finishes a login which another one handed out: its turns lead to the browser's
    /// turn, which takes the redirect.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignLogin`] if the login is to another server than the settings name,
    /// [`Misuse::ForeignProfile`] if it is for another profile: its tokens are somebody else's;
    /// [`Misuse::WithoutUser`] if the settings get tokens without a user. The turns
    /// find out whether it was finished before ([`Error::LoginUsed`]) or comes too late
    /// ([`Error::LoginExpired`]).
    pub fn resume(
        settings: Arc<Settings>,
        profile: &str,
        pending: PendingLogin,
    ) -> Result<Self, Error> {
        if settings.machine_grant().is_some() {
            return Err(Misuse::WithoutUser.into());
        }
        if pending.profile() != profile {
            let (expected, found) = (pending.profile().into(), profile.into());
            return Err(Misuse::ForeignProfile { expected, found }.into());
        }
        let resource = &pending.consent.binding.resource;
        if !settings.server.is_reached_by(resource, pending.moved_to.as_ref()) {
            let (server, resource) = (settings.server.shown(), shown(resource));
            return Err(Misuse::ForeignLogin { server, resource }.into());
        }
        let mut session = Self::new(settings);
        if let Some(url) = &pending.moved_to {
            session.known.seldom_mut().moved_to = Some(url.clone());
        }
        session.op = Resume::Lock(Box::new(pending)).into();
        Ok(session)
    }

    /// Logs out: the next turns revoke the tokens and take them out of the store. The client stays
    /// registered, for the next login. A fixed token is not ours to end.
    pub fn logout(&mut self) {
        self.known.timeline.clear();
        self.op.let_go();
        // Whoever comes next may be somebody else.
        self.known.forget_unmet();
        let unsaved = match mem::take(&mut self.op) {
            Op::Keep(keep) => Some(Box::new(keep.into_record())),
            Op::Logout(logout) => logout.into_unsaved(),
            _ => None,
        };
        self.op = match self.known.held.settings.bearer {
            None => Logout::of(unsaved).into(),
            Some(_) => Logout::Done(Box::new(LoggedOut::NOTHING)).into(),
        };
    }

    /// Ends the login under way, at whichever of its turns: the host does not want it any more. True if that is
    /// possible. The turns that follow release its locks, take back what it has written against the client it used,
    /// and end with [`Error::Cancelled`]; a request that was sent for it is left, and its answer is of no use.
    ///
    /// It is no sign that the client is unknown to the server, as [`BrowserReply::cancelled`] is: the next login
    /// uses the same one.
    ///
    /// False if there is none to be ended: none was [begun](crate::session::LoginReply::begin), or its user has come
    /// back, and the code that they brought is spent, or the tokens for it stored. Nor can it be ended while a
    /// record of it is written: answer that turn first.
    ///
    /// [`BrowserReply::cancelled`]: crate::session::BrowserReply::cancelled
    pub fn cancel_login(&mut self) -> bool {
        self.handle(Event::Cancelled)
    }

    /// Takes the login out of the session, to be finished elsewhere.
    pub(crate) fn hand_out(&mut self) -> Option<LoginProgress> {
        match mem::take(&mut self.op) {
            Op::Login(Login::Run(progress)) => {
                let left = Op::Failed(Box::new(Error::LoginRequired));
                self.op = Op::Unlock(Lock::Login, Some(Box::new(left)));
                Some(*progress)
            }
            op => {
                self.op = op;
                None
            }
        }
    }

    /// Drops what is under way and starts over, with what is spent but not stored: nothing is more urgent.
    pub(crate) fn start(&mut self, need: Need) {
        self.op.let_go();
        if let Some(need) = self.op.needed() {
            self.known.keep_unmet(need);
        }
        if self.known.held.settings.bearer.is_some() {
            return;
        }
        self.op = match mem::take(&mut self.op) {
            Op::Keep(keep) => keep.late(need).into(),
            _ => Access(need).into(),
        };
    }
}
