//! A single login, driven.

use alloc::sync::Arc;

use oauth_core::flow::{Flow, Grant, Login, RedirectUri, Settings, Step};
use oauth_core::wire::ResourceChallenge;
use oauth_core::{Error, UnixTime};

use super::network::{Network, challenges, mcp_request};
use super::{CALLBACK, MAX_STEPS, SERVER_URL, assert_sound, entropy, restored, stored};
use crate::world::{Knobs, World};

/// One login and what it took.
#[derive(Debug)]
pub struct Walk {
    /// The servers, afterwards.
    pub world: World,
    /// The outcome.
    pub result: Result<Grant, Error>,
    /// What a login has brought although it failed.
    pub kept: Option<Grant>,
    /// What was said to redirects that did not end the wait.
    pub refused_redirects: Vec<Error>,
}

/// Logs in once: a request without a token, then the login that its challenge asks for. Everything
/// twice: without and with restarts.
///
/// # Panics
///
/// The runs differ, a rule was broken, or the login does not end.
#[must_use]
pub fn walk(knobs: &Knobs, settings: &Settings, network: &Network) -> Walk {
    let run = |restart| Walk::new(knobs, settings, network, restart);
    let (walk, restarted) = (run(false), run(true));
    assert_eq!(
        format!("{:?}", restarted.world.log),
        format!("{:?}", walk.world.log),
        "the requests of a login that restarts before each step"
    );
    assert_eq!(restarted.result, walk.result);
    assert_eq!(restarted.refused_redirects, walk.refused_redirects);
    assert_sound(&walk.world);
    walk
}

impl Walk {
    fn new(knobs: &Knobs, settings: &Settings, network: &Network, restart: bool) -> Self {
        let mut world = World::new(knobs.clone());
        let mut refused_redirects = Vec::new();
        let mut kept = None;
        let (redirects, kept_here) = (&mut refused_redirects, &mut kept);
        let result = log_in(&mut world, settings, network, restart, redirects, kept_here);
        Self { world, result, kept, refused_redirects }
    }

    /// The outcome of a login that succeeded.
    ///
    /// # Panics
    ///
    /// It did not.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        match &self.result {
            Ok(grant) => grant,
            Err(error) => panic!("{error}"),
        }
    }

    /// The outcome of a login that failed.
    ///
    /// # Panics
    ///
    /// It did not.
    #[must_use]
    pub fn error(&self) -> Error {
        match &self.result {
            Ok(_) => panic!("the login succeeded"),
            Err(error) => error.clone(),
        }
    }
}

fn log_in(
    world: &mut World,
    settings: &Settings,
    network: &Network,
    restart: bool,
    refused_redirects: &mut Vec<Error>,
    kept: &mut Option<Grant>,
) -> Result<Grant, Error> {
    let refusal = world.handle(&mcp_request(SERVER_URL, "tools/list"));
    let lines = challenges(&refusal);
    let now = UnixTime::from_secs(world.now);
    let redirect_uri = RedirectUri::parse(CALLBACK)?;
    let settings = Arc::new(settings.clone());
    let mut login = Login::new(settings, redirect_uri, entropy(1), now);
    if let Some(challenge) = ResourceChallenge::select(lines.iter().map(String::as_str)) {
        login = login.challenge(challenge);
    }
    let mut flow = Flow::login(login)?;
    for _ in 0..MAX_STEPS {
        if restart {
            let (before, _) = (stored(&flow), flow.step().is_ok());
            assert_eq!(stored(&flow), before, "asking changes nothing");
            flow = restored(&before);
        }
        if flow.step().is_err() {
            *kept = flow.grant().cloned();
        }
        match flow.step()? {
            Step::Done(grant) => return Ok(grant.clone()),
            Step::Http { request, reply } => match network.send(world, request) {
                Ok(response) => reply.response(&response, UnixTime::from_secs(world.now)),
                Err(None) => reply.unreachable(),
                Err(Some(address)) => reply.forbidden(address),
            },
            step @ (Step::Sign(_) | Step::Assertion(_) | Step::Key(_)) => {
                panic!("a user logs in: {step:?}")
            }
            step @ (Step::Device { .. } | Step::Wait { .. }) => {
                panic!("there is a browser: {step:?}")
            }
            Step::Browser { url, reply } => match world.visit(url.as_str()) {
                // Whoever gets a redirect that is none of his waits on, but not for ever.
                Ok(_) | Err(_) if refused_redirects.len() == 2 => reply.cancelled(),
                Ok(query) => refused_redirects.extend(reply.redirect(&query).err()),
                Err(_) => reply.cancelled(),
            },
        }
    }
    panic!("a login that never ends")
}
