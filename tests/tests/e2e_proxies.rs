//! A proxy is for other machines: what goes to this one never meets it, whatever the environment or the
//! host's own HTTP client says. With a proxy that listens, and tells what it was asked.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::collections::HashMap;
use std::io::{BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{env, thread};

use oauth_blocking::{ClientError, MemoryTokenStorage, ureq};
use oauth_core::Error;
use oauth_core::error::{Obstacle, Unreachable};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::{Blocking, HttpClient, reqwest};
use rmcp::transport::streamable_http_client::StreamableHttpClient as _;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_common::common::{self, LIST, PATIENCE, assert_sound, expire, key};

/// How this machine is called in URLs.
const NAMES: [&str; 4] = ["127.0.0.1", "localhost", "x.localhost", "[::1]"];

/// A proxy that answers nothing, and tells what it was asked.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let told = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A line; who speaks SOCKS says less, and waits.
                let bytes = BufReader::new(stream.unwrap()).bytes().map_while(Result::ok);
                let mut said = String::new();
                for byte in bytes.take_while(|byte| *byte != b'\r') {
                    said.push(byte.into());
                    if said == SOCKS {
                        break;
                    }
                }
                told.lock().unwrap().push(said);
            }
        });
        Self { port, asked }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A login, a call, a refresh, one that the server asks for, a look ahead, and a logout.
fn on_threads(served: &Served, agent: Option<ureq::Agent>) {
    let store = MemoryTokenStorage::new();
    let mut builder = common::builder(served, &store);
    if let Some(agent) = agent {
        builder = builder.http_client(agent);
    }
    let oauth = builder.build().unwrap();
    assert_eq!(common::call(&oauth, served, LIST).unwrap(), 200);
    expire(&store, &key(served));
    assert!(oauth.authenticate().is_ok());
    served.world().revoke_access_tokens();
    assert_eq!(common::call(&oauth, served, LIST).unwrap(), 200);
    assert!(oauth.diagnose().unwrap().login_plan().is_ok());
    assert!(oauth.logout().is_ok());
}

async fn on_tasks(served: &Served, http: Option<HttpClient>) {
    let store = MemoryTokenStorage::new();
    let mut builder = tokio_common::builder(served, &store);
    if let Some(http) = http {
        builder = builder.http_client(http);
    }
    let oauth = builder.build().unwrap();
    assert_eq!(tokio_common::call(&oauth, served, LIST).await.unwrap(), 200);
    expire(&store, &key(served));
    assert!(oauth.authenticate().await.is_ok());
    served.world().revoke_access_tokens();
    let (url, message) = (served.server_url(), json!({"jsonrpc": "2.0", "id": 1, "method": LIST}));
    let message = serde_json::from_value(message).unwrap();
    oauth.post_message(url.into(), message, None, None, HashMap::new()).await.unwrap();
    let closed = oauth.delete_session(served.server_url().into(), "1".into(), None, HashMap::new());
    drop(closed.await);
    let opened = oauth.get_stream(served.server_url().into(), None, None, None, HashMap::new());
    drop(opened.await);
    assert!(oauth.diagnose().await.unwrap().login_plan().is_ok());
    assert!(oauth.logout().await.is_ok());
}

/// Runs everything against this machine; the environment is that of whoever runs this.
#[test]
fn in_this_environment() {
    for name in NAMES {
        let served = Served::start_at(Knobs::default(), name).unwrap();
        on_threads(&served, None);
        assert_sound(&served);
        let served = Served::start_at(Knobs::default(), name).unwrap();
        Runtime::new().unwrap().block_on(on_tasks(&served, None));
        assert_sound(&served);
    }
}

