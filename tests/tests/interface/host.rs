//! A host that knows nothing but JSON: it carries requests to the simulated world, and has a store.

use std::collections::BTreeMap;

use http::{Request, Response};
use oauth_interface::{Function, Interface};
use oauth_tests::drive::{challenges, dice, mcp_request};
use oauth_tests::world::{Key, Knobs, World};
use serde_json::{Value, json};

pub(crate) use oauth_tests::drive::SERVER_URL;

/// The world's time at its beginning.
pub(crate) const NOW: u64 = 1_900_000_000;

pub(crate) fn settings() -> Value {
    json!({ "server_url": SERVER_URL })
}

pub(crate) struct Host {
    pub(crate) world: World,
    /// The query of the last redirect.
    pub(crate) last_query: String,
    interface: Interface,
    /// Records, and their generations: the user's own, and those of clients by their keys.
    pub(crate) stored: BTreeMap<String, (String, u64)>,
    locks: BTreeMap<String, u32>,
    logins: u64,
    /// The client's key.
    pub(crate) key: Key,
    /// The number of the key that the host keeps, and that tokens are bound to; 0 if it makes new ones.
    pub(crate) own_key: u8,
    /// How many keys it has made.
    pub(crate) keys: u8,
    /// By how many seconds its clock is behind.
    pub(crate) behind: u64,
    /// What the user of an enterprise is named by.
    pub(crate) subject: Option<&'static str>,
    signatures: u64,
}

impl Host {
    pub(crate) fn new(knobs: &Knobs) -> Self {
        let mut world = World::new(knobs.clone());
        world.now = NOW;
        Self {
            world,
            last_query: String::new(),
            interface: Interface::new(),
            stored: BTreeMap::new(),
            locks: BTreeMap::new(),
            logins: 0,
            key: Key::p256(1),
            own_key: 0,
            keys: 0,
            behind: 0,
            subject: None,
            signatures: 0,
        }
    }

    pub(crate) fn open(&mut self, settings: &Value) -> u32 {
        let opened = self.call(Function::Open, 0, json!({ "settings": settings }), b"");
        u32::try_from(opened["session"].as_u64().unwrap()).unwrap()
    }

    pub(crate) fn turn(&mut self, session: u32) -> Value {
        self.call(Function::Turn, session, json!({}), b"")
    }

    /// What it is about to do, or the code of the error with which it has ended.
    pub(crate) fn turn_or_code(&mut self, session: u32) -> String {
        let turn = self.try_call(Function::Turn, session, b"");
        let word = turn.map_or_else(|error| error["code"].clone(), |turn| turn["turn"].clone());
        word.as_str().unwrap().into()
    }

    /// What a session is about to do, and what it has; `None` if there is none of this number.
    pub(crate) fn state(&mut self, session: u32) -> Option<[String; 3]> {
        let looks = [Function::Turn, Function::Record, Function::Timeline];
        let state = looks.map(|function| self.interface.call(function, session, b""));
        (!state[0].contains("no_such")).then_some(state)
    }

    /// A call that must go well.
    pub(crate) fn call(
        &mut self,
        function: Function,
        session: u32,
        input: Value,
        bytes: &[u8],
    ) -> Value {
        let input = [input.to_string().as_bytes(), b"\n", bytes].concat();
        let answer = self.try_call(function, session, &input);
        answer.unwrap_or_else(|error| panic!("{function:?}: {error}"))
    }

    /// A call that must not go well; the code.
    pub(crate) fn refused(
        &mut self,
        function: Function,
        session: u32,
        input: Value,
        bytes: &[u8],
    ) -> String {
        self.refused_raw(function, session, &[input.to_string().as_bytes(), b"\n", bytes].concat())
    }

    pub(crate) fn refused_raw(&mut self, function: Function, session: u32, input: &[u8]) -> String {
        let error = self.try_call(function, session, input).unwrap_err();
        error["code"].as_str().unwrap().into()
    }

    /// # Errors
    ///
    /// The member `error` of the answer, which has a code and a message.
    pub(crate) fn try_call(
        &mut self,
        function: Function,
        session: u32,
        input: &[u8],
    ) -> Result<Value, Value> {
        let answer = self.interface.call(function, session, input);
        let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        match answer.as_object().expect("an answer is an object").get("error") {
            None => Ok(answer),
            Some(error) => {
                assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
                Err(error.clone())
            }
        }
    }

    pub(crate) fn advance(&mut self, seconds: u64) {
        self.world.advance(seconds);
    }

