//! The way to the servers and back: where requests are, and what happens to them.

use core::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response, header};
use oauth_core::session::{Attach, Lock, Turn, Verdict};

use super::extended::{code_in, has_proof, is_about_proof};
use super::host::{Call, Flight, Host, Outcome, Purpose, Stage, Task};
use super::ledger::Fate;
use super::machine::{carries_assertion, is_for_a_token};
use super::store::Hold;
use super::{Fault, Sight, Simulation, laws};
use crate::drive::{SERVER_URL, challenges, mcp_request};
use crate::world::{Damage, Grant, Party, TokenForm, What};

impl Simulation {
    /// Sends a call with the token that the session has now, or without one.
    pub(super) fn send(&mut self, at: usize, mut call: Call) -> Result<(), String> {
        self.interrupt(at);
        call.sent += 1;
        if call.sent > MAX_SENDS {
            return Err(format!("invariant 5: h{at} sends a call for ever"));
        }
        let now = self.now(at);
        let fails = self.fails_to_prove();
        self.signatures += 1;
        let mut request = mcp_request(SERVER_URL, call.method);
        let Host { session, key, look, .. } = &mut self.hosts[at];
        let authorization = if session.authorization(now).is_some() {
            look.decided_at = self.world.now;
            session.authorization(now)
        } else if let Ok(Turn::Ready(authorization)) = session.turn() {
            Some(authorization)
        } else {
            None
        };
        call.attempt.sent_with(authorization.as_ref());
        if let Some(token) = authorization.map(|it| it.to_auth()) {
            let token = token.token();
            laws::is_in_time(token, self.store.gone_since(key, token), look)?;
        }
        let mut add = |name: HeaderName, value: &str| {
            let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            request.headers_mut().insert(name, value);
            Ok::<_, String>(())
        };
        match authorization.map(|it| it.attach("POST", SERVER_URL)) {
            Some(Ok(Attach::Bearer(value))) => add(header::AUTHORIZATION, value)?,
            Some(Ok(Attach::Dpop(_))) if fails => {
                self.seen.add(Sight::SignerFailed);
                self.finish(at, Outcome::Broken("the key signs nothing"));
                return Ok(());
            }
            Some(Ok(Attach::Dpop(proof))) => {
                let [token, proof] = Self::prove(&proof, self.signatures, now)?;
                add(header::AUTHORIZATION, &token.1)?;
                add(HeaderName::from_static("dpop"), &proof.1)?;
            }
            _ => {}
        }
        self.proofs.send(&request)?;
        laws::is_durable(&self.hosts[at], &self.store)?;
        laws::stays_at_home(&request)?;
        if request.headers().contains_key(header::AUTHORIZATION) {
            laws::is_not_refused(&self.hosts[at])?;
        }
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
                let is_taken = self.store.hold(Lock::Refresh, at) == Some(Hold::TakenOver);
                if is_taken && laws::is_refresh(&request) {
                    self.seen.add(Sight::LateFirstByte);
                }
                let stage = Stage::Back(self.carry(&request, ask)?);
                self.hosts[at].flight = Some(Flight { purpose, request, ask, stage });
                Ok(())
            }
            Stage::Back(answer) => {
                let now = self.now(at);
                let host = &mut self.hosts[at];
                host.answered_at = self.world.now;
                let answer_to_refresh = answer.as_ref().filter(|_| laws::is_refresh(&request));
                host.pause = answer_to_refresh.and_then(pause).map(|pause| [now, now + pause]);
                if matches!(purpose, Purpose::Turn) {
                    host.toil.learn(&request, answer.as_ref(), now);
                    self.hears(at, &request, answer.as_ref());
                }
                self.land(at, purpose, answer)
            }
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
            self.ledger.close(ask, Fate::Unspent("the request was lost"));
            self.tell(|| "the request is lost".into());
            return Ok(None);
        }
        if self.strikes(Fault::ServerError) {
            self.ledger.close(ask, Fate::Unspent("5xx"));
            let status = self.dice.pick(&[500, 501, 503, 504]);
            return Ok(Some(self.trouble(status, None)));
        }
        let is_token = request.uri().path() == "/token";
        if is_token && self.is_cut_off {
            return Ok(Some(self.trouble(503, None)));
        }
        if self.plan.machine.is_some() && self.strikes(Fault::Busy) {
            let after = self.dice.pick(&["1", "30", "3600", "100000"]);
            return Ok(Some(self.trouble(503, Some(after))));
        }
        let refuses = self.refuses_refreshes && laws::is_refresh(request);
        if refuses || is_token && self.strikes(Fault::Stumbles) {
            self.ledger.close(ask, Fate::Unspent("an error of the server's own"));
            let stumble = match self.dice.pick(&STUMBLES) {
                (400.., _) if refuses => STUMBLES[0],
                stumble => stumble,
            };
            return Ok(Some(self.stumble(stumble)));
        }
        if self.strikes(Fault::TooMany) {
            self.ledger.close(ask, Fate::Unspent("429"));
            let after = self.dice.pick(&["1", "30", "3600", "soon", A_DATE]);
            return Ok(Some(self.trouble(429, Some(after))));
        }
        if is_token && self.strikes(Fault::HalfAnswer) {
            self.world.knobs.token_form = Damage::times(TokenForm::NoAccessToken, 1);
        }
        let is_poll = code_in(&String::from_utf8_lossy(request.body())).is_some();
        if is_poll && self.strikes(Fault::SlowDown) {
            self.world.knobs.token_form = Damage::times(TokenForm::Refuse("slow_down".into()), 1);
        }
        let mut answer = self.serve(request, ask)?;
        self.world.knobs.token_form = Damage::none();
        if !contains(answer.body(), b"_token\"") {
            self.ledger.close(ask, Fate::Unspent("no token came"));
        }
        let is_once = carries_assertion(request) || has_proof(request) || is_poll;
        if self.strikes(Fault::Twice) && !is_once {
            self.tell(|| "the request arrives twice".into());
            self.ledger.close(ask, Fate::Lost("it arrived twice"));
            let second = self.serve(request, ask)?;
            if self.dice.chance(500) {
                answer = second;
            }
        }
        if self.strikes(Fault::GatewayError) {
            self.ledger.close(ask, Fate::Lost("the answer became a 502"));
            return Ok(Some(self.trouble(502, None)));
        }
        let is_push = request.uri().path() == "/par";
        if is_push && self.strikes(Fault::PushLost) || self.strikes(Fault::AnswerLost) {
            self.ledger.close(ask, Fate::Lost("the answer was lost"));
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
        self.excuse_delays();
        self.excuse_extended();
        self.note_proof(request, (exchange.who, &exchange.what), &answer);
        if is_for_a_token(request) && contains(answer.body(), b"use_dpop_nonce") {
            // It is asked once more, and nothing was spent.
            self.asked = self.asked.saturating_sub(1);
        }
        self.tell(|| {
            let note = exchange.note.as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(answer.body());
            let body = if exchange.status < 300 && exchange.who != Party::IdentityProvider {
                body.chars().take(90).collect()
            } else {
                String::new()
            };
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
        }
        if answer.status() != 200 {
            self.ledger.close(ask, Fate::Unspent("it was refused"));
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

    /// What a client has signed is good for a minute, and may be under way for longer, or by a clock that jumped.
    fn excuse_delays(&mut self) {
        if self.plan.machine.is_some() && self.has_delays {
            self.world.violations.retain(|text| !LATE.contains(&&**text));
        }
    }

    /// An answer to a token request that a server gives which has troubles of its own.
    fn stumble(&mut self, (status, body): (u16, &'static str)) -> Response<Vec<u8>> {
        self.tell(|| format!("the answer is {status} {body}"));
        let mut response = self.trouble(status, None);
        *response.body_mut() = body.into();
        let value = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, value);
        response
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
        laws::is_durable(&self.hosts[at], &self.store)
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
        let status = answer.status().as_u16();
        let is_wanted = call.is_proof_wanted;
        let host = &mut self.hosts[at];
        host.task = Task::Rest;
        let is_about_proof = call.attempt.is_bound() && is_about_proof(&answer);
        if status == 200 && is_wanted {
            self.seen.add(Sight::NonceRenewed);
        }
        call.is_proof_wanted = is_about_proof;
        if matches!(status, 401 | 403) && !is_about_proof {
            host.want_another();
            let record = host.session.record().filter(|_| status == 401);
            let sent = record.filter(|it| call.attempt.generation() == Some(it.generation()));
            host.suspect = sent.and_then(laws::access_token).map(Into::into);
        }
        match host.session.answered(&mut call.attempt, status, answer.headers(), now) {
            Ok(Verdict::Deliver) => self.finish(at, Outcome::Status(status)),
            Ok(Verdict::Retry) => {
                (host.leaves, host.asked_for) = (false, false);
                self.retry(at, call);
            }
            Ok(Verdict::Wait(pause)) => {
                self.say(at, || format!("waits for {pause:?}"));
                let host = &mut self.hosts[at];
                host.asleep_until = self.world.now + pause.as_secs();
                if !matches!(host.session.turn(), Ok(Turn::Ready(_))) {
                    host.access();
                }
                if self.is_healing {
                    self.world.advance(pause.as_secs());
                }
                self.retry(at, call);
            }
            Err(error) => self.finish(at, Outcome::Failed(error)),
        }
        Ok(())
    }
}

/// For how long at least a server wants to be left alone by those whose refresh it has answered like that.
fn pause(answer: &Response<Vec<u8>>) -> Option<Duration> {
    if !matches!(answer.status().as_u16(), 429 | 500..=599) {
        return None;
    }
    let seconds = match answer.headers().get(header::RETRY_AFTER).map(HeaderValue::to_str) {
        None | Some(Ok("soon")) => 5,
        Some(Ok(seconds)) => seconds.parse().ok()?,
        Some(Err(_)) => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// What servers say that have troubles of their own, as status and body.
const STUMBLES: [(u16, &str); 5] = [
    (500, r#"{"error":"server_error"}"#),
    (400, r#"{"error":"server_error"}"#),
    (400, r#"{"error":"temporarily_unavailable"}"#),
    (200, "{}"),
    (501, "not here"),
];

/// What the judges of the world object to where a signature was under way for too long, or made by a wrong clock.
const LATE: [&str; 3] = [
    "a client assertion is expired",
    "a client assertion lives for too long",
    "the iat of a client assertion is not now",
];

/// More often than a call is sent for whatever reason.
const MAX_SENDS: u32 = 20;

/// Some minutes after a world begins.
const A_DATE: &str = "Sun, 17 Mar 2030 17:56:40 GMT";

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
