//! `fastmcp`. Until 2.12 it wrote the tokens for each server's origin into a folder of its own:
//!
//! ```text
//!   ~/.fastmcp/oauth-mcp-client-cache/https_mcp_example_com_tokens.json       { "data": { "token_payload": … }, "timestamp": … }
//!   ~/.fastmcp/oauth-mcp-client-cache/https_mcp_example_com_client_info.json  { "data": …, … }
//! ```
//!
//! Since then it stores what programs tell it to. What it recommends is a `FileTreeStore`, in which each value for the
//! server's URL is a file, and digests end the names:
//!
//! ```text
//!   S_mcp_oauth_token-3a009b34/S_https_mcp_example_com_mcp_tokens-0c87656f.json             { "value": … }
//!   S_mcp_oauth_client_info-92af0fc1/S_https_mcp_example_com_mcp_client_info-d24d31c3.json  { "value": … }
//! ```

use std::env::home_dir;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::stored::{Object, Stored, map, not_one, object};
use crate::outcome::Failure;

/// The login for a server that is in a file, or in a folder that is a `FileTreeStore`.
pub(super) fn read(place: &Path, url: &str) -> Result<Stored, Failure> {
    if place.is_dir() {
        let file = in_tree(place, "token", url, "tokens")?;
        let client = in_tree(place, "client-info", url, "client_info")?;
        return Stored::new(&file, value(&client)?, value(&file)?);
    }
    let name = place.to_string_lossy();
    let name = name
        .strip_suffix(TOKENS)
        .ok_or_else(|| not_one(place, &format!("its name does not end with {TOKENS}")))?;
    let client = PathBuf::from(format!("{name}_client_info.json"));
    let mut stored = object(place)?;
    let timestamp = member(&mut stored, "timestamp");
    let mut wrapped = map(member(&mut stored, "data"), place)?;
    let mut tokens = map(member(&mut wrapped, "token_payload"), place)?;
    tokens.insert("received_at".into(), timestamp);
    Stored::new(place, map(member(&mut object(&client)?, "data"), &client)?, tokens)
}

/// Where the tokens for a server were, until 2.12.
pub(super) fn place(url: &str) -> PathBuf {
    let folder = home_dir().unwrap_or_default().join(".fastmcp/oauth-mcp-client-cache");
    folder.join(format!("{}{TOKENS}", name(origin(url))))
}

/// The file of a value.
fn in_tree(tree: &Path, collection: &str, url: &str, kind: &str) -> Result<PathBuf, Failure> {
    let folder = below(tree, &name_in_tree(&format!("mcp-oauth-{collection}")), "")?
        .ok_or_else(|| not_one(tree, "it is no FileTreeStore with logins"))?;
    let url = url.trim_end_matches('/');
    let file = below(&folder, &name_in_tree(&format!("{url}/{kind}")), ".json")?;
    file.ok_or_else(|| not_one(tree, &format!("it has no {kind} for {url}")))
}

/// What is called so, a digest of eight digits, and that end.
fn below(folder: &Path, name: &str, end: &str) -> Result<Option<PathBuf>, Failure> {
    for entry in fs::read_dir(folder).map_err(|error| not_one(folder, &error.to_string()))? {
        let entry = entry?;
        let found = entry.file_name();
        let digest = found.to_str().and_then(|it| it.strip_prefix(name)?.strip_suffix(end));
        let digest = digest.and_then(|it| it.strip_prefix('-'));
        if digest.is_some_and(|it| it.len() == 8 && it.bytes().all(|at| at.is_ascii_hexdigit())) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// The value in a file of a `FileTreeStore`.
fn value(file: &Path) -> Result<Object, Failure> {
    let value = map(member(&mut object(file)?, "value"), file)?;
    if value.contains_key("__encrypted_data__") {
        return Err(not_one(file, "it is encrypted with a key of FastMCP's: log in here instead"));
    }
    Ok(value)
}

fn member(object: &mut Object, name: &str) -> Value {
    object.remove(name).unwrap_or_default()
}

fn origin(url: &str) -> &str {
    let rest = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(rest..).and_then(|it| it.find(['/', '?', '#']));
    end.and_then(|at| url.get(..rest + at)).unwrap_or(url)
}

/// How it called a file until 2.12: many characters, and underscores beside them, were one underscore.
fn name(key: &str) -> String {
    let is_replaced = |at: char| "./\\:*?\"<>| _".contains(at);
    key.split(is_replaced).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// How it calls a file since then, but for the digest: others than these are one underscore together.
fn name_in_tree(key: &str) -> String {
    let mut name = String::from("S_");
    let mut is_replaced = false;
    for at in key.chars() {
        let stays = at.is_ascii_alphanumeric() || at == '_';
        if stays {
            name.push(at);
        } else if !is_replaced {
            name.push('_');
        }
        is_replaced = !stays;
    }
    name
}

const TOKENS: &str = "_tokens.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_by_it() {
        for (url, expected) in [
            ("https://mcp.example.com/mcp", "https_mcp_example_com"),
            ("http://127.0.0.1:8000", "http_127_0_0_1_8000"),
            ("https://my_server.example.com?x=1", "https_my_server_example_com"),
        ] {
            assert_eq!(name(origin(url)), expected);
        }
        for (key, expected) in [
            ("mcp-oauth-token", "S_mcp_oauth_token"),
            ("https://mcp.example.com/mcp/tokens", "S_https_mcp_example_com_mcp_tokens"),
            (
                "https://a_b.example.com:8443/x__y/-/tokens",
                "S_https_a_b_example_com_8443_x__y_tokens",
            ),
            ("https://é.example/mcp/tokens", "S_https_example_mcp_tokens"),
        ] {
            assert_eq!(name_in_tree(key), expected);
        }
    }
}
