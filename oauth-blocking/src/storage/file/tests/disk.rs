//! A disk that refuses what it is told to, and forgets what was not flushed when the power is cut.
//!
//! Each test's thread has its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::super::disk::Call;
use super::super::private;

thread_local! {
    static DISK: RefCell<Disk> = RefCell::default();
}

#[derive(Debug, Default)]
struct Disk {
    calls: Vec<Call>,
    refuses: Option<Refuses>,
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
}

/// What a loss of power does to names that were not flushed: either may happen.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Names {
    Kept,
    Forgotten,
}

pub(in super::super) fn asked(call: Call) -> io::Result<()> {
    DISK.with_borrow_mut(|disk| {
        disk.calls.push(call);
        let is_refused = match &mut disk.refuses {
            Some(Refuses::Once(0)) => {
                disk.refuses = None;
                true
            }
            Some(Refuses::AllAfter(0)) => true,
            Some(Refuses::Once(left) | Refuses::AllAfter(left)) => {
                *left -= 1;
                false
            }
            Some(Refuses::Room) => call == Call::Create,
            None => false,
        };
        if is_refused { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    })
}

pub(in super::super) fn done(call: Call, path: &Path) {
    DISK.with_borrow_mut(|disk| match call {
        // Its number may have been another's.
        Call::Create => drop(disk.files.remove(&number(path))),
        Call::Flush => drop(disk.files.insert(number(path), fs::read(path).unwrap())),
        Call::FlushDirectory => drop(disk.directories.insert(path.into(), entries(path))),
        Call::Write | Call::Rename | Call::Remove => {}
    });
}

/// Since the last time.
pub(in super::super) fn calls() -> Vec<Call> {
    DISK.with_borrow_mut(|disk| std::mem::take(&mut disk.calls))
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
    entries.map(|entry| (entry.file_name(), number(&entry.path()))).collect()
}

fn number(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}
