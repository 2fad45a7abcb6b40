//! The replies of a login: from the decision to log in until its user is back.

use alloc::boxed::Box;

use crate::entropy::Entropy;
use crate::error::Error;
use crate::flow::{AuthorizationOptions, Probe, RedirectUri};
use crate::scope::Scopes;
use crate::session::client::Client;
use crate::session::event::Event;
use crate::session::login::Login;
use crate::session::op::Op;
use crate::session::pending::PendingLogin;
use crate::session::reply::{BrowserReply, LoginReply, PrepareReply};
use crate::time::UnixTime;
use crate::tolerance::Tolerance;
use crate::url::HttpUrl;
use crate::wire::{Issuer, RegistrationKind, ResourceChallenge};

impl LoginReply<'_> {
    /// Whether the server has not said yet where its metadata is. A host that can may ask it: a request
    /// without a token, and [`challenge`](Self::challenge) with what comes back.
    #[must_use]
    pub fn lacks_challenge(&self) -> bool {
        let is_known = self.session.known.unmet_challenge().is_some();
        self.session.op.needed().is_some_and(|need| !need.was_answered && !is_known)
    }

    /// The `WWW-Authenticate` values with which the server answered a request without a token.
    pub fn challenge<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        if let Some(need) = self.session.op.needed_mut() {
            need.challenge = ResourceChallenge::select(values).map(Box::new);
            need.was_answered = true;
        }
    }

    /// The same from a [`Probe`](crate::flow::Probe), which also knows where the MCP endpoint has moved to,
    /// and what the server says if it asks for no login.
    pub fn probed(&mut self, probe: &Probe) {
        self.moved_to(probe.url());
        self.session.known.timeline.append(probe.timeline().clone());
        if let Some(need) = self.session.op.needed_mut() {
            need.challenge = probe.challenge().map(Box::new);
            need.not_asked = probe.not_asked().cloned().map(Box::new);
            need.was_answered = true;
        }
    }

    /// The MCP endpoint's URL redirects to this one: its metadata is looked for there, and the resource
    /// may be named like that. Another origin counts for nothing.
    pub fn moved_to(&mut self, url: &HttpUrl) {
        self.session.known.note_move(url);
    }

    /// Asks for these scopes, too: another session for the same user was refused for want of them.
    pub fn ask_for(&mut self, missing: &Scopes) {
        self.session.known.seldom_mut().unmet.get_or_insert_default().miss(missing);
    }

    /// What the host wants of this login in particular.
    #[must_use]
    pub fn options(&self) -> Option<&AuthorizationOptions> {
        self.session.op.needed()?.options.as_deref()
    }

    /// Begins a login: it waits for one that is under way elsewhere, and uses what that brings, unless the host wants
    /// [something in particular](Self::options).
    pub fn begin(self) {
        self.session.handle(Event::Begun);
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
        let shared = match &self.session.op {
            Op::Client(Client::Prepare(_, shared)) => Some(&**shared),
            _ => None,
        };
        let client = &shared.or(self.session.known.held.record.as_ref())?.binding.client;
        (client.kind == RegistrationKind::Dynamic).then_some(&*client.redirect_uri)
    }

    /// The redirect comes back to this URI, where the host listens already. `entropy` is used up by the
    /// login.
    pub fn prepared(self, redirect_uri: RedirectUri, entropy: Entropy, now: UnixTime) {
        self.session.handle(Event::Prepared(redirect_uri, entropy, now));
    }
}

impl BrowserReply<'_> {
    /// The issuer of the tokens that are stored, if the user is about to be sent to another one. That is
    /// how a server moves, and how a server that was taken over would look like: a host may want to ask.
    #[must_use]
    pub fn moved_from(&self) -> Option<&Issuer> {
        self.session.op.running()?.moved_from.as_ref()
    }

    /// The authorization server, if it will get the client's secret although only the MCP server says that it is
    /// the right one ([`Tolerance::UnconfirmedIssuer`]). Nothing was sent there yet: a host may want to ask.
    #[must_use]
    pub fn unconfirmed_issuer(&self) -> Option<&Issuer> {
        let server = &self.session.op.running()?.flow.binding()?.server;
        let is_unconfirmed = server.tolerated.contains(Tolerance::UnconfirmedIssuer);
        is_unconfirmed.then_some(&server.issuer)
    }

    /// Where the user will come back to. A login whose client was refused sends its user once more, to come
    /// back to the same place.
    #[must_use]
    pub fn redirect_uri(&self) -> Option<&str> {
        Some(&self.session.op.running()?.flow.binding()?.client.redirect_uri)
    }

    /// The user came back with this query, the part of the redirect behind the question mark.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::StateMismatch`](crate::error::PeerMisbehaved::StateMismatch) if the redirect
    /// belongs to another login: the session still waits for the right one.
    pub fn redirect(self, query: &str, now: UnixTime) -> Result<(), Error> {
        let Op::Login(Login::Run(progress)) = &mut self.session.op else {
            return Ok(());
        };
        let timeline = &mut self.session.known.timeline;
        // What belongs to another login is no event of this one.
        progress.flow.noting_in(timeline, |flow| flow.redirect(query))?;
        self.session.handle(Event::CameBack(now));
        Ok(())
    }

    /// Nobody came back, and nobody waits any more: the user gave up, perhaps because the page does not know the
    /// client. A host that does not want the login any more says so with [`Session::cancel_login`].
    ///
    /// [`Session::cancel_login`]: crate::session::Session::cancel_login
    pub fn cancelled(self) {
        self.session.handle(Event::NobodyCame);
    }

    /// Hands the login out, to be finished elsewhere until `expires_at`, for the profile whose tokens it
    /// will bring. The user goes to [`PendingLogin::connect_url`], not to the turn's URL. The session needs
    /// a login as before.
    #[must_use]
    pub fn suspend(self, profile: &str, expires_at: UnixTime) -> Option<PendingLogin> {
        let progress = self.session.hand_out()?;
        PendingLogin::new(profile, expires_at, progress, self.session.known.moved_to().cloned())
    }
}
