//! Says what a login to an MCP server would do, without logging in:
//! `cargo run --example doctor -- https://mcp.example.com/mcp`.
//!
//! What would be set on the builder can be given as `name=value`: `client_id`, `client_metadata_url`,
//! `scope`, `private_host`, and `tolerate` with the name of a tolerance.

use std::error::Error;
use std::process::ExitCode;

use oauth_blocking::{MemoryTokenStorage, OAuth, OAuthBuilder, Policy, Tolerance};

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match given.split_first().ok_or_else(|| USAGE.into()).and_then(|(url, more)| look(url, more)) {
        Ok(can_begin) => ExitCode::from(u8::from(!can_begin)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn look(url: &str, settings: &[String]) -> Result<bool, Box<dyn Error>> {
    let pairs: Vec<_> = settings.iter().filter_map(|it| it.split_once('=')).collect();
    if pairs.len() < settings.len() {
        return Err(USAGE.into());
    }
    let mut policy = Policy::default();
    for (_, name) in pairs.iter().filter(|(setting, _)| *setting == "tolerate") {
        let found = Tolerance::ALL.into_iter().find(|it| it.name() == *name);
        policy = policy.tolerate(found.ok_or_else(|| format!("no tolerance is called {name}"))?);
    }
    let mut builder = OAuth::with_policy(url, policy)?;
    for (setting, value) in pairs {
        builder = set(builder, setting, value)?;
    }
    // The usual place for tokens is not even opened.
    let oauth = builder.token_storage(MemoryTokenStorage::new()).build()?;
    let diagnosis = oauth.diagnose()?;
    print!("{diagnosis}");
    Ok(diagnosis.outlook().is_ok())
}

fn set(builder: OAuthBuilder, setting: &str, value: &str) -> Result<OAuthBuilder, String> {
    Ok(match setting {
        "client_id" => builder.client_id(value),
        "client_metadata_url" => builder.client_metadata_url(value),
        "scope" => builder.scope(value),
        "private_host" => builder.private_host(value),
        "tolerate" => builder,
        _ => return Err(format!("there is no setting {setting}")),
    })
}

const USAGE: &str = "give the URL of an MCP server, and settings as name=value";
