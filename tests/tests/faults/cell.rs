//! One cell of the matrix: a call in which one request fails, and the call after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oauth_blocking::{FileTokenStorage, Record, RevocationOutcome};
use oauth_core::Endpoint;
use oauth_tests::files;
use oauth_tests::serve::Served;
use oauth_tests::world::{AuthMethod, Damage, Exchange, Knobs, Party, RefreshTokens, What};

use crate::client::{Adapter, Answer, Call, Client, Failed, Parts, Watch};
use crate::expected::{Outcome, afterwards, expected, outcome_of};
use crate::failures::Failure;
use crate::requests::{Moment, Request};
use crate::tokio_common::Directory;
use crate::tokio_common::common::{self, PATIENCE, age, end_pause, key, serve, stored};

/// What befalls which request of which adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) adapter: Adapter,
    pub(crate) request: Request,
    pub(crate) failure: Failure,
}

impl Cell {
    /// All cells, those that wait first.
    pub(crate) fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for failure in Failure::ALL {
            for request in Request::ALL {
                // A server that is not there gives no metadata either, which is another row.
                if (request, failure) != (Request::Challenge, Failure::Refused) {
                    cells.extend(Adapter::ALL.map(|adapter| Self { adapter, request, failure }));
                }
            }
        }
        cells.sort_by_key(|cell| !cell.failure.is_silent());
        cells
    }

    /// Plays it, and gives the outcome as the table names it.
    ///
    /// Panics if anything is not as it has to be.
    pub(crate) fn play(self) -> String {
        let stage = Stage::new(self);
        let before = stage.record();
        let files = stage.files();
        let client = stage.client();
        if self.request.begins() == Moment::Start {
            stage.trap.spring();
        }
        let begun = Instant::now();
        let result = client.call(self.request.call());
        let elapsed = begun.elapsed();
        stage.trap.mend();

        let (outcome, printed) = self.outcome(result);
        assert_eq!(outcome, expected(self.request, self.failure), "{self:?}: {printed}");
        self.check_time(elapsed);
        stage.check_secrets(&printed);
        stage.check_requests();
        stage.check_store(&before, outcome);
        assert_eq!(stage.files(), files, "{self:?}: files");
        stage.check_next(&client);
        outcome.title()
    }

    /// How the call ended, and what a host can print of it.
    fn outcome(self, result: Result<Answer, Failed>) -> (Outcome, String) {
        match result {
            Ok(Answer::Token) => (Outcome::Works, String::new()),
            Ok(Answer::LoggedOut(fates)) => {
                let printed = format!("{fates:?}");
                let (failed, other) = match self.request {
                    Request::RevokeRefresh => (fates.refresh_token, fates.access_token),
                    _ => (fates.access_token, fates.refresh_token),
                };
                assert_eq!(other, RevocationOutcome::Revoked, "{self:?}");
                match failed {
                    RevocationOutcome::Revoked => (Outcome::Works, printed),
                    RevocationOutcome::Alive(error) => {
                        let text = format!("{printed} {error} {}", error.advice());
                        (self.outcome_of(&error, &printed), text)
                    }
                    fate => panic!("{self:?}: {fate:?}"),
                }
            }
            Err(Failed { error, text }) => {
                let error = error.unwrap_or_else(|| panic!("{self:?}: {text}"));
                (self.outcome_of(&error, &text), text)
            }
        }
    }

    fn outcome_of(self, error: &oauth_core::Error, text: &str) -> Outcome {
        let outcome = outcome_of(error).unwrap_or_else(|| panic!("{self:?}: {text}"));
        assert_eq!(error.is_retryable(), outcome.is_retryable(), "{self:?}: {text}");
        outcome
    }

    /// The limit of the host's HTTP client in this cell.
    fn limit(self) -> Duration {
        if self.failure.is_silent() { LIMIT } else { PATIENCE }
    }

    fn check_time(self, elapsed: Duration) {
        // Of the answer with the challenge nobody reads the body.
        let is_read = (self.request, self.failure) != (Request::Challenge, Failure::Stalled);
        if self.failure.is_silent() && is_read {
            assert!(elapsed >= LIMIT.mul_f64(0.9), "{self:?} did not wait: {elapsed:?}");
            assert!(elapsed < LIMIT + GENEROUS, "{self:?} waited for {elapsed:?}");
        } else {
            assert!(elapsed < GENEROUS, "{self:?} took {elapsed:?}");
        }
    }
}

/// The servers, the store and the fault of one cell.
struct Stage {
    cell: Cell,
    served: Arc<Served>,
    store: FileTokenStorage,
    directory: Directory,
    trap: Arc<Trap>,
    watch: Arc<Watch>,
}