    /// A request of the application, as the host in JavaScript sends it; the status.
    pub(crate) fn fetch(&mut self, session: u32) -> u16 {
        self.call(Function::Access, session, json!({}), b"");
        while !["ready", "login"].contains(&self.turn(session)["turn"].as_str().unwrap()) {
            self.answer(session);
        }
        let mut attempt = Value::Null;
        loop {
            let (sent, response) = self.send(session, "tools/list", &attempt);
            attempt = sent;
            let answer = self.answer_to(&attempt, &response);
            let verdict = self.call(Function::Answered, session, answer, b"");
            if verdict["verdict"] == "deliver" {
                return response.status().as_u16();
            }
            self.world.advance(verdict["wait"].as_u64().unwrap_or(0));
            assert_eq!(self.drive(session), "ready");
        }
    }

    /// Sends a request of the application, with what the session attaches to it; its number, and the answer.
    pub(crate) fn send(
        &mut self,
        session: u32,
        method: &str,
        attempt: &Value,
    ) -> (Value, Response<Vec<u8>>) {
        let attached = self.attach(session, attempt);
        let mut request = mcp_request(SERVER_URL, method);
        add_headers(&mut request, &attached["headers"]);
        (attached["attempt"].clone(), self.world.handle(&request))
    }

    /// The whole head of an answer.
    pub(crate) fn answer_to(&self, attempt: &Value, response: &Response<Vec<u8>>) -> Value {
        let (status, now) = (response.status().as_u16(), self.now());
        json!({ "attempt": attempt, "status": status, "headers": headers(response), "now": now })
    }

    fn now(&self) -> u64 {
        self.world.now - self.behind
    }

    /// What goes with a request, which is signed if need be.
    pub(crate) fn attach(&mut self, session: u32, attempt: &Value) -> Value {
        let now = self.now();
        let ask = json!({ "method": "POST", "url": SERVER_URL, "now": now, "attempt": attempt });
        let random = self.random();
        let mut attached = self.call(Function::Attach, session, ask, &random);
        if attached["unsigned"].is_null() {
            return attached;
        }
        assert_eq!(attached.get("headers"), None);
        let signature =
            self.signer(&attached["dpop_key"]).unwrap().sign(input_of(&attached["unsigned"]));
        attached.as_object_mut().unwrap().remove("dpop_key");
        self.call(Function::Proved, session, attached, &signature)
    }

    /// The key that tokens are bound to: the host's own, or one that it has made and finds by its number.
    pub(crate) fn signer(&self, dpop_key: &Value) -> Option<Key> {
        let number = dpop_key["secret"].as_str().map_or(Ok(self.own_key), str::parse);
        let key = Key::p256(number.ok()?);
        assert_eq!(dpop_key["thumbprint"], key.public().thumbprint());
        (dpop_key["jwk"] == key.jwk()).then_some(key)
    }

    /// A request that needs a login; the turn at which a host stops that begins none.
    pub(crate) fn stop_at_login(&mut self, session: u32, method: &str) -> Value {
        self.call(Function::Access, session, json!({}), b"");
        while !["ready", "login"].contains(&self.turn(session)["turn"].as_str().unwrap()) {
            self.answer(session);
        }
        let (attempt, response) = self.send(session, method, &Value::Null);
        let (status, challenges) = (response.status().as_u16(), challenges(&response));
        let now = self.world.now;
        let answer =
            json!({ "attempt": attempt, "status": status, "challenges": challenges, "now": now });
        let verdict = self.call(Function::Answered, session, answer, b"");
        assert_eq!(verdict["verdict"], "retry");
        loop {
            let turn = self.turn(session);
            if turn["turn"] == "login" {
                return turn;
            }
            self.answer(session);
        }
    }

    /// Drives to the end; the last turn.
    pub(crate) fn drive(&mut self, session: u32) -> String {
        loop {
            let turn = self.turn(session)["turn"].as_str().unwrap().to_owned();
            if ["ready", "logged_out"].contains(&&*turn) {
                return turn;
            }
            self.answer(session);
        }
    }

    /// Answers a turn as a good host does.
    pub(crate) fn answer(&mut self, session: u32) {
        let (function, input) = self.fitting(session).expect("a turn to be answered");
        self.try_call(function, session, &input).unwrap_or_else(|e| panic!("{function:?}: {e}"));
    }

    /// The same where anything may have happened before.
    pub(crate) fn try_to_answer(&mut self, session: u32) {
        if let Some((function, input)) = self.fitting(session) {
            let _ = self.try_call(function, session, &input);
        }
    }

