//! `mcp-use`: a file in `~/.mcp_use/tokens` for each server, and the client in a folder below.

use std::env::home_dir;
use std::path::{Path, PathBuf};

use super::stored::{Stored, object};
use crate::outcome::Failure;

/// The login with these tokens.
pub(super) fn read(file: &Path) -> Result<Stored, Failure> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let place = file.parent().unwrap_or(Path::new(""));
    let client = object(&place.join(format!("registrations/{name}_registration.json")))?;
    Stored::new(file, client, object(file)?)
}

/// Where the tokens for a server are.
pub(super) fn place(url: &str) -> PathBuf {
    home_dir().unwrap_or_default().join(".mcp_use/tokens").join(name(url))
}

fn name(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{authority}_{}.json", path.replace('/', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_by_it() {
        for (url, expected) in [
            ("https://mcp.example.com:8443/a/mcp?x=1", "mcp.example.com:8443__a_mcp.json"),
            ("https://mcp.example.com", "mcp.example.com_.json"),
        ] {
            assert_eq!(name(url), expected);
        }
    }
}
