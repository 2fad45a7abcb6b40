//! Tokens that are taken can be sent in a header field, are those of the answer and of the type bearer,
//! expire when it says and survive being stored; an answer that is not taken shows none of them in its error.
//!
//! The input is one line of a script.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::flow::Step;
use oauth_core::{Endpoint, Tolerance};
use oauth_fuzz::{
    ISSUER, NOW, SERVER, Script, answer, assert_secretive, assert_survives, at_consent, has_secret,
    nested, redirect, spells_secret,
};

fuzz_target!(|line: &str| {
    if spells_secret(line) {
        return;
    }
    let mut flow = at_consent("");
    let Ok(Step::Browser { url, reply }) = flow.step() else { panic!("it waits for its user") };
    assert_eq!(reply.redirect(&redirect("", url.state(), ISSUER)), Ok(()));
    let Ok(Step::Http { request, reply }) = flow.step() else { panic!("the code is redeemed") };
    assert_eq!(request.endpoint(), Endpoint::Token);
    let Some(response) = Script::new("".lines()).answer(line, &request, SERVER) else { return };
    reply.response(&response, NOW);
    assert!(!has_secret(&format!("{flow:?} {response:?}")));
    match flow.step() {
        Ok(Step::Done(grant)) => {
            assert_survives(grant);
            assert!((200..300).contains(&response.status()));
            let tokens = &grant.tokens;
            let answer = match tokens.tolerated.contains(Tolerance::NestedToken) {
                true => nested(response.body(), "authed_user"),
                false => answer(&response),
            };
            let token = tokens.access_token.token();
            assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
            assert_eq!(tokens.access_token.header_value(), format!("Bearer {token}"));
            assert_eq!(answer["access_token"], token);
            let token_type = answer["token_type"].as_str().unwrap_or_default().to_lowercase();
            match token_type.trim_ascii() {
                "bearer" => {}
                "" => assert!(tokens.tolerated.contains(Tolerance::UntypedToken)),
                _ => assert!(tokens.tolerated.contains(Tolerance::MisnamedBearer)),
            }
            let refresh = tokens.refresh_token.as_ref().map(|it| it.expose());
            assert_eq!(answer["refresh_token"].as_str().filter(|it| !it.is_empty()), refresh);
            let seconds = tokens.expires_at.map(|at| at.since(NOW).as_secs());
            if let Some(expected) = answer["expires_in"].as_u64() {
                assert_eq!(seconds, Some(within(expected)));
            }
        }
        Ok(step) => panic!("{step:?}"),
        Err(error) => assert_secretive(&error),
    }
});

/// Time ends somewhere.
fn within(seconds: u64) -> u64 {
    seconds.min(u64::MAX - NOW.as_secs())
}
