//! The person at a host: whether there is one, and what they do with a login page.

use http::Request;
use oauth_core::Error;
use oauth_core::session::{PendingLogin, Session, Turn};

use super::extended::Front;
use super::host::{Drive, Flight, Goal, Outcome, Purpose, Stage, Task, name};
use super::laws;
use super::{Sight, Simulation};
use crate::drive::{PATIENCE, SERVER_URL, mcp_request};
use crate::world::Consent;

impl Simulation {
    /// A login is needed: begins one, if there is a person; after asking the server what it says to a
    /// request without a token.
    pub(super) fn decide(&mut self, at: usize, drive: &Drive) -> Result<(), String> {
        self.unlocked(at)?;
        if let Goal::Retry(_) = drive.goal {
            self.hosts[at].learn_of_refusal();
        }
        if !drive.login {
            let host = &mut self.hosts[at];
            if let Ok(Turn::Login(reply)) = host.session.turn() {
                // Its token may have that, and lack the other one.
                host.lacks_scope |= matches!(
                    reply.error(),
                    Error::ScopeRequired { missing } if missing.contains("mcp:write")
                );
            }
            match &drive.goal {
                Goal::Attach(call) => self.hosts[at].task = Task::Send(call.clone()),
                _ => self.finish(at, Outcome::LoginNeeded),
            }
            return Ok(());
        }
        let asks = self.dice.chance(500);
        let Ok(Turn::Login(reply)) = self.hosts[at].session.turn() else {
            return Err("asking changes something".into());
        };
        if asks && reply.lacks_challenge() {
            let request = mcp_request(SERVER_URL, "initialize");
            let (purpose, stage) = (Purpose::Challenge, Stage::Out);
            self.hosts[at].flight = Some(Flight { purpose, request, ask: None, stage });
            return Ok(());
        }
        reply.begin();
        self.say(at, || "begins to log in".into());
        Ok(())
    }

    /// The login is taken out of the session, for whoever gets to it. One that was handed out before is another
    /// login from then on, with the same verifier: its host throws away what is left of the first.
    fn hand_out(&mut self, at: usize) -> Result<(), String> {
        let host = &mut self.hosts[at];
        let expires_at = host.now(self.world.now) + PATIENCE;
        if let Ok(Turn::Browser(_, reply)) = host.session.turn() {
            let pending = reply.suspend(&name(host.profile), expires_at);
            let is_own = |it: &PendingLogin| it.profile() == name(host.profile);
            let pending = pending.filter(is_own).ok_or("a login cannot be handed out")?;
            let own = challenge(&pending);
            self.pending.retain(|it| challenge(it) != own);
            self.pending.push(pending);
            self.say(at, || "hands its login out".into());
        }
        Ok(())
    }

    /// Goes on with a login that was handed out; its old session is not needed any more. Copies of it may go on
    /// elsewhere.
    pub(super) fn take_up(&mut self, at: usize) -> Result<(), String> {
        let profile = self.hosts[at].profile;
        let is_own = |it: &PendingLogin| it.profile() == name(profile);
        let Some(found) = self.pending.iter().position(is_own) else { return Ok(()) };
        // What was pushed is good for one visit, whoever has a copy.
        let pending = if self.dice.chance(800) || self.plan.extended.front == Front::Pushed {
            self.pending.swap_remove(found)
        } else {
            self.pending[found].clone()
        };
        self.say(at, || "goes on with a login that was handed out".into());
        let settings = alloc::sync::Arc::clone(&self.hosts[at].settings);
        let session = Session::resume(settings, &name(profile), pending);
        let host = &mut self.hosts[at];
        (host.leaves, host.lacks_scope) = (false, false);
        host.logged_in_at = None;
        host.session = session.map_err(|error| error.to_string())?;
        host.forget_tokens();
        host.task = Task::Drive(Drive::new(Goal::Hold, true));
        Ok(())
    }

    /// While the server takes no token, a login is not made again at once for a call.
    pub(super) fn is_worth_a_page(&self, at: usize) -> Result<(), String> {
        let host = &self.hosts[at];
        let is_for_a_call =
            matches!(&host.task, Task::Drive(it) if matches!(it.goal, Goal::Retry(_)));
        let since = host.logged_in_at.zip(self.refuses_since);
        let is_in_vain = since.is_some_and(|(last, refuses)| {
            refuses <= last && self.world.now < last + BETWEEN_LOGINS
        });
        if is_for_a_call && is_in_vain && self.plan.remembers_logins() {
            return Err(format!("h{at} opens another page although no token is taken"));
        }
        Ok(())
    }

    /// The user consents, declines, closes the window, or walks away for a while.
    pub(super) fn visit(&mut self, at: usize, url: &str) -> Result<(), String> {
        self.is_worth_a_page(at)?;
        // What was pushed was looked at when it was.
        if !url.contains("request_uri=") {
            laws::asks_for_what_was_missing(&self.hosts[at], url)?;
        }
        let faulty = self.plan.presence > 0 && self.menu.any();
        let whim = if faulty { self.dice.below(20) } else { 19 };
        if whim < 6 {
            // Reads the page, and is not done yet.
            return Ok(());
        }
        if whim == 8 && self.plan.hands_out {
            return self.hand_out(at);
        }
        let request = Request::get(url).body(Vec::new()).map_err(|error| error.to_string())?;
        laws::stays_at_home(&request)?;
        self.world.knobs.consent = if whim == 6 { Consent::Deny } else { Consent::Grant };
        // Who says no is not asked again.
        self.hosts[at].lacks_scope &= whim != 6;
        let query = match whim {
            7 => Err("closed".into()),
            _ => self.world.visit(url),
        };
        self.world.log.clear();
        self.lawful()?;
        let time = self.world.now;
        let host = &mut self.hosts[at];
        let now = host.now(time);
        let Ok(Turn::Browser(_, reply)) = host.session.turn() else {
            return Err("asking changes something".into());
        };
        match query {
            Ok(query) => {
                reply.redirect(&query, now).map_err(|error| error.to_string())?;
                self.say(at, || format!("comes back with {query}"));
            }
            Err(why) => {
                if why.contains("the request is expired") {
                    self.seen.add(Sight::ReferenceExpired);
                }
                reply.cancelled();
                self.say(at, || format!("gives up: {why}"));
            }
        }
        Ok(())
    }
}

/// What tells a login from others: the challenge to its verifier, or the reference to what was pushed.
fn challenge(pending: &PendingLogin) -> Option<String> {
    let url = pending.connect_url();
    let mut parameters = url.as_str().split(['?', '&']);
    let names = ["code_challenge=", "request_uri="];
    parameters.find(|it| names.iter().any(|name| it.starts_with(name))).map(Into::into)
}

/// For how many seconds no other login is made for a call after one whose token was refused.
const BETWEEN_LOGINS: u64 = 60;
