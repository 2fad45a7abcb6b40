//! What a host answers to a turn. Each reply can be given once; one that is dropped changes nothing.

use alloc::boxed::Box;
use core::mem;
use core::net::IpAddr;

use crate::entropy::Entropy;
use crate::error::{Error, Silence};
use crate::flow::{NoAnswer, Probe, RedirectUri, Step};
use crate::http::Response;
use crate::session::access::Want;
use crate::session::authorization::Snapshot;
use crate::session::machine::{Session, State};
use crate::session::pending::PendingLogin;
use crate::session::record::{Key, Record};
use crate::time::UnixTime;
use crate::tolerance::Tolerance;
use crate::url::HttpUrl;
use crate::wire::{Issuer, RegistrationKind, ResourceChallenge};

macro_rules! reply {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "the session waits for the answer"]
        pub struct $name<'a> {
            pub(crate) session: &'a mut Session,
        }
    };
}

reply! {
    /// Takes what the store holds.
    LoadReply
}
reply! {
    /// Takes that the lock is held.
    LockReply
}
reply! {
    /// Holds what is about to be spent, and takes whether what comes of it can be kept. The refresh lock is held.
    ReserveReply
}
reply! {
    /// Holds the record to write, and takes how that went.
    SaveReply
}
reply! {
    /// Takes that the lock is released.
    UnlockReply
}
reply! {
    /// Takes the answer to a request.
    HttpReply
}
reply! {
    /// Takes the decision to log in. Dropped, it leaves the need for a login as it is.
    LoginReply
}
reply! {
    /// Takes where the user will come back to.
    PrepareReply
}
reply! {
    /// Takes the redirect that brings the user back.
    BrowserReply
}

macro_rules! about_a_record {
    ($($name:ident)*) => {
        $(impl $name<'_> {
            /// Which record this is about. With [`Settings::client_records`] it may be the client's, and
            /// not that of the profile's grant.
            ///
            /// [`Settings::client_records`]: crate::flow::Settings::client_records
            #[must_use]
            pub fn key(&self, profile: &str) -> Key {
                self.session.key_of_turn(profile)
            }
        })*
    };
}

about_a_record!(LoadReply LockReply ReserveReply SaveReply UnlockReply);

impl LoadReply<'_> {
    /// The store holds this record under the turn's key, or none.
    pub fn loaded(self, record: Option<Record>, now: UnixTime) {
        self.session.loaded(record, now);
    }

    /// Whether tokens are lost if the store is not read: a refresh token was spent for them, and somebody else
    /// has written meanwhile, which is looked at before they are stored. A host that keeps the lock and
    /// tries again keeps its user logged in, as with [`SaveReply::is_spent`].
    #[must_use]
    pub fn is_spent(&self) -> bool {
        matches!(&self.session.state, State::LoadConflict(saving, _) if saving.then.is_spent())
    }

    /// The store cannot be read. True if that does not matter: the token still lives, and is used for some
    /// seconds more before the store is looked at again; or this was about the client of tokens that are stored
    /// already. The same with tokens that [are spent for](Self::is_spent), which are stored later then. Otherwise
    /// the host stops with the store's error.
    #[must_use = "false means that the host stops"]
    pub fn failed(self, now: UnixTime) -> bool {
        self.session.store_failed(now)
    }
}

impl LockReply<'_> {
    /// Somebody else holds the lock. True if that does not matter: the token still lives, and is used for some
    /// seconds more before the store is looked at again, so there is nothing to wait for. Otherwise
    /// the session still waits for the lock.
    pub fn held_elsewhere(&mut self, now: UnixTime) -> bool {
        self.session.held_elsewhere(now)
    }

    /// The store cannot tell, which counts as neither held nor free. True if that does not matter: the token
    /// still lives, and is used for some seconds more before the store is looked at again. Otherwise
    /// the host stops with the store's error.
    #[must_use = "false means that the host stops"]
    pub fn failed(self, now: UnixTime) -> bool {
        self.session.store_failed(now)
    }

    /// The lock is held.
    pub fn locked(self) {
        self.session.advance(|_, state| match state {
            State::Lock(want) => State::LoadLocked(want),
            State::LockLogin(want) => State::LoadLogin(want),
            State::LockPending(pending) => State::LoadPending(pending),
            State::LockLogout(leaving) => State::LoadLogout(leaving),
            State::LockClient(running) => State::LoadClient(running),
            other => other,
        });
    }
}

