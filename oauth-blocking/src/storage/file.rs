//! Grants in files: one per grant, readable by their owner only, shared by processes.
//!
//! ```text
//!   NN/NAME.json            the grant; replaced as a whole, by renaming
//!   NN/NAME.tmp-…           a grant on its way there, or what a killed writer left of one
//!   NN/NAME.spending        room for the grant that a refresh brings, and who is at it
//!   NN/NAME.damaged-1       what stood in NAME.json and could not be read
//!   NN/NAME.refresh.lock    empty, as all locks are; deleted by who releases it, on Unix
//!   NN/NAME.login.lock
//!   NN/NAME.write.lock      held for the length of one save
//!   NAME.json …             of the first versions, until it is moved
//! ```
//!
//! `NAME` is the host of the server's URL for people to read, then the first half of a hash in
//! hexadecimal digits, and `NN` the first two of these: SHA-256 over the application, the profile and the
//! URL, each with its length in bytes and a colon in front. It will never change, since everybody would be
//! logged out by that:
//!
//! ```console
//! $ printf '9:My editor0:27:https://mcp.example.com/mcp' | sha256sum | head -c 32
//! 7e427846bf88c35e02c800f75ea69c23
//! ```
//!
//! What is done for one grant costs the same however many there are: nothing lists a directory but
//! `list`, `delete`, and the first save of a store to each of the 256 directories, which deletes what
//! killed processes have left there.
//!
//! Left out: encryption. Who can read the files of a user can also read the key and the memory of their
//! programs.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use oauth_core::client::{
    Guard, Loaded, Migrated, Saved, Spending, StorageError, StoredGrant, TokenStorage,
};
use oauth_core::flow::Settings;
use oauth_core::session::{Key, Lock, Record, Spend};

mod directory;
mod disk;
mod document;
#[cfg(not(unix))]
mod elsewhere;
mod former;
mod held;
mod list;
mod name;
mod private;
mod room;
mod slot;
mod sweep;
mod takeover;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use elsewhere as platform;
#[cfg(unix)]
use unix as platform;

use directory::Directory;
use held::{Held, Locked, Taken};
use name::Name;
use room::{Kept, Mark, Rooms};
use slot::{Found, Slot};
use sweep::sweep;
use takeover::Watch;

/// A store in a directory that only its owner can enter.
///
/// Threads and processes may share it, and any number of stores may be made for one directory. Reading
/// takes no lock and needs no permission to write. What cannot be read is kept under another name, and
/// what a later version wrote is neither replaced nor deleted.
///
/// The locks are those of the operating system: they end with the process that holds them, however it
/// ends. Their empty files are deleted by who held them, but stay on Windows, where nothing tells whether an open
/// file is still the one of its name.
///
/// Other programs may use the files as well: virus scanners, backups, indexers. Where nobody else can use a file
/// meanwhile (Windows, and file servers everywhere), what is to be done is tried again for two seconds. Whoever keeps a
/// file for longer holds up the call, or makes it fail with an error that passes. What a refresh token was spent
/// for is saved as soon as the file is let go.
///
/// Before a refresh token is spent, the file is written that will hold what it brings, at the cost of one
/// more wait for the disk: a disk that is full or may not be written is found out before, not after. A file
/// system that never writes in place (Btrfs, ZFS, APFS) needs room once more when the record is written.
///
/// A process that is stopped in the middle of a refresh keeps its lock. After 90 seconds another takes over, on
/// Unix; on Windows nobody can until the process goes on or is ended
/// ([`ClientError::Busy`](crate::ClientError::Busy) says which one it is).
///
/// # What file systems can do
///
/// - **Locks.** On a file server (NFS, SMB) they are as good as the server's. With NFS all machines have to use
///   its lock service; nothing here can see a mount option that keeps locks on the machine (`nolock`,
///   `local_lock`), and then two machines may spend one refresh token, which ends the grant. A file system without
///   any locks (Lustre without its option `flock`) is an error when the first grant is read, or else when the first
///   login begins. Use a directory on a local disk then, or [`MemoryTokenStorage`](crate::MemoryTokenStorage), or a
///   [`TokenStorage`] of your own. On Windows nobody can read a file that is locked, so that a backup may report
///   the lock files, which are empty.
/// - **Flushing.** A save returns when the record is on the disk. On Apple's systems the drive is told to write
///   down what it has. A file server may not know that order, and then it is enough that the server has the record.
///   Some file systems cannot flush the names in a directory (SMB, FAT, some that are made with FUSE), and Windows
///   has no such thing. After a loss of power the record from before the last save may be there again. If its
///   refresh token was spent meanwhile, the user has to log in once more.
///
/// # Security
///
/// On Unix the directory is made with mode 0700 and the files with 0600. A directory or file that
/// others can read, that belongs to somebody else or is a symbolic link is refused with a message that
/// says what to do. The directories above it are not looked at: nobody else should be able to rename
/// anything on the way. On Windows the files inherit the permissions of their directory. In the user's profile,
/// where the default directory is, only they and administrators have any. What a directory elsewhere hands down
/// cannot be told here, so such a one is refused, unless the host [vouches for it](Self::in_private_dir).
#[derive(Debug, Clone)]
pub struct FileTokenStorage {
    directory: Directory,
    /// Where the first versions kept theirs.
    former: Directory,
    /// The directories where nothing is left of killed processes.
    swept: Arc<Mutex<BTreeSet<Box<str>>>>,
    /// Set when a file there was seen to lock.
    locks: Arc<OnceLock<()>>,
    rooms: Rooms,
    watch: Watch,
}

