//! One login, driven by a script, with every rule checked on the way.

use oauth_core::Error;
use oauth_core::error::PeerMisbehaved;
use oauth_core::flow::{Flow, Grant, Step};
use oauth_core::wire::AuthorizationUrl;

use crate::{
    NOW, Rules, Script, assert_secretive, first_login, has_secret, redirect, restored, settings,
    spells_secret, stored,
};

/// What came of a login.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// All requests in order, with their bodies.
    pub requests: Vec<String>,
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
    /// Written down and read back before each step, for the outcome alone.
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
    let (mut requests, mut refused) = (Vec::new(), Vec::new());
    let (mut script, mut rules) = (Script::new(lines), Rules::new(&server, letters));
    let mut flow = match first_login(settings, challenge) {
        Ok(flow) => flow,
        Err(error) => return Some(Outcome { requests, refused, result: Err(error) }),
    };
    let result = loop {
        if play == Play::Restarted {
            flow = restored(&stored(&flow));
        }
        // What is slow is looked at now and then; which time depends on the input.
        if play == Play::Judged && (text.len() + requests.len()).is_multiple_of(3) {
            look_at(&mut flow);
        }
        match flow.step() {
            Err(error) => break Err(error),
            Ok(Step::Done(grant)) => break Ok(grant.clone()),
            Ok(Step::Http { request, reply }) => {
                if play == Play::Judged {
                    rules.request(&request);
                }
                requests.push(format!("{request:?} {}", String::from_utf8_lossy(request.body())));
                assert!(requests.len() <= MAX_REQUESTS, "{requests:#?}");
                let line = script.line().unwrap_or("");
                let response = script.answer(line, &request, &server);
                rules.answered(&request, response.as_ref());
                match response {
                    Some(response) => reply.response(&response, NOW),
                    None => reply.unreachable(),
                }
            }
            Ok(
                step @ (Step::Sign(_)
                | Step::Assertion(_)
                | Step::Key(_)
                | Step::Device { .. }
                | Step::Wait { .. }),
            ) => {
                panic!("a user logs in: {step:?}")
            }
            Ok(Step::Browser { url, reply }) => {
                if play == Play::Judged {
                    rules.browser(&url);
                }
                let line = script.line().unwrap_or("");
                if line == "!" {
                    reply.cancelled();
                    continue;
                }
                let query = redirect(line, url.state(), rules.issuer());
                let before = awaited(&flow);
                let Ok(Step::Browser { reply, .. }) = flow.step() else {
                    panic!("asking changes it")
                };
                let said = reply.redirect(&query);
                refused.extend(come_back(&mut flow, &url, &query, said, &before));
                if play == Play::Judged
                    && flow.step().is_ok_and(|it| matches!(it, Step::Http { .. }))
                {
                    let iss = values(&query, "iss").concat();
                    assert!(iss.is_empty() || iss == rules.issuer(), "{query}");
                }
            }
        }
    };
    Some(Outcome { requests, refused, result })
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

/// Three places for the resource, three for each of four authorization servers, and two endpoints.
const MAX_REQUESTS: usize = 3 + 4 * 3 + 2;
