//! By which grant tokens were got.

use serde::{Deserialize, Serialize};

/// By which grant tokens were got. Tokens of one are not those of another, whoever the client is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantKind {
    /// A user has consented (RFC 6749 §4.1).
    #[default]
    AuthorizationCode,
    /// A user has consented on another device (RFC 8628).
    DeviceCode,
    /// The client has asked for itself (RFC 6749 §4.4).
    ClientCredentials,
    /// A platform has said which workload the client is (RFC 7523 §2.1).
    WorkloadIdentity,
    /// An identity provider has said who its user is, and what they may do (RFC 8693, RFC 7523 §2.1).
    EnterpriseManaged,
}

impl GrantKind {
    /// The name, as records have it; it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::ClientCredentials => "client_credentials",
            Self::WorkloadIdentity => "workload_identity",
            Self::EnterpriseManaged => "enterprise_managed",
        }
    }

    /// Whether a user logs in for it. Nobody else ever sees a page.
    #[must_use]
    pub const fn has_user(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode)
    }

    /// Whether tokens of the one do for who has set up the other: a user is the same on any device.
    pub(crate) fn serves(self, other: Self) -> bool {
        self == other || self.has_user() && other.has_user()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
