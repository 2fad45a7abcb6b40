//! The person and the browser. It is none of the HTTP clients under test: what those log about the
//! person's requests would be found as theirs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use oauth_blocking::LoopbackBrowser;
use oauth_tests::serve::Served;
use url::Url;

/// What a person does with the page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Person {
    /// Consents at once.
    Consents,
    /// Has other tabs open that come to the listener first.
    HasOtherTabs,
    /// Gets the page from the host, and comes back elsewhere.
    IsElsewhere,
}

impl Person {
    pub(crate) fn browser(self) -> Option<LoopbackBrowser> {
        match self {
            Self::Consents => Some(LoopbackBrowser::new().open_with(consents)),
            Self::HasOtherTabs => Some(LoopbackBrowser::new().open_with(has_other_tabs)),
            Self::IsElsewhere => None,
        }
    }
}

fn consents(url: &str) -> bool {
    location(url).is_some_and(|back| get(&back).is_some())
}

fn has_other_tabs(url: &str) -> bool {
    let Some(back) = location(url) else { return false };
    for (from, to) in [
        ("state=", "state=x"),
        ("/callback", "/favicon.ico"),
        ("state=", "error=access_denied&state=x"),
    ] {
        let _page = get(&back.replacen(from, to, 1));
    }
    get(&back).is_some()
}

/// The query of the redirect, without a browser.
pub(crate) fn query_of_the_redirect(served: &Served, url: &str) -> String {
    served.world().visit(url).unwrap()
}

fn location(url: &str) -> Option<String> {
    let answer = get(url)?;
    let fields = answer.lines().filter_map(|line| line.split_once(": "));
    let mut found = fields.filter(|(name, _)| name.eq_ignore_ascii_case("location"));
    found.next().map(|(_, value)| value.to_owned())
}

fn get(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let mut stream = TcpStream::connect(url.authority()).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let (path, query) = (url.path(), url.query().unwrap_or_default());
    let host = url.authority();
    let head = format!("GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
