//! A server as a process of its own, which ends with the test.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oauth_blocking::ureq::Agent;

/// How long access tokens live here: long against what a few requests take, and short enough to wait for.
pub(crate) const LIFETIME: Duration = Duration::from_secs(12);

/// A server that nobody here wrote.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    /// How it was started.
    command: Vec<OsString>,
    /// Its MCP endpoint.
    pub(crate) url: String,
}

impl Server {
    /// The MCP SDK for Python, in a major version.
    pub(crate) fn python(version: u8, options: &[&str]) -> Self {
        let python = installed().join(format!("mcp-{version}/bin/python"));
        Self::start(python.into(), "python/server.py", options)
    }

    pub(crate) fn oidc_provider(options: &[&str]) -> Self {
        Self::start("node".into(), "oidc/server.mjs", options)
    }

    fn start(program: OsString, script: &str, options: &[&str]) -> Self {
        let mut command = vec![program, scripts().join(script).into()];
        // One among the options counts instead.
        command.extend(["--lifetime".into(), LIFETIME.as_secs().to_string().into()]);
        command.extend(options.iter().map(OsString::from));
        Self::spawn(command, None)
    }

    /// The process ends, and all that it knew with it; another one takes its place.
    pub(crate) fn restart(&mut self) {
        self.end();
        let (_, port) = self.url.trim_end_matches("/mcp").rsplit_once(':').unwrap();
        *self = Self::spawn(self.command.clone(), Some(port));
    }

    fn spawn(words: Vec<OsString>, port: Option<&str>) -> Self {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(port.map(|port| format!("--port={port}")));
        // It ends by itself when this process does, however that ends.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let (say, said) = mpsc::channel();
        thread::spawn(move || {
            let mut url = String::new();
            let _ = output.read_line(&mut url).map(|_| say.send(url));
            // A server that says more must not be stopped by it.
            let _ = io::copy(&mut output, &mut io::sink());
        });
        let url = said.recv_timeout(PATIENCE).unwrap_or_default().trim().to_owned();
        let server = Self { process, command: words, url };
        assert!(server.url.starts_with("http://127.0.0.1:"), "{command:?} does not start");
        server
    }

    /// The requests since this was asked last: method, path, status.
    pub(crate) fn requests(&self) -> Vec<String> {
        serde_json::from_str(&get(&self.url.replace("/mcp", "/requests"))).unwrap()
    }
}

impl Server {
    /// Whether it goes on, or hears and answers nothing until then.
    pub(crate) fn goes_on(&self, goes_on: bool) {
        signal(&self.process, if goes_on { "CONT" } else { "STOP" });
    }

    /// Whether it is gone already does not matter.
    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a server says to the tests alone.
pub(crate) fn get(url: &str) -> String {
    let config = Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None);
    let agent: Agent = config.build().into();
    agent.get(url).call().unwrap().body_mut().read_to_string().unwrap()
}

/// Sends a signal to a process.
pub(crate) fn signal(process: &Child, name: &str) {
    let mut command = Command::new("kill");
    let sent = command.arg(format!("-{name}")).arg(process.id().to_string()).status();
    assert!(sent.unwrap().success(), "{name}");
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("servers")
}

/// Where `tests/servers/run` has installed what is not Node's.
fn installed() -> PathBuf {
    let place = std::env::var_os("REAL_SERVERS");
    place.expect("run `tests/servers/run`, which installs the servers").into()
}

/// Far more than a server needs to start or to answer, several at once on a machine that has more to do.
const PATIENCE: Duration = Duration::from_secs(60);
