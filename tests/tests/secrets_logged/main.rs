//! Everything is logged at the most verbose level, by both adapters and all that is beneath them, while
//! logins, refreshes and logouts succeed and fail in every way; then all of that, and all that was printed,
//! is searched for every secret that went over the wire.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod clients;
#[cfg(all(unix, not(target_vendor = "apple")))]
mod default_browser;
mod person;
mod sdk;
mod search;

use clients::{Client, OnTokio, Setup};
use oauth_blocking::MemoryTokenStorage;
use oauth_tests::logs::{self, Line};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    AuthMethod, BadToken, CodeParameter, Consent, Damage, Fault, IssParameter, Knobs, MetadataForm,
    Nonces, Party, PkceSupport, PrmResource, Registration, RegistrationForm, ScopePolicy,
    StateParameter, TokenForm,
};
use person::Person;
use search::Search;

/// What is exempt: heads that `ureq_proto` sends and answers that it receives, at `trace`. It cannot be
/// kept from that; the documentation says so.
fn is_exempt(line: &Line) -> bool {
    line.is_row()
}

#[test]
fn nothing_that_is_logged_or_printed_shows_a_secret() {
    logs::listen();
    let mut search = Search::default();
    play::<oauth_blocking::OAuth>(&mut search);
    let rows = logs::rows().concat();
    play::<OnTokio>(&mut search);
    sdk::a_session(&mut search, Knobs { scopes: ScopePolicy::Open, ..knobs(AuthMethod::Post) });
    sdk::a_session(&mut search, Knobs { scopes: ScopePolicy::Open, ..Knobs::bound() });
    search.assert_clean(is_exempt);

    // Both adapters and what is beneath them were listened to, and the search finds what is there.
    for target in
        ["oauth", "ureq::run", "ureq_proto::util", "reqwest::connect", "hyper_util", "rmcp"]
    {
        assert!(logs::lines().iter().any(|line| line.target.starts_with(target)), "{target}");
    }
    assert!(!search.found_in(&rows).is_empty(), "the exemption is not needed any more");
}

fn play<C: Client>(search: &mut Search) {
    let plain = Setup { person: Person::Consents, is_known: false };
    for method in [AuthMethod::None, AuthMethod::Basic, AuthMethod::Post] {
        for is_known in [false, true] {
            let person = Person::HasOtherTabs;
            a_life::<C>(search, method, Setup { person, is_known });
        }
    }
    for knobs in failures() {
        fails_at_first::<C>(search, knobs.clone(), plain);
        fails_later::<C>(search, knobs, plain);
    }
    bound_tokens::<C>(search, plain);
    a_login_that_is_handed_out::<C>(search);
    servers_that_are_gone::<C>(search, plain);
}

/// A world in which every kind of secret comes up.
fn knobs(method: AuthMethod) -> Knobs {
    Knobs {
        token_auth_methods: Some(vec![method]),
        pre_method: method,
        awkward_secret: true,
        authorize_query: true,
        scopes: ScopePolicy::StepUp,
        prm_scopes: Some(vec!["mcp:basic".into()]),
        ..Knobs::default()
    }
}

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

fn a_life<C: Client>(search: &mut Search, method: AuthMethod, setup: Setup) {
    let served = Served::start(knobs(method)).unwrap();
    let url = served.server_url();
    let store = MemoryTokenStorage::new();
    let client = C::new(&served, &store, setup);
    search.print(client.diagnose());
    for method in [LIST, CALL] {
        search.print(client.call(&url, method));
    }
    search.print(client.refresh());
    for bad_token in [BadToken::Challenged, BadToken::Unexplained, BadToken::Forbidden] {
        served.world().knobs.bad_token = bad_token;
        served.advance(3600);
        search.print(client.call(&url, LIST));
    }
    // Another client with the same store, and one of the server's own pages.
    search.print(C::new(&served, &store, setup).call(&url, CALL));
    search.print(client.call(&format!("{url}?own=1"), LIST));
    search.print(client.call("https://elsewhere.example/mcp", LIST));
    served.world().end_grants();
    search.print(client.call(&url, LIST));
    search.print(client.log_out());
    search.print(format!("{store:?} {store:#?}"));
    search.plant(&served);
}

/// Proofs that are good, that lack a nonce, and that are refused again and again (RFC 9449).
fn bound_tokens<C: Client>(search: &mut Search, setup: Setup) {
    let needed = Nonces::Needed { seconds: 1000 };
    for (server, resource) in
        [(needed, needed), (Nonces::NeverGood, needed), (needed, Nonces::NeverGood)]
    {
        let served = Served::start(Knobs {
            server_nonces: needed,
            resource_nonces: needed,
            ..Knobs::bound()
        })
        .unwrap();
        let client = C::new(&served, &MemoryTokenStorage::new(), setup);
        search.print(client.call(&served.server_url(), LIST));
        search.plant_own(&client.stored_key().unwrap());
        served.world().knobs.server_nonces = server;
        served.world().knobs.resource_nonces = resource;
        search.print(client.call(&served.server_url(), CALL));
        search.print(client.refresh());
        search.print(client.diagnose());
        search.print(client.log_out());
        search.plant(&served);
    }
}

