//! What a record is stored under.

use alloc::boxed::Box;
use alloc::format;
use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::url::shown;

/// What a record is stored under: which program, who (a profile that the host names), at which server; or, of a
/// client that all profiles share, which program, at which issuer, with which redirect URI (without a port that may
/// be [any](crate::flow::RedirectUri::at_any_port)).
///
/// Records of all kinds stand side by side in a store: a store has to tell their keys apart.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// What is stored under it.
    #[serde(default, skip_serializing_if = "KeyKind::is_usual")]
    pub kind: KeyKind,
    /// The program whose user it is ([`Settings::application`](crate::flow::Settings::application)): what
    /// one program may do is not for the next one that shares the store. Keys of versions before this
    /// have none.
    #[serde(default)]
    pub application: Box<str>,
    /// The host's name for a user or an account; empty where there is only one. With a client, the redirect
    /// URI.
    pub profile: Box<str>,
    /// The MCP server's URL, as the host wrote it. With a client, the issuer.
    pub server_url: Box<str>,
}

/// Without what the query of the URL says.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, application, profile, server_url } = self;
        f.debug_struct("Key")
            .field("kind", kind)
            .field("application", application)
            .field("profile", profile)
            .field("server_url", &shown(server_url))
            .finish()
    }
}

/// What is stored under a [`Key`]. Exhaustive on purpose: a store has to name each kind differently.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// A user's grant.
    #[default]
    Grant,
    /// A token that was got without a user. A program that gets tokens in both ways keeps both.
    Machine,
    /// A client that was registered for all profiles
    /// ([`Settings::client_records`](crate::flow::Settings::client_records)).
    Client,
    /// Whose a client is that the host brings with a secret, but without an issuer: the first one that issued
    /// tokens to it, and for some minutes the one that a login sends the secret to. The client id stands in place
    /// of the profile; there is no URL.
    ClientIssuer,
}

impl KeyKind {
    /// Whether tokens are stored under it, a user's or those of nobody.
    #[must_use]
    pub fn is_grant(&self) -> bool {
        matches!(self, Self::Grant | Self::Machine)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Key {
    /// A name of fixed length that no other key has: the SHA-256 of its kind, its application, its profile and its URL,
    /// each with its length in front. It never changes, since everybody would be logged out by that.
    ///
    /// ```console
    /// $ printf '9:My editor0:27:https://mcp.example.com/mcp' | sha256sum
    /// 7e427846bf88c35e02c800f75ea69c23…
    /// ```
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut hash = Sha256::new();
        // What is hashed for a grant begins with a digit.
        hash.update(match self.kind {
            KeyKind::Client => "client,",
            KeyKind::ClientIssuer => "client issuer,",
            KeyKind::Machine => "machine,",
            KeyKind::Grant => "",
        });
        for part in [&self.application, &self.profile, &self.server_url] {
            // The length says where a part ends: no two keys are hashed as the same bytes.
            hash.update(format!("{}:{part}", part.len()));
        }
        KeyId(hash.finalize().into())
    }

    /// The key of a user's grant.
    #[must_use]
    pub fn grant(application: &str, profile: &str, server_url: &str) -> Self {
        let kind = KeyKind::Grant;
        Self {
            kind,
            application: application.into(),
            profile: profile.into(),
            server_url: server_url.into(),
        }
    }
}

/// The [name](Key::id) of a key, for stores that want short ones; written in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
