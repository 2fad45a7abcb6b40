//! The scenarios over `oauth-blocking`.

use std::error::Error;

use oauth_blocking::{MemoryTokenStorage, OAuth, RedirectUri, UserAgentFn};

use crate::{REDIRECT_URI, Scenario, mcp, visit};

pub(crate) fn run(scenario: &Scenario) -> Result<(), Box<dyn Error>> {
    let user = UserAgentFn::new(RedirectUri::parse(REDIRECT_URI)?, visit);
    let builder = OAuth::with_policy(&scenario.url, scenario.policy())?;
    let oauth = scenario.describe(builder, MemoryTokenStorage::new(), user)?.build()?;
    for call in mcp::calls(&scenario.protocol_version) {
        let answer =
            oauth.send(|| mcp::request(&scenario.url, &scenario.protocol_version, &call))?;
        if !answer.status().is_success() {
            return Err(format!("{} was answered with {}", call["method"], answer.status()).into());
        }
    }
    Ok(())
}
