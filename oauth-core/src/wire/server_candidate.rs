//! Where the metadata of an authorization server lies: the places, in the order in which they are asked.

use alloc::format;

use serde::{Deserialize, Serialize};

use crate::address_policy::AddressPolicy;
use crate::url::{HttpUrl, UrlDefect};
use crate::wire::issuer::Issuer;

/// A place where the metadata of an authorization server may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ServerCandidate {
    /// RFC 8414 §3.1: the well-known path in front of the issuer's path.
    OAuthInserted,
    /// The same for OpenID Connect (RFC 8414 §5).
    OidcInserted,
    /// OpenID Connect Discovery 1.0 §4: the well-known path behind the issuer's path.
    OidcAppended,
}

impl ServerCandidate {
    pub(crate) const FIRST: Self = Self::OAuthInserted;

    /// Where to look when there is nothing here. The root is not tried for an issuer with a path.
    pub(crate) fn next(self, issuer: &Issuer) -> Option<Self> {
        match self {
            Self::OAuthInserted if issuer.path().is_empty() => Some(Self::OidcAppended),
            Self::OAuthInserted => Some(Self::OidcInserted),
            Self::OidcInserted => Some(Self::OidcAppended),
            Self::OidcAppended => None,
        }
    }

    /// The URL of this place. A slash at the end of the issuer is left out here, and only here
    /// (RFC 8414 §3.1).
    ///
    /// # Errors
    ///
    /// The stored issuer does not parse; [`Issuer::parse`] had let it pass.
    pub(crate) fn url(
        self,
        issuer: &Issuer,
        address_policy: AddressPolicy<'_>,
    ) -> Result<HttpUrl, UrlDefect> {
        let url = address_policy.parse(issuer.as_str())?;
        let path = url.path().trim_end_matches('/');
        Ok(url.with_path(&match self {
            Self::OAuthInserted => format!("{OAUTH}{path}"),
            Self::OidcInserted => format!("{OIDC}{path}"),
            Self::OidcAppended => format!("{path}{OIDC}"),
        }))
    }
}

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OIDC: &str = "/.well-known/openid-configuration";

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    use super::*;

    fn places(text: &str) -> Vec<String> {
        let issuer =
            Issuer::parse(text, AddressPolicy::PUBLIC).unwrap_or_else(|e| panic!("{text}: {e}"));
        core::iter::successors(Some(ServerCandidate::FIRST), |last| last.next(&issuer))
            .map(|place| {
                place
                    .url(&issuer, AddressPolicy::PUBLIC)
                    .map(|url| url.to_string())
                    .unwrap_or_default()
            })
            .collect()
    }

    #[test]
    fn places_are_tried_in_the_order_of_the_specification() {
        let root = [
            "https://as.example/.well-known/oauth-authorization-server",
            "https://as.example/.well-known/openid-configuration",
        ];
        assert_eq!(places("https://as.example"), root);
        assert_eq!(places("https://as.example/"), root);
        let tenant = [
            "https://as.example/.well-known/oauth-authorization-server/tenant1",
            "https://as.example/.well-known/openid-configuration/tenant1",
            "https://as.example/tenant1/.well-known/openid-configuration",
        ];
        assert_eq!(places("https://as.example/tenant1"), tenant);
        assert_eq!(places("https://as.example/tenant1/"), tenant);
    }
}
