//! A host: a session, and what its application is doing with it.

use alloc::sync::Arc;
use core::time::Duration;

use http::{Request, Response};
use oauth_core::flow::Settings;
use oauth_core::session::{Attempt, Key, Lock, Record, Session, Status};
use oauth_core::{Error, UnixTime};

use super::laws::{self, Look};
use super::leases::Watch;
use super::ledger::Ledger;
use super::machine::Toil;

/// One process with one session.
#[derive(Debug)]
pub(super) struct Host {
    /// Whose tokens it uses.
    pub(super) profile: usize,
    /// Where its grant is stored.
    pub(super) key: Key,
    /// What its sessions are made with.
    pub(super) settings: Arc<Settings>,
    /// The machine.
    pub(super) session: Session,
    /// What its application does.
    pub(super) task: Task,
    /// The request that waits for its answer. Until that comes, the host does nothing.
    pub(super) flight: Option<Flight>,
    /// How far its clock is from the servers', in seconds.
    pub(super) offset: i64,
    /// Until when it is not scheduled.
    pub(super) asleep_until: u64,
    /// What it knows of the lease of its refresh lock.
    pub(super) watch: Watch,
    /// Whether a turn was dropped, so that the session has to start over.
    pub(super) stopped: bool,
    /// The locks without which it goes on, as they died with its process.
    pub(super) lost_locks: Vec<Lock>,
    /// The access token that it had when it asked for the refresh lock.
    pub(super) stale: Option<String>,
    /// The access token that will not do: it was refused, or another one is wanted.
    pub(super) unwanted: Option<String>,
    /// The access token that the last call was sent with that was refused, and not for want of a scope.
    pub(super) suspect: Option<String>,
    /// The access token that it knows to be refused for good, as long as it has no other one.
    pub(super) refused: Option<String>,
    /// What it has seen under the refresh lock since.
    pub(super) second_look: SecondLook,
    /// When it tries next to store what was spent, while the store fails.
    pub(super) retries_at: Option<u64>,
    /// The access tokens that it has used although the store would not take them.
    pub(super) kept: Vec<String>,
    /// When it looked into the store.
    pub(super) look: Look,
    /// From when to when, by its clock, the last answer to a refresh wants to be left alone, while nobody has
    /// written that down.
    pub(super) pause: Option<[UnixTime; 2]>,
    /// When its session had the last answer.
    pub(super) answered_at: u64,
    /// When the last login of its session brought tokens, unless a user has asked for another since.
    pub(super) logged_in_at: Option<u64>,
    /// Whether it asks nobody.
    pub(super) is_quiet: bool,
    /// Whether `mcp:write` was missing from its token, and nobody was asked for it.
    pub(super) lacks_scope: bool,
    /// Whether its user has asked for a login, so that no token will do that it has.
    pub(super) asked_for: bool,
    /// Whether the session is logging out.
    pub(super) leaves: bool,
    /// An old serialized form of the session.
    pub(super) copy: Option<String>,
    /// What the last task came to.
    pub(super) outcome: Option<Outcome>,
    /// What it does for a token without a user.
    pub(super) toil: Toil,
    /// Whether the answer to its last push was lost.
    pub(super) lost_push: bool,
    /// Whether the user with the other device went away.
    pub(super) is_away: bool,
}

/// What a host has seen under the refresh lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecondLook {
    /// It has not looked.
    None,
    /// What it knew, or what is no better.
    Same,
    /// The fresh token of somebody else: there is nothing to refresh.
    Fresh,
    /// Something that is not there any more.
    Stale,
}

/// What an application does.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// Nothing.
    Rest,
    /// Drives the session to a token.
    Drive(Drive),
    /// Sends a call to the MCP server, with the token at hand.
    Send(Call),
}

/// A drive of the session.
#[derive(Clone, Debug)]
pub(super) struct Drive {
    /// What for.
    pub(super) goal: Goal,
    /// Whether a login may be begun.
    pub(super) login: bool,
    /// How many turns were taken.
    pub(super) turns: u32,
}

/// What a token is wanted for.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// A call that was not sent yet. Without a token it goes out without one.
    Attach(Call),
    /// A call that was refused.
    Retry(Call),
    /// To have one.
    Hold,
    /// To have the latest one, and then another one.
    Renew,
}

/// One request of the application, over all the times it is sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The MCP method.
    pub(super) method: &'static str,
    /// How often it was sent.
    pub(super) sent: u32,
    /// Whether its last answer was about the proof.
    pub(super) is_proof_wanted: bool,
    /// What may still be done for it.
    pub(super) attempt: Attempt,
    /// Whether a login may be begun for it.
    pub(super) login: bool,
}

/// What a task came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The MCP server answered.
    Status(u16),
    /// There is a token.
    Token,
    /// The user is logged out.
    LoggedOut,
    /// A login is needed, and nobody began one.
    LoginNeeded,
    /// The session says why there is no token.
    Failed(Error),
    /// The store or the way to the MCP server failed.
    Broken(&'static str),
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Flight {
    /// What it is for.
    pub(super) purpose: Purpose,
    /// The request.
    pub(super) request: Request<Vec<u8>>,
    /// Its number in the ledger, if it spends something.
    pub(super) ask: Option<usize>,
    /// Where it is.
    pub(super) stage: Stage,
}

/// Who waits for an answer.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// The session.
    Turn,
    /// The session, which wants to know what the MCP server says to a request without a token.
    Challenge,
    /// The application.
    Call(Call),
}

