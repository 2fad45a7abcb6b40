//! What the answers of all endpoints have in common: yes, no, not now, or nothing that can be read.

use alloc::string::String;

use crate::error::{Error, Malformed, Refusal, Unreachable};
use crate::form;
use crate::http::{Endpoint, Response, clean_code};
use crate::json::{Defect, Members};
use crate::secret::SecretBuffer;
use crate::url::{HttpUrl, shown};

/// The body of a success; otherwise what the endpoint said instead.
///
/// `2xx` with an `error` member is a refusal too: some servers send that (seen at GitHub and Slack).
///
/// # Errors
///
/// [`Error::Unreachable`] for 408, 429 and 5xx, [`Error::Refused`] for an OAuth error answer,
/// [`Error::Malformed`] for everything else that is no success.
pub(crate) fn read_success<'a>(
    response: &'a Response,
    endpoint: Endpoint,
    url: &HttpUrl,
) -> Result<&'a [u8], Error> {
    let status = response.status();
    if response.is_transient() {
        return Err(Unreachable {
            endpoint,
            url: shown(url.as_str()),
            status: Some(status),
            retry_after: response.retry_after(None),
            obstacle: None,
        }
        .into());
    }
    match status {
        200..=299 => Ok(response.body()),
        300..=399 => Err(malformed(response, endpoint, url, Defect::Redirect)),
        _ => {
            let from_form = form_as_json(response);
            let body = from_form.as_ref().map_or(response.body(), |json| json.0.as_bytes());
            Err(match refusal(body, endpoint) {
                Ok(refusal) => refusal.into(),
                Err(defect) => malformed(response, endpoint, url, defect),
            })
        }
    }
}

/// A form-encoded body as JSON (GitHub sends one to who does not ask for JSON, some proxies always); what
/// is repeated stays so.
pub(crate) fn form_as_json(response: &Response) -> Option<SecretBuffer> {
    let is_form = |value: &str| {
        let name = value.split(';').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    };
    response.header("content-type").find(|value| is_form(value))?;
    let text = core::str::from_utf8(response.body()).ok()?;
    let mut json = SecretBuffer(String::with_capacity(2 * text.len() + 2));
    json.0.push('{');
    for (name, value) in form::pairs(text) {
        if json.0.len() > 1 {
            json.0.push(',');
        }
        json.0.push_str(&serde_json::to_string(&name).ok()?);
        json.0.push(':');
        json.0.push_str(&serde_json::to_string(&value).ok()?);
    }
    json.0.push('}');
    Some(json)
}

/// The error for an answer that cannot be read.
pub(crate) fn malformed(
    response: &Response,
    endpoint: Endpoint,
    url: &HttpUrl,
    defect: Defect,
) -> Error {
    Malformed { endpoint, url: shown(url.as_str()), status: response.status(), defect }.into()
}

/// The refusal of an answer, if it is one that can be read.
pub(crate) fn refusal_of(response: &Response, endpoint: Endpoint) -> Option<Refusal> {
    let is_refusal = matches!(response.status(), 400..=499);
    refusal(response.body(), endpoint).ok().filter(|_| is_refusal)
}

/// The refusal that a body carries, as RFC 6749 §5.2 and RFC 7591 §3.2.2 have it.
///
/// # Errors
///
/// A [`Defect`] if it carries none.
pub(crate) fn refusal(body: &[u8], endpoint: Endpoint) -> Result<Refusal, Defect> {
    let mut members = Members::of(body)?;
    let code = clean_code(&members.required_text("error")?);
    if code.is_empty() {
        return Err(Defect::unusable("error"));
    }
    let mut words = |name| members.text(name).map(|text| (*text).into());
    let (description, uri) = (words("error_description"), words("error_uri"));
    Ok(Refusal { endpoint, code: code.into(), description, uri })
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::url::HttpAllowance;

    fn outcome(status: u16, body: &str) -> Result<(), Error> {
        let url = HttpUrl::parse("https://as.example/token", HttpAllowance::Forbidden)
            .unwrap_or_else(|e| panic!("{e}"));
        let response = Response::new(status, body.into()).with_header("retry-after", "9");
        read_success(&response, Endpoint::Token, &url).map(|_| ())
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
            (400, "{\"error\":{\"code\":401}}", Defect::unusable("error")),
            (400, "{\"error\":\"\u{e4}\"}", Defect::unusable("error")),
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

    #[test]
    fn a_refusal_is_read_also_from_a_form_and_beside_what_cannot_be_read() {
        let url = HttpUrl::parse("https://as.example/token", HttpAllowance::Forbidden)
            .unwrap_or_else(|e| panic!("{e}"));
        let form = "application/x-www-form-urlencoded";
        for (content_type, body, description) in [
            (form, "error=invalid_grant&error_description=a+b", Some("a b")),
            ("Application/X-WWW-Form-Urlencoded;charset=utf-8", "error=invalid_grant", None),
            (form, "error=invalid_grant&error_description=a&error_description=b", None),
            ("text/html", "\u{feff}{\"error\":\"invalid_grant\"}", None),
            ("", r#"{"error":"invalid_grant","error_description":7,"error_uri":[]}"#, None),
            ("", r#"{"error":"invalid_grant","error_description":"\ud800","x":1e999}"#, None),
        ] {
            let response =
                Response::new(400, body.into()).with_header("content-type", content_type);
            let Err(Error::Refused(refusal)) = read_success(&response, Endpoint::Token, &url)
            else {
                panic!("{body}")
            };
            assert_eq!(&*refusal.code, "invalid_grant");
            assert_eq!(refusal.description.as_deref(), description, "{body}");
        }
    }
}
