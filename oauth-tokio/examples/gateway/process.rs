//! The gateway's processes, and the directory that two of them share for the time of a story.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::failure::Failure;

/// A process of the gateway. Killed if it is dropped; [`end`](Self::end) is the polite way.
pub(crate) struct Process {
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) origin: String,
    child: Child,
}

impl Process {
    /// Starts this program once more, as a server that is told this.
    pub(crate) async fn start(
        name: &'static str,
        told: &[impl AsRef<OsStr> + Sync],
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::system("find this program"))?;
        let mut child = Command::new(program)
            .args(["serve", name])
            .args(told)
            // Everything is on this machine.
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it prints goes where the story goes, in the right order.
            .stderr(std::io::stdout())
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::system("start this program again"))?;
        let stdout = child.stdout.take().ok_or(Failure::NotStarted { name })?;
        let mut lines = BufReader::new(stdout).lines();
        match timeout(PATIENCE, lines.next_line()).await {
            Ok(Ok(Some(origin))) => Ok(Self { name, origin, child }),
            _ => Err(Failure::NotStarted { name }),
        }
    }

    /// Closes its standard input, which tells it to end, and waits for that.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => Err(Failure::NotEnded { name: self.name }),
            Err(_) => {
                self.child.kill().await.map_err(Failure::system("end a process"))?;
                Err(Failure::NotEnded { name: self.name })
            }
        }
    }
}

/// A directory of its owner's, removed in the end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("mcp-oauth-gateway-{}", std::process::id()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(Failure::system("make a temporary directory"))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // It is a temporary directory: what stays, the system removes.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How long a process may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(10);
