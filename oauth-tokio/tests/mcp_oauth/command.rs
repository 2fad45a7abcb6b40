//! The program, in a home of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use oauth_tests::files;
use oauth_tokio::reqwest;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

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

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).into_os_string().into_string().unwrap()
    }

    /// Whether this stands in any of its files.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let stands_in =
            |path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text);
        files::below(&self.0).into_iter().any(stands_in)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments)).await
    }

    /// Where nobody reads what it prints.
    pub(crate) async fn run_unread(&self, arguments: &[&str]) -> i32 {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null());
        for is_out in [true, false] {
            let (unread, end) = std::io::pipe().unwrap();
            drop(unread);
            if is_out {
                command.stdout(end)
            } else {
                command.stderr(end)
            };
        }
        let mut child = command.spawn().unwrap();
        timeout(PATIENCE, child.wait()).await.unwrap().unwrap().code().unwrap()
    }

    /// In a session of its own, as `tests/keyring/session` makes them.
    pub(crate) async fn run_in_session(&self, session: &str, arguments: &[&str]) -> Ended {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/keyring/session");
        let before = [session, &self.path("session"), env!("CARGO_BIN_EXE_mcp-oauth")];
        ended(self.set_up(Command::new(script), &[&before, arguments].concat())).await
    }

    /// What a person sees in a terminal until this, and for five seconds longer.
    #[cfg(target_os = "linux")]
    pub(crate) async fn seen(&self, arguments: &[&str], until: impl Fn(&str) -> bool) -> String {
        let command = [&[env!("CARGO_BIN_EXE_mcp-oauth")], arguments].concat().join(" ");
        let arguments = ["--quiet", "--flush", "--command", &command, "/dev/null"];
        let mut command = self.set_up(Command::new("script"), &arguments);
        let mut child = command.env("BROWSER", "true").env("TERM", "xterm").spawn().unwrap();
        let (mut out, mut seen) = (child.stdout.take().unwrap(), String::new());
        let mut ends = Instant::now() + PATIENCE;
        let mut was_seen = false;
        loop {
            let mut buffer = [0; 4096];
            match timeout_at(ends, out.read(&mut buffer)).await {
                Ok(Ok(length @ 1..)) => seen += &String::from_utf8_lossy(&buffer[..length]),
                _ if was_seen => return seen,
                end => panic!("{end:?} after {seen:?}"),
            }
            if !was_seen && until(&seen) {
                (was_seen, ends) = (true, Instant::now() + Duration::from_secs(5));
            }
        }
    }

    /// A login whose user opens the page that is printed, and pastes where it ends.
    pub(crate) async fn log_in(&self, url: &str) -> Ended {
        self.log_in_by(&["login", "--paste", url]).await
    }

    /// The same with other arguments.
    pub(crate) async fn log_in_by(&self, arguments: &[&str]) -> Ended {
        self.consented(arguments).await.ended().await
    }

    /// The same until the user has pasted where it ends.
    pub(crate) async fn consented(&self, arguments: &[&str]) -> UnderWay {
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
        UnderWay { child, lines, err, _input: input }
    }

    /// A bridge that runs until its input ends.
    pub(crate) fn bridge(&self, arguments: &[&str]) -> Bridge {
        let arguments: Vec<_> = ["bridge"].iter().chain(arguments).copied().collect();
        let mut child = self.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Bridge { child, input, lines }
    }

    /// No keyring is there, whoever runs this.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.set_up(Command::new(env!("CARGO_BIN_EXE_mcp-oauth")), arguments);
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").env("XDG_RUNTIME_DIR", &self.0);
        command
    }

    fn set_up(&self, mut command: Command, arguments: &[&str]) -> Command {
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

/// A login whose user has done their part.
pub(crate) struct UnderWay {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    err: String,
    _input: ChildStdin,
}

impl UnderWay {
    pub(crate) async fn ended(mut self) -> Ended {
        while let Some(line) = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap() {
            self.err += &line;
            self.err.push('\n');
        }
        let output = timeout(PATIENCE, self.child.wait_with_output()).await.unwrap().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        Ended { code: output.status.code().unwrap(), out, err: self.err }
    }

    #[cfg(unix)]
    pub(crate) async fn press_ctrl_c(&mut self) {
        let process = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &process]).status().await.unwrap().success());
    }

    #[cfg(unix)]
    pub(crate) fn goes_on(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// A bridge, from the side of its host.
pub(crate) struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Bridge {
    pub(crate) async fn says(&mut self, message: impl AsRef<[u8]>) {
        let line = [message.as_ref(), b"\n"].concat();
        self.input.as_mut().unwrap().write_all(&line).await.unwrap();
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

async fn ended(mut command: Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    Ended { code, out: text(output.stdout), err: text(output.stderr) }
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
