//! Users who consent, and tokens that grow old.
#![allow(dead_code, reason = "each bench uses a part of it")]

use std::time::{SystemTime, UNIX_EPOCH};

use oauth_blocking::ureq::{self, http};
use oauth_tokio::{AuthorizationUrl, Record, RedirectUri, UserAgentError};
use serde_json::{Value, json};

/// A page that nobody has to load.
pub(crate) fn elsewhere() -> RedirectUri {
    RedirectUri::parse("http://127.0.0.1:1/callback").expect("it is one")
}

/// The query of the redirect, to which the authorization endpoint sends the browser.
pub(crate) fn redirect(url: &AuthorizationUrl) -> Result<String, UserAgentError> {
    let agent = ureq::Agent::config_builder().max_redirects(0).build().new_agent();
    let answer = agent.get(url.as_str()).call().expect("the authorization endpoint answers");
    let location = answer.headers()[http::header::LOCATION].to_str();
    let query = location.ok().and_then(|location| location.split_once('?'));
    Ok(query.expect("the redirect has a query").1.to_owned())
}

/// The same record whose token is an hour old, and lives on for so many seconds.
pub(crate) fn aged(record: &Record, left: u64) -> Record {
    let mut document: Value = serde_json::from_str(&record.to_json()).expect("it is JSON");
    let now = now();
    document["issued_at"] = json!(now - 3600);
    document["tokens"]["expires_at"] = json!(now + left);
    // No pause of the time before.
    document.as_object_mut().map(|record| record.remove("trouble"));
    Record::from_json(document.to_string().as_bytes()).expect("it is a record")
}

/// In seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970").as_secs()
}
