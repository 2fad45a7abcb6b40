//! `token`: for scripts, and for programs that know no OAuth.

use std::io::{self, Write as _};

use clap::Args;
use oauth_tokio::NeedsConsent as _;

use crate::home::Home;
use crate::login::{self, Way, brought, interruptible};
use crate::outcome::Failure;
use crate::server::Server;

/// Print the token, renewed if need be; never log in unless told to
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    server: Server,
    /// Log in if that is needed
    #[arg(long)]
    login: bool,
    #[command(flatten)]
    way: Way,
    /// Print a whole header field: Authorization: Bearer …
    #[arg(long)]
    header: bool,
}

impl Token {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        if self.way.is_said() && !self.login {
            let text = "--paste and --device say how to log in: say --login as well";
            return Err(Failure::Usage(text.into()));
        }
        let oauth = login::client(&self.server, &self.way, home)?;
        let token = match self.login {
            true => interruptible(&oauth, oauth.authenticate()).await?,
            false => match brought(&oauth, oauth.quiet().token()).await {
                Err(error) if error.needs_consent() => {
                    self.server.note_similar(home).await;
                    return Err(error.into());
                }
                token => token?,
            },
        };
        let mut out = io::stdout().lock();
        match self.header {
            true => writeln!(out, "Authorization: {}", token.header_value())?,
            false => writeln!(out, "{}", token.token())?,
        }
        Ok(())
    }
}
