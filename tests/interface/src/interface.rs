//! All sessions of a host, and how they are reached: by numbers.

use alloc::string::{String, ToString as _};
use core::time::Duration;

use oauth_core::flow::Probe;
use oauth_core::session::{Record, Session, Turn};
use oauth_core::{MAX_BODY, Timeline};
use serde::Serialize;

use crate::error::Failure;
use crate::function::Function;
use crate::input::{self, Input};
use crate::numbered::Numbered;
use crate::sent::Sent;
use crate::settings::Opening;
use crate::turn::{self, json};

/// The sessions of one host.
#[derive(Debug, Default)]
pub struct Interface {
    sessions: Numbered<Open>,
}

/// A session, and the requests of the application that may still be answered.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) session: Session,
    pub(crate) sent: Numbered<Sent>,
    /// What the server is asked before a login.
    probe: Option<Probe>,
}

impl Interface {
    /// No sessions.
    #[must_use]
    pub const fn new() -> Self {
        Self { sessions: Numbered::new() }
    }

    /// Calls a function. The answer is a JSON object; with the member `error`, nothing has changed,
    /// unless it is the machine's own.
    pub fn call(&mut self, function: Function, session: u32, input: &[u8]) -> String {
        let answer = if input.len() > MAX_INPUT {
            Err(Failure::Json { column: MAX_INPUT })
        } else {
            self.answer(function, session, input)
        };
        answer.unwrap_or_else(|failure| failure.to_json())
    }

    fn answer(&mut self, function: Function, number: u32, input: &[u8]) -> Result<String, Failure> {
        if matches!(function, Function::Open | Function::Resume) {
            return self.open(function, input);
        }
        let open = self.sessions.get_mut(number).ok_or(Failure::NoSuch("session"))?;
        let (mut input, bytes) = input::read::<Input>(input)?;
        let session = &mut open.session;
        match function {
            Function::Close => self.sessions.remove(number),
            Function::Turn => return turn::written(session),
            Function::Fresh => {
                let fresh = session.authorization(input.now()?).is_some();
                return Ok(json(&Looked { fresh }));
            }
            Function::Access => session.access(),
            Function::Renew => session.renew(),
            Function::LogIn => session.log_in_with(input.options()?),
            Function::AccessFor => session.access_for(Duration::from_secs(input.seconds()?)),
            Function::LivesFor => {
                session.lives_for(Duration::from_secs(input.seconds()?), input.now()?)?;
            }
            Function::CancelLogin => return Ok(json(&Cancelled { ends: session.cancel_login() })),
            Function::Logout => session.logout(),
            Function::HeldElsewhere => {
                let now = input.now()?;
                let Ok(Turn::Lock(_, mut reply)) = session.turn() else {
                    return Err(Failure::OutOfTurn);
                };
                return Ok(json(&Spared { goes_on: reply.held_elsewhere(now) }));
            }
            Function::Probe => return open.probe(),
            Function::Probed => return open.probed(&input),
            Function::Suspend => {
                let expires_at = input.expires_at()?;
                let Ok(Turn::Browser(_, reply)) = session.turn() else {
                    return Err(Failure::OutOfTurn);
                };
                let pending = reply.suspend(&input.profile, expires_at);
                let pending = pending.ok_or(Failure::OutOfTurn)?;
                let connect_url = pending.connect_url();
                let (url, state) = (connect_url.as_str(), connect_url.state());
                return Ok(json(&Suspended { url, state, pending: json(&pending) }));
            }
            Function::Failed => {
                let goes_on = crate::reply::failed(session, input)?;
                return Ok(json(&Spared { goes_on }));
            }
            Function::Unsigned => {
                return Ok(json(&crate::reply::unsigned(session, input, bytes)?));
            }
            Function::Attach => return open.attach(&mut input, bytes),
            Function::Proved => return open.proved(&mut input, bytes),
            Function::Answered => return open.answered(&mut input),
            Function::Record => {
                let record = session.record().map(Record::to_json);
                return Ok(json(&Kept { record }));
            }
            Function::Status => {
                return Ok(json(&session.status(input.now()?)));
            }
            Function::Timeline => {
                let timeline = session.timeline();
                return Ok(json(&Told { text: timeline.to_string(), entries: timeline }));
            }
            _ => crate::reply::give(session, function, input, bytes)?,
        }
        Ok("{}".into())
    }

    fn open(&mut self, function: Function, input: &[u8]) -> Result<String, Failure> {
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(Failure::Full);
        }
        let (opening, _) = input::read::<Opening>(input)?;
        let settings = opening.settings.settings()?;
        let session = if function == Function::Open {
            Session::new(settings)
        } else {
            let pending = opening.pending.ok_or(Failure::Lacks("pending"))?;
            Session::resume(settings, &opening.profile, pending)?
        };
        let session = self.sessions.add(Open { session, sent: Numbered::new(), probe: None });
        Ok(json(&Opened { session }))
    }
}

impl Open {
    /// The next request of the look at the server, which belongs to one need for a login.
    fn probe(&mut self) -> Result<String, Failure> {
        self.assert_lacks_challenge()?;
        let new = || Probe::new(self.session.settings());
        let (request, _) = self.probe.get_or_insert_with(new).step().ok_or(Failure::OutOfTurn)?;
        Ok(json(&turn::request(&request)))
    }

    fn probed(&mut self, input: &Input) -> Result<String, Failure> {
        self.assert_lacks_challenge()?;
        let probe = self.probe.as_mut().ok_or(Failure::OutOfTurn)?;
        let (_, reply) = probe.step().ok_or(Failure::OutOfTurn)?;
        match input.status {
            Some(status) => reply.response(&input.response(status, &[])),
            None => reply.unanswered(),
        }
        if probe.step().is_none()
            && let Ok(Turn::Login(mut reply)) = self.session.turn()
        {
            reply.probed(probe);
            self.probe = None;
        }
        Ok("{}".into())
    }

    fn assert_lacks_challenge(&mut self) -> Result<(), Failure> {
        match self.session.turn() {
            Ok(Turn::Login(reply)) if reply.lacks_challenge() => Ok(()),
            _ => Err(Failure::OutOfTurn),
        }
    }
}

#[derive(Serialize)]
struct Opened {
    session: u32,
}

#[derive(Serialize)]
struct Looked {
    fresh: bool,
}

#[derive(Serialize)]
struct Cancelled {
    ends: bool,
}

#[derive(Serialize)]
struct Spared {
    goes_on: bool,
}

#[derive(Serialize)]
struct Suspended<'a> {
    url: &'a str,
    state: &'a str,
    pending: String,
}

#[derive(Serialize)]
struct Kept {
    record: Option<String>,
}

#[derive(Serialize)]
struct Told<'a> {
    entries: &'a Timeline,
    text: String,
}

/// The longest input, in bytes: more than a record whose every part is as long as it may be.
pub const MAX_INPUT: usize = 8 * MAX_BODY;

/// So many that no host comes near, and so few that a host that forgets to close notices.
const MAX_SESSIONS: usize = 1024;