impl Stage {
    /// An earlier login, and the servers as the cell wants them.
    fn new(cell: Cell) -> Self {
        let mut knobs =
            Knobs { token_auth_methods: Some(vec![AuthMethod::Basic]), ..Knobs::default() };
        if cell.request.call() == Call::LogIn {
            knobs.refresh_tokens = RefreshTokens::Never;
        }
        cell.request.prepare(&mut knobs);
        let served = Arc::new(serve(knobs));
        let directory = Directory::new();
        let store = directory.store();
        common::builder(&served, &store)
            .user_agent(common::visitor())
            .build()
            .unwrap()
            .authenticate()
            .unwrap();
        if let Some(left) = cell.request.token_lives() {
            age(&store, &key(&served), left);
        }
        served.world().knobs.refresh_tokens = RefreshTokens::Always;
        served.world().log.clear();
        let trap = Arc::new(Trap::new(cell, Arc::clone(&served)));
        let after = Arc::clone(&trap);
        let after = Box::new(move |endpoint| after.after(endpoint));
        let watch = Arc::new(Watch::then(after));
        Self { cell, served, store, directory, trap, watch }
    }

    fn client(&self) -> Client {
        let trap = Arc::clone(&self.trap);
        let parts = Parts {
            server_url: &self.served.server_url(),
            store: &self.store,
            // With another callback the client has to be registered anew.
            redirect_uri: match self.cell.request.call() {
                Call::LogIn => "http://127.0.0.1:2/callback",
                _ => common::ELSEWHERE,
            },
            limit: Some(self.cell.limit()),
            provider: None,
            user: Box::new(move |url| {
                let query = common::redirect(url);
                trap.at(Moment::Consent);
                query
            }),
            watch: Arc::clone(&self.watch),
        };
        Client::new(self.cell.adapter, parts)
    }

    fn record(&self) -> Record {
        stored(&self.store, &key(&self.served)).unwrap()
    }

    /// The names of the files in the store.
    fn files(&self) -> Vec<String> {
        let mut paths = files::below(self.store.directory());
        // A client that is registered is kept, whatever becomes of the login.
        paths.retain(|path| !files::is_client(path));
        let paths = paths.into_iter();
        let names = paths.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        names.filter(|name| !name.ends_with(".lock")).collect()
    }

    /// Neither errors nor events show a secret.
    fn check_secrets(&self, printed: &str) {
        let printed = format!("{printed} {} {:?}", self.watch.text(), self.directory.store());
        let world = self.served.world();
        let mut secrets = world.secrets();
        for exchange in &world.log {
            let values = ["state", "code_verifier", "code"].map(|name| exchange.parameter(name));
            secrets.extend(values.into_iter().flatten().map(String::from));
        }
        assert!(secrets.len() > 2);
        for secret in secrets {
            assert!(!printed.contains(&secret), "{:?} shows {secret}: {printed}", self.cell);
        }
    }

    /// The request was sent once, nothing went anywhere else, and the fault is the one that was meant.
    fn check_requests(&self) {
        let Cell { request, failure, .. } = self.cell;
        let world = self.served.world();
        let is_met = |it: &&Exchange| match &it.note {
            // Who asks without a token gets another note.
            _ if request == Request::Challenge => it.what == request.what(),
            note => note.as_deref().is_some_and(|note| note.starts_with("damaged: ")),
        };
        let met: Vec<_> = world.log.iter().filter(is_met).collect();
        let times = usize::from(failure != Failure::Refused);
        assert_eq!(met.len(), times, "{:?} was met that often", self.cell);
        assert!(met.iter().all(|it| (it.who, &it.what) == (request.server(), &request.what())));
        assert_eq!(world.count(What::Other), 0, "{:?} was followed", self.cell);
        if request != Request::FirstOfTwo {
            assert_eq!(world.count_at(Party::AuthServer2), 0, "{:?}", self.cell);
        }
        let said = self.watch.failures();
        let is_said = |said: &String| {
            let said = said.to_lowercase();
            failure.words().iter().any(|word| said.contains(word))
        };
        assert!(said.iter().all(is_said), "{:?}: {said:?}", self.cell);
        let is_told = !failure.words().is_empty() && request != Request::Challenge;
        // Where nobody listens, nobody listens at the document's other place.
        let is_sought = matches!(
            request,
            Request::ResourceMetadata | Request::ServerMetadata | Request::FirstOfTwo
        );
        let places = if is_sought && failure == Failure::Refused { 2 } else { 1 };
        assert_eq!(said.len(), places * usize::from(is_told), "{:?}: {said:?}", self.cell);
    }

