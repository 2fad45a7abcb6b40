//! `mcp-remote`: `…_tokens.json` and `…_client_info.json` for each login, named by a digest of more than the URL.

use std::env::{home_dir, var_os};
use std::fs;
use std::path::{Path, PathBuf};

use super::stored::{Stored, not_one, object};
use crate::outcome::Failure;

/// The login with these tokens.
pub(super) fn read(file: &Path) -> Result<Stored, Failure> {
    let name = file.to_string_lossy();
    let name = name
        .strip_suffix(TOKENS)
        .ok_or_else(|| not_one(file, &format!("its name does not end with {TOKENS}")))?;
    let client = object(Path::new(&format!("{name}_client_info.json")))?;
    Stored::new(file, client, object(file)?)
}

/// The tokens, if there is only one login.
pub(super) fn the_only_login() -> Result<PathBuf, Failure> {
    let home = home_dir().unwrap_or_default();
    let directory = var_os("MCP_REMOTE_CONFIG_DIR").map_or(home.join(".mcp-auth"), PathBuf::from);
    let mut found = Vec::new();
    // Without the directory it was never used.
    for version in fs::read_dir(directory).into_iter().flatten() {
        let version = version?.path();
        if !version.is_dir() {
            continue;
        }
        for file in fs::read_dir(version)? {
            let path = file?.path();
            found.extend(path.to_string_lossy().ends_with(TOKENS).then_some(path));
        }
    }
    match &found[..] {
        [only] => Ok(only.clone()),
        [] => Err(Failure::Usage("mcp-remote has no login here".into())),
        several => {
            let all: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Failure::Usage(format!(
                "mcp-remote has several logins; say which: {}",
                all.join(", ")
            )))
        }
    }
}

const TOKENS: &str = "_tokens.json";
