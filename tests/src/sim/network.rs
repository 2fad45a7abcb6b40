//! The way to the servers and back: where requests are, and what happens to them.

use http::{HeaderValue, Request, Response, header};
use oauth_core::session::{Turn, Verdict};

use super::host::{Call, Flight, Host, Outcome, Purpose, Stage, Task};
use super::{Fault, Simulation, laws};
use crate::drive::{SERVER_URL, challenges, mcp_request};
use crate::world::{Grant, What};

impl Simulation {
    /// Sends a call with the token that the session has now, or without one.
    pub(super) fn send(&mut self, at: usize, mut call: Call) -> Result<(), String> {
        self.interrupt(at);
        let now = self.now(at);
        let mut request = mcp_request(SERVER_URL, call.method);
        let Host { session, profile, .. } = &mut self.hosts[at];
        let authorization = if session.authorization(now).is_some() {
            session.authorization(now)
        } else if let Ok(Turn::Ready(authorization)) = session.turn() {
            Some(authorization)
        } else {
            None
        };
        call.attempt.sent_with(authorization.as_ref());
        let headers = authorization.map(|it| it.headers("POST", SERVER_URL));
        for (name, value) in headers.into_iter().flatten().flatten() {
            let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            request.headers_mut().insert(name, value);
        }
        laws::is_durable(session, *profile, &self.store)?;
        laws::stays_at_home(&request)?;
        let token = request.headers().get(header::AUTHORIZATION).cloned();
        self.say(at, || format!("sends {} with {token:?}", call.method));
        let (purpose, stage) = (Purpose::Call(call), Stage::Out);
        self.hosts[at].flight = Some(Flight { purpose, request, ask: None, stage });
        Ok(())
    }

    /// A request gets a little further.
    pub(super) fn fly(&mut self, at: usize) -> Result<(), String> {
        let Some(Flight { purpose, request, ask, stage }) = self.hosts[at].flight.take() else {
            return Ok(());
        };
        match stage {
            Stage::Out => {
                let stage = Stage::Back(self.carry(&request, ask)?);
                self.hosts[at].flight = Some(Flight { purpose, request, ask, stage });
                Ok(())
            }
            Stage::Back(answer) => self.land(at, purpose, answer),
        }
    }

    /// A request of a host that has ended gets somewhere, or nowhere.
    pub(super) fn arrive_late(&mut self, orphan: usize) -> Result<(), String> {
        let Flight { request, ask, .. } = self.orphans.swap_remove(orphan);
        self.tell(|| format!("{} of a host that has ended arrives", request.uri()));
        self.carry(&request, ask).map(drop)
    }

    /// Brings a request to its server and the answer back, if all goes well.
    fn carry(
        &mut self,
        request: &Request<Vec<u8>>,
        ask: Option<usize>,
    ) -> Result<Option<Response<Vec<u8>>>, String> {
        if self.strikes(Fault::RequestLost) {
            self.ledger.excuse(ask, "the request was lost");
            self.tell(|| "the request is lost".into());
            return Ok(None);
        }
        if self.strikes(Fault::ServerError) {
            self.ledger.excuse(ask, "5xx");
            let status = self.dice.pick(&[500, 503, 504]);
            return Ok(Some(self.trouble(status, None)));
        }
        if self.strikes(Fault::TooMany) {
            self.ledger.excuse(ask, "429");
            let after = self.dice.pick(&["1", "30", "3600", "soon"]);
            return Ok(Some(self.trouble(429, Some(after))));
        }
        let mut answer = self.serve(request, ask)?;
        if self.strikes(Fault::Twice) {
            self.tell(|| "the request arrives twice".into());
            self.ledger.excuse(ask, "arrived twice");
            let second = self.serve(request, ask)?;
            if self.dice.chance(500) {
                answer = second;
            }
        }
        if self.strikes(Fault::GatewayError) {
            self.ledger.excuse(ask, "502");
            return Ok(Some(self.trouble(502, None)));
        }
        if self.strikes(Fault::AnswerLost) {
            self.ledger.excuse(ask, "the answer was lost");
            self.tell(|| "the answer is lost".into());
            return Ok(None);
        }
        Ok(Some(answer))
    }