    fn check_store(&self, before: &Record, outcome: Outcome) {
        let (cell, after) = (self.cell, self.record());
        let client_id = |record: &Record| record.binding().client().client_id().to_owned();
        let is_renewed = match cell.request {
            // Whether or not the refresh went well.
            Request::EarlyRefresh => expected(Request::Refresh, cell.failure) == Outcome::Works,
            _ => outcome == Outcome::Works,
        };
        match cell.request.call() {
            Call::LogOut => {
                assert_eq!(after.tokens(), None, "{cell:?}");
                assert_eq!(client_id(&after), client_id(before), "{cell:?}");
            }
            _ if is_renewed => {
                assert!(after.tokens().is_some() && after.tokens() != before.tokens(), "{cell:?}");
                assert!(after.generation() > before.generation(), "{cell:?}");
            }
            // The client that was registered before the user was asked is kept.
            _ if cell.request == Request::Code => {
                assert_eq!(after.tokens(), None, "{cell:?}");
                assert_ne!(client_id(&after), client_id(before), "{cell:?}");
            }
            // What the answer was, or that a page was shown, is written beside them.
            _ if matches!(
                cell.request,
                Request::Refresh | Request::EarlyRefresh | Request::StepUp
            ) =>
            {
                assert_eq!(after.tokens(), before.tokens(), "{cell:?}");
                assert_eq!(after.binding(), before.binding(), "{cell:?}");
            }
            _ => assert_eq!(after.to_json(), before.to_json(), "{cell:?}"),
        }
    }

    /// The fault is over, and so is the pause after it: the next call does what it has to, and no more.
    fn check_next(&self, client: &Client) {
        if self.cell.request == Request::Refresh {
            end_pause(&self.store, &key(&self.served));
        }
        let Cell { request, failure, .. } = self.cell;
        self.served.world().log.clear();
        let call = match request.call() {
            Call::StepUp if expected(request, failure) != Outcome::Works => Call::StepUp,
            _ => Call::LogIn,
        };
        if let Err(error) = client.call(call) {
            panic!("{:?}: the next call: {}", self.cell, error.text);
        }
        let world = self.served.world();
        let sent: Vec<&What> = world.log.iter().map(|exchange| &exchange.what).collect();
        let wanted = afterwards(request, failure);
        assert_eq!(sent, wanted.iter().collect::<Vec<_>>(), "{:?}", self.cell);
        let reused = request == Request::Refresh && failure.is_handled() && !wanted.is_empty();
        assert_eq!(world.reuses, u32::from(reused), "{:?}", self.cell);
        assert_eq!(world.violations, [""; 0], "{:?}", self.cell);
        drop(world);
        let tokens = self.record().tokens().cloned();
        assert!(tokens.is_some_and(|tokens| tokens.refresh_token.is_some()), "{:?}", self.cell);
    }
}

/// The fault, which begins and ends at certain moments.
struct Trap {
    cell: Cell,
    served: Arc<Served>,
    is_over: AtomicBool,
}

impl Trap {
    fn new(cell: Cell, served: Arc<Served>) -> Self {
        Self { cell, served, is_over: AtomicBool::new(false) }
    }

    fn spring(&self) {
        let Cell { request, failure, .. } = self.cell;
        if self.is_over.load(Ordering::SeqCst) {
            return;
        }
        let elsewhere = format!("{}/elsewhere", self.served.world().issuer2());
        match failure.fault(&elsewhere) {
            Some(fault) => request.break_answers(&mut self.served.world().knobs, fault),
            None => self.served.unplug(request.server()),
        }
    }

    fn mend(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.served.plug(self.cell.request.server());
        let mut world = self.served.world();
        let knobs = &mut world.knobs;
        for damage in [
            &mut knobs.mcp_damage,
            &mut knobs.prm_damage,
            &mut knobs.metadata_damage,
            &mut knobs.registration_damage,
            &mut knobs.token_damage,
            &mut knobs.revocation_damage,
        ] {
            *damage = Damage::none();
        }
    }

    fn after(&self, endpoint: Endpoint) {
        if self.cell.request.ends_after() == Some(endpoint) {
            self.mend();
        }
        self.at(Moment::After(endpoint));
    }

    fn at(&self, moment: Moment) {
        if self.cell.request.begins() == moment {
            self.spring();
        }
    }
}

/// The limit of the host's HTTP client where only that ends a request.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

/// For everything else that a cell does, on a machine that has other things to do.
pub(crate) const GENEROUS: Duration = Duration::from_secs(10);
