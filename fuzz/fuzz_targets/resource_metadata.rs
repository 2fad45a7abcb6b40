//! A document that is read is written and read back the same; a login goes on with it only if its
//! resource is the MCP server or a part of it, and only to the well-known places of an authorization
//! server that it names; no error shows a password of the challenge's URL.
//!
//! The first line is the challenge's URL, or empty; the rest is the document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oauth_core::error::PeerMisbehaved;
use oauth_core::flow::Step;
use oauth_core::{Endpoint, Error, ProtectedResourceMetadata, Response};
use oauth_fuzz::{
    NOW, SERVER, assert_secretive, assert_survives, challenge_with, first_login, members, settings,
    spells_secret, with_password,
};
use url::Url;

/// A part of the server's URL that ends on a segment boundary.
fn covers(resource: &str) -> bool {
    let (Ok(resource), Ok(server)) = (Url::parse(resource), Url::parse(SERVER)) else {
        return false;
    };
    let path = resource.path().trim_end_matches('/');
    let rest = server.path().strip_prefix(path);
    resource.origin() == server.origin()
        && rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

fuzz_target!(|text: &str| {
    let (url, body) = text.split_once('\n').unwrap_or(("", text));
    if spells_secret(text) {
        return;
    }
    if let Some(url) = with_password(url) {
        // Such a URL leads nowhere: an error, or a note and the next place.
        return match first_login(settings(""), &challenge_with(&url)) {
            Ok(flow) => assert_secretive(flow.timeline()),
            Err(error) => assert_secretive(&error),
        };
    }
    let Ok(mut flow) = first_login(settings(""), &challenge_with(url)) else { return };
    let parsed = ProtectedResourceMetadata::parse(body.as_bytes());
    parsed.iter().for_each(assert_survives);
    let Ok(Step::Http { request, reply }) = flow.step() else { panic!("it asks") };
    assert!(request.url().as_str().starts_with("https://") && request.body().is_empty());
    reply.response(&Response::new(200, body.into()), NOW);
    match flow.step() {
        Ok(Step::Http { request, .. }) if request.endpoint() == Endpoint::ServerMetadata => {
            let document = members(body.as_bytes());
            assert!(covers(document["resource"].as_str().expect("it was read")), "{body}");
            let servers = document["authorization_servers"].as_array().expect("it was read");
            let issuers = servers.iter().filter_map(|it| Url::parse(it.as_str()?).ok());
            let origins: Vec<_> = issuers.map(|it| it.origin().ascii_serialization()).collect();
            assert!(origins.iter().any(|it| it == request.url().origin()), "{body}");
        }
        Ok(Step::Http { request, .. }) => {
            assert_eq!(request.endpoint(), Endpoint::ResourceMetadata)
        }
        Ok(step) => panic!("{step:?}"),
        Err(Error::PeerMisbehaved(PeerMisbehaved::ForeignResource { .. })) => {}
        Err(error) => assert_survives(&error),
    }
});
