//! What a host sets up about who the client is: how it authenticates, what it says of itself, what permits it
//! to register, and where its secret may go. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::error::{Misuse, PeerIncompatible, PeerMisbehaved};
use oauth_core::flow::{Diagnosis, Login, Probe, RedirectUri, Settings};
use oauth_core::session::Turn;
use oauth_core::wire::{AuthMethod as Chosen, Issuer};
use oauth_core::{
    BearerAuth, ClientMetadata, Endpoint, OAuthClientProvider, Policy, Tolerance, UnixTime,
    UrlDefect,
};
use oauth_tests::drive::{
    CALLBACK, Event, Network, SERVER_URL, Stage, User, entropy, play, settings,
};
use oauth_tests::world::{
    AuthMethod, Damage, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, RefreshTokens, TokenForm, What,
    World,
};
use serde_json::json;

const LIST: &str = "tools/list";
const HOUR: u64 = 3600;

fn pre_registered() -> Settings {
    settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap()
}

/// A method that the host knows is the only one, whatever is listed.
#[test]
fn a_method_that_is_set_up_is_the_only_one() {
    let posted = Knobs {
        token_auth_methods: Some(vec![AuthMethod::Basic, AuthMethod::None]),
        pre_method: AuthMethod::Post,
        assigned_method: Some(AuthMethod::Post),
        ..Knobs::default()
    };
    for own in [settings(), pre_registered()] {
        let own = own.token_endpoint_auth_method(Chosen::ClientSecretPost);
        let stage = play(&posted, &own, |stage| assert_eq!(stage.call(LIST), Ok(200)));
        assert_eq!((stage.logins(), stage.world.token_requests()), (1, 1));
    }
    let refused = Knobs { refused_methods: vec![AuthMethod::Post], ..posted };
    let own = pre_registered().token_endpoint_auth_method(Chosen::ClientSecretPost);
    let stage = play(&refused, &own, |stage| {
        let error = stage.call(LIST).unwrap_err();
        assert!(error.to_string().ends_with("by client_secret_post"), "{error}");
    });
    assert_eq!(stage.world.token_requests(), 1);
}

#[test]
fn a_method_that_is_set_up_later_is_used_for_the_tokens_of_before() {
    let stage = play(&Knobs::default(), &pre_registered(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.knobs.pre_method = AuthMethod::Post;
        stage.world.advance(HOUR);
        stage.restart_with(pre_registered().token_endpoint_auth_method(Chosen::ClientSecretPost));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.logins(), stage.refreshes()), (1, 1));
}

#[test]
fn a_method_that_needs_a_secret_needs_one() {
    let own = settings().client_id(PRE_CLIENT_ID, None).unwrap();
    let own = own.token_endpoint_auth_method(Chosen::ClientSecretBasic);
    let stage = play(&Knobs::default(), &own, |stage| {
        let method = "client_secret_basic".into();
        assert_eq!(stage.call(LIST), Err(Misuse::MethodNeedsSecret { method }.into()));
    });
    assert_eq!(stage.logins(), 0);
}

#[test]
fn what_a_client_says_of_itself_is_in_its_registration() {
    let client = ClientMetadata::new()
        .client_uri("https://app.example")
        .logo_uri("https://app.example/logo.png")
        .tos_uri("https://app.example/terms")
        .policy_uri("https://app.example/privacy")
        .contact("a@app.example")
        .contact("b@app.example")
        .software("my-editor", "1.4.0")
        .software_statement("eyJ.statement");
    let own = settings().client_name("My editor").client_metadata(client);
    let stage = play(&Knobs::default(), &own, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let said = &stage.world.requests(What::Register)[0].json;
    assert_eq!(said["client_name"], "My editor");
    for (member, value) in [
        ("client_uri", json!("https://app.example")),
        ("logo_uri", json!("https://app.example/logo.png")),
        ("tos_uri", json!("https://app.example/terms")),
        ("policy_uri", json!("https://app.example/privacy")),
        ("contacts", json!(["a@app.example", "b@app.example"])),
        ("software_id", json!("my-editor")),
        ("software_version", json!("1.4.0")),
        ("software_statement", json!("eyJ.statement")),
    ] {
        assert_eq!(said[member], value, "{member}");
    }
    assert!(!format!("{own:?}").contains("eyJ"), "a statement is shown by nothing");
}

/// A server that has no refresh tokens may refuse who asks for them.
#[test]
fn grants_that_a_server_does_not_list_are_not_registered() {
    let code = || "authorization_code".to_owned();
    for (grant_types, asked) in [
        (Some(vec![code()]), json!(["authorization_code"])),
        (
            Some(vec![code(), "refresh_token".into()]),
            json!(["authorization_code", "refresh_token"]),
        ),
        (None, json!(["authorization_code", "refresh_token"])),
    ] {
        let knobs = Knobs { grant_types, ..Knobs::default() };
        let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
        assert_eq!(stage.world.requests(What::Register)[0].json["grant_types"], asked);
    }
}

const PERMIT: &str = "planted-permit";

fn permitted() -> Settings {
    settings().initial_access_token(BearerAuth::new(PERMIT).unwrap())
}

/// Each registration of a login has it, and nothing else has: the world would say so.
#[test]
fn a_permit_to_register_goes_to_the_registration_endpoint_only() {
    let knobs = Knobs {
        registration_permit: Some(PERMIT.into()),
        refused_methods: vec![AuthMethod::None],
        ..Knobs::default()
    };
    let own = permitted().client_issuer(ISSUER);
    let stage = play(&knobs, &own, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Register), 2);
    assert!(!format!("{own:?}").contains(PERMIT));
}

