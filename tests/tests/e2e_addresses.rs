//! What a server publishes leads nobody into a private network, unless the server is in it or the host
//! says so: both adapters, with the resolvers that they really have.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use oauth_blocking::ureq::config::Config;
use oauth_blocking::{
    Adapter as Built, Builder, ClientError, MemoryTokenStorage, Record, Records as _, Written,
};
use oauth_core::error::{Misuse, PeerMisbehaved};
use oauth_core::{Endpoint, Error, Policy, UrlDefect};
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, Party, PrmServers};
use oauth_tokio::reqwest::dns::{Addrs, Name, Resolve, Resolving};
use oauth_tokio::{Blocking, HttpClient, reqwest};
use tokio_common::common::{self, PATIENCE, assert_sound, expire, key, serve, stored_token};

/// What a client is set up with.
#[derive(Clone, Copy)]
struct Settings<'a> {
    policy: Policy,
    private_hosts: &'a [&'a str],
    /// Whether every name resolves to this machine.
    is_dns_fake: bool,
}

impl<'a> Settings<'a> {
    fn strict(private_hosts: &'a [&'a str]) -> Self {
        let policy = Policy::default().only_public_addresses();
        Self { policy, private_hosts, is_dns_fake: false }
    }

    fn default() -> Self {
        Self { policy: Policy::default(), ..Self::strict(&[]) }
    }
}

/// The MCP server of the world is at this address, under no name.
const SERVER: &str = "127.0.0.1";

/// Nobody is at this one.
const OTHER_ADDRESS: &str = "127.0.0.2";

/// Gets a token by each adapter, one after the other, in a world of their own.
fn try_both(
    set_up: impl Fn(&Served, &MemoryTokenStorage),
    settings: Settings<'_>,
    check: impl Fn(&Served, &MemoryTokenStorage, Option<Error>),
) {
    for get_token in [on_threads, on_tasks] {
        let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
        set_up(&served, &store);
        let error = get_token(&served, &store, settings);
        check(&served, &store, error);
    }
}

fn on_threads(
    served: &Served,
    store: &MemoryTokenStorage,
    settings: Settings<'_>,
) -> Option<Error> {
    let builder = oauth_blocking::OAuth::with_policy(&served.server_url(), settings.policy);
    let builder = allowed(builder.unwrap(), settings).token_storage(store.clone());
    let mut builder = builder.user_agent(common::visitor());
    if settings.is_dns_fake {
        let filter = builder.address_filter().unwrap();
        let names = |_: &str, port| Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]);
        let agent = oauth_blocking::filtered_agent_by(Config::default(), filter, names);
        builder = builder.http_client(agent);
    }
    core_error(builder.build().and_then(|oauth| oauth.authenticate()))
}

fn on_tasks(served: &Served, store: &MemoryTokenStorage, settings: Settings<'_>) -> Option<Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let builder = oauth_tokio::OAuth::with_policy(&served.server_url(), settings.policy);
    let builder = allowed(builder.unwrap(), settings).token_storage(store.clone());
    let mut builder = builder.user_agent(Blocking::new(common::visitor()));
    if settings.is_dns_fake {
        let filter = builder.address_filter().unwrap();
        let resolver = oauth_tokio::FilteredResolver::over(filter, Arc::new(OnTasks));
        let http = move |http: reqwest::ClientBuilder| http.dns_resolver(resolver.clone());
        builder = builder.http_client(HttpClient::new(http).unwrap());
    }
    core_error(builder.build().and_then(|oauth| runtime.block_on(oauth.authenticate())))
}

fn allowed<A: Built>(builder: Builder<A>, settings: Settings<'_>) -> Builder<A> {
    let hosts = settings.private_hosts.iter();
    hosts.fold(builder.application(common::APPLICATION).wait(PATIENCE), |builder, host| {
        builder.private_host(host)
    })
}

fn core_error<T, H: std::error::Error>(result: Result<T, ClientError<H>>) -> Option<Error> {
    match result.err()? {
        ClientError::OAuth { error, .. } => Some(error),
        error => panic!("{error}"),
    }
}

/// Resolves every name to this machine, for reqwest.
struct OnTasks;

impl Resolve for OnTasks {
    fn resolve(&self, _: Name) -> Resolving {
        let found = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Box::pin(async move { Ok(Box::new([found].into_iter()) as Addrs) })
    }
}

/// Gives the authorization server a name.
fn name_the_authorization_server(served: &Served) {
    let mut world = served.world();
    let origin = world.issuer().replace(SERVER, "localhost");
    world.name_auth_server(&origin);
}

fn list(served: &Served, issuer: &str) {
    served.world().knobs.prm_servers = PrmServers::Listed(vec![issuer.into()]);
}

fn assert_not_asked(served: &Served) {
    assert_eq!(served.world().count_at(Party::AuthServer), 0);
    assert_sound(served);
}

/// RFC 9728 §7.7.
#[test]
fn a_name_of_this_machine_is_refused_by_its_spelling() {
    let set_up = |served: &Served, _: &MemoryTokenStorage| name_the_authorization_server(served);
    try_both(set_up, Settings::strict(&[SERVER]), |served, _, error| {
        let url = served.world().issuer().into();
        let (endpoint, defect) = (Endpoint::ServerMetadata, UrlDefect::PrivateAddress);
        assert_eq!(error, Some(PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into()));
        assert_not_asked(served);
    });
}