/// Asks a server that is elsewhere: of no use without a proxy that listens.
#[test]
#[ignore = "it is run with a proxy by another test"]
fn elsewhere_in_this_environment() {
    let store = MemoryTokenStorage::new();
    let oauth = oauth_blocking::OAuth::new(ELSEWHERE).unwrap().token_storage(store.clone());
    let oauth = oauth.user_agent(common::visitor()).build().unwrap();
    assert_is_proxys(oauth.authenticate().unwrap_err());
    let oauth = oauth_tokio::OAuth::new(ELSEWHERE).unwrap().token_storage(store);
    let oauth = oauth.user_agent(Blocking::new(common::visitor())).build().unwrap();
    let authenticate = oauth.authenticate();
    assert_is_proxys(Runtime::new().unwrap().block_on(authenticate).unwrap_err());
}

fn assert_is_proxys<H: std::error::Error>(error: ClientError<H>) {
    match error {
        ClientError::OAuth { error: Error::Unreachable(Unreachable { obstacle, .. }), .. } => {
            assert_eq!(obstacle, Some(Obstacle::Proxy));
        }
        error => panic!("{error:?}"),
    }
}

/// Runs one of the tests with this proxy in its environment, and gives what that was asked.
fn with_environment(variables: &[&str], scheme: &str, test: &str) -> Vec<String> {
    let proxy = Proxy::start();
    let url = proxy.url().replace("http", scheme);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored"]).env_remove("NO_PROXY");
    command.env_remove("no_proxy").envs(variables.iter().map(|name| (name, &url)));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    proxy.asked()
}

#[test]
fn the_environments_proxy_sees_nothing_that_goes_to_this_machine() {
    for (variables, scheme) in [
        (&["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"][..], "http"),
        (&["ALL_PROXY", "all_proxy"][..], "http"),
        (&["ALL_PROXY"][..], "socks5"),
        (&["ALL_PROXY"][..], "socks5h"),
    ] {
        let asked = with_environment(variables, scheme, "in_this_environment");
        assert_eq!(asked, [""; 0], "{variables:?} {scheme}");
    }
}

#[test]
fn other_machines_are_reached_through_the_environments_proxy() {
    let asked = with_environment(&["HTTPS_PROXY"], "http", "elsewhere_in_this_environment");
    assert!(asked.len() >= 2, "{asked:?}");
    let connects = |line: &String| line.starts_with("CONNECT ") && line.contains(":443 HTTP/1.1");
    assert!(asked.iter().all(connects), "{asked:?}");
}

/// By SOCKS as well, and never around it.
#[test]
fn other_machines_are_reached_through_socks() {
    for scheme in ["socks5", "socks5h"] {
        let asked = with_environment(&["ALL_PROXY"], scheme, "elsewhere_in_this_environment");
        assert!(asked.len() >= 2, "{asked:?}");
        assert!(asked.iter().all(|greeting| greeting == SOCKS), "{asked:?}");
    }
}

#[test]
fn a_proxy_of_the_hosts_own_client_sees_nothing_that_goes_to_this_machine() {
    let proxy = Proxy::start();
    for name in NAMES {
        let served = Served::start_at(Knobs::default(), name).unwrap();
        // Its resolver is its own: it has to know the name.
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE));
        let config = config.proxy(Some(ureq::Proxy::new(&proxy.url()).unwrap())).build();
        let connector = ureq::unversioned::transport::DefaultConnector::default();
        on_threads(&served, Some(ureq::Agent::with_parts(config, connector, common::ThisMachine)));
        assert_sound(&served);

        let served = Served::start_at(Knobs::default(), name).unwrap();
        let url = proxy.url();
        let build = move |http: reqwest::ClientBuilder| {
            http.proxy(reqwest::Proxy::all(&url).unwrap())
                .resolve("x.localhost", (Ipv4Addr::LOCALHOST, 0).into())
        };
        let on_tasks = on_tasks(&served, Some(HttpClient::new(build).unwrap()));
        Runtime::new().unwrap().block_on(on_tasks);
        assert_sound(&served);
    }
    assert_eq!(proxy.asked(), [""; 0]);
}

/// What a client of SOCKS 5 begins with.
const SOCKS: &str = "\u{5}";

/// An address, so that nobody has to be asked about a name.
const ELSEWHERE: &str = "https://93.184.215.14/mcp";
