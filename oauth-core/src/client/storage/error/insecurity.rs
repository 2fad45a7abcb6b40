//! What is wrong with a file or directory that others can use, and what would help.

use core::fmt;

/// Why a file or directory may not be its owner's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Insecurity {
    /// The directory is not in the user's profile, on Windows.
    OutsideProfile,
    /// The directory is a symbolic link.
    LinkToDirectory,
    /// The file is a symbolic link.
    LinkToFile,
    /// The directory belongs to another user.
    ForeignDirectory,
    /// The file belongs to another user.
    ForeignFile,
    /// Others can enter the directory.
    OpenDirectory,
    /// Others can read or change the file.
    OpenFile,
    /// A directory, a pipe or a device is where a file has to be.
    NoFile,
}

impl Insecurity {
    pub(super) fn advice(self) -> &'static str {
        self.explained().1
    }

    /// What it is, and what would help.
    fn explained(self) -> (&'static str, &'static str) {
        match self {
            Self::OutsideProfile => (
                "others may be able to enter what is not in the user's profile",
                "name a directory in it, or see to that yourself (`FileTokenStorage::in_private_dir`)",
            ),
            Self::LinkToDirectory => {
                ("it is a symbolic link", "name the directory that it leads to")
            }
            Self::LinkToFile => ("it is a symbolic link", "remove it"),
            Self::ForeignDirectory => {
                ("it belongs to another user", "name a directory of your own")
            }
            Self::ForeignFile => ("it belongs to another user", "remove it"),
            Self::OpenDirectory => ("others can enter it", "forbid them to with `chmod 700`"),
            Self::OpenFile => (
                "others may have read or changed it",
                "remove it, or forbid them to with `chmod 600`",
            ),
            Self::NoFile => ("it is no regular file", "remove it"),
        }
    }
}

impl fmt::Display for Insecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, advice) = self.explained();
        write!(f, "{what}; {advice}")
    }
}
