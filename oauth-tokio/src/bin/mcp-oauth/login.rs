//! `login`: a token that was not there.

use std::time::Duration;

use clap::Args;
use oauth_tokio::{Blocking, Error, OAuth, OAuthBuilder, PasteBack, Plain, ProtocolError};
use tokio::signal::ctrl_c;

use crate::home::Home;
use crate::outcome::Failure;
use crate::said::say;
use crate::server::Server;
use crate::spinner::Spinner;
use crate::time::{duration, now};

/// Log in, unless there is a token already
#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    way: Way,
    /// Log in although there is a token
    #[arg(long)]
    again: bool,
}

/// Where the user consents.
#[derive(Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct Way {
    /// In a browser of any machine: the address that it shows in the end is pasted here
    #[arg(long)]
    paste: bool,
    /// On another device, with a code
    #[arg(long)]
    device: bool,
}

impl Way {
    pub(crate) fn is_said(&self) -> bool {
        self.paste || self.device
    }

    pub(crate) fn set_up(&self, builder: OAuthBuilder) -> Result<OAuthBuilder, Failure> {
        Ok(match self {
            Self { paste: true, .. } => {
                let terminal = PasteBack::terminal().map_err(Error::from)?;
                builder.user_agent(Blocking::new(terminal))
            }
            Self { device: true, .. } => builder.device_code(),
            Self { .. } => builder,
        })
    }
}

impl Login {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let oauth = client(&self.server, &self.way, home)?;
        let login = async {
            match self.again {
                true => oauth.login().await,
                false => oauth.authenticate().await,
            }
        };
        interruptible(&oauth, login).await?;
        Ok(say(granted(&oauth))?)
    }
}

/// A client that logs in so, and shows how far it is.
pub(crate) fn client(server: &Server, way: &Way, home: &Home) -> Result<OAuth, Failure> {
    // Who pastes is told by what reads it.
    let spinner = Spinner::new(way.paste);
    server.client(home, |builder| {
        Ok(way.set_up(builder)?.on_event(move |event| {
            spinner.show(event);
            if matches!(event.name(), "login_finished" | "login_failed" | "login_cancelled") {
                spinner.end();
            }
        }))
    })
}

/// Ctrl-C ends the login, and says so to those who wait for it. Tokens that are on their way are waited for and stored,
/// unless it is pressed once more.
pub(crate) async fn interruptible<T>(
    oauth: &OAuth,
    login: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let stop = async {
        drop(ctrl_c().await);
        oauth.cancel_login();
        drop(ctrl_c().await);
    };
    tokio::select! {
        biased;
        () = stop => Err(ProtocolError::Cancelled.into()),
        outcome = brought(oauth, login) => outcome,
    }
}

/// Waits for what is left to do after a call as well: tokens that it brought are stored.
pub(crate) async fn brought<T>(
    oauth: &OAuth,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let outcome = call.await;
    oauth.shutdown(LIMIT).await;
    outcome
}

/// What was granted, and for how long.
fn granted(oauth: &OAuth) -> String {
    let Some(record) = oauth.record() else { return "The server wants no login.\n".into() };
    let tokens = record.tokens();
    let issuer = Plain(record.binding().server().issuer().as_str());
    let scopes = record.scopes().map_or("what the server gives".into(), ToString::to_string);
    let expires = tokens.and_then(|it| it.expires_at);
    let lasts = expires.map_or("until the server says otherwise".into(), |at| duration(at, now()));
    let renewed = match tokens.is_some_and(|it| it.refresh_token.is_some()) {
        true => ", and is renewed by itself",
        false => ", and then a login is needed again",
    };
    let renewed = if expires.is_some() { renewed } else { "" };
    format!("Logged in.\n  by      {issuer}\n  for     {scopes}\n  lasts   {lasts}{renewed}\n")
}

/// How long what has begun may take after the login is over.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
