//! The device authorization grant.

use http::Response;
use oauth_tests::world::{
    AuthMethod, Consent, Damage, DeviceForm, DeviceUser, Fault, Grant, Knobs, PRE_CLIENT_ID,
    RefreshTokens, TokenForm, What,
};
use serde_json::json;

use crate::client::{Changes, Machine, NONE, error_of, form, json_of, text};
use crate::person::Person;

const URL: &str = "https://auth.example.com/device_authorization";

/// A client, and the code that it polls with.
struct Waiting {
    person: Person,
    device_code: String,
}

fn person() -> Person {
    Person::new(Knobs::devices())
}

impl Person {
    fn ask_for_a_code(&mut self, changes: Changes<'_>) -> Response<Vec<u8>> {
        let (id, resource) = (self.id.clone(), self.world().resource());
        let pairs = [("client_id", &*id), ("scope", "mcp:basic"), ("resource", &*resource)];
        self.post(URL, &form(&pairs, changes), None)
    }
}

impl Waiting {
    fn new(knobs: Knobs) -> Self {
        let mut person = Person::new(knobs);
        let answer = person.ask_for_a_code(&[]);
        assert_eq!(answer.status(), 200, "{:?}", person.world().violations);
        Self { device_code: text(&answer, "device_code"), person }
    }

    fn poll(&mut self) -> String {
        self.poll_with(&[])
    }

    /// The error of a poll, or the access token.
    fn poll_with(&mut self, changes: Changes<'_>) -> String {
        let resource = self.person.world().resource();
        let pairs = [
            ("grant_type", Grant::Device.as_str()),
            ("device_code", &*self.device_code),
            ("client_id", &*self.person.id),
            ("resource", &*resource),
        ];
        let body = form(&pairs, changes);
        let answer = self.person.post("https://auth.example.com/token", &body, None);
        match answer.status().as_u16() {
            200 => text(&answer, "access_token"),
            503 => "no answer".into(),
            _ => error_of(&answer),
        }
    }

    fn wait(&mut self, seconds: u64) -> &mut Self {
        self.person.world().advance(seconds);
        self
    }

    fn blamed(&mut self) -> usize {
        self.person.blamed()
    }
}

#[test]
fn a_sound_client_gets_in_without_violations() {
    let mut person = person();
    let url = "https://auth.example.com/.well-known/oauth-authorization-server";
    assert_eq!(json_of(&person.machine.get(url))["device_authorization_endpoint"], URL);
    let answer = person.ask_for_a_code(&[]);
    let document = json_of(&answer);
    assert_eq!(document["user_code"], "WDJB-0001");
    assert_eq!(document["verification_uri"], "https://auth.example.com/device");
    assert_eq!(document["expires_in"], 300);
    assert!(document["interval"].is_null());
    let mut waiting = Waiting { device_code: text(&answer, "device_code"), person };
    assert_eq!(waiting.poll(), "authorization_pending");
    assert_eq!(waiting.wait(5).poll(), "authorization_pending");
    assert!(waiting.person.world().approve_device("WDJB-0001"));
    let access = waiting.wait(5).poll();
    assert_eq!(access, "at-1-auth");
    assert_eq!(waiting.person.machine.mcp(&access).status(), 200);
    let world = waiting.person.world();
    assert_eq!(world.violations, NONE);
    assert_eq!((world.count(What::Device), world.count(What::Token(Grant::Device))), (1, 3));
    assert!(world.secrets().contains(&waiting.device_code));
}

#[test]
fn the_user_opens_the_page_and_decides() {
    for (consent, outcome) in [
        (Consent::Grant, "at-1-auth"),
        (Consent::Deny, "access_denied"),
        (Consent::Page, "authorization_pending"),
    ] {
        let mut waiting = Waiting::new(Knobs { consent, ..Knobs::devices() });
        let page = "https://auth.example.com/device";
        assert_eq!(waiting.person.machine.get(page).status(), 200);
        assert_eq!(waiting.poll(), "authorization_pending");
        let with_code = format!("{page}?user_code=WDJB-0001");
        assert_eq!(waiting.person.machine.get(&with_code).status(), 200);
        assert_eq!(waiting.wait(5).poll(), outcome);
        assert_eq!(waiting.person.world().count(What::Verify), 2);
    }
    let mut waiting = Waiting::new(Knobs::devices());
    let wrong = "https://auth.example.com/device?user_code=WDJB-9999";
    assert_eq!(waiting.person.machine.get(wrong).status(), 400);
    assert!(!waiting.person.world().approve_device("WDJB-9999"));
}

#[test]
fn the_user_takes_their_time() {
    for (user, outcome) in [
        (DeviceUser::ApprovesAfter(7), "at-1-auth"),
        (DeviceUser::DeniesAfter(7), "access_denied"),
        (DeviceUser::Waits, "authorization_pending"),
    ] {
        let mut waiting = Waiting::new(Knobs { device_user: user, ..Knobs::devices() });
        assert_eq!(waiting.wait(6).poll(), "authorization_pending");
        assert_eq!(waiting.wait(5).poll(), outcome);
        assert_eq!(waiting.person.world().violations, NONE);
    }
}

