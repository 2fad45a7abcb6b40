//! Drives the machine against a scripted provider.

use std::sync::Arc;
use std::time::Duration;

use oauth_core::flow::{Diagnosis, Flow, Grant, Login, Probe, RedirectUri, Settings, Step};
use oauth_core::session::{Session, Turn};
use oauth_core::wire::ResourceChallenge;
use oauth_core::{
    Endpoint, Error, OAuthClientProvider, Policy, Request, Response, Tolerance, Tolerances,
    UnixTime,
};
use oauth_tests::drive::{CALLBACK, MAX_STEPS, Store, entropy, restored, stored};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::parse;

use crate::provider::{Answer, Parameters, Provider, TokenRequest};

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

/// What a host sets up, under a policy.
pub(crate) type SetUp<'a> = &'a dyn Fn(Policy) -> Result<Settings, Error>;

/// A login, and what was asked for it.
#[derive(Debug)]
pub(crate) struct LogIn {
    pub(crate) result: Result<Grant, Error>,
    /// Each request: the endpoint, and the form or, where there is none, the URL.
    pub(crate) requests: Vec<(Endpoint, String)>,
    /// The query of the authorization request.
    pub(crate) consented: Parameters,
    /// The error as a person reads it.
    pub(crate) explanation: String,
    /// What happened, as a person reads it.
    pub(crate) timeline: String,
}

/// Logs in under a policy: without and with restarts, and ahead of it as a diagnosis, which has to come
/// to the same.
pub(crate) fn log_in(provider: &Provider, policy: Policy, set_up: SetUp<'_>) -> LogIn {
    let settings = match set_up(policy) {
        Ok(settings) => Arc::new(settings),
        Err(error) => {
            let (requests, consented) = (Vec::new(), Parameters::new());
            let (explanation, timeline) = (String::new(), String::new());
            return LogIn { result: Err(error), requests, consented, explanation, timeline };
        }
    };
    let [walk, restarted] = [false, true].map(|restart| walk(provider, &settings, restart));
    assert_eq!(restarted.result, walk.result, "with a restart before each step");
    assert_eq!(restarted.requests, walk.requests, "with a restart before each step");
    let mut probe = Probe::new(&settings);
    if let Some((_, reply)) = probe.step() {
        let refusal = Response::new(401, Vec::new());
        reply.response(&refusal.with_header("www-authenticate", provider.challenge));
    }
    let mut diagnosis = Diagnosis::new(login(provider, &settings), &probe);
    let mut network = Network::new(provider);
    while let Some((request, reply)) = diagnosis.step() {
        reply.response(&network.send(&request), NOW);
    }
    match diagnosis.login_plan() {
        Err(error) => assert_eq!(walk.result, Err(error), "{diagnosis}"),
        Ok(_) => {
            let text = diagnosis.to_string();
            let needed = walk.result.iter().flat_map(|grant| grant.binding.tolerated().iter());
            needed.for_each(|tolerance| assert!(text.contains(tolerance.name()), "{text}"));
        }
    }
    walk
}

/// A login that needs exactly these: they are reported, the default policy suffices but for those that a
/// host has to allow by name, a strict policy that tolerates them suffices, and one that lacks any of them
/// refuses it for that reason.
pub(crate) fn assert_needs(provider: &Provider, set_up: SetUp<'_>, needed: &[Tolerance]) -> LogIn {
    let tolerating = |policy: Policy, but: Option<Tolerance>| {
        let needed = needed.iter().filter(|it| Some(**it) != but);
        needed.fold(policy, |policy, it| policy.tolerate(*it))
    };
    let by_name = needed.iter().filter(|it| BY_NAME.contains(it));
    let by_name = by_name.fold(Policy::default(), |policy, it| policy.tolerate(*it));
    let walk = log_in(provider, by_name, set_up);
    let by_default = log_in(provider, Policy::default(), set_up).result.is_ok();
    assert_eq!(by_default, !needed.iter().any(|it| BY_NAME.contains(it)));
    let grant = walk.grant();
    let reported = grant.binding.tolerated().iter().chain(grant.tokens.tolerated.iter());
    // A profile is no need: what a login needs of it has a name of its own, or the tests say it.
    let reported: Tolerances = reported.filter(|it| *it != Tolerance::ProviderProfile).collect();
    assert_eq!(reported, needed.iter().copied().collect());
    let strict = log_in(provider, tolerating(Policy::strict(), None), set_up);
    assert_eq!(strict.result.as_ref().map(|it| &it.tokens), Ok(&grant.tokens));
    for tolerance in needed {
        let refusing = log_in(provider, tolerating(Policy::strict(), Some(*tolerance)), set_up);
        let expected = match tolerance {
            Tolerance::PartialResource => "foreign_resource",
            Tolerance::RootIssuerSlash | Tolerance::IssuerSlash => "issuer_mismatch",
            Tolerance::KnownS256 | Tolerance::UnlistedS256 => "no_s256",
            Tolerance::Legacy20250326 => "no_resource_metadata",
            _ => "not_tolerated",
        };
        let error = refusing.error(expected, "");
        let is_named = error.to_string().ends_with(tolerance.name());
        assert!(is_named || expected != "not_tolerated", "{error}");
    }
    walk
}

