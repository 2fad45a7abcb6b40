//! Token requests without a user: with the client's own credentials (RFC 6749 §4.4), or with an assertion
//! about somebody (RFC 7523 §2.1).
//!
//! The answer is a token answer like any other, but for its refresh token, which there should be none of.

use crate::error::Error;
use crate::form::Form;
use crate::http::{Request, Response};
use crate::scope::{OFFLINE_ACCESS, Scopes};
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::url::HttpUrl;
use crate::wire::grant_types::GrantType;
use crate::wire::token::{TokenData, TokenRequester, read_tokens};
use crate::wire::token_type::TokenType;

/// Asks for a token with the client's own credentials (RFC 6749 §4.4.2).
///
/// `offline_access` is left out of the scopes: it asks for a refresh token, and there is none to be had
/// without a user (RFC 6749 §4.4.3).
pub(crate) fn client_credentials_request(
    requester: &TokenRequester<'_>,
    scopes: Option<&Scopes>,
) -> Request {
    requester.request(with_scopes(requester.form(GrantType::ClientCredentials.as_str(), 0), scopes))
}

/// Asks for a token with an assertion about whom it is for: the JWT of a workload, or the grant of an identity
/// provider (RFC 7523 §2.1).
///
/// It is sent once: a server that has seen an assertion may refuse it (RFC 7523 §3).
pub(crate) fn jwt_bearer_request(
    requester: &TokenRequester<'_>,
    assertion: &Secret,
    scopes: Option<&Scopes>,
) -> Request {
    let assertion = assertion.expose();
    let form =
        requester.form(GrantType::JwtBearer.as_str(), assertion.len()).pair("assertion", assertion);
    requester.request(with_scopes(form, scopes))
}

/// Reads the answer to both. A refresh token in it is left out: asking again is how such a token is renewed,
/// and nobody would revoke it (RFC 6749 §4.4.3, RFC 7521 §4.1).
///
/// # Errors
///
/// As for [`read_tokens`].
pub(crate) fn read_machine_token(
    response: &Response,
    endpoint: &HttpUrl,
    requested: Option<&Scopes>,
    asked: TokenType,
    now: UnixTime,
) -> Result<TokenData, Error> {
    match read_tokens(response, endpoint, requested, asked, now) {
        Ok(tokens) => Ok(TokenData { refresh_token: None, ..tokens }),
        Err(none) => Err(none.error),
    }
}

