//! The revocation endpoint: a token goes there and ends (RFC 7009).

use crate::error::Error;
use crate::form::Form;
use crate::http::{Endpoint, Request, Response};
use crate::url::HttpUrl;
use crate::wire::client_auth::Authentication;
use crate::wire::read_success;

/// Which token it is, so that the server finds it sooner (RFC 7009 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    RefreshToken,
    AccessToken,
}

/// Revokes a token.
pub(crate) fn revocation_request<'a>(
    endpoint: &HttpUrl,
    client: impl Into<Authentication<'a>>,
    token: &str,
    hint: Hint,
) -> Request {
    let client = client.into();
    let hint = match hint {
        Hint::RefreshToken => "refresh_token",
        Hint::AccessToken => "access_token",
    };
    let form = Form::with_capacity(FORM_LENGTH).pair("token", token).pair("token_type_hint", hint);
    let form = client.add_to(form);
    Request::form(Endpoint::Revocation, endpoint.clone(), form.into_body())
        .with_authorization(client.header())
}

/// Reads the answer. A token that the server does not know counts as revoked (RFC 7009 §2.2).
///
/// # Errors
///
/// Why the token may live on.
pub(crate) fn read_revocation(response: &Response, endpoint: &HttpUrl) -> Result<(), Error> {
    match response.status() {
        // Nothing in it counts, not even a page.
        200..=299 => Ok(()),
        _ => read_success(response, Endpoint::Revocation, endpoint).map(drop),
    }
}

/// Room for the usual form, so that its secrets are not copied while it grows.
const FORM_LENGTH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::HttpAllowance;

    #[test]
    fn any_success_is_one() {
        let url = HttpUrl::parse("https://as.example/revoke", HttpAllowance::Forbidden)
            .unwrap_or_else(|e| panic!("{e}"));
        for (status, body, is_revoked) in [
            (200, "", true),
            (200, "<html>", true),
            (204, "", true),
            (302, "", false),
            (400, r#"{"error":"unsupported_token_type"}"#, false),
            (404, "no such page", false),
            (503, "", false),
        ] {
            let response = Response::new(status, body.into());
            assert_eq!(read_revocation(&response, &url).is_ok(), is_revoked, "{status} {body}");
        }
    }
}