#[test]
fn a_poll_that_comes_too_early_is_blamed_and_slows_down_for_good() {
    let mut waiting = Waiting::new(Knobs { device_interval: Some(2), ..Knobs::devices() });
    assert_eq!(waiting.poll(), "authorization_pending");
    assert_eq!(waiting.wait(2).poll(), "authorization_pending");
    assert_eq!(waiting.wait(1).poll(), "slow_down");
    assert_eq!(waiting.blamed(), 1);
    assert_eq!(waiting.wait(7).poll(), "authorization_pending");
    assert_eq!(waiting.wait(6).poll(), "slow_down");
    assert_eq!(waiting.blamed(), 2);
}

#[test]
fn a_server_that_slows_down_is_obeyed() {
    let mut waiting = Waiting::new(Knobs::devices());
    let form = TokenForm::Refuse("slow_down".into());
    waiting.person.world().knobs.token_form = Damage::times(form, 2);
    assert_eq!(waiting.poll(), "slow_down");
    assert_eq!(waiting.wait(10).poll(), "slow_down");
    assert_eq!(waiting.wait(15).poll(), "authorization_pending");
    assert_eq!(waiting.person.world().violations, NONE);
    assert_eq!(waiting.wait(14).poll(), "slow_down");
    assert_eq!(waiting.blamed(), 1);
}

#[test]
fn who_gets_no_answer_polls_less_often() {
    for (seconds, faults) in [(5, 1), (6, 0)] {
        let mut waiting = Waiting::new(Knobs::devices());
        waiting.person.world().knobs.token_damage = Damage::times(Fault::Status(503), 1);
        assert_eq!(waiting.poll(), "no answer");
        waiting.wait(seconds).poll();
        assert_eq!(waiting.blamed(), faults, "{:?}", waiting.person.world().violations);
    }
}

#[test]
fn a_code_ends() {
    let mut waiting = Waiting::new(Knobs::devices());
    assert_eq!(waiting.wait(299).poll(), "authorization_pending");
    assert!(!waiting.wait(1).person.world().approve_device("WDJB-0001"));
    assert_eq!(waiting.wait(4).poll(), "expired_token");
    assert_eq!(waiting.person.world().violations, NONE);
    assert_eq!(waiting.wait(5).poll(), "invalid_grant");
    assert_eq!(waiting.blamed(), 1);
}

#[test]
fn nobody_polls_after_the_end() {
    for user in [DeviceUser::ApprovesAfter(0), DeviceUser::DeniesAfter(0)] {
        let mut waiting = Waiting::new(Knobs { device_user: user, ..Knobs::devices() });
        waiting.poll();
        assert_eq!(waiting.wait(5).poll(), "invalid_grant");
        assert_eq!(waiting.blamed(), 1, "{user:?}");
    }
    let mut waiting = Waiting::new(Knobs::devices());
    let form = TokenForm::Refuse("access_denied".into());
    waiting.person.world().knobs.token_form = Damage::times(form, 1);
    assert_eq!(waiting.poll(), "access_denied");
    assert_eq!(waiting.wait(5).poll(), "invalid_grant");
    assert_eq!(waiting.blamed(), 1);
}

#[test]
fn every_fault_of_a_request_is_refused_and_recorded() {
    for (name, value, error) in [
        ("client_id", "", "invalid_client"),
        ("client_id", "client-9", "invalid_client"),
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com", "invalid_target"),
        ("scope", "offline_access", "invalid_scope"),
        ("scope", "as:decoy", "invalid_scope"),
    ] {
        let mut person = person();
        let answer = person.ask_for_a_code(&[(name, value)]);
        assert_eq!(error_of(&answer), error, "{name}={value}");
        assert_eq!(person.blamed(), 1, "{name}={value}: {:?}", person.world().violations);
    }
}

#[test]
fn every_fault_of_a_poll_is_refused_and_recorded() {
    for (name, value, error) in [
        ("device_code", "", "invalid_grant"),
        ("device_code", "dc-9-auth", "invalid_grant"),
        ("client_id", PRE_CLIENT_ID, "invalid_client"),
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com", "invalid_target"),
    ] {
        let mut waiting = Waiting::new(Knobs::devices());
        assert_eq!(waiting.poll_with(&[(name, value)]), error, "{name}={value}");
        assert_eq!(waiting.blamed(), 1, "{name}={value}");
    }
}

#[test]
fn a_code_is_its_clients() {
    let mut waiting = Waiting::new(Knobs { pre_method: AuthMethod::None, ..Knobs::devices() });
    assert_eq!(waiting.poll_with(&[("client_id", PRE_CLIENT_ID)]), "invalid_grant");
    assert_eq!(waiting.blamed(), 1);
}

