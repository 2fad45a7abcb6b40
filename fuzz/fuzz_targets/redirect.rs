//! Only a redirect with exactly our `state` counts, any other one changes nothing; an `iss` that is there
//! has to be the right one; the code that is redeemed is the redirect's, and goes to the token endpoint
//! only; no error shows it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::error::PeerMisbehaved;
use oauth_core::flow::Step;
use oauth_core::wire::redirect_state;
use oauth_fuzz::{ISSUER, assert_secretive, at_consent, awaited, redirect, spells_secret};

fuzz_target!(|line: &str| {
    if spells_secret(line) {
        return;
    }
    let mut flow = at_consent("");
    let before = awaited(&flow);
    let Ok(Step::Browser { url, reply }) = flow.step() else { panic!("it waits for its user") };
    let query = redirect(line, url.state(), ISSUER);
    let all = |wanted: &str| -> Vec<String> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into()).collect()
    };
    let is_ours = all("state") == [url.state()];
    assert_eq!(url.is_answered_by(&query), is_ours);
    assert_eq!(redirect_state(&query).is_some(), all("state").len() == 1);
    let said = reply.redirect(&query);
    assert_eq!(said.is_ok(), is_ours, "{query}");
    if !is_ours {
        assert_eq!(said, Err(PeerMisbehaved::StateMismatch.into()));
        return assert_eq!(awaited(&flow), before, "it goes on waiting");
    }
    match flow.step() {
        Ok(Step::Http { request, .. }) => {
            assert_eq!(all("iss"), [ISSUER], "the server promises it");
            assert!(all("error").concat().is_empty());
            assert_eq!(request.url().as_str(), "https://auth.example.com/token");
            let sent =
                url::form_urlencoded::parse(request.body()).filter(|(name, _)| name == "code");
            assert_eq!(sent.map(|(_, code)| code.into_owned()).collect::<Vec<_>>(), all("code"));
        }
        Ok(step) => panic!("{step:?}"),
        Err(error) => assert_secretive(&error),
    }
});
