//! What many logins and sessions hold in memory, each after a discovery and with texts of its own.

use oauth_core::session::Record;

use crate::documents::{self, JWT, REFERENCE};
use crate::measure::{Cost, held};
use crate::prepared::{Answers, idle, settings, start};

/// Logins whose users have not come back yet.
pub(super) fn waiting_flows() -> Cost {
    let answers = Answers::with_access_token_of(REFERENCE);
    let settings = settings();
    held(COUNT, |count| {
        let mut all = Vec::with_capacity(count);
        all.extend((0..count).map(|_| {
            let mut flow = answers.drive_to_consent(start(&settings));
            // Nobody needs it any more if the login goes well.
            drop(flow.take_timeline());
            flow
        }));
        all
    })
}

/// The same, and what a session has around it.
pub(super) fn waiting_sessions() -> Cost {
    let answers = Answers::with_access_token_of(REFERENCE);
    let settings = settings();
    held(COUNT, |count| {
        let mut all = Vec::with_capacity(count);
        all.extend((0..count).map(|_| {
            let mut session = answers.waiting(settings.clone());
            drop(session.take_timeline());
            session
        }));
        all
    })
}

/// Sessions with a record from the store, and nothing to do.
pub(crate) fn idle_sessions(count: usize) -> Cost {
    let stored = Answers::with_access_token_of(JWT).record(settings()).to_json();
    let settings = settings();
    held(count, |count| {
        let mut all = Vec::with_capacity(count);
        all.extend((0..count).map(|_| {
            let record = Record::from_json(stored.as_bytes()).expect("the record is one");
            idle(&settings, record)
        }));
        all
    })
}

/// Sessions that were given a token answer with lists in lists, of which nobody knows what they are for.
pub(super) fn sessions_with_lists() -> Cost {
    let tokens = documents::tokens_with(REFERENCE, "x_lists", &documents::nested_lists(LISTS));
    let answers = Answers::with_documents(documents::server(), tokens);
    let settings = settings();
    held(FEW, |count| {
        let mut all = Vec::with_capacity(count);
        all.extend((0..count).map(|_| {
            let mut session = answers.logged_in(settings.clone());
            drop(session.take_timeline());
            session
        }));
        all
    })
}

/// Both random values, and what the tokens will be bound to.
pub(super) fn texts_of_a_waiting_login() -> usize {
    2 * 32 + BOUND_TO.iter().map(|text| text.len()).sum::<usize>()
}

/// The tokens, the granted scopes, and what they are bound to.
pub(super) fn texts_with_an_access_token_of(bytes: usize) -> usize {
    let bound_to: usize = BOUND_TO.iter().map(|text| text.len()).sum();
    bound_to + "Bearer ".len() + bytes + REFRESH_TOKEN.len() + SCOPES.len()
}

pub(super) const COUNT: usize = 10_000;

const FEW: usize = 10;

/// How many bytes of lists arrive.
pub(super) const LISTS: usize = 64 * 1024;

const BOUND_TO: [&str; 9] = [
    documents::ISSUER,
    "https://auth.example.com/oauth2/v1/authorize",
    "https://auth.example.com/oauth2/v1/token",
    "https://auth.example.com/oauth2/v1/register",
    "https://auth.example.com/oauth2/v1/revoke",
    documents::CLIENT_ID,
    documents::REDIRECT_URI,
    documents::SERVER,
    SCOPES,
];

const REFRESH_TOKEN: &str = "v1.MjQ0NzM5ZDItNDg0Yi00ZjQ1LWE3NzMtNmM1MDg0YjM4NTFj";

const SCOPES: &str = "mcp:tools mcp:resources offline_access";
