//! What is made before anything is measured: settings, answers, and sessions that have logged in.

use std::sync::Arc;

use oauth_core::flow::{Dpop, Flow, Login, RedirectUri, Settings, Step};
use oauth_core::keys::DpopKey;
use oauth_core::session::{Record, Session, Turn};
use oauth_core::wire::ResourceChallenge;
use oauth_core::{Endpoint, Entropy, Request, Response, UnixTime};

use crate::documents;
use crate::exchange::InCoreTypes;
use crate::turns;

/// When the tokens are issued.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

/// When they have expired.
pub(crate) const LATER: UnixTime = UnixTime::from_secs(1_900_003_601);

pub(crate) const RANDOM: [u8; 64] = [7; 64];

pub(crate) fn settings() -> Arc<Settings> {
    Settings::new(documents::SERVER).expect("the server's URL is one").into()
}

/// With tokens that are bound to a key.
pub(crate) fn bound_settings() -> Arc<Settings> {
    let settings = Settings::new(documents::SERVER).expect("the server's URL is one");
    settings.dpop(Dpop::Required).into()
}

pub(crate) fn dpop_key() -> DpopKey {
    DpopKey::es256(&[7; 32]).expect("it is a key")
}

pub(crate) fn redirect_uri() -> RedirectUri {
    RedirectUri::parse(documents::REDIRECT_URI).expect("it is a redirect URI")
}

/// Everything that servers and user answer in a login.
pub(crate) struct Answers {
    resource: Response,
    server: Response,
    registration: Response,
    tokens: Response,
    /// The query of the redirect.
    pub(crate) redirect: String,
}

impl Answers {
    pub(crate) fn with_access_token_of(bytes: usize) -> Self {
        Self::with_documents(documents::server(), documents::tokens(bytes))
    }

    /// With these in the place of the usual server document and token answer.
    pub(crate) fn with_documents(server: String, tokens: String) -> Self {
        let mut answers = Self {
            resource: json(200, documents::resource()),
            server: json(200, server),
            registration: json(201, documents::registration()),
            tokens: json(200, tokens),
            redirect: String::new(),
        };
        let flow = answers.drive_to_consent(start(&settings()));
        let url = flow.authorization_url().expect("the login waits for consent");
        answers.redirect = redirect(url.state());
        answers
    }

    pub(crate) fn to(&self, request: &Request) -> &Response {
        self.at(request.endpoint())
    }

    pub(crate) fn at(&self, endpoint: Endpoint) -> &Response {
        match endpoint {
            Endpoint::ResourceMetadata => &self.resource,
            Endpoint::ServerMetadata => &self.server,
            Endpoint::Registration => &self.registration,
            _ => &self.tokens,
        }
    }

    /// Answers the one request that the flow waits with.
    pub(crate) fn answer_once(&self, flow: &mut Flow) {
        match flow.step().expect("the login goes on") {
            Step::Http { request, reply } => reply.response(self.to(&request), NOW),
            Step::Sign(_)
            | Step::Assertion(_)
            | Step::Key(_)
            | Step::Browser { .. }
            | Step::Device { .. }
            | Step::Wait { .. }
            | Step::Done(_) => {
                panic!("the flow waits for an answer")
            }
        }
    }

    /// Answers requests until the user has to consent.
    pub(crate) fn drive_to_consent(&self, mut flow: Flow) -> Flow {
        while flow.authorization_url().is_none() {
            self.answer_once(&mut flow);
        }
        flow
    }

    /// The same from a server that binds its tokens to keys.
    pub(crate) fn bound(mut self) -> Self {
        let tokens = documents::tokens(documents::REFERENCE);
        self.tokens = json(200, tokens.replace("\"Bearer\"", "\"DPoP\""));
        self
    }

    /// A session's record after a login.
    pub(crate) fn record(&self, settings: Arc<Settings>) -> Record {
        let session = self.logged_in(settings);
        session.record().expect("the session has a grant").clone()
    }

    /// A session after a login.
    pub(crate) fn logged_in(&self, settings: Arc<Settings>) -> Session {
        let mut session = Session::new(settings);
        turns::log_in(&mut session, beginning(), &self.redirect, &mut InCoreTypes(self));
        session
    }

    /// A session whose user has not come back yet.
    pub(crate) fn waiting(&self, settings: Arc<Settings>) -> Session {
        let mut session = Session::new(settings);
        turns::begin_login(&mut session, beginning(), &mut InCoreTypes(self));
        session
    }
}

fn json(status: u16, body: String) -> Response {
    Response::new(status, body.into_bytes()).with_header("content-type", "application/json")
}

/// What a login begins with: where the user comes back to, and randomness.
pub(crate) fn beginning() -> (RedirectUri, Entropy) {
    (redirect_uri(), Entropy::from_bytes(RANDOM))
}

/// A login that has got the server's challenge.
pub(crate) fn start(settings: &Arc<Settings>) -> Flow {
    let entropy = Entropy::from_bytes(RANDOM);
    let challenge =
        ResourceChallenge::select([documents::CHALLENGE]).expect("it is a bearer challenge");
    let login = Login::new(Arc::clone(settings), redirect_uri(), entropy, NOW);
    Flow::login(login.challenge(challenge)).expect("the challenge can be used")
}

/// A session with this record in memory, and nothing to do.
pub(crate) fn idle(settings: &Arc<Settings>, record: Record) -> Session {
    let mut session = Session::new(Arc::clone(settings));
    match session.turn().expect("the session goes on") {
        Turn::Load(reply) => reply.loaded(Some(record), NOW),
        _ => panic!("a session looks into its store first"),
    }
    assert!(session.authorization(NOW).is_some(), "the token is valid");
    session
}

fn redirect(state: &str) -> String {
    let code = documents::CODE;
    format!("code={code}&state={state}&iss=https%3A%2F%2Fauth.example.com")
}
