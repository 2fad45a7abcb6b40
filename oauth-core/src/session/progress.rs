//! A login under way, and what is known of its client.

use alloc::boxed::Box;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::{Flow, Step};
use crate::session::event::Ask;
use crate::wire::{Issuer, ServerMetadata};

/// A login under way, under the login lock.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoginProgress {
    pub(crate) flow: Flow,
    /// The client that all profiles share, while this login has its lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<u64>,
    /// Whether the client that the host brings is this server's.
    #[serde(default)]
    pub(crate) ownership: Ownership,
    /// Whether the client is one that another profile has registered.
    #[serde(default)]
    pub(crate) is_adopted: bool,
    /// Whether the client was written down, so that the user can be sent off.
    pub(crate) recorded: bool,
    /// The issuer of the tokens that are stored, if this login is to another.
    pub(crate) moved_from: Option<Issuer>,
    /// Whether the server refused the token, for another reason than a scope.
    pub(crate) refused: bool,
    pub(crate) trust: RegistrationTrust,
    /// What it has written down against the client.
    #[serde(default, skip_serializing_if = "Doubts::are_none")]
    pub(crate) doubts: Doubts,
    /// How many logins in a row the server refused at once, before this one.
    #[serde(default)]
    pub(crate) in_vain: u8,
    /// The `state` of a login that was handed out.
    pub(crate) handed_out: Option<Box<str>>,
}

impl LoginProgress {
    /// A login that begins, after so many that the server refused.
    pub(crate) fn new(flow: Flow, in_vain: u8) -> Self {
        Self {
            flow,
            replaces: None,
            ownership: Ownership::Unknown,
            is_adopted: false,
            recorded: false,
            moved_from: None,
            refused: false,
            trust: RegistrationTrust::Known,
            doubts: Doubts::default(),
            in_vain,
            handed_out: None,
        }
    }

    /// A login that was handed out, back from its user.
    pub(crate) fn handed_out(flow: Flow, in_vain: u8, state: &str) -> Self {
        Self { recorded: true, handed_out: Some(state.into()), ..Self::new(flow, in_vain) }
    }

    /// The authorization server, once it is found.
    pub(crate) fn server(&self) -> Option<&ServerMetadata> {
        self.flow.server()
    }

    /// Before the user is sent off, and before the secret leaves.
    pub(crate) fn has_to_look_whose_it_is(&self) -> bool {
        match self.ownership {
            Ownership::Unknown => true,
            Ownership::Free { .. } => self.flow.sends_credentials(),
            Ownership::Taken => false,
        }
    }

    /// The flow's next step.
    pub(crate) fn ask(&mut self) -> Result<Ask, Error> {
        match self.flow.step()? {
            Step::Http { request, .. } => Ok(Ask::Http(request)),
            Step::Browser { url, .. } => Ok(Ask::Browser(url)),
            Step::Sign(_) => Ok(Ask::Sign),
            Step::Key(_) => Ok(Ask::Key),
            Step::Device { page, .. } => Ok(Ask::Device(page)),
            Step::Wait { until, .. } => Ok(Ask::Wait(until)),
            // A user says who they are. A flow that is done is stored in the same breath.
            Step::Assertion(_) | Step::Done(_) => Err(Error::LoginRequired),
        }
    }
}

/// Whether the client that the host brings is this server's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ownership {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// It was no other server's; so often others wrote whose it is meanwhile.
    Free { lost_races: u8 },
    /// That is written down.
    Taken,
}

/// Whether the server may have forgotten the client of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RegistrationTrust {
    /// It is new, or not a dynamic one.
    Known,
    /// It has brought what may still be good.
    Proven,
    /// It was registered for the last login, and has brought nothing that is good for anything.
    Old,
    /// It was registered for an earlier login at this server, before one at another.
    Elsewhere,
}

/// What a login has written down against the client that it uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doubts {
    /// In the record of the grant.
    pub(crate) own: bool,
    /// In that of the client which all profiles share.
    pub(crate) shared: bool,
}

impl Doubts {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How long a login with a client of an earlier login may take until the client is doubted.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5 * 60);
