//! The MCP endpoint: judges the access token, then answers a handful of methods.

use http::{Method, Request, Response, header};
use serde_json::{Value, json};

use super::answer::Refused;
use super::form::Form;
use super::{BadToken, Party, ResourceDpop, ScopePolicy, World, answer};

/// The access token of a request, and how it came.
#[derive(Debug)]
struct Shown {
    token: String,
    dpop: bool,
}

impl World {
    pub(super) fn mcp(&mut self, method: &str, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let fault = self.knobs.mcp_damage.take(Party::McpServer);
        let mut response = self.through(fault, |world| {
            if let Some(refusal) = world.token_refusal(method, request) {
                return refusal;
            }
            if request.method() != Method::POST {
                return answer::text(405, "only POST here");
            }
            match serde_json::from_slice(request.body()) {
                Ok(message) => rpc(method, &message),
                Err(_) => answer::text(400, "not JSON"),
            }
        });
        self.renew_nonce(Party::McpServer, &mut response);
        response
    }

    /// What is answered instead of the MCP server, if anything is. Of the faults, only those that stand
    /// for a whole answer can be had here.
    pub(super) fn mcp_refusal(
        &mut self,
        method: &str,
        request: &Request<Vec<u8>>,
    ) -> Option<Response<Vec<u8>>> {
        let fault = self.knobs.mcp_damage.take(Party::McpServer);
        match fault.and_then(|fault| fault.instead()) {
            Some(response) => {
                self.remark("damaged");
                Some(response)
            }
            None => self.token_refusal(method, request),
        }
    }

    /// What is wrong with the token of a request, or that there is none.
    fn token_refusal(
        &mut self,
        method: &str,
        request: &Request<Vec<u8>>,
    ) -> Option<Response<Vec<u8>>> {
        if self.knobs.plain_403 {
            self.remark("forbidden whoever asks");
            return Some(answer::text(403, "Origin not allowed"));
        }
        let query = Form::lenient(request.uri().query().unwrap_or_default());
        if query.get("access_token").is_some() {
            self.blame("access token in the query of an MCP request");
            return Some(self.bad_request());
        }
        let opening = method == "initialize" || method.starts_with("notifications/");
        let shown = match self.shown_token(request) {
            Err(response) => return Some(*response),
            Ok(None) if opening && self.knobs.open_initialize => return None,
            Ok(None) => {
                self.remark("no token");
                let error = self.knobs.eager_error.then_some("invalid_token");
                let mut response = answer::text(401, "authorization needed");
                self.challenge(&mut response, error);
                return Some(response);
            }
            Ok(Some(shown)) => shown,
        };
        let Shown { token, dpop } = &shown;
        if *dpop && let Some(response) = self.proof_refusal(token, request) {
            return Some(response);
        }
        let judged =
            self.judge_token(token).and_then(|scope| self.judge_scheme(&shown).map(|()| scope));
        match judged {
            Err(reason) => Some(self.bad_token(reason, *dpop)),
            Ok(_) if self.knobs.refuses_calls && method == "tools/call" => {
                Some(self.bad_token("no token is good for calls", *dpop))
            }
            Ok(scope) => {
                if let Some(needed) = self.lacking(method, &scope) {
                    return Some(self.step_up(&needed, *dpop));
                }
                self.served += 1;
                None
            }
        }
    }

    /// The token of the one `Authorization` header (RFC 6750 §2.1, RFC 9449 §7.1).
    fn shown_token(&mut self, request: &Request<Vec<u8>>) -> Result<Option<Shown>, Refused> {
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        let dpop = scheme.eq_ignore_ascii_case("dpop");
        let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"-._~+/=".contains(&byte);
        if values.next().is_some()
            || !(dpop || scheme.eq_ignore_ascii_case("bearer"))
            || token.is_empty()
            || token.bytes().any(odd)
        {
            self.blame("Authorization of an MCP request is not one Bearer token");
            return Err(self.bad_request().into());
        }
        if dpop && self.knobs.resource_dpop == ResourceDpop::Unknown {
            self.remark("the scheme DPoP is not known here");
            let mut response = answer::text(401, "authorization needed");
            self.challenge(&mut response, None);
            return Err(response.into());
        }
        Ok(Some(Shown { token: token.into(), dpop }))
    }

