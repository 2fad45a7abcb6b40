//! Grants by the names that metadata and requests have for them (RFC 6749 §4, RFC 7591 §2).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::{Gather, List};

/// A grant that a client can use, or do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantType {
    RefreshToken,
    ClientCredentials,
    JwtBearer,
    DeviceCode,
}

impl GrantType {
    /// The name as it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }
}

/// Which grants a server lists, as far as they matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GrantTypes(u8);

impl GrantTypes {
    pub(crate) fn contains(self, grant: GrantType) -> bool {
        self.0 & (1 << grant as u8) != 0
    }
}

impl Gather for GrantTypes {
    fn gather(&mut self, text: &str) {
        if let Some(grant) = ALL.into_iter().find(|grant| grant.as_str() == text) {
            self.0 |= 1 << grant as u8;
        }
    }
}

/// Written as the list that it was read from.
impl Serialize for GrantTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let listed = ALL.into_iter().filter(|grant| self.contains(*grant));
        serializer.collect_seq(listed.map(GrantType::as_str))
    }
}

impl<'de> Deserialize<'de> for GrantTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        List::deserialize(deserializer).map(|list| list.0)
    }
}

const ALL: [GrantType; 4] = [
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::JwtBearer,
    GrantType::DeviceCode,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_kept_as_far_as_they_matter() {
        let list = r#"["authorization_code","client_credentials","x",
            "urn:ietf:params:oauth:grant-type:jwt-bearer"]"#;
        let grants: GrantTypes = serde_json::from_str(list).unwrap_or_else(|e| panic!("{e}"));
        let found = ALL.map(|grant| grants.contains(grant));
        assert_eq!(found, [false, true, true, false]);
        let written = serde_json::to_string(&grants).unwrap_or_default();
        assert_eq!(
            written,
            r#"["client_credentials","urn:ietf:params:oauth:grant-type:jwt-bearer"]"#
        );
        assert_eq!(serde_json::from_str(&written).ok(), Some(grants));
    }
}
