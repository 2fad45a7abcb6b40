//! A server of one test, which can be killed and started again over its files.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs};

use oauth_tokio::redis::redis;
use tokio::time::{Instant, sleep};

pub(crate) struct Server {
    folder: PathBuf,
    port: u16,
    settings: Vec<(&'static str, &'static str)>,
    process: Child,
}

impl Server {
    /// One that keeps everything, with some other settings.
    pub(crate) async fn start(settings: &[(&'static str, &'static str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("redis-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let port = free_port(number);
        let process = run(&folder, port, settings);
        let server = Self { folder, port, settings: settings.into(), process };
        server.wait().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/", self.port)
    }

    pub(crate) fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.port)
    }

    /// All that was written, as commands.
    pub(crate) fn file(&self) -> Vec<u8> {
        fs::read(self.folder.join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap()
    }

    /// Without a moment for anything.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// `TERM`, `STOP` or `CONT`.
    pub(crate) fn signal(&mut self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success()
        );
        if signal == "TERM" {
            self.process.wait().unwrap();
        }
    }

    /// Over the same files, at the same port.
    pub(crate) async fn start_again(&mut self) {
        self.process = run(&self.folder, self.port, &self.settings);
        self.wait().await;
    }

    /// Until it answers.
    async fn wait(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        let begun = Instant::now();
        loop {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING").exec_async(&mut connection).await.is_ok()
            {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not start");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run(folder: &Path, port: u16, settings: &[(&str, &str)]) -> Child {
    let mut command =
        Command::new(env::var("STORES_REDIS_SERVER").expect("run by tests/stores/run"));
    let usual = [
        ("bind", "127.0.0.1"),
        ("save", ""),
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("requirepass", PASSWORD),
    ];
    command.args(["--port", &port.to_string(), "--dir"]).arg(folder);
    for (name, value) in usual.iter().chain(settings) {
        command.arg(format!("--{name}")).args(value.split(' '));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

/// One below those that the system gives out, so that nobody takes it while the server is away. Nodes of a cluster talk
/// at the one 10000 above.
fn free_port(number: u32) -> u16 {
    let begin = std::process::id().wrapping_mul(37).wrapping_add(number.wrapping_mul(61)) % 2000;
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let ports = (0..2000).map(|it| 20_000 + u16::try_from((begin + it) % 2000).unwrap());
    ports.into_iter().find(|port| is_free(*port) && is_free(port + 10_000)).unwrap()
}

const PASSWORD: &str = crate::sample::SECRETS[0];
