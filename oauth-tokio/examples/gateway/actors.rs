//! Who acts in the stories: agents, and people with their browsers, at a gateway of several processes.

use std::collections::BTreeMap;
use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::Consent;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::process::Process;

/// Somebody with an agent and a browser.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// What they are called in the story.
    pub(crate) label: &'static str,
    /// What they say at the door.
    pub(crate) name: String,
}

/// All who act, and what their browsers have of the gateway.
pub(crate) struct Actors<'a> {
    http: reqwest::Client,
    served: &'a Served,
    /// The gateway's address, as browsers know it.
    url: String,
    cookies: BTreeMap<&'static str, String>,
}

impl<'a> Actors<'a> {
    pub(crate) fn new(served: &'a Served, url: &str) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy();
        let http = http.timeout(TIME_LIMIT).build()?;
        Ok(Self { http, served, url: url.to_owned(), cookies: BTreeMap::new() })
    }

    /// An agent calls, and gets a page for its user instead of a result.
    pub(crate) async fn is_sent_to_consent(
        &self,
        person: &Person,
        at: &Process,
    ) -> Result<String, Failure> {
        let (status, answer) = self.calls(person, at).await?;
        let connect_url = answer["connect_url"].as_str();
        let shown = connect_url.map_or("?", without_query);
        let why = format!("consent first: {{\"connect_url\": \"{shown}?…\"}}");
        line(&agent(person), at.name, "POST", status, &why);
        match (status, connect_url) {
            (401, Some(url)) => Ok(url.into()),
            _ => Err(Failure::Unexpected { wanted: "401 with a connect URL", status }),
        }
    }

    pub(crate) async fn gets_result(&self, person: &Person, at: &Process) -> Result<(), Failure> {
        let (status, answer) = self.calls(person, at).await?;
        let sum = answer["result"]["content"][0]["text"].as_str();
        let why = format!("the tool's result: 19 + 23 = {}", sum.unwrap_or("?"));
        line(&agent(person), at.name, "POST", status, &why);
        match (status, sum) {
            (200, Some("42")) => Ok(()),
            _ => Err(Failure::Unexpected { wanted: "the tool's result", status }),
        }
    }

