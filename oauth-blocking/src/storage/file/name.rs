//! Names of files that people can read and every file system can hold.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};

use sha2::{Digest as _, Sha256};

use oauth_core::session::{Key, Lock};

/// What the names of a key's files begin with: lower-case letters, digits and `-`, so that it is the
/// same with and without regard to case, and no reserved name of Windows (`con.example` would be one).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn of(key: &Key) -> Self {
        Self::new(&key.server_url, key.id().as_bytes())
    }

    /// The name that the first versions gave, when a key had no application.
    pub(super) fn former(key: &Key) -> Self {
        let Key { profile, server_url, .. } = key;
        let mut hash = Sha256::new();
        hash.update(format!("{}:{profile}{server_url}", profile.len()));
        Self::new(server_url, &hash.finalize().into())
    }

    fn new(server_url: &str, hash: &[u8; 32]) -> Self {
        let mut name = host(server_url);
        name.push('-');
        push_hex(&mut name, &hash[..HASH_LENGTH]);
        Self(name)
    }

    /// The name that a file's begins with, if it is one of ours, and the rest.
    pub(super) fn split(file: &str) -> Option<(Self, &str)> {
        let (name, _) = file.split_once('.')?;
        let (_, hash) = name.rsplit_once('-')?;
        let is_ours =
            hash.len() == 2 * HASH_LENGTH && hash.bytes().all(|it| it.is_ascii_hexdigit());
        is_ours.then(|| (Self(name.into()), &file[name.len()..]))
    }

    /// The directory for it: one of 256.
    pub(super) fn shard(&self) -> &str {
        let hash = self.0.len() - 2 * HASH_LENGTH;
        &self.0[hash..hash + SHARD_LENGTH]
    }

    pub(super) fn record(&self) -> String {
        format!("{}{RECORD}", self.0)
    }

    pub(super) fn spending(&self) -> String {
        format!("{}{SPENDING}", self.0)
    }

    pub(super) fn damaged(&self, count: u64) -> String {
        format!("{}.damaged-{count}", self.0)
    }

    /// A record that was given another name, on its way to the place under that.
    pub(super) fn moving_to(&self, other: &Self) -> String {
        let hash = other.0.len() - 2 * HASH_LENGTH;
        format!("{}.moving-{}", self.0, &other.0[hash..])
    }

    pub(super) fn lock(&self, lock: Lock) -> String {
        let end = match lock {
            Lock::Refresh => REFRESH,
            Lock::Login => LOGIN,
            Lock::Client => CLIENT,
        };
        format!("{}{end}", self.0)
    }

    pub(super) fn write_lock(&self) -> String {
        format!("{}{WRITE}", self.0)
    }

    /// Another one each time, on any machine: where locks are not honoured, two writers still do not
    /// write one file.
    pub(super) fn temporary(&self) -> String {
        temporary(&self.0)
    }
}

/// The same for another name.
pub(super) fn temporary(name: &str) -> String {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{name}{TEMPORARY}{random:016x}")
}

/// What the rest of a [split](Name::split) name says of the file.
pub(super) fn is_temporary(rest: &str) -> bool {
    rest.starts_with(TEMPORARY)
}

/// Whether a directory of this name has grants in it.
pub(super) fn is_shard(name: &str) -> bool {
    name.len() == SHARD_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The directory of the hash that begins like this.
pub(super) fn shard_of(hash: &str) -> &str {
    hash.get(..SHARD_LENGTH).unwrap_or(hash)
}

/// What the id begins with whose record this is, if it is one.
pub(super) fn hash_of_record(file: &str) -> Option<&str> {
    file.strip_suffix(RECORD)?.rsplit_once('-').map(|(_, hash)| hash)
}

/// The same: whether it is a lock.
pub(super) fn is_lock(rest: &str) -> bool {
    [REFRESH, LOGIN, CLIENT, WRITE].contains(&rest)
}

/// The name of a program's directory, which no other program's is.
pub(super) fn folder(application: &str) -> String {
    let mut name = words(application, "application");
    name.push('-');
    push_hex(&mut name, &Sha256::digest(application)[..FOLDER_HASH_LENGTH]);
    name
}

/// The name for a key in a keyring: those of two keys are two, and none is a grant's.
#[cfg(feature = "keyring")]
pub(super) fn of_item(service: &str, account: &str) -> String {
    let mut name = words(service, "application");
    name.push('-');
    let hash = Sha256::digest(format!("{}:{service}{account}", service.len()));
    push_hex(&mut name, &hash[..ITEM_HASH_LENGTH]);
    name
}

/// The host and port of a URL, as far as they are letters and digits. Never its user information,
/// which may be a password.
fn host(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '\\', '?', '#']).next();
    let host = authority.and_then(|text| text.rsplit('@').next());
    words(host.unwrap_or_default(), "server")
}

fn words(text: &str, without: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut text = words.join("-").to_ascii_lowercase();
    text.truncate(MAX_WORDS);
    if text.is_empty() {
        text.push_str(without);
    }
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a `String` never fails.
        let _ = write!(text, "{byte:02x}");
    }
}

