//! Secrets are planted, and looked for in everything that can be printed: the `Debug` of each public
//! type at each state of a login, and the `Display` and advice of each error.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use alloc::sync::Arc;
use core::fmt::{Debug, Display};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Response;
use oauth_core::flow::{Flow, Login, RedirectUri, Settings, Step};
use oauth_core::loopback::{Loopback, Received};
use oauth_core::session::{Attempt, Session, Turn};
use oauth_core::wire::{AuthorizationUrl, ResourceChallenge};
use oauth_core::{
    BearerAuth, ClientRegistrationResponse, Endpoint, Error, Secret, TokenData, UnixTime,
};
use oauth_tests::drive::{
    CALLBACK, Event, Network, Stage, User, dice, entropy, missing, restored, settings, stored, walk,
};
use oauth_tests::world::{
    AuthMethod, CodeParameter, Consent, Damage, Fault, IssParameter, Knobs, MetadataForm,
    PRE_CLIENT_ID, PRE_CLIENT_SECRET, PkceSupport, PrmResource, PrmServers, Registration,
    RegistrationForm, ScopePolicy, StateParameter, TokenForm, World,
};
use serde_json::json;

extern crate alloc;

/// What was printed, and what must not be in it.
#[derive(Default)]
struct Search {
    printed: Vec<String>,
    secrets: Vec<String>,
}

impl Search {
    fn print(&mut self, value: &impl Debug) {
        self.printed.push(format!("{value:?}\n{value:#?}"));
    }

    fn print_error(&mut self, error: &(impl Debug + Display)) {
        self.printed.push(format!("{error}\n{error:?}\n{error:#?}"));
    }

    fn plant(&mut self, secret: &str) {
        assert!(secret.len() > 5, "{secret:?} is found everywhere");
        self.secrets.push(secret.into());
        self.secrets.push(STANDARD.encode(secret));
        let bytes = format!("{:?}", secret.as_bytes());
        self.secrets.push(bytes.trim_matches(['[', ']']).into());
    }

    /// Verifier and `state` of a login.
    fn plant_entropy(&mut self, login: u64) {
        for half in dice(login).chunks(32) {
            self.plant(&URL_SAFE_NO_PAD.encode(half));
            let bytes = format!("{half:?}");
            self.secrets.push(bytes.trim_matches(['[', ']']).into());
        }
    }

    /// Every secret that the servers gave out.
    fn plant_world(&mut self, world: &World) {
        for secret in world.secrets() {
            self.plant(&secret);
        }
    }

    fn assert_clean(&self) {
        assert!(!self.printed.is_empty() && !self.secrets.is_empty());
        for secret in &self.secrets {
            let found = self.printed.iter().find(|text| text.contains(secret));
            assert_eq!(found, None, "{secret:?} was printed");
        }
    }
}

/// A world in which every kind of secret comes up.
fn knobs() -> Knobs {
    Knobs {
        token_auth_methods: Some(vec![AuthMethod::Post]),
        awkward_secret: true,
        scopes: ScopePolicy::StepUp,
        prm_scopes: Some(vec!["mcp:basic".into()]),
        ..Knobs::default()
    }
}

fn planted_settings() -> Settings {
    settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap()
}

#[test]
fn a_login_shows_nothing_at_any_step() {
    let mut search = Search::default();
    search.plant(PRE_CLIENT_SECRET);
    for (settings, auth) in [
        (settings(), vec![AuthMethod::Post]),
        (settings(), vec![AuthMethod::Basic]),
        (planted_settings(), vec![AuthMethod::Basic]),
    ] {
        let knobs =
            Knobs { token_auth_methods: Some(auth), awkward_secret: true, ..Knobs::default() };
        log_in(&mut search, World::new(knobs), settings);
    }
    search.assert_clean();
}

