//! Requests of the application: what each is sent with, and what becomes of its answer.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use oauth_core::UnixTime;
use oauth_core::session::{Attach, Attempt, Authorization, Snapshot, Turn, Verdict};
use oauth_core::wire::Unsigned;
use serde::Serialize;

use crate::error::Failure;
use crate::input::{self, Input};
use crate::interface::Open;
use crate::turn::{BoundTo, json};

/// A request of the application that may still be answered.
#[derive(Debug)]
pub(crate) struct Sent {
    attempt: Attempt,
    /// What the session held when it said what is to be signed: for another token, that would be something else. Boxed,
    /// because it is rare.
    unproved: Option<Box<Snapshot>>,
}

/// What a request goes out with.
enum With {
    /// Header fields, or no token.
    Fields(Option<Vec<Field>>),
    /// Two fields, once this is signed.
    Proof(Unsigned, BoundTo),
}

type Field = (&'static str, Box<str>);

impl Open {
    pub(crate) fn attach(&mut self, input: &mut Input, bytes: &[u8]) -> Result<String, Failure> {
        let (now, url) = (input.now()?, input.url()?);
        self.session.settings().server().check_request(&url).map_err(oauth_core::Error::from)?;
        let mut attempt = match input.attempt {
            None => Attempt::new(),
            Some(number) => self.sent(number)?.attempt.clone(),
        };
        let request = Request { method: &input.method, url: &url, random: bytes, now };
        let with = if let Some(authorization) = self.session.authorization(now) {
            request.with(authorization, &mut attempt)?
        } else if let Ok(Turn::Ready(authorization)) = self.session.turn() {
            request.with(authorization, &mut attempt)?
        } else {
            attempt.sent_with(None);
            With::Fields(None)
        };
        let unproved = matches!(with, With::Proof(..)).then(|| self.session.snapshot().into());
        let attempt = self.keep(input.attempt, Sent { attempt, unproved });
        Ok(match with {
            With::Fields(headers) => json(&Attached { attempt, headers }),
            With::Proof(unsigned, dpop_key) => json(&Unproved { attempt, unsigned, dpop_key }),
        })
    }

    /// The fields of a request whose proof is signed.
    pub(crate) fn proved(&mut self, input: &mut Input, bytes: &[u8]) -> Result<String, Failure> {
        let number = input.number()?;
        let sent = self.sent(number)?;
        let unsigned = input.unsigned()?;
        let held = sent.unproved.as_ref().ok_or(Failure::OutOfTurn)?;
        let token = held.token().ok_or(Failure::OutOfTurn)?;
        // Which request it is for, is in what was signed.
        let url = self.session.settings().server().as_str();
        let Ok(Attach::Dpop(request)) = token.attach("", url) else {
            return Err(Failure::OutOfTurn);
        };
        let fields = request.fields(&unsigned, bytes).map_err(oauth_core::Error::from)?;
        let fields = [("authorization", &fields.authorization), ("dpop", &fields.dpop)];
        let headers = fields.map(|(name, value)| (name, value.expose().into()));
        if let Some(sent) = self.sent.get_mut(number) {
            sent.unproved = None;
        }
        Ok(json(&Attached { attempt: number, headers: Some(headers.into()) }))
    }

    pub(crate) fn answered(&mut self, input: &mut Input) -> Result<String, Failure> {
        let number = input.number()?;
        let (status, now) = (input.status()?, input.now()?);
        let sent = self.sent.get_mut(number).ok_or(Failure::NoSuch("attempt"))?;
        let verdict = self.session.answered(&mut sent.attempt, status, input.head(), now);
        let verdict = match verdict {
            Ok(Verdict::Retry) => return Ok(json(&Judged { verdict: "retry", wait: None })),
            Ok(Verdict::Wait(pause)) => {
                let wait = Some(pause.as_secs());
                return Ok(json(&Judged { verdict: "wait", wait }));
            }
            Ok(Verdict::Deliver) => Ok(json(&Judged { verdict: "deliver", wait: None })),
            Err(error) => Err(Failure::Told(error, self.session.timeline().clone())),
        };
        self.sent.remove(number);
        verdict
    }

    fn sent(&self, number: u32) -> Result<&Sent, Failure> {
        self.sent.get(number).ok_or(Failure::NoSuch("attempt"))
    }

    /// Keeps it, under its number if it was sent before.
    fn keep(&mut self, number: Option<u32>, sent: Sent) -> u32 {
        if let Some(number) = number {
            if let Some(own) = self.sent.get_mut(number) {
                *own = sent;
            }
            return number;
        }
        // The oldest is a request that was never answered, because its host lost it.
        if self.sent.len() >= MAX_SENT {
            self.sent.remove_oldest();
        }
        self.sent.add(sent)
    }
}

/// A request that is about to be sent.
struct Request<'a> {
    method: &'a str,
    url: &'a str,
    /// What was passed in behind the JSON.
    random: &'a [u8],
    now: UnixTime,
}

impl Request<'_> {
    fn with(&self, token: Authorization<'_>, attempt: &mut Attempt) -> Result<With, Failure> {
        attempt.sent_with(Some(&token));
        Ok(match token.attach(self.method, self.url).map_err(oauth_core::Error::from)? {
            Attach::Bearer(value) => With::Fields(Some([("authorization", value.into())].into())),
            Attach::Dpop(request) => {
                let unsigned = request.unsigned(input::random(self.random)?, self.now);
                With::Proof(unsigned, BoundTo::from(request.key()))
            }
        })
    }
}

#[derive(Serialize)]
struct Attached {
    attempt: u32,
    headers: Option<Vec<Field>>,
}

#[derive(Serialize)]
struct Unproved {
    attempt: u32,
    unsigned: Unsigned,
    dpop_key: BoundTo,
}

#[derive(Serialize)]
struct Judged<'a> {
    verdict: &'a str,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<u64>,
}

/// Requests of one session that are under way at once.
const MAX_SENT: usize = 256;
