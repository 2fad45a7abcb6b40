//! What the answers of all endpoints have in common: yes, no, not now, or nothing that can be read.

use serde::Deserialize;

use crate::error::{Error, Malformed, Refusal, Unreachable};
use crate::http::{Endpoint, Response, clean_code};
use crate::json::{self, Defect, Text};
use crate::url::HttpUrl;

/// The body of a success; otherwise what the endpoint said instead.
///
/// `2xx` with an `error` member is a refusal too: some servers send that (seen at GitHub and Slack).
///
/// # Errors
///
/// [`Error::Unreachable`] for 408, 429 and 5xx, [`Error::Refused`] for an OAuth error answer,
/// [`Error::Malformed`] for everything else that is no success.
pub(crate) fn accepted<'a>(
    response: &'a Response,
    endpoint: Endpoint,
    url: &HttpUrl,
) -> Result<&'a [u8], Error> {
    let status = response.status();
    if response.is_transient() {
        return Err(Unreachable {
            endpoint,
            url: url.as_str().into(),
            status: Some(status),
            retry_after: response.retry_after(),
        }
        .into());
    }
    match status {
        200..=299 => Ok(response.body()),
        300..=399 => Err(malformed(response, endpoint, url, Defect::Redirect)),
        _ => Err(match refusal(response.body(), endpoint) {
            Ok(Some(refusal)) => refusal.into(),
            Ok(None) => malformed(response, endpoint, url, Defect::missing("error")),
            Err(defect) => malformed(response, endpoint, url, defect),
        }),
    }
}

/// The error for an answer that cannot be read.
pub(crate) fn malformed(
    response: &Response,
    endpoint: Endpoint,
    url: &HttpUrl,
    defect: Defect,
) -> Error {
    Malformed { endpoint, url: url.as_str().into(), status: response.status(), defect }.into()
}

/// An error answer as RFC 6749 §5.2 and RFC 7591 §3.2.2 have it.
#[derive(Deserialize)]
struct ErrorAnswer<'a> {
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    error_description: Option<Text<'a>>,
    #[serde(borrow)]
    error_uri: Option<Text<'a>>,
}

/// The refusal that a body carries, if it carries one.
pub(crate) fn refusal(body: &[u8], endpoint: Endpoint) -> Result<Option<Refusal>, Defect> {
    let answer: ErrorAnswer<'_> = json::read(body)?;
    let code = json::non_empty(answer.error).map(|code| clean_code(&code));
    Ok(code.filter(|code| !code.is_empty()).map(|code| Refusal {
        endpoint,
        code: code.into(),
        description: json::non_empty(answer.error_description).map(|text| (*text).into()),
        uri: json::non_empty(answer.error_uri).map(|text| (*text).into()),
    }))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::url::Plaintext;

    fn outcome(status: u16, body: &str) -> Result<(), Error> {
        let url = HttpUrl::parse("https://as.example/token", Plaintext::Forbidden)
            .unwrap_or_else(|e| panic!("{e}"));
        let response = Response::new(status, body.into()).with_header("retry-after", "9");
        accepted(&response, Endpoint::Token, &url).map(|_| ())
    }

    #[test]
    fn every_status_has_one_meaning() {
        assert_eq!(outcome(201, "{}"), Ok(()));
        for status in [408, 429, 500, 502, 503, 599] {
            let Err(Error::Unreachable(unreachable)) = outcome(status, "{}") else {
                panic!("{status}")
            };
            assert_eq!(unreachable.status, Some(status));
            assert_eq!(unreachable.retry_after, Some(Duration::from_secs(9)));
        }
        for (status, body, expected) in [
            (302, "", Defect::Redirect),
            (307, "{}", Defect::Redirect),
            (400, "<html>", Defect::Html),
            (404, "", Defect::Empty),
            (400, "{\"error\":\"\"}", Defect::missing("error")),
            (100, "{}", Defect::missing("error")),
        ] {
            let Err(Error::Malformed(malformed)) = outcome(status, body) else {
                panic!("{status}")
            };
            assert_eq!((malformed.status, malformed.defect), (status, expected));
        }
    }

    #[test]
    fn a_refusal_keeps_the_servers_words_apart() {
        let body = r#"{"error":"invalid_grant\u001b[2J","error_description":"<b>\"x\"</b>","error_uri":""}"#;
        let Err(Error::Refused(refusal)) = outcome(400, body) else { panic!("no refusal") };
        assert_eq!(&*refusal.code, "invalid_grant[2J");
        assert_eq!(refusal.description.as_deref(), Some("<b>\"x\"</b>"));
        assert_eq!(refusal.uri, None);
    }
}
