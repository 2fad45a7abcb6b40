//! The world itself: its state, what tests may do to it, and the way of one request through it.

use alloc::collections::BTreeMap;

use http::{Request, Response};
use serde_json::Value;

use super::clients::{Client, Document};
use super::device::Device;
use super::dpop::Nonce;
use super::form::{FORM, Form};
use super::grants::Grants;
use super::jwt::Presented;
use super::minted::Minted;
use super::places::{Origins, host};
use super::push::Pushed;
use super::{Exchange, Fault, Knobs, Party, What, answer};

/// The servers of one test, and the record of what a client did to them.
///
/// Cloning takes a snapshot: a restart-anywhere test goes on from the same point twice.
#[derive(Clone, Debug)]
pub struct World {
    /// How the servers behave; may be changed between any two requests.
    pub knobs: Knobs,
    /// The servers' clock, in seconds since the epoch; starts at 1 900 000 000.
    pub now: u64,
    /// Every request so far.
    pub log: Vec<Exchange>,
    /// Every MUST that the client broke so far, in plain words.
    pub violations: Vec<String>,
    /// How often a spent refresh token or code was presented, other than in the time that
    /// [`Reuse`](super::Reuse) leaves for that.
    pub reuses: u32,
    pub(super) origins: Origins,
    pub(super) clients: Vec<Client>,
    pub(super) grants: Grants,
    /// Published client metadata documents, by their URL.
    pub(super) documents: BTreeMap<String, Document>,
    /// What was sent that is good once.
    pub(super) presented: Presented,
    /// What hosts were given to bring.
    pub(super) minted: Minted,
    /// Requests that were pushed.
    pub(super) pushed: Vec<Pushed>,
    /// The device codes that were given.
    pub(super) devices: Vec<Device>,
    /// The nonces that servers gave.
    pub(super) nonces: Vec<Nonce>,
    /// How many tokens have a number from this counter.
    pub(super) numbered: u32,
    /// Challenges and states seen at the authorization endpoints, with the query that had them.
    pub(super) asked: Vec<(String, String)>,
    /// MCP requests answered with a valid token.
    pub(super) served: u32,
    /// Step-up challenges given.
    pub(super) step_ups: u32,
    pub(super) note: Option<String>,
}

impl World {
    /// A world at `https://mcp.example.com/mcp`, `https://auth.example.com`,
    /// `https://auth2.example.com` and `https://auth3.example.com`, with an identity provider at
    /// `https://idp.example.com`.
    pub fn new(knobs: Knobs) -> Self {
        Self::at(knobs, Origins::default())
    }

    /// A world at other origins, which is how [`Served`](crate::serve::Served) has it on loopback.
    pub fn at(knobs: Knobs, origins: Origins) -> Self {
        Self {
            knobs,
            now: 1_900_000_000,
            log: Vec::new(),
            violations: Vec::new(),
            reuses: 0,
            origins,
            clients: Vec::new(),
            grants: Grants::default(),
            documents: BTreeMap::new(),
            presented: Presented::default(),
            minted: Minted::default(),
            pushed: Vec::new(),
            devices: Vec::new(),
            nonces: Vec::new(),
            numbered: 0,
            asked: Vec::new(),
            served: 0,
            step_ups: 0,
            note: None,
        }
    }

    /// Answers one request, judges it and writes it down.
    ///
    /// The URI must be absolute; an authority outside of the world gets 404 and
    /// [`Party::Elsewhere`] in the log, and a violation only if the request carries a credential.
    pub fn handle(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.exchange(request, |world, method| world.mcp(method, request))
    }

    /// Like [`handle`](Self::handle), in front of an MCP server outside of the world: `None` if that has
    /// to answer. In the log that is a 200.
    pub fn admit(&mut self, request: &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
        let mut admitted = false;
        let response = self.exchange(request, |world, method| {
            let refusal = world.mcp_refusal(method, request);
            admitted = refusal.is_none();
            refusal.unwrap_or_else(|| answer::text(200, ""))
        });
        (!admitted).then_some(response)
    }

    /// Judges what a request carries to where it goes, whether it arrives or not.
    pub fn overhear(&mut self, request: &Request<Vec<u8>>) {
        let (who, what, _) = self.place(request);
        self.judge_transport(who, request);
        self.judge_credentials(who, &what, request);
    }

    fn exchange(
        &mut self,
        request: &Request<Vec<u8>>,
        mcp: impl FnOnce(&mut Self, &str) -> Response<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        self.note = None;
        let (who, what, server) = self.place(request);
        self.judge_transport(who, request);
        self.judge_uniqueness(request);
        self.judge_credentials(who, &what, request);
        let response = match &what {
            What::ResourceMetadata => self.resource_metadata(request),
            What::ServerMetadata if who == Party::IdentityProvider => self.idp_metadata(request),
            What::Token(grant) if who == Party::IdentityProvider => self.idp_token(*grant, request),
            What::ServerMetadata => self.server_metadata(who, server, request),
            What::Register => self.register(server, request),
            What::Authorize => self.authorize(server, request),
            What::Token(grant) => self.token(server, *grant, request),
            What::Revoke => self.revoke(server, request),
            What::Push => self.push(server, request),
            What::Device => self.authorize_device(server, request),
            What::Verify => self.verify(request),
            What::Mcp(method) => mcp(self, method),
            What::Other => answer::text(404, "nothing here"),
        };
        self.log.push(Exchange {
            who,
            what,
            method: request.method().to_string(),
            path: request.uri().path().into(),
            parameters: parameters(request),
            json: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
            status: response.status().as_u16(),
            note: self.note.take(),
        });
        response
    }