impl FileTokenStorage {
    /// A store in the user's own directory for such data, made when it is first written to: one for each
    /// program, below `mcp-oauth` in
    ///
    /// - `%LOCALAPPDATA%` on Windows,
    /// - `~/Library/Application Support` on macOS,
    /// - `$XDG_DATA_HOME` or `~/.local/share` elsewhere.
    ///
    /// `application` is the name that the client has
    /// ([`OAuthBuilder::application`](crate::Builder::application)).
    ///
    /// # Errors
    ///
    /// [`StorageError::NoDirectory`] if none of these is known: use [`in_dir`](Self::in_dir).
    pub fn new(application: &str) -> Result<Self, StorageError> {
        let path = directory::default_path(|name| std::env::var_os(name), std::env::home_dir)
            .ok_or(StorageError::NoDirectory)?;
        let directory = Directory::new(&path.join(name::folder(application)));
        let former = Directory::new(&path.join("tokens"));
        Ok(Self::over(directory, former))
    }

    /// A store in a directory, which is made when it is first written to, those above it included.
    /// A relative path is taken from where the process is now, wherever it goes later. One that is empty, or relative
    /// to a directory that is gone, is no place: every call says [`StorageError::NotAbsolute`].
    ///
    /// Programs may share it: each finds its own grants. On Windows it has to be in the user's profile: below their home
    /// directory, `%LOCALAPPDATA%` or `%APPDATA%`.
    #[must_use]
    pub fn in_dir(path: impl AsRef<Path>) -> Self {
        let directory = Directory::new(path.as_ref());
        Self::over(directory.clone(), directory)
    }

    /// The same, anywhere on Windows; on Unix there is no difference.
    ///
    /// # Security
    ///
    /// On Windows nothing is checked: the host says that nobody else can enter the directory, and that the files in it
    /// inherit that. A new directory at the root of a disk can be read by all users. An installer can make one that is not,
    /// as can `icacls DIRECTORY /inheritance:r /grant:r "%USERNAME%:(OI)(CI)F"`.
    #[must_use]
    pub fn in_private_dir(path: impl AsRef<Path>) -> Self {
        let directory = Directory::vouched_for(path.as_ref());
        Self::over(directory.clone(), directory)
    }

    fn over(directory: Directory, former: Directory) -> Self {
        let (swept, locks, rooms, watch) = Default::default();
        Self { directory, former, swept, locks, rooms, watch }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn slot<'a>(&self, key: &'a Key, name: Name) -> Slot<'a> {
        Slot { key, directory: self.directory.below(name.shard()), name }
    }

    /// The same, and makes its directory.
    fn made<'a>(&self, key: &'a Key, name: Name) -> Result<Slot<'a>, StorageError> {
        self.directory.make()?;
        let slot = self.slot(key, name);
        slot.directory.add()?;
        Ok(slot)
    }

    /// Finds out with the first grant that is read, not with the first that is refreshed, that nothing can be
    /// locked there.
    fn see_that_it_locks(&self, slot: &Slot<'_>) -> Result<(), StorageError> {
        if self.locks.get().is_none() {
            let path = slot.record();
            if let Some(file) = private::open(&path)? {
                disk::see_that_it_locks(&file)
                    .map_err(|error| StorageError::io("lock", &path, &error))?;
            }
            let _ = self.locks.set(());
        }
        Ok(())
    }

    /// Deletes what killed processes left beside a grant, the first time.
    fn sweep_once(&self, slot: &Slot<'_>) {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.insert(slot.name.shard().into()) {
            drop(swept);
            // Tokens are not lost over it.
            let _ = sweep(&slot.directory, &slot.name);
        }
    }

    /// Room for what the refresh token of a record will bring; `None` if somebody has replaced the record since
    /// it was read: a holder of the lock who was slow to store, or one where locks do not work.
    fn take_room(&self, slot: &Slot<'_>, spend: Spend) -> Result<Option<Kept>, StorageError> {
        let held = slot.hold()?;
        let stored = slot.stored(&held)?;
        if generation(stored.as_deref()) != spend.generation {
            return Ok(None);
        }
        self.rooms.take(slot, spend, &held).map(Some)
    }
}