    async fn calls(&self, person: &Person, at: &Process) -> Result<(u16, Value), Failure> {
        let call = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "add", "arguments": {"a": 19, "b": 23}},
        });
        let mut url = self.inside(at, "/call")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend([&person.name, SERVER]);
        }
        let answer = self.http.post(url).body(call.to_string()).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?).unwrap_or_default()))
    }

    /// The browser opens the connect URL: a page that asks.
    pub(crate) async fn looks(&self, person: &Person, connect_url: &str) -> Result<(), Failure> {
        let answer = self.http.get(connect_url).send().await?;
        let status = answer.status().as_u16();
        let page = answer.text().await?;
        line(&browser(person), "authorization server", "GET", status, &format!("\"{page}\""));
        if status == 200 { Ok(()) } else { Err(Failure::Unexpected { wanted: "a page", status }) }
    }

    /// The user clicks: the browser is sent back to the gateway.
    pub(crate) async fn decides(
        &self,
        person: &Person,
        connect_url: &str,
    ) -> Result<String, Failure> {
        let answer = self.http.get(connect_url).send().await?;
        let status = answer.status().as_u16();
        let location = location(&answer);
        let shown = without_query(&location);
        line(
            &browser(person),
            "authorization server",
            "GET",
            status,
            &format!("back to {shown}?…"),
        );
        match location.starts_with(&self.url) {
            true => Ok(location),
            false => Err(Failure::Unexpected { wanted: "a redirect to the gateway", status }),
        }
    }

    /// The browser gets a cookie.
    pub(crate) async fn signs_in(&mut self, person: &Person, at: &Process) -> Result<(), Failure> {
        let answer = self.posts(person, at, "/sign-in", &[("name", &person.name)]).await?;
        let status = answer.status().as_u16();
        line(&browser(person), at.name, "POST", status, "signed in");
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        let unexpected = Failure::Unexpected { wanted: "a cookie", status };
        self.cookies.insert(person.label, cookie.ok_or(unexpected)?.to_owned());
        Ok(())
    }

    /// A button of the list is pressed, and leads somewhere.
    pub(crate) async fn presses(
        &self,
        person: &Person,
        at: &Process,
        button: &str,
    ) -> Result<String, Failure> {
        let answer = self.posts(person, at, button, &[]).await?;
        let (status, location) = (answer.status().as_u16(), location(&answer));
        let why = format!("{button}: on to {}", without_query(&location));
        line(&browser(person), at.name, "POST", status, &why);
        match status {
            303 => Ok(location),
            _ => Err(Failure::Unexpected { wanted: "a redirect after a button", status }),
        }
    }

    /// The browser shows a page of the gateway, in which there is this.
    pub(crate) async fn sees(
        &self,
        person: &Person,
        at: &Process,
        path: &str,
        (wanted, text): (u16, &str),
    ) -> Result<(), Failure> {
        let mut left = MOST_LOOKS;
        let (status, page) = loop {
            let answer = self.gets(person, at, path).await?;
            let (status, page) = (answer.status().as_u16(), answer.text().await?);
            left -= 1;
            // A login that another process has just begun or finished: its lock is released aside, in a moment.
            if left == 0 || !page.contains("<dd>Being connected</dd>") {
                break (status, page);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        };
        let is_there = page.contains(text);
        let why = if is_there { text } else { "another page" };
        line(&browser(person), at.name, "GET", status, &format!("{path}: \"{why}\""));
        // Their name may be a piece of HTML, which no page may take for its own.
        let is_plain = !person.name.contains('<') || !page.contains(&person.name);
        match status == wanted && is_there && is_plain {
            true => Ok(()),
            false => Err(Failure::Unexpected { wanted: "another page", status }),
        }
    }

    /// All that they have is ended, and they read what became of it.
    pub(crate) async fn leaves(
        &self,
        person: &Person,
        at: &Process,
        text: &str,
    ) -> Result<(), Failure> {
        let answer = self.posts(person, at, "/end-everything", &[("sure", "on")]).await?;
        let status = answer.status().as_u16();
        let is_there = answer.text().await?.contains(text);
        let why = if is_there { text } else { "another page" };
        line(&browser(person), at.name, "POST", status, &format!("/end-everything: \"{why}\""));
        match (status, is_there) {
            (200, true) => Ok(()),
            _ => Err(Failure::Unexpected { wanted: "the end of everything", status }),
        }
    }

    /// The browser follows the redirect, and the next one, and shows the page to which that leads. Nothing
    /// of the login may be left in its address.
    pub(crate) async fn comes_back(
        &self,
        person: &Person,
        at: &Process,
        redirect: &str,
        wanted: (u16, &str),
    ) -> Result<(), Failure> {
        let answer = self.gets(person, at, self.path(redirect)).await?;
        let (status, page) = (answer.status().as_u16(), location(&answer));
        line(&browser(person), at.name, "GET", status, &format!("on to {page}"));
        if status != 303 || page.contains('?') {
            return Err(Failure::Unexpected { wanted: "a redirect to a page", status });
        }
        self.sees(person, at, &page, wanted).await
    }

    /// The browser follows the redirect, and the next one leads to the authorization server again.
    pub(crate) async fn goes_on(
        &self,
        person: &Person,
        at: &Process,
        redirect: &str,
    ) -> Result<String, Failure> {
        let answer = self.gets(person, at, self.path(redirect)).await?;
        let (status, location) = (answer.status().as_u16(), location(&answer));
        let why = format!("on to {}?…", without_query(&location));
        line(&browser(person), at.name, "GET", status, &why);
        match status == 303 && location.contains("/authorize?") {
            true => Ok(location),
            false => Err(Failure::Unexpected { wanted: "a redirect to one more page", status }),
        }
    }

    /// As a web page does whose name was made to lead to this machine.
    pub(crate) async fn comes_under_a_foreign_name(
        &self,
        at: &Process,
        redirect: &str,
    ) -> Result<(), Failure> {
        let request = self.http.get(self.inside(at, self.path(redirect))?);
        let answer = request.header("host", "evil.example").send().await?;
        let status = answer.status().as_u16();
        line("a foreign page", at.name, "GET", status, "refused");
        match status {
            421 => Ok(()),
            _ => Err(Failure::Unexpected { wanted: "a refusal of the foreign name", status }),
        }
    }

    /// As a page of another port or subdomain does, with which browsers send the cookie.
    pub(crate) async fn a_foreign_page_presses(
        &self,
        person: &Person,
        at: &Process,
        button: &str,
    ) -> Result<(), Failure> {
        for origin in [Some("https://evil.example"), Some("null"), None] {
            let mut request = self.request(Method::POST, person, at, button)?;
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let status = request.send().await?.status().as_u16();
            let why =
                format!("{button} with the origin {}: refused", origin.unwrap_or("of nobody"));
            line("a foreign page", at.name, "POST", status, &why);
            if status != 403 {
                return Err(Failure::Unexpected { wanted: "a refusal of the button", status });
            }
        }
        Ok(())
    }

    /// What people do at the authorization server's page from now on.
    pub(crate) fn set(&self, consent: Consent) {
        self.served.world().knobs.consent = consent;
    }

    /// Fails if the servers saw the protocol broken.
    pub(crate) fn judge(&self) -> Result<(), Failure> {
        let violations = self.served.world().violations.clone();
        if violations.is_empty() { Ok(()) } else { Err(Failure::Violations(violations)) }
    }

    async fn posts(
        &self,
        person: &Person,
        at: &Process,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response, Failure> {
        let mut form = self.inside(at, "/")?;
        form.query_pairs_mut().extend_pairs(fields);
        let request = self.request(Method::POST, person, at, path)?;
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("origin", &self.url);
        Ok(request.body(form.query().unwrap_or_default().to_owned()).send().await?)
    }

    async fn gets(&self, person: &Person, at: &Process, path: &str) -> Result<Response, Failure> {
        Ok(self.request(Method::GET, person, at, path)?.send().await?)
    }

    /// What a browser sends, which knows the gateway by one name only: a balancer passes it on to one of the processes.
    fn request(
        &self,
        method: Method,
        person: &Person,
        at: &Process,
        path: &str,
    ) -> Result<RequestBuilder, Failure> {
        let host = self.url.split_once("://").map_or("", |(_, host)| host);
        let request = self.http.request(method, self.inside(at, path)?).header("host", host);
        Ok(match self.cookies.get(person.label) {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        })
    }

    fn inside(&self, at: &Process, path: &str) -> Result<Url, Failure> {
        let url = Url::parse(&format!("{}{path}", at.origin));
        url.map_err(|_| Failure::Unexpected { wanted: "a path of the gateway's", status: 0 })
    }

    fn path<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(&self.url).unwrap_or("/")
    }
}

fn location(answer: &Response) -> String {
    let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
    location.unwrap_or("?").to_owned()
}

fn agent(person: &Person) -> String {
    format!("{}'s agent", person.label)
}

fn browser(person: &Person) -> String {
    format!("{}'s browser", person.label)
}

fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}

fn line(from: &str, to: &str, method: &str, status: u16, why: &str) {
    println!("  {from:18} → {to:20}  {method:4}  {status:3}  {why}");
}

/// What the gateway calls the MCP server of the stories.
pub(crate) const SERVER: &str = "notes";

/// How often a page is looked at that says that a login is under way, and how long it is waited in between.
const MOST_LOOKS: usize = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How long a story, or one request of it, may take.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);
