//! Six processes, of both adapters, on a small file system that is full or read-only for a moment, again and
//! again: nobody has to log in. The server rotates refresh tokens, and ends the grant of who sends one twice.
//!
//! It needs root, to mount:
//! `FULL_DISK_SECONDS=300 cargo test -p oauth-tests --test full_disk -- --include-ignored --nocapture`.
//! What needs no root is in `e2e_keeping.rs`, and beside the store in files.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::FileTokenStorage;
use oauth_tests::drive::dice;
use oauth_tests::world::Knobs;
use tokio_common::common::{builder, refreshes, serve, visitor};

/// Every fourth is on tokio.
const CALLERS: [u32; 6] = [1, 2, 3, 4, 8, 12];

#[test]
#[ignore = "it needs root, and takes a minute"]
fn nobody_logs_in_because_a_disk_was_full_or_read_only() {
    let seconds = std::env::var("FULL_DISK_SECONDS").map_or(60, |it| it.parse().unwrap());
    let served = serve(Knobs { access_lifetime: 1, ..Knobs::default() });
    served.pin_clock();
    let disk = Disk::mount();
    let store = FileTokenStorage::in_dir(disk.0.join("tokens"));
    let first = builder(&served, &store).user_agent(visitor()).build().unwrap();
    first.authenticate().unwrap();
    served.world().log.clear();
    served.delay_tokens(Duration::from_millis(30));
    let (sender, lines) = channel();
    let start =
        |number: &u32| start(*number, &served.server_url(), store.directory(), sender.clone());
    let mut callers: Vec<_> = CALLERS.iter().map(start).collect();
    drop(sender);
    let begun = Instant::now();
    let mut windows = BTreeMap::new();
    for round in 0.. {
        if begun.elapsed() > Duration::from_secs(seconds) {
            break;
        }
        let [kind, length, pause, ..] = dice(round);
        let length = Duration::from_millis(200 + u64::from(length) * 7);
        let kind = if kind % 2 == 0 { disk.fill(length) } else { disk.forbid(length) };
        *windows.entry(kind).or_insert(0) += 1;
        thread::sleep(Duration::from_millis(200 + u64::from(pause) * 4));
    }
    for caller in &mut callers {
        writeln!(caller.stdin.as_mut().unwrap(), "stop").unwrap();
    }
    let mut said = BTreeMap::<String, u32>::new();
    for line in lines {
        // Of errors what they are; of the rest the first word.
        let words = if line.starts_with("error") { &line[..line.len().min(90)] } else { &line };
        let count = if line.starts_with("error") { 12 } else { 1 };
        let words: Vec<_> = words.split(' ').take(count).collect();
        *said.entry(words.join(" ")).or_insert(0) += 1;
    }
    println!("{windows:?}, {} refreshes, {said:#?}", refreshes(&served));
    for mut caller in callers {
        assert!(caller.wait().unwrap().success());
    }
    assert_eq!(said.get("visit"), None, "somebody has to log in");
    assert_eq!((said.get("stopped"), served.world().reuses), (Some(&6), 0));
    assert_eq!(served.world().violations, [""; 0]);
    assert!(refreshes(&served) > seconds as usize / 4, "{}", refreshes(&served));
}

fn start(number: u32, url: &str, directory: &Path, lines: Sender<String>) -> Child {
    let mut process = Command::new(env!("CARGO_BIN_EXE_caller"))
        .args([number.to_string(), url.into()])
        .arg(directory)
        .arg("1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = process.stdout.take().unwrap();
    thread::spawn(move || {
        let said = BufReader::new(stdout).lines().map_while(Result::ok);
        said.for_each(|line| lines.send(line).unwrap());
    });
    process
}

/// A file system with room for little, gone with the test.
struct Disk(PathBuf);

impl Disk {
    fn mount() -> Self {
        let path = std::env::temp_dir().join(format!("mcp-oauth-disk-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let disk = Self(path);
        assert!(disk.run("mount", &["-t", "tmpfs", "-o", "size=128k,mode=700", "none"]));
        disk
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let mut command = Command::new(program);
        command.args(args).arg(&self.0).stderr(Stdio::null()).status().unwrap().success()
    }

    /// Nothing more can be written for so long.
    fn fill(&self, length: Duration) -> &'static str {
        let (path, begun) = (self.0.join("fill"), Instant::now());
        while begun.elapsed() < length {
            // What others free is taken as well.
            let mut file = fs::File::options().create(true).append(true).open(&path).unwrap();
            while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
            thread::sleep(Duration::from_millis(1));
        }
        fs::remove_file(path).unwrap();
        "full"
    }

    /// The same, and nothing can be made or renamed. Not while a file is open for writing, which is soon over.
    fn forbid(&self, length: Duration) -> &'static str {
        let begun = Instant::now();
        while !self.run("mount", &["-o", "remount,ro"]) {
            if begun.elapsed() > length {
                return "not read-only";
            }
        }
        thread::sleep(length);
        assert!(self.run("mount", &["-o", "remount,rw"]));
        "read-only"
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        assert!(self.run("umount", &["-l"]));
        let _ = fs::remove_dir(&self.0);
    }
}
