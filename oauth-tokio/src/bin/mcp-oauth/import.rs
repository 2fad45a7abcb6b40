//! `import`: the login of another program goes on here.
//!
//! Which authorization server it is at, none of them has written down, so it is found as for a login. Nothing is sent to it
//! but that: whether the tokens are good, the next call shows.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use oauth_tokio::oauth_core::flow::Settings;
use oauth_tokio::oauth_core::wire::ClientRegistrationResponse;
use oauth_tokio::{Key, Records as _, TokenData, UnixTime, Written};
use serde_json::{Map, Value, json};

use crate::home::{APPLICATION, Home};
use crate::outcome::Failure;
use crate::server::Setup;

/// Take over the login that another program has made
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Whose login
    from: Program,
    /// The file with its tokens; that of mcp-use is found, and that of mcp-remote if it has only one login
    file: Option<PathBuf>,
    /// The URL of the MCP server that it is for
    #[arg(long)]
    url: String,
    #[command(flatten)]
    setup: Setup,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Program {
    /// `…_tokens.json` below ~/.mcp-auth
    McpRemote,
    /// A file in ~/.mcp_use/tokens
    McpUse,
    /// A file with its `StoredCredentials` as JSON
    Rmcp,
}

/// What another program has stored.
struct Stored {
    client: ClientRegistrationResponse,
    tokens: TokenData,
    /// When it was written down.
    changed: UnixTime,
}

impl Stored {
    /// When the tokens were issued, as far as can be told: before they have expired.
    fn issued_at(&self) -> UnixTime {
        let ends = self.tokens.expires_at.map_or(u64::MAX, UnixTime::as_secs);
        UnixTime::from_secs(self.changed.as_secs().min(ends.saturating_sub(1)))
    }
}

impl Import {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let file = match (self.file, self.from) {
            (Some(file), _) => file,
            (None, Program::McpRemote) => the_only_login()?,
            (None, Program::McpUse) => {
                let place = std::env::home_dir().unwrap_or_default().join(".mcp_use/tokens");
                place.join(name_by_mcp_use(&self.url))
            }
            (None, Program::Rmcp) => {
                return Err(Failure::Usage("say which file has the tokens".into()));
            }
        };
        let stored = self.from.read(&file)?;
        let issued_at = stored.issued_at();
        let Stored { client, tokens, .. } = stored;
        let oauth = self.setup.client(&self.url, home, |builder| {
            // One that was registered is none of this program's settings: a later login may register another.
            if client.redirect_uris.is_some() {
                return Ok(builder);
            }
            let builder = builder.client_id(&client.client_id);
            let secret = client.client_secret.clone();
            Ok(secret.into_iter().fold(builder, |builder, secret| builder.client_secret(secret)))
        })?;
        let forecast = oauth.diagnose().await?;
        let is_renewed = tokens.refresh_token.is_some();
        let record = forecast.brought(&client, tokens, issued_at)?;
        let settings = Settings::new(&self.url)?;
        let key = Key::grant(APPLICATION, self.setup.profile(), settings.server().as_str());
        match home.store()?.save(&key, &record, 0).await? {
            Written::Done => {}
            Written::Conflict { .. } => {
                let text = "there is a login for this server already; `logout` ends it";
                return Err(Failure::Usage(text.into()));
            }
        }
        println!("Imported; see `{APPLICATION} list`.");
        match is_renewed {
            true => println!(
                "Most servers end the other program's login once the tokens are renewed here."
            ),
            false => println!(
                "There was no refresh token: a login is needed when the token has expired."
            ),
        }
        Ok(())
    }
}

impl Program {
    fn read(self, file: &Path) -> Result<Stored, Failure> {
        let stored = object(file)?;
        let changed = fs::metadata(file)?.modified()?.into();
        let (client, tokens) = match self {
            Self::McpRemote => (beside(file, "_tokens.json", "_client_info.json")?, stored),
            Self::McpUse => {
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                let place = file.parent().unwrap_or(Path::new(""));
                let client = format!("registrations/{name}_registration.json");
                (object(&place.join(client))?, stored)
            }
            Self::Rmcp => {
                let client = json!({ "client_id": stored["client_id"] });
                let mut tokens = map(stored["token_response"].clone(), file)?;
                tokens.insert("received_at".into(), stored["token_received_at"].clone());
                (map(client, file)?, tokens)
            }
        };
        // What it says of a value may be the value.
        let unusable =
            |_| not_one(file, "there are no tokens and no client in it that can be read");
        Ok(Stored {
            changed,
            client: serde_json::from_value(client.into()).map_err(unusable)?,
            tokens: serde_json::from_value(tokens_of(tokens, changed)).map_err(unusable)?,
        })
    }
}

