//! What the keys in the database are called.

use oauth_core::client::LoginId;
use oauth_core::session::{Key, KeyId, Lock};

use crate::remote::{Name, Owner};

/// What all keys of a store begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(Box<str>);

/// A beginning that keys cannot have here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no beginning for keys: 1 to {LONGEST} of a-z, A-Z, 0-9, `_`, `-`, `.`, `/` and `:`"
)]
pub struct InvalidPrefix(Box<str>);

impl Default for Prefix {
    fn default() -> Self {
        Self("mcp_oauth".into())
    }
}

impl Prefix {
    pub(super) fn new(text: &str) -> Result<Self, InvalidPrefix> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:".contains(&byte);
        // A brace would be taken for the one in front of an id.
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidPrefix(text.into()))
        }
    }

    /// The braces keep all that belongs to a key in one slot of a cluster.
    pub(super) fn record(&self, id: KeyId) -> String {
        self.record_of(&id.to_string())
    }

    /// The same by the digits of an id.
    pub(super) fn record_of(&self, id: &str) -> String {
        format!("{}:{{{id}}}:record", self.0)
    }

    /// Where a record is kept that cannot be read. It is never there already.
    pub(super) fn damaged(&self, id: KeyId, number: Owner) -> String {
        format!("{}:{{{id}}}:damaged:{number}", self.0)
    }

    pub(super) fn lease(&self, name: &Name) -> String {
        let lock = match name.lock {
            Lock::Refresh => "refresh",
            Lock::Login => "login",
            Lock::Client => "client",
        };
        format!("{}:{{{}}}:{lock}", self.0, name.id)
    }

    pub(super) fn login(&self, id: &LoginId) -> String {
        format!("{}:login:{id}", self.0)
    }

    /// The indexes of a program, which are in one slot.
    pub(super) fn indexes(&self, application: &str) -> Indexes {
        Indexes {
            application: application.into(),
            tag: format!("{}:{{{}}}", self.0, Key::grant(application, "", "").id()),
        }
    }
}

/// What the sets are called that hold the ids of a program's records.
pub(super) struct Indexes {
    application: Box<str>,
    tag: String,
}

impl Indexes {
    /// When each id was entered, and whose it is.
    pub(super) fn stamps(&self) -> String {
        format!("{}:stamps", self.tag)
    }

    /// All records.
    pub(super) fn records(&self) -> String {
        format!("{}:records", self.tag)
    }

    pub(super) fn grants(&self) -> String {
        format!("{}:grants", self.tag)
    }

    /// Those of a profile, by what [`profile`](Self::profile) calls it.
    pub(super) fn grants_of(&self, profile: &str) -> String {
        format!("{}:grants:{profile}", self.tag)
    }

    /// A short name of a profile.
    pub(super) fn profile(&self, profile: &str) -> String {
        Key::grant(&self.application, profile, "").id().to_string()
    }

    /// Which sets an id is in, after the stamps: `profile` is empty if it is not that of a grant.
    pub(super) fn of(&self, profile: &str) -> Vec<String> {
        let mut keys = vec![self.stamps(), self.records()];
        if !profile.is_empty() {
            keys.extend([self.grants(), self.grants_of(profile)]);
        }
        keys
    }
}

/// In bytes. They stand in each key.
const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_checked() {
        let long = "a".repeat(101);
        for text in ["", "a{b", "a}b", "a b", "ä", "a\0", "a*", &long] {
            let error = Prefix::new(text).expect_err(text);
            assert!(error.to_string().contains("no beginning for keys"), "{error}");
        }
        assert!(Prefix::new("acme:oauth-2.x/y_z").is_ok());
    }

    #[test]
    fn what_belongs_together_has_the_same_tag() {
        let tag = |key: &str| key.split(['{', '}']).nth(1).map(str::to_owned);
        let (prefix, key) = (Prefix::default(), Key::grant("a", "p", "u"));
        let id = key.id();
        let name = Name::of(&key, Lock::Login);
        assert_eq!(tag(&prefix.record(id)), Some(id.to_string()));
        assert_eq!(tag(&prefix.lease(&name)), Some(id.to_string()));
        let indexes = prefix.indexes("a");
        let tags: Vec<_> = indexes.of(&indexes.profile("p")).iter().map(|it| tag(it)).collect();
        assert_eq!(tags.len(), 4);
        assert!(tags.iter().all(|it| it.is_some() && *it == tags[0]), "{tags:?}");
        assert_ne!(indexes.profile("p"), prefix.indexes("b").profile("p"));
    }
}