    /// Whether a token comes with the scheme that it was issued for.
    fn judge_scheme(&mut self, shown: &Shown) -> Result<(), &'static str> {
        let bound = self.grants.access(&shown.token).is_some_and(|token| token.jkt.is_some());
        match (self.knobs.resource_dpop, bound, shown.dpop) {
            (ResourceDpop::Unknown, ..) | (_, true, true) => Ok(()),
            (ResourceDpop::Taken, false, false) => Ok(()),
            (_, true, false) => {
                self.blame("a bound token sent as Bearer");
                Err("the token is bound to a key")
            }
            (_, false, true) => {
                self.blame("a Bearer token sent with the scheme DPoP");
                Err("the token is not bound to a key")
            }
            (ResourceDpop::Required, false, false) => Err("only bound tokens are taken"),
        }
    }

    /// The scope of a token that is good here and now, or why it is not.
    pub(super) fn judge_token(&self, value: &str) -> Result<String, &'static str> {
        let token = self.grants.access(value).ok_or("nobody issued this token")?;
        let granted = self.grants.get(token.grant);
        if granted.dead || token.revoked {
            return Err("the token is revoked");
        }
        if token.expires_at <= self.now {
            return Err("the token is expired");
        }
        if self.now < token.issued_at + self.knobs.young_for {
            return Err("the token is not valid yet");
        }
        if !self.trusts(granted.server) {
            return Err("the token is of another authorization server");
        }
        if self.judge_resource(granted.resource.as_deref()).is_err() {
            return Err("the token is for another resource");
        }
        Ok(token.scope.clone())
    }

    fn bad_token(&mut self, reason: &str, dpop: bool) -> Response<Vec<u8>> {
        if self.note.is_none() {
            self.remark(reason);
        }
        let (status, error) = match self.knobs.bad_token {
            BadToken::Challenged => (401, Some("invalid_token")),
            BadToken::Unexplained => (401, None),
            BadToken::Forbidden => (403, Some("invalid_token")),
            BadToken::BadRequest => (400, Some("invalid_token")),
        };
        let mut response = answer::text(status, reason);
        self.challenge_as(&mut response, error, dpop);
        response
    }

    fn bad_request(&self) -> Response<Vec<u8>> {
        let mut response = answer::text(400, "bad request");
        self.challenge(&mut response, Some("invalid_request"));
        response
    }

    /// The scope that a token lacks for a method.
    fn lacking(&self, method: &str, scope: &str) -> Option<String> {
        if !matches!(method, "tools/list" | "tools/call") {
            return None;
        }
        let needed = match self.knobs.scopes {
            ScopePolicy::Open => return None,
            ScopePolicy::StepUp if method == "tools/call" => "mcp:write",
            ScopePolicy::Basic | ScopePolicy::StepUp => "mcp:basic",
            ScopePolicy::AlwaysInsufficient => return Some("mcp:write".into()),
            ScopePolicy::EverMore => return Some(format!("mcp:level-{}", self.step_ups + 1)),
        };
        let has = scope.split(' ').any(|token| token == needed);
        (!has).then(|| needed.into())
    }
}

/// Answers one JSON-RPC message.
fn rpc(method: &str, message: &Value) -> Response<Vec<u8>> {
    let id = &message["id"];
    if id.is_null() {
        return answer::text(202, "");
    }
    let params = &message["params"];
    let result = match method {
        "initialize" => json!({
            "protocolVersion": params["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "world", "version": "0" },
        }),
        "tools/list" => json!({ "tools": [{
            "name": "add",
            "description": "Adds two numbers",
            "inputSchema": { "type": "object", "properties": {
                "a": { "type": "number" }, "b": { "type": "number" } } },
        }] }),
        "tools/call" if params["name"] == "add" => {
            let number = |name: &str| params["arguments"][name].as_f64().unwrap_or(f64::NAN);
            let sum = (number("a") + number("b")).to_string();
            json!({ "content": [{ "type": "text", "text": sum }] })
        }
        _ => {
            let error = json!({ "code": -32601, "message": "no such method or tool" });
            return answer::json(200, &json!({ "jsonrpc": "2.0", "id": id, "error": error }));
        }
    };
    answer::json(200, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}
