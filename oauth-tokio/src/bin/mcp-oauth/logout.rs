//! `logout`: the end of a login.

use clap::Args;
use oauth_tokio::oauth_core::session::RevocationOutcome;

use crate::home::Home;
use crate::outcome::Failure;
use crate::said::say;
use crate::server::Server;

/// Revoke the tokens of a login, and delete them
#[derive(Debug, Args)]
pub(crate) struct Logout {
    #[command(flatten)]
    server: Server,
    /// Delete the registered client as well: the next login registers another one
    #[arg(long)]
    forget: bool,
}

impl Logout {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let oauth = self.server.client(home, Ok)?;
        let ended = oauth.logout().await?;
        if ended.refresh_token == RevocationOutcome::Absent
            && ended.access_token == RevocationOutcome::Absent
        {
            self.server.note_similar(home).await;
        }
        if self.forget {
            oauth.forget().await?;
        }
        say(&ended)?;
        // Here they are gone, and there they may be good for somebody else.
        for fate in [ended.refresh_token, ended.access_token] {
            if let RevocationOutcome::Alive(error) = fate {
                return Err(Failure::Told(error));
            }
        }
        Ok(())
    }
}
