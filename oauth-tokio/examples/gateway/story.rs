//! The story: two users, their agents and browsers, two processes and a simulated server.

use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Knobs};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::error::Failure;
use crate::process::{Directory, Process};

/// Tells the story. Whatever comes of it, nothing is left behind.
pub(crate) async fn tell() -> Result<(), Failure> {
    tokio::select! {
        // Listened for before there is anything to clean up.
        biased;
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        told = tell_it() => told,
    }
}

/// Sets everything up, tells the story, and takes everything down.
async fn tell_it() -> Result<(), Failure> {
    let served = Served::start(Knobs { consent: Consent::Page, ..Knobs::default() })
        .map_err(Failure::system("serve the simulated server"))?;
    let directory = Directory::new()?;
    let (url, path) = (served.server_url(), &directory.0);
    let second = Process::start("gateway 2", &url, path, None).await?;
    let callback = format!("{}/callback", second.origin);
    let first = Process::start("gateway 1", &url, path, Some(&callback)).await?;
    println!("The MCP server:  {url}");
    println!(
        "Two processes:   {}, {} (users come back to the second)",
        first.origin, second.origin
    );
    println!("They share:      {}", path.display());

    let mut story = Story {
        http: reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIME_LIMIT)
            .build()?,
        served: &served,
        directory: &directory,
        first: &first,
        second: &second,
        cookies: BTreeMap::new(),
    };
    let told = tokio::time::timeout(TIME_LIMIT, story.run()).await;
    let ended = [first.end().await, second.end().await];
    told.unwrap_or(Err(Failure::TooSlow))?;
    ended.into_iter().collect()
}

struct Story<'a> {
    http: reqwest::Client,
    served: &'a Served,
    directory: &'a Directory,
    first: &'a Process,
    second: &'a Process,
    /// What each user's browser has of the gateway.
    cookies: BTreeMap<&'static str, String>,
}

