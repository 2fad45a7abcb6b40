//! What the operating system said, and what that comes to.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use std::io::{self, ErrorKind};

/// What the operating system said, as it said it: its number is what manuals and support ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
#[non_exhaustive]
pub struct SystemError {
    /// What kind of error it is. `std` has no kind for many of them.
    pub kind: ErrorKind,
    /// Its number: `errno`, or `GetLastError` on Windows.
    pub code: Option<i32>,
    /// Its text, with the number.
    pub text: Box<str>,
}

impl From<&io::Error> for SystemError {
    fn from(error: &io::Error) -> Self {
        Self {
            kind: error.kind(),
            code: error.raw_os_error(),
            text: error.to_string().into_boxed_str(),
        }
    }
}

impl SystemError {
    /// Whether another program has the file, and the error passes when it lets it go.
    #[must_use]
    pub fn is_held(&self) -> bool {
        if cfg!(windows) {
            self.code.is_some_and(|code| HELD.contains(&code))
        } else {
            // What Samba and FUSE make of sharing violations; the last one, of a file that Samba has lent.
            matches!(
                self.kind,
                ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy | ErrorKind::WouldBlock
            )
        }
    }

    /// What it comes to for whoever has to do something about it.
    pub(super) fn trouble(&self) -> Trouble {
        use ErrorKind::{
            ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted,
            InvalidFilename, NetworkDown, NetworkUnreachable, NotConnected, NotFound, OutOfMemory,
            PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StaleNetworkFileHandle,
            StorageFull, TimedOut, Unsupported,
        };
        if let Some(trouble) = self.code.and_then(by_number) {
            return trouble;
        }
        match self.kind {
            _ if self.is_held() => Trouble::Held,
            // Disks fill up and empty again; nothing was spent.
            StorageFull | QuotaExceeded => Trouble::Full,
            ReadOnlyFilesystem => Trouble::ReadOnly,
            PermissionDenied => Trouble::Forbidden,
            // File servers, and file systems that are another program's (FUSE).
            StaleNetworkFileHandle
            | TimedOut
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | ConnectionRefused
            | ConnectionAborted
            | ConnectionReset => Trouble::Away,
            Unsupported => Trouble::Unable,
            NotFound => Trouble::Gone,
            OutOfMemory => Trouble::NoMemory,
            Interrupted => Trouble::Interrupted,
            InvalidFilename => Trouble::TooLong,
            _ => Trouble::Unknown,
        }
    }
}

/// What `std` has no kind for.
#[cfg(unix)]
fn by_number(code: i32) -> Option<Trouble> {
    use rustix::io::Errno;

    Some(match Errno::from_raw_os_error(code) {
        Errno::MFILE | Errno::NFILE => Trouble::NoFiles,
        Errno::LOOP => Trouble::Circle,
        Errno::HOSTDOWN => Trouble::Away,
        // A disk that was pulled out.
        Errno::NXIO | Errno::NODEV => Trouble::Gone,
        // Locks are another service's, which does not answer.
        Errno::NOLCK => Trouble::Unable,
        _ => return None,
    })
}

/// The same on Windows, from `winerror.h`: file servers, disks that were taken out, and files that a cloud has.
#[cfg(windows)]
fn by_number(code: i32) -> Option<Trouble> {
    Some(match code {
        4 => Trouble::NoFiles,
        1450 | 1455 => Trouble::NoMemory,
        681 | 1921 => Trouble::Circle,
        206 => Trouble::TooLong,
        53 | 54 | 59 | 64 | 67 | 362 | 398 | 404 | 426 => Trouble::Away,
        21 | 55 | 433 | 1167 => Trouble::Gone,
        _ => return None,
    })
}

#[cfg(not(any(unix, windows)))]
fn by_number(_: i32) -> Option<Trouble> {
    None
}

/// How Windows says it: sharing and lock violations, a disk that is locked or busy, a file that is deleted when its
/// last user closes it, one that is being copied to a cloud, and one that is mapped into somebody's memory, as virus
/// scanners and databases do. Access denied (5) may be it as well, or not: that is tried again, but not called so.
const HELD: [i32; 7] = [32, 33, 108, 170, 303, 391, 1224];

/// Who has to do something about an error of the operating system, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Held,
    Full,
    ReadOnly,
    Forbidden,
    Away,
    Unable,
    Gone,
    NoFiles,
    NoMemory,
    Interrupted,
    TooLong,
    Circle,
    Unknown,
}

