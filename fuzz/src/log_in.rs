//! One login, driven by a script, with every rule checked on the way.

use std::time::Duration;

use oauth_core::error::PeerMisbehaved;
use oauth_core::flow::{Flow, Grant, Step};
use oauth_core::wire::AuthorizationUrl;
use oauth_core::{Endpoint, Error, Request, Response, UnixTime};

use crate::gifts::{bind, say, sign};
use crate::{
    DeviceRules, NOW, Rules, Script, answer, assert_secretive, first_login, has_secret, redirect,
    restored, settings, spells_secret, stored,
};

/// A login with an eye on every rule, and for some inputs once more with restarts; `None` if it contains what would be a
/// secret.
///
/// # Panics
///
/// A rule was broken, the login does not end, or restarts change it.
pub fn log_in_judged(text: &str) -> Option<Outcome> {
    let outcome = log_in(text, Play::Judged)?;
    outcome.assert_sound();
    // It costs as much as all rules, and whoever mutates an input also changes its length.
    if text.len().is_multiple_of(3) {
        assert_eq!(log_in(text, Play::Restarted).as_ref(), Some(&outcome));
    }
    Some(outcome)
}

/// What came of a login.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// All requests in order, with their fields and bodies.
    pub requests: Vec<String>,
    /// What the user was shown, and how long was waited.
    pub shown: Vec<String>,
    /// What was said to redirects of other logins.
    pub refused: Vec<Error>,
    /// The end.
    pub result: Result<Grant, Error>,
}

/// How a script is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Play {
    /// With an eye on every rule.
    Judged,
    /// In one piece, for the outcome alone.
    Through,
    /// Written down and read back before some of the steps, for the outcome alone.
    Restarted,
}

/// Plays a script; `None` if it contains what would be a secret.
///
/// # Panics
///
/// A rule was broken, or the login does not end.
pub fn log_in(text: &str, play: Play) -> Option<Outcome> {
    if spells_secret(text) {
        return None;
    }
    let mut lines = text.lines();
    let (letters, challenge) = (lines.next()?, lines.next().unwrap_or(""));
    let settings = settings(letters);
    let server = settings.server().as_str().to_owned();
    let mut host = Host {
        is_judge: play == Play::Judged,
        script: Script::new(lines),
        rules: Rules::new(&server, letters),
        device: DeviceRules::default(),
        server,
        now: NOW,
        signatures: 0,
        last: None,
        polls: 0,
        requests: Vec::new(),
        shown: Vec::new(),
        refused: Vec::new(),
    };
    let result = first_login(settings, challenge).and_then(|mut flow| {
        let result = host.drive(&mut flow, play == Play::Restarted, text.len());
        if host.is_judge {
            let shown = format!("{flow:?} {}", flow.timeline());
            assert!(!has_secret(&shown), "a flow shows a secret: {shown}");
        }
        result
    });
    let Host { requests, shown, refused, .. } = host;
    Some(Outcome { requests, shown, refused, result })
}

/// Whoever drives a login, and sees everything.
struct Host<'a> {
    /// Whether the rules are looked at.
    is_judge: bool,
    script: Script<'a>,
    rules: Rules,
    device: DeviceRules,
    server: String,
    now: UnixTime,
    signatures: u32,
    /// What came last.
    last: Option<Response>,
    polls: usize,
    requests: Vec<String>,
    shown: Vec<String>,
    refused: Vec<Error>,
}