fn log_in(search: &mut Search, mut world: World, settings: Settings) {
    search.plant_entropy(1);
    search.print(&settings);
    let now = UnixTime::from_secs(world.now);
    let redirect_uri = RedirectUri::parse(CALLBACK).unwrap();
    search.print(&entropy(1));
    search.print(&redirect_uri);
    let login = Login::new(Arc::new(settings), redirect_uri, entropy(1), now);
    search.print(&login);
    let mut flow = Flow::login(login).unwrap();
    loop {
        search.print(&flow);
        search.print(&flow.authorization_url());
        search.print(&flow.binding());
        let step = flow.step().unwrap();
        search.print(&step);
        match step {
            Step::Http { request, reply } => {
                search.print(&request);
                search.print(&reply);
                let response = Network::default().send(&mut world, request).unwrap();
                search.print(&response);
                reply.response(&response, now);
            }
            Step::Browser { url, reply } => {
                search.print(&url);
                search.print(&reply);
                let query = world.visit(url.as_str()).unwrap();
                listen(search, &url, &query);
                search.print_error(&reply.redirect("code=x&state=y").unwrap_err());
                let Ok(Step::Browser { reply, .. }) = flow.step() else { panic!("waits on") };
                reply.redirect(&query).unwrap();
            }
            Step::Sign(_) | Step::Assertion(_) | Step::Key(_) => panic!("a user logs in"),
            Step::Device { .. } | Step::Wait { .. } => panic!("there is a browser"),
            Step::Done(grant) => {
                search.print(grant);
                search.print(&grant.tokens);
                search.print(&grant.tokens.access_token);
                search.print(&grant.binding.client());
                search.print(&grant.binding.server());
                break;
            }
        }
    }
    search.plant_world(&world);
}

