//! A document that is read is written and read back the same; a login goes on with it only if it speaks
//! for the issuer that was asked, byte for byte but for the slash that is its whole path, and supports
//! S256; the user and all credentials go to the endpoints that it names; no error shows a password of an
//! endpoint's URL.
//!
//! The input is the document, or members for a good one behind a `+`; the first line is the settings'
//! letters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::flow::Step;
use oauth_core::{Endpoint, ServerOAuthMetadata};
use oauth_fuzz::{
    ISSUER, NOW, Rules, SERVER, Script, assert_secretive, assert_survives, first_login, members,
    settings, spells_secret, with_passwords,
};

/// The issuer that was asked, also with the slash that is its whole path, unless the policy is strict.
fn is_asked(rules: &Rules, letters: &str) -> bool {
    let issuer = rules.issuer();
    let is_lenient = !letters.contains('x');
    issuer == ISSUER || is_lenient && issuer.strip_suffix('/') == Some(ISSUER)
}

fuzz_target!(|text: &str| {
    let (letters, line) = text.split_once('\n').unwrap_or(("", text));
    let letters: String = letters.chars().filter(|letter| "amopx".contains(*letter)).collect();
    if spells_secret(text) {
        return;
    }
    let line = with_passwords(line);
    let mut is_supported = letters.contains('a');
    let mut flow = first_login(settings(&letters), "").expect("nothing is wrong yet");
    let (mut script, mut rules) = (Script::new("".lines()), Rules::new(SERVER, &letters));
    for line in ["", &line] {
        let Ok(Step::Http { request, reply }) = flow.step() else { panic!("it asks") };
        rules.request(&request);
        let response = script
            .answer(line, &request, SERVER)
            .unwrap_or_else(|| oauth_core::Response::new(404, Vec::new()));
        if request.endpoint() == Endpoint::ServerMetadata {
            let methods = members(response.body())["code_challenge_methods_supported"].take();
            is_supported = match methods.as_array() {
                Some(methods) => methods.iter().any(|it| it == "S256"),
                None => is_supported,
            };
            ServerOAuthMetadata::parse(response.body()).iter().for_each(assert_survives);
        }
        rules.answered(&request, Some(&response));
        reply.response(&response, NOW);
    }
    match flow.step() {
        Ok(Step::Http { request, .. }) => {
            rules.request(&request);
            let goes_on = request.endpoint() == Endpoint::Registration;
            assert!(!goes_on || is_supported && is_asked(&rules, &letters));
        }
        Ok(Step::Browser { url, .. }) => {
            rules.browser(&url);
            assert!(is_supported && is_asked(&rules, &letters));
        }
        Ok(step) => panic!("{step:?}"),
        Err(error) => assert_secretive(&error),
    }
});