impl Trouble {
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Held => {
                "call again; if it stays so, end the program that has the file open, or have virus scanners, \
                 backups and indexers leave the directory out"
            }
            Self::Full => "free some space on that disk, and call again",
            Self::ReadOnly => "make that disk writable, or use another directory",
            Self::Forbidden if cfg!(windows) => {
                "let this user read and write it, or end the program that has it open; or use another directory"
            }
            Self::Forbidden => "let this user read and write it, or use another directory",
            Self::Away => "see to the network disk that it is on, and call again",
            Self::Unable => {
                "use a directory on a local disk, or another store: one in memory, or one of your own"
            }
            Self::Gone => "call again: something removed it, or a disk was taken away",
            Self::NoFiles => {
                "close files that are not needed, or raise the limit of open files, and call again"
            }
            Self::NoMemory => "end programs that need much memory, and call again",
            Self::Interrupted => "call again",
            Self::TooLong => "use a directory with a shorter path",
            Self::Circle => {
                "see to the links on the way, which lead in a circle, or use another directory"
            }
            Self::Unknown => "see to the disk that it is on, or use another directory",
        }
    }

    pub(super) fn passes(self) -> bool {
        match self {
            Self::Held
            | Self::Full
            | Self::ReadOnly
            | Self::Away
            | Self::Gone
            | Self::NoFiles
            | Self::NoMemory
            | Self::Interrupted => true,
            Self::Forbidden | Self::Unable | Self::TooLong | Self::Circle | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use std::path::Path;

    use super::*;
    use crate::client::storage::StorageError;

    fn said(error: &io::Error) -> StorageError {
        StorageError::io("write", Path::new("a"), error)
    }

    #[test]
    fn what_the_system_said_is_kept() {
        let (number, action) = if cfg!(windows) { (32, "read") } else { (5, "write") };
        let system = io::Error::from_raw_os_error(number);
        let error = StorageError::io(action, Path::new("tokens"), &system);
        let StorageError::Io { cause, .. } = &error else { panic!("{error}") };
        assert_eq!((cause.code, cause.kind), (Some(number), system.kind()));
        assert_eq!(error.to_string(), format!("cannot {action} tokens: {system}"));
        assert!(error.to_string().contains(&format!("(os error {number})")), "{error}");
    }

    #[test]
    fn the_advice_fits_what_happened() {
        for (kind, word, is_retryable) in [
            (ErrorKind::StorageFull, "free some space", true),
            (ErrorKind::QuotaExceeded, "free some space", true),
            (ErrorKind::ReadOnlyFilesystem, "writable", true),
            (ErrorKind::PermissionDenied, "let this user", false),
            (ErrorKind::StaleNetworkFileHandle, "network disk", true),
            (ErrorKind::TimedOut, "network disk", true),
            (ErrorKind::Unsupported, "another store", false),
            (ErrorKind::NotFound, "something removed it", true),
            (ErrorKind::OutOfMemory, "memory", true),
            (ErrorKind::Interrupted, "call again", true),
            (ErrorKind::InvalidFilename, "shorter", false),
            (ErrorKind::NotConnected, "network disk", true),
            (ErrorKind::ConnectionRefused, "network disk", true),
            (ErrorKind::ConnectionAborted, "network disk", true),
            (ErrorKind::InvalidData, "see to the disk", false),
        ] {
            let error = said(&kind.into());
            assert!(error.advice().contains(word), "{kind}: {}", error.advice());
            assert_eq!(error.is_retryable(), is_retryable, "{kind}");
        }
    }

    #[test]
    fn a_number_without_a_name_has_advice_of_its_own() {
        for (code, word, is_retryable) in NUMBERS {
            let error = said(&io::Error::from_raw_os_error(code));
            assert!(error.advice().contains(word), "{code}: {}", error.advice());
            assert_eq!(error.is_retryable(), is_retryable, "{code}");
        }
    }

    #[cfg(unix)]
    const NUMBERS: [(i32, &str, bool); 24] = {
        use rustix::io::Errno;

        [
            (Errno::BUSY.raw_os_error(), "virus scanners", true),
            (Errno::TXTBSY.raw_os_error(), "virus scanners", true),
            (Errno::NOLCK.raw_os_error(), "local disk", false),
            (Errno::IO.raw_os_error(), "see to the disk", false),
            (Errno::MFILE.raw_os_error(), "open files", true),
            (Errno::NFILE.raw_os_error(), "open files", true),
            (Errno::NOMEM.raw_os_error(), "memory", true),
            (Errno::INTR.raw_os_error(), "call again", true),
            (Errno::NAMETOOLONG.raw_os_error(), "shorter path", false),
            (Errno::LOOP.raw_os_error(), "circle", false),
            (Errno::HOSTDOWN.raw_os_error(), "network disk", true),
            (Errno::HOSTUNREACH.raw_os_error(), "network disk", true),
            (Errno::NETDOWN.raw_os_error(), "network disk", true),
            (Errno::NOTCONN.raw_os_error(), "network disk", true),
            (Errno::CONNREFUSED.raw_os_error(), "network disk", true),
            (Errno::CONNABORTED.raw_os_error(), "network disk", true),
            (Errno::CONNRESET.raw_os_error(), "network disk", true),
            (Errno::TIMEDOUT.raw_os_error(), "network disk", true),
            (Errno::STALE.raw_os_error(), "network disk", true),
            (Errno::ROFS.raw_os_error(), "writable", true),
            (Errno::NOSPC.raw_os_error(), "free some space", true),
            (Errno::DQUOT.raw_os_error(), "free some space", true),
            (Errno::NODEV.raw_os_error(), "taken away", true),
            (Errno::ACCESS.raw_os_error(), "let this user", false),
        ]
    };

    #[cfg(windows)]
    const NUMBERS: [(i32, &str, bool); 15] = [
        (5, "let this user", false),
        (32, "virus scanners", true),
        (33, "virus scanners", true),
        (108, "virus scanners", true),
        (170, "virus scanners", true),
        (303, "virus scanners", true),
        (391, "virus scanners", true),
        (1224, "virus scanners", true),
        (4, "open files", true),
        (8, "memory", true),
        (206, "shorter path", false),
        (53, "network disk", true),
        (64, "network disk", true),
        (21, "taken away", true),
        (112, "free some space", true),
    ];

    #[cfg(not(any(unix, windows)))]
    const NUMBERS: [(i32, &str, bool); 0] = [];
}