    /// Does what the user's browser does: opens the URL and gives the query of the redirect.
    ///
    /// # Errors
    /// The text of the page, if the server showed one instead of redirecting.
    pub fn visit(&mut self, authorization_url: &str) -> Result<String, String> {
        let location = self.redirect(authorization_url)?;
        Ok(location.split_once('?').map(|(_, query)| query.into()).unwrap_or_default())
    }

    /// Like [`visit`](Self::visit), but gives the whole `Location`.
    ///
    /// # Errors
    /// The text of the page, if the server showed one instead of redirecting.
    pub fn redirect(&mut self, authorization_url: &str) -> Result<String, String> {
        let request = Request::get(authorization_url)
            .body(Vec::new())
            .map_err(|error| format!("not a URL: {error}"))?;
        let response = self.handle(&request);
        match response.headers().get(http::header::LOCATION) {
            Some(location) => Ok(String::from_utf8_lossy(location.as_bytes()).into_owned()),
            None => Err(String::from_utf8_lossy(response.body()).into_owned()),
        }
    }

    /// Lets this many seconds pass.
    pub fn advance(&mut self, seconds: u64) {
        self.now += seconds;
    }

    /// Makes every access token invalid; refresh tokens go on working.
    pub fn revoke_access_tokens(&mut self) {
        self.grants.revoke_access();
    }

    /// Makes every grant invalid, access and refresh tokens alike, as a user does who disconnects an app.
    pub fn end_grants(&mut self) {
        self.grants.end_all();
    }

    /// Loses all registrations: their ids get `invalid_client` from now on, without blame.
    pub fn forget_clients(&mut self) {
        for client in &mut self.clients {
            client.forgotten = true;
        }
    }

    /// Whether a client was registered, and its registration is lost.
    pub fn forgets(&self, client_id: &str) -> bool {
        self.clients.iter().any(|client| client.id == client_id && client.forgotten)
    }

    /// How many grants are alive.
    pub fn grants_alive(&self) -> usize {
        self.grants.alive()
    }

    /// Whether a refresh with this token would bring an access token that the MCP server takes now.
    pub fn serves(&self, refresh_token: &str) -> bool {
        self.grants.refresh(refresh_token).is_some_and(|token| {
            let granted = self.grants.get(token.grant);
            let client = self.clients.iter().find(|client| client.id == granted.client_id);
            !self.is_used_up(token)
                && !granted.dead
                && token.expires_at.is_none_or(|at| self.now < at)
                && self.trusts(granted.server)
                && client.is_none_or(|client| client.is_good(self.now))
        })
    }

    /// Whether a refresh token was used, and rotated away.
    pub fn is_spent(&self, refresh_token: &str) -> bool {
        self.grants.refresh(refresh_token).is_some_and(|token| self.is_used_up(token))
    }

    /// Whether two access tokens are of the same grant.
    pub fn are_related(&self, left: &str, right: &str) -> bool {
        let grant = |token| self.grants.access(token).map(|token| token.grant);
        grant(left) == grant(right)
    }

    /// Whether the MCP server takes an access token now.
    pub fn accepts(&self, access_token: &str) -> bool {
        self.judge_token(access_token).is_ok()
    }

    /// Every secret value handed out so far, for tests that look for them where they must not be.
    pub fn secrets(&self) -> Vec<String> {
        let mut values: Vec<String> =
            self.clients.iter().filter_map(|client| client.secret.clone()).collect();
        values.extend(self.grants.credentials().map(|credential| credential.value.into()));
        values.extend(self.devices.iter().map(|device| device.code.clone()));
        values.extend(self.minted.tokens().map(|(text, _)| text.into()));
        values
    }

    /// Records that the client broke a rule.
    pub(super) fn blame(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.note = Some(text.clone());
        self.violations.push(text);
    }

    /// Records why something was refused that is not the client's fault.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.note = Some(text.into());
    }

    pub(super) fn migrated(&self) -> bool {
        self.knobs.migrate_after.is_some_and(|requests| self.served >= requests)
    }

    /// Runs a handler unless the endpoint's fault answers in its place, and spoils its answer.
    pub(super) fn through(
        &mut self,
        fault: Option<Fault>,
        handler: impl FnOnce(&mut Self) -> Response<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        let Some(fault) = fault else {
            return handler(self);
        };
        self.remark(format!("damaged: {fault:?}"));
        match fault.instead() {
            Some(response) => response,
            None => fault.spoil(handler(self)),
        }
    }

    fn judge_transport(&mut self, who: Party, request: &Request<Vec<u8>>) {
        let origin = match who {
            Party::McpServer => &self.origins.resource,
            Party::AuthServer => &self.origins.auth,
            Party::AuthServer2 => &self.origins.auth2,
            Party::AuthServer3 => &self.origins.auth3,
            Party::IdentityProvider => &self.origins.idp,
            Party::Elsewhere => return,
        };
        let scheme = request.uri().scheme_str().unwrap_or_default();
        if format!("{scheme}://{}", host(origin)) != *origin {
            self.blame(format!("request to {} over {scheme:?}", host(origin)));
        }
    }
}

/// Decoded parameters of the query and of a form body.
fn parameters(request: &Request<Vec<u8>>) -> Vec<(String, String)> {
    let mut pairs = Form::lenient(request.uri().query().unwrap_or_default()).pairs;
    let content_type = request.headers().get(http::header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(FORM)) {
        pairs.extend(Form::lenient(&String::from_utf8_lossy(request.body())).pairs);
    }
    pairs
}
