//! A browser whose user consents at once: it keeps cookies, and follows the server's pages until they lead
//! back to the listener.

use std::time::Duration;

use oauth_blocking::ureq::http::{HeaderMap, header};
use oauth_blocking::ureq::{Agent, Body, http::Response};
use url::Url;

/// Opens a page, and all that follows.
pub(crate) fn open(page: &str) -> bool {
    let config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None);
    let agent: Agent = config.build().into();
    let mut cookies = Cookies::default();
    let mut page = Url::parse(page).unwrap();
    for _ in 0..MAX_PAGES {
        let answer = agent.get(page.as_str()).header(header::COOKIE, cookies.header()).call();
        let Ok(answer) = answer else { return false };
        cookies.take(answer.headers());
        match next(&page, &answer) {
            Some(other) => page = other,
            None => return answer.status().is_success(),
        }
    }
    false
}

fn next(page: &Url, answer: &Response<Body>) -> Option<Url> {
    let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    page.join(location).ok()
}

/// The cookies of one host. Their paths do not matter to the servers here.
#[derive(Default)]
struct Cookies(Vec<(String, String)>);

impl Cookies {
    fn take(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    fn header(&self) -> String {
        let cookies = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        cookies.collect::<Vec<_>>().join("; ")
    }
}

const MAX_PAGES: usize = 12;
const PATIENCE: Duration = Duration::from_secs(10);