impl Story<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        println!("\nboth users sign in to the gateway, in their browsers\n");
        self.signs_in("user-1").await?;
        self.signs_in("user-2").await?;

        println!("\nuser-1 and user-2 have their agents call a tool; neither has consented yet\n");
        let one = self.is_sent_to_consent("user-1", self.first).await?;
        let two = self.is_sent_to_consent("user-2", self.first).await?;

        println!(
            "\nuser-1 looks at the page, and agrees; their browser goes to the other process\n"
        );
        self.set(Consent::Page);
        self.looks("user-1", &one).await?;
        self.set(Consent::Grant);
        let redirect = self.decides("user-1", &one).await?;
        self.comes_back("user-1", &redirect, 200).await?;
        self.gets_result("user-1", self.first).await?;
        self.gets_result("user-1", self.second).await?;

        println!(
            "\nwhat user-1 agreed to is not user-2's, who is too late, then declines, then agrees\n"
        );
        self.lets_time_pass()?;
        let late = self.decides("user-2", &two).await?;
        self.comes_back("user-2", &late, 404).await?;
        let two = self.is_sent_to_consent("user-2", self.second).await?;
        self.set(Consent::Deny);
        let declined = self.decides("user-2", &two).await?;
        self.comes_back("user-2", &declined, 403).await?;
        let two = self.is_sent_to_consent("user-2", self.first).await?;
        self.set(Consent::Grant);
        let agreed = self.decides("user-2", &two).await?;
        self.comes_back("user-2", &agreed, 200).await?;
        self.gets_result("user-2", self.first).await?;
        self.gets_result("user-1", self.first).await?;

        println!("\na redirect counts once, and only if a login waits for it\n");
        self.comes_back("user-1", &redirect, 404).await?;
        let callback = format!("{}/callback", self.second.origin);
        self.comes_back("user-1", &format!("{callback}?code=guessed&state=guessed"), 404).await?;
        self.comes_back("user-1", &callback, 404).await?;

        println!(
            "\nand only in the browser of the user for whom it was begun, under the gateway's name\n"
        );
        self.served.world().end_grants();
        let one = self.is_sent_to_consent("user-1", self.first).await?;
        let redirect = self.decides("user-2", &one).await?;
        self.comes_back("somebody", &redirect, 401).await?;
        self.comes_back("user-2", &redirect, 404).await?;
        self.comes_under_a_foreign_name(&redirect).await?;

        println!("\nthe server has forgotten the gateway: the user goes on to one page more\n");
        let one = self.is_sent_to_consent("user-1", self.first).await?;
        let redirect = self.decides("user-1", &one).await?;
        self.served.world().forget_clients();
        let one = self.goes_on("user-1", &redirect).await?;
        let redirect = self.decides("user-1", &one).await?;
        self.comes_back("user-1", &redirect, 200).await?;
        self.gets_result("user-1", self.first).await?;

        let world = self.served.world();
        if !world.violations.is_empty() {
            return Err(Failure::Violations(world.violations.clone()));
        }
        println!("\n  token requests: {}\n", world.token_requests());
        Ok(())
    }

    /// An agent calls, and gets a page for its user instead of a result.
    async fn is_sent_to_consent(&self, user: &str, at: &Process) -> Result<String, Failure> {
        let (status, answer) = self.calls(user, at).await?;
        let connect_url = answer["connect_url"].as_str();
        let shown = connect_url.map_or("?", without_query);
        let why = format!("consent first: {{\"connect_url\": \"{shown}?…\"}}");
        line(&format!("{user}'s agent"), at.name, "POST", status, &why);
        match (status, connect_url) {
            (401, Some(url)) => Ok(url.into()),
            _ => Err(Failure::Unexpected { wanted: "401 with a connect URL", status }),
        }
    }

    async fn gets_result(&self, user: &str, at: &Process) -> Result<(), Failure> {
        let (status, answer) = self.calls(user, at).await?;
        let sum = answer["result"]["content"][0]["text"].as_str();
        let why = format!("the tool's result: 19 + 23 = {}", sum.unwrap_or("?"));
        line(&format!("{user}'s agent"), at.name, "POST", status, &why);
        match (status, sum) {
            (200, Some("42")) => Ok(()),
            _ => Err(Failure::Unexpected { wanted: "the tool's result", status }),
        }
    }

    async fn calls(&self, user: &str, at: &Process) -> Result<(u16, Value), Failure> {
        let call = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "add", "arguments": {"a": 19, "b": 23}},
        });
        let request = self.http.post(format!("{}/call/{user}", at.origin)).body(call.to_string());
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?).unwrap_or_default()))
    }

    /// The browser opens the connect URL: a page that asks.
    async fn looks(&self, user: &str, connect_url: &str) -> Result<(), Failure> {
        let answer = self.http.get(connect_url).send().await?;
        let status = answer.status().as_u16();
        let page = answer.text().await?;
        line(&browser(user), "authorization server", "GET", status, &format!("\"{page}\""));
        if status == 200 { Ok(()) } else { Err(Failure::Unexpected { wanted: "a page", status }) }
    }

    /// The user clicks: the browser is sent back to the gateway.
    async fn decides(&self, user: &str, connect_url: &str) -> Result<String, Failure> {
        let answer = self.http.get(connect_url).send().await?;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
        let shown = location.map_or("?", without_query);
        line(&browser(user), "authorization server", "GET", status, &format!("back to {shown}?…"));
        match location {
            Some(url) if url.starts_with(&self.second.origin) => Ok(url.into()),
            _ => Err(Failure::Unexpected { wanted: "a redirect to the second process", status }),
        }
    }

    /// A stand-in for a password: the browser gets a cookie.
    async fn signs_in(&mut self, user: &'static str) -> Result<(), Failure> {
        let url = format!("{}/sign-in/{user}", self.second.origin);
        let answer = self.http.post(url).send().await?;
        let status = answer.status().as_u16();
        line(&browser(user), self.second.name, "POST", status, "signed in");
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        let unexpected = Failure::Unexpected { wanted: "a cookie", status };
        self.cookies.insert(user, cookie.ok_or(unexpected)?.to_owned());
        Ok(())
    }

    /// The browser follows the redirect, and the next one, and shows the page to which that leads. Nothing
    /// of the login may be left in its address.
    async fn comes_back(&self, user: &str, redirect: &str, wanted: u16) -> Result<(), Failure> {
        let answer = self.gets(user, redirect).await?;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
        line(&browser(user), self.second.name, "GET", status, location.unwrap_or("?"));
        let Some(page) = location.filter(|page| status == 303 && !page.contains('?')) else {
            return Err(Failure::Unexpected { wanted: "a redirect to a page", status });
        };
        let answer = self.gets(user, &format!("{}{page}", self.second.origin)).await?;
        let status = answer.status().as_u16();
        let page = answer.text().await?;
        let text = page.split_once("<p>").and_then(|(_, rest)| rest.split_once("</p>"));
        line(&browser(user), self.second.name, "GET", status, text.map_or("?", |(text, _)| text));
        if status == wanted {
            return Ok(());
        }
        Err(Failure::Unexpected { wanted: "another answer to the redirect", status })
    }

    /// The browser follows the redirect, and the next one leads to the authorization server again.
    async fn goes_on(&self, user: &str, redirect: &str) -> Result<String, Failure> {
        let answer = self.gets(user, redirect).await?;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
        let why = format!("on to {}?…", location.map_or("?", without_query));
        line(&browser(user), self.second.name, "GET", status, &why);
        let is_page = |page: &&str| status == 303 && page.contains("/authorize?");
        let unexpected = Failure::Unexpected { wanted: "a redirect to one more page", status };
        location.filter(is_page).map(str::to_owned).ok_or(unexpected)
    }

    async fn gets(&self, user: &str, url: &str) -> Result<reqwest::Response, Failure> {
        let mut request = self.http.get(url);
        if let Some(cookie) = self.cookies.get(user) {
            request = request.header("cookie", cookie);
        }
        Ok(request.send().await?)
    }

    /// As a web page does whose name was made to lead to this machine.
    async fn comes_under_a_foreign_name(&self, redirect: &str) -> Result<(), Failure> {
        let answer = self.http.get(redirect).header("host", "evil.example").send().await?;
        let status = answer.status().as_u16();
        line("a foreign page", self.second.name, "GET", status, "refused");
        if status == 421 {
            return Ok(());
        }
        Err(Failure::Unexpected { wanted: "a refusal of the foreign name", status })
    }

    /// Lets the time of the logins that wait be over.
    fn lets_time_pass(&self) -> Result<(), Failure> {
        println!("  (ten minutes pass)");
        let end = |entry: std::io::Result<DirEntry>| {
            let path = entry?.path();
            let mut login: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            login["until"] = json!(1);
            std::fs::write(&path, login.to_string())
        };
        std::fs::read_dir(self.directory.0.join("tokens/logins"))
            .and_then(|mut entries| entries.try_for_each(end))
            .map_err(Failure::system("change the end of a login"))
    }

    /// What the users do at the page from now on.
    fn set(&self, consent: Consent) {
        self.served.world().knobs.consent = consent;
    }
}

fn browser(user: &str) -> String {
    format!("{user}'s browser")
}

fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}

fn line(from: &str, to: &str, method: &str, status: u16, why: &str) {
    println!("  {from:18} → {to:20}  {method:4}  {status:3}  {why}");
}

/// How long the story, or one request of it, may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
