//! An answer that is read is written and read back the same; a login that goes on with it names its
//! client id and our redirect URI, and sends the secret to the token endpoint only, in one place; no
//! error shows the secret.
//!
//! The input is one line of a script.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::flow::Step;
use oauth_core::{ClientRegistrationResponse, Endpoint};
use oauth_fuzz::{
    CALLBACK, ISSUER, NOW, Rules, SERVER, Script, assert_secretive, assert_survives,
    at_registration, members, redirect, spells_secret,
};
use url::Url;

fuzz_target!(|line: &str| {
    if spells_secret(line) {
        return;
    }
    let mut flow = at_registration("");
    let (mut script, mut rules) = (Script::new("".lines()), Rules::new(SERVER, "k"));
    let Ok(Step::Http { request, reply }) = flow.step() else { panic!("it asks") };
    rules.request(&request);
    let Some(response) = script.answer(line, &request, SERVER) else { return };
    ClientRegistrationResponse::parse(response.body()).iter().for_each(assert_survives);
    reply.response(&response, NOW);
    let answer = members(response.body());
    let client_id = answer["client_id"].as_str();
    match flow.step() {
        Ok(Step::Browser { url, reply }) => {
            let uris = answer["redirect_uris"].as_array().map_or(&[][..], Vec::as_slice);
            assert!(uris.is_empty() || uris.iter().any(|uri| uri == CALLBACK));
            rules.browser(&url);
            let parsed = Url::parse(url.as_str()).expect("it is a URL");
            for (name, value) in parsed.query_pairs() {
                assert!(name != "redirect_uri" || value == CALLBACK);
                assert!(name != "client_id" || Some(&*value) == client_id);
            }
            assert_eq!(reply.redirect(&redirect("", url.state(), ISSUER)), Ok(()));
        }
        Ok(step) => panic!("{step:?}"),
        Err(error) => return assert_secretive(&error),
    }
    let Ok(Step::Http { request, .. }) = flow.step() else { panic!("the code is redeemed") };
    assert_eq!(request.endpoint(), Endpoint::Token);
    rules.request(&request);
    let form = url::form_urlencoded::parse(request.body());
    let in_body = form.into_iter().filter(|(name, _)| name == "client_secret").count();
    let in_header = request.headers().filter(|(name, _)| *name == "authorization").count();
    assert!(in_body + in_header <= 1, "the secret is sent once");
});
