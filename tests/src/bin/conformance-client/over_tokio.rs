//! The scenarios over `oauth-tokio`.

use std::error::Error;

use oauth_tokio::{MemoryTokenStorage, OAuth, RedirectUri, UserAgentFn};

use crate::{REDIRECT_URI, Scenario, mcp, visit};

pub(crate) fn run(scenario: &Scenario) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(drive(scenario))
}

async fn drive(scenario: &Scenario) -> Result<(), Box<dyn Error>> {
    let user = UserAgentFn::new(RedirectUri::parse(REDIRECT_URI)?, visit);
    let builder = OAuth::with_policy(&scenario.url, scenario.policy())?;
    let oauth = scenario.describe(builder, MemoryTokenStorage::new(), user)?.build()?;
    for call in mcp::calls(&scenario.protocol_version) {
        let request = mcp::request(&scenario.url, &scenario.protocol_version, &call)?;
        let (parts, body) = request.into_parts();
        let answer = oauth
            .send(|http| http.post(&scenario.url).headers(parts.headers.clone()).body(body.clone()))
            .await?;
        if !answer.status().is_success() {
            return Err(format!("{} was answered with {}", call["method"], answer.status()).into());
        }
    }
    Ok(())
}
