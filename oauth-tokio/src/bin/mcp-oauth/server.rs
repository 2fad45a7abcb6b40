//! Which server is meant, and how it is logged in to.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use oauth_tokio::oauth_core::flow::Settings;
use oauth_tokio::{AuthConfig, OAuth, OAuthBuilder, Plain};

use crate::home::{APPLICATION, Home};
use crate::outcome::Failure;
use crate::said::note;

/// The server, and what is set for it.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// The URL of the MCP server
    url: String,
    #[command(flatten)]
    setup: Setup,
}

/// What is set for a server.
#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// Whose login: a name for a user or an account
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    profile: String,
    /// A file with settings, as in the `auth` of an MCP host's configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A setting of that file: scope=read, client_id=abc, tolerate=issuer_slash
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Says which logins there are that may be meant: of another profile, or at a URL that is written otherwise, which is
    /// another server's for all that anybody knows.
    pub(crate) async fn note_similar(&self, home: &Home) {
        // What is wrong with the others is not what was asked for.
        let (Ok(settings), Ok(logins)) = (Settings::new(&self.url), home.logins().await) else {
            return;
        };
        let (url, profile) = (settings.server().as_str(), self.setup.profile());
        let bare = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
        for key in logins.into_iter().map(|grant| grant.key) {
            let is_same = *key.server_url == *url && *key.profile == *profile;
            if !is_same && bare(&key.server_url) == bare(url) {
                let (url, profile) = (Plain(&key.server_url), Plain(&key.profile));
                match key.profile.is_empty() {
                    true => note(format_args!("There is a login for {url}, without a profile.")),
                    false => {
                        note(format_args!("There is a login for {url}, of profile {profile}."))
                    }
                }
            }
        }
    }

    /// As [`Setup::client`].
    pub(crate) fn client(
        &self,
        home: &Home,
        adapt: impl FnOnce(OAuthBuilder) -> Result<OAuthBuilder, Failure>,
    ) -> Result<OAuth, Failure> {
        self.setup.client(&self.url, home, adapt)
    }
}

impl Setup {
    pub(crate) fn profile(&self) -> &str {
        &self.profile
    }

    /// The client for a server; `adapt` adds what the command wants.
    pub(crate) fn client(
        &self,
        url: &str,
        home: &Home,
        adapt: impl FnOnce(OAuthBuilder) -> Result<OAuthBuilder, Failure>,
    ) -> Result<OAuth, Failure> {
        let mut builder = OAuth::new(url)?
            .application(APPLICATION)
            .client_name(APPLICATION)
            .profile(&self.profile)
            .token_storage(home.store()?);
        if let Some(file) = &self.config {
            let text = fs::read_to_string(file).map_err(|error| {
                Failure::Usage(format!("{} cannot be read: {error}", file.display()))
            })?;
            builder = builder.config(text.parse()?)?;
        }
        for setting in &self.settings {
            builder = builder.config(read(setting)?)?;
        }
        Ok(adapt(builder)?.build()?)
    }
}

fn read(setting: &str) -> Result<AuthConfig, Failure> {
    let (name, value) = setting.split_once('=').ok_or_else(|| {
        Failure::Usage(format!("a setting is written NAME=VALUE, and not {setting:?}"))
    })?;
    Ok(AuthConfig::setting(name, value)?)
}
