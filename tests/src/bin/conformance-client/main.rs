//! The client under test of the official MCP conformance suite: just enough MCP to make requests that
//! need authorization, and one code path for all scenarios of the authorization code grant.
//!
//! `conformance-client [--transport blocking] [--legacy] URL`. Exits with 0 when both requests were
//! answered, with 1 when authorization was refused, by the server or by the client.

use std::error::Error;
use std::process::ExitCode;

mod blocking;
mod mcp;

/// What the suite says about the scenario.
struct Scenario {
    url: String,
    /// Whether servers of the 2025-03-26 specification are accepted: the host's decision, not the
    /// client's.
    legacy: bool,
    protocol_version: String,
    /// A client id that was registered beforehand, its secret, and whose it is.
    client: Option<Client>,
}

struct Client {
    id: String,
    secret: Option<String>,
    issuer: Option<String>,
}

fn main() -> ExitCode {
    let outcome = scenario().and_then(|(transport, scenario)| match &*transport {
        "blocking" => blocking::run(&scenario),
        other => Err(format!("unknown transport {other:?}").into()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn scenario() -> Result<(String, Scenario), Box<dyn Error>> {
    let (mut transport, mut legacy, mut url) = ("blocking".to_owned(), false, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--transport" => transport = arguments.next().ok_or("--transport needs a name")?,
            "--legacy" => legacy = true,
            _ => url = Some(argument),
        }
    }
    let protocol_version = std::env::var("MCP_CONFORMANCE_PROTOCOL_VERSION");
    let scenario = Scenario {
        url: url.ok_or("usage: conformance-client [--transport blocking] [--legacy] URL")?,
        legacy,
        protocol_version: protocol_version.unwrap_or_else(|_| mcp::DEFAULT_VERSION.into()),
        client: client()?,
    };
    Ok((transport, scenario))
}

fn client() -> Result<Option<Client>, Box<dyn Error>> {
    let Ok(context) = std::env::var("MCP_CONFORMANCE_CONTEXT") else {
        return Ok(None);
    };
    let context: serde_json::Value = serde_json::from_str(&context)?;
    let text = |name| context.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    Ok(text("client_id").map(|id| Client {
        id,
        secret: text("client_secret"),
        issuer: text("issuer"),
    }))
}

/// Where the suite's user comes back to. Nobody listens: the redirect is read from the answer.
const REDIRECT_URI: &str = "http://127.0.0.1:3000/callback";

/// The client ID metadata document that the suite's authorization server expects.
const CLIENT_METADATA_URL: &str = "https://conformance-test.local/client-metadata.json";
