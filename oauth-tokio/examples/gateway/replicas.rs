//! The story with a database: four processes that share nothing else, as replicas on four machines do.

use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, What};

use crate::actors::{Actors, Person, SERVER, TIME_LIMIT};
use crate::failure::Failure;
use crate::process::Process;
use crate::story::{CONNECTED, NOT_WAITING};

/// Sets everything up, tells the story, and takes everything down.
pub(crate) async fn tell_it() -> Result<(), Failure> {
    let served =
        Served::start(Knobs::default()).map_err(Failure::system("serve the simulated server"))?;
    let told = ["--url".to_owned(), URL.to_owned(), format!("{SERVER}={}", served.server_url())];
    // At once: each of them makes the tables.
    let replica = |name| Process::start(name, &told);
    let (a, b, c, d) = tokio::try_join!(
        replica("replica A"),
        replica("replica B"),
        replica("replica C"),
        replica("replica D")
    )?;
    println!("The MCP server:  {}", served.server_url());
    println!("Four processes:  {}, {}, {}, {}", a.origin, b.origin, c.origin, d.origin);
    println!("Browsers know:   {URL}, and are passed on to any of them");

    let replicas = [&a, &b, &c, &d];
    let told = tokio::time::timeout(TIME_LIMIT, run(&served, replicas)).await;
    let mut ended = Ok(());
    for replica in [a, b, c, d] {
        ended = ended.and(replica.end().await);
    }
    told.unwrap_or(Err(Failure::TooSlow))?;
    ended
}

async fn run(served: &Served, [a, b, c, d]: [&Process; 4]) -> Result<(), Failure> {
    let mut actors = Actors::new(served, URL)?;
    // Nobody else's in this database, and a piece of HTML.
    let number = std::process::id();
    let ann = Person { label: "ann", name: format!("<b onclick=\"x\">ann</b> & {number}") };
    // The same name at another browser.
    let again = Person { label: "ann at B", name: ann.name.clone() };
    let eve = Person { label: "eve", name: format!("eve {number}") };

    println!("\nann signs in at A, and finds nothing connected; eve signs in at B\n");
    actors.signs_in(&ann, a).await?;
    actors.sees(&ann, a, "/", NOTHING).await?;
    actors.signs_in(&eve, b).await?;

    println!("\na login begins at A and comes back to B, for ann only\n");
    let page = actors.presses(&ann, a, CONNECT).await?;
    let redirect = actors.decides(&ann, &page).await?;
    actors.comes_back(&eve, b, &redirect, NOT_WAITING).await?;
    actors.comes_back(&ann, b, &redirect, CONNECTED).await?;
    actors.comes_back(&ann, c, &redirect, NOT_WAITING).await?;

    println!("\nits token is used at C and at A, and is nobody else's\n");
    actors.gets_result(&ann, c).await?;
    actors.gets_result(&ann, a).await?;
    actors.sees(&eve, c, "/", NOTHING).await?;

    println!("\nann disconnects at D, and A knows\n");
    actors.sees(&ann, d, "/", (200, "<dt>State</dt><dd>Connected</dd>")).await?;
    let page = actors.presses(&ann, d, "/disconnect/notes").await?;
    actors.sees(&ann, d, &page, (200, "The server has ended the access")).await?;
    is(served.world().grants_alive() == 0, "no grant at the server")?;
    actors.sees(&ann, a, "/", NOTHING).await?;
    let page = actors.is_sent_to_consent(&ann, a).await?;

    println!("\nann's agent has asked again; ann connects, and leaves for good at C\n");
    actors.signs_in(&again, b).await?;
    actors.sees(&again, b, "/", NOTHING).await?;
    let redirect = actors.decides(&ann, &page).await?;
    actors.comes_back(&ann, d, &redirect, CONNECTED).await?;
    actors.gets_result(&ann, b).await?;
    actors.leaves(&ann, c, "<li>notes: ended and erased</li>").await?;
    is(served.world().grants_alive() == 0, "no grant at the server")?;
    for ann in [&ann, &again] {
        actors.sees(ann, a, "/", (200, "Your name")).await?;
    }
    actors.is_sent_to_consent(&ann, b).await?;
    actors.leaves(&eve, d, "Nothing was connected").await?;

    actors.judge()?;
    let world = served.world();
    let (registrations, tokens) = (world.count(What::Register), world.token_requests());
    println!("\n  clients registered: {registrations}, token requests: {tokens}\n");
    is(registrations == 1 && tokens == 2, "one client for all, and one token for each login")
}

fn is(so: bool, wanted: &'static str) -> Result<(), Failure> {
    if so { Ok(()) } else { Err(Failure::Unexpected { wanted, status: 200 }) }
}

/// Where a balancer would be.
const URL: &str = "https://gateway.example";

const CONNECT: &str = "/connect/notes";

const NOTHING: (u16, &str) = (200, "<dt>State</dt><dd>Not connected</dd>");