    /// A server answers, and is asked what it has seen.
    fn serve(
        &mut self,
        request: &Request<Vec<u8>>,
        ask: Option<usize>,
    ) -> Result<Response<Vec<u8>>, String> {
        let reuses = self.world.reuses;
        let answer = self.world.handle(request);
        let Some(exchange) = self.world.log.pop() else {
            return Err("a request that the world did not see".into());
        };
        self.tell(|| {
            let note = exchange.note.as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(answer.body());
            let body =
                if exchange.status < 300 { body.chars().take(90).collect() } else { String::new() };
            format!("{:?} {:?}: {} {note} {body}", exchange.who, exchange.what, exchange.status)
        });
        self.lawful()?;
        let What::Token(grant) = exchange.what else {
            return Ok(answer);
        };
        let name = if grant == Grant::Refresh { "refresh_token" } else { "code" };
        let credential = exchange.parameter(name).unwrap_or_default();
        if self.world.reuses > reuses {
            self.ledger.reused(credential)?;
        }
        let refused = contains(answer.body(), b"\"invalid_grant\"");
        if refused && grant == Grant::Refresh {
            self.ledger.refuse(credential);
        } else if answer.status() != 200 {
            self.ledger.excuse(ask, "refused, but not for good");
        }
        Ok(answer)
    }

    /// The judges of the world have nothing to object.
    pub(super) fn lawful(&self) -> Result<(), String> {
        // An old copy of a login has the random numbers of the login that it is a copy of.
        let copied = self.plan.menu.chance(Fault::OldCopy) > 0;
        let known =
            |text: &&String| copied && text.ends_with("of an earlier authorization request");
        match self.world.violations.iter().find(|text| !known(text)) {
            Some(violation) => Err(format!("invariant 1 or the protocol: {violation}")),
            None => Ok(()),
        }
    }

    fn trouble(&mut self, status: u16, after: Option<&'static str>) -> Response<Vec<u8>> {
        self.tell(|| format!("the answer is {status}"));
        let mut response = Response::new(b"trouble".to_vec());
        *response.status_mut() =
            http::StatusCode::from_u16(status).expect("only statuses that exist are given");
        if let Some(after) = after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(after));
        }
        response
    }

    /// An answer arrives at who waits for it, or the news that there is none.
    fn land(
        &mut self,
        at: usize,
        purpose: Purpose,
        answer: Option<Response<Vec<u8>>>,
    ) -> Result<(), String> {
        self.interrupt(at);
        let now = self.now(at);
        self.say(at, || format!("gets {:?}", answer.as_ref().map(|it| it.status().as_u16())));
        let session = &mut self.hosts[at].session;
        match (purpose, session.turn()) {
            (Purpose::Turn, Ok(Turn::Http(_, reply))) => match answer {
                Some(answer) => reply.response(&answer.into(), now),
                None => reply.unreachable(now),
            },
            (Purpose::Challenge, Ok(Turn::Login(mut reply))) => {
                if let Some(answer) = answer.filter(|answer| answer.status() == 401) {
                    reply.challenge(challenges(&answer).iter().map(String::as_str));
                }
                reply.begin();
            }
            (Purpose::Call(call), _) => return self.judge(at, call, answer),
            (purpose, turn) => return Err(format!("{purpose:?} is answered at {turn:?}")),
        }
        let Host { session, profile, .. } = &self.hosts[at];
        laws::is_durable(session, *profile, &self.store)
    }

    fn judge(
        &mut self,
        at: usize,
        mut call: Call,
        answer: Option<Response<Vec<u8>>>,
    ) -> Result<(), String> {
        let now = self.now(at);
        let Some(answer) = answer else {
            self.finish(at, Outcome::Broken("the MCP server does not answer"));
            return Ok(());
        };
        let (status, lines) = (answer.status().as_u16(), challenges(&answer));
        let lines = lines.iter().map(String::as_str);
        let host = &mut self.hosts[at];
        host.task = Task::Rest;
        match host.session.answered(&mut call.attempt, status, lines, now) {
            Ok(Verdict::Deliver) => self.finish(at, Outcome::Status(status)),
            // How long hosts wait is up to the dice: one that does not wait loses no login either.
            Ok(Verdict::Retry | Verdict::Wait(_)) => self.retry(at, call),
            Err(error) => self.finish(at, Outcome::Failed(error)),
        }
        Ok(())
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
