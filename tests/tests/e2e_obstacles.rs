//! Why a server cannot be reached, told to the person who can help; and what is reached all the same. With
//! both adapters.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::{ClientError, MemoryTokenStorage, ureq};
use oauth_core::Error;
use oauth_core::client::TIME_LIMIT;
use oauth_core::error::{Actor, Obstacle, Unreachable};
use oauth_tokio::{Blocking, HttpClient, reqwest};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio_common::common::{self, silent_port};

/// Asks for a token by each adapter; why there was none, and how that is explained.
fn failures(url: &str) -> [(Error, String); 2] {
    failures_of(url, None, None, TIME_LIMIT)
}

fn failures_of(
    url: &str,
    agent: Option<ureq::Agent>,
    http: Option<HttpClient>,
    limit: Duration,
) -> [(Error, String); 2] {
    let store = MemoryTokenStorage::new();
    let mut oauth = oauth_blocking::OAuth::new(url).unwrap().token_storage(store.clone());
    if let Some(agent) = agent {
        oauth = oauth.http_client(agent);
    }
    let oauth = oauth.request_limit(limit).user_agent(common::visitor()).build().unwrap();
    let blocking = oauth.authenticate().map(drop);
    let mut oauth = oauth_tokio::OAuth::new(url).unwrap().token_storage(store);
    if let Some(http) = http {
        oauth = oauth.http_client(http);
    }
    let oauth = oauth.request_limit(limit).user_agent(Blocking::new(common::visitor()));
    let oauth = oauth.build().unwrap();
    let tokio = Runtime::new().unwrap().block_on(oauth.authenticate()).map(drop);
    [explained(blocking.unwrap_err()), explained(tokio.unwrap_err())]
}

fn explained<H: std::error::Error>(error: ClientError<H>) -> (Error, String) {
    let words = error.explain().to_string();
    match error {
        ClientError::OAuth { error, .. } => (error, words),
        error => panic!("{error}"),
    }
}

fn assert_obstacle(failures: [(Error, String); 2], expected: Obstacle, words: &str) {
    for (error, explained) in failures {
        let Error::Unreachable(Unreachable { obstacle, status: None, .. }) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*obstacle, Some(expected), "{explained}");
        let can_help = matches!(expected, Obstacle::Tls | Obstacle::Proxy);
        let actor = if can_help { Actor::Developer } else { Actor::Nobody };
        assert_eq!((error.actor(), error.is_retryable()), (actor, expected != Obstacle::Tls));
        // Once in the error, and for each place in the timeline.
        assert!(explained.matches(&expected.to_string()).count() >= 2, "{explained}");
        assert!(explained.to_lowercase().contains(words), "{explained}");
    }
}

#[test]
fn a_name_that_nobody_knows() {
    let words = if cfg!(windows) { "os error 11001" } else { "lookup" };
    assert_obstacle(failures("https://nobody.invalid/mcp"), Obstacle::Name, words);
}

#[test]
fn nobody_who_listens() {
    let url = format!("http://127.0.0.1:{}/mcp", silent_port());
    assert_obstacle(failures(&url), Obstacle::Connection, "refused");
}

#[test]
fn a_server_that_speaks_no_tls() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let failures = failures(&format!("https://127.0.0.1:{port}/mcp"));
    assert_obstacle(failures, Obstacle::Tls, "invalid");
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let failures = failures(&tls_server());
    assert!(failures.iter().all(|(error, _)| error.advice().contains("SSL_CERT_FILE")));
    // wine looks for revocations before it looks for the issuer.
    let words = if cfg!(windows) { "invalid peer certificate" } else { "unknownissuer" };
    assert_obstacle(failures, Obstacle::Tls, words);
}

#[test]
fn a_proxy_that_is_not_there() {
    for scheme in ["http", "socks5", "socks5h"] {
        let proxy = format!("{scheme}://127.0.0.1:{}", silent_port());
        let config = ureq::Agent::config_builder();
        let config = config.proxy(Some(ureq::Proxy::new(&proxy).unwrap())).build();
        let http =
            move |http: reqwest::ClientBuilder| http.proxy(reqwest::Proxy::all(&proxy).unwrap());
        // An address: nobody has to be asked about it.
        let failures = failures_of(
            "https://192.0.2.1/mcp",
            Some(config.new_agent()),
            Some(HttpClient::new(http).unwrap()),
            TIME_LIMIT,
        );
        assert_obstacle(failures, Obstacle::Proxy, "");
    }
}

#[test]
fn a_server_that_takes_too_long() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let failures = failures_of(&url, None, None, Duration::from_millis(100));
    assert_obstacle(failures, Obstacle::Time, "time");
}

