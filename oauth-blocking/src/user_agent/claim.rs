//! A word to other logins that want the same port: it is in use, and will be free again.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;

use crate::locks;

/// What is known about a port before it is bound.
#[derive(Debug)]
pub(super) enum Claim {
    /// Other logins of this user see that it is in use, until the file is closed.
    Held { _file: File },
    /// Another login has it.
    Anothers,
    /// There is no place for the word: whoever has the port counts as another program.
    Unknown,
}

impl Claim {
    /// Locks a file that is named after the port. It stays, empty: to delete it would let two logins lock
    /// two files of one name.
    pub(super) fn on(port: u16) -> Self {
        let Ok(file) = open(port) else { return Self::Unknown };
        match locks::try_lock(&file) {
            Ok(()) => Self::Held { _file: file },
            Err(TryLockError::WouldBlock) => Self::Anothers,
            Err(TryLockError::Error(_)) => Self::Unknown,
        }
    }
}

fn open(port: u16) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;

        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    options.open(locks::directory().join(format!("mcp-oauth-port-{port}.lock")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The port is nobody's: only the word counts.
    #[test]
    fn a_claim_is_seen_by_others_until_it_is_dropped() {
        let first = Claim::on(1);
        assert!(matches!(first, Claim::Held { .. }), "{first:?}");
        assert!(matches!(Claim::on(1), Claim::Anothers));
        assert!(matches!(Claim::on(2), Claim::Held { .. }));
        drop(first);
        assert!(matches!(Claim::on(1), Claim::Held { .. }));
    }
}
