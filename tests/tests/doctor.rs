//! What a person is told about a server without logging in: a healthy one, and twelve that are not. From the
//! text alone it has to be clear what to do. `cargo test -p oauth-tests --test doctor -- --nocapture`
//! prints all of them.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use oauth_blocking::{BearerAuth, MemoryTokenStorage, OAuth, Policy, Tolerance};
use oauth_core::wire::RegistrationKind;
use oauth_tests::serve::Served;
use oauth_tests::world::{
    Challenge, Damage, Fault, IssuerPath, Knobs, MetadataForm, MetadataLocation, PkceSupport,
    PrmLocation, PrmResource, PrmServers, Registration, What,
};
use oauth_tokio::Blocking;
use tokio_common::common::{self, assert_sound, serve};

/// What both adapters say. Nothing may have been changed by asking.
fn told_about(knobs: Knobs, policy: Policy) -> String {
    let served = serve(knobs);
    let url = served.server_url();
    let store = MemoryTokenStorage::new();
    let oauth = OAuth::with_policy(&url, policy).unwrap();
    let text = oauth.token_storage(store.clone()).build().unwrap().diagnose().unwrap().to_string();
    let on_tasks = async {
        let oauth = oauth_tokio::OAuth::with_policy(&url, policy).unwrap();
        let oauth = oauth.token_storage(Blocking::new(store)).build().unwrap();
        oauth.diagnose().await.unwrap().to_string()
    };
    assert_eq!(tokio::runtime::Runtime::new().unwrap().block_on(on_tasks), text);
    for what in [What::Register, What::Authorize] {
        assert_eq!(served.world().count(what), 0, "{text}");
    }
    assert_sound(&served);
    println!("{text}\n{}\n", "-".repeat(80));
    text
}

/// A server that nobody can log in to: what went wrong, and what would help.
fn cannot_begin(knobs: Knobs, code: &str, words: &[&str]) {
    let text = told_about(knobs, Policy::default());
    assert!(text.contains("cannot begin") && text.contains(&format!("error[{code}]")), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
}

#[test]
fn a_healthy_server() {
    let text = told_about(Knobs::default(), Policy::default());
    for words in
        ["can begin", "registers itself", "mcp:basic (the server asks for them)", "401  MCP server"]
    {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
}

/// The first line of what both adapters say.
fn first_line(served: &Served, store: &MemoryTokenStorage, bearer: Option<&str>) -> String {
    let (mut threads, mut tasks) =
        (common::builder(served, store), tokio_common::builder(served, store));
    if let Some(token) = bearer {
        let token = BearerAuth::new(token).unwrap();
        (threads, tasks) = (threads.bearer(token.clone()), tasks.bearer(token));
    }
    let text = threads.build().unwrap().diagnose().unwrap().to_string();
    let tasks = tasks.build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(tasks.diagnose()).unwrap().to_string(), text);
    text.lines().next().unwrap().replace(&served.server_url(), "SERVER")
}

#[test]
fn what_the_user_will_experience_comes_first() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let login = format!(
        "The next call to SERVER sends the user to the login of {}.",
        served.world().issuer()
    );
    assert_eq!(first_line(&served, &store, None), login);
    let fixed = "Calls to SERVER carry the token that was set up: nobody is asked to log in.";
    assert_eq!(first_line(&served, &store, Some("fixed")), fixed);
    let oauth = common::logged_in(&served, &store);
    let logged_in = "The user is logged in to SERVER: nobody is asked to log in while the tokens can be refreshed.";
    assert_eq!(first_line(&served, &store, None), logged_in);
    oauth.logout().unwrap();
    assert_eq!(first_line(&served, &store, None), login);
    let knobs = Knobs { metadata_off: true, ..Knobs::default() };
    let nobody = "Calls to SERVER that need a token fail: nobody can log in.";
    assert_eq!(first_line(&serve(knobs), &store, None), nobody);
}