/// What the system trusts is that, and what `SSL_CERT_FILE` names, with both adapters. Other systems have other
/// ways.
#[cfg(target_os = "linux")]
#[test]
fn an_authority_of_ones_own_is_trusted_if_the_environment_says_so() {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/authority.pem");
    command.args(["--exact", "trusting_the_environment", "--include-ignored"]);
    let output = command.env("SSL_CERT_FILE", authority).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "it is run with an authority by another test"]
fn trusting_the_environment() {
    for (error, explained) in failures(&tls_server()) {
        // The server has nothing to say, but it said so.
        assert!(!matches!(error, Error::Unreachable(_)), "{explained}");
    }
}

/// A server with a certificate of an authority of its own, on which there is nothing.
fn tls_server() -> String {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://127.0.0.1:{}/mcp", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            drop(say_nothing(rustls::StreamOwned::new(connection, stream.unwrap())));
        }
    });
    url
}

fn say_nothing(
    mut stream: rustls::StreamOwned<rustls::ServerConnection, TcpStream>,
) -> std::io::Result<()> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(&mut stream);
    while reader.read_until(b'\n', &mut line)? > 2 {
        line.clear();
    }
    stream
        .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Of two addresses the first swallows connections: its queue is full.
#[test]
fn a_dead_address_among_several_holds_up_nobody() {
    let (dead, _full) = full_listener(Ipv4Addr::LOCALHOST);
    serve_nothing((Ipv6Addr::LOCALHOST, dead.port()).into());
    let begun = Instant::now();
    for (error, explained) in failures(&format!("http://localhost:{}/mcp", dead.port())) {
        assert!(!matches!(error, Error::Unreachable(_)), "{explained}");
    }
    // Ten seconds is what a connection may take at all; there are several.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// A server on which there is nothing; how many connections it took.
fn serve_nothing(address: SocketAddr) -> Arc<AtomicU32> {
    let (listener, connections) = (TcpListener::bind(address).unwrap(), Arc::default());
    let count: Arc<AtomicU32> = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            count.fetch_add(1, Relaxed);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
        }
    });
    connections
}

/// A listener that takes no more connections, and what keeps it full.
fn full_listener(address: Ipv4Addr) -> (SocketAddr, impl Sized) {
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        socket.listen(1).unwrap()
    });
    let address = listener.local_addr().unwrap();
    let moment = Duration::from_millis(200);
    let connect = || TcpStream::connect_timeout(&address, moment).ok();
    let waiting: Vec<_> = std::iter::from_fn(connect).take(100).collect();
    (address, (runtime, listener, waiting))
}

/// Not every system has more than one address for itself.
#[cfg(any(target_os = "linux", windows))]
mod one_family {
    use oauth_tokio::reqwest::dns::{Addrs, Name, Resolve, Resolving};

    use super::*;

    /// The first is dead again, and both are of one family, so that nothing but its share of the time limit ends
    /// the wait: it is a moment, and only the first connection waits for it.
    #[test]
    fn a_dead_address_before_another_of_its_family_holds_up_one_connection_for_a_moment() {
        let (dead, _full) = full_listener(Ipv4Addr::new(127, 0, 0, 2));
        let addresses = [dead, (Ipv4Addr::LOCALHOST, dead.port()).into()];
        let (asked, connections) = (Arc::new(AtomicU32::new(0)), serve_nothing(addresses[1]));
        let resolver = Always(addresses, Arc::clone(&asked));
        let http = HttpClient::with_resolver(|http| http, resolver).unwrap();
        let url = format!("http://several.localhost:{}/mcp", dead.port());
        let oauth = oauth_tokio::OAuth::new(&url).unwrap().token_storage(MemoryTokenStorage::new());
        let oauth = oauth.http_client(http).build().unwrap();
        let begun = Instant::now();
        let failure = Runtime::new().unwrap().block_on(oauth.authenticate()).map(drop).unwrap_err();
        let (error, explained) = explained(failure);
        assert!(!matches!(error, Error::Unreachable(_)), "{explained}");
        let (asked, connections) = (asked.load(Relaxed), connections.load(Relaxed));
        assert!(asked == connections && connections >= 3, "{asked} {connections}");
        // A second, where its share of ten seconds would be five, and a second each would be three and more.
        assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    }

    /// Finds the same addresses for every name; how often it was asked.
    struct Always([SocketAddr; 2], Arc<AtomicU32>);

    impl Resolve for Always {
        fn resolve(&self, _: Name) -> Resolving {
            self.1.fetch_add(1, Relaxed);
            Box::pin(std::future::ready(Ok(Box::new(self.0.into_iter()) as Addrs)))
        }
    }
}
