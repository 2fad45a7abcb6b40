//! Says what the user will experience at an MCP server, and what a login would do, without logging in:
//! `cargo run -p oauth-blocking --example doctor -- https://mcp.example.com/mcp`.
//!
//! - Each member of a configuration file can be given as `name=value`: `scope=read`, `tolerate=issuer_slash`,
//!   `resource_mode='{"fixed": "api://name"}'`. Secrets are better in a file: everybody on the machine sees arguments.
//! - `--config FILE` takes them from a file. With a URL, the file is a server's `auth`; without, it is a host's whole
//!   configuration (`{"mcpServers": {"name": {"url": …, "auth": …}}}`), and names choose among its servers.
//! - `--json` prints an object for each server, one a line.
//! - `--diagram` adds a sequence diagram for a bug report: a block of Markdown, without secrets.
//!
//! It ends with 0 if a login could begin everywhere, 1 if not, and 2 if it could not find out.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use oauth_blocking::{AuthConfig, Forecast, MemoryTokenStorage, OAuth, OAuthBuilder, Plain};
use serde::Deserialize;
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match run(&given, &mut io::stdout().lock()) {
        Ok(can_begin) => ExitCode::from(u8::from(!can_begin)),
        Err(error) => {
            error.to_string().lines().for_each(|line| eprintln!("{}", Plain(line)));
            ExitCode::from(2)
        }
    }
}

/// Whether a login could begin at all of them.
pub(crate) fn run(given: &[String], out: &mut impl Write) -> Result<bool, Failure> {
    let orders = Orders::read(given)?;
    let mut all_can_begin = true;
    for (name, builder) in orders.servers()? {
        let mut builder = builder;
        for (setting, value) in &orders.settings {
            builder = builder.config(AuthConfig::setting(setting, value)?)?;
        }
        // The usual place for tokens is not even opened.
        let forecast = builder.token_storage(MemoryTokenStorage::new()).build()?.diagnose()?;
        all_can_begin &= forecast.login_plan().is_ok();
        orders.print(&name, &forecast, out)?;
    }
    Ok(all_can_begin)
}

/// What is to be done.
#[derive(Default)]
struct Orders<'a> {
    json: bool,
    diagram: bool,
    file: Option<&'a str>,
    /// A URL, or names of servers in the file.
    targets: Vec<&'a str>,
    settings: Vec<(&'a str, &'a str)>,
}

/// A server, by its name in the file or its URL, with what the file says of it.
type Named = (Box<str>, OAuthBuilder);

/// A server in a host's configuration.
#[derive(Deserialize)]
struct Entry {
    url: Box<str>,
    auth: Option<Value>,
}

impl<'a> Orders<'a> {
    fn read(given: &'a [String]) -> Result<Self, Failure> {
        let (mut orders, mut given) = (Self::default(), given.iter().map(String::as_str));
        while let Some(argument) = given.next() {
            match argument {
                "--json" => orders.json = true,
                "--diagram" => orders.diagram = true,
                "--config" => orders.file = Some(given.next().ok_or(USAGE)?),
                _ if argument.starts_with("--") => return Err(USAGE.into()),
                _ if is_url(argument) => orders.targets.push(argument),
                _ => match argument.split_once('=') {
                    Some(pair) => orders.settings.push(pair),
                    None => orders.targets.push(argument),
                },
            }
        }
        Ok(orders)
    }

    /// All that are meant.
    fn servers(&self) -> Result<Vec<Named>, Failure> {
        let file = self.file.map(std::fs::read_to_string).transpose()?;
        if let [url] = self.targets[..]
            && is_url(url)
        {
            let auth = file.map(|text| text.parse::<AuthConfig>()).transpose()?;
            return Ok(vec![(url.into(), built(url, auth)?)]);
        }
        let file = file.ok_or(USAGE)?;
        let mut file: BTreeMap<Box<str>, BTreeMap<Box<str>, Entry>> = serde_json::from_str(&file)?;
        let mut servers = file.remove("mcpServers").ok_or("there are no `mcpServers`")?;
        if let Some(missing) = self.targets.iter().find(|name| !servers.contains_key(**name)) {
            return Err(format!("there is no server {missing}").into());
        }
        servers.retain(|name, _| self.targets.is_empty() || self.targets.contains(&&**name));
        let built = servers.into_iter().map(|(name, Entry { url, auth })| {
            // Read by itself, so that the error names what was meant.
            let auth = auth.map(|auth| auth.to_string().parse::<AuthConfig>()).transpose();
            let auth = auth.map_err(|error| format!("{name}: {error}"))?;
            Ok((name, built(&url, auth)?))
        });
        built.collect()
    }

    fn print(&self, name: &str, forecast: &Forecast, out: &mut impl Write) -> io::Result<()> {
        let timeline = forecast.timeline();
        let diagram = self.diagram.then(|| timeline.diagram());
        if self.json {
            let mut whole = json!({ "name": name, "forecast": forecast });
            if let Some(diagram) = diagram {
                whole["diagram"] = diagram.to_string().into();
            }
            return writeln!(out, "{whole}");
        }
        writeln!(out, "{forecast}")?;
        match diagram {
            Some(diagram) => writeln!(out, "```mermaid\n{diagram}```\n"),
            None => Ok(()),
        }
    }
}

fn built(url: &str, auth: Option<AuthConfig>) -> Result<OAuthBuilder, Failure> {
    let builder = OAuth::new(url)?;
    Ok(match auth {
        Some(auth) => builder.config(auth)?,
        None => builder,
    })
}

fn is_url(argument: &str) -> bool {
    argument.starts_with("https://") || argument.starts_with("http://")
}

const USAGE: &str = "doctor [--json] [--diagram] URL [--config FILE] [NAME=VALUE ...]
doctor [--json] [--diagram] --config FILE [SERVER ...] [NAME=VALUE ...]";
