//! What a process is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::failure::Failure;

/// The arguments behind `serve`.
pub(crate) struct Setup {
    /// What it calls itself in what it prints.
    pub(crate) name: String,
    /// Where it listens; a free port of this machine if nothing is said.
    pub(crate) listen: SocketAddr,
    /// How browsers reach the gateway, as `https://gateway.example`: this process itself if nothing is said.
    pub(crate) url: Option<String>,
    /// What it shares with other processes, where there is no database.
    pub(crate) files: PathBuf,
    /// The MCP servers: what the gateway calls them, and their URLs.
    pub(crate) servers: Vec<(String, String)>,
}

impl Setup {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut arguments = arguments.iter();
        let name = arguments.next().ok_or(Failure::Usage)?.clone();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut setup =
            Self { name, listen, url: None, files: "gateway-data".into(), servers: Vec::new() };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(Failure::Usage);
            match argument.as_str() {
                "--listen" => setup.listen = value()?.parse().map_err(|_| Failure::Usage)?,
                "--url" => setup.url = Some(value()?.trim_end_matches('/').to_owned()),
                "--files" => setup.files = value()?.into(),
                server => setup.servers.push(named(server).ok_or(Failure::Usage)?),
            }
        }
        if setup.servers.is_empty() { Err(Failure::Usage) } else { Ok(setup) }
    }
}

/// `notes=https://…`: the name becomes a part of paths.
fn named(server: &str) -> Option<(String, String)> {
    let (name, url) = server.split_once('=')?;
    let is_plain = |letter| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_name = !name.is_empty() && name.bytes().all(is_plain);
    is_name.then(|| (name.to_owned(), url.to_owned()))
}
