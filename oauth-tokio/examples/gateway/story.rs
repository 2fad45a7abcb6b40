//! The story with files: two users, their agents and browsers, two processes and a simulated server.

use std::fs::DirEntry;
use std::path::Path;

use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Knobs};
use serde_json::{Value, json};

use crate::actors::{Actors, Person, SERVER, TIME_LIMIT};
use crate::failure::Failure;
use crate::process::{Directory, Process};

/// Tells a story. Whatever comes of it, nothing is left behind.
pub(crate) async fn tell(story: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        // Listened for before there is anything to clean up.
        biased;
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        told = story => told,
    }
}

/// Sets everything up, tells the story, and takes everything down.
pub(crate) async fn tell_it() -> Result<(), Failure> {
    let served = Served::start(Knobs { consent: Consent::Page, ..Knobs::default() })
        .map_err(Failure::system("serve the simulated server"))?;
    let directory = Directory::new()?;
    let (url, path) = (served.server_url(), &directory.0);
    let shown = path.display().to_string();
    let told = ["--files".to_owned(), shown.clone(), format!("{SERVER}={url}")];
    let second = Process::start("gateway 2", &told).await?;
    let told = [&told[..], &["--url".to_owned(), second.origin.clone()]].concat();
    let first = Process::start("gateway 1", &told).await?;
    println!("The MCP server:  {url}");
    println!(
        "Two processes:   {}, {} (users come back to the second)",
        first.origin, second.origin
    );
    println!("They share:      {shown}");

    let actors = Actors::new(&served, &second.origin)?;
    let mut story =
        Story { served: &served, directory: path, first: &first, second: &second, actors };
    let told = tokio::time::timeout(TIME_LIMIT, story.run()).await;
    let ended = [first.end().await, second.end().await];
    told.unwrap_or(Err(Failure::TooSlow))?;
    ended.into_iter().collect()
}

struct Story<'a> {
    served: &'a Served,
    directory: &'a Path,
    first: &'a Process,
    second: &'a Process,
    actors: Actors<'a>,
}

impl Story<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let [one, two, somebody] =
            ["user-1", "user-2", "somebody"].map(|label| Person { label, name: label.to_owned() });
        let (first, second) = (self.first, self.second);

        println!("\nboth users sign in to the gateway, in their browsers\n");
        self.actors.signs_in(&one, second).await?;
        self.actors.signs_in(&two, second).await?;
        let actors = &self.actors;

        println!("\nuser-1 and user-2 have their agents call a tool; neither has consented yet\n");
        let ones = actors.is_sent_to_consent(&one, first).await?;
        let twos = actors.is_sent_to_consent(&two, first).await?;

        println!(
            "\nuser-1 looks at the page, and agrees; their browser goes to the other process\n"
        );
        actors.looks(&one, &ones).await?;
        actors.set(Consent::Grant);
        let redirect = actors.decides(&one, &ones).await?;
        actors.comes_back(&one, second, &redirect, CONNECTED).await?;
        actors.gets_result(&one, first).await?;
        actors.gets_result(&one, second).await?;

        println!(
            "\nwhat user-1 agreed to is not user-2's, who is too late, then declines, then agrees\n"
        );
        self.lets_time_pass()?;
        let late = actors.decides(&two, &twos).await?;
        actors.comes_back(&two, second, &late, NOT_WAITING).await?;
        let twos = actors.is_sent_to_consent(&two, second).await?;
        actors.set(Consent::Deny);
        let declined = actors.decides(&two, &twos).await?;
        actors.comes_back(&two, second, &declined, (403, "You declined.")).await?;
        let twos = actors.is_sent_to_consent(&two, first).await?;
        actors.set(Consent::Grant);
        let agreed = actors.decides(&two, &twos).await?;
        actors.comes_back(&two, second, &agreed, CONNECTED).await?;
        actors.gets_result(&two, first).await?;
        actors.gets_result(&one, first).await?;

        println!("\na redirect counts once, and only if a login waits for it\n");
        actors.comes_back(&one, second, &redirect, NOT_WAITING).await?;
        let callback = format!("{}/callback/{SERVER}", second.origin);
        let guessed = format!("{callback}?code=guessed&state=guessed");
        actors.comes_back(&one, second, &guessed, NOT_WAITING).await?;
        actors.comes_back(&one, second, &callback, NOT_WAITING).await?;

        println!(
            "\nand only in the browser of the user for whom it was begun, under the gateway's name\n"
        );
        self.served.world().end_grants();
        let ones = actors.is_sent_to_consent(&one, first).await?;
        let redirect = actors.decides(&two, &ones).await?;
        actors.comes_back(&somebody, second, &redirect, (401, "Sign in first")).await?;
        actors.comes_back(&two, second, &redirect, NOT_WAITING).await?;
        actors.comes_under_a_foreign_name(second, &redirect).await?;
        actors.a_foreign_page_presses(&one, second, "/disconnect/notes").await?;
        actors.comes_back(&one, second, &redirect, CONNECTED).await?;

        println!("\nthe server has forgotten the gateway: the user goes on to one page more\n");
        self.served.world().end_grants();
        let ones = actors.is_sent_to_consent(&one, first).await?;
        let redirect = actors.decides(&one, &ones).await?;
        self.served.world().forget_clients();
        let ones = actors.goes_on(&one, second, &redirect).await?;
        let redirect = actors.decides(&one, &ones).await?;
        actors.comes_back(&one, second, &redirect, CONNECTED).await?;
        actors.gets_result(&one, first).await?;

        actors.judge()?;
        println!("\n  token requests: {}\n", self.served.world().token_requests());
        Ok(())
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
        std::fs::read_dir(self.directory.join("tokens/logins"))
            .and_then(|mut entries| entries.try_for_each(end))
            .map_err(Failure::system("change the end of a login"))
    }
}

/// The pages at which people end up.
pub(crate) const CONNECTED: (u16, &str) = (200, "Your agents can use this server for you now.");
pub(crate) const NOT_WAITING: (u16, &str) = (404, "This link was used already");