#[test]
fn a_server_that_needs_no_login_is_told_as_that() {
    for (prm_location, expected) in [
        (
            PrmLocation::Nowhere,
            "SERVER asks nobody to log in: it answers without a token (status 200).",
        ),
        (
            PrmLocation::Path,
            "SERVER answers without a login (status 200); a call that needs one sends the user to ",
        ),
    ] {
        let served = serve(Knobs { prm_location, ..Knobs::default() });
        served.rewrite(|request, answer| {
            if request.uri().path() == "/mcp" {
                *answer = http::Response::new(Vec::new());
            }
        });
        let line = first_line(&served, &MemoryTokenStorage::new(), None);
        assert!(line.starts_with(expected), "{line}");
    }
}

/// Whatever it waits for.
#[test]
fn a_server_that_never_answers_is_looked_at_for_as_long_as_is_set() {
    let origin = common::raw_server(|_, _| std::thread::sleep(common::PATIENCE * 2));
    let (limit, begun) = (std::time::Duration::from_secs(1), std::time::Instant::now());
    let oauth = OAuth::new(&format!("{origin}/mcp")).unwrap().discovery_limit(limit);
    let oauth = oauth.token_storage(MemoryTokenStorage::new()).build().unwrap();
    let text = oauth.diagnose().unwrap().to_string();
    assert!(
        text.contains("that need a token fail") && text.contains("error[unreachable]"),
        "{text}"
    );
    assert!(begun.elapsed() < common::PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn a_store_that_fails_is_what_the_user_will_experience() {
    let (served, store) = (serve(Knobs::default()), common::Brittle::default());
    store.no_load.store(true, std::sync::atomic::Ordering::SeqCst);
    let text = common::client(&served, &store).diagnose().unwrap().to_string();
    assert!(
        text.contains("fail, because the token store does: ") && text.contains("can begin"),
        "{text}"
    );
}

#[test]
fn what_a_login_would_do_can_be_asked_for() {
    let served = serve(Knobs::default());
    let oauth = OAuth::new(&served.server_url()).unwrap().client_id("editor");
    let oauth = oauth.token_storage(MemoryTokenStorage::new()).build().unwrap();
    let diagnosis = oauth.diagnose().unwrap();
    let login_plan = diagnosis.login_plan().unwrap();
    assert_eq!(login_plan.client, RegistrationKind::PreRegistered);
    assert_eq!(login_plan.resource, served.server_url());
    let statuses: Vec<_> = diagnosis.timeline().entries().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Some(401), Some(200), Some(200)]);
}

#[test]
fn no_resource_metadata() {
    let (challenge, prm_location) = (Challenge::Bare, PrmLocation::Nowhere);
    let knobs = Knobs { challenge, prm_location, ..Knobs::default() };
    cannot_begin(knobs, "no_resource_metadata", &["`provider`", "`Tolerance::Legacy20250326`"]);
}

#[test]
fn a_web_page_where_the_resource_metadata_should_be() {
    let knobs = Knobs { prm_damage: Damage::always(Fault::Html), ..Knobs::default() };
    cannot_begin(knobs, "no_resource_metadata", &["the body is HTML", "`provider`"]);
}

#[test]
fn metadata_of_another_resource() {
    let knobs = Knobs { prm_resource: PrmResource::Foreign, ..Knobs::default() };
    cannot_begin(knobs, "foreign_resource", &["check the server URL", "operator"]);
}

#[test]
fn no_authorization_server() {
    let knobs = Knobs { prm_servers: PrmServers::Empty, ..Knobs::default() };
    cannot_begin(knobs, "no_authorization_server", &["`provider`"]);
}

#[test]
fn no_server_metadata() {
    let (metadata_location, issuer_path) = (MetadataLocation::Nowhere, IssuerPath::Tenant);
    let knobs = Knobs { metadata_location, issuer_path, ..Knobs::default() };
    cannot_begin(knobs, "no_server_metadata", &["openid-configuration", "404", "`provider`"]);
}

