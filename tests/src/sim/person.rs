//! The person at a host: whether there is one, and what he does with a login page.

use http::Request;
use oauth_core::session::Turn;

use super::Simulation;
use super::host::{Drive, Flight, Goal, Outcome, Purpose, Stage, Task};
use super::laws;
use crate::drive::{SERVER_URL, mcp_request};
use crate::world::Consent;

impl Simulation {
    /// A login is needed: begins one, if there is a person; after asking the server what it says to a
    /// request without a token.
    pub(super) fn decide(&mut self, at: usize, drive: &Drive) -> Result<(), String> {
        self.unlocked(at)?;
        if !drive.login {
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

    /// The user consents, declines, closes the window, or walks away for a while.
    pub(super) fn visit(&mut self, at: usize, url: &str) -> Result<(), String> {
        let faulty = self.plan.presence > 0 && self.menu.any();
        let whim = if faulty { self.dice.below(20) } else { 19 };
        if whim < 6 {
            // Reads the page, and is not done yet.
            return Ok(());
        }
        let request = Request::get(url).body(Vec::new()).map_err(|error| error.to_string())?;
        laws::stays_at_home(&request)?;
        self.world.knobs.consent = if whim == 6 { Consent::Deny } else { Consent::Grant };
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
                reply.cancelled();
                self.say(at, || format!("gives up: {why}"));
            }
        }
        Ok(())
    }
}