#[test]
fn a_permit_to_register_goes_to_no_server_that_nobody_confirmed() {
    let knobs = Knobs { registration_permit: Some(PERMIT.into()), ..Knobs::default() };
    for (own, code) in [
        (permitted(), "unconfirmed_issuer"),
        (permitted().client_issuer("https://auth2.example.com"), "foreign_client"),
    ] {
        let stage = play(&knobs, &own, |stage| {
            assert_eq!(stage.call(LIST).map_err(|error| error.code()), Err(code));
        });
        assert_eq!(stage.world.count(What::Register), 0);
    }
}

/// One that was registered before there was a permit.
#[test]
fn a_permit_goes_to_no_such_server_for_a_second_registration_either() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        stage.restart_with(permitted());
        let refuse = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::times(refuse, 1);
        let error = stage.call(LIST).map_err(|error| error.code());
        assert_eq!(error, Err("unconfirmed_issuer"));
    });
    assert_eq!(stage.world.count(What::Register), 1);
}

const ISSUER: &str = "https://auth.example.com";

/// Whoever brings a client id does not register.
#[test]
fn a_registration_endpoint_that_cannot_be_used_stops_nobody_who_has_a_client() {
    let url = "http://elsewhere.example/register";
    let knobs = Knobs { registration_url: Some(url.into()), ..Knobs::default() };
    let stage = play(&knobs, &pre_registered(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!(stage.logins(), 1);
    let _ = play(&knobs, &settings(), |stage| {
        let defect = UrlDefect::Plaintext;
        let endpoint = Endpoint::Registration;
        let expected = PeerMisbehaved::UnsafeUrl { endpoint, url: url.into(), defect };
        assert_eq!(stage.call(LIST), Err(expected.into()));
    });
}

/// The MCP server alone says where the secret goes.
#[test]
fn where_a_secret_goes_on_the_servers_word_is_said_before_it_is_sent() {
    let provider: OAuthClientProvider = serde_json::from_value(json!({
        "id": "acme",
        "display_name": "Acme",
        "metadata": {
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/authorize"),
            "token_endpoint": format!("{ISSUER}/token"),
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": true,
        },
    }))
    .unwrap();
    for (own, named) in [
        (pre_registered(), Some(ISSUER)),
        (pre_registered().client_issuer(ISSUER), None),
        (pre_registered().provider(&provider).unwrap(), None),
        (settings().client_id(PRE_CLIENT_ID, None).unwrap(), None),
        (settings(), None),
    ] {
        let mut stage = Stage::new(&Knobs::default(), &own, false);
        stage.user = User::Waits;
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        assert_eq!(stage.run(0), Ok(Event::Page));
        assert_eq!(stage.world.token_requests(), 0);
        let Ok(Turn::Browser(_, reply)) = stage.session_mut(0).turn() else { panic!("no page") };
        assert_eq!(reply.unconfirmed_issuer().map(Issuer::as_str), named);
    }
}

#[test]
fn a_look_ahead_names_where_a_secret_goes_on_the_servers_word() {
    for (own, is_named) in
        [(pre_registered(), true), (pre_registered().client_issuer(ISSUER), false)]
    {
        let mut world = World::new(Knobs::default());
        let redirect_uri = RedirectUri::parse(CALLBACK).unwrap();
        let now = UnixTime::from_secs(world.now);
        let probe = Probe::new(&own);
        let login = Login::new(own.into(), redirect_uri, entropy(1), now);
        let mut diagnosis = Diagnosis::new(login, &probe);
        let network = Network::default();
        while let Some((request, reply)) = diagnosis.step() {
            reply.response(&network.send(&mut world, request).unwrap(), now);
        }
        let text = diagnosis.to_string();
        assert!(text.contains(ISSUER), "{text}");
        assert_eq!(text.contains("`client_issuer` confirms it"), is_named, "{text}");
    }
}

#[test]
fn the_strict_policy_sends_a_secret_only_where_the_host_says() {
    let strict = |policy| {
        let own = Settings::with_policy(SERVER_URL, policy).unwrap();
        own.client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap()
    };
    for policy in [Policy::strict(), Policy::default().refuse(Tolerance::UnconfirmedIssuer)] {
        let stage = play(&Knobs::default(), &strict(policy), |stage| {
            let expected = PeerIncompatible::UnconfirmedIssuer { issuer: ISSUER.into() };
            let error = stage.call(LIST).unwrap_err();
            assert!(error.advice().contains("`client_issuer`"));
            assert_eq!(error, expected.into());
        });
        assert_eq!(stage.logins(), 0);
        let named = strict(policy).client_issuer(ISSUER);
        let stage = play(&Knobs::default(), &named, |stage| assert_eq!(stage.call(LIST), Ok(200)));
        assert_eq!(stage.logins(), 1);
    }
}

/// Where the first login went, the next one may go.
#[test]
fn the_server_of_the_first_login_keeps_the_secret() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = play(&knobs, &pre_registered(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        let refuses = Policy::default().refuse(Tolerance::UnconfirmedIssuer);
        let own = Settings::with_policy(SERVER_URL, refuses).unwrap();
        let own = own.client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap();
        stage.restart_with(own);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.logins(), 2);
}
