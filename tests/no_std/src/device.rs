//! The device: a clock, a place to store one record, a user nearby or a secret of its own, and the session between them.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Arguments;
use core::time::Duration;

use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::session::{Attempt, Head, Record, Session, Turn, Verdict};
use oauth_core::{BearerAuth, Entropy, Error, Secret, UnixTime};

use crate::memory::most_used;
use crate::servers::{CLIENT_ID, CLIENT_SECRET, ISSUER, SERVER_URL, Servers};

struct Device {
    now: UnixTime,
    /// What a real device keeps in its flash.
    stored: Option<String>,
    servers: Servers,
    print: fn(Arguments<'_>),
}

/// The whole story, with each request that is sent. Panics if anything is not as it should be.
pub(crate) fn run(print: fn(Arguments<'_>)) {
    with_a_user(print);
    without_a_user(print);
}

fn with_a_user(print: fn(Arguments<'_>)) {
    let mut device = Device::new(print);
    let session = || Session::new(settings().client_name("Thermometer").into());

    print(format_args!("first call, nothing is stored\n"));
    assert_eq!(device.call(&mut session()), Ok(200));
    assert_eq!(device.servers.requests, 4, "what a login takes");
    let login = most_used();

    device.pass_an_hour();
    assert_eq!(device.call(&mut session()), Ok(200));
    assert_eq!(device.servers.requests, 5, "what a refresh takes");

    assert!(login < 6 * 1024, "the guide says so: {login}");
    let (record, refresh) = (device.stored.map_or(0, |record| record.len()), most_used());
    print(format_args!("heap at most: {login} bytes to log in, {refresh} to refresh\n"));
    print(format_args!("stored: {record} bytes\n"));
}

/// The device asks for itself, with a secret that it was built with (RFC 6749 §4.4).
fn without_a_user(print: fn(Arguments<'_>)) {
    let mut device = Device::new(print);
    let client = settings().client_id(CLIENT_ID, Some(Secret::from(CLIENT_SECRET)));
    let client = client.expect("the id is sound").client_issuer(ISSUER).client_credentials();
    let client = Arc::new(client);
    let session = || Session::new(Arc::clone(&client));

    print(format_args!("first call without a user\n"));
    assert_eq!(device.call(&mut session()), Ok(200));
    assert_eq!(device.servers.requests, 4, "what a token takes, and no page");
    let token = most_used();

    device.pass_an_hour();
    assert_eq!(device.call(&mut session()), Ok(200));
    assert_eq!(device.servers.requests, 5, "what another token takes");
    assert!(token < 4 * 1024, "the guide says so: {token}");
    print(format_args!("heap at most: {token} bytes for a token\n"));
}

fn settings() -> Settings {
    Settings::new(SERVER_URL).expect("the URL is sound")
}

impl Device {
    fn new(print: fn(Arguments<'_>)) -> Self {
        let now = UnixTime::from_secs(1_900_000_000);
        Self { now, stored: None, servers: Servers::default(), print }
    }

    /// All that is left is what was stored.
    fn pass_an_hour(&mut self) {
        (self.print)(format_args!("an hour later, after a restart\n"));
        self.now = self.now + Duration::from_secs(3600);
        self.servers.expire();
    }

    /// A request of the application, with all that it takes to have it answered; the status.
    fn call(&mut self, session: &mut Session) -> Result<u16, Error> {
        let mut attempt = Attempt::new();
        session.access();
        self.drive(session, false)?;
        loop {
            let authorization = session.authorization(self.now);
            attempt.sent_with(authorization.as_ref());
            let bearer = authorization.and_then(|it| it.bearer()).map(BearerAuth::header_value);
            let (status, challenges) = self.servers.call(bearer);
            (self.print)(format_args!("  {status} {SERVER_URL}\n"));
            let challenges = challenges.map(|value| ("www-authenticate", value.as_bytes()));
            match session.answered(&mut attempt, status, Head::of(challenges), self.now)? {
                Verdict::Deliver => return Ok(status),
                Verdict::Retry => self.drive(session, true)?,
                Verdict::Wait(pause) => {
                    self.now = self.now + pause;
                    self.drive(session, true)?;
                }
            }
        }
    }

    /// The driver: does what the session asks for.
    fn drive(&mut self, session: &mut Session, may_log_in: bool) -> Result<(), Error> {
        loop {
            match session.turn()? {
                Turn::Load(reply) => {
                    let record = self.stored.as_ref();
                    let record = record.and_then(|text| Record::from_json(text.as_bytes()).ok());
                    reply.loaded(record, self.now);
                }
                // Nobody shares the store.
                Turn::Lock(_, reply) => reply.locked(),
                Turn::Reserve(reply) => reply.reserved(),
                Turn::Unlock(_, reply) => reply.unlocked(),
                Turn::Save(reply) => {
                    self.stored = Some(reply.record().to_json());
                    reply.saved(self.now);
                }
                Turn::Http(request, reply) => {
                    let response = self.servers.answer(&request);
                    let (status, url) = (response.status(), request.url().as_str());
                    (self.print)(format_args!("  {status} {url}\n"));
                    reply.response(&response, self.now);
                }
                Turn::Login(reply) if may_log_in => reply.begin(),
                Turn::Prepare(reply) => {
                    let redirect_uri = RedirectUri::parse("https://device.example/callback")?;
                    // For show: a real device asks its generator.
                    reply.prepared(redirect_uri, Entropy::from_bytes([7; 64]), self.now);
                }
                Turn::Key(reply) => reply.failed("no key is made here", self.now),
                Turn::Sign(_) | Turn::Assertion(_) => unreachable!("there is no key"),
                Turn::Browser(url, reply) => {
                    let query = self.servers.visit(&url);
                    reply.redirect(&query, self.now)?;
                }
                Turn::Device(_, reply) => reply.cancelled(),
                Turn::Wait(_, reply) => reply.cancelled(),
                Turn::Ready(_) | Turn::Login(_) | Turn::LoggedOut(_) => return Ok(()),
            }
        }
    }
}