/// Ways to go wrong.
fn failures() -> Vec<Knobs> {
    let base = || knobs(AuthMethod::Post);
    let mut all = vec![
        Knobs { consent: Consent::Deny, ..base() },
        Knobs { consent: Consent::ServerError, ..base() },
        Knobs { state: StateParameter::Twice, ..base() },
        Knobs { iss: IssParameter::Wrong, ..base() },
        Knobs { iss: IssParameter::Twice, ..base() },
        Knobs { code: CodeParameter::Twice, ..base() },
        Knobs { code: CodeParameter::WithError, ..base() },
        Knobs { pkce: PkceSupport::Absent, ..base() },
        Knobs { prm_resource: PrmResource::Foreign, ..base() },
        Knobs { registration: Registration::None, ..base() },
        Knobs { scopes: ScopePolicy::AlwaysInsufficient, ..base() },
        Knobs { metadata_form: Damage::always(MetadataForm::IssuerForeign), ..base() },
        Knobs { registration_form: Damage::always(RegistrationForm::OtherRedirectUris), ..base() },
        Knobs { registration_form: Damage::always(RegistrationForm::OddMethod), ..base() },
    ];
    for form in [
        TokenForm::MacType,
        TokenForm::CrLf,
        TokenForm::Space,
        TokenForm::NoAccessToken,
        TokenForm::FormEncoded,
        TokenForm::ErrorWith200("invalid_grant".into()),
        TokenForm::Refuse("invalid_grant".into()),
        TokenForm::Refuse("invalid_client".into()),
        TokenForm::Refuse("temporarily_unavailable".into()),
    ] {
        all.push(Knobs { token_form: Damage::always(form), ..base() });
    }
    for fault in [
        Fault::Html,
        Fault::BrokenJson,
        Fault::Unavailable { retry_after: 1 },
        Fault::Redirect { status: 307, location: "https://elsewhere.example/?x=1".into() },
        Fault::Truncated,
        Fault::Huge,
        Fault::NotUtf8,
        Fault::Reset,
    ] {
        let damage = Damage::always(fault);
        all.push(Knobs { token_damage: damage.clone(), ..base() });
        all.push(Knobs { registration_damage: damage.clone(), ..base() });
        all.push(Knobs { revocation_damage: damage, ..base() });
    }
    all
}

fn fails_at_first<C: Client>(search: &mut Search, knobs: Knobs, setup: Setup) {
    let served = Served::start(knobs).unwrap();
    let client = C::new(&served, &MemoryTokenStorage::new(), setup);
    search.print(client.call(&served.server_url(), LIST));
    search.print(client.log_out());
    search.plant(&served);
}

/// With tokens there already: what fails is a refresh, a wider login, or a logout.
fn fails_later<C: Client>(search: &mut Search, broken: Knobs, setup: Setup) {
    let served = Served::start(knobs(AuthMethod::Basic)).unwrap();
    let url = served.server_url();
    let client = C::new(&served, &MemoryTokenStorage::new(), setup);
    search.print(client.call(&url, LIST));
    served.world().knobs = broken;
    search.print(client.refresh());
    search.print(client.call(&url, CALL));
    search.print(client.log_out());
    search.plant(&served);
}

fn a_login_that_is_handed_out<C: Client>(search: &mut Search) {
    let setup = Setup { person: Person::IsElsewhere, is_known: false };
    let becomes: [fn(String) -> String; 4] = [
        |query| query,
        |query| query.replace("state=", "state=x"),
        |query| query.replace("code=", "error=access_denied&other="),
        |query| format!("{query}&code=x"),
    ];
    for become_ in becomes {
        let served = Served::start(knobs(AuthMethod::Post)).unwrap();
        let client = C::new(&served, &MemoryTokenStorage::new(), setup);
        search.print(client.resume(&served, become_));
        search.plant(&served);
    }
}

fn servers_that_are_gone<C: Client>(search: &mut Search, setup: Setup) {
    let served = Served::start(knobs(AuthMethod::Post)).unwrap();
    let client = C::new(&served, &MemoryTokenStorage::new(), setup);
    search.print(client.call(&served.server_url(), LIST));
    served.unplug(Party::AuthServer);
    search.print(client.refresh());
    search.print(client.log_out());
    served.unplug(Party::McpServer);
    search.print(client.call(&served.server_url(), LIST));
    search.plant(&served);
}