/// Where a request is.
#[derive(Debug)]
pub(super) enum Stage {
    /// On its way to the server.
    Out,
    /// Its answer is on its way back; `None` if there will be none.
    Back(Option<Response<Vec<u8>>>),
}

/// What the host calls a profile.
pub(super) fn name(profile: usize) -> String {
    format!("user-{profile}")
}

impl Host {
    /// A host that knows only the store.
    #[must_use]
    pub(super) fn new(profile: usize, settings: &Arc<Settings>, looks: Option<u64>) -> Self {
        let session = Session::new(Arc::clone(settings));
        Self {
            profile,
            key: session.key(&name(profile)),
            settings: Arc::clone(settings),
            session,
            task: Task::Rest,
            flight: None,
            offset: 0,
            asleep_until: 0,
            watch: Watch::default(),
            stopped: false,
            lost_locks: Vec::new(),
            stale: None,
            unwanted: None,
            suspect: None,
            refused: None,
            second_look: SecondLook::None,
            retries_at: None,
            kept: Vec::new(),
            look: Look::every(looks),
            pause: None,
            answered_at: 0,
            logged_in_at: None,
            is_quiet: false,
            lacks_scope: false,
            asked_for: false,
            leaves: false,
            copy: None,
            outcome: None,
            toil: Toil::default(),
            lost_push: false,
            is_away: false,
        }
    }

    /// Starts over.
    pub(super) fn access(&mut self) {
        (self.leaves, self.asked_for) = (false, false);
        self.unwanted = None;
        self.session.access();
    }

    /// Goes on without the access token that it has.
    pub(super) fn want_another(&mut self) {
        self.unwanted = self.session.record().and_then(laws::access_token).map(Into::into);
    }

    /// What it knows of its token by now: that somebody has written down that it is refused, or that it could not write that
    /// down itself after its own call was refused.
    pub(super) fn learn_of_token(&mut self) {
        let record = self.session.record();
        let token = record.and_then(laws::access_token);
        self.refused.take_if(|refused| Some(&**refused) != token);
        if record.is_some_and(|record| record.refused_at().is_some()) {
            self.refused = token.map(Into::into);
        }
        // The time is of no matter to whether it was refused.
        if token.is_some()
            && token == self.suspect.as_deref()
            && matches!(self.session.status(UnixTime::from_secs(0)), Status::Refused(_))
        {
            self.refused.clone_from(&self.suspect);
        }
    }

    /// A login is needed because its call was refused, and there is no other token.
    pub(super) fn learn_of_refusal(&mut self) {
        let token = self.session.record().and_then(laws::access_token);
        if token.is_some() && token == self.suspect.as_deref() {
            self.refused.clone_from(&self.suspect);
        }
    }

    /// It goes on with another session, which knows what it knows.
    pub(super) fn forget_tokens(&mut self) {
        (self.suspect, self.refused) = (None, None);
    }

    /// Whether it has a token that lives, and that will do. With clocks apart, one that was refused may seem to live,
    /// and so the ledger is asked whether any refresh can help it.
    pub(super) fn lives(&self, now: UnixTime, apart: Option<&Ledger>) -> bool {
        let record = self.session.record().filter(|_| !self.leaves && !self.asked_for);
        record.is_some_and(|record| {
            let lives =
                record.tokens().is_some_and(|tokens| tokens.is_valid_for(now, Duration::ZERO));
            let token = laws::access_token(record);
            let refresh_token = record.tokens().and_then(|tokens| tokens.refresh_token.as_ref());
            let is_refused = |it: &str| apart.is_some_and(|ledger| ledger.is_refused(it));
            let has_refresh_token = refresh_token.is_some_and(|it| !is_refused(it.expose()));
            // What was refused before it was stored stays so for whoever asks next, and so does what no refresh replaces.
            let is_final = !has_refresh_token || token.is_some_and(|it| self.has_kept(it));
            let is_suspect = token == self.suspect.as_deref() && is_final;
            let is_refused =
                record.refused_at().is_some() || token == self.refused.as_deref() || is_suspect;
            lives && !is_refused && token != self.unwanted.as_deref()
        })
    }

    /// Whether its last call went well, with a token that is fresh and may be used without a look into the store.
    pub(super) fn needs_no_thought(&self, now: UnixTime) -> bool {
        let record = self.session.record();
        // What is not stored is tried to be, every few seconds.
        let is_kept = record.and_then(laws::access_token).is_some_and(|it| self.has_kept(it));
        let tokens = record.and_then(Record::tokens);
        self.outcome == Some(Outcome::Status(200))
            && self.look.interval.is_none()
            && !is_kept
            && tokens.is_some_and(|tokens| tokens.is_valid_for(now, laws::MARGIN))
    }

    /// Whether it has used this access token although the store would not take it.
    pub(super) fn has_kept(&self, access_token: &str) -> bool {
        self.kept.iter().any(|kept| kept == access_token)
    }

    /// The time by its clock, when the servers have this time.
    #[must_use]
    pub(super) fn now(&self, time: u64) -> UnixTime {
        UnixTime::from_secs(time.saturating_add_signed(self.offset))
    }
}

impl Call {
    /// A call that was not sent yet.
    #[must_use]
    pub(super) fn new(method: &'static str, login: bool) -> Self {
        Self { method, sent: 0, is_proof_wanted: false, attempt: Attempt::new(), login }
    }
}

impl Drive {
    /// A drive that begins.
    #[must_use]
    pub(super) const fn new(goal: Goal, login: bool) -> Self {
        Self { goal, login, turns: 0 }
    }
}
