//! What a process prints: a line for each exchange that it has with others.

use oauth_core::Endpoint;
use oauth_tokio::{Event, OAuthBuilder};

/// Prints what the gateway asks of others.
pub(crate) fn watched(builder: OAuthBuilder, name: &str) -> OAuthBuilder {
    let name = name.to_owned();
    builder.on_event(move |event| match event {
        Event::Answered { method, status, authorized, .. } => {
            let why = match (status, authorized) {
                (401, false) => "no token yet",
                (401, true) => "the token is refused",
                (403, _) => "the token lacks a scope",
                _ => "the call, with the user's token",
            };
            line(&name, "MCP server", method, Some(*status), why);
        }
        Event::Exchange { endpoint, method, outcome, .. } => {
            let (to, why) = match endpoint {
                Endpoint::ResourceMetadata => ("MCP server", "who issues tokens for this server?"),
                Endpoint::ServerMetadata => ("authorization server", "what can you do?"),
                Endpoint::Registration => ("authorization server", "a client id, please"),
                Endpoint::Token => ("authorization server", "tokens, please"),
                Endpoint::Revocation => ("authorization server", "end this token, please"),
                _ => ("authorization server", ""),
            };
            line(&name, to, method.as_str(), outcome.ok(), why);
        }
        Event::DamagedRecord { kept } => {
            eprintln!("  Could not read a record; it is kept as {kept}");
        }
        _ => {}
    })
}

/// On the standard error: the standard output is for the address.
fn line(from: &str, to: &str, method: &str, status: Option<u16>, why: &str) {
    let status = status.map_or("no answer".to_owned(), |status| status.to_string());
    eprintln!("    {from:16} → {to:20}  {method:4}  {status:3}  {why}");
}
