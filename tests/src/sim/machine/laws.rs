//! What holds for hosts without a user, as questions about one request, one session, one error.

use std::collections::HashMap;

use http::{Request, Response, header};
use oauth_core::session::{Lock, Turn};
use oauth_core::{Error, UnixTime};

use super::gifts::Stall;
use crate::sim::extended::has_proof;
use crate::sim::host::{Host, Purpose, SecondLook};
use crate::sim::store::Hold;
use crate::sim::{Fault, Simulation, laws};
use crate::world::{IDP_CLIENT_SECRET, PRE_CLIENT_SECRET};

/// What a host does for a token without a user.
#[derive(Debug, Default)]
pub(in crate::sim) struct Toil {
    /// What it waits for.
    pub(super) stall: Option<Stall>,
    /// Which servers want to be left alone until when, by the host's clock.
    rests: HashMap<String, UnixTime>,
    /// How many requests its session has made for the task.
    requests: usize,
    /// How many of them were for an access token.
    tokens: usize,
}

impl Toil {
    /// The task has ended.
    pub(in crate::sim) fn done(&mut self) {
        (self.stall, self.requests, self.tokens) = (None, 0, 0);
    }

    /// It goes on with another session, to which no server has said anything yet.
    pub(in crate::sim) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A token endpoint has answered.
    pub(in crate::sim) fn learn(
        &mut self,
        request: &Request<Vec<u8>>,
        answer: Option<&Response<Vec<u8>>>,
        now: UnixTime,
    ) {
        let Some(answer) = answer.filter(|_| request.uri().path() == "/token") else { return };
        let named = answer.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
        if let Some(seconds) = named.and_then(|it| it.parse::<u64>().ok()) {
            let until = now + core::time::Duration::from_secs(seconds.min(LONGEST_REST));
            self.rests.insert(authority(request), until);
        } else if answer.status() == 200 && is_for_a_token(request) {
            self.rests.clear();
        }
    }
}

impl Simulation {
    /// A request of a session without a user: for nothing that takes one, and for a token only in its turn.
    pub(in crate::sim) fn asks(
        &mut self,
        at: usize,
        request: &Request<Vec<u8>>,
    ) -> Result<(), String> {
        let Some(machine) = self.plan.machine else { return Ok(()) };
        let path = request.uri().path();
        if matches!(path, "/authorize" | "/register" | "/par") || laws::is_refresh(request) {
            return Err(format!("invariant 11: h{at} asks for {path} as if it had a user"));
        }
        self.world.overhear(request);
        self.lawful()?;
        if path == "/token" {
            self.asks_in_its_turn(at, request)?;
        }
        let is_for_a_token = is_for_a_token(request);
        self.asked += usize::from(is_for_a_token);
        let toil = &mut self.hosts[at].toil;
        toil.requests += 1;
        toil.tokens += usize::from(is_for_a_token);
        let (requests, tokens) = if self.is_healing { (20, 5) } else { (30, 8) };
        // Each may want another proof, once.
        let factor = if self.plan.extended.is_bound() { 2 } else { 1 };
        let (requests, tokens) = (factor * requests, factor * tokens);
        if toil.requests > requests || toil.tokens > tokens {
            return Err(format!("h{at} asks again and again ({machine:?}): {toil:?}"));
        }
        Ok(())
    }

    /// Under the lock, after a second look, and not before a time that was named.
    fn asks_in_its_turn(&self, at: usize, request: &Request<Vec<u8>>) -> Result<(), String> {
        let host = &self.hosts[at];
        let wrong = |what: &str| Err(format!("h{at} asks for a token {what}"));
        let hold = self.store.hold(Lock::Refresh, at);
        match (hold, host.second_look) {
            (None, _) if host.lost_locks.contains(&Lock::Refresh) => {}
            (None, _) => return wrong("without the lock"),
            (_, SecondLook::None) => return wrong("without a second look"),
            (_, SecondLook::Fresh) if !host.asked_for => {
                return wrong("although there is a fresh one");
            }
            _ => {}
        }
        let asks = |other: &Host| {
            let flight = other.flight.as_ref().filter(|it| matches!(it.purpose, Purpose::Turn));
            flight.is_some_and(|it| it.request.uri().path() == "/token")
        };
        let others = self.hosts.iter().enumerate().filter(|(other, _)| *other != at);
        let mut rivals = others.filter(|(_, other)| other.key == host.key && asks(other));
        let is_good = |at: usize| self.store.hold(Lock::Refresh, at) == Some(Hold::Alone);
        if let Some((other, _)) = rivals.find(|(other, _)| is_good(*other) && is_good(at)) {
            return wrong(&format!("while h{other} does, and both have the lock"));
        }
        let has_clock = self.plan.menu.chance(Fault::ClockJump) == 0;
        match host.toil.rests.get(&authority(request)) {
            Some(until) if has_clock && !host.asked_for && self.now(at) < *until => {
                wrong("although the server is to be left alone")
            }
            _ => Ok(()),
        }
    }

