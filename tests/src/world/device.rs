//! The device authorization grant (RFC 8628), and the user with another device.

use http::{Request, Response};
use serde_json::{Value, json};

use super::answer::Refused;
use super::clients::Client;
use super::form::Form;
use super::grants::Granted;
use super::machine::Issued;
use super::places::Server;
use super::{Consent, DeviceForm, DeviceUser, Fault, Grant, World, answer};

/// A device code, its user, and who polls how fast.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) code: String,
    pub(super) server: Server,
    user_code: String,
    client_id: String,
    scope: String,
    resource: Option<String>,
    given_at: u64,
    expires_at: u64,
    /// How many seconds have to be between two polls now.
    interval: u64,
    polled_at: Option<u64>,
    /// When the poll before that came.
    polled_before: Option<u64>,
    /// Whether the last poll got no answer: the next one has to take more time (RFC 8628 §3.5).
    unanswered: bool,
    /// Whether the poll of now came too early.
    hasty: bool,
    decision: Option<bool>,
    /// Whether the client has heard how it ended.
    ended: bool,
}

impl World {
    /// The user enters a code, and consents. Whether there is such a code.
    pub fn approve_device(&mut self, user_code: &str) -> bool {
        self.decide_device(user_code, true)
    }

    /// The user enters a code, and says no. Whether there is such a code.
    pub fn deny_device(&mut self, user_code: &str) -> bool {
        self.decide_device(user_code, false)
    }

    fn decide_device(&mut self, user_code: &str, decision: bool) -> bool {
        let now = self.now;
        let device = self.devices.iter_mut().find(|it| it.user_code == user_code);
        let device = device.filter(|it| now < it.expires_at && it.decision.is_none());
        device.map(|it| it.decision = Some(decision)).is_some()
    }

    /// The page where a user enters the code: opened with one, they decide as for any login.
    pub(super) fn verify(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let form = Form::lenient(request.uri().query().unwrap_or_default());
        let Some(user_code) = form.get("user_code") else {
            return answer::html(200, "Which code does your device show?");
        };
        let consents = !matches!(self.knobs.consent, Consent::Deny);
        if self.knobs.consent == Consent::Page || self.decide_device(user_code, consents) {
            return answer::html(200, "Go back to your device.");
        }
        self.remark("no device waits with this code");
        answer::html(400, "There is no such code.")
    }

    pub(super) fn authorize_device(
        &mut self,
        server: Server,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        if !self.knobs.device {
            self.remark("devices are not known");
            return answer::text(404, "no devices here");
        }
        if self.knobs.machines_only {
            self.blame("a device code for a client that has no user");
            return answer::oauth_error(400, "unauthorized_client", "not for machines");
        }
        let who = self.party_of(server);
        let fault = self.knobs.device_damage.take(who);
        let form = self.knobs.device_form.take(who);
        self.through(fault, |world| {
            world.give_device_code(server, form, request).unwrap_or_else(|refusal| *refusal)
        })
    }

    /// RFC 8628 §3.1, §3.2.
    fn give_device_code(
        &mut self,
        server: Server,
        form: Option<DeviceForm>,
        request: &Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Refused> {
        let sent = self.token_form(request)?;
        let client = self.authenticate(server, &sent, request)?;
        self.judge_device_client(&client)?;
        let scope = sent.get("scope").unwrap_or_default();
        if let Err((error, fault)) = self.judge_scope(scope) {
            return Err(self.refuse(error, &fault));
        }
        if let Err((error, fault)) = self.judge_resource(sent.get("resource")) {
            return Err(self.refuse(error, &fault));
        }
        if let Some(DeviceForm::Refuse(error)) = &form {
            self.remark(format!("{form:?}"));
            return Err(answer::oauth_error(400, error, "As the test says").into());
        }
        let number = self.devices.len() + 1;
        let device = Device {
            code: format!("dc-{number}-{}", server.tag()),
            server,
            user_code: format!("WDJB-{number:04}"),
            client_id: client.id,
            scope: sent.get("scope").unwrap_or("mcp:basic").into(),
            resource: sent.get("resource").map(Into::into),
            given_at: self.now,
            expires_at: self.now + self.knobs.device_lifetime,
            interval: self.knobs.device_interval.unwrap_or(5),
            polled_at: None,
            polled_before: None,
            unanswered: false,
            hasty: false,
            decision: None,
            ended: false,
        };
        let page = format!("{}/device", self.base_of(server));
        let document = json!({
            "device_code": device.code,
            "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={}", device.user_code),
            "expires_in": self.knobs.device_lifetime,
            "interval": self.knobs.device_interval,
        });
        self.devices.push(device);
        Ok(answer::json(200, &shape(document, form.as_ref())))
    }

    fn judge_device_client(&mut self, client: &Client) -> Result<(), Refused> {
        let name = Grant::Device.as_str();
        if client.grants.is_empty() || client.grants.iter().any(|grant| grant == name) {
            return Ok(());
        }
        let text = format!("{} is not registered for device codes", client.id);
        Err(self.refuse("unauthorized_client", &text))
    }