#[test]
fn a_client_registers_for_it() {
    let grants = json!({ "grant_types": ["authorization_code", "refresh_token"] });
    let mut person = Person::registered(Knobs::devices(), &grants);
    assert_eq!(error_of(&person.ask_for_a_code(&[])), "unauthorized_client");
    assert_eq!(person.blamed(), 1);
    // And where it is not offered, it does not.
    let grants = ["authorization_code", "refresh_token", Grant::Device.as_str()];
    let mut person = Person::registered(Knobs::default(), &json!({ "grant_types": grants }));
    assert_eq!(person.blamed(), 1);
    assert_eq!(person.ask_for_a_code(&[]).status(), 404);
}

#[test]
fn a_machine_has_no_other_device() {
    let knobs = Knobs { device: true, ..Knobs::machines(&[Grant::ClientCredentials]) };
    let mut person = Person::known(Machine::new(knobs), PRE_CLIENT_ID);
    assert_eq!(person.ask_for_a_code(&[]).status(), 400);
    assert_eq!(person.blamed(), 1);
}

#[test]
fn a_device_code_is_a_secret() {
    let mut waiting = Waiting::new(Knobs::devices());
    let code = waiting.device_code.clone();
    for (n, url) in ["https://auth.example.com/device?user_code=", "https://elsewhere.example.com/"]
        .into_iter()
        .enumerate()
    {
        waiting.person.machine.get(&format!("{url}{code}"));
        assert_eq!(waiting.blamed(), n + 1);
    }
}

#[test]
fn tokens_are_as_for_any_login() {
    let device_user = DeviceUser::ApprovesAfter(0);
    for (consent, refresh_tokens, scope, refresh) in [
        (Consent::Grant, RefreshTokens::Always, "mcp:basic", true),
        (Consent::GrantLess("mcp:less".into()), RefreshTokens::Never, "mcp:less", false),
    ] {
        let knobs = Knobs { device_user, consent, refresh_tokens, ..Knobs::devices() };
        let mut waiting = Waiting::new(knobs);
        let device_code = waiting.device_code.clone();
        let pairs = [("grant_type", Grant::Device.as_str()), ("device_code", &*device_code)];
        let answer = json_of(&waiting.person.token(&pairs, None));
        assert_eq!(answer["scope"], scope);
        assert_eq!(answer["refresh_token"].is_string(), refresh);
        if let Some(token) = answer["refresh_token"].as_str() {
            assert_eq!(waiting.person.refresh(token, None).status(), 200);
        }
        assert_eq!(waiting.person.world().violations, NONE);
    }
}

#[test]
fn a_poll_needs_a_proof_where_tokens_are_bound() {
    let knobs = Knobs { grant_types: Knobs::devices().grant_types, device: true, ..Knobs::bound() };
    let mut waiting = Waiting::new(knobs);
    assert_eq!(waiting.poll(), "invalid_dpop_proof");
    assert_eq!(waiting.blamed(), 1);
    waiting.wait(5).person.world().approve_device("WDJB-0001");
    let (proof, code) = (waiting.person.proof(), waiting.device_code.clone());
    let pairs = [("grant_type", Grant::Device.as_str()), ("device_code", &*code)];
    let answer = waiting.person.token(&pairs, Some(&proof));
    assert_eq!(json_of(&answer)["token_type"], "DPoP");
    assert_eq!(waiting.blamed(), 1);
}

#[test]
fn the_endpoint_answers_as_the_knob_says() {
    for (form, name, value) in [
        (DeviceForm::NoComplete, "verification_uri_complete", json!(null)),
        (DeviceForm::NoDeviceCode, "device_code", json!(null)),
        (DeviceForm::NoUserCode, "user_code", json!(null)),
        (DeviceForm::NoVerificationUri, "verification_uri", json!(null)),
        (DeviceForm::NoExpiresIn, "expires_in", json!(null)),
        (DeviceForm::IntervalText, "interval", json!("2")),
        (DeviceForm::HttpPage, "verification_uri", json!("http://auth.example.com/device")),
        (DeviceForm::ScriptPage, "verification_uri", json!("javascript:alert(1)")),
        (DeviceForm::ScriptComplete, "verification_uri_complete", json!("javascript:alert(1)")),
        (DeviceForm::ControlCharacters, "user_code", json!("\u{1b}[2JWDJB\r\n-0001")),
        (DeviceForm::Refuse("invalid_scope".into()), "error", json!("invalid_scope")),
    ] {
        let mut person = person();
        person.world().knobs.device_interval = Some(2);
        person.world().knobs.device_form = Damage::always(form.clone());
        assert_eq!(json_of(&person.ask_for_a_code(&[]))[name], value, "{form:?}");
    }
    let mut person = person();
    person.world().knobs.device_damage = Damage::times(Fault::Status(500), 1);
    assert_eq!(person.ask_for_a_code(&[]).status(), 500);
    assert_eq!(person.world().violations, NONE);
}