    fn fitting(&mut self, session: u32) -> Option<(Function, Vec<u8>)> {
        let turn = self.try_call(Function::Turn, session, b"").ok()?;
        let now = self.world.now;
        let (mut bytes, client) = (Vec::new(), turn["client"].to_string());
        let (function, input) = match turn["turn"].as_str()? {
            "load" => {
                let record = self.stored.get(&client).map(|(record, _)| record);
                (Function::Loaded, json!({ "record": record, "now": now }))
            }
            // Locks are not minded here: what comes of that is the core's own business.
            "lock" => {
                *self.locks.entry(turn["lock"].to_string()).or_default() += 1;
                (Function::Locked, json!({}))
            }
            "reserve" => {
                assert!(
                    turn["generation"].as_u64() > Some(0)
                        && turn["room"].as_u64() > Some(16 * 1024)
                );
                (Function::Reserved, json!({}))
            }
            "unlock" => (Function::Unlocked, json!({})),
            "save" => {
                let stored = self.stored.get(&client).map_or(0, |(_, generation)| *generation);
                if turn["expected"] == stored {
                    let generation = turn["generation"].as_u64()?;
                    let record = turn["record"].as_str()?.into();
                    self.stored.insert(client, (record, generation));
                    (Function::Saved, json!({ "now": now }))
                } else {
                    (Function::Conflict, json!({ "stored": stored }))
                }
            }
            "http" => {
                let mut request = Request::new(turn["body"].as_str().unwrap_or("").into());
                *request.method_mut() = turn["method"].as_str()?.parse().unwrap();
                *request.uri_mut() = turn["url"].as_str()?.parse().unwrap();
                add_headers(&mut request, &turn["headers"]);
                let response = self.world.handle(&request);
                let (status, headers) = (response.status().as_u16(), headers(&response));
                let input = json!({ "status": status, "headers": headers, "now": now });
                bytes.extend(response.body());
                (Function::Response, input)
            }
            "login" => (Function::Begin, json!({})),
            "sign" => {
                let unsigned = self.unsigned(session)?;
                let input = input_of(&unsigned);
                bytes.extend(match turn["key"].as_str()? {
                    "client" => self.key.sign(input),
                    _ => self.signer(&turn["dpop_key"])?.sign(input),
                });
                (Function::Signed, json!({ "unsigned": unsigned, "now": now }))
            }
            "key" => {
                assert_eq!(turn["algorithms"], json!(["ES256", "EdDSA"]));
                self.keys += 1;
                let number = 100 + self.keys;
                (Function::Given, json!({ "dpop_key": stored_key(number), "now": now }))
            }
            "assertion" => {
                let assertion = match (turn["grant"].as_str()?, self.subject) {
                    ("workload_identity", _) => self.world.workload_jwt(turn["audience"].as_str()?),
                    (_, Some("refresh_token")) => self.world.idp_refresh_token(),
                    _ => self.world.id_token(),
                };
                let kind = self.subject;
                (Function::Given, json!({ "assertion": assertion, "kind": kind, "now": now }))
            }
            "prepare" => {
                self.logins += 1;
                bytes.extend(dice(self.logins));
                let redirect_uri = oauth_tests::drive::CALLBACK;
                (Function::Prepared, json!({ "redirect_uri": redirect_uri, "now": now }))
            }
            "browser" => {
                self.last_query = self.world.visit(turn["url"].as_str()?).ok()?;
                (Function::Redirected, json!({ "query": self.last_query, "now": now }))
            }
            "device" => (Function::Shown, json!({ "now": now })),
            "wait" => {
                // A session that heard of another time may wait for longer than anybody does.
                self.world.advance(turn["until"].as_u64()?.saturating_sub(now).min(600));
                (Function::Waited, json!({ "now": self.world.now }))
            }
            _ => return None,
        };
        Some((function, [input.to_string().as_bytes(), b"\n", &*bytes].concat()))
    }

    fn unsigned(&mut self, session: u32) -> Option<Value> {
        let random = self.random();
        let input = json!({ "now": self.world.now }).to_string();
        let input = [input.as_bytes(), b"\n", &random].concat();
        self.try_call(Function::Unsigned, session, &input).ok()
    }

    /// 16 bytes that were never used before.
    fn random(&mut self) -> Vec<u8> {
        self.signatures += 1;
        dice(1000 + self.signatures)[..16].to_vec()
    }
}

/// A key as a host without a place for it has it stored: by its number.
pub(crate) fn stored_key(number: u8) -> Value {
    json!({ "jwk": Key::p256(number).jwk(), "secret": number.to_string() })
}

/// What is to be signed.
pub(crate) fn input_of(unsigned: &Value) -> &[u8] {
    unsigned["input"].as_str().unwrap().as_bytes()
}

fn headers(response: &Response<Vec<u8>>) -> Vec<(&str, &str)> {
    let headers = response.headers().iter();
    headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

fn add_headers(request: &mut Request<Vec<u8>>, headers: &Value) {
    for header in headers.as_array().into_iter().flatten() {
        let name: http::HeaderName = header[0].as_str().unwrap().parse().unwrap();
        request.headers_mut().insert(name, header[1].as_str().unwrap().parse().unwrap());
    }
}
