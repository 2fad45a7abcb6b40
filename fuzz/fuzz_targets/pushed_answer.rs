//! What is made of the answer to a request that is pushed: the browser's URL says who asks and the reference, whole,
//! in letters that are no code for anybody; it is good for as long as the answer says; and no error shows it.
//!
//! The input is one line of a script.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::flow::Step;
use oauth_core::{Endpoint, Finding};

use oauth_fuzz::{
    NOW, Rules, SERVER, Script, assert_secretive, at_push, has_secret, members, restored, seconds,
    spells_secret, stored,
};

fuzz_target!(|line: &str| {
    if spells_secret(line) {
        return;
    }
    let mut flow = at_push("");
    let (mut script, mut rules) = (Script::new("".lines()), Rules::new(SERVER, "k"));
    let Ok(Step::Http { request, reply }) = flow.step() else { panic!("it asks") };
    assert_eq!(request.endpoint(), Endpoint::PushedAuthorization);
    rules.request(&request);
    let Some(response) = script.answer(line, &request, SERVER) else { return };
    rules.answered(&request, Some(&response));
    reply.response(&response, NOW);
    let shown = format!("{flow:?} {} {}", flow.timeline(), flow.timeline().diagram());
    assert!(!has_secret(&shown), "{shown}");
    let before = stored(&flow);
    flow = restored(&before);
    match flow.step() {
        Ok(Step::Browser { url, .. }) => {
            rules.browser(&url);
            assert!((200..300).contains(&response.status()));
        }
        // The client is asked for in another way.
        Ok(Step::Http { request, .. }) => return rules.request(&request),
        Ok(step) => panic!("{step:?}"),
        Err(error) => return assert_secretive(&error),
    }
    let Some(entry) = flow.timeline().entries().last() else { panic!("it is noted") };
    let Finding::Pushed { lifetime, .. } = entry.finding else { panic!("{entry:?}") };
    let said = seconds(&members(response.body())["expires_in"]).filter(|said| *said > 0);
    assert_eq!(lifetime, said.unwrap_or(60).min(u64::MAX - NOW.as_secs()));
});