/// How the names of grants end.
pub(super) const RECORD: &str = ".json";

/// How those of the rooms for them do.
pub(super) const SPENDING: &str = ".spending";

const TEMPORARY: &str = ".tmp-";
const REFRESH: &str = ".refresh.lock";
const LOGIN: &str = ".login.lock";
const CLIENT: &str = ".client.lock";
const WRITE: &str = ".write.lock";

/// How long the name of a [shard](Name::shard) is.
const SHARD_LENGTH: usize = 2;

/// How much of the hash is used, in bytes: enough that two keys with one name cannot be found.
const HASH_LENGTH: usize = 16;

/// The same for a program's directory. Two with one name are as good as one, since a key has the program.
const FOLDER_HASH_LENGTH: usize = 4;

/// The same for a key in a keyring: shorter than that of a grant, so that it is not taken for one.
#[cfg(feature = "keyring")]
const ITEM_HASH_LENGTH: usize = 8;

/// How much of a host or program is shown, in bytes: names stay far below the 255 bytes of file systems and, in
/// the default directory, the 260 characters of paths on Windows.
const MAX_WORDS: usize = 40;

#[cfg(test)]
mod tests {
    use oauth_core::session::KeyKind;

    use super::*;

    fn key(application: &str, profile: &str, url: &str) -> Key {
        Key::grant(application, profile, url)
    }

    /// Whoever has to change these numbers logs everybody out.
    #[test]
    fn names_are_the_same_for_ever() {
        let url = "https://mcp.example.com/mcp";
        for (key, now, former) in [
            (
                key("", "", url),
                "b49791ebdddf0c6c443e5b9e96213e83",
                "126f59b99d969cc31cde56e6ebe421f4",
            ),
            (
                key("My editor", "", url),
                "7e427846bf88c35e02c800f75ea69c23",
                "126f59b99d969cc31cde56e6ebe421f4",
            ),
            (
                key("My editor", "work", url),
                "ae8381065ecf1549bff8947126fe35f6",
                "d32e936728876182a30cf1fb4d10f513",
            ),
        ] {
            let name = Name::of(&key);
            assert_eq!(name.0, format!("mcp-example-com-{now}"), "{key:?}");
            assert_eq!(name.shard(), &now[..2]);
            assert_eq!(Name::former(&key).0, format!("mcp-example-com-{former}"), "{key:?}");
        }
        let local = Name::former(&key("", "", "http://127.0.0.1:8080/"));
        assert_eq!(local.0, "127-0-0-1-8080-74f282fde8aefdc9a527977d78c2fcdb");
        assert_eq!(folder("My editor"), "my-editor-b0dc1aba");
        assert_eq!(folder("my editor"), "my-editor-eac4f2c7");
        assert_eq!(folder(""), "application-e3b0c442");
    }

    /// The same: of clients, and of tokens without a user.
    #[test]
    fn other_kinds_have_names_of_their_own() {
        let grant = key("My editor", "https://a/callback", "https://auth.example.com");
        let client = Key { kind: KeyKind::Client, ..grant.clone() };
        let issuer = Key { kind: KeyKind::ClientIssuer, ..grant.clone() };
        let machine = Key { kind: KeyKind::Machine, ..grant.clone() };
        let names = [&grant, &client, &issuer, &machine].map(|key| Name::of(key).0);
        assert_eq!(names[1], "auth-example-com-9ba7aafc503268196d1bf23a268f53cd");
        assert_eq!(names[2], "auth-example-com-5bcfc1ef72d1117bf6e9a1fd150a96bb");
        assert_eq!(names[3], "auth-example-com-44b8fb67a005a749e5aabcff7b0aac0c");
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn parts_of_a_key_do_not_run_into_each_other() {
        let url = "https://a/";
        let names = [("ab", ""), ("", "ab"), ("a", "b"), ("1:a", ""), ("", "1:a"), ("", "")]
            .map(|(application, profile)| Name::of(&key(application, profile, url)).0);
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
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
    fn only_own_files_are_taken_for_such() {
        let own = Name::of(&key("", "", "https://a/"));
        assert_ne!(own.temporary(), own.temporary());
        for (file, is_temporary, is_lock) in [
            (own.temporary(), true, false),
            (own.lock(Lock::Refresh), false, true),
            (own.lock(Lock::Login), false, true),
            (own.lock(Lock::Client), false, true),
            (own.write_lock(), false, true),
            (own.record(), false, false),
            (own.spending(), false, false),
            (own.damaged(1), false, false),
        ] {
            let (name, rest) = Name::split(&file).unwrap_or_else(|| panic!("{file}"));
            assert_eq!(name, own);
            assert_eq!((super::is_temporary(rest), super::is_lock(rest)), (is_temporary, is_lock));
        }
        for file in ["notes.lock", "a-0123.tmp-1", "a", "", ".lock", "-.lock"] {
            assert_eq!(Name::split(file), None, "{file}");
        }
    }
}