    /// Looks at when a poll comes, before anything may go wrong with it.
    pub(super) fn pace(&mut self, request: &Request<Vec<u8>>, fault: Option<&Fault>) {
        let form = Form::lenient(&String::from_utf8_lossy(request.body()));
        let now = self.now;
        let Some(device) = self.polled(&form) else { return };
        let least = device.interval + u64::from(device.unanswered);
        let passed = device.polled_at.map(|at| now - at);
        device.polled_before = device.polled_at.replace(now);
        device.unanswered = fault.is_some_and(|fault| fault.instead().is_some());
        device.hasty = passed.is_some_and(|passed| passed < least);
        if device.hasty {
            device.interval += SLOWER;
            let passed = passed.unwrap_or_default();
            self.blame(format!("a poll after {passed} seconds, and not after {least}"));
        }
    }

    /// A poll was refused only because it lacked a nonce: it is the next one that counts.
    pub(super) fn uncount_poll(&mut self, request: &Request<Vec<u8>>) {
        let form = Form::lenient(&String::from_utf8_lossy(request.body()));
        if let Some(device) = self.polled(&form) {
            device.polled_at = device.polled_before;
            if core::mem::take(&mut device.hasty) {
                device.interval -= SLOWER;
            }
        }
    }

    /// A poll (RFC 8628 §3.4).
    pub(super) fn poll(
        &mut self,
        server: Server,
        client: &Client,
        sent: &Form,
        jkt: Option<&str>,
    ) -> Result<Issued, Refused> {
        self.judge_device_client(client)?;
        let Some(device) = self.polled(sent).map(|device| device.clone()) else {
            return Err(self.refuse("invalid_grant", "a device code that nobody gave"));
        };
        if device.server != server || device.client_id != client.id {
            return Err(self.refuse("invalid_grant", "a device code of another client"));
        }
        if device.ended {
            return Err(self.refuse("invalid_grant", "a poll after the end"));
        }
        self.same_resource(device.resource.as_deref(), sent)?;
        if device.hasty {
            return Err(answer::oauth_error(400, "slow_down", "too fast").into());
        }
        let waited = self.now - device.given_at;
        let decision = device.decision.or(match self.knobs.device_user {
            DeviceUser::Waits => None,
            DeviceUser::ApprovesAfter(seconds) => (waited >= seconds).then_some(true),
            DeviceUser::DeniesAfter(seconds) => (waited >= seconds).then_some(false),
        });
        let error = match decision {
            _ if device.expires_at <= self.now => "expired_token",
            None => "authorization_pending",
            Some(false) => "access_denied",
            Some(true) => {
                self.heard(sent, "");
                return Ok(self.grant_device(client, device, jkt));
            }
        };
        self.remark(error);
        self.heard(sent, error);
        Err(answer::oauth_error(400, error, "see RFC 8628 §3.5").into())
    }

    /// Notes what the client is told about its code; nothing is that it has its tokens.
    pub(super) fn heard(&mut self, sent: &Form, error: &str) {
        let Some(device) = self.polled(sent) else { return };
        match error {
            "authorization_pending" => {}
            "slow_down" => device.interval += SLOWER,
            _ => device.ended = true,
        }
    }

    fn polled(&mut self, sent: &Form) -> Option<&mut Device> {
        let code = sent.get("device_code")?;
        self.devices.iter_mut().find(|device| device.code == code)
    }

    fn grant_device(&mut self, client: &Client, device: Device, jkt: Option<&str>) -> Issued {
        let scope = match &self.knobs.consent {
            Consent::GrantLess(scope) => scope.clone(),
            _ => device.scope.clone(),
        };
        let refreshable = self.is_refreshable(&device.scope, None);
        let grant = self.grants.open(Granted {
            server: device.server,
            client_id: device.client_id,
            resource: device.resource,
            scope: scope.clone(),
            refreshable,
            dead: false,
        });
        let refresh = refreshable.then(|| self.first_refresh_token(grant, client, jkt));
        (grant, scope, refresh)
    }
}

fn shape(mut document: Value, form: Option<&DeviceForm>) -> Value {
    let page = document["verification_uri"].as_str().unwrap_or_default();
    let (name, value) = match form {
        Some(DeviceForm::NoComplete) => ("verification_uri_complete", Value::Null),
        Some(DeviceForm::NoDeviceCode) => ("device_code", Value::Null),
        Some(DeviceForm::NoUserCode) => ("user_code", Value::Null),
        Some(DeviceForm::NoVerificationUri) => ("verification_uri", Value::Null),
        Some(DeviceForm::NoExpiresIn) => ("expires_in", Value::Null),
        Some(DeviceForm::IntervalText) => ("interval", json!(document["interval"].to_string())),
        Some(DeviceForm::HttpPage) => {
            ("verification_uri", json!(page.replacen("https://", "http://", 1)))
        }
        Some(DeviceForm::ScriptPage) => ("verification_uri", json!("javascript:alert(1)")),
        Some(DeviceForm::ScriptComplete) => {
            ("verification_uri_complete", json!("javascript:alert(1)"))
        }
        Some(DeviceForm::ControlCharacters) => ("user_code", json!("\u{1b}[2JWDJB\r\n-0001")),
        Some(DeviceForm::Refuse(_)) | None => ("interval", document["interval"].clone()),
    };
    document[name] = value;
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    document
}

/// By how many seconds `slow_down` makes the interval longer, for good (RFC 8628 §3.5).
const SLOWER: u64 = 5;
