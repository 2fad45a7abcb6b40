//! A service that keeps its users' tokens itself: this side has an API key and nothing else. Where a user has to consent
//! first, the service names a page; the user visits it, and the call is made once more.
//!
//! `cargo run -p oauth-blocking --example connect -- "What is on today?" owner/calendar` asks a real one. These variables are read from
//! the environment, or else from a file `.env` in the working directory:
//!
//! | variable | what it is | unless set |
//! |---|---|---|
//! | `DEDALUS_API_KEY` | the API key | everything is simulated on this machine |
//! | `DEDALUS_API_URL` | where calls go | `https://api.dedaluslabs.ai` |
//! | `DEDALUS_AS_URL` | whose pages are opened | `https://as.dedaluslabs.ai` |

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use oauth_blocking::oauth_core::{HttpAllowance, HttpUrl};
use oauth_blocking::ureq::http::Request;
use oauth_blocking::{
    ConnectRequired, Consent, Plain, Secret, TerminalPrompt, needed_consent, ureq,
    with_oauth_retry_if,
};
use serde_json::{Value, json};

pub(crate) mod env;
pub(crate) mod simulated;

use env::Env;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = Env::load(Path::new(".env")).and_then(|env| match Api::from(&env)? {
        Some(api) => {
            let (question, servers) =
                words.split_first().ok_or("ask something, of some servers")?;
            api.ask(&TerminalPrompt, question, servers).map(show)
        }
        None => simulated::run(),
    });
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("{}", Plain(&error.to_string()));
    ExitCode::FAILURE
}

/// The service.
pub(crate) struct Api {
    key: Secret,
    url: HttpUrl,
    pages: HttpUrl,
}

impl Api {
    /// As the variables say; `None` without a key.
    pub(crate) fn from(env: &Env) -> Result<Option<Self>, Failure> {
        let url = |name: &str, unless_set: &str| {
            let set = env.get(name);
            let text = set.as_ref().map_or(unless_set, Secret::expose);
            HttpUrl::parse(text, HttpAllowance::Loopback)
                .map_err(|defect| format!("{name}: {defect}"))
        };
        let Some(key) = env.get("DEDALUS_API_KEY") else { return Ok(None) };
        let url_of_calls = url("DEDALUS_API_URL", "https://api.dedaluslabs.ai")?;
        let pages = url("DEDALUS_AS_URL", "https://as.dedaluslabs.ai")?;
        Ok(Some(Self { key, url: url_of_calls, pages }))
    }

    /// Asks; once more after the user has consented, if that was missing.
    pub(crate) fn ask(
        &self,
        consent: &impl Consent,
        question: &str,
        servers: &[String],
    ) -> Result<Value, Failure> {
        let call = || self.call(question, servers);
        with_oauth_retry_if(consent, |error: &Failure| needed_consent(&**error), call)
            .map_err(|error| error.into_call())
    }

    fn call(&self, question: &str, servers: &[String]) -> Result<Value, Failure> {
        let body =
            json!({"messages": [{"role": "user", "content": question}], "mcp_servers": servers});
        let request = Request::post(format!("{}/v1/chat/completions", self.url.origin()))
            .header("authorization", format!("Bearer {}", self.key.expose()))
            .header("content-type", "application/json")
            .body(body.to_string())?;
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        let mut answer = agent.new_agent().run(request)?;
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
        if answer.status().is_success() {
            return Ok(serde_json::from_slice(&body)?);
        }
        match ConnectRequired::from_body(&body) {
            Some(page) if page.connect_url.origin() == self.pages.origin() => Err(page.into()),
            Some(page) => {
                let (found, wanted) = (page.connect_url.origin(), self.pages.origin());
                Err(format!("a page of {found} is not opened: DEDALUS_AS_URL is {wanted}").into())
            }
            None => Err(format!("the service answers with {}", answer.status()).into()),
        }
    }
}

/// Each tool that was called, how long it took, and what came of it.
pub(crate) fn show(answer: Value) {
    for call in answer["mcp_tool_results"].as_array().into_iter().flatten() {
        let name = Plain(call["tool_name"].as_str().unwrap_or("?"));
        let milliseconds = call["duration_ms"].as_u64().unwrap_or_default();
        println!("  {name}, {milliseconds} ms: {}", Plain(&call["result"].to_string()));
    }
    let said = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
    println!("  {}", Plain(said));
}

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