/// A [`load`](Self::load) writes only when it has to set a damaged file aside. A
/// [`delete`](Self::delete) sets one aside as well, and refuses to delete what is
/// [newer](StorageError::Newer). If the disk fails after a record was replaced, [`save`](Self::save)
/// says so, although the new record is what everybody reads from then on.
impl TokenStorage for FileTokenStorage {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        if !self.directory.exists()? {
            return Ok(Loaded::Nothing);
        }
        let slot = self.slot(key, Name::of(key));
        if !slot.directory.is_there()? {
            return Ok(Loaded::Nothing);
        }
        Ok(match slot.read()? {
            Found::Nothing => Loaded::Nothing,
            Found::Record(record) => {
                self.see_that_it_locks(&slot)?;
                Loaded::Record(record)
            }
            // Somebody may be replacing it right now: what is set aside has to be what was read.
            Found::Damaged => slot.load(&slot.hold()?)?,
        })
    }

    /// A lock has no file while nobody holds it, but for Windows and for processes that were killed.
    fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        let slot = self.slot(key, Name::of(key));
        if !self.directory.exists()? || !slot.directory.is_there()? {
            return Ok(false);
        }
        let path = slot.lock(lock);
        let Some(file) = private::open_lock(&path)? else { return Ok(false) };
        disk::is_locked(&file).map_err(|error| StorageError::io("lock", &path, &error))
    }

    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError> {
        let slot = self.made(key, Name::of(key))?;
        let held = match Held::at_once(&slot.lock(lock))? {
            None if lock == Lock::Refresh => self.watch.take_over(&slot)?,
            held => held,
        };
        let Some(held) = held else { return Ok(None) };
        let former = match lock {
            Lock::Refresh => former::refresh_lock(self, key)?,
            Lock::Login | Lock::Client => Taken::NoFile,
        };
        let former = match former {
            Taken::ByAnother => return Ok(None),
            Taken::NoFile => None,
            Taken::Held(former) => Some(former),
        };
        self.watch.forget(&slot);
        Ok(Some(Guard::new(Locked { room: None, held, former })))
    }

    fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> Result<Option<Guard>, StorageError> {
        let slot = self.made(key, Name::of(key))?;
        let mut locked = match guard.into_held::<Locked>() {
            Ok(locked) => locked,
            // What a host has put around it keeps the lock just as long.
            Err(guard) => {
                let room = self.take_room(&slot, spend)?;
                return Ok(room.map(|room| Guard::new((room, guard))));
            }
        };
        if !locked.is_current()? {
            return Ok(None);
        }
        locked.room = None;
        locked.room = self.take_room(&slot, spend)?;
        // If this process was stopped meanwhile, it may be another's.
        Ok((locked.room.is_some() && locked.is_current()?).then(|| Guard::new(locked)))
    }

    fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        if !self.directory.exists()? {
            return Ok(None);
        }
        let slot = self.slot(key, Name::of(key));
        if !slot.directory.is_there()? {
            return Ok(None);
        }
        let mark = Mark::at(&slot.spending())?;
        Ok(mark.as_ref().map(Mark::spending))
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        let slot = self.made(key, Name::of(key))?;
        self.sweep_once(&slot);
        let held = slot.hold()?;
        let stored = slot.stored(&held)?;
        let generation = generation(stored.as_deref());
        if generation != expected {
            // A save that failed may have come as far as this, and nobody knows whether it would last.
            if stored.is_some_and(|stored| *stored == *record) {
                slot.directory.sync()?;
            }
            return Ok(Saved::Conflict { stored: generation });
        }
        // The room is for what a refresh brings. Others may store what they know about the same tokens.
        let brings_tokens = stored.is_none_or(|stored| stored.tokens() != record.tokens());
        let room = self.rooms.of(&slot.record()).filter(|_| brings_tokens);
        slot.replace(record, room.as_deref(), &held)?;
        Ok(Saved::Done)
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let slot = self.slot(key, Name::of(key));
        if !self.directory.exists()? || !slot.directory.is_there()? {
            return Ok(());
        }
        sweep(&slot.directory, &slot.name)?;
        let held = slot.hold()?;
        if slot.stored(&held)?.is_some() {
            remove(&slot.record())?;
        }
        slot.directory.sync()
    }

    fn list(&self, application: &str) -> Result<Vec<StoredGrant>, StorageError> {
        list::list(&self.directory, application)
    }

    fn migrate(&self, key: &Key, settings: &Settings) -> Result<Migrated, StorageError> {
        former::migrate(self, key, settings)
    }
}

/// The number of the record that is stored; 0 if there is none.
fn generation(stored: Option<&Record>) -> u64 {
    stored.map_or(0, Record::generation)
}

/// Deletes a file, unless somebody has been faster.
fn remove(path: &Path) -> Result<(), StorageError> {
    match disk::remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(|error| StorageError::io("delete", path, &error)),
    }
}
