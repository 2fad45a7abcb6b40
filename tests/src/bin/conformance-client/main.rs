//! The client under test of the official MCP conformance suite: just enough MCP to make requests that
//! need authorization, and one code path for all scenarios of the authorization code grant.
//!
//! `conformance-client [--transport blocking|tokio] [--legacy] URL`. Exits with 0 when both requests were
//! answered, with 1 when authorization was refused, by the server or by the client.

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;

use oauth_blocking::ureq::http::header::LOCATION;
use oauth_blocking::{
    Adapter, AuthorizationUrl, Builder, Policy, SoftwareKey, Tolerance, UserAgentError,
    WantedAssertion, WrittenIdentityProvider, ureq,
};

mod blocking;
mod mcp;
mod over_tokio;

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
    grant: Grant,
}

/// How the client gets tokens, as the suite's context has it.
enum Grant {
    /// A user logs in.
    User,
    ClientCredentials {
        key: Option<String>,
    },
    Workload {
        jwt: String,
    },
    Enterprise {
        token_endpoint: String,
        client_id: String,
        id_token: String,
    },
}

impl Scenario {
    fn policy(&self) -> Policy {
        if self.legacy {
            Policy::default().tolerate(Tolerance::Legacy20250326)
        } else {
            Policy::default()
        }
    }

    /// Sets up a client, the same for all transports and scenarios.
    fn describe<A: Adapter>(
        &self,
        builder: Builder<A>,
        storage: impl Into<A::Storage>,
        user: impl Into<A::UserAgent>,
    ) -> Result<Builder<A>, Box<dyn Error>> {
        let mut builder = builder
            .client_name("Conformance client")
            .client_metadata_url(CLIENT_METADATA_URL)
            .token_storage(storage)
            .user_agent(user);
        if let Some(client) = &self.client {
            builder = builder.client_id(&client.id);
            if let Some(secret) = &client.secret {
                builder = builder.client_secret(&**secret);
            }
            if let Some(issuer) = &client.issuer {
                builder = builder.client_issuer(issuer);
            }
            builder = client.grant.set_up(builder, client)?;
        }
        Ok(builder)
    }
}

impl Grant {
    fn set_up<A: Adapter>(
        &self,
        builder: Builder<A>,
        client: &Client,
    ) -> Result<Builder<A>, Box<dyn Error>> {
        Ok(match self {
            Self::User => builder,
            Self::ClientCredentials { key: Some(pem) } => {
                builder.client_credentials_with_key(&client.id, SoftwareKey::parse(pem)?)
            }
            Self::ClientCredentials { key: None } => {
                builder.client_credentials(&client.id, client.secret.clone().unwrap_or_default())
            }
            Self::Workload { jwt } => builder.workload_identity(always(jwt)),
            Self::Enterprise { token_endpoint, client_id, id_token } => {
                let provider = WrittenIdentityProvider::new(token_endpoint, client_id);
                builder.enterprise(provider, always(id_token))
            }
        })
    }
}

/// A source that gives the same each time.
fn always(
    token: &str,
) -> impl Fn(&WantedAssertion<'_>) -> Result<String, Infallible> + Send + Sync + 'static {
    let token = token.to_owned();
    move |_| Ok(token.clone())
}

fn main() -> ExitCode {
    let outcome = scenario().and_then(|(transport, scenario)| match &*transport {
        "blocking" => blocking::run(&scenario),
        "tokio" => over_tokio::run(&scenario),
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
        url: url.ok_or("usage: conformance-client [--transport blocking|tokio] [--legacy] URL")?,
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
        grant: match (text("valid_jwt"), text("idp_id_token"), text("private_key_pem")) {
            (Some(jwt), ..) => Grant::Workload { jwt },
            (_, Some(id_token), _) => Grant::Enterprise {
                token_endpoint: text("idp_token_endpoint").unwrap_or_default(),
                client_id: text("idp_client_id").unwrap_or_default(),
                id_token,
            },
            (.., Some(key)) => Grant::ClientCredentials { key: Some(key) },
            _ if text("name").is_some_and(|name| name.contains("client-credentials")) => {
                Grant::ClientCredentials { key: None }
            }
            _ => Grant::User,
        },
    }))
}

/// The suite's user consents at once: the page itself redirects back.
fn visit(url: &AuthorizationUrl) -> Result<String, UserAgentError> {
    let agent = ureq::Agent::config_builder().max_redirects(0).build().new_agent();
    let answer = agent.get(url.as_str()).call().map_err(|_| UserAgentError::Cancelled)?;
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let query = location.and_then(|location| location.split_once('?')).map(|(_, query)| query);
    query.map(str::to_owned).ok_or(UserAgentError::Cancelled)
}

/// Where the suite's user comes back to. Nobody listens: the redirect is read from the answer.
const REDIRECT_URI: &str = "http://127.0.0.1:3000/callback";

/// The client ID metadata document that the suite's authorization server expects.
const CLIENT_METADATA_URL: &str = "https://conformance-test.local/client-metadata.json";