#[test]
fn an_authorization_server_that_is_allowed_by_name_works() {
    let set_up = |served: &Served, _: &MemoryTokenStorage| name_the_authorization_server(served);
    try_both(set_up, Settings::strict(&[SERVER, "localhost"]), |served, store, error| {
        assert_eq!(error, None);
        assert!(stored_token(store, &key(served)).is_some());
        assert_sound(served);
    });
}

#[test]
fn a_private_server_with_a_private_authorization_server_just_works() {
    let set_up = |served: &Served, _: &MemoryTokenStorage| name_the_authorization_server(served);
    try_both(set_up, Settings::default(), |served, _, error| {
        assert_eq!(error, None);
        assert_sound(served);
    });
}

#[test]
fn a_literal_address_is_refused_before_anything_is_sent() {
    for issuer in ["https://169.254.169.254", "https://[::1]:8443", "https://0x7f.2/x"] {
        let set_up = |served: &Served, _: &MemoryTokenStorage| list(served, issuer);
        try_both(set_up, Settings::strict(&[SERVER]), |served, _, error| {
            let (endpoint, defect) = (Endpoint::ServerMetadata, UrlDefect::PrivateAddress);
            let url = issuer.into();
            assert_eq!(error, Some(PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into()));
            assert_not_asked(served);
        });
    }
}

/// What a name resolves to is known only to whoever connects.
#[test]
fn a_name_that_resolves_to_this_machine_is_not_connected_to() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let issuer = format!("https://auth.example:{}", listener.local_addr().unwrap().port());
    let settings = Settings { is_dns_fake: true, ..Settings::strict(&[SERVER]) };
    try_both(
        |served, _| list(served, &issuer),
        settings,
        |served, _, error| {
            let error = error.unwrap();
            let url = format!("{issuer}/.well-known/oauth-authorization-server").into();
            let (endpoint, address) = (Endpoint::ServerMetadata, IpAddr::from([127, 0, 0, 1]));
            assert_eq!(error, PeerMisbehaved::PrivateAddress { endpoint, url, address }.into());
            assert!(error.advice().contains("`private_host`") && !error.is_retryable());
            assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            assert_not_asked(served);
        },
    );
}

#[test]
fn a_name_that_is_allowed_is_connected_to_wherever_it_is() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let issuer = format!("https://auth.example:{}", listener.local_addr().unwrap().port());
    // Nobody speaks TLS there.
    let visitors =
        thread::spawn(move || listener.incoming().take(2).all(|visitor| visitor.is_ok()));
    let settings = Settings { is_dns_fake: true, ..Settings::strict(&[SERVER, "auth.example"]) };
    try_both(
        |served, _| list(served, &issuer),
        settings,
        |_, _, error| {
            assert!(matches!(error, Some(Error::Unreachable(_))), "{error:?}");
        },
    );
    assert!(visitors.join().unwrap());
}

/// An address in a record, for which no resolver is asked.
#[test]
fn a_recorded_address_is_checked_again() {
    let set_up = |served: &Served, store: &MemoryTokenStorage| {
        name_the_authorization_server(served);
        assert_eq!(on_threads(served, store, Settings::default()), None);
        expire(store, &key(served));
        let record = common::stored(store, &key(served)).unwrap();
        let moved = record.to_json().replace("localhost", OTHER_ADDRESS);
        let moved = Record::from_json(moved.as_bytes()).unwrap();
        let saved = store.save(&key(served), &moved, moved.generation()).unwrap();
        assert_eq!(saved, Written::Done);
    };
    try_both(set_up, Settings::strict(&[SERVER]), |served, _, error| {
        let url = served.world().issuer().replace("localhost", OTHER_ADDRESS) + "/token";
        let (endpoint, address) = (Endpoint::Token, OTHER_ADDRESS.parse().unwrap());
        let expected = PeerMisbehaved::PrivateAddress { endpoint, url: url.into(), address };
        assert_eq!(error, Some(expected.into()));
    });
}

/// What was stored when more was allowed is not believed for ever.
#[test]
fn a_recorded_name_is_checked_again() {
    let set_up = |served: &Served, store: &MemoryTokenStorage| {
        name_the_authorization_server(served);
        assert_eq!(on_threads(served, store, Settings::default()), None);
        expire(store, &key(served));
        served.world().log.clear();
    };
    try_both(set_up, Settings::strict(&[SERVER]), |served, store, error| {
        let url = format!("{}/token", served.world().issuer()).into();
        let (endpoint, address) = (Endpoint::Token, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(error, Some(PeerMisbehaved::PrivateAddress { endpoint, url, address }.into()));
        assert_not_asked(served);
        assert_eq!(on_tasks(served, store, Settings::default()), None, "nothing is lost");
        assert_eq!((common::refreshes(served), common::logins(served)), (1, 0));
    });
}

#[test]
fn a_server_that_is_not_public_has_to_be_allowed_by_name_too() {
    try_both(
        |_, _| {},
        Settings::strict(&[]),
        |served, _, error| {
            let (url, defect) = (served.server_url().into(), UrlDefect::PrivateAddress);
            assert_eq!(error, Some(Misuse::ServerUrl { url, defect }.into()));
            assert_eq!(served.connections(), 0);
        },
    );
}