impl SaveReply<'_> {
    /// The record to write.
    #[must_use]
    pub fn record(&self) -> &Record {
        match &self.session.state {
            State::Save(saving) => &saving.record,
            _ => unreachable!("the reply was made for a session that saves"),
        }
    }

    /// The generation that the store must hold for it to be replaced; 0 if it must hold none.
    #[must_use]
    pub fn expected(&self) -> u64 {
        match &self.session.state {
            State::Save(saving) => saving.expected,
            _ => unreachable!("the reply was made for a session that saves"),
        }
    }

    /// Whether tokens are lost if the record is not stored: a refresh token or a user's login was spent for
    /// them, or they could not be stored earlier. A host that keeps the lock and tries again keeps its user
    /// logged in, and sends nobody to a page for what is there already.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        match &self.session.state {
            State::Save(saving) => saving.then.is_spent(),
            _ => unreachable!("the reply was made for a session that saves"),
        }
    }

    /// What the session would hold if it [could not be stored](Self::failed) now: for those who must not wait while
    /// the host tries again. `None` if its tokens are good for nothing without the store.
    #[must_use]
    pub fn would_keep(&self, now: UnixTime) -> Option<Snapshot> {
        self.session.would_keep(now)
    }

    /// The record is stored, durably.
    pub fn saved(self, now: UnixTime) {
        self.session.saved(now);
    }

    /// The store failed. True if the session goes on: what was to be written is only good to know, or it brings a
    /// token that lives. That is used for some seconds, until the next access tries to store it; it is lost if the
    /// session ends before, so a host tries again for a while first if the record [is spent](Self::is_spent).
    /// Otherwise the host stops with the store's error.
    #[must_use = "false means that the host stops"]
    pub fn failed(self, now: UnixTime) -> bool {
        self.session.save_failed(now)
    }

    /// The store holds another generation, which is this one (0 for none), and was not changed.
    pub fn conflict(self, stored: u64) {
        self.session.conflict(stored);
    }
}

impl UnlockReply<'_> {
    /// The lock is released.
    pub fn unlocked(self) {
        self.session.advance(|_, state| match state {
            State::Unlock(_, then) => *then,
            other => other,
        });
    }
}

impl HttpReply<'_> {
    /// The server answered, with whatever status. What the answer was taken for is the last entry of
    /// [`Session::timeline`] then.
    pub fn response(self, response: &Response, now: UnixTime) {
        self.answered(Ok(response), now);
    }

    /// No answer came, and nobody knows why.
    pub fn unreachable(self, now: UnixTime) {
        self.unanswered(Silence::default(), now);
    }

    /// No answer came: the name does not resolve, the connection broke, time ran out. An
    /// [`Obstacle`](crate::error::Obstacle) will do.
    pub fn unanswered(self, why: impl Into<Silence>, now: UnixTime) {
        self.answered(Err(NoAnswer::Unreachable(why.into())), now);
    }

    /// The request was not sent, because it would have gone to this address: [`Reach::permits`] says no.
    /// Nothing that is stored is lost.
    ///
    /// [`Reach::permits`]: crate::Reach::permits
    pub fn forbidden(self, address: IpAddr, now: UnixTime) {
        self.answered(Err(NoAnswer::Forbidden(address)), now);
    }

    fn answered(self, response: Result<&Response, NoAnswer>, now: UnixTime) {
        match mem::replace(&mut self.session.state, State::Ready) {
            State::Refresh(want) => self.session.refresh_answered(want, response, now),
            State::Revoke(leaving) => self.session.revocation_answered(leaving, response, now),
            State::Run(mut running) => {
                if let Ok(Step::Http { reply, .. }) = running.flow.step() {
                    match response {
                        Ok(response) => reply.response(response, now),
                        Err(no_answer) => reply.no_answer(no_answer),
                    }
                }
                self.session.timeline.append(running.flow.take_timeline());
                self.session.state = self.session.settle(running, now);
            }
            other => self.session.state = other,
        }
    }
}

impl LoginReply<'_> {
    /// Whether the server has not said yet where its metadata is. A host that can may ask it: a request
    /// without a token, and [`challenge`](Self::challenge) with what comes back.
    #[must_use]
    pub fn lacks_challenge(&self) -> bool {
        let is_known = self.session.unmet_challenge().is_some();
        matches!(&self.session.state, State::Login(want) if !want.was_answered && !is_known)
    }

    /// The `WWW-Authenticate` values with which the server answered a request without a token.
    pub fn challenge<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        if let State::Login(want) = &mut self.session.state {
            want.challenge = ResourceChallenge::select(values).map(Box::new);
            want.was_answered = true;
        }
    }

    /// The same from a [`Probe`](crate::flow::Probe), which also knows where the MCP endpoint has moved to,
    /// and what the server says if it asks for no login.
    pub fn probed(&mut self, probe: &Probe) {
        self.moved_to(probe.url());
        self.session.timeline.append(probe.timeline().clone());
        if let State::Login(want) = &mut self.session.state {
            want.challenge = probe.challenge().map(Box::new);
            want.not_asked = probe.not_asked().cloned().map(Box::new);
            want.was_answered = true;
        }
    }

    /// The MCP endpoint's URL redirects to this one: its metadata is looked for there, and the resource
    /// may be named like that. Another origin counts for nothing.
    pub fn moved_to(&mut self, url: &HttpUrl) {
        let server = &self.session.held.settings.server;
        let moved = server.moved_to(url).is_some() && url != server.url();
        self.session.moved_to = moved.then(|| url.clone());
    }

    /// Begins a login: it waits for one that is under way elsewhere, and uses what that brings.
    pub fn begin(self) {
        self.session.advance(|_, state| match state {
            State::Login(want) => State::LockLogin(want),
            other => other,
        });
    }
}

