//! `import`: the login of another program goes on here.
//!
//! Which authorization server it is at, none of them has written down, so it is found as for a login. Nothing is sent to it
//! but that: whether the tokens are good, the next call shows.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use oauth_tokio::oauth_core::flow::Settings;
use oauth_tokio::{Key, Loaded, Records as _, Written};

use self::stored::Stored;
use crate::home::{APPLICATION, Home};
use crate::outcome::Failure;
use crate::said::say;
use crate::server::Setup;

mod fastmcp;
mod mcp_remote;
mod mcp_use;
mod rmcp;
mod stored;

/// Take over the login that another program has made
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Whose login
    from: Program,
    /// The file with its tokens, or their folder; those of mcp-use and of fastmcp until 2.12 are found, and those of
    /// mcp-remote if it has only one login
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
    /// `…_tokens.json` in ~/.fastmcp/oauth-mcp-client-cache (until 2.12), or the folder of a `FileTreeStore`
    Fastmcp,
}

impl Import {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let file = self.file.map_or_else(|| self.from.place(&self.url), Ok)?;
        let stored = self.from.read(&file, &self.url)?;
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
        let store = home.store()?;
        // A client that is left of a login that has ended, or never came about, is no login.
        if let Loaded::Record(left) = store.load(&key).await?
            && left.tokens().is_none()
        {
            // If somebody has logged in by now, the next line says so.
            let _ = store.delete(&key, left.generation()).await?;
        }
        match store.save(&key, &record, 0).await? {
            Written::Done => {}
            Written::Conflict { .. } => {
                let text = "there is a login for this server already; `logout` ends it";
                return Err(Failure::Usage(text.into()));
            }
        }
        let then = match is_renewed {
            true => "Most servers end the other program's login once the tokens are renewed here.",
            false => "There was no refresh token: a login is needed when the token has expired.",
        };
        Ok(say(format_args!("Imported; see `{APPLICATION} list`.\n{then}"))?)
    }
}

impl Program {
    fn read(self, file: &Path, url: &str) -> Result<Stored, Failure> {
        match self {
            Self::McpRemote => mcp_remote::read(file),
            Self::McpUse => mcp_use::read(file),
            Self::Rmcp => rmcp::read(file),
            Self::Fastmcp => fastmcp::read(file, url),
        }
    }

    /// Where it stores tokens for a server if it is not told otherwise.
    fn place(self, url: &str) -> Result<PathBuf, Failure> {
        match self {
            Self::McpRemote => mcp_remote::the_only_login(),
            Self::McpUse => Ok(mcp_use::place(url)),
            Self::Rmcp => Err(Failure::Usage("say which file has the tokens".into())),
            Self::Fastmcp => Ok(fastmcp::place(url)),
        }
    }
}
