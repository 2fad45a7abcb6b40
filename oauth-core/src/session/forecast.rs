//! A look ahead at what the user will experience: from what is stored, and from what a login would do.

use alloc::boxed::Box;
use core::fmt;
use core::ops::Deref;

use crate::error::{Error, PeerIncompatible};
use crate::flow::Diagnosis;
use crate::plain::Plain;
use crate::session::record::Record;
use crate::session::status::{LoginPlace, Status};
use crate::time::UnixTime;
use crate::wire::{ClientRegistrationResponse, TokenData};

mod json;

/// What the user will experience at a server, and why. `Display` says that in one sentence, and then what a login would
/// do, or why none can begin; serialized, it is the same for programs.
#[derive(Debug)]
pub struct Forecast {
    server: Box<str>,
    status: Result<Status, Box<str>>,
    diagnosis: Diagnosis,
}

impl Forecast {
    /// From how it stands, or why the store cannot tell, and from a look ahead at a login, once that has no next
    /// request.
    #[must_use]
    pub fn new(server_url: &str, status: Result<Status, Box<str>>, diagnosis: Diagnosis) -> Self {
        Self { server: crate::url::shown(server_url), status, diagnosis }
    }

    /// How it stands.
    ///
    /// # Errors
    ///
    /// What the store says, if it cannot be read.
    pub fn status(&self) -> Result<&Status, &str> {
        self.status.as_ref().map_err(|words| &**words)
    }

    /// The look ahead at a login.
    #[must_use]
    pub fn diagnosis(&self) -> &Diagnosis {
        &self.diagnosis
    }

    /// A record of tokens that a host brings, at the server where a login would be made: as [`Record::brought`], with
    /// all that the look ahead has found and was set up with.
    ///
    /// # Errors
    ///
    /// Why no login could be made, as [`Diagnosis::login_plan`]; or those of [`Record::brought`].
    ///
    /// # Security
    ///
    /// As [`Record::brought`].
    pub fn brought(
        &self,
        client: &ClientRegistrationResponse,
        tokens: TokenData,
        issued_at: UnixTime,
    ) -> Result<Record, Error> {
        let (settings, plan) = (self.diagnosis.settings()?, self.diagnosis.login_plan()?);
        Record::brought_at(settings, plan.server, plan.resource, client, tokens, issued_at)
    }

    /// The same where there is no user.
    fn without_user(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = Plain(&self.server);
        match &self.status {
            Ok(Status::LoggedIn(grant)) => {
                write!(f, "There is a token for {server}: no other is asked for ")?;
                return match grant.expires_at {
                    Some(at) => writeln!(f, "before {} (Unix time).", at.as_secs()),
                    None => writeln!(f, "until it is refused."),
                };
            }
            Ok(Status::Refused(_)) => {
                write!(f, "The token that is stored for {server} was refused. ")?
            }
            _ => {}
        }
        match (self.diagnosis.login_plan(), self.diagnosis.status_without_login()) {
            (Ok(plan), None) => {
                let issuer = Plain(plan.server.issuer().as_str());
                writeln!(
                    f,
                    "The next call to {server} gets a token of {issuer}; no page is opened."
                )
            }
            (Ok(plan), Some(status)) => {
                let issuer = Plain(plan.server.issuer().as_str());
                write!(f, "{server} answers without a token (status {status}); ")?;
                writeln!(f, "a call that needs one gets it of {issuer}, and no page is opened.")
            }
            (Err(Error::PeerIncompatible(PeerIncompatible::NoLoginAskedFor { .. })), _) => {
                self.first_login(f)
            }
            (Err(_), _) => {
                writeln!(f, "Calls to {server} that need a token fail: there is none to be had.")
            }
        }
    }

    /// Where no login was made before, or none that is good for anything.
    fn first_login(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = Plain(&self.server);
        match (self.diagnosis.login_plan(), self.diagnosis.status_without_login()) {
            (Ok(login_plan), None) => {
                let issuer = Plain(login_plan.server.issuer().as_str());
                writeln!(f, "The next call to {server} sends the user to the login of {issuer}.")
            }
            (Ok(login_plan), Some(status)) => {
                let issuer = Plain(login_plan.server.issuer().as_str());
                write!(f, "{server} answers without a login (status {status}); ")?;
                writeln!(f, "a call that needs one sends the user to the login of {issuer}.")
            }
            (Err(Error::PeerIncompatible(PeerIncompatible::NoLoginAskedFor { status, .. })), _) => {
                writeln!(
                    f,
                    "{server} asks nobody to log in: it answers without a token (status {status})."
                )
            }
            (Err(_), _) => {
                writeln!(f, "Calls to {server} that need a token fail: nobody can log in.")
            }
        }
    }
}

impl Deref for Forecast {
    type Target = Diagnosis;

    fn deref(&self) -> &Diagnosis {
        &self.diagnosis
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = Plain(&self.server);
        match &self.status {
            Err(words) => {
                writeln!(
                    f,
                    "Calls to {server} fail, because the token store does: {}",
                    Plain(words)
                )?;
            }
            Ok(Status::Bearer) => {
                writeln!(
                    f,
                    "Calls to {server} carry the token that was set up: nobody is asked to log in."
                )?;
            }
            Ok(_) if !self.diagnosis.grant().has_user() => self.without_user(f)?,
            Ok(Status::LoggedIn(grant)) => {
                write!(f, "The user is logged in to {server}")?;
                if let Some(who) = &grant.who {
                    write!(f, " (as {}, says the login)", Plain(who))?;
                }
                match grant.expires_at {
                    _ if grant.is_refreshable => {
                        writeln!(
                            f,
                            ": nobody is asked to log in while the tokens can be refreshed."
                        )?;
                    }
                    Some(at) => {
                        let at = at.as_secs();
                        writeln!(f, ": nobody is asked to log in before {at} (Unix time).")?;
                    }
                    None => writeln!(f, ": nobody is asked to log in until the token is refused.")?,
                }
            }
            Ok(Status::Refused(_)) => {
                writeln!(
                    f,
                    "The token that is stored for {server} was refused: the next call needs another, or a login."
                )?;
            }
            Ok(Status::LoginUnderWay { place: LoginPlace::Here, .. }) => {
                writeln!(f, "A login to {server} is under way.")?;
            }
            Ok(Status::LoginUnderWay { place: LoginPlace::Elsewhere, .. }) => {
                writeln!(
                    f,
                    "A login to {server} is under way in another process: calls wait for it."
                )?;
            }
            Ok(Status::NotNeeded | Status::LoginNeeded) => self.first_login(f)?,
        }
        write!(f, "\n{}", self.diagnosis)
    }
}