/// The listener for the redirect, at each of its states.
fn listen(search: &mut Search, url: &AuthorizationUrl, query: &str) {
    let loopback = Loopback::new(CALLBACK, url.state()).unwrap();
    search.print(&loopback);
    for head in [
        format!("GET /callback?{query} HTTP/1.1\r\nHost: 127.0.0.1:49152\r\n\r\n"),
        format!("GET /callback?{query}&state=x HTTP/1.1\r\nHost: 127.0.0.1:49152\r\n\r\n"),
        format!("POST /elsewhere?{query} HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    ] {
        let mut connection = loopback.connection();
        let (first, rest) = head.as_bytes().split_at(head.len() / 2);
        search.print(&connection.receive(first));
        search.print(&connection);
        let received = connection.receive(rest);
        search.print(&received);
        search.print(&connection);
        match received {
            Received::Answer(page) => search.print(&String::from_utf8(page).unwrap()),
            Received::Redirect(query) => search.print(&query),
            Received::Partial => panic!("it was whole"),
        }
    }
}

/// One turn, printed before it is taken.
fn turn(search: &mut Search, stage: &mut Stage, host: usize) -> Result<Event, Error> {
    let session: &mut Session = stage.session_mut(host);
    search.print(session);
    search.print(&session.record());
    search.print(&session.settings());
    search.print(&session.snapshot());
    match session.turn() {
        Ok(turn) => {
            search.print(&turn);
            match turn {
                Turn::Save(reply) => search.print(reply.record()),
                Turn::Http(request, reply) => {
                    search.print(&request);
                    search.print(&reply);
                }
                Turn::Browser(url, _) => search.print(&url),
                Turn::Ready(authorization) => {
                    search.print(&authorization);
                    search.print(&authorization.bearer());
                    let mut attempt = Attempt::new();
                    attempt.sent_with(Some(&authorization));
                    search.print(&attempt);
                }
                _ => {}
            }
        }
        Err(error) => search.print_error(&error),
    }
    stage.step(host)
}

fn run(search: &mut Search, stage: &mut Stage, host: usize) -> Result<Event, Error> {
    loop {
        match turn(search, stage, host)? {
            Event::Progress => {}
            event => return Ok(event),
        }
    }
}

#[test]
fn a_session_shows_nothing_at_any_turn() {
    for settings in [settings(), planted_settings()] {
        let search = &mut Search::default();
        search.plant(PRE_CLIENT_SECRET);
        let mut stage = Stage::new(&knobs(), &settings, false);
        stage.world.knobs.pre_method = AuthMethod::Post;
        assert_eq!(run(search, &mut stage, 0), Ok(Event::Login));
        stage.begin(0);
        assert_eq!(run(search, &mut stage, 0), Ok(Event::Ready));
        // A refresh.
        stage.world.advance(3600);
        stage.session_mut(0).access();
        assert_eq!(run(search, &mut stage, 0), Ok(Event::Ready));
        // A login for more, handed out and finished elsewhere.
        stage.user = User::Absent;
        assert_eq!(stage.call("tools/call"), Err(missing("mcp:write")));
        stage.begin(0);
        stage.user = User::Waits;
        assert_eq!(run(search, &mut stage, 0), Ok(Event::Page));
        let pending = stage.suspend(0);
        search.print(&pending);
        search.print(&pending.connect_url());
        assert_eq!(run(search, &mut stage, 0), Err(Error::LoginRequired));
        stage.user = User::Consents;
        let other = stage.resume(restored(&stored(&pending))).unwrap();
        assert_eq!(run(search, &mut stage, other), Ok(Event::Ready));
        // A grant that ended.
        stage.world.end_grants();
        stage.world.advance(3600);
        stage.session_mut(0).access();
        assert_eq!(run(search, &mut stage, 0), Ok(Event::Login));
        search.print(&stage.key());
        for login in 1..=2 {
            search.plant_entropy(login);
        }
        search.plant_world(&stage.world);
        assert!(search.secrets.len() > 30, "all kinds of secrets came up");
        search.assert_clean();
    }
}

#[test]
fn no_error_shows_what_it_is_about() {
    let kinds = [
        Knobs { consent: Consent::Deny, ..knobs() },
        Knobs { state: StateParameter::Wrong, ..knobs() },
        Knobs { state: StateParameter::Twice, ..knobs() },
        Knobs { iss: IssParameter::Wrong, ..knobs() },
        Knobs { iss: IssParameter::Missing, ..knobs() },
        Knobs { iss: IssParameter::Twice, ..knobs() },
        Knobs { code: CodeParameter::Twice, ..knobs() },
        Knobs { code: CodeParameter::WithError, ..knobs() },
        Knobs { pkce: PkceSupport::Absent, ..knobs() },
        Knobs { prm_resource: PrmResource::Foreign, ..knobs() },
        Knobs { metadata_form: Damage::always(MetadataForm::IssuerForeign), ..knobs() },
        Knobs { registration: Registration::None, ..knobs() },
        Knobs { registration_form: Damage::always(RegistrationForm::OtherRedirectUris), ..knobs() },
        Knobs { registration_form: Damage::always(RegistrationForm::OddMethod), ..knobs() },
        Knobs { registration_damage: Damage::always(Fault::Truncated), ..knobs() },
        Knobs { token_damage: Damage::always(Fault::Truncated), ..knobs() },
        Knobs { token_damage: Damage::always(Fault::Huge), ..knobs() },
        Knobs { token_damage: Damage::always(Fault::Unavailable { retry_after: 1 }), ..knobs() },
        Knobs { token_form: Damage::always(TokenForm::MacType), ..knobs() },
        Knobs { token_form: Damage::always(TokenForm::CrLf), ..knobs() },
        Knobs { token_form: Damage::always(TokenForm::Space), ..knobs() },
        Knobs { token_form: Damage::always(TokenForm::NoAccessToken), ..knobs() },
        Knobs { token_form: Damage::always(TokenForm::Refuse("invalid_grant".into())), ..knobs() },
    ];
    for knobs in kinds {
        let mut search = Search::default();
        search.plant_entropy(1);
        let walk = walk(&knobs, &settings(), &Network::default());
        search.plant_world(&walk.world);
        let refused = walk.refused_redirects.iter().cloned();
        for error in refused.chain([walk.error()]) {
            search.print_error(&error);
            search.print(&error.advice());
        }
        search.assert_clean();
    }
}

/// A body that is no token answer, with tokens in it all the same.
#[test]
fn no_error_quotes_a_body() {
    fn twice(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        if endpoint == Endpoint::Token {
            let body = json!({
                "access_token": ["planted-token", "planted-token"],
                "error": { "planted-error": 1 },
            });
            *response.body_mut() = body.to_string().into_bytes();
        }
    }
    let network = Network { tamper: Some(twice), ..Network::default() };
    let walk = walk(&Knobs::default(), &settings(), &network);
    let mut search = Search::default();
    search.plant("planted-token");
    search.plant("planted-error");
    search.print_error(&walk.error());
    search.assert_clean();
}

/// People paste URLs with passwords into settings, and logs into tickets.
#[test]
fn no_error_shows_the_password_of_a_url() {
    let mut search = Search::default();
    search.plant("planted-password");
    let key = settings().bearer(BearerAuth::new("a-key").unwrap());
    let stage = Stage::new(&Knobs::default(), &key, false);
    let authorization = stage.session(0).authorization(stage.now()).unwrap();
    // A browser takes all of these for the same.
    for start in ["https://", "https:", "https:/", "https:///", "https:\\\\", "ftp://", "//", ""] {
        let url = format!("{start}user:planted-password@other.example.com/mcp");
        search.print_error(&Settings::new(&url).unwrap_err());
        search.print_error(&settings().client_metadata_url(&url).unwrap_err());
        search.print_error(&RedirectUri::parse(&url).unwrap_err());
        search.print_error(&authorization.attach("POST", &url).map(|_| ()).unwrap_err());
        let challenge = format!("Bearer resource_metadata=\"{url}\"");
        search.print(&ResourceChallenge::select([&*challenge]));
        let challenged = Knobs { challenge_url: Some(url.clone()), ..Knobs::default() };
        let listed = Knobs { prm_servers: PrmServers::Listed(vec![url]), ..Knobs::default() };
        search.print_error(&walk(&listed, &settings(), &Network::default()).error());
        let mut stage = Stage::new(&challenged, &settings(), false);
        assert_eq!(stage.call("tools/list"), Ok(200));
        let timeline = stage.session(0).timeline();
        search.print(timeline);
        search.print(&timeline.to_string());
    }
    search.assert_clean();
}

/// Some servers want their key in the query of their URL.
#[test]
fn no_error_shows_the_query_of_a_url() {
    const URL: &str = "https://mcp.example.com/mcp?key=planted-key";
    let mut search = Search::default();
    search.plant("planted-key");
    let own = Settings::new(URL).unwrap();
    search.print(own.server());
    search.print(own.server().url());
    search.print(&Stage::new(&Knobs::default(), &own, false).key());
    search.print(&ResourceChallenge::select([&*format!("Bearer resource_metadata=\"{URL}\"")]));
    for knobs in [
        Knobs { mcp_damage: Damage::always(Fault::Unavailable { retry_after: 1 }), ..knobs() },
        Knobs { mcp_damage: Damage::always(Fault::Status(404)), metadata_off: true, ..knobs() },
        Knobs { metadata_off: true, ..knobs() },
        Knobs { metadata_damage: Damage::always(Fault::Unavailable { retry_after: 1 }), ..knobs() },
        Knobs { metadata_damage: Damage::always(Fault::Truncated), ..knobs() },
        Knobs { prm_resource: PrmResource::Foreign, ..knobs() },
        Knobs { prm_servers: PrmServers::Listed(Vec::new()), ..knobs() },
        Knobs { prm_servers: PrmServers::Listed(vec![URL.into()]), ..knobs() },
    ] {
        if let Err(error) = &walk(&knobs, &own, &Network::default()).result {
            search.print_error(error);
        }
    }
    search.print_error(&Settings::new("ftp://mcp.example.com/?key=planted-key").unwrap_err());
    search.print_error(&settings().client_metadata_url(URL).unwrap_err());
    search.print_error(&RedirectUri::parse("http://a.example/?key=planted-key").unwrap_err());
    search.assert_clean();
}

#[test]
fn values_show_nothing() {
    let mut search = Search::default();
    search.plant("planted-value");
    search.print(&Secret::from("planted-value"));
    search.print(&BearerAuth::new("planted-value").unwrap());
    search.print(&settings().bearer(BearerAuth::new("planted-value").unwrap()));
    let registration = json!({
        "client_id": "c", "client_secret": "planted-value",
        "registration_access_token": "planted-value",
    });
    let registration = registration.to_string();
    search.print(&ClientRegistrationResponse::parse(registration.as_bytes()).unwrap());
    let tokens = json!({
        "access_token": "planted-value", "refresh_token": "planted-value",
        "id_token": "planted-value", "nested": { "x": "planted-value" },
    });
    search.print(&serde_json::from_value::<TokenData>(tokens).unwrap());
    let response = oauth_core::Response::new(200, b"planted-value".to_vec())
        .with_header("set-cookie", "planted-value");
    search.print(&response);
    // A challenge has no secrets, but words that are not ours.
    search.print(&ResourceChallenge::select(["Bearer scope=\"a\""]));
    search.assert_clean();
}

#[test]
fn a_static_token_shows_nothing() {
    let mut search = Search::default();
    search.plant("planted-value");
    let settings = settings().bearer(BearerAuth::new("planted-value").unwrap());
    let mut stage = Stage::new(&Knobs::default(), &settings, false);
    assert_eq!(run(&mut search, &mut stage, 0), Ok(Event::Ready));
    search.assert_clean();
}

/// The search itself: what is printed in the clear is found.
#[test]
#[should_panic(expected = "was printed")]
fn the_search_finds_what_is_there() {
    let mut search = Search::default();
    search.plant_entropy(1);
    search.print(&URL_SAFE_NO_PAD.encode(&dice(1)[32..]));
    search.assert_clean();
}
