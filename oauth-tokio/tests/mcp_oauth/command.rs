//! The program, in a home of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use oauth_tokio::reqwest;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A directory for logins, gone with this.
pub(crate) struct Home(PathBuf);

/// How the command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-oauth-command-{}-{count}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// A file in it, with the directories above.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let output = timeout(PATIENCE, self.command(arguments).output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Ended { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// A login whose user opens the page that is printed, and pastes where it ends.
    pub(crate) async fn log_in(&self, url: &str) -> Ended {
        self.log_in_by(&["login", "--paste", url]).await
    }

    /// The same with other arguments.
    pub(crate) async fn log_in_by(&self, arguments: &[&str]) -> Ended {
        let mut child = self.command(arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut err = String::new();
        let page = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
            let line = line.unwrap_or_else(|| panic!("no page was printed: {err}"));
            err += &line;
            err.push('\n');
            if let Some(at) = line.find("http").filter(|_| line.contains("response_type=code")) {
                break line[at..].trim().to_owned();
            }
        };
        let redirect = visit(&page).await;
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("{redirect}\n").as_bytes()).await.unwrap();
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        Ended { code: output.status.code().unwrap(), out, err }
    }

    /// A bridge that runs until its input ends.
    pub(crate) fn bridge(&self, arguments: &[&str]) -> Bridge {
        let arguments: Vec<_> = ["bridge"].iter().chain(arguments).copied().collect();
        let mut child = self.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Bridge { child, input, lines }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-oauth"));
        command.args(arguments).env("MCP_OAUTH_HOME", &self.0).env("NO_PROXY", "127.0.0.1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A bridge, from the side of its host.
pub(crate) struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Bridge {
    pub(crate) async fn says(&mut self, message: &str) {
        let line = format!("{message}\n");
        self.input.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    /// The next message.
    pub(crate) async fn hears(&mut self) -> serde_json::Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line.expect("the bridge goes on")).unwrap()
    }

    /// The host is done; the code that the bridge ends with.
    pub(crate) async fn ends(mut self) -> i32 {
        drop(self.input.take());
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code().unwrap()
    }
}

/// The user consents; where they are sent.
async fn visit(page: &str) -> String {
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let answer = browser.get(page).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

const PATIENCE: Duration = Duration::from_secs(60);