/// The scopes without what only a user can grant.
pub(super) fn with_scopes(form: Form, scopes: Option<&Scopes>) -> Form {
    match scopes {
        Some(scopes) if scopes.contains(OFFLINE_ACCESS) => {
            let offline = Scopes::parse(OFFLINE_ACCESS).unwrap_or_default();
            form.pair_if("scope", scopes.without(&offline).as_ref().map(Scopes::as_str))
        }
        _ => form.pair_if("scope", scopes.map(Scopes::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    use super::*;
    use crate::form::owned_pairs;
    use crate::url::HttpAllowance;
    use crate::wire::AuthMethod;
    use crate::wire::client_auth::Authentication;
    use crate::wire::dialect::{Dialect, Parameter, ResourceMode};

    const RESOURCE: &str = "https://MCP.example/mcp?a=b&c";

    fn endpoint() -> HttpUrl {
        HttpUrl::parse("https://as.example/t?p=1", HttpAllowance::Forbidden)
            .unwrap_or_else(|e| panic!("{e}"))
    }

    fn form(request: &Request) -> Vec<(String, String)> {
        owned_pairs(core::str::from_utf8(request.body()).unwrap_or_default())
    }

    fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(name, value)| (name.to_string(), value.to_string())).into()
    }

    fn requester<'a>(endpoint: &'a HttpUrl, client: Authentication<'a>) -> TokenRequester<'a> {
        TokenRequester { endpoint, client, resource: RESOURCE, dialect: None }
    }

    #[test]
    fn a_client_asks_for_itself_and_for_one_resource() {
        let (endpoint, secret) = (endpoint(), Secret::from("s&1"));
        let scopes = Scopes::parse("mcp:read offline_access b");
        for (method, more, has_header) in [
            (AuthMethod::ClientSecretBasic, &[][..], true),
            (
                AuthMethod::ClientSecretPost,
                &[("client_id", "c 1"), ("client_secret", "s&1")],
                false,
            ),
        ] {
            let client = Authentication::of(method, "c 1", Some(&secret));
            let request =
                client_credentials_request(&requester(&endpoint, client), scopes.as_ref());
            let mut expected = owned([
                ("grant_type", "client_credentials"),
                ("scope", "mcp:read b"),
                ("resource", RESOURCE),
            ]);
            expected.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
            assert_eq!(form(&request), expected);
            assert_eq!(request.headers().any(|(name, _)| name == "authorization"), has_header);
            assert_eq!(request.url().as_str(), "https://as.example/t?p=1");
        }
    }

    #[test]
    fn a_signed_client_is_named_by_its_assertion_alone() {
        let endpoint = endpoint();
        let assertion = serde_json::from_str("\"h.c.s\"").unwrap_or_else(|e| panic!("{e}"));
        let client = Authentication::Signed { assertion: &assertion, client_id: None };
        let request = client_credentials_request(&requester(&endpoint, client), None);
        assert_eq!(
            form(&request),
            owned([
                ("grant_type", "client_credentials"),
                ("resource", RESOURCE),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", "h.c.s"),
            ])
        );
    }

    #[test]
    fn an_assertion_needs_no_client() {
        let (endpoint, assertion) = (endpoint(), Secret::from("h.c.s"));
        for (client, named) in [
            (Authentication::Unnamed, None),
            (Authentication::Public { client_id: "c 1" }, Some("c 1")),
        ] {
            let requester = requester(&endpoint, client);
            let scopes = Scopes::parse("offline_access");
            let request = jwt_bearer_request(&requester, &assertion, scopes.as_ref());
            let mut expected = owned([
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", "h.c.s"),
                ("resource", RESOURCE),
            ]);
            expected.extend(named.map(|id| ("client_id".into(), id.into())));
            assert_eq!(form(&request), expected, "no scope is left to ask for");
            assert!(request.headers().all(|(name, _)| name != "authorization"));
        }
    }

    #[test]
    fn a_server_gets_what_it_wants_beyond_the_specification() {
        let endpoint = endpoint();
        let parameter = Parameter::new("audience", "api://x", |_| false);
        let dialect = Dialect {
            resource: Some(ResourceMode::Omit),
            token: Vec::from([parameter.unwrap_or_else(|e| panic!("{e}"))]),
            ..Dialect::default()
        };
        let requester = requester(&endpoint, Authentication::Unnamed);
        let requester = TokenRequester { dialect: Some(&dialect), ..requester };
        let request = client_credentials_request(&requester, None);
        assert_eq!(
            form(&request),
            owned([("grant_type", "client_credentials"), ("audience", "api://x")])
        );
    }

    #[test]
    fn a_refresh_token_is_not_kept_and_a_refusal_is_one() {
        let now = UnixTime::from_secs(1_900_000_000);
        let read = |status, body: &str| {
            let response = Response::new(status, body.into());
            read_machine_token(&response, &endpoint(), None, TokenType::Bearer, now)
        };
        let body =
            r#"{"access_token":"at","token_type":"bearer","refresh_token":"rt","expires_in":9}"#;
        let tokens = read(200, body).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((tokens.access_token.token(), tokens.refresh_token), ("at", None));
        assert_eq!(tokens.expires_at, Some(UnixTime::from_secs(1_900_000_009)));
        let refused = read(400, r#"{"error":"invalid_grant"}"#);
        assert!(matches!(refused, Err(Error::Refused(it)) if &*it.code == "invalid_grant"));
        // What is no access token is none here either.
        assert!(read(200, r#"{"access_token":"at","token_type":"N_A"}"#).is_err());
    }
}
