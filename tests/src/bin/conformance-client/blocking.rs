//! The scenarios over `oauth-blocking`.

use std::error::Error;

use oauth_blocking::ureq::http::header::LOCATION;
use oauth_blocking::{
    AuthorizationUrl, MemoryTokenStorage, OAuth, Policy, RedirectUri, UserAgentError, Visitor, ureq,
};

use crate::{CLIENT_METADATA_URL, REDIRECT_URI, Scenario, mcp};

pub(crate) fn run(scenario: &Scenario) -> Result<(), Box<dyn Error>> {
    let policy = Policy::default();
    let policy = if scenario.legacy { policy.legacy_2025_03_26() } else { policy };
    let user = Visitor::new(RedirectUri::parse(REDIRECT_URI)?, visit);
    let mut oauth = OAuth::with_policy(&scenario.url, policy)?
        .client_name("Conformance client")
        .client_metadata_url(CLIENT_METADATA_URL)
        .token_storage(MemoryTokenStorage::new())
        .user_agent(user);
    if let Some(client) = &scenario.client {
        oauth = oauth.client_id(&client.id);
        if let Some(secret) = &client.secret {
            oauth = oauth.client_secret(&**secret);
        }
        if let Some(issuer) = &client.issuer {
            oauth = oauth.client_issuer(issuer);
        }
    }
    let oauth = oauth.build()?;
    for call in mcp::calls(&scenario.protocol_version) {
        let answer =
            oauth.send(|| mcp::request(&scenario.url, &scenario.protocol_version, &call))?;
        if !answer.status().is_success() {
            return Err(format!("{} was answered with {}", call["method"], answer.status()).into());
        }
    }
    Ok(())
}

/// The suite's user consents at once: the page itself redirects back.
fn visit(url: &AuthorizationUrl) -> Result<String, UserAgentError> {
    let agent = ureq::Agent::config_builder().max_redirects(0).build().new_agent();
    let answer = agent.get(url.as_str()).call().map_err(|_| UserAgentError::Cancelled)?;
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let query = location.and_then(|location| location.split_once('?')).map(|(_, query)| query);
    query.map(str::to_owned).ok_or(UserAgentError::Cancelled)
}
