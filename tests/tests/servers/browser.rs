//! A browser: it keeps cookies, follows the server's pages, and submits their forms. One whose user consents at once
//! gets to the listener that way.

use std::time::Duration;

use oauth_blocking::ureq::http::{HeaderMap, Request, header};
use oauth_blocking::ureq::{Agent, Body, http::Response};
use url::Url;
use url::form_urlencoded::Serializer;

/// Opens a page, and all that follows.
pub(crate) fn open(page: &str) -> bool {
    Browser::new().open(page).is_some_and(|page| page.is_fine)
}

/// Opens a page, and follows it to a place that nobody has to load: the query that it is reached with.
pub(crate) fn lead(page: &str, to: &str) -> Option<String> {
    let (mut browser, mut url) = (Browser::new(), Url::parse(page).unwrap());
    for _ in 0..MAX_PAGES {
        if url.as_str().starts_with(to) {
            return url.query().map(Into::into);
        }
        let answer = browser.ask(&url, None)?;
        browser.cookies.take(answer.headers());
        url = next(&url, &answer)?;
    }
    None
}

#[derive(Debug)]
pub(crate) struct Browser {
    agent: Agent,
    cookies: Cookies,
}

/// Where it has got to.
#[derive(Debug)]
pub(crate) struct Page {
    url: Url,
    is_fine: bool,
    pub(crate) html: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None);
        Self { agent: config.build().into(), cookies: Cookies::default() }
    }

    /// Opens a page, and all that follows.
    pub(crate) fn open(&mut self, page: &str) -> Option<Page> {
        self.follow(Url::parse(page).unwrap(), None)
    }

    /// Submits the form of a page, with what the user has typed into it, or the button that they have pressed if it has
    /// a name.
    pub(crate) fn submit(&mut self, page: &Page, by_user: &[(&str, &str)]) -> Option<Page> {
        let form = tags(&page.html, "form").next().unwrap_or_else(|| panic!("{}", page.html));
        let to = page.url.join(attribute(form, "action").unwrap()).unwrap();
        let mut fields = Serializer::new(String::new());
        for input in tags(&page.html, "input") {
            if let (Some(name), Some(value)) = (attribute(input, "name"), attribute(input, "value"))
            {
                fields.append_pair(name, value);
            }
        }
        self.follow(to, Some(fields.extend_pairs(by_user).finish()))
    }

    fn follow(&mut self, mut url: Url, mut form: Option<String>) -> Option<Page> {
        for _ in 0..MAX_PAGES {
            let mut answer = self.ask(&url, form.take())?;
            self.cookies.take(answer.headers());
            match next(&url, &answer) {
                Some(other) => url = other,
                None => {
                    let html = answer.body_mut().read_to_string().ok()?;
                    return Some(Page { url, is_fine: answer.status().is_success(), html });
                }
            }
        }
        None
    }

    fn ask(&self, url: &Url, form: Option<String>) -> Option<Response<Body>> {
        let request =
            Request::builder().uri(url.as_str()).header(header::COOKIE, self.cookies.header());
        match form {
            None => self.agent.run(request.body(()).unwrap()).ok(),
            Some(form) => {
                let kind = "application/x-www-form-urlencoded";
                let request = request.method("POST").header(header::CONTENT_TYPE, kind);
                self.agent.run(request.body(form).unwrap()).ok()
            }
        }
    }
}

fn next(page: &Url, answer: &Response<Body>) -> Option<Url> {
    let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    page.join(location).ok()
}

/// The attributes of all tags of a kind, as they stand there.
fn tags<'a>(html: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    html.split('<').filter_map(move |tag| tag.strip_prefix(name)?.split('>').next())
}

/// The servers here write none that would have to be unescaped.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next()
}

/// The cookies of one host. Their paths do not matter to the servers here.
#[derive(Debug, Default)]
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