    /// A drive fails: there is no token that lives and will do.
    pub(in crate::sim) fn spares(&self, at: usize, error: &Error) -> Result<(), String> {
        if self.plan.machine.is_none() {
            return Ok(());
        }
        is_clean(&format!("{error} {error:?}"))?;
        let (host, now) = (&self.hosts[at], self.now(at));
        let has_clock = self.plan.menu.chance(Fault::ClockJump) == 0;
        // Tokens that others have replaced again and again wait to be stored, whatever lives.
        if has_clock && host.lives(now, None) && *error != Error::Contended {
            return Err(format!("a living token is of no use to h{at}, because {error:?}"));
        }
        Ok(())
    }

    /// Invariant 7, and a look at the turn: nobody is needed.
    pub(in crate::sim) fn shows_nothing(&mut self, at: usize) -> Result<(), String> {
        if self.plan.machine.is_none() {
            return Ok(());
        }
        let session = &mut self.hosts[at].session;
        if let Ok(turn) = session.turn() {
            if matches!(
                turn,
                Turn::Login(_)
                    | Turn::Prepare(_)
                    | Turn::Browser(..)
                    | Turn::Reserve(_)
                    | Turn::Lock(Lock::Login | Lock::Client, _)
            ) {
                return Err(format!("invariant 11: a machine comes to {turn:?}"));
            }
            // While it has something to hide; it takes long.
            let hides = match &turn {
                Turn::Http(request, _) => request.url().as_str().ends_with("/token"),
                Turn::Save(_) => true,
                _ => false,
            };
            return if hides { is_clean(&format!("{turn:?}")) } else { Ok(()) };
        }
        is_clean(&format!("{session:?} {}", session.timeline()))
    }

    /// Whether a request is under way that may be sent once only.
    pub(in crate::sim) fn has_sent_once(&self, at: usize) -> bool {
        let flight = self.hosts[at].flight.as_ref();
        flight.is_some_and(|it| carries_assertion(&it.request) || has_proof(&it.request))
    }
}

/// Whether a request carries what is good for one request.
pub(in crate::sim) fn carries_assertion(request: &Request<Vec<u8>>) -> bool {
    String::from_utf8_lossy(request.body()).contains("assertion=")
}

/// Whether a JWT is in a text: each begins with `{"`, in base64.
fn shows_jwt(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word.starts_with("eyJ"))
}

/// Invariant 7: the history of a run shows the tokens of its world, and nothing that a client has to hide otherwise.
pub(in crate::sim) fn is_discreet(history: &[String]) -> Result<(), String> {
    match history.iter().find(|line| shown_secret(line).is_some()) {
        Some(line) => Err(format!("invariant 7: a secret is shown in {line}")),
        None => Ok(()),
    }
}

fn shown_secret(text: &str) -> Option<&'static str> {
    let secrets = [PRE_CLIENT_SECRET, IDP_CLIENT_SECRET, "sealed.id-jag", "idp-rt-"];
    let secret = secrets.into_iter().find(|it| text.contains(it));
    secret.or_else(|| shows_jwt(text).then_some("a JWT"))
}

/// Invariant 7: nothing secret is in a text that is shown.
fn is_clean(text: &str) -> Result<(), String> {
    let token = || laws::credentials(text).next().map(|(kind, _)| kind);
    match shown_secret(text).or_else(token) {
        Some(secret) => Err(format!("invariant 7: {secret} is shown in {text}")),
        None => Ok(()),
    }
}

/// Whether a request is for an access token.
pub(in crate::sim) fn is_for_a_token(request: &Request<Vec<u8>>) -> bool {
    request.uri().path() == "/token" && !authority(request).starts_with("idp.")
}

fn authority(request: &Request<Vec<u8>>) -> String {
    request.uri().authority().map_or_else(String::new, ToString::to_string)
}

/// For how many seconds a server is left alone at most.
const LONGEST_REST: u64 = 3600;