#[test]
fn an_issuer_with_a_slash_too_many() {
    let metadata_form = Damage::always(MetadataForm::IssuerWithSlash);
    let root = Knobs { metadata_form: metadata_form.clone(), ..Knobs::default() };
    let text = told_about(root, Policy::default());
    assert!(text.contains("can begin") && text.contains("root_issuer_slash"), "{text}");
    let knobs = Knobs { metadata_form, issuer_path: IssuerPath::Tenant, ..Knobs::default() };
    cannot_begin(knobs.clone(), "issuer_mismatch", &["`Tolerance::IssuerSlash`"]);
    let policy = Policy::default().tolerate(Tolerance::IssuerSlash);
    let text = told_about(knobs, policy);
    assert!(text.contains("can begin") && text.contains("issuer_slash"), "{text}");
}

#[test]
fn the_metadata_of_another_issuer() {
    let metadata_form = Damage::always(MetadataForm::IssuerForeign);
    let knobs = Knobs { metadata_form, ..Knobs::default() };
    cannot_begin(knobs, "issuer_mismatch", &["do not log in", "operator"]);
}

#[test]
fn a_server_that_does_not_say_s256() {
    let knobs = Knobs { pkce: PkceSupport::Absent, ..Knobs::default() };
    cannot_begin(knobs, "no_s256", &["`Tolerance::UnlistedS256`"]);
}

#[test]
fn no_way_to_register() {
    let knobs = Knobs { registration: Registration::None, ..Knobs::default() };
    cannot_begin(knobs, "no_way_to_register", &["`client_id`", "`client_metadata_url`"]);
}

#[test]
fn an_endpoint_that_is_no_web_page() {
    let metadata_form = Damage::always(MetadataForm::ScriptAuthorizationEndpoint);
    let knobs = Knobs { metadata_form, ..Knobs::default() };
    cannot_begin(knobs, "unsafe_url", &["authorization endpoint", "https"]);
}

#[test]
fn a_server_in_trouble() {
    let metadata_damage = Damage::always(Fault::Unavailable { retry_after: 7 });
    let knobs = Knobs { metadata_damage, ..Knobs::default() };
    cannot_begin(knobs, "unreachable", &["503", "wait 7 s", "try again later"]);
}

#[test]
fn sender_constrained_tokens() {
    let knobs = Knobs { prm_dpop_required: true, ..Knobs::default() };
    cannot_begin(knobs, "dpop_not_offered", &["takes only DPoP-bound tokens", "they disagree"]);
}

/// Within its origin, and only a few times.
#[test]
fn metadata_that_has_moved_is_found() {
    let away = |location: &str| Fault::Redirect { status: 308, location: location.into() };
    let here = "/.well-known/oauth-protected-resource/mcp";
    for (times, status) in [(1, "can begin"), (3, "can begin"), (4, "cannot begin")] {
        let prm_damage = Damage::times(away(here), times);
        let text = told_about_once(Knobs { prm_damage, ..Knobs::default() });
        assert!(text.contains(status), "{text}");
        assert!(text.contains("moved to") && text.contains(here), "{text}");
    }
    let prm_damage = Damage::times(away("http://127.0.0.2:1/elsewhere"), 1);
    let text = told_about_once(Knobs { prm_damage, ..Knobs::default() });
    assert!(text.contains("cannot begin") && text.contains("a redirect"), "{text}");
}

/// By one adapter: what is damaged a few times only is whole for the second.
fn told_about_once(knobs: Knobs) -> String {
    let served = serve(knobs);
    let oauth = OAuth::new(&served.server_url()).unwrap();
    let oauth = oauth.token_storage(MemoryTokenStorage::new()).build().unwrap();
    oauth.diagnose().unwrap().to_string()
}
