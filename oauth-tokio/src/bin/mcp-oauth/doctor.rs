//! `doctor`: what a login would do.

use std::io::{self, Write as _};

use clap::Args;
use serde_json::json;

use crate::home::Home;
use crate::outcome::Failure;
use crate::server::Server;

/// Say what a login would do, or why none can begin, without logging in
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    server: Server,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// With a sequence diagram for a bug report, as Markdown and without secrets
    #[arg(long)]
    diagram: bool,
}

impl Doctor {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let oauth = self.server.client(home, Ok)?;
        let forecast = oauth.diagnose().await?;
        let diagram = self.diagram.then(|| forecast.timeline().diagram().to_string());
        let mut out = io::stdout().lock();
        if self.json {
            let mut whole = json!({ "name": self.server.url(), "forecast": forecast });
            if let Some(diagram) = diagram {
                whole["diagram"] = diagram.into();
            }
            writeln!(out, "{whole}")?;
        } else {
            writeln!(out, "{forecast}")?;
            if let Some(diagram) = diagram {
                writeln!(out, "```mermaid\n{diagram}```")?;
            }
        }
        // Calls fail, whatever a login would do.
        if forecast.status().is_err() {
            oauth.status().await?;
        }
        match forecast.login_plan() {
            Ok(_) => Ok(()),
            // It stands in what was printed.
            Err(error) => Err(Failure::Told(error)),
        }
    }
}