/// What counts of tokens: some programs write the lifetime, some when it ends, in seconds or in thousandths of them.
fn tokens_of(stored: Map<String, Value>, changed: UnixTime) -> Value {
    let seconds = |name: &str| stored.get(name).and_then(Value::as_f64).filter(|it| *it > 0.0);
    let ends = seconds("expires_at").map(|at| if at > A_TIME_IN_MS { at / 1000.0 } else { at });
    let received = seconds("received_at").unwrap_or(changed.as_secs() as f64);
    let ends = ends.or_else(|| Some(received + seconds("expires_in")?));
    let kept = ["access_token", "refresh_token", "scope", "id_token"];
    let mut tokens: Map<String, Value> = kept
        .iter()
        .filter_map(|name| {
            Some(((*name).to_owned(), stored.get(*name).filter(|it| !it.is_null())?.clone()))
        })
        .collect();
    if let Some(ends) = ends {
        tokens.insert("expires_at".into(), (ends as u64).into());
    }
    tokens.into()
}

/// How mcp-use calls the file for a server.
fn name_by_mcp_use(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{authority}_{}.json", path.replace('/', "_"))
}

/// The tokens of mcp-remote, if it has only one login.
fn the_only_login() -> Result<PathBuf, Failure> {
    let home = std::env::home_dir().unwrap_or_default();
    let directory =
        std::env::var_os("MCP_REMOTE_CONFIG_DIR").map_or(home.join(".mcp-auth"), PathBuf::from);
    let mut found = Vec::new();
    // Without the directory it was never used.
    for version in fs::read_dir(directory).into_iter().flatten() {
        let version = version?.path();
        if !version.is_dir() {
            continue;
        }
        for file in fs::read_dir(version)? {
            let path = file?.path();
            found.extend(path.to_string_lossy().ends_with("_tokens.json").then_some(path));
        }
    }
    match &found[..] {
        [only] => Ok(only.clone()),
        [] => Err(Failure::Usage("mcp-remote has no login here".into())),
        several => {
            let all: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Failure::Usage(format!(
                "mcp-remote has several logins; say which:\n{}",
                all.join("\n")
            )))
        }
    }
}

/// A file whose name ends otherwise.
fn beside(file: &Path, end: &str, other: &str) -> Result<Map<String, Value>, Failure> {
    let name = file.to_string_lossy();
    let name = name
        .strip_suffix(end)
        .ok_or_else(|| not_one(file, &format!("its name does not end with {end}")))?;
    object(Path::new(&format!("{name}{other}")))
}

fn object(file: &Path) -> Result<Map<String, Value>, Failure> {
    let text = fs::read_to_string(file).map_err(|error| not_one(file, &error.to_string()))?;
    // What it says may be secret, and is not shown.
    let value = serde_json::from_str(&text).map_err(|_| not_one(file, "it is no JSON"))?;
    map(value, file)
}

fn map(value: Value, file: &Path) -> Result<Map<String, Value>, Failure> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(not_one(file, "it is no JSON object")),
    }
}

fn not_one(file: &Path, why: &str) -> Failure {
    Failure::Usage(format!("{} cannot be imported: {why}", file.display()))
}

/// In seconds, a time that nobody stores tokens for.
const A_TIME_IN_MS: f64 = 1e11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_mcp_use_are_named_by_it() {
        for (url, name) in [
            ("https://mcp.example.com:8443/a/mcp?x=1", "mcp.example.com:8443__a_mcp.json"),
            ("https://mcp.example.com", "mcp.example.com_.json"),
        ] {
            assert_eq!(name_by_mcp_use(url), name);
        }
    }

    #[test]
    fn the_end_of_a_token_is_found_however_it_is_written() {
        let changed = UnixTime::from_secs(1_800_000_000);
        for (stored, expected) in [
            (
                json!({ "access_token": "a", "expires_at": 1_900_000_000_000_u64, "expires_in": 5 }),
                json!(1_900_000_000),
            ),
            (json!({ "access_token": "a", "expires_at": 1_900_000_000.5 }), json!(1_900_000_000)),
            (json!({ "access_token": "a", "expires_in": 60 }), json!(1_800_000_060)),
            (
                json!({ "access_token": "a", "expires_in": 60, "received_at": 1_700_000_000 }),
                json!(1_700_000_060),
            ),
            (json!({ "access_token": "a", "expires_at": null }), Value::Null),
        ] {
            let Value::Object(members) = stored.clone() else { unreachable!("it is an object") };
            assert_eq!(tokens_of(members, changed)["expires_at"], expected, "{stored}");
        }
    }
}