/// The same where a profile applies by default, which is told by the timeline and reported; a policy that
/// refuses it has another login, which [`assert_needs`] would compare.
pub(crate) fn assert_needs_profile(
    provider: &Provider,
    set_up: SetUp<'_>,
    needed: &[Tolerance],
) -> LogIn {
    let walk = log_in(provider, Policy::default(), set_up);
    let profile = [Tolerance::ProviderProfile];
    let expected: Tolerances = needed.iter().chain(&profile).copied().collect();
    let grant = walk.grant();
    let reported = grant.binding.tolerated().iter().chain(grant.tokens.tolerated.iter());
    assert_eq!(reported.collect::<Tolerances>(), expected);
    let name = grant.binding.profile().unwrap();
    assert!(walk.timeline.contains(&format!("known of {name} is applied")), "{}", walk.timeline);
    let refusing = log_in(provider, Policy::default().refuse(profile[0]), set_up);
    assert!(!refusing.timeline.contains("is applied"), "{}", refusing.timeline);
    walk
}

/// What the default policy does not tolerate.
const BY_NAME: [Tolerance; 3] =
    [Tolerance::IssuerSlash, Tolerance::UnlistedS256, Tolerance::Legacy20250326];

impl LogIn {
    pub(crate) fn grant(&self) -> &Grant {
        self.result.as_ref().unwrap_or_else(|error| panic!("{error}\n{}", self.explanation))
    }

    /// The error, which has to have this code and advice.
    pub(crate) fn error(&self, code: &str, advice: &str) -> &Error {
        let error = self.result.as_ref().expect_err("the login succeeded");
        assert_eq!(error.code(), code, "{error}");
        assert!(error.advice().contains(advice), "{}", error.advice());
        error
    }

    /// The scopes of the token, `None` for those that were asked for.
    pub(crate) fn granted(&self) -> Option<&str> {
        self.grant().tokens.scope.as_ref().map(|scopes| scopes.as_str())
    }

    pub(crate) fn has_refresh_token(&self) -> bool {
        self.grant().tokens.refresh_token.is_some()
    }

    /// The URLs at which server metadata was looked for.
    pub(crate) fn places(&self) -> Vec<&str> {
        let asked = self.requests.iter().filter(|(it, _)| *it == Endpoint::ServerMetadata);
        asked.map(|(_, url)| url.as_str()).collect()
    }
}

/// What comes of a session when its token has expired.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Later {
    /// Another token, and what the refresh said, without the refresh token.
    Token(String),
    /// A login is needed.
    Login,
}

/// A session that logs in and comes back later; with the last request to the token endpoint.
pub(crate) fn come_back(
    provider: &Provider,
    settings: &Settings,
    later: Duration,
) -> (Later, Parameters) {
    let mut session = Session::new(Arc::new(settings.clone()));
    let (mut store, mut network) = (Store::default(), Network::new(provider));
    session.access();
    let first = obtain(&mut session, &mut store, &mut network, NOW, true);
    assert!(matches!(first, Later::Token(_)), "{first:?}");
    session.access();
    let then = obtain(&mut session, &mut store, &mut network, NOW + later, false);
    let last = network.requests.iter().rfind(|(endpoint, _)| *endpoint == Endpoint::Token);
    let form = last.map(|(_, form)| parameters(form)).unwrap_or_default();
    (then, form)
}

