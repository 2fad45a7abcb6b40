//! Names of files that people can read and every file system can hold.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};

use sha2::{Digest as _, Sha256};

use oauth_core::session::{Key, Lock};

/// What the names of a key's files begin with: lower-case letters, digits and `-`, so that it is the
/// same with and without regard to case, and no reserved name of Windows (`con.example` would be one).
#[derive(Debug)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn of(key: &Key) -> Self {
        let mut name = host(&key.server_url);
        name.push('-');
        let mut hash = Sha256::new();
        // The length says where the profile ends: no two keys are hashed as the same bytes.
        hash.update(format!("{}:", key.profile.len()));
        hash.update(key.profile.as_bytes());
        hash.update(key.server_url.as_bytes());
        for byte in &hash.finalize()[..HASH_LENGTH] {
            // Writing to a `String` never fails.
            let _ = write!(name, "{byte:02x}");
        }
        Self(name)
    }

    pub(super) fn record(&self) -> String {
        format!("{}{RECORD}", self.0)
    }

    pub(super) fn damaged(&self, count: u64) -> String {
        format!("{}.damaged-{count}", self.0)
    }

    pub(super) fn lock(&self, lock: Lock) -> String {
        match lock {
            Lock::Refresh => format!("{}.refresh.lock", self.0),
            Lock::Login => format!("{}.login.lock", self.0),
        }
    }

    pub(super) fn write_lock(&self) -> String {
        format!("{}.write.lock", self.0)
    }

    /// Another one each time, on any machine: where locks are not honoured, two writers still do not
    /// write one file.
    pub(super) fn temporary(&self) -> String {
        let random = RandomState::new().hash_one(std::process::id());
        format!("{}{TEMPORARY}{random:016x}", self.0)
    }

    pub(super) fn is_temporary(&self, file: &str) -> bool {
        let rest = file.strip_prefix(&*self.0);
        rest.is_some_and(|rest| rest.starts_with(TEMPORARY))
    }
}

/// The host and port of a URL, as far as they are letters and digits. Never its user information,
/// which may be a password.
fn host(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '\\', '?', '#']).next();
    let host = authority.and_then(|text| text.rsplit('@').next());
    let words = host.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut host = words.join("-").to_ascii_lowercase();
    host.truncate(MAX_HOST);
    if host.is_empty() {
        host.push_str("server");
    }
    host
}

/// How the names of grants end.
pub(super) const RECORD: &str = ".json";

const TEMPORARY: &str = ".tmp-";

/// How much of the hash is used, in bytes: enough that two keys with one name cannot be found.
const HASH_LENGTH: usize = 16;

/// How much of a host is shown, in bytes: names stay far below the 255 bytes of file systems and, in
/// the default directory, the 260 characters of paths on Windows.
const MAX_HOST: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(profile: &str, url: &str) -> String {
        let (profile, server_url) = (profile.into(), url.into());
        Name::of(&Key { profile, server_url }).0
    }

    /// Whoever has to change these numbers logs everybody out.
    #[test]
    fn names_are_the_same_for_ever() {
        for (profile, url, expected) in [
            ("", "https://mcp.example.com/mcp", "mcp-example-com-126f59b99d969cc31cde56e6ebe421f4"),
            ("", "http://127.0.0.1:8080/", "127-0-0-1-8080-74f282fde8aefdc9a527977d78c2fcdb"),
            (
                "work",
                "https://mcp.example.com/mcp",
                "mcp-example-com-d32e936728876182a30cf1fb4d10f513",
            ),
        ] {
            assert_eq!(name(profile, url), expected, "{profile} {url}");
        }
    }

    #[test]
    fn hosts_are_readable_and_tell_no_secret() {
        let long = format!("https://{}.example/", "a".repeat(100));
        for (url, expected) in [
            ("https://MCP.Example.com:8443/a/b", "mcp-example-com-8443"),
            ("https://user:hunter2@host/@path", "host"),
            ("https://[::1]:80/", "1-80"),
            ("https://con/", "con"),
            ("https://bücher.example?q", "b-cher-example"),
            ("no url", "no-url"),
            ("", "server"),
            (&*long, &*"a".repeat(40)),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    #[test]
    fn only_own_temporary_files_are_taken_for_such() {
        let own = Name::of(&Key { profile: "".into(), server_url: "https://a/".into() });
        let other = Name::of(&Key { profile: "x".into(), server_url: "https://a/".into() });
        assert!(own.is_temporary(&own.temporary()));
        assert_ne!(own.temporary(), own.temporary());
        for file in [own.record(), own.write_lock(), own.damaged(1), other.temporary()] {
            assert!(!own.is_temporary(&file), "{file}");
        }
    }
}
