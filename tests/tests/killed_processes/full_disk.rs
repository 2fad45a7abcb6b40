//! The same on a file system of its own that is full or read-only for a moment, again and again.
//!
//! Linux, as root, who may mount; each kind for a minute, or as long as is said:
//!
//! ```text
//! FULL_DISK_SECONDS=300 cargo test -p oauth-tests --test killed_processes full_disk -- \
//!     --ignored --nocapture --test-threads=1
//! ```
//!
//! - Full: all room is taken, and what others give back meanwhile as well.
//! - Read-only: a mount of the same files that is read-only is laid over the directory. The kernel refuses to make a
//!   file system read-only where a file is open for writing, as the room for the next record is between its
//!   reservation and the save; a mount is laid over at any moment. Nothing can be made, locked, renamed or
//!   deleted then; only what is open already can be written, and not be given its name.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oauth_blocking::FileTokenStorage;
use oauth_tests::faulty::Fault;

use crate::windows::{Disk, Windows};
use crate::{Course, LIMIT, Run};

#[test]
#[ignore = "it needs root, and takes a minute"]
fn nobody_logs_in_because_a_disk_was_full() {
    run(&[Fault::Full], false);
}

#[test]
#[ignore = "it needs root, and takes a minute"]
fn nobody_logs_in_because_a_disk_was_read_only() {
    run(&[Fault::ReadOnly], false);
}

#[test]
#[ignore = "it needs root, and takes a minute"]
fn killed_processes_lose_only_what_they_held_on_a_full_disk() {
    run(&[Fault::Full], true);
}

#[test]
#[ignore = "it needs root, and takes a minute"]
fn killed_processes_lose_only_what_they_held_on_a_read_only_disk() {
    run(&[Fault::ReadOnly], true);
}

fn run(faults: &'static [Fault], kills: bool) {
    let seconds = std::env::var("FULL_DISK_SECONDS").map_or(60, |it| it.parse().unwrap());
    let length = Duration::from_secs(seconds);
    let (disk, store) = Mounted::new();
    let windows = Some(Windows::new(disk, faults));
    let course = Course { callers: 6, kills, windows, limit: length + LIMIT };
    let mut run = Run::start(&store, course);
    run.go_on_until(|run| run.begun.elapsed() >= length);
    println!("{faults:?}, {}", if kills { "with kills" } else { "without kills" });
    run.end();
}

/// A small file system, gone with the test.
struct Mounted {
    place: PathBuf,
    is_covered: bool,
    filler: Option<Filler>,
}

impl Mounted {
    fn new() -> (Self, FileTokenStorage) {
        let place = std::env::temp_dir().join(format!("mcp-oauth-disk-{}", std::process::id()));
        let mounted = Self { place, is_covered: false, filler: None };
        fs::create_dir_all(mounted.top()).unwrap();
        fs::create_dir_all(mounted.cover()).unwrap();
        let (top, cover) = (mounted.top(), mounted.cover());
        run_mount(Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "none"]).arg(&top));
        run_mount(Command::new("mount").args(["--make-private"]).arg(&top));
        run_mount(Command::new("mount").arg("--bind").args([&top, &cover]));
        run_mount(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&cover));
        let store = FileTokenStorage::in_dir(top.join("tokens"));
        (mounted, store)
    }

    fn top(&self) -> PathBuf {
        self.place.join("top")
    }

    /// The same files, read-only.
    fn cover(&self) -> PathBuf {
        self.place.join("cover")
    }
}

impl Disk for Mounted {
    fn set(&mut self, fault: Option<Fault>) {
        self.filler = None;
        if self.is_covered {
            run_mount(Command::new("umount").arg("-l").arg(self.top()));
            self.is_covered = false;
        }
        match fault {
            Some(Fault::Full) => self.filler = Some(Filler::start(self.top().join("fill"))),
            Some(Fault::ReadOnly) => {
                let mut command = Command::new("mount");
                run_mount(command.arg("--bind").args([self.cover(), self.top()]));
                self.is_covered = true;
            }
            Some(other) => panic!("no file system can be made {other:?}"),
            None => {}
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.set(None);
        for path in [self.cover(), self.top()] {
            run_mount(Command::new("umount").arg("-l").arg(path));
        }
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// Takes all room as long as it lives.
struct Filler {
    path: PathBuf,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Filler {
    fn start(path: PathBuf) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (told, mut file) = (Arc::clone(&is_over), File::create(&path).unwrap());
        let fill = move || {
            while !told.load(Ordering::SeqCst) {
                while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
                thread::sleep(Duration::from_micros(200));
            }
        };
        Self { path, is_over, thread: Some(thread::spawn(fill)) }
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.take().map(JoinHandle::join);
        let _ = fs::remove_file(&self.path);
    }
}

fn run_mount(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// Room for a few records, and for their successors.
const SIZE: &str = "size=128k,mode=700";