fn obtain(
    session: &mut Session,
    store: &mut Store,
    network: &mut Network<'_>,
    now: UnixTime,
    may_log_in: bool,
) -> Later {
    let key = session.key("");
    for _ in 0..MAX_STEPS {
        match session.turn().unwrap_or_else(|error| panic!("{error}")) {
            Turn::Load(reply) => reply.loaded(store.load(&key), now),
            Turn::Lock(lock, reply) => {
                assert!(store.lock(&key, lock, 0));
                reply.locked();
            }
            Turn::Reserve(reply) => reply.reserved(),
            Turn::Save(reply) => match store.save(&key, reply.record(), reply.expected()) {
                Ok(()) => reply.saved(now),
                Err(stored) => reply.conflict(stored),
            },
            Turn::Unlock(lock, reply) => {
                store.unlock(&key, lock, 0);
                reply.unlocked();
            }
            Turn::Http(request, reply) => reply.response(&network.send(&request), now),
            turn @ (Turn::Sign(_)
            | Turn::Assertion(_)
            | Turn::Key(_)
            | Turn::Device(..)
            | Turn::Wait(..)) => {
                panic!("a user logs in: {turn:?}")
            }
            Turn::Login(_) if !may_log_in => return Later::Login,
            Turn::Login(mut reply) => {
                reply.challenge([network.provider.challenge]);
                reply.begin();
            }
            Turn::Prepare(reply) => reply.prepared(callback(), entropy(1), now),
            Turn::Browser(url, reply) => reply.redirect(&network.visit(url.as_str()), now).unwrap(),
            Turn::Ready(authorization) => {
                return Later::Token(authorization.to_auth().token().into());
            }
            Turn::LoggedOut(_) => panic!("nobody logs out"),
        }
    }
    panic!("turns without end")
}

/// A provider that the host knows beforehand.
pub(crate) fn known(metadata: Value) -> OAuthClientProvider {
    let provider = json!({ "id": "known", "display_name": "Known", "metadata": metadata });
    serde_json::from_value(provider).unwrap()
}

fn walk(provider: &Provider, settings: &Arc<Settings>, restart: bool) -> LogIn {
    let mut network = Network::new(provider);
    let mut flow = Flow::login(login(provider, settings)).unwrap();
    for _ in 0..MAX_STEPS {
        if restart {
            flow = restored(&stored(&flow));
        }
        match flow.step() {
            Ok(Step::Http { request, reply }) => reply.response(&network.send(&request), NOW),
            Ok(
                step @ (Step::Sign(_)
                | Step::Assertion(_)
                | Step::Key(_)
                | Step::Device { .. }
                | Step::Wait { .. }),
            ) => {
                panic!("a user logs in: {step:?}")
            }
            Ok(Step::Browser { url, reply }) => {
                reply.redirect(&network.visit(url.as_str())).unwrap();
            }
            done => {
                let result = done.map(|step| match step {
                    Step::Done(grant) => grant.clone(),
                    _ => unreachable!("the other steps are above"),
                });
                let Network { requests, consented, .. } = network;
                let error = result.as_ref().err();
                let explanation = error.map(|error| error.explain(flow.timeline()).to_string());
                let explanation = explanation.unwrap_or_default();
                let timeline = flow.timeline().to_string();
                return LogIn { result, requests, consented, explanation, timeline };
            }
        }
    }
    panic!("a login that never ends")
}

fn login(provider: &Provider, settings: &Arc<Settings>) -> Login {
    let login = Login::new(Arc::clone(settings), callback(), entropy(1), NOW);
    match ResourceChallenge::select([provider.challenge]) {
        Some(challenge) => login.challenge(challenge),
        None => login,
    }
}

fn callback() -> RedirectUri {
    RedirectUri::parse(CALLBACK).unwrap()
}

fn parameters(text: &str) -> Parameters {
    parse(text.as_bytes()).into_owned().collect()
}

struct Network<'a> {
    provider: &'a Provider,
    requests: Vec<(Endpoint, String)>,
    consented: Parameters,
}

impl<'a> Network<'a> {
    fn new(provider: &'a Provider) -> Self {
        Self { provider, requests: Vec::new(), consented: Parameters::new() }
    }

    fn send(&mut self, request: &Request) -> Response {
        let (endpoint, url) = (request.endpoint(), request.url().as_str());
        let body = std::str::from_utf8(request.body()).unwrap();
        self.requests.push((endpoint, if body.is_empty() { url } else { body }.into()));
        match endpoint {
            Endpoint::Registration => {
                (self.provider.register)(&serde_json::from_str(body).unwrap()).into()
            }
            Endpoint::Token => {
                let headers = request.headers().map(|(name, it)| (name.into(), it.into()));
                let (headers, consented) = (headers.collect(), self.consented.clone());
                let request = TokenRequest { form: parameters(body), headers, consented };
                (self.provider.token)(&request).into()
            }
            _ => match self.provider.documents.iter().find(|(place, _)| *place == url) {
                Some((_, answer)) => answer.clone().into(),
                None => Answer::page(404).into(),
            },
        }
    }

    /// The redirect's query.
    fn visit(&mut self, url: &str) -> String {
        self.consented = parameters(Url::parse(url).unwrap().query().unwrap());
        let said = (self.provider.authorize)(&self.consented);
        format!("{said}&state={}", self.consented["state"])
    }
}
