//! Pushed authorization requests (RFC 9126): what a login asks goes to the authorization server first, and the browser
//! shows no more than a reference to it, which is good for one visit.

mod clients;
mod refused;
mod required;
mod visits;

use oauth_core::Secret;
use oauth_core::flow::{Par as Wish, Settings};
use oauth_tests::drive::{Stage, settings};
use oauth_tests::world::{Grant, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Par, Registration, What};

/// Servers that take no other requests.
fn required() -> Knobs {
    Knobs { par: Par::Required, ..Knobs::default() }
}

/// Servers that take others as well.
fn offered() -> Knobs {
    Knobs { par: Par::Offered, ..Knobs::default() }
}

/// A client with a secret, which its server has registered by hand.
fn with_secret() -> Settings {
    let secret = Some(Secret::from(PRE_CLIENT_SECRET));
    settings().client_id(PRE_CLIENT_ID, secret).expect("a client").client_issuer(ISSUER)
}

/// The server for it.
fn of_secrets() -> Knobs {
    Knobs { registration: Registration::None, ..required() }
}

/// How often something was pushed, a page was visited, and a code was redeemed.
fn asked(stage: &Stage) -> [usize; 3] {
    [stage.world.count(What::Push), stage.logins(), stage.world.count(What::Token(Grant::Code))]
}

/// The names of all that a page's URL says.
fn said_to_pages(stage: &Stage) -> Vec<Vec<&str>> {
    let visits = stage.world.requests(What::Authorize).into_iter();
    visits.map(|it| it.parameters.iter().map(|(name, _)| name.as_str()).collect()).collect()
}

const LIST: &str = "tools/list";

/// The authorization server, which stands on another host than the MCP server.
const ISSUER: &str = "https://auth.example.com";

/// All that the URL of a pushed request says.
const REFERENCE: [&str; 2] = ["client_id", "request_uri"];
