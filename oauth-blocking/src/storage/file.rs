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
//!   logins/…                logins that wait for their users
//!   PROGRAM-HASH.keyring    which key of a keyring records are sealed with, if one is
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
//! Records are plain JSON, or [sealed](FileTokenStorage::sealed).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use oauth_core::client::StorageError;
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, Record, Spend};

mod anew;
mod directory;
mod disk;
mod document;
#[cfg(not(unix))]
mod elsewhere;
mod former;
mod held;
mod indented;
#[cfg(feature = "keyring")]
mod keyed;
mod leases;
mod list;
mod logins;
mod name;
mod private;
mod records;
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
use name::Name;
use room::{Kept, Rooms};
use slot::Slot;
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
///   [`TokenStorage`](crate::TokenStorage) of your own. On Windows nobody can read a file that is locked, so that a backup may report
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
    sealing: Sealing,
    /// How many logins were kept.
    logins: Arc<AtomicUsize>,
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
        let (swept, locks, rooms, watch, sealing, logins) = Default::default();
        Self { directory, former, swept, locks, rooms, watch, sealing, logins }
    }

    /// The same, with records that are encrypted in their files ([`oauth_core::seal`] says against whom that helps). Plain
    /// ones that are there already are read, unless the seal refuses them, and are sealed at their next save, or by
    /// [`seal_anew`](Self::seal_anew). Versions before this leave sealed ones alone, and say that they are newer.
    ///
    /// Names of files still say at which server somebody has a grant, and the files which profile.
    #[must_use]
    pub fn sealed(self, sealing: Sealing) -> Self {
        Self { sealing, ..self }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn slot<'a>(&'a self, key: &'a Key, name: Name) -> Slot<'a> {
        Slot { key, directory: self.directory.below(name.shard()), name, sealing: &self.sealing }
    }

    /// The same, and makes its directory.
    fn made<'a>(&'a self, key: &'a Key, name: Name) -> Result<Slot<'a>, StorageError> {
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
    fn take_room(&self, slot: &Slot<'_>, spend: Spend<'_>) -> Result<Option<Kept>, StorageError> {
        let held = slot.hold()?;
        let stored = slot.stored(&held)?;
        if generation(stored.as_deref()) != spend.generation {
            return Ok(None);
        }
        slot.can_be_sealed()?;
        self.rooms.take(slot, spend, &held).map(Some)
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
