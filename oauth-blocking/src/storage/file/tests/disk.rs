//! A disk that refuses what it is told to, is used by others as well, and forgets what was not flushed when the power is
//! cut.
//!
//! Each test's thread has its own, and a clock of its own: pauses take no time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::disk::Call;
use super::super::private;

thread_local! {
    static DISK: RefCell<Disk> = RefCell::default();
}

#[derive(Default)]
struct Disk {
    calls: Vec<Call>,
    refuses: Option<Refuses>,
    /// What somebody else does right before a call.
    meddles: Option<(Call, Box<dyn FnOnce()>)>,
    /// How much of its clock's time no thread has waited for.
    skipped: Duration,
    /// What a loss of power leaves of files, by their numbers.
    files: HashMap<u64, Vec<u8>>,
    /// And of directories: the names in them, and the files' numbers.
    directories: HashMap<PathBuf, Vec<(OsString, u64)>>,
}

/// What is refused from now on.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Refuses {
    /// One call, after so many.
    Once(usize),
    /// All of them, after so many.
    AllAfter(usize),
    /// All that need new room.
    Room,
    /// All of one kind, with the number of an error.
    Each(Call, i32),
    /// One of a kind, with the number of an error.
    First(Call, i32),
    /// All of a kind for a while, with the number of an error.
    While(Call, i32, Instant),
}

/// What a loss of power does to names that were not flushed: either may happen.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Names {
    Kept,
    Forgotten,
}

pub(in super::super) fn asked(call: Call) -> io::Result<()> {
    let meddles = DISK.with_borrow_mut(|disk| disk.meddles.take_if(|(at, _)| *at == call));
    if let Some((_, meddle)) = meddles {
        meddle();
    }
    DISK.with_borrow_mut(|disk| disk.asked(call))
}

pub(in super::super) fn done(call: Call, path: &Path) {
    DISK.with_borrow_mut(|disk| match call {
        // Its number may have been another's.
        Call::Create => drop(disk.files.remove(&number(path))),
        Call::Flush => drop(disk.files.insert(number(path), fs::read(path).unwrap())),
        Call::FlushDirectory => drop(disk.directories.insert(path.into(), entries(path))),
        _ => {}
    });
}

pub(in super::super) fn now() -> Instant {
    DISK.with_borrow(|disk| Instant::now() + disk.skipped)
}

pub(in super::super) fn sleep(pause: Duration) {
    DISK.with_borrow_mut(|disk| disk.skipped += pause);
}

/// What was to change something, since the last time.
pub(in super::super) fn calls() -> Vec<Call> {
    DISK.with_borrow_mut(|disk| std::mem::take(&mut disk.calls))
}

/// Does something right before the next call of a kind.
pub(in super::super) fn meddle(call: Call, with: impl FnOnce() + 'static) {
    DISK.with_borrow_mut(|disk| disk.meddles = Some((call, Box::new(with))));
}

pub(in super::super) fn refuse(what: Option<Refuses>) {
    DISK.with_borrow_mut(|disk| disk.refuses = what);
}

/// Leaves of a directory what is there after a loss of power.
pub(in super::super) fn cut_power(directory: &Path, names: Names) {
    DISK.with_borrow_mut(|disk| {
        disk.cut(directory, names);
        (disk.files, disk.directories) = Default::default();
        disk.note(directory);
    });
}

impl Disk {
    fn asked(&mut self, call: Call) -> io::Result<()> {
        let at = Instant::now() + self.skipped;
        let changes = !matches!(call, Call::Open | Call::Read | Call::Lock);
        if changes {
            self.calls.push(call);
        }
        let full = Err(io::ErrorKind::StorageFull.into());
        let failed = |code| Err(io::Error::from_raw_os_error(code));
        match &mut self.refuses {
            Some(Refuses::Once(0)) if changes => {
                self.refuses = None;
                full
            }
            Some(Refuses::AllAfter(0)) if changes => full,
            Some(Refuses::Once(left) | Refuses::AllAfter(left)) if changes => {
                *left -= 1;
                Ok(())
            }
            Some(Refuses::Room) if call == Call::Create => full,
            Some(Refuses::Each(refused, code)) if call == *refused => failed(*code),
            Some(Refuses::First(refused, code)) if call == *refused => {
                let code = *code;
                self.refuses = None;
                failed(code)
            }
            Some(Refuses::While(refused, code, until)) if call == *refused && at < *until => {
                failed(*code)
            }
            _ => Ok(()),
        }
    }

    fn cut(&self, directory: &Path, names: Names) {
        let now = entries(directory);
        let left = match names {
            Names::Kept => now.clone(),
            Names::Forgotten => self.directories.get(directory).cloned().unwrap_or_default(),
        };
        for (name, _) in &now {
            let path = directory.join(name);
            if !path.is_dir() {
                fs::remove_file(path).unwrap();
            } else if left.iter().any(|(it, _)| it == name) {
                self.cut(&path, names);
            } else {
                fs::remove_dir_all(path).unwrap();
            }
        }
        for (name, number) in left {
            let path = directory.join(name);
            if !path.is_dir() {
                drop(private::create(&path).unwrap());
                fs::write(path, self.files.get(&number).map_or(&[][..], |bytes| bytes)).unwrap();
            }
        }
    }

    /// All that is there now is there for good.
    fn note(&mut self, directory: &Path) {
        let names = entries(directory);
        for (name, number) in &names {
            let path = directory.join(name);
            if path.is_dir() {
                self.note(&path);
            } else {
                self.files.insert(*number, fs::read(path).unwrap());
            }
        }
        self.directories.insert(directory.into(), names);
    }
}

fn entries(directory: &Path) -> Vec<(OsString, u64)> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    // Beside the directory of a test, those of others come and go.
    let known = |path: &Path| fs::symlink_metadata(path).ok().map(|metadata| metadata.ino());
    entries.filter_map(|entry| Some((entry.file_name(), known(&entry.path())?))).collect()
}

fn number(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}
