//! The same by hand: what a program needs at least that keeps a text in a file, and promises no more than that it is
//! there after a loss of power.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::directory::{SERVER, key, record};

/// Reads a file that has the text of a grant.
pub(crate) fn read(directory: &Path) -> Box<dyn FnMut()> {
    let path = beside(directory, "read");
    durable(&path, &text()).expect("the disk works");
    Box::new(move || drop(fs::read(&path).expect("it is there")))
}

/// Replaces a file.
pub(crate) fn replace(directory: &Path) -> Box<dyn FnMut()> {
    let (path, text) = (beside(directory, "replaced"), text());
    Box::new(move || durable(&path, &text).expect("the disk works"))
}

/// Takes the lock of a new file, and deletes that.
pub(crate) fn lock(directory: &Path) -> Box<dyn FnMut()> {
    let path = beside(directory, "locked");
    Box::new(move || {
        let file = File::create(&path).expect("it can be made");
        file.try_lock().expect("nobody has it");
        fs::remove_file(&path).expect("it is there");
    })
}

/// Reads a file, locks another, and replaces the first by one that was synced before: when it had no more than its
/// length.
pub(crate) fn refresh(directory: &Path) -> Box<dyn FnMut()> {
    let (path, text) = (beside(directory, "refreshed"), text());
    durable(&path, &text).expect("the disk works");
    let mut lock = lock(directory);
    Box::new(move || {
        drop(fs::read(&path).expect("it is there"));
        lock();
        durable_in_room(&path, &text).expect("the disk works");
    })
}

/// Makes a file and deletes it, and both outlive a loss of power.
pub(crate) fn make_and_delete(directory: &Path) -> Box<dyn FnMut()> {
    let (path, text) = (beside(directory, "made"), text());
    Box::new(move || {
        durable(&path, &text).expect("the disk works");
        let gone = fs::remove_file(&path).and_then(|()| sync_directory(&path));
        gone.expect("the disk works");
    })
}

/// A new file, synced, in the place of the one with this name.
pub(crate) fn durable(path: &Path, text: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create_new(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    sync_directory(path)
}

/// The same, and before that room for it.
pub(crate) fn durable_in_room(path: &Path, text: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create_new(&temporary)?;
    file.write_all(&vec![b' '; text.len()])?;
    file.sync_all()?;
    let mut file = OpenOptions::new().write(true).open(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// A directory of its own: nothing of it is in the store's way.
fn beside(directory: &Path, name: &str) -> PathBuf {
    let directory = directory.with_file_name("hand");
    fs::create_dir_all(&directory).expect("a directory can be made");
    directory.join(name)
}

/// What is stored of a grant.
pub(crate) fn text() -> Vec<u8> {
    let [key, record] = [serde_json::to_string(&key(0, SERVER)), Ok(record(0).to_json())];
    [key.unwrap_or_default(), record.unwrap_or_default()].concat().into_bytes()
}
