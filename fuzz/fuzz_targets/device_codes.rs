//! What is made of codes for another device: the page shows them, with a place where users may be sent, until they
//! expire and for an hour at most; a poll means what its answer says; and no error shows a code, or a password of a URL.
//!
//! The input is two lines of a script: the answer to the request for codes, and that to the first poll.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::Endpoint;
use oauth_core::flow::{Flow, Step};
use oauth_fuzz::{
    DeviceRules, NOW, SERVER, Script, answer, assert_secretive, at_codes, has_secret,
    spells_secret, stored, with_passwords,
};

fn step<'a>(flow: &'a mut Flow, wanted: &str) -> Option<Step<'a>> {
    let shown = format!("{flow:?} {}", flow.timeline());
    assert!(!has_secret(&shown), "{wanted}: {shown}");
    match flow.step() {
        Ok(step) => Some(step),
        Err(error) => {
            assert_secretive(&error);
            None
        }
    }
}

fuzz_target!(|text: &str| {
    if spells_secret(text) {
        return;
    }
    let mut lines = text.lines();
    let (codes, poll) = (with_passwords(lines.next().unwrap_or("")), lines.next().unwrap_or(""));
    let mut flow = at_codes("");
    let (mut script, mut rules) = (Script::new("".lines()), DeviceRules::default());
    let Some(Step::Http { request, reply }) = step(&mut flow, "codes") else { panic!("it asks") };
    assert_eq!(request.endpoint(), Endpoint::DeviceAuthorization);
    let Some(response) = script.answer(&codes, &request, SERVER) else { return };
    reply.response(&response, NOW);
    rules.codes(Some(&response), NOW);
    let (page, reply) = match step(&mut flow, "a page") {
        Some(Step::Device { page, reply }) => (page, reply),
        // The client is asked for in another way.
        Some(Step::Http { request, .. }) => {
            return assert_eq!(request.endpoint(), Endpoint::DeviceAuthorization);
        }
        Some(step) => panic!("{step:?}"),
        None => return,
    };
    rules.page(&page);
    reply.shown(NOW);
    rules.shown(NOW);
    let Some(Step::Wait { until, reply }) = step(&mut flow, "a wait") else { panic!("it waits") };
    rules.wait(until);
    reply.waited(until);
    if rules.is_over(until) {
        return assert!(flow.step().is_err(), "the codes are of no use");
    }
    let Some(Step::Http { request, reply }) = step(&mut flow, "a poll") else { panic!("it asks") };
    let form: Vec<_> = url::form_urlencoded::parse(request.body()).collect();
    let sent = form.iter().filter(|(name, _)| name == "device_code");
    assert!(sent.map(|(_, code)| &**code).eq([answer(&response)["device_code"].as_str().unwrap()]));
    let response = script.answer(poll, &request, SERVER);
    match &response {
        Some(response) => reply.response(response, until),
        None => reply.unreachable(),
    }
    rules.polled(response.as_ref(), until);
    match step(&mut flow, "an end") {
        Some(Step::Wait { until, .. }) => rules.wait(until),
        Some(Step::Done(grant)) => {
            let response = response.expect("it brought tokens");
            let said = answer(&response);
            let token = grant.tokens.access_token.token();
            assert!(said["access_token"] == token || !said["authed_user"].is_null());
            rules.goes_on();
        }
        Some(step) => panic!("{step:?}"),
        None => rules.goes_on(),
    }
    let _ = stored(&flow);
});