impl PrepareReply<'_> {
    /// The redirect URI that is registered already, if a dynamic client is: a host that can use it
    /// again spares a registration.
    ///
    /// At first it is the profile's own. A login that is [asked once
    /// more](crate::flow::RedirectUri::at_any_port) could use the client of other profiles if its user came
    /// back there. Of the two listeners only the last one is used.
    #[must_use]
    pub fn registered_redirect_uri(&self) -> Option<&str> {
        let shared = match &self.session.state {
            State::PrepareAgain(_, shared) => Some(&**shared),
            _ => None,
        };
        let client = &shared.or(self.session.held.record.as_ref())?.binding.client;
        (client.kind == RegistrationKind::Dynamic).then_some(&*client.redirect_uri)
    }

    /// The redirect comes back to this URI, where the host listens already. `entropy` is used up by the
    /// login.
    pub fn prepared(self, redirect_uri: RedirectUri, entropy: Entropy, now: UnixTime) {
        self.session.advance(|session, state| match state {
            State::Prepare(want) => session.run(want, redirect_uri, entropy, now),
            State::PrepareAgain(running, shared) => {
                session.prepared_again(running, &shared, redirect_uri, now)
            }
            other => other,
        });
    }
}

impl BrowserReply<'_> {
    /// The issuer of the tokens that are stored, if the user is about to be sent to another one. That is
    /// how a server moves, and how a server that was taken over would look like: a host may want to ask.
    #[must_use]
    pub fn moved_from(&self) -> Option<&Issuer> {
        match &self.session.state {
            State::Run(running) => running.moved_from.as_ref(),
            _ => None,
        }
    }

    /// The authorization server, if it will get the client's secret although only the MCP server says that it is
    /// the right one ([`Tolerance::UnconfirmedIssuer`]). Nothing was sent there yet: a host may want to ask.
    #[must_use]
    pub fn unconfirmed_issuer(&self) -> Option<&Issuer> {
        match &self.session.state {
            State::Run(running) => {
                let server = &running.flow.binding()?.server;
                let is_unconfirmed = server.tolerated.contains(Tolerance::UnconfirmedIssuer);
                is_unconfirmed.then_some(&server.issuer)
            }
            _ => None,
        }
    }

    /// Where the user will come back to. A login whose client was refused sends its user once more, to come
    /// back to the same place.
    #[must_use]
    pub fn redirect_uri(&self) -> Option<&str> {
        match &self.session.state {
            State::Run(running) => Some(&running.flow.binding()?.client.redirect_uri),
            _ => None,
        }
    }

    /// The user came back with this query, the part of the redirect behind the question mark.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::StateMismatch`](crate::error::PeerMisbehaved::StateMismatch) if the redirect
    /// belongs to another login: the session still waits for the right one.
    pub fn redirect(self, query: &str, now: UnixTime) -> Result<(), Error> {
        let State::Run(running) = &mut self.session.state else {
            return Ok(());
        };
        let answered = match running.flow.step() {
            Ok(Step::Browser { reply, .. }) => reply.redirect(query),
            _ => Ok(()),
        };
        self.session.timeline.append(running.flow.take_timeline());
        answered?;
        self.session.advance(|session, state| match state {
            State::Run(running) => session.settle(running, now),
            other => other,
        });
        Ok(())
    }

    /// The user or the host gave up waiting.
    pub fn cancelled(self) {
        self.session.cancel();
    }

    /// Hands the login out, to be finished elsewhere until `expires_at`, for the profile whose tokens it
    /// will bring. The user goes to [`PendingLogin::connect_url`], not to the turn's URL. The session needs
    /// a login as before.
    #[must_use]
    pub fn suspend(self, profile: &str, expires_at: UnixTime) -> Option<PendingLogin> {
        let running = self.session.give_up(Error::LoginRequired)?;
        PendingLogin::new(profile, expires_at, running, self.session.moved_to.clone())
    }
}

impl Session {
    pub(crate) fn advance(&mut self, next: impl FnOnce(&mut Self, State) -> State) {
        let state = mem::replace(&mut self.state, State::Load(Want::default()));
        self.state = next(self, state);
    }
}