impl Host<'_> {
    fn drive(&mut self, flow: &mut Flow, restarts: bool, place: usize) -> Result<Grant, Error> {
        for step in place.. {
            // What is slow is done at one step of a few; which ones depends on the input. A flow that comes back as it
            // was has lost nothing, so a restart before each of them would show nothing more.
            let is_due = step.is_multiple_of(4);
            if restarts && is_due {
                *flow = restored(&stored(flow));
            }
            if self.is_judge && is_due {
                look_at(flow);
            }
            let step = flow.step();
            if self.is_judge && !matches!(step, Ok(Step::Wait { .. })) {
                self.device.goes_on();
            }
            match step {
                Err(error) => return Err(error),
                Ok(Step::Done(grant)) => {
                    let grant = grant.clone();
                    self.done(&grant);
                    return Ok(grant);
                }
                Ok(Step::Http { request, reply }) => {
                    let now = self.now;
                    match self.exchange(&request) {
                        Some(response) => reply.response(response, now),
                        None => reply.unreachable(),
                    }
                }
                Ok(Step::Sign(reply)) => {
                    self.signatures += 1;
                    sign(reply, self.signatures, self.now);
                }
                Ok(Step::Assertion(reply)) => say(reply),
                Ok(Step::Key(reply)) => bind(reply),
                Ok(Step::Device { page, reply }) => {
                    if self.is_judge {
                        self.device.page(&page);
                    }
                    self.shown.push(page.to_string());
                    if self.script.line() == Some("!") {
                        reply.cancelled();
                    } else {
                        reply.shown(self.now);
                        self.device.shown(self.now);
                    }
                }
                Ok(Step::Wait { until, .. }) => self.wait(flow, until),
                Ok(Step::Browser { url, .. }) => self.visit(flow, &url),
            }
        }
        unreachable!("requests are counted")
    }

    /// What comes back for a request.
    fn exchange(&mut self, request: &Request) -> Option<&Response> {
        if self.is_judge {
            self.rules.request(request);
        }
        let is_poll = request.body().starts_with(POLL);
        self.polls += usize::from(is_poll);
        let fields: Vec<_> =
            request.headers().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = String::from_utf8_lossy(request.body());
        self.requests.push(format!("{request:?}\n{}{body}", fields.concat()));
        assert!(self.requests.len() - self.polls <= MAX_REQUESTS, "{:#?}", self.requests);
        let line = self.script.line().unwrap_or("");
        let response = self.script.answer(line, request, &self.server);
        self.rules.answered(request, response.as_ref());
        match request.endpoint() {
            Endpoint::DeviceAuthorization => self.device.codes(response.as_ref(), self.now),
            _ if is_poll => self.device.polled(response.as_ref(), self.now),
            _ => {}
        }
        self.last = response;
        self.last.as_ref()
    }

    /// Time passes, as much as has to, or more.
    fn wait(&mut self, flow: &mut Flow, until: UnixTime) {
        if self.is_judge {
            self.device.wait(until);
            let early = UnixTime::from_secs(until.as_secs().saturating_sub(1));
            if self.now < early && self.polls.is_multiple_of(4) {
                waited(flow, early);
                let is_same =
                    matches!(flow.step(), Ok(Step::Wait { until: it, .. }) if it == until);
                assert!(is_same, "it goes on too early");
            }
        }
        self.shown.push(format!("until {until}"));
        self.now = until + Duration::from_secs(self.script.late());
        waited(flow, self.now);
        if self.device.is_over(self.now) {
            let expired_at = self.device.ends_at();
            assert_eq!(flow.step().err(), Some(Error::LoginExpired { expired_at }));
        }
    }

    /// The user is in the browser, and something comes back.
    fn visit(&mut self, flow: &mut Flow, url: &AuthorizationUrl) {
        if self.is_judge {
            self.rules.browser(url);
        }
        self.shown.push(url.as_str().to_owned());
        let line = self.script.line().unwrap_or("");
        let before = if self.is_judge { awaited(flow) } else { String::new() };
        let Ok(Step::Browser { reply, .. }) = flow.step() else { panic!("asking changes it") };
        if line == "!" {
            return reply.cancelled();
        }
        let query = redirect(line, url.state(), self.rules.issuer());
        let said = reply.redirect(&query);
        if !self.is_judge {
            return self.refused.extend(said.err());
        }
        self.refused.extend(come_back(flow, url, &query, said, &before));
        if flow.step().is_ok_and(|it| matches!(it, Step::Http { .. })) {
            let iss = values(&query, "iss").concat();
            assert!(iss.is_empty() || iss == self.rules.issuer(), "{query}");
        }
    }

    /// The token is that of the last answer.
    fn done(&self, grant: &Grant) {
        let said = self.last.as_ref().map(answer).unwrap_or_default();
        let token = grant.tokens.access_token.token();
        let is_said = said["access_token"] == token || !said["authed_user"].is_null();
        assert!(!self.is_judge || is_said, "a token from nowhere");
    }
}

/// It is that late, and the user sees what they have to do.
fn waited(flow: &mut Flow, now: UnixTime) {
    let Ok(Step::Wait { reply, .. }) = flow.step() else { panic!("asking changes it") };
    assert!(reply.page().is_some(), "the user sees nothing");
    reply.waited(now);
}

/// Asking changes nothing, and nothing secret is shown.
fn look_at(flow: &mut Flow) {
    let before = stored(flow);
    assert!(!has_secret(&format!("{flow:?}")), "a flow shows a secret");
    drop(flow.step());
    assert_eq!(stored(flow), before, "asking changes nothing");
}

/// What a flow waits for; that somebody else's redirect came is noted elsewhere.
#[must_use]
pub fn awaited(flow: &Flow) -> String {
    stored(&(flow.authorization_url().map(|url| url.as_str().to_owned()), flow.binding()))
}

/// Judges what was made of a redirect; the error if it was not ours.
///
/// # Panics
///
/// Ours was refused, or another one accepted.
fn come_back(
    flow: &mut Flow,
    url: &AuthorizationUrl,
    query: &str,
    said: Result<(), Error>,
    before: &str,
) -> Option<Error> {
    let is_ours = values(query, "state") == [url.state()];
    assert_eq!(url.is_answered_by(query), is_ours, "{query}");
    match said {
        Ok(()) => {
            assert!(is_ours, "a redirect of somebody else counts: {query}");
            assert!(flow.authorization_url().is_none(), "a redirect counts once");
            None
        }
        Err(error) => {
            assert!(!is_ours, "our own redirect does not count: {query}");
            assert_eq!(error, PeerMisbehaved::StateMismatch.into());
            assert_eq!(awaited(flow), before, "the flow goes on waiting");
            Some(error)
        }
    }
}

fn values(query: &str, name: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(own, _)| own == name).map(|(_, value)| value.into_owned()).collect()
}

impl Outcome {
    /// Panics if the end shows a secret, or does not survive being stored.
    ///
    /// # Panics
    ///
    /// See above.
    pub fn assert_sound(&self) {
        match &self.result {
            Ok(grant) => crate::assert_survives(grant),
            Err(error) => {
                assert_secretive(error);
                assert!(!has_secret(error.advice()));
                crate::assert_survives(error);
            }
        }
    }
}

/// Three places for the resource, and three for each of four authorization servers. Then three visits, for the client, for
/// another one and for one with other scopes: each with a registration, a push and a redemption, and the last two with
/// each of three methods, and again for a nonce and for a proof.
const MAX_REQUESTS: usize = 3 + 4 * 3 + 3 * (1 + 2 * 3 * 3);

/// How the form of a poll begins (RFC 8628 §3.4).
const POLL: &[u8] = b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
