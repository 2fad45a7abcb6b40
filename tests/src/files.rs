//! What a directory holds.

use std::path::{Path, PathBuf};

/// The files in a directory and in those below it, in order.
///
/// # Panics
///
/// It cannot be read.
#[must_use]
pub fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the directory can be read").path();
        // A link counts as what it is.
        if path.is_dir() && !path.is_symlink() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether a file is a record of a grant, and not of a client that several share.
#[must_use]
pub fn is_grant(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "json") && !is_client(path)
}

/// Whether a file is a record of a client that several share.
#[must_use]
pub fn is_client(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.contains("\"kind\": \"client")
}
